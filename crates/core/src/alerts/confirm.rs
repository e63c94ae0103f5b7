//! Checks an alert that was raised before the event it warns of.

use super::alert::Alert;
use crate::outbox::{MailState, OutboxRecord, RecipientState};
use crate::store::{OutboxStore, StoreError, StoreResult};

/// Whether a raised alert is true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Confirmation {
    /// It is true; this is its current form.
    True(Alert),
    /// It is not true now, but may become true.
    NotYet,
    /// It turned out false.
    False,
}

/// Checks an alert against the record of its notice.
///
/// The alert that a family has no notice is raised before the final write, and another worker's write
/// may come first. If the record cannot be read, the alert counts as true.
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
    Ok(match (record.state, Alert::for_notice(&record)) {
        (MailState::Sent | MailState::Skipped, _) => Confirmation::False,
        (_, Some(now @ Alert::NoNotice { .. })) => Confirmation::True(now),
        _ => Confirmation::NotYet,
    })
}

fn confirm_recipient(record: &OutboxRecord, alert: &Alert, number: usize) -> Confirmation {
    let key = alert.key();
    let mut unreached = Alert::for_unreached_recipients(record).into_iter();
    if let Some(now) = unreached.find(|now| now.key() == key) {
        return Confirmation::True(now);
    }
    let mut recipients = record.recipients.iter();
    match recipients.find(|recipient| recipient.number == number) {
        Some(recipient) if recipient.state == RecipientState::Accepted => Confirmation::False,
        _ => Confirmation::NotYet,
    }
}
