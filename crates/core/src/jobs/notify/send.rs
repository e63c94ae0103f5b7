//! `notify-family`: sends one mail of the outbox, once.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::compose::{ComposeInput, ComposeOutcome, ComposedMail, Composers, MailComposer};
use crate::alerts::{Alert, raise_alerts, raise_record_alerts};
use crate::clock::{Clock, local_date, start_of_day};
use crate::email_address::EmailAddress;
use crate::family::Family;
use crate::ids::{FamilyId, LibraryId};
use crate::jobs::JobError;
use crate::library::Library;
use crate::mail::{Mail, MailContent, MailLinks, Mailer, PreparedMail, SendOutcome};
use crate::outbox::{
    AcceptedBy, EVERYBODY_UNSUBSCRIBED, FAMILY_PAUSED, MailKey, MailKind, MailState, OutboxRecord,
    TransitionError,
};
use crate::public_url::PublicUrl;
use crate::store::{AccountStore, AlertStore, FamilyStore, LoadedFamily, OutboxStore};
use crate::unsubscribe::{UnsubscribeLink, UnsubscribeToken};

/// The ports for sending notices.
pub struct NotifyPorts<'a> {
    /// The families.
    pub families: &'a dyn FamilyStore,
    /// Their cards and accounts.
    pub accounts: &'a dyn AccountStore,
    /// The record of the mails.
    pub outbox: &'a dyn OutboxStore,
    /// The store of alerts.
    pub alerts: &'a dyn AlertStore,
    /// The composers of each kind of mail.
    pub composers: &'a Composers,
    /// The mail service.
    pub mailer: &'a dyn Mailer,
    /// The clock.
    pub clock: &'a dyn Clock,
    /// The libraries, loaded once per run.
    pub libraries: &'a BTreeMap<LibraryId, Library>,
    /// The contact for questions.
    pub operator_contact: Option<&'a str>,
    /// The base URL of the web pages; `None`: mails have no links to them.
    pub public_url: Option<&'a PublicUrl>,
}

impl<'a> NotifyPorts<'a> {
    /// Collects the input for a family's mail of `date` that is sent on its local day `today`.
    pub fn compose_input(
        &self,
        loaded: &'a LoadedFamily,
        date: NaiveDate,
        today: NaiveDate,
    ) -> ComposeInput<'a> {
        ComposeInput {
            loaded,
            date,
            today,
            now: self.clock.now(),
            outbox: self.outbox,
            libraries: self.libraries,
            operator_contact: self.operator_contact,
            links: None,
        }
    }
}

/// The state of one mail, and the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailResult {
    /// Its kind.
    pub kind: MailKind,
    /// The family.
    pub family: FamilyId,
    /// Its local date.
    pub date: NaiveDate,
    /// Its current state.
    pub state: MailState,
    /// Its subject, if there was something to say.
    pub subject: Option<String>,
    /// The reason for this state, unless it is obvious.
    pub reason: Option<String>,
}

impl MailResult {
    /// The key of its record.
    pub fn key(&self) -> MailKey {
        MailKey::new(self.kind.clone(), self.family.clone(), self.date)
    }

    /// Creates the result of a record, without a subject.
    pub(crate) fn from_record(record: OutboxRecord) -> Self {
        Self {
            kind: record.kind,
            family: record.family,
            date: record.date,
            state: record.state,
            subject: None,
            reason: record.reason,
        }
    }
}

/// A worker gives up recording a mail's outcome after this many failed reads or writes.
const MAX_STORE_FAULTS: u32 = 3;

/// A worker gives up recording a mail's outcome after this many concurrent changes of its record.
const MAX_CONFLICTS: u32 = 8;

