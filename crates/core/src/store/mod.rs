//! What is remembered, behind narrow traits.
//!
//! Every implementation runs the same suite of tests (`contract`, behind the feature of that name). All of
//! them may be called from several tasks and several processes at once; a write that a method
//! describes as conditional is decided by the store, not by an earlier read.

mod restore;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::alerts::{Alert, AlertKey, PendingAlerts, StoredAlert};
use crate::card::{Card, CardKey, CardRecord, Fingerprint, LoginMark, LoginOutcome, StoredAccount};
use crate::check::Check;
use crate::email_address::EmailAddress;
use crate::family::{Family, StoppedRecipient};
use crate::ids::{CardId, FamilyId, Label, LibraryId};
use crate::library::Library;
use crate::notice::last_notice::LastNotice;
use crate::outbox::{MailKey, MailKind, OutboxRecord};
use crate::run::tick_times::TickTimes;
use crate::run::work::WorkItem;
use crate::run::{Job, Run, RunKey};
use crate::seal::Sealed;

pub use self::restore::{CardConflict, CardCopy, RestoreOutcome, RestoreStore, WriteMode};

/// Why a store did not do what it was asked to do.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is one of that id already.
    #[error("There is {0} already.")]
    AlreadyExists(String),
    /// There is none of that id.
    #[error("There is no {0}.")]
    NotFound(String),
    /// Something else still needs it.
    #[error("{0}")]
    InUse(String),
    /// It is more than the store takes for one thing; nothing was changed.
    #[error("{0}")]
    TooLarge(String),
    /// The store cannot be reached or is busy; a later try may work.
    #[error("The store is not available: {0}")]
    Unavailable(String),
    /// What it holds cannot be understood, or was written by a newer version.
    #[error("The store cannot be used: {0}")]
    Unusable(String),
}

/// A row of the store that cannot be understood, by what is harmless to name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct DamagedRow {
    /// The table it stands in.
    pub table: String,
    /// Its id there.
    pub id: String,
}

impl From<DamagedRow> for Alert {
    fn from(row: DamagedRow) -> Self {
        Self::DamagedRow {
            table: row.table,
            id: row.id,
        }
    }
}

/// What a store answers.
pub type StoreResult<T> = Result<T, StoreError>;

/// The families.
#[async_trait]
pub trait FamilyStore: Send + Sync {
    /// Adds a family; [`StoreError::AlreadyExists`] if its id is taken.
    async fn add_family(&self, family: &Family) -> StoreResult<()>;

    /// Replaces a family, but for whom nothing is sent any more, which
    /// [`FamilyStore::stop_recipient`] and [`FamilyStore::allow_recipient`] alone change: who edits
    /// a family must not undo what the mail service said meanwhile. [`StoreError::NotFound`] if it
    /// is not there.
    async fn update_family(&self, family: &Family) -> StoreResult<()>;

    /// One family.
    async fn family(&self, id: &FamilyId) -> StoreResult<Option<Family>>;

    /// All families, by id.
    async fn families(&self) -> StoreResult<Vec<Family>>;

    /// At most `limit` families after `after`, by id.
    ///
    /// By default cut from all of them; a store that can page its list does so.
    async fn families_page(
        &self,
        after: Option<&FamilyId>,
        limit: usize,
    ) -> StoreResult<Vec<Family>> {
        let mut families = self.families().await?;
        families.retain(|family| after.is_none_or(|after| family.id > *after));
        families.truncate(limit);
        Ok(families)
    }

    /// Sends nothing more to a recipient of a family, in one conditional step, as
    /// [`Family::stop_recipient`] has it; false also if the family is gone.
    async fn stop_recipient(&self, id: &FamilyId, stopped: &StoppedRecipient) -> StoreResult<bool>;

    /// Sends to a recipient of a family again, in one conditional step, as
    /// [`Family::allow_recipient`] has it; false also if the family is gone.
    async fn allow_recipient(&self, id: &FamilyId, address: &EmailAddress) -> StoreResult<bool>;

    /// Removes a family with its cards, their secrets, accounts and mails;
    /// [`StoreError::NotFound`] if it is not there.
    async fn remove_family(&self, id: &FamilyId) -> StoreResult<()>;
}

/// The libraries, and which of them are being left alone.
#[async_trait]
pub trait LibraryStore: Send + Sync {
    /// Adds a library; [`StoreError::AlreadyExists`] if its id is taken.
    async fn add_library(&self, library: &Library) -> StoreResult<()>;

