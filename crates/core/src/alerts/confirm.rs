//! Whether an alert that was raised before the step it warns of turned out true.

use super::alert::Alert;
use crate::outbox::{MailState, OutboxRecord, RecipientState};
use crate::store::{OutboxStore, StoreError, StoreResult};

/// Whether a thing that was noted is so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Confirmation {
    /// It is, and this is what there is to say of it now.
    True(Alert),
    /// Not yet, or not any more: it may still come to be.
    NotYet,
    /// It came otherwise.
    False,
}

/// Whether a thing that was noted is so.
///
/// That a family has no notice is noted before the step that makes it so, and somebody else's step may
/// have come first: the notice's record has the last word. Of one that cannot be read, rather what was
/// noted is told than nothing.
pub async fn confirm_alert(outbox: &dyn OutboxStore, alert: &Alert) -> StoreResult<Confirmation> {
    let Some(key) = alert.mail_key() else {
        return Ok(Confirmation::True(alert.clone()));
    };
    let record = match outbox.mail(&key).await {
        Ok(Some(record)) => record,
        Ok(None) => return Ok(Confirmation::NotYet),
        Err(StoreError::Unusable(_)) => return Ok(Confirmation::True(alert.clone())),
        Err(error) => return Err(error),
    };
    if let Alert::RecipientUnreached { number, .. } = alert {
        return Ok(confirm_recipient(&record, alert, *number));
    }
    Ok(match (record.state, Alert::of_notice(&record)) {
        (MailState::Sent | MailState::Skipped, _) => Confirmation::False,
        (_, Some(now @ Alert::NoNotice { .. })) => Confirmation::True(now),
        _ => Confirmation::NotYet,
    })
}

fn confirm_recipient(record: &OutboxRecord, alert: &Alert, number: usize) -> Confirmation {
    let key = alert.key();
    let mut unreached = Alert::of_recipients(record).into_iter();
    if let Some(now) = unreached.find(|now| now.key() == key) {
        return Confirmation::True(now);
    }
    let mut recipients = record.recipients.iter();
    match recipients.find(|recipient| recipient.number == number) {
        Some(recipient) if recipient.state == RecipientState::Accepted => Confirmation::False,
        _ => Confirmation::NotYet,
    }
}