/// The delay after a failed write.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// Sends one planned mail, at most once even with concurrent workers.
///
/// Skips the mail if the family is paused, even if a person asked for it. They must resume the family
/// first.
///
/// `at_once` ignores the delay after a refusal. `None`: the mail can't be claimed now, the mail or
/// its family is gone, only a newer version knows its kind, or another worker took over.
pub async fn send_mail(
    ports: &NotifyPorts<'_>,
    key: &MailKey,
    at_once: bool,
) -> Result<Option<MailResult>, JobError> {
    let (family, date) = (&key.family, key.date);
    let Some(composer) = ports.composers.get(&key.kind) else {
        tracing::error!(mail.kind = %key.kind, family.id = %family, %date, "Only a newer version knows the kind of a mail.");
        return Ok(None);
    };
    let Some(record) = ports.outbox.mail(key).await? else {
        tracing::warn!(mail.kind = %key.kind, family.id = %family, %date, "A queued mail no longer exists.");
        return Ok(None);
    };
    let ready = if at_once {
        record.without_delay()
    } else {
        record.clone()
    };
    let Ok(claimed) = ready.claim(Uuid::new_v4(), ports.clock.now()) else {
        return Ok(None);
    };
    if !write(ports, &record, &claimed).await? {
        return Ok(None);
    }
    let Some(loaded) = ports.accounts.load_family(family).await? else {
        tracing::warn!(mail.kind = %key.kind, family.id = %family, %date, "The family of a mail no longer exists.");
        return Ok(None);
    };
    let now = ports.clock.now();
    let skip = |reason: &str| {
        // A recipient who still waits for it isn't unreached: nobody gets emails now.
        let claimed = claimed.without_waiting_recipients();
        claimed.skip(Some(reason.to_owned()), now)
    };
    if loaded.family.is_mail_paused(date, now) {
        return store_result(ports, &claimed, skip(FAMILY_PAUSED)).await;
    }
    if let Some(since) = loaded.family.everybody_unsubscribed_since(&key.kind) {
        let alert = Alert::EverybodyUnsubscribed {
            mail: key.kind.clone(),
            family: family.clone(),
            since,
        };
        raise_alerts(ports.alerts, &[alert], now).await?;
        return store_result(ports, &claimed, skip(EVERYBODY_UNSUBSCRIBED)).await;
    }
    send_claimed(ports, composer, &loaded, claimed).await
}

/// Composes, prepares and sends the mail of a claimed record.
async fn send_claimed(
    ports: &NotifyPorts<'_>,
    composer: &dyn MailComposer,
    loaded: &LoadedFamily,
    claimed: OutboxRecord,
) -> Result<Option<MailResult>, JobError> {
    let family = &loaded.family;
    let today = || local_date(ports.clock.now(), family.timezone);
    let mut composed_on = today();
    loop {
        let claimed = claimed.with_recipients_of(family);
        let token = make_unsubscribe_token(ports, &claimed);
        let links = token.as_ref().map(|(links, _)| links);
        let input = ComposeInput {
            links,
            ..ports.compose_input(loaded, claimed.date, composed_on)
        };
        let composed = composer.compose(&input).await?;
        let now = ports.clock.now();
        let composed = match composed {
            ComposeOutcome::Send(composed) => *composed,
            ComposeOutcome::Skip(reason) => {
                return store_result(ports, &claimed, claimed.skip(reason, now)).await;
            }
            ComposeOutcome::Retry(reason) => {
                return store_result(ports, &claimed, claimed.refused_for_now(reason, now)).await;
            }
        };
        let mail = build_mail(ports, &claimed, &composed.content, links);
        let subject = Some(mail.subject.clone());
        if mail.to.is_empty() {
            let why = unreachable_reason(family)
                .unwrap_or("The mail server refused every recipient of the family.");
            let failed = claimed.failed(why.to_owned(), ports.clock.now());
            let result = store_result(ports, &claimed, failed).await;
            return result.map(|result| with_subject(result, subject));
        }
        let prepared = match ports.mailer.prepare(&mail).await {
            Ok(prepared) => prepared,
            Err(answer) => {
                let result = record_send_outcome(ports, claimed, &answer).await;
                return result.map(|result| with_subject(result, subject));
            }
        };
        // The local day changed: “today” in the mail would be wrong.
        if today() != composed_on {
            composed_on = today();
            continue;
        }
        let claimed = match token {
            Some((_, link)) => claimed.with_unsubscribe_link(link),
            None => claimed,
        };
        let result = begin_and_commit(ports, family, &claimed, &composed, &mail, prepared).await;
        return result.map(|result| with_subject(result, subject));
    }
}

