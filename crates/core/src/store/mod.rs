//! The stores, behind narrow traits.
//!
//! Every implementation passes the same contract tests (`testing::contract`). Several tasks and
//! processes may call any method at once. The store checks the condition of a write during the write, and
//! doesn't rely on an earlier read.

mod audit;
mod declared_schedules;
mod feeds;
mod identities;
mod invitations;
mod pauses;
mod pictures;
mod restore;
mod run_days;
mod sign_ins;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::alerts::{Alert, AlertKey, PendingAlerts, StoredAlert};
use crate::card::{
    Card, CardKey, CardPause, CardRecord, Fingerprint, LoginMark, LoginOutcome, StoredAccount,
};
use crate::check::Check;
use crate::email_address::EmailAddress;
use crate::family::{Family, StoppedRecipient, Unsubscription};
use crate::ids::{CardId, FamilyId, Label, LibraryId};
use crate::library::Library;
use crate::notice::last_notice::LastNotice;
use crate::outbox::{MailKey, MailKind, OutboxRecord};
use crate::run::tick_times::TickTimes;
use crate::run::work::WorkItem;
use crate::run::{JobName, Run, RunKey};
use crate::seal::Sealed;

pub use self::audit::AuditStore;
pub use self::declared_schedules::{
    DeclaredScheduleStore, SavedSchedules, ScheduleChanges, StoredSchedule,
};
pub use self::feeds::FeedStore;
pub use self::identities::IdentityStore;
pub use self::invitations::InvitationStore;
pub use self::pauses::PauseStore;
pub use self::pictures::{
    FetchedPicture, PICTURE_RETENTION_DAYS, PictureDay, PictureDayState, PictureStore,
};
pub use self::restore::{CardConflict, CardCopy, RestoreOutcome, RestoreStore, WriteMode};
pub use self::run_days::RunDayStore;
pub use self::sign_ins::SignInStore;

/// Why a store operation failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The id is taken.
    #[error("There is {0} already.")]
    AlreadyExists(String),
    /// No record has that id.
    #[error("There is no {0}.")]
    NotFound(String),
    /// Another record still refers to it.
    #[error("{0}")]
    InUse(String),
    /// The record is larger than the store allows; nothing was changed.
    #[error("{0}")]
    TooLarge(String),
    /// The store is unreachable or busy; a later try may work.
    #[error("The store is not available: {0}")]
    Unavailable(String),
    /// A stored record is damaged, or a newer version wrote it.
    #[error("The store cannot be used: {0}")]
    Unusable(String),
}

/// Identifies a damaged row, without its content.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct DamagedRow {
    /// The table.
    pub table: String,
    /// The row's id.
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

/// Stores the families.
#[async_trait]
pub trait FamilyStore: Send + Sync {
    /// Adds a family; [`StoreError::AlreadyExists`] if its id is taken.
    async fn add_family(&self, family: &Family) -> StoreResult<()>;

    /// Replaces a family, except who is stopped or unsubscribed; [`StoreError::NotFound`] if it is missing.
    ///
    /// Only the methods about one recipient change that. So an edit can't undo a concurrent report of the
    /// mail service, or a person's wish.
    async fn update_family(&self, family: &Family) -> StoreResult<()>;

    /// Replaces a family, except who is stopped or unsubscribed, if it is still `before`, in one
    /// conditional write; true if it was replaced. Who is stopped or unsubscribed doesn't count as a change.
    async fn replace_family(&self, before: &Family, after: &Family) -> StoreResult<bool>;

    /// Returns a family, or `None` if it is missing.
    async fn family(&self, id: &FamilyId) -> StoreResult<Option<Family>>;

    /// Lists all families, ordered by id.
    async fn families(&self) -> StoreResult<Vec<Family>>;

    /// Lists at most `limit` families after `after`, ordered by id.
    ///
    /// By default it loads all families; a store that can page overrides it.
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

    /// Stops a recipient as [`Family::stop_recipient`] does, in one conditional write; returns false also
    /// if the family is gone.
    async fn stop_recipient(&self, id: &FamilyId, stopped: &StoppedRecipient) -> StoreResult<bool>;

    /// Allows a recipient again as [`Family::allow_recipient`] does, in one conditional write; returns
    /// false also if the family is gone.
    async fn allow_recipient(&self, id: &FamilyId, address: &EmailAddress) -> StoreResult<bool>;