    /// Replaces a library; [`StoreError::NotFound`] if it is not there. It stays left alone, and down, as it was
    /// unless its `base_url` is another: then what did not answer was another site.
    async fn update_library(&self, library: &Library) -> StoreResult<()>;

    /// One library.
    async fn library(&self, id: &LibraryId) -> StoreResult<Option<Library>>;

    /// All libraries, by id.
    async fn libraries(&self) -> StoreResult<Vec<Library>>;

    /// Removes a library; [`StoreError::InUse`] while a card is of it, [`StoreError::NotFound`] if
    /// it is not there.
    async fn remove_library(&self, id: &LibraryId) -> StoreResult<()>;

    /// Leaves a library alone until `until`, if it is not left alone for longer already; a longer
    /// back-off that cannot be right at `now` ([`can_back_off_until`]) is replaced.
    /// [`StoreError::NotFound`] if it is not there.
    ///
    /// [`can_back_off_until`]: crate::library::can_back_off_until
    async fn back_off(
        &self,
        id: &LibraryId,
        until: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> StoreResult<()>;

    /// Notes that a library does not answer, since `since` unless it has not answered for longer;
    /// since when that is. [`StoreError::NotFound`] if it is not there.
    async fn mark_library_down(
        &self,
        id: &LibraryId,
        since: DateTime<Utc>,
    ) -> StoreResult<DateTime<Utc>>;

    /// Notes that a library answers; nothing happens if it is gone.
    async fn mark_library_up(&self, id: &LibraryId) -> StoreResult<()>;

    /// Until when a library is to be left alone; may lie in the past.
    async fn back_off_until(&self, id: &LibraryId) -> StoreResult<Option<DateTime<Utc>>>;
}

/// Which cards to list; in JSON, the scope of a schedule's input.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Every card.
    #[default]
    All,
    /// The cards whose newest check failed or that were never checked.
    Failed,
    /// The cards that wait for a person, and that no run may check: paused, or refused by the site.
    /// No input asks for them.
    #[serde(skip)]
    Waiting,
}

impl Scope {
    /// The scopes that an input can ask for.
    pub const INPUTS: [Self; 2] = [Self::All, Self::Failed];

    /// The name in options and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Failed => "failed",
            Self::Waiting => "waiting",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Where a list of cards goes on: the last card of the page before.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CardCursor {
    /// Its library.
    pub library: LibraryId,
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
    /// Its id.
    pub card: CardId,
}

/// The cards.
#[async_trait]
pub trait CardStore: Send + Sync {
    /// Adds a card with its sealed number and PIN, in one step.
    ///
    /// [`StoreError::AlreadyExists`] if its id is taken or its family holds the same number at the
    /// same library already; [`StoreError::NotFound`] if the family or library is not there.
    async fn add_card(&self, card: &Card, secret: &Sealed) -> StoreResult<()>;

    /// One card, by id alone.
    async fn card(&self, id: CardId) -> StoreResult<Option<CardRecord>>;

    /// A family's cards, by id.
    async fn cards_of(&self, family: &FamilyId) -> StoreResult<Vec<CardRecord>>;

    /// The cards that a run may check (not paused, not refused by the site), or those that wait; ordered by
    /// ([`CardCursor`]) library, fingerprint and id, at most `limit` after `after`.
    async fn cards_to_check(
        &self,
        scope: Scope,
        after: Option<&CardCursor>,
        limit: usize,
    ) -> StoreResult<Vec<CardRecord>>;

    /// Sets whether a card is left out of the checks; [`StoreError::NotFound`] if it is not there.
    async fn set_paused(&self, id: CardId, paused: bool) -> StoreResult<()>;

    /// Forgets that the site refused the card and that a login is open: it may be tried again.
    /// [`StoreError::NotFound`] if it is not there.
    async fn allow_retry(&self, id: CardId) -> StoreResult<()>;

    /// Removes a card with its secret and account; [`StoreError::NotFound`] if it is not there.
    async fn remove_card(&self, id: CardId) -> StoreResult<()>;
}

/// The sealed numbers and PINs.
#[async_trait]
pub trait SecretStore: Send + Sync {
    /// The sealed secrets of these cards; those that are not there are left out.
    async fn secrets(&self, cards: &[CardId]) -> StoreResult<Vec<(CardId, Sealed)>>;

    /// Replaces a card's secret and its fingerprint in one step.
    ///
    /// [`StoreError::NotFound`] if the card is not there; [`StoreError::AlreadyExists`] if its
    /// family holds that number at the library on another card.
    async fn replace_secret(
        &self,
        card: CardId,
        fingerprint: &Fingerprint,
        secret: &Sealed,
    ) -> StoreResult<()>;