/// Records SENDING, then sends the prepared mail.
async fn begin_and_commit(
    ports: &NotifyPorts<'_>,
    family: &Family,
    claimed: &OutboxRecord,
    composed: &ComposedMail,
    mail: &Mail,
    prepared: Box<dyn PreparedMail + '_>,
) -> Result<Option<MailResult>, JobError> {
    let now = ports.clock.now();
    let refused = prepared.refused_recipients();
    let refused_for_now: Vec<EmailAddress> = refused
        .iter()
        .filter(|refused| !refused.is_permanent)
        .map(|refused| refused.address.clone())
        .collect();
    let updated = claimed.with_refusals(refused);
    // This fails if the lease ran low while composing; the next tick claims the mail again.
    let Ok(mut sending) = updated.begin_sending(body_hash(mail), &refused_for_now, now) else {
        return Ok(None);
    };
    if sending.retry_until.is_none() {
        sending.retry_until = local_date(now, family.timezone)
            .succ_opt()
            .map(|tomorrow| start_of_day(tomorrow, family.timezone));
    }
    // The next notice is compared with the first mail, not with a retry.
    let last_notice = composed.last_notice.as_ref();
    let last_notice = last_notice.filter(|_| !claimed.is_retry());
    if !ports
        .outbox
        .replace_mail(claimed.revision, &sending, last_notice)
        .await?
    {
        return Ok(None);
    }
    let answer = if sending.has_time_to_send(ports.clock.now()) {
        prepared.commit().await
    } else {
        // The lease ran low while SENDING was stored: return the record to PENDING without sending.
        SendOutcome::NotSent {
            reason: "Too little time was left to send it.".to_owned(),
        }
    };
    record_send_outcome(ports, sending, &answer).await
}

fn with_subject(result: Option<MailResult>, subject: Option<String>) -> Option<MailResult> {
    result.map(|result| MailResult { subject, ..result })
}

/// Explains why a family has no reachable recipient and what to do; `None` if it has one.
pub fn unreachable_reason(family: &Family) -> Option<&'static str> {
    if family.recipients.is_empty() {
        Some("The family has no recipients. Add one.")
    } else if family.reachable_recipients().is_empty() {
        Some(
            "Every recipient of the family is stopped: emails bounced or were marked as spam. Allow one \
             again, or add another.",
        )
    } else {
        None
    }
}

/// Makes the token of the mail to the waiting recipients: its links, and what the record is to hold.
/// `None`: the mail has no links.
fn make_unsubscribe_token(
    ports: &NotifyPorts<'_>,
    claimed: &OutboxRecord,
) -> Option<(MailLinks, UnsubscribeLink)> {
    let public_url = ports.public_url?;
    match UnsubscribeToken::generate(claimed.key()) {
        Ok(token) => {
            let link = token.link(&claimed.pending_recipients());
            Some((MailLinks::new(public_url.clone(), &token), link))
        }
        Err(error) => {
            // The mailbox in the header still works.
            tracing::warn!(%error, "A mail has no links.");
            None
        }
    }
}

fn build_mail(
    ports: &NotifyPorts<'_>,
    claimed: &OutboxRecord,
    content: &MailContent,
    links: Option<&MailLinks>,
) -> Mail {
    let to = claimed.pending_recipients();
    Mail {
        unsubscribe: links.and_then(|links| links.unsubscribe_header(&to)),
        to,
        subject: content.subject.clone(),
        text: content.text.clone(),
        html: content.html.clone(),
        picture: content.picture.clone(),
        date: ports.clock.now(),
        message: None,
        tag: Some(claimed.tag()),
    }
}

