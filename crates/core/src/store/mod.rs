//! The stores, behind narrow traits.
//!
//! Every implementation passes the same contract tests (`testing::contract`). All methods may
//! be called from several tasks and processes at once. The store itself decides a conditional write, not
//! an earlier read.

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
    /// The id is taken.
    #[error("There is {0} already.")]
    AlreadyExists(String),
    /// There is no record of that id.
    #[error("There is no {0}.")]
    NotFound(String),
    /// Another record still refers to it.
    #[error("{0}")]
    InUse(String),
    /// The record is larger than the store allows; nothing was changed.
    #[error("{0}")]
    TooLarge(String),
    /// The store cannot be reached or is busy; a later try may work.
    #[error("The store is not available: {0}")]
    Unavailable(String),
    /// A stored record cannot be understood, or a newer version wrote it.
    #[error("The store cannot be used: {0}")]
    Unusable(String),
}

/// A row that cannot be understood: its table and id, without its content.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct DamagedRow {
    /// Its table.
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

/// The result of a store operation.
pub type StoreResult<T> = Result<T, StoreError>;

/// The families.
#[async_trait]
pub trait FamilyStore: Send + Sync {
    /// Adds a family; [`StoreError::AlreadyExists`] if its id is taken.
    async fn add_family(&self, family: &Family) -> StoreResult<()>;

    /// Replaces a family, except its stopped recipients. [`StoreError::NotFound`] if it is not there.
    ///
    /// Only [`FamilyStore::stop_recipient`] and [`FamilyStore::allow_recipient`] change those, so that
    /// an edit cannot undo a concurrent report of the mail service.
    async fn update_family(&self, family: &Family) -> StoreResult<()>;

    /// One family.
    async fn family(&self, id: &FamilyId) -> StoreResult<Option<Family>>;

    /// All families, by id.
    async fn families(&self) -> StoreResult<Vec<Family>>;

    /// At most `limit` families after `after`, by id.
    ///
    /// By default taken from the whole list; a store that can page overrides it.
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

    /// Stops a recipient as [`Family::stop_recipient`] does, in one conditional write; false also if the
    /// family is gone.
    async fn stop_recipient(&self, id: &FamilyId, stopped: &StoppedRecipient) -> StoreResult<bool>;

    /// Allows a recipient again as [`Family::allow_recipient`] does, in one conditional write; false also
    /// if the family is gone.
    async fn allow_recipient(&self, id: &FamilyId, address: &EmailAddress) -> StoreResult<bool>;

    /// Removes a family with its cards, their secrets, accounts and mails;
    /// [`StoreError::NotFound`] if it is not there.
    async fn remove_family(&self, id: &FamilyId) -> StoreResult<()>;
}

/// The libraries and their back-offs.
#[async_trait]
pub trait LibraryStore: Send + Sync {
    /// Adds a library; [`StoreError::AlreadyExists`] if its id is taken.
    async fn add_library(&self, library: &Library) -> StoreResult<()>;

    /// Replaces a library; [`StoreError::NotFound`] if it is not there.
    ///
    /// Its back-off and down time stay unless `base_url` changes: they belong to the old site.
    async fn update_library(&self, library: &Library) -> StoreResult<()>;

    /// One library.
    async fn library(&self, id: &LibraryId) -> StoreResult<Option<Library>>;

    /// All libraries, by id.
    async fn libraries(&self) -> StoreResult<Vec<Library>>;

    /// Removes a library; [`StoreError::InUse`] while it has cards, [`StoreError::NotFound`] if
    /// it is not there.
    async fn remove_library(&self, id: &LibraryId) -> StoreResult<()>;

    /// Backs off from a library until `until`, unless its back-off already lasts longer.
    ///
    /// A longer back-off that is implausible at `now` ([`can_back_off_until`]) is replaced.
    /// [`StoreError::NotFound`] if the library is not there.
    ///
    /// [`can_back_off_until`]: crate::library::can_back_off_until
    async fn back_off(
        &self,
        id: &LibraryId,
        until: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> StoreResult<()>;

    /// Marks a library as down since `since`, unless it has been down for longer; returns since when.
    /// [`StoreError::NotFound`] if it is not there.
    async fn mark_library_down(
        &self,
        id: &LibraryId,
        since: DateTime<Utc>,
    ) -> StoreResult<DateTime<Utc>>;

    /// Marks a library as up; does nothing if it is gone.
    async fn mark_library_up(&self, id: &LibraryId) -> StoreResult<()>;

    /// When the back-off of a library ends; may be in the past.
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
    /// The cards that no run may check until a person acts: paused, or refused by the site. Not an
    /// input.
    #[serde(skip)]
    Waiting,
}

impl Scope {
    /// The scopes that an input may have.
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

/// The position in a list of cards: the last card of the previous page.
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
    /// Adds a card with its sealed number and PIN, in one write.
    ///
    /// [`StoreError::AlreadyExists`] if its id is taken or its family holds the same number at the
    /// same library already; [`StoreError::NotFound`] if the family or library is not there.
    async fn add_card(&self, card: &Card, secret: &Sealed) -> StoreResult<()>;