    /// Unsubscribes a recipient as [`Family::unsubscribe`] does, in one conditional write; returns false
    /// also if the family is gone.
    async fn unsubscribe(
        &self,
        id: &FamilyId,
        unsubscription: &Unsubscription,
    ) -> StoreResult<bool>;

    /// Subscribes a recipient again as [`Family::resubscribe`] does, in one conditional write; returns
    /// false also if the family is gone.
    async fn resubscribe(
        &self,
        id: &FamilyId,
        address: &EmailAddress,
        kind: &MailKind,
    ) -> StoreResult<bool>;

    /// Sends every kind of mail to an address again; false if it got all of them.
    async fn allow_every_mail(&self, id: &FamilyId, address: &EmailAddress) -> StoreResult<bool> {
        let mut has_changed = self.allow_recipient(id, address).await?;
        for kind in MailKind::ALL {
            has_changed |= self.resubscribe(id, address, kind).await?;
        }
        Ok(has_changed)
    }

    /// Removes a family with its mails and feeds, and its cards with their secrets and accounts;
    /// [`StoreError::NotFound`] if it is missing.
    async fn remove_family(&self, id: &FamilyId) -> StoreResult<()>;
}

/// Stores the libraries and their back-offs.
#[async_trait]
pub trait LibraryStore: Send + Sync {
    /// Adds a library; [`StoreError::AlreadyExists`] if its id is taken.
    async fn add_library(&self, library: &Library) -> StoreResult<()>;

    /// Replaces a library; [`StoreError::NotFound`] if it is missing.
    ///
    /// Keeps its back-off and down mark, unless `base_url` changes: then it clears both, since they belong
    /// to the old site.
    async fn update_library(&self, library: &Library) -> StoreResult<()>;

    /// Returns a library, or `None` if it is missing.
    async fn library(&self, id: &LibraryId) -> StoreResult<Option<Library>>;

    /// Lists all libraries, ordered by id.
    async fn libraries(&self) -> StoreResult<Vec<Library>>;

    /// Removes a library; [`StoreError::InUse`] while it has cards, [`StoreError::NotFound`] if it is
    /// missing.
    async fn remove_library(&self, id: &LibraryId) -> StoreResult<()>;

    /// Backs off from a library until `until`; [`StoreError::NotFound`] if it is missing.
    ///
    /// Keeps a later back-off, unless it's so far ahead of `now` that a wrong clock must have set it
    /// ([`is_plausible_back_off`]).
    ///
    /// [`is_plausible_back_off`]: crate::library::is_plausible_back_off
    async fn back_off(
        &self,
        id: &LibraryId,
        until: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> StoreResult<()>;

    /// Marks a library as down since `since`, and returns the start of its outage;
    /// [`StoreError::NotFound`] if it is missing.
    ///
    /// Keeps an earlier time.
    async fn mark_library_down(
        &self,
        id: &LibraryId,
        since: DateTime<Utc>,
    ) -> StoreResult<DateTime<Utc>>;

    /// Marks a library as up; does nothing if it is gone.
    async fn mark_library_up(&self, id: &LibraryId) -> StoreResult<()>;

    /// Records that an account of this library was read at `at`, so that its entry's system is right;
    /// does nothing if it is gone. Any time will do.
    ///
    /// Another address or system in the entry forgets it.
    async fn record_library_read(&self, id: &LibraryId, at: DateTime<Utc>) -> StoreResult<()>;

    /// Returns when a library's back-off ends; the time may be in the past.
    async fn back_off_until(&self, id: &LibraryId) -> StoreResult<Option<DateTime<Utc>>>;
}

/// Selects the cards to list; in JSON, the scope of a schedule's input.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Every card.
    #[default]
    All,
    /// The cards whose newest check failed or that were never checked.
    Failed,
    /// The cards that no run may check for now: paused, or refused by the site. A schedule's input can't
    /// select it.
    #[serde(skip)]
    Waiting,
}

impl Scope {
    /// The scopes that an input may have.
    pub const INPUTS: [Self; 2] = [Self::All, Self::Failed];

    /// Returns the name in options and JSON.
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
    /// The card's library.
    pub library: LibraryId,
    /// The card's fingerprint.
    pub fingerprint: Fingerprint,
    /// The card's id.
    pub card: CardId,
}