fn body_hash(mail: &Mail) -> String {
    let mut hash = Sha256::new();
    for part in [&mail.subject, &mail.text, &mail.html] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    if let Some(picture) = &mail.picture {
        hash.update(&picture.bytes);
    }
    hash.finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Records the mailer's answer about the mail of `sending`, even if the record has changed since.
///
/// The write is retried, because only this worker knows the outcome.
async fn record_send_outcome(
    ports: &NotifyPorts<'_>,
    sending: OutboxRecord,
    answer: &SendOutcome,
) -> Result<Option<MailResult>, JobError> {
    let (key, fence) = (sending.key(), sending.fence);
    let mut record = sending;
    let (mut faults, mut conflicts) = (0, 0);
    loop {
        let next = match apply_send_outcome(&record, fence, answer, ports.clock.now()) {
            Ok(next) => next,
            // A delivery event came first.
            Err(TransitionError::AlreadySent) => return Ok(Some(MailResult::from_record(record))),
            Err(_) => {
                tracing::warn!(mail.kind = %key.kind, family.id = %key.family, date = %key.date, "Another worker changed the record of a mail first.");
                return Ok(None);
            }
        };
        match write(ports, &record, &next).await {
            Ok(true) => return Ok(Some(log_result(next))),
            Ok(false) => {
                conflicts += 1;
                if conflicts >= MAX_CONFLICTS {
                    return Ok(None);
                }
            }
            Err(error) => {
                faults += 1;
                if faults >= MAX_STORE_FAULTS {
                    return Err(error);
                }
                ports.clock.sleep(RETRY_DELAY).await;
            }
        }
        // Another worker changed it, or the response to our own write was lost.
        match ports.outbox.mail(&key).await {
            Ok(Some(current)) => record = current,
            Ok(None) => return Ok(None),
            Err(error) => {
                faults += 1;
                if faults >= MAX_STORE_FAULTS {
                    return Err(error.into());
                }
                // The record may be stale: the revision check of the next write detects that.
            }
        }
    }
}

/// Applies a mailer's answer to the mail of claim `fence`.
fn apply_send_outcome(
    record: &OutboxRecord,
    fence: u64,
    answer: &SendOutcome,
    now: DateTime<Utc>,
) -> Result<OutboxRecord, TransitionError> {
    if let SendOutcome::Accepted {
        message_id,
        refused_recipients: refused,
    } = answer
    {
        let record = record.with_refusals(refused);
        if record.fence == fence && record.may_have_left() {
            return record.accepted(message_id.clone(), now);
        }
        // Our lease is over and another worker wrote in the meantime, but it didn't know that the mail
        // was accepted.
        return record.apply_acceptance(
            fence,
            AcceptedBy::MailService,
            Some(message_id.clone()),
            now,
        );
    }
    if record.fence != fence || record.predates_resend(fence) {
        return Err(TransitionError::Taken);
    }
    match answer {
        SendOutcome::Refused {
            reason,
            is_permanent: true,
        } => record.failed(reason.clone(), now),
        SendOutcome::Refused {
            reason,
            is_permanent: false,
        } => record.refused_for_now(reason.clone(), now),
        SendOutcome::NotSent { reason } => record.not_sent(reason.clone(), now),
        SendOutcome::Unknown { reason } => record.unknown(reason.clone()),
        SendOutcome::Accepted { .. } => Err(TransitionError::WrongState),
    }
}

/// Stores the state of a mail that isn't sent now.
async fn store_result(
    ports: &NotifyPorts<'_>,
    before: &OutboxRecord,
    finalised: Result<OutboxRecord, TransitionError>,
) -> Result<Option<MailResult>, JobError> {
    let Ok(finalised) = finalised else {
        return Ok(None);
    };
    if !write(ports, before, &finalised).await? {
        tracing::warn!(mail.kind = %finalised.kind, family.id = %finalised.family, date = %finalised.date, "Another worker changed the record of a mail first.");
        return Ok(None);
    }
    Ok(Some(log_result(finalised)))
}

/// Logs the state of a stored record and returns its result.
fn log_result(record: OutboxRecord) -> MailResult {
    tracing::info!(
        mail.kind = %record.kind,
        family.id = %record.family,
        date = %record.date,
        state = record.state.as_str(),
        reason = record.reason.as_deref(),
        "The result of a mail was recorded."
    );
    MailResult::from_record(record)
}

/// Replaces a record. Raises the alerts about its new state first.
async fn write(
    ports: &NotifyPorts<'_>,
    before: &OutboxRecord,
    after: &OutboxRecord,
) -> Result<bool, JobError> {
    raise_record_alerts(ports.alerts, after, ports.clock.now()).await?;
    Ok(ports
        .outbox
        .replace_mail(before.revision, after, None)
        .await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_worker_cannot_change_a_requested_resend() {
        let now: DateTime<Utc> = "2026-11-21T11:30:00Z".parse().unwrap();
        let date = "2026-11-21".parse().unwrap();
        let sending = OutboxRecord::planned(MailKey::daily("conrad".parse().unwrap(), date), now)
            .claim(Uuid::nil(), now)
            .and_then(|claimed| claimed.begin_sending("hash".to_owned(), &[], now))
            .unwrap();
        let again = sending.resend(now + chrono::Duration::hours(1)).unwrap();
        let refused = |is_permanent| SendOutcome::Refused {
            reason: "550".to_owned(),
            is_permanent,
        };
        let accepted = SendOutcome::Accepted {
            message_id: "<1@example.org>".to_owned(),
            refused_recipients: Vec::new(),
        };
        for answer in [refused(true), refused(false), accepted] {
            let late = apply_send_outcome(&again, sending.fence, &answer, now);
            assert!(late.is_err(), "{answer:?}");
        }
    }
}