    /// One card, by id alone.
    async fn card(&self, id: CardId) -> StoreResult<Option<CardRecord>>;

    /// A family's cards, by id.
    async fn cards_of(&self, family: &FamilyId) -> StoreResult<Vec<CardRecord>>;

    /// At most `limit` cards of a scope after `after`, by library, fingerprint and id ([`CardCursor`]).
    ///
    /// Paused and refused cards are in the waiting scope only.
    async fn cards_to_check(
        &self,
        scope: Scope,
        after: Option<&CardCursor>,
        limit: usize,
    ) -> StoreResult<Vec<CardRecord>>;

    /// Pauses or resumes the checks of a card; [`StoreError::NotFound`] if it is not there.
    async fn set_paused(&self, id: CardId, paused: bool) -> StoreResult<()>;

    /// Clears the refusal and the login mark of a card, so that it may be tried again.
    /// [`StoreError::NotFound`] if it is not there.
    async fn allow_retry(&self, id: CardId) -> StoreResult<()>;

    /// Removes a card with its secret and account; [`StoreError::NotFound`] if it is not there.
    async fn remove_card(&self, id: CardId) -> StoreResult<()>;
}

/// The sealed numbers and PINs.
#[async_trait]
pub trait SecretStore: Send + Sync {
    /// The sealed secrets of these cards; missing ones are left out.
    async fn secrets(&self, cards: &[CardId]) -> StoreResult<Vec<(CardId, Sealed)>>;

    /// Replaces a card's secret and its fingerprint in one write.
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

/// The result of saving a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saved {
    /// It is the newest.
    Stored,
    /// A check that started later is stored already; only the mark was changed.
    Older,
    /// The card is gone; nothing was changed.
    CardGone,
}

/// The checks and their accounts.
#[async_trait]
pub trait CheckStore: Send + Sync {
    /// Writes the durable mark that a login is about to be sent; false if the login is not allowed.
    ///
    /// Conditional: refused while another check of the same day has an unsettled mark, and for a card
    /// that is paused or refused by the site. Returns once the mark would survive a crash.
    /// [`StoreError::NotFound`] if the card is gone.
    async fn begin_login(&self, card: &CardKey, mark: &LoginMark) -> StoreResult<bool>;

    /// Settles the mark of this check: its login has a known outcome.
    ///
    /// The mark stays, to show that the check is running, and blocks no other login. A refusal sets
    /// `refused_since` to the mark's time (if it is not set), unless an account was read since. Does
    /// nothing if the mark belongs to another check or the card is gone. Returns once the write would
    /// survive a crash.
    async fn record_login_outcome(
        &self,
        card: &CardKey,
        check: Uuid,
        outcome: LoginOutcome,
    ) -> StoreResult<()>;

    /// Saves a check with its account or failure, and removes its mark.
    ///
    /// Conditional, by these rules:
    ///
    /// - A check never overwrites one that started later, unless that one was `not_tried`, and never an
    ///   account that was read later. A failure keeps the last good account.
    /// - `wrong_credentials` sets `refused_since` to the start of the check (if it is not set), even if
    ///   the check is [`Saved::Older`], unless an account was read since. An account clears it and sets
    ///   `last_success_at`.
    /// - The mark is removed only if this check wrote it, even if the check is [`Saved::Older`]: a check
    ///   that found the mark of a crash must keep it. It stays if the failure leaves the login in doubt
    ///   and the login is not settled.
    /// - A failure's `retry_after` is not stored.
    async fn save_check(&self, check: &Check) -> StoreResult<Saved>;

    /// The last good accounts of a family's cards.
    async fn accounts_of(&self, family: &FamilyId) -> StoreResult<Vec<(CardId, StoredAccount)>>;
}

/// The data of a visit.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadedVisit {
    /// The library.
    pub library: Library,
    /// When its back-off ends; may be in the past.
    pub back_off_until: Option<DateTime<Utc>>,
    /// Since when it has been down.
    pub down_since: Option<DateTime<Utc>>,
    /// The cards and their sealed secrets, in the order asked for.
    pub cards: Vec<(CardRecord, Sealed)>,
}

/// Loads the data of a visit at once.
#[async_trait]
pub trait VisitStore: Send + Sync {
    /// Loads a library with these cards and their secrets; `None` if the library is gone. Removed cards
    /// are left out.
    async fn load_visit(
        &self,
        library: &LibraryId,
        cards: &[CardKey],
    ) -> StoreResult<Option<LoadedVisit>>;
}

/// A family with its cards and their accounts.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadedFamily {
    /// The family.
    pub family: Family,
    /// Its cards, by id, and the last good account of those that have one.
    pub cards: Vec<(CardRecord, Option<StoredAccount>)>,
}

