//! `notify-family`: one notice, sent once.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::alerts::raise_record_alerts;
use crate::clock::{Clock, local_date, start_of_day};
use crate::family::{EmailAddress, Family};
use crate::ids::{FamilyId, LibraryId};
use crate::jobs::JobError;
use crate::library::Library;
use crate::mail::{Mail, MailAnswer, MailTag, Mailer, PreparedMail};
use crate::notice::record::settling::LeftBy;
use crate::notice::record::{NotNow, NoticeRecord, NoticeState};
use crate::notice::{Composed, NoticeCard, NoticeInput, compose};
use crate::store::AlertStore;
use crate::store::{AccountStore, FamilyStore, LoadedFamily, NoticeStore};

/// What sending notices needs from outside.
pub struct NotifyPorts<'a> {
    /// The families.
    pub families: &'a dyn FamilyStore,
    /// Their cards and accounts.
    pub accounts: &'a dyn AccountStore,
    /// The notices.
    pub notices: &'a dyn NoticeStore,
    /// Where it is noted what needs the operator.
    pub alerts: &'a dyn AlertStore,
    /// The mail service.
    pub mailer: &'a dyn Mailer,
    /// The time.
    pub clock: &'a dyn Clock,
    /// The libraries, read once for a run.
    pub libraries: &'a BTreeMap<LibraryId, Library>,
    /// Whom the mail names for questions.
    pub operator_contact: Option<&'a str>,
}

/// How far one notice got, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeResult {
    /// The family.
    pub family: FamilyId,
    /// Its local date.
    pub date: NaiveDate,
    /// The state that it is in now.
    pub state: NoticeState,
    /// Its subject, if there was something to say.
    pub subject: Option<String>,
    /// Why it is in this state, where that is not plain.
    pub reason: Option<String>,
}

impl NoticeResult {
    /// How far this record got.
    pub(crate) fn of(record: NoticeRecord) -> Self {
        Self {
            family: record.family,
            date: record.date,
            state: record.state,
            subject: None,
            reason: record.reason,
        }
    }
}

/// How often the store may fail while a worker puts on record what became of a mail.
const MAX_FAULTS: u32 = 3;

/// How often somebody else may change the notice meanwhile: each who does gets further with it.
const MAX_CONFLICTS: u32 = 8;

/// How long it waits before it tries again.
const BETWEEN_TRIES: Duration = Duration::from_secs(1);

/// Sends one notice that was planned, at most once, whoever else tries to.
///
/// `at_once` does not wait out the delay after a refusal. `None`: it is final, in other hands, or
/// gone; nothing was done.
pub async fn notify_family(
    ports: &NotifyPorts<'_>,
    family: &FamilyId,
    date: NaiveDate,
    at_once: bool,
) -> Result<Option<NoticeResult>, JobError> {
    let Some(record) = ports.notices.notice(family, date).await? else {
        tracing::warn!(family.id = %family, %date, "A message names a notice that is gone.");
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
        tracing::warn!(family.id = %family, %date, "A notice is of a family that is gone.");
        return Ok(None);
    };
    send_claimed(ports, &loaded, claimed).await
}

/// Composes, prepares and sends the mail of a notice that is claimed.
async fn send_claimed(
    ports: &NotifyPorts<'_>,
    loaded: &LoadedFamily,
    claimed: NoticeRecord,
) -> Result<Option<NoticeResult>, JobError> {
    let family = &loaded.family;
    let today = || local_date(ports.clock.now(), family.timezone);
    let mut composed_on = today();
    loop {
        let composed = compose_for(ports, loaded, claimed.date, composed_on).await?;
        let claimed = claimed.with_recipients_of(family);
        let Some(mail) = mail_of(ports, &claimed, &composed) else {
            return settle(ports, &claimed, claimed.skip(ports.clock.now())).await;
        };
        let subject = Some(mail.subject.clone());
        if mail.to.is_empty() {
            let why = nobody_reachable(family)
                .unwrap_or("The mail server refused every recipient of the family.");
            let failed = claimed.failed(why.to_owned(), ports.clock.now());
            let result = settle(ports, &claimed, failed).await;
            return result.map(|result| with_subject(result, subject));
        }
        let prepared = match ports.mailer.prepare(&mail).await {
            Ok(prepared) => prepared,
            Err(answer) => {
                let result = record_answer(ports, claimed, &answer).await;
                return result.map(|result| with_subject(result, subject));
            }
        };
        // The day changed: “today” in it would be yesterday.
        if today() != composed_on {
            composed_on = today();
            continue;
        }
        let result = begin_and_commit(ports, family, &claimed, &composed, &mail, prepared).await;
        return result.map(|result| with_subject(result, subject));
    }
}