    /// Every card that has a secret, by id.
    async fn cards_with_secrets(&self) -> StoreResult<Vec<CardId>>;
}

/// What became of a check that was to be saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saved {
    /// It is the newest.
    Stored,
    /// A check that began later is there already; nothing but the mark was changed.
    Older,
    /// The card is gone; nothing was changed.
    CardGone,
}

/// The checks and the accounts that they read.
#[async_trait]
pub trait CheckStore: Send + Sync {
    /// Writes the durable mark that a login is about to be sent; false if it may not be.
    ///
    /// Conditional: refused while a mark of another check on the same day is not settled, and for a card
    /// that is paused or refused by the site. The answer comes only when the mark would survive a
    /// crash. [`StoreError::NotFound`] if the card is gone.
    async fn begin_login(&self, card: &CardKey, mark: &LoginMark) -> StoreResult<bool>;

    /// Settles the mark of this check: its login has a known outcome.
    ///
    /// The mark stays, for others to see that the check is going on, and forbids no login any more. A
    /// refusal sets `refused_since` to the mark's time (if it is not set), unless an account was read
    /// since. Nothing happens if the mark is another's or the card is gone. The answer comes only when
    /// the write would survive a crash.
    async fn settle_login(
        &self,
        card: &CardKey,
        check: Uuid,
        outcome: LoginOutcome,
    ) -> StoreResult<()>;

    /// Saves a check: the account if it has one, and how it ended; takes the mark away.
    ///
    /// Conditional: a check never overwrites one that began later, unless that one was `not_tried`
    /// and so knows nothing; never an account that was read later. A failure leaves the last good account as it is. `wrong_credentials`
    /// sets `refused_since` to when the check began (if it is not set), even if this check is
    /// [`Saved::Older`], unless an account was read since; an account clears it and sets
    /// `last_success_at`. The mark goes only if this check wrote it: one that did not try, since it
    /// found the mark of a crash, must leave it. It goes even if this check is [`Saved::Older`], and
    /// stays if the failure is in doubt about its login, unless that is settled. A failure's `retry_after` is not kept.
    async fn save_check(&self, check: &Check) -> StoreResult<Saved>;

    /// The last good accounts of a family's cards.
    async fn accounts_of(&self, family: &FamilyId) -> StoreResult<Vec<(CardId, StoredAccount)>>;
}

/// What a visit works on.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadedVisit {
    /// The library.
    pub library: Library,
    /// Until when it is to be left alone; may lie in the past.
    pub back_off_until: Option<DateTime<Utc>>,
    /// Since when it does not answer.
    pub down_since: Option<DateTime<Utc>>,
    /// The cards and their sealed secrets, in the order asked for.
    pub cards: Vec<(CardRecord, Sealed)>,
}

/// All that a visit needs, in one go.
#[async_trait]
pub trait VisitStore: Send + Sync {
    /// A library with these cards and their secrets. `None`: the library is gone; cards that are
    /// gone are left out.
    async fn load_visit(
        &self,
        library: &LibraryId,
        cards: &[CardKey],
    ) -> StoreResult<Option<LoadedVisit>>;
}

/// A family with its cards and what is known of them.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadedFamily {
    /// The family.
    pub family: Family,
    /// Its cards, by id, and the last good account of those that have one.
    pub cards: Vec<(CardRecord, Option<StoredAccount>)>,
}

/// All that a notice tells of, in one go.
#[async_trait]
pub trait AccountStore: Send + Sync {
    /// A family with its cards and their accounts. `None`: the family is gone.
    async fn load_family(&self, family: &FamilyId) -> StoreResult<Option<LoadedFamily>>;
}

/// Where a list of mails goes on: the last mail of the page before.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OutboxCursor {
    /// Its local date.
    pub date: NaiveDate,
    /// Its kind.
    pub kind: MailKind,
    /// Its family.
    pub family: FamilyId,
}

impl From<&OutboxRecord> for OutboxCursor {
    fn from(record: &OutboxRecord) -> Self {
        Self {
            date: record.date,
            kind: record.kind.clone(),
            family: record.family.clone(),
        }
    }
}

impl From<&MailKey> for OutboxCursor {
    fn from(key: &MailKey) -> Self {
        Self {
            date: key.date,
            kind: key.kind.clone(),
            family: key.family.clone(),
        }
    }
}