/// How often [`CardStore::set_pause`] reads a card whose pause somebody else changes.
const MAX_PAUSE_ATTEMPTS: u32 = 20;

/// Stores the cards.
#[async_trait]
pub trait CardStore: Send + Sync {
    /// Adds a card with its sealed number and PIN, in one write.
    ///
    /// [`StoreError::AlreadyExists`] if its id is taken, or its family already has a card with the same
    /// number at the library; [`StoreError::NotFound`] if the family or library is missing.
    async fn add_card(&self, card: &Card, secret: &Sealed) -> StoreResult<()>;

    /// Returns a card, or `None` if it is missing.
    async fn card(&self, id: CardId) -> StoreResult<Option<CardRecord>>;

    /// Lists a family's cards, ordered by id.
    async fn family_cards(&self, family: &FamilyId) -> StoreResult<Vec<CardRecord>>;

    /// Lists at most `limit` cards of a scope after `after`, ordered by library, fingerprint and id
    /// ([`CardCursor`]).
    ///
    /// Only [`Scope::Waiting`] lists paused and refused cards. It lists a card whose pause has ended too,
    /// until the card is checked.
    async fn cards_to_check(
        &self,
        scope: Scope,
        after: Option<&CardCursor>,
        limit: usize,
    ) -> StoreResult<Vec<CardRecord>>;

    /// Pauses the checks of a card, or resumes them (`None`), if its stored pause is still `before`, in one
    /// conditional write; true if it was changed. [`StoreError::NotFound`] if the card is missing.
    async fn replace_card_pause(
        &self,
        id: CardId,
        before: Option<&CardPause>,
        after: Option<&CardPause>,
    ) -> StoreResult<bool>;

    /// Pauses the checks of a card, or resumes them (`None`), whatever its pause is now;
    /// [`StoreError::NotFound`] if it is missing.
    async fn set_pause(&self, id: CardId, pause: Option<&CardPause>) -> StoreResult<()> {
        for _ in 0..MAX_PAUSE_ATTEMPTS {
            let record = self.card(id).await?;
            let record = record.ok_or_else(|| StoreError::NotFound(format!("card {id}")))?;
            let before = record.card.pause.as_ref();
            if self.replace_card_pause(id, before, pause).await? {
                return Ok(());
            }
        }
        Err(StoreError::Unavailable(
            "others keep changing the pause of this card".to_owned(),
        ))
    }

    /// Clears the refusal and the login mark of a card, so that a check may log in again;
    /// [`StoreError::NotFound`] if it is missing.
    async fn allow_retry(&self, id: CardId) -> StoreResult<()>;

    /// Removes a card with its secret and account; [`StoreError::NotFound`] if it is missing.
    async fn remove_card(&self, id: CardId) -> StoreResult<()>;
}

/// A sealed number and PIN that replace those of a card.
#[derive(Debug, Clone, PartialEq)]
pub struct NewSecret {
    /// What the card calls them: [`Card::secret_id`].
    pub id: Uuid,
    /// The fingerprint of the number.
    pub fingerprint: Fingerprint,
    /// Both, sealed.
    pub sealed: Sealed,
}

impl NewSecret {
    /// A number and PIN that somebody set anew.
    pub fn new(fingerprint: Fingerprint, sealed: Sealed) -> Self {
        Self {
            id: Uuid::new_v4(),
            fingerprint,
            sealed,
        }
    }

    /// The number and PIN that the card has, sealed anew.
    pub fn resealed(card: &Card, sealed: Sealed) -> Self {
        Self {
            id: card.secret_id,
            fingerprint: card.fingerprint.clone(),
            sealed,
        }
    }
}

/// Replaces sealed numbers and PINs, and can't read any.
#[async_trait]
pub trait SecretWriter: Send + Sync {
    /// Replaces a card's secret, its id and its fingerprint, if the id is still `before`, in one conditional
    /// write; true if it was replaced.
    ///
    /// [`StoreError::NotFound`] if the card is missing; [`StoreError::AlreadyExists`] if another card of
    /// its family has that number at the library.
    async fn replace_secret(
        &self,
        card: CardId,
        before: Uuid,
        after: &NewSecret,
    ) -> StoreResult<bool>;
}