/// Puts SENDING on record, and then sends what was prepared.
async fn begin_and_commit(
    ports: &NotifyPorts<'_>,
    family: &Family,
    claimed: &NoticeRecord,
    composed: &Composed,
    mail: &Mail,
    prepared: Box<dyn PreparedMail + '_>,
) -> Result<Option<NoticeResult>, JobError> {
    let now = ports.clock.now();
    let refused = prepared.refused();
    let for_now: Vec<EmailAddress> = refused
        .iter()
        .filter(|refused| !refused.for_good)
        .map(|refused| refused.address.clone())
        .collect();
    let known = claimed.with_refusals(refused);
    // Where it fails, the lease ran low while we were composing: the next tick claims it anew.
    let Ok(mut sending) = known.arm(body_hash(mail), &for_now, now) else {
        return Ok(None);
    };
    if sending.retry_until.is_none() {
        sending.retry_until = local_date(now, family.timezone)
            .succ_opt()
            .map(|tomorrow| start_of_day(tomorrow, family.timezone));
    }
    // What the first mail told is what the next notice goes on from.
    let told = (!claimed.is_retry()).then_some(&composed.told);
    if !ports
        .notices
        .replace_notice(claimed.revision, &sending, told)
        .await?
    {
        return Ok(None);
    }
    let answer = if sending.has_time_to_send(ports.clock.now()) {
        prepared.commit().await
    } else {
        // The worker slept while it armed: whoever comes next must not find it sending.
        MailAnswer::NotSent {
            reason: "Too little time was left to send it.".to_owned(),
        }
    };
    record_answer(ports, sending, &answer).await
}

fn with_subject(result: Option<NoticeResult>, subject: Option<String>) -> Option<NoticeResult> {
    result.map(|result| NoticeResult { subject, ..result })
}

/// Why nothing that is to be said can reach a family, and what to do; `None`: somebody is written to.
pub fn nobody_reachable(family: &Family) -> Option<&'static str> {
    if family.recipients.is_empty() {
        Some("The family has no recipients; add one with “hippo family add-recipient”.")
    } else if family.reachable_recipients().is_empty() {
        Some(
            "Mails to every recipient of the family came back or were complained about; “hippo family list” names \
             them, “hippo family allow-recipient” writes to one again.",
        )
    } else {
        None
    }
}

/// What a family would be told by its notice of `date` on its local day `today`; nothing is written.
pub async fn compose_for(
    ports: &NotifyPorts<'_>,
    loaded: &LoadedFamily,
    date: NaiveDate,
    today: NaiveDate,
) -> Result<Composed, JobError> {
    let now = ports.clock.now();
    let told = ports.notices.last_told(&loaded.family.id).await?;
    let mut cards = Vec::new();
    for (record, stored) in &loaded.cards {
        if record.card.paused {
            continue;
        }
        let Some(library) = ports.libraries.get(&record.card.library) else {
            // Added after the run began; the next notice has it.
            tracing::warn!(card.id = %record.card.id, "A card is of a library that is not there.");
            continue;
        };
        cards.push(NoticeCard {
            stored: stored
                .clone()
                .and_then(|stored| stored.with_possible_time(&record.card, now)),
            card: record.card.clone(),
            state: record.state.without_future(now),
            library: library.clone(),
        });
    }
    Ok(compose(&NoticeInput {
        family: &loaded.family,
        date,
        today,
        now,
        cards: &cards,
        told: told.as_ref(),
        operator_contact: ports.operator_contact,
    })?)
}

fn mail_of(ports: &NotifyPorts<'_>, claimed: &NoticeRecord, composed: &Composed) -> Option<Mail> {
    composed.mail.as_ref().map(|rendered| Mail {
        to: claimed.pending_recipients(),
        subject: rendered.subject.clone(),
        text: rendered.text.clone(),
        html: rendered.html.clone(),
        date: ports.clock.now(),
        tag: Some(MailTag {
            family: claimed.family.clone(),
            date: claimed.date,
            fence: claimed.fence,
        }),
    })
}

