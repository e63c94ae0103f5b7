//! The words for a hold's states.

use hippo_browser::reading::text_after_words;
use hippo_core::account::HoldState::{self, InTransit, Other, Ready, Suspended, Waiting};

/// Words for a hold that is over, unless they say what may happen to it.
pub(crate) const HOLD_IS_OVER: &[&str] = &[
    "storniert",
    "widerrufen",
    "annulliert",
    "abgelaufen",
    "verfallen",
    "nicht abgeholt",
    "cancelled",
    "canceled",
    "expired",
];

/// Whether words have one for a hold's state.
fn names_a_state(words: &str) -> bool {
    let mut states = HOLD_STATES.iter();
    states.any(|(_, known)| text_after_words(words, known).is_some())
}

/// The part of a line that may be about a hold's state. `None` if its label is about something else.
pub(crate) fn words_of_state(line: &str) -> Option<&str> {
    let line = line.trim();
    let Some((label, value)) = line.split_once(':') else {
        return Some(line);
    };
    let is_time = label.ends_with(|c: char| c.is_ascii_digit());
    if is_time || text_after_words(label, &["status"]).is_some() {
        return Some(line);
    }
    let is_number = !value.contains(char::is_alphabetic);
    names_a_state(label).then_some(if is_number { line } else { label })
}

/// The words of German and English sites. The first that match count.
pub(crate) const HOLD_STATES: &[(HoldState, &[&str])] = &[
    (Other, HOLD_IS_OVER),
    (Waiting, &["verfügbar ab", "available from"]),
    (
        Ready,
        &[
            "abholbereit",
            "abholbereite",
            "bereit",
            "bereitgestellt",
            "bereitgestellte",
            "bereitliegend",
            "bereitliegende",
            "zurückgelegt",
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
            "bestellte",
            "vorgemerkt",
            "vorgemerkte",
            "vorbestellt",
            "vorbestellte",
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

/// The words of sites that exist in many languages, after their own. The first that match count.
pub(crate) const OTHER_HOLD_STATES: &[(HoldState, &[&str])] = &[
    (
        Suspended,
        &[
            "suspendida",
            "suspendido",
            "suspendue",
            "suspendu",
            "congelada",
            "congelado",
            "gelée",
            "gelé",
            "sospesa",
            "sospeso",
            "ausgesetzt",
            "opgeschort",
            "fryst",
        ],
    ),
    (
        InTransit,
        &[
            "en tránsito",
            "en transit",
            "in transito",
            "em trânsito",
            "unterwegs",
            "onderweg",
            "på väg",
            "under transport",
        ],
    ),
    (
        Ready,
        &[
            "available for pickup",
            "available for pick up",
            "available until",
            "on hold shelf",
            "on the hold shelf",
            "held until",
            "item is ready",
            "your item is ready",
            "listo para",
            "lista para",
            "=listo",
            "disponible hasta",
            "=disponible",
            "recoger antes",
            "prêt à",
            "prêt pour",
            "disponible jusqu'au",
            "à récupérer",
            "à retirer",
            "pronto per il",
            "disponibile fino",
            "pronto para levantamento",
            "disponível até",
            "abholbereit",
            "ligt klaar",
            "klaar om",
            "klar att hämta",
            "klar för avhämtning",
            "noudettavissa",
        ],
    ),
];