/// Loads the data of a notice at once.
#[async_trait]
pub trait AccountStore: Send + Sync {
    /// Loads a family with its cards and their accounts; `None` if the family is gone.
    async fn load_family(&self, family: &FamilyId) -> StoreResult<Option<LoadedFamily>>;
}

/// The position in a list of mails: the last mail of the previous page.
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

/// The origin of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreOrigin {
    /// It has been in use without a restore.
    Known,
    /// It was restored from a copy, and the mails that may have been sent since are not held yet.
    Restored {
        /// Whether [`OutboxStore::sent_before`] knows every sent mail.
        knows_sent: bool,
    },
}

/// The outbox.
#[async_trait]
pub trait OutboxStore: Send + Sync {
    /// Inserts a record if there is none of its key; true if it was inserted.
    /// [`StoreError::NotFound`] if the family is not there.
    ///
    /// If the date was sent before ([`OutboxStore::sent_before`]) but has no record, a held record is
    /// inserted instead: false.
    async fn plan_mail(&self, record: &OutboxRecord) -> StoreResult<bool>;

    /// The record of one mail.
    async fn mail(&self, key: &MailKey) -> StoreResult<Option<OutboxRecord>>;

    /// Replaces a record if its stored revision is still `revision`; true if it was replaced.
    ///
    /// One conditional write. `None` keeps the stored last notice. Returns once the write would survive a
    /// crash. False if there is no such record.
    async fn replace_mail(
        &self,
        revision: u64,
        record: &OutboxRecord,
        last_notice: Option<&LastNotice>,
    ) -> StoreResult<bool>;

    /// The records that are not final, oldest date first, then by kind and family; at most `limit`
    /// after `after`. A state unknown to this version is not final.
    async fn open_mails(
        &self,
        after: Option<&OutboxCursor>,
        limit: usize,
    ) -> StoreResult<Vec<OutboxRecord>>;

    /// The last notice of the newest daily mail (by date) that is SENT; falls back to the newest one
    /// that has it on record.
    async fn last_sent_notice(&self, family: &FamilyId) -> StoreResult<Option<LastNotice>>;

    /// Where the store comes from.
    async fn origin(&self) -> StoreResult<StoreOrigin>;

    /// Ends a restore durably: every date that may have been sent is on record now.
    async fn end_restore(&self) -> StoreResult<()>;

    /// The claim under which a mail last reached SENDING, from data that outlives its record and family.
    /// `None`: it never did, or its record has all that is known.
    async fn sent_before(&self, key: &MailKey) -> StoreResult<Option<u64>>;

    /// The newest records of a family's mails of one kind, newest date first.
    async fn recent_mails(
        &self,
        kind: &MailKind,
        family: &FamilyId,
        limit: usize,
    ) -> StoreResult<Vec<OutboxRecord>>;
}

/// The result of starting a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunStart {
    /// It is recorded and may run.
    Started,
    /// A run of this key is on record already: the schedule fired twice.
    AlreadyRan(Run),
    /// The last run of the label is still going; this one is recorded as skipped.
    StillRunning(Run),
}

/// The ledger of runs.
#[async_trait]
pub trait RunStore: Send + Sync {
    /// Records a run before its work begins, in one write.
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

    /// Records a run that ended without starting, if its key is free; true if it was recorded. It blocks
    /// no other run.
    async fn record_run(&self, run: &Run) -> StoreResult<bool>;

    /// Replaces a run's report, end, outcome and counts; [`StoreError::NotFound`] if it is not there.
    async fn report_run(&self, run: &Run) -> StoreResult<()>;

    /// Upserts a work item's result in one write; idempotent.
    async fn save_work_item(&self, run: &RunKey, work: &WorkItem) -> StoreResult<()>;

    /// The work items of a run, by item id.
    async fn work_items(&self, run: &RunKey) -> StoreResult<Vec<WorkItem>>;

    /// The damaged rows that were found since the store was opened.
    ///
    /// Lists leave a damaged row out, and a read by its id finds nothing.
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
    /// By default filtered from all runs of the job; a store that keeps a label's runs together overrides
    /// it.
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

    /// Deletes runs started, notices planned and alerts last raised before `before`; open notices stay.
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
    /// One of many callers wins; another may claim it after
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

/// Every trait that the command and the jobs need of a store.
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

/// Limits the concurrency at a library's site: at most two visits hold a permit at a time.
#[async_trait]
pub trait ConcurrencyLimit: Send + Sync {
    /// Waits for a permit at the library. Dropping it, also in a crash, releases it.
    async fn enter(&self, library: &LibraryId) -> StoreResult<Box<dyn Send + Sync>>;

    /// Whether the caller holds the library's only permit; `None`: unknown.
    async fn is_alone(&self, library: &LibraryId) -> StoreResult<Option<bool>> {
        let _ = library;
        Ok(None)
    }
}