fn body_hash(mail: &Mail) -> String {
    let mut hash = Sha256::new();
    for part in [&mail.subject, &mail.text, &mail.html] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Puts on record what became of the mail of `sending`, whatever became of the record meanwhile.
///
/// This is the write that the unavoidable window ends with, so it is worth more than one try.
async fn record_answer(
    ports: &NotifyPorts<'_>,
    sending: NoticeRecord,
    answer: &MailAnswer,
) -> Result<Option<NoticeResult>, JobError> {
    let (family, date, fence) = (sending.family.clone(), sending.date, sending.fence);
    let mut record = sending;
    let (mut faults, mut conflicts) = (0, 0);
    loop {
        let next = match after(&record, fence, answer, ports.clock.now()) {
            Ok(next) => next,
            // An event said so before us.
            Err(NotNow::AlreadySent) => return Ok(Some(NoticeResult::of(record))),
            Err(_) => {
                tracing::warn!(family.id = %family, %date, "A notice was settled by somebody else.");
                return Ok(None);
            }
        };
        match write(ports, &record, &next).await {
            Ok(true) => return Ok(Some(logged(next))),
            Ok(false) => {
                conflicts += 1;
                if conflicts >= MAX_CONFLICTS {
                    return Ok(None);
                }
            }
            Err(error) => {
                faults += 1;
                if faults >= MAX_FAULTS {
                    return Err(error);
                }
                ports.clock.sleep(BETWEEN_TRIES).await;
            }
        }
        // Somebody else changed it, or the answer to our own write was lost.
        match ports.notices.notice(&family, date).await {
            Ok(Some(current)) => record = current,
            Ok(None) => return Ok(None),
            Err(error) => {
                faults += 1;
                if faults >= MAX_FAULTS {
                    return Err(error.into());
                }
                // The next try tells.
            }
        }
    }
}

/// The record after a mailer's answer to the mail of claim `fence`.
fn after(
    record: &NoticeRecord,
    fence: u64,
    answer: &MailAnswer,
    now: DateTime<Utc>,
) -> Result<NoticeRecord, NotNow> {
    if let MailAnswer::Accepted {
        message_id,
        refused,
    } = answer
    {
        let record = record.with_refusals(refused);
        if record.fence == fence && record.may_have_left() {
            return record.accepted(message_id.clone(), now);
        }
        // Too late for our own write, but we know better than whoever was here meanwhile.
        return record.evidence_left(fence, LeftBy::Acceptance, Some(message_id.clone()), now);
    }
    if record.fence != fence || record.is_of_old(fence) {
        return Err(NotNow::Taken);
    }
    match answer {
        MailAnswer::Refused {
            reason,
            for_good: true,
        } => record.failed(reason.clone(), now),
        MailAnswer::Refused {
            reason,
            for_good: false,
        } => record.refused_for_now(reason.clone(), now),
        MailAnswer::NotSent { reason } => record.not_sent(reason.clone(), now),
        MailAnswer::Unknown { reason } => record.unknown(reason.clone()),
        MailAnswer::Accepted { .. } => Err(NotNow::WrongState),
    }
}

/// Writes the end of a notice of which no mail was handed over.
async fn settle(
    ports: &NotifyPorts<'_>,
    before: &NoticeRecord,
    settled: Result<NoticeRecord, NotNow>,
) -> Result<Option<NoticeResult>, JobError> {
    let Ok(settled) = settled else {
        return Ok(None);
    };
    if !write(ports, before, &settled).await? {
        tracing::warn!(family.id = %settled.family, date = %settled.date, "A notice was settled by somebody else.");
        return Ok(None);
    }
    Ok(Some(logged(settled)))
}

fn logged(settled: NoticeRecord) -> NoticeResult {
    tracing::info!(
        family.id = %settled.family,
        date = %settled.date,
        state = settled.state.as_str(),
        reason = settled.reason.as_deref(),
        "A notice was settled."
    );
    NoticeResult::of(settled)
}

/// Replaces a record; if that is to be its end, and a bad one, the operator's note comes first.
async fn write(
    ports: &NotifyPorts<'_>,
    before: &NoticeRecord,
    after: &NoticeRecord,
) -> Result<bool, JobError> {
    raise_record_alerts(ports.alerts, after, ports.clock.now()).await?;
    Ok(ports
        .notices
        .replace_notice(before.revision, after, None)
        .await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_that_comes_back_after_a_person_asked_for_another_mail_changes_nothing() {
        let now: DateTime<Utc> = "2026-11-21T11:30:00Z".parse().unwrap();
        let date = "2026-11-21".parse().unwrap();
        let sending = NoticeRecord::planned("conrad".parse().unwrap(), date, now)
            .claim(Uuid::nil(), now)
            .and_then(|claimed| claimed.arm("hash".to_owned(), &[], now))
            .unwrap();
        let again = sending.resend(now + chrono::Duration::hours(1)).unwrap();
        let refused = |for_good| MailAnswer::Refused {
            reason: "550".to_owned(),
            for_good,
        };
        let accepted = MailAnswer::Accepted {
            message_id: "<1@example.org>".to_owned(),
            refused: Vec::new(),
        };
        for answer in [refused(true), refused(false), accepted] {
            let late = after(&again, sending.fence, &answer, now);
            assert!(late.is_err(), "{answer:?}");
        }
    }
}
