//! The words for a hold's states.

use hippo_core::account::HoldState::{self, InTransit, Ready, Suspended, Waiting};

/// The words of German and English sites. The first that match count.
pub(crate) const HOLD_STATES: &[(HoldState, &[&str])] = &[
    (Waiting, &["verfügbar ab", "available from"]),
    (
        Ready,
        &[
            "abholbereit",
            "bereit",
            "bereitgestellt",
            "bereitliegend",
            "abholbar",
            "on hold shelf",
            "on the hold shelf",
            "available for pickup",
            "available for pick up",
            "ready",
        ],
    ),
    (
        InTransit,
        &[
            "unterwegs",
            "transport",
            "transportiert",
            "transportweg",
            "versandt",
            "auf dem weg",
            "in transit",
        ],
    ),
    (
        Suspended,
        &[
            "ausgesetzt",
            "ruht",
            "ruhend",
            "gesperrt",
            "vorübergehend deaktiviert",
            "suspended",
            "frozen",
        ],
    ),
    (
        Waiting,
        &[
            "noch nicht",
            "nicht verfügbar",
            "nicht bereit",
            "bestellt",
            "vorgemerkt",
            "vorbestellt",
            "angefordert",
            "in bearbeitung",
            "in bereitstellung",
            "wird bereitgestellt",
            "warteliste",
            "warteschlange",
            "warteposition",
            "wartend",
            "position",
            "entliehen",
            "ausgeliehen",
            "verliehen",
            "pending",
            "requested",
            "in the queue",
            "in queue",
            "waiting",
            "not yet",
            "not available",
        ],
    ),
];