/// Stores the sealed numbers and PINs.
#[async_trait]
pub trait SecretStore: SecretWriter {
    /// Returns the sealed secrets of these cards, without missing ones.
    async fn secrets(&self, cards: &[CardId]) -> StoreResult<Vec<(CardId, Sealed)>>;

    /// Lists all cards that have a secret, ordered by id.
    async fn cards_with_secrets(&self) -> StoreResult<Vec<CardId>>;
}

/// The result of saving a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saved {
    /// The check is stored, and is the newest.
    Stored,
    /// A check that started later is already stored, so this one is not.
    Older,
    /// The card is gone; nothing was changed.
    CardGone,
}

/// Stores the checks and their accounts.
#[async_trait]
pub trait CheckStore: Send + Sync {
    /// Writes the login mark before a login is sent; false if the login is not allowed.
    ///
    /// It is not allowed while another check of the same day has an unsettled mark, nor for a card that
    /// is paused at the mark's time or refused by the site. Returns once the mark would survive a crash.
    /// [`StoreError::NotFound`] if the card is gone.
    async fn begin_login(&self, card: &CardKey, mark: &LoginMark) -> StoreResult<bool>;

    /// Records the outcome of this check's login, which settles its login mark.
    ///
    /// A settled mark stays, to show that the check is running, but blocks no other login. A refusal
    /// sets `refused_since` to the mark's time (if it is not set), unless an account was read since. Does
    /// nothing if the mark belongs to another check or the card is gone. Returns once the write would
    /// survive a crash.
    async fn record_login_outcome(
        &self,
        card: &CardKey,
        check: Uuid,
        outcome: LoginOutcome,
    ) -> StoreResult<()>;

    /// Saves a check with its account or failure, and removes its login mark, by these rules:
    ///
    /// - A check never overwrites one that started later, unless that one was `not_tried`, and never an
    ///   account that was read later. A failure keeps the last good account.
    /// - A `not_tried` check keeps the failure of the check before it as `last_failed`, and a check that
    ///   was tried clears it ([`CardState::replace_last_check`](crate::card::CardState::replace_last_check)).
    /// - `wrong_credentials` sets `refused_since` to the start of the check (if it is not set), even if
    ///   the check is [`Saved::Older`], unless an account was read since. An account clears it and sets
    ///   `last_success_at`.
    /// - The mark is removed only if this check wrote it, even if the check is [`Saved::Older`]: a check
    ///   that found the mark of a crash must keep it. The mark stays if the failure leaves the login in
    ///   doubt and the mark is not settled.
    /// - A pause that ended before the check started is removed, unless the check is [`Saved::Older`].
    /// - A failure's `retry_after` is not stored.
    async fn save_check(&self, check: &Check) -> StoreResult<Saved>;

    /// Lists the last good accounts of a family's cards.
    async fn family_accounts(&self, family: &FamilyId)
    -> StoreResult<Vec<(CardId, StoredAccount)>>;
}

/// The data of a visit.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadedVisit {
    /// The library.
    pub library: Library,
    /// When its back-off ends; the time may be in the past.
    pub back_off_until: Option<DateTime<Utc>>,
    /// Since when it has been down; `None`: it is up.
    pub down_since: Option<DateTime<Utc>>,
    /// When an account was read with its present entry; `None`: never.
    pub read_at: Option<DateTime<Utc>>,
    /// The cards and their sealed secrets, in the requested order.
    pub cards: Vec<(CardRecord, Sealed)>,
}

/// Loads the data of a visit at once.
#[async_trait]
pub trait VisitStore: Send + Sync {
    /// Loads a library with these cards and their secrets, without removed cards; `None` if the library
    /// is gone.
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
    /// The family's cards, ordered by id, each with its last good account if it has one.
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
    /// The mail's local date.
    pub date: NaiveDate,
    /// The mail's kind.
    pub kind: MailKind,
    /// The mail's family.
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

/// Whether a store was restored from a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreOrigin {
    /// It was not restored.
    Known,
    /// It was restored, and the mails that may have been sent since the copy are not held yet.
    Restored {
        /// [`OutboxStore::last_sent_fence`] knows every sent mail.
        has_sent_fences: bool,
    },
}

