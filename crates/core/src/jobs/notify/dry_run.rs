//! What a run of `notify-all` would send, without sending it.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};

use super::NotifyAllInput;
use super::compose::{ComposeInput, compose_notice};
use super::send::unreachable_reason;
use crate::clock::local_date;
use crate::family::Family;
use crate::ids::LibraryId;
use crate::jobs::JobError;
use crate::library::Library;
use crate::notice::Composed;
use crate::outbox::{MailKey, MailKind, OutboxRecord};
use crate::store::{AccountStore, OutboxStore, StoreResult};

/// What a dry run reads from.
#[derive(Clone, Copy)]
pub struct DryRunPorts<'a> {
    /// The accounts.
    pub accounts: &'a dyn AccountStore,
    /// The record of the mails.
    pub outbox: &'a dyn OutboxStore,
    /// All libraries.
    pub libraries: &'a BTreeMap<LibraryId, Library>,
    /// The contact for questions.
    pub operator_contact: Option<&'a str>,
    /// The time of the dry run.
    pub now: DateTime<Utc>,
}

/// A family's notice as a run would send it now.
#[derive(Debug)]
pub struct NoticeDryRun {
    /// What it would say.
    pub composed: Composed,
    /// Its record.
    pub recorded: Option<OutboxRecord>,
    /// Whether the day is past or its notice is final, so that nothing more is sent.
    pub is_over: bool,
}

impl DryRunPorts<'_> {
    /// Composes a family's notice of a date; `None` if the family is paused on that date or gone.
    pub async fn compose(
        &self,
        family: &Family,
        date: NaiveDate,
    ) -> Result<Option<NoticeDryRun>, JobError> {
        if family.is_paused_on(date) {
            return Ok(None);
        }
        let today = local_date(self.now, family.timezone);
        let has_passed = date < today && family.has_passed(date, self.now);
        let Some(loaded) = self.accounts.load_family(&family.id).await? else {
            return Ok(None);
        };
        let composed = compose_notice(&ComposeInput {
            loaded: &loaded,
            date,
            // The text is relative to the day of sending, or to its own day if that is past.
            today: if has_passed { date } else { today },
            now: self.now,
            outbox: self.outbox,
            libraries: self.libraries,
            operator_contact: self.operator_contact,
            // A dry run stores nothing, so its links wouldn't work.
            links: None,
        })
        .await?;
        let key = MailKey::daily(family.id.clone(), date);
        let recorded = self.outbox.mail(&key).await?;
        Ok(Some(NoticeDryRun {
            is_over: has_passed || recorded.as_ref().is_some_and(OutboxRecord::is_over),
            composed,
            recorded,
        }))
    }

    /// Counts the mails of a kind that a run would send to these families now.
    ///
    /// It reads the record of each due mail, and loads each family whose notice is due. A picture isn't
    /// fetched, so each due one counts as sent.
    pub async fn count_due_mails(
        &self,
        families: &[Family],
        kind: &MailKind,
        input: &NotifyAllInput,
    ) -> Result<DueMails, JobError> {
        let mut due = DueMails::default();
        let is_asked = |family: &&Family| input.family.as_ref().is_none_or(|id| *id == family.id);
        for family in families.iter().filter(is_asked) {
            let Some(family) = family.with_schedule_of(kind) else {
                continue;
            };
            let dates = match input.date {
                Some(date) => vec![date],
                None if family.is_paused_at(self.now) => Vec::new(),
                None => family.due_dates(self.now),
            };
            for date in dates {
                if is_open(self.outbox, kind, &family, date).await? {
                    self.count_due_mail(&family, kind, date, &mut due).await?;
                }
            }
        }
        Ok(due)
    }

    async fn count_due_mail(
        &self,
        family: &Family,
        kind: &MailKind,
        date: NaiveDate,
        due: &mut DueMails,
    ) -> Result<(), JobError> {
        let has_content = *kind != MailKind::DAILY || {
            let notice = self.compose(family, date).await?;
            notice.is_some_and(|notice| notice.composed.mail.is_some())
        };
        match has_content {
            false => due.empty += 1,
            true if is_unreachable(family, kind) => due.unreachable += 1,
            true => due.sent += 1,
        }
        Ok(())
    }
}

/// Whether nobody would get the mails of a kind.
fn is_unreachable(family: &Family, kind: &MailKind) -> bool {
    unreachable_reason(family).is_some() || family.subscribed_recipients(kind).is_empty()
}

/// How many mails a run would send now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DueMails {
    /// Those with something to say, and somebody to say it to.
    pub sent: usize,
    /// Those with nothing to say.
    pub empty: usize,
    /// Those that nobody would get.
    pub unreachable: usize,
}

/// The date of the mail that would be sent now; yesterday's, if it goes out after midnight. The family has the
/// [schedule of](Family::with_schedule_of) the kind.
pub async fn next_mail_date(
    outbox: &dyn OutboxStore,
    kind: &MailKind,
    family: &Family,
    now: DateTime<Utc>,
) -> StoreResult<NaiveDate> {
    let today = local_date(now, family.timezone);
    for date in family.due_dates(now) {
        if date < today && is_open(outbox, kind, family, date).await? {
            return Ok(date);
        }
    }
    Ok(today)
}

/// Whether a family's mail of a date may still be sent.
async fn is_open(
    outbox: &dyn OutboxStore,
    kind: &MailKind,
    family: &Family,
    date: NaiveDate,
) -> StoreResult<bool> {
    if family.is_paused_on(date) {
        return Ok(false);
    }
    let key = MailKey::new(kind.clone(), family.id.clone(), date);
    let recorded = outbox.mail(&key).await?;
    Ok(recorded.is_none_or(|record| !record.state.is_final()))
}
