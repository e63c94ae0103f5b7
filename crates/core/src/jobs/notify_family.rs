//! `notify-family`: one notice, sent once.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::clock::Clock;
use crate::family::Family;
use crate::ids::{FamilyId, LibraryId};
use crate::jobs::JobError;
use crate::library::Library;
use crate::mail::{Mail, MailAnswer, MailTag, Mailer};
use crate::notice::record::{NotNow, NoticeRecord, NoticeState};
use crate::notice::{Composed, NoticeCard, NoticeInput, compose};
use crate::store::{AccountStore, FamilyStore, LoadedFamily, NoticeStore};

/// What sending notices needs from outside.
pub struct NotifyPorts<'a> {
    /// The families.
    pub families: &'a dyn FamilyStore,
    /// Their cards and accounts.
    pub accounts: &'a dyn AccountStore,
    /// The notices.
    pub notices: &'a dyn NoticeStore,
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
    let composed = compose_for(ports, &loaded, date).await?;
    let family = loaded.family;
    let Some(mail) = mail_of(ports, &family, &claimed, &composed) else {
        return settle(ports, &claimed, claimed.skip(ports.clock.now()), None).await;
    };
    let subject = Some(mail.subject.clone());
    if mail.to.is_empty() {
        let failed = claimed.failed(
            "The family has no recipients; add one with “hippo family add-recipient”.".to_owned(),
            ports.clock.now(),
        );
        return settle(ports, &claimed, failed, subject).await;
    }
    let sending = match claimed.arm(body_hash(&mail), ports.clock.now()) {
        Ok(sending) => sending,
        // The lease ran low while we were composing: the next tick claims it anew.
        Err(_) => return Ok(None),
    };
    let armed = ports
        .notices
        .replace_notice(claimed.revision, &sending, Some(&composed.told))
        .await?;
    if !armed {
        return Ok(None);
    }
    let answer = ports.mailer.send(&mail).await;
    let settled = after(&sending, answer, ports);
    settle(ports, &sending, settled, subject).await
}

/// What a family would be told on a date; nothing is written.
pub async fn compose_for(
    ports: &NotifyPorts<'_>,
    loaded: &LoadedFamily,
    date: NaiveDate,
) -> Result<Composed, JobError> {
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
            stored: stored.clone(),
            card: record.card.clone(),
            state: record.state.clone(),
            library: library.clone(),
        });
    }
    Ok(compose(&NoticeInput {
        family: &loaded.family,
        date,
        now: ports.clock.now(),
        cards: &cards,
        told: told.as_ref(),
        operator_contact: ports.operator_contact,
    })?)
}

fn mail_of(
    ports: &NotifyPorts<'_>,
    family: &Family,
    claimed: &NoticeRecord,
    composed: &Composed,
) -> Option<Mail> {
    composed.mail.as_ref().map(|rendered| Mail {
        to: family.recipients.clone(),
        subject: rendered.subject.clone(),
        text: rendered.text.clone(),
        html: rendered.html.clone(),
        date: ports.clock.now(),
        tag: Some(MailTag {
            family: family.id.clone(),
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

/// The state after a mailer's answer.
fn after(
    sending: &NoticeRecord,
    answer: MailAnswer,
    ports: &NotifyPorts<'_>,
) -> Result<NoticeRecord, NotNow> {
    let now = ports.clock.now();
    match answer {
        MailAnswer::Accepted {
            message_id,
            refused,
        } => {
            let reason = (!refused.is_empty()).then(|| {
                let reasons: Vec<&str> = refused
                    .iter()
                    .map(|refused| refused.reason.as_str())
                    .collect();
                format!(
                    "{} of the recipients refused by the mail service: {}.",
                    refused.len(),
                    reasons.join(", ")
                )
            });
            sending.accepted(message_id, reason, now)
        }
        MailAnswer::Refused {
            reason,
            for_good: true,
        } => sending.failed(reason, now),
        MailAnswer::Refused {
            reason,
            for_good: false,
        } => sending.refused_for_now(reason, now),
        MailAnswer::NotSent { reason } => sending.not_sent(reason, now),
        MailAnswer::Unknown { reason } => sending.unknown(reason, now),
    }
}

async fn settle(
    ports: &NotifyPorts<'_>,
    before: &NoticeRecord,
    settled: Result<NoticeRecord, NotNow>,
    subject: Option<String>,
) -> Result<Option<NoticeResult>, JobError> {
    let Ok(settled) = settled else {
        return Ok(None);
    };
    if !write(ports, before, &settled).await? {
        tracing::warn!(family.id = %settled.family, date = %settled.date, "A notice was settled by somebody else.");
        return Ok(None);
    }
    tracing::info!(
        family.id = %settled.family,
        date = %settled.date,
        state = settled.state.as_str(),
        reason = settled.reason.as_deref(),
        "A notice was settled."
    );
    Ok(Some(NoticeResult {
        family: settled.family,
        date: settled.date,
        state: settled.state,
        subject,
        reason: settled.reason,
    }))
}

async fn write(
    ports: &NotifyPorts<'_>,
    before: &NoticeRecord,
    after: &NoticeRecord,
) -> Result<bool, JobError> {
    Ok(ports
        .notices
        .replace_notice(before.revision, after, None)
        .await?)
}