/// Stores the outbox.
#[async_trait]
pub trait OutboxStore: Send + Sync {
    /// Inserts a record if its key is free; true if it was inserted. [`StoreError::NotFound`] if the
    /// family is missing.
    ///
    /// If the mail has no record but was sent before ([`OutboxStore::last_sent_fence`]), it inserts a held
    /// record instead and returns false.
    async fn plan_mail(&self, record: &OutboxRecord) -> StoreResult<bool>;

    /// Returns the record of a mail, or `None` if it is missing.
    async fn mail(&self, key: &MailKey) -> StoreResult<Option<OutboxRecord>>;

    /// Replaces a record if its stored revision is still `revision`; true if it was replaced.
    ///
    /// Returns false also if the record is missing. If `last_notice` is `None`, keeps the stored one. This
    /// is one conditional write; returns once it would survive a crash.
    async fn replace_mail(
        &self,
        revision: u64,
        record: &OutboxRecord,
        last_notice: Option<&LastNotice>,
    ) -> StoreResult<bool>;

    /// Lists at most `limit` records after `after` that are not final, ordered by date, kind and family.
    ///
    /// A state that this version doesn't know is not final.
    async fn open_mails(
        &self,
        after: Option<&OutboxCursor>,
        limit: usize,
    ) -> StoreResult<Vec<OutboxRecord>>;

    /// Returns the last notice of the newest SENT daily mail (by date) that stores one.
    async fn last_sent_notice(&self, family: &FamilyId) -> StoreResult<Option<LastNotice>>;

    /// Returns whether the store was restored from a copy.
    async fn origin(&self) -> StoreResult<StoreOrigin>;

    /// Ends a restore durably. Call it once every mail that may have been sent has a record.
    async fn end_restore(&self) -> StoreResult<()>;

    /// Returns the fence of the claim under which a mail last reached SENDING, from data that outlives the
    /// mail's record and family.
    ///
    /// `None`: it never reached SENDING, or its record has all that is known.
    async fn last_sent_fence(&self, key: &MailKey) -> StoreResult<Option<u64>>;

    /// Lists the newest records of a family's mails of one kind, newest date first.
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
    /// The run is recorded and may begin its work.
    Started,
    /// A run with this key is already recorded: the schedule fired twice.
    AlreadyRan(Run),
    /// The label's last run is still going; this one is recorded as skipped.
    StillRunning(Run),
}

/// Stores the ledger of runs.
#[async_trait]
pub trait RunStore: RunDayStore + PauseStore {
    /// Records a run before its work begins, in one write.
    ///
    /// A person's run [replaces](Run::may_replace) the record of one that never started.
    ///
    /// Unless `allow_overlap`, it looks for a `Running` run of the same job and label:
    ///
    /// - If that run reported within `silence` before `run.started_at`, the new run is recorded as
    ///   `SkippedStillRunning`, finished when it began.
    /// - If that run has been silent for longer, or a clock ahead of `run.started_at` wrote its report, it
    ///   is recorded as `Lost`, finished when it last reported.
    async fn start_run(
        &self,
        run: &Run,
        allow_overlap: bool,
        silence: Duration,
    ) -> StoreResult<RunStart>;

    /// Records a run that ended without starting, if its key is free; true if it was recorded.
    ///
    /// It blocks no other run.
    async fn record_run(&self, run: &Run) -> StoreResult<bool>;

    /// Replaces a run's report, end, outcome and counts; [`StoreError::NotFound`] if it is missing.
    async fn report_run(&self, run: &Run) -> StoreResult<()>;

    /// Upserts a work item's result in one write; idempotent.
    async fn save_work_item(&self, run: &RunKey, work: &WorkItem) -> StoreResult<()>;

    /// Lists the work items of a run, ordered by item id.
    async fn work_items(&self, run: &RunKey) -> StoreResult<Vec<WorkItem>>;

    /// Lists the damaged rows that were found since the store was opened.
    ///
    /// Other lists leave damaged rows out, and a read by id returns `None` for one.
    fn damaged_rows(&self) -> Vec<DamagedRow> {
        Vec::new()
    }

    /// Returns by how much `now` is ahead of the store's own clock; `None`: it has no clock.
    async fn clock_skew(&self, now: DateTime<Utc>) -> StoreResult<Option<TimeDelta>> {
        let _ = now;
        Ok(None)
    }

    /// Returns when `notify-all` ticked.
    async fn tick_times(&self) -> StoreResult<TickTimes>;

