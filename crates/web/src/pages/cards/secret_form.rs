//! The number and PIN of a form. Neither is ever shown again, nor logged.

use chrono::{DateTime, Utc};
use hippo_core::audit::{AuditEntry, Change};
use hippo_core::card::{Card, Fingerprint, parse_secret_input};
use hippo_core::card_secrets::CardSecretPorts;
use hippo_core::ids::LibraryId;
use hippo_core::library::Library;
use hippo_core::message::{MessageRequest, PinChange};
use hippo_core::sign_in::{NUMBER_LIMITS, PIN_LIMITS, PersonId, RateKey};
use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::access::session::FamilyMember;
use crate::audit::add_entry;
use crate::error::PageError;
use crate::permit::Permit;
use crate::ports::WebPorts;

/// The words for a number that the family already has.
pub(super) const DUPLICATE: &str =
    "Your family already has a card with this number at this library.";

/// The words for a card whose PIN was set too often.
pub(super) const TOO_MANY_PINS: &str = "This card’s PIN was set three times in a day. Try again tomorrow, so that the library doesn’t lock the card.";

/// The words for too many numbers.
pub(super) const TOO_MANY_NUMBERS: &str = "You typed too many numbers today. Try again tomorrow.";

/// What somebody typed into the fields of a number and a PIN.
pub(super) struct TypedSecret {
    number: Zeroizing<String>,
    pin: Zeroizing<String>,
}

impl TypedSecret {
    pub(super) fn new(number: String, pin: String) -> Self {
        Self {
            number: Zeroizing::new(number),
            pin: Zeroizing::new(pin),
        }
    }

    /// The number, or what is wrong with it.
    pub(super) fn number(&self) -> Result<SecretString, &'static str> {
        parse_secret_input(&self.number)
            .map_err(|_| "Type the number as it is on the card, or your user name there.")
    }

    /// The PIN, or what is wrong with it.
    pub(super) fn pin(&self) -> Result<SecretString, &'static str> {
        parse_secret_input(&self.pin)
            .map_err(|_| "Type the PIN or password of the library’s website.")
    }
}

/// What storing a number and PIN needs.
pub(super) fn secret_ports(ports: &WebPorts) -> CardSecretPorts<'_> {
    CardSecretPorts {
        cards: &*ports.store,
        libraries: &*ports.store,
        secrets: &*ports.store,
        keys: &*ports.keys,
    }
}

/// Counts a typed number; `None` if there were too many.
pub(super) async fn may_type_number(
    ports: &WebPorts,
    member: &FamilyMember,
) -> Result<Option<Permit>, PageError> {
    let key = RateKey::numbers(&member.loaded.family.id);
    Ok(Permit::take(ports, key, &NUMBER_LIMITS).await?)
}

/// Counts a PIN for the number with this fingerprint; `None` if there were too many.
pub(super) async fn may_set_pin(
    ports: &WebPorts,
    fingerprint: &Fingerprint,
) -> Result<Option<Permit>, PageError> {
    Ok(Permit::take(ports, RateKey::pin(fingerprint), &PIN_LIMITS).await?)
}

/// Has every recipient told that a PIN was set at this time, and records it under the card's present
/// [`Card::secret_id`].
///
/// The record comes last: a form that is sent again finds by it that everybody was told.
pub(super) async fn announce(
    ports: &WebPorts,
    member: &FamilyMember,
    card: &Card,
    is_new_card: bool,
    set_at: DateTime<Utc>,
) {
    let (family, id) = (&card.family, card.id);
    tracing::info!(family.id = %family, card.id = %id, is_new_card, "A family set a card’s PIN.");
    let mut is_everybody_told = true;
    for recipient in member.loaded.family.reachable_recipients() {
        let message = MessageRequest::PinChanged(PinChange {
            family: family.clone(),
            card: id,
            is_new_card,
            to: PersonId::from_address(&recipient),
        });
        // The PIN is stored, so the page must not say that nothing was changed.
        if let Err(error) = ports.messages.send(message).await {
            tracing::error!(%error, "Couldn't send the email about a new PIN.");
            is_everybody_told = false;
        }
    }
    let change = match is_new_card {
        true => Change::CardAdded { card: id },
        false => Change::PinSet { card: id },
    };
    let mut entry = AuditEntry::new(member.actor(), Some(family.clone()), change, set_at);
    if is_everybody_told {
        entry.id = card.secret_id;
    }
    add_entry(ports, entry).await;
}

/// A library's name, for a heading.
pub(super) fn library_name(library: Option<&Library>, id: &LibraryId) -> String {
    library.map_or_else(|| id.to_string(), |library| library.name.clone())
}