/// Where a store comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreOrigin {
    /// It is the one that was written to all the time.
    Known,
    /// It was restored from a copy, and nobody has held yet what it may have sent since.
    Restored {
        /// Whether [`OutboxStore::sent_before`] tells of all that was sent.
        knows_sent: bool,
    },
}

/// The outbox.
#[async_trait]
pub trait OutboxStore: Send + Sync {
    /// Puts a record if there is none of its key; true if it was put.
    /// [`StoreError::NotFound`] if the family is not there.
    ///
    /// A date that was sent before ([`OutboxStore::sent_before`]) and of which the store has no
    /// record is not planned: false, and a held record is in its place.
    async fn plan_mail(&self, record: &OutboxRecord) -> StoreResult<bool>;

    /// The record of one mail.
    async fn mail(&self, key: &MailKey) -> StoreResult<Option<OutboxRecord>>;

    /// Replaces a record if its stored revision is still `revision`; true if it was replaced.
    ///
    /// One conditional write. `last_notice` is stored with it where given, and what was stored before
    /// stays where not. The answer comes only when the write would survive a crash. False if there is no
    /// such record.
    async fn replace_mail(
        &self,
        revision: u64,
        record: &OutboxRecord,
        last_notice: Option<&LastNotice>,
    ) -> StoreResult<bool>;

    /// The records that are not final, oldest date first, then by kind and family; at most `limit`
    /// after `after`. A record in a state that this version does not know is not final.
    async fn open_mails(
        &self,
        after: Option<&OutboxCursor>,
        limit: usize,
    ) -> StoreResult<Vec<OutboxRecord>>;

    /// What the newest daily notice (by date) that is SENT told this family; where the newest has
    /// nothing on record, an older one answers.
    async fn last_sent_notice(&self, family: &FamilyId) -> StoreResult<Option<LastNotice>>;

    /// Where the store comes from.
    async fn origin(&self) -> StoreResult<StoreOrigin>;

    /// Ends a restore: every date that may have been sent is on record now. Durable.
    async fn end_restore(&self) -> StoreResult<()>;

    /// The claim under which a mail last came into SENDING, by what outlives its record and its
    /// family. `None`: it never did, or its own record says all that is known.
    async fn sent_before(&self, key: &MailKey) -> StoreResult<Option<u64>>;

    /// The newest records of a family's mails of one kind, newest date first.
    async fn recent_mails(
        &self,
        kind: &MailKind,
        family: &FamilyId,
        limit: usize,
    ) -> StoreResult<Vec<OutboxRecord>>;
}

/// What became of a run that was to be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunStart {
    /// It is on record and may go.
    Started,
    /// A run of this key is on record already: the schedule fired twice.
    AlreadyRan(Run),
    /// The last of the same label is still going; this one is on record as skipped.
    StillRunning(Run),
}

/// The ledger of runs.
#[async_trait]
pub trait RunStore: Send + Sync {
    /// Puts a run on record before its work begins; all in one step.
    ///
    /// Unless `allow_overlap`, a run of the same job and label that is `Running` and reported
    /// within `silence` before `run.started_at` makes this one `SkippedStillRunning`. One that has
    /// been silent for longer, or whose report a clock ahead of `run.started_at` wrote, is recorded
    /// `Lost`, finished when it last reported. A skipped one is
    /// finished when it began.
    async fn start_run(
        &self,
        run: &Run,
        allow_overlap: bool,
        silence: Duration,
    ) -> StoreResult<RunStart>;

    /// Puts a run on record that is over without having begun, if there is none of its key; true if
    /// it was put. It holds up no other run.
    async fn record_run(&self, run: &Run) -> StoreResult<bool>;

    /// Replaces a run's report, end, outcome and counts; [`StoreError::NotFound`] if it is not there.
    async fn report_run(&self, run: &Run) -> StoreResult<()>;

    /// Puts down what became of one piece of a run's work, in the place of what that piece said
    /// before: one write, and a message that comes twice counts once.
    async fn save_work_item(&self, run: &RunKey, work: &WorkItem) -> StoreResult<()>;

    /// What became of the pieces of a run's work, by piece.
    async fn work_items(&self, run: &RunKey) -> StoreResult<Vec<WorkItem>>;

    /// The rows that were passed over since the store was opened, since they cannot be understood.
    ///
    /// A damaged row costs only itself: lists leave it out, and what is asked for by its id is not there.
    fn damaged_rows(&self) -> Vec<DamagedRow> {
        Vec::new()
    }

    /// By how much `now` is ahead of the store's own clock, if it has one.
    async fn clock_ahead(&self, now: DateTime<Utc>) -> StoreResult<Option<TimeDelta>> {
        let _ = now;
        Ok(None)
    }