    /// Replaces the tick times if they are still `before`; true if they were replaced.
    async fn replace_tick_times(&self, before: &TickTimes, after: &TickTimes) -> StoreResult<bool>;

    /// Returns a run, or `None` if it is missing.
    async fn run(&self, key: &RunKey) -> StoreResult<Option<Run>>;

    /// Lists the newest runs, of one job or label if given; the one that began last comes first.
    async fn recent_runs(
        &self,
        job: Option<JobName>,
        label: Option<&Label>,
        limit: usize,
    ) -> StoreResult<Vec<Run>>;

    /// Lists at most `limit` of the newest runs of each label of a job, ordered by label; the one that
    /// began last comes first.
    ///
    /// By default it loads all runs of the job; a store that keeps a label's runs together overrides it.
    async fn newest_runs_by_label(&self, job: JobName, limit: usize) -> StoreResult<Vec<Run>> {
        let mut by_label: BTreeMap<Label, Vec<Run>> = BTreeMap::new();
        for run in self.recent_runs(Some(job), None, usize::MAX).await? {
            let of_label = by_label.entry(run.key.label.clone()).or_default();
            if of_label.len() < limit {
                of_label.push(run);
            }
        }
        Ok(by_label.into_values().flatten().collect())
    }

    /// Deletes runs started, notices planned, alerts last raised and pauses ended before `before`, except
    /// open notices; and the daily history before its date.
    async fn delete_before(&self, before: DateTime<Utc>) -> StoreResult<()>;
}

/// Stores the operator's alerts, and whether each was delivered.
#[async_trait]
pub trait AlertStore: Send + Sync {
    /// Records that an alert was raised, in one conditional write; true if it is new.
    ///
    /// Keeps an alert that a newer version stored under that key.
    async fn record_alert(
        &self,
        key: &AlertKey,
        alert: &Alert,
        now: DateTime<Utc>,
    ) -> StoreResult<bool>;

    /// Claims the delivery of an alert, in one conditional write; true if the caller must deliver it.
    ///
    /// Only one of many callers gets the claim. If the alert is still not delivered after
    /// [`CLAIM_TIMEOUT`](crate::alerts::CLAIM_TIMEOUT), another may claim it. False if it was delivered
    /// or never raised.
    async fn claim_alert(&self, key: &AlertKey, now: DateTime<Utc>) -> StoreResult<bool>;

    /// Marks an alert as delivered; does nothing if it is gone or was already delivered.
    async fn mark_alert_delivered(&self, key: &AlertKey, at: DateTime<Utc>) -> StoreResult<()>;

    /// Deletes an alert that turned out wrong, in one conditional write; does nothing if it changed since
    /// `stored` was read.
    async fn withdraw_alert(&self, stored: &StoredAlert) -> StoreResult<()>;

    /// Returns an alert; `None` if it is missing or this version can't read it.
    async fn alert(&self, key: &AlertKey) -> StoreResult<Option<StoredAlert>>;

    /// Lists all alerts that were not delivered, ordered by when they were last raised, oldest first.
    async fn pending_alerts(&self) -> StoreResult<PendingAlerts>;

    /// Lists the alerts that were raised last, newest first, without those that only a newer version can
    /// read.
    async fn recent_alerts(&self, limit: usize) -> StoreResult<Vec<StoredAlert>>;
}

/// Combines the store traits that the command and the jobs need.
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
    + DeclaredScheduleStore
    + PictureStore
    + FeedStore
    + SignInStore
    + AuditStore
    + InvitationStore
    + IdentityStore
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
        + DeclaredScheduleStore
        + PictureStore
        + FeedStore
        + SignInStore
        + AuditStore
        + InvitationStore
        + IdentityStore
{
}

/// Limits the concurrency at a library's site: at most two visits hold a permit at a time.
#[async_trait]
pub trait ConcurrencyLimit: Send + Sync {
    /// Waits for a permit at the library. Dropping the permit releases it, and so does a crash.
    async fn acquire_permit(&self, library: &LibraryId) -> StoreResult<Box<dyn Send + Sync>>;

    /// Returns whether nobody else holds a permit at the library; `None`: unknown.
    ///
    /// The caller must hold one.
    async fn is_alone(&self, library: &LibraryId) -> StoreResult<Option<bool>> {
        let _ = library;
        Ok(None)
    }
}
