//! The email that says that somebody changed a card's PIN or added a card.

use serde::{Deserialize, Serialize};

use super::deliver::deliver;
use super::letter::Letter;
use super::ports::{MessageError, MessageOutcome, MessagePorts};
use crate::ids::{CardId, FamilyId};
use crate::mail::MessageKind;
use crate::sign_in::PersonId;

/// A PIN that somebody set on the pages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinChange {
    /// The family.
    pub family: FamilyId,
    /// The card.
    pub card: CardId,
    /// Whether the card was added, with its first PIN.
    pub is_new_card: bool,
    /// The recipient who is told: each has a request of their own, so that a repeated one tells nobody twice.
    pub to: PersonId,
}

/// Mails a recipient that a card's PIN was changed, so that nobody does it unnoticed.
pub(super) async fn send_pin_changed(
    ports: &MessagePorts<'_>,
    change: &PinChange,
) -> Result<MessageOutcome, MessageError> {
    let (family, record) = futures::try_join!(
        ports.families.family(&change.family),
        ports.cards.card(change.card),
    )?;
    let (Some(family), Some(record)) = (family, record) else {
        return Ok(MessageOutcome::TooLate);
    };
    let mut recipients = family.reachable_recipients().into_iter();
    let to = recipients.find(|address| PersonId::from_address(address) == change.to);
    let Some(to) = to.filter(|_| record.card.family == family.id) else {
        return Ok(MessageOutcome::TooLate);
    };
    let library = ports.libraries.library(&record.card.library).await?;
    let library = library.map_or_else(|| record.card.library.to_string(), |known| known.name);
    let patron = &record.card.patron;
    let (kind, subject, what) = match change.is_new_card {
        true => (
            MessageKind::CardAdded,
            "A library card was added",
            format!("Somebody in your family added {patron}’s card at {library}."),
        ),
        false => (
            MessageKind::PinChanged,
            "A library card’s PIN was changed",
            format!(
                "Somebody in your family changed the PIN that we use for {patron}’s card at {library}."
            ),
        ),
    };
    let page = ports.public_url.page("/family/cards");
    let letter = Letter {
        subject,
        heading: subject,
        paragraphs: &[
            what,
            // The library may yet reject it.
            "The next check tries it. The page with your cards says whether the library accepted it.".to_owned(),
        ],
        button: Some(("See your cards", &page)),
        remark: "Everybody in the family gets this email. Nobody can read a PIN on the pages. If none of you did \
                 this, tell the person who runs LibraryHippo.",
    };
    let content = letter.compose(ports.operator_contact)?;
    deliver(ports, kind, to, content).await?;
    Ok(MessageOutcome::Sent)
}