    /// When the ticks of `notify-all` came.
    async fn tick_times(&self) -> StoreResult<TickTimes>;

    /// Replaces the times of the ticks if they are still `before`; true if they were replaced.
    async fn replace_tick_times(&self, before: &TickTimes, after: &TickTimes) -> StoreResult<bool>;

    /// One run.
    async fn run(&self, key: &RunKey) -> StoreResult<Option<Run>>;

    /// The newest runs of a job (and label), the one that began last first.
    async fn recent_runs(
        &self,
        job: Option<Job>,
        label: Option<&Label>,
        limit: usize,
    ) -> StoreResult<Vec<Run>>;

    /// The newest runs of each label of a job, at most `limit` of each: by label, the one that began
    /// last first.
    ///
    /// By default found among all of the job; a store that keeps a label's runs together reads no
    /// others.
    async fn newest_of_each_label(&self, job: Job, limit: usize) -> StoreResult<Vec<Run>> {
        let mut by_label: BTreeMap<Label, Vec<Run>> = BTreeMap::new();
        for run in self.recent_runs(Some(job), None, usize::MAX).await? {
            let of_label = by_label.entry(run.key.label.clone()).or_default();
            if of_label.len() < limit {
                of_label.push(run);
            }
        }
        Ok(by_label.into_values().flatten().collect())
    }

    /// Forgets what is older than `before`: runs that began and notices that were planned before,
    /// open notices excepted, and what needed the operator and was last seen before.
    async fn forget_before(&self, before: DateTime<Utc>) -> StoreResult<()>;
}

/// The operator's alerts, and which of them were delivered.
#[async_trait]
pub trait AlertStore: Send + Sync {
    /// Records that an alert was raised, in one conditional step; true if it is new.
    ///
    /// An alert that a newer version stored under that key stays as it is.
    async fn record_alert(
        &self,
        key: &AlertKey,
        alert: &Alert,
        now: DateTime<Utc>,
    ) -> StoreResult<bool>;

    /// Claims the delivery of an alert, in one conditional step; true if the caller is to deliver it.
    ///
    /// Of many callers one wins; another may claim it after
    /// [`CLAIM_TIMEOUT`](crate::alerts::CLAIM_TIMEOUT) if it is still not delivered. False if it was
    /// delivered or never raised.
    async fn claim_alert(&self, key: &AlertKey, now: DateTime<Utc>) -> StoreResult<bool>;

    /// Marks an alert as delivered; nothing happens if it is gone or was delivered before.
    async fn mark_alert_delivered(&self, key: &AlertKey, at: DateTime<Utc>) -> StoreResult<()>;

    /// Deletes an alert that turned out wrong, in one conditional step; nothing happens if it is not
    /// as `stored` any more.
    async fn withdraw_alert(&self, stored: &StoredAlert) -> StoreResult<()>;

    /// One alert, if it is on record and this version can read it.
    async fn alert(&self, key: &AlertKey) -> StoreResult<Option<StoredAlert>>;

    /// All alerts that were not delivered, by the time they were last raised, oldest first.
    async fn pending_alerts(&self) -> StoreResult<PendingAlerts>;

    /// The alerts that were raised last, newest first, without those that only a newer version can read.
    async fn recent_alerts(&self, limit: usize) -> StoreResult<Vec<StoredAlert>>;
}

/// All that the command and the jobs ask of one store.
pub trait Store:
    FamilyStore
    + LibraryStore
    + CardStore
    + RestoreStore
    + SecretStore
    + CheckStore
    + VisitStore
    + AccountStore
    + OutboxStore
    + RunStore
    + AlertStore
{
}

impl<T> Store for T where
    T: FamilyStore
        + LibraryStore
        + CardStore
        + RestoreStore
        + SecretStore
        + CheckStore
        + VisitStore
        + AccountStore
        + OutboxStore
        + RunStore
        + AlertStore
{
}

/// A place in the queue before a library's site: at most two visits anywhere hold one at a time.
#[async_trait]
pub trait ConcurrencyLimit: Send + Sync {
    /// Waits until there is room at the library, and enters. Leaving is dropping the permit, which
    /// a crash does too.
    async fn enter(&self, library: &LibraryId) -> StoreResult<Box<dyn Send + Sync>>;

    /// Whether nobody but the caller, who is inside, is at the library; `None`: that cannot be told.
    async fn is_alone(&self, library: &LibraryId) -> StoreResult<Option<bool>> {
        let _ = library;
        Ok(None)
    }
}
