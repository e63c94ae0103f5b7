//! The stores, behind narrow traits.
//!
//! Every implementation passes the same contract tests (`testing::contract`). Several tasks and
//! processes may call any method at once. The store checks the condition of a write during the write, and
//! doesn't rely on an earlier read.

mod alerts;
mod audit;
mod cards;
mod checks;
mod declared_schedules;
mod families;
mod feeds;
mod identities;
mod invitations;
mod libraries;
mod outbox;
mod pauses;
mod pictures;
mod restore;
mod run_days;
mod runs;
mod secrets;
mod sign_ins;
mod visits;

use crate::alerts::Alert;

pub use self::alerts::AlertStore;
pub use self::audit::AuditStore;
pub use self::cards::{CardCursor, CardStore, Scope};
pub use self::checks::{CheckStore, Saved};
pub use self::declared_schedules::{
    DeclaredScheduleStore, SavedSchedules, ScheduleChanges, StoredSchedule,
};
pub use self::families::FamilyStore;
pub use self::feeds::FeedStore;
pub use self::identities::IdentityStore;
pub use self::invitations::InvitationStore;
pub use self::libraries::{ConcurrencyLimit, LibraryStore};
pub use self::outbox::{OutboxCursor, OutboxStore, StoreOrigin};
pub use self::pauses::PauseStore;
pub use self::pictures::{
    FetchedPicture, PICTURE_RETENTION_DAYS, PictureDay, PictureDayState, PictureStore,
};
pub use self::restore::{CardConflict, CardCopy, RestoreOutcome, RestoreStore, WriteMode};
pub use self::run_days::RunDayStore;
pub use self::runs::{RunStart, RunStore};
pub use self::secrets::{NewSecret, SecretStore, SecretWriter};
pub use self::sign_ins::SignInStore;
pub use self::visits::{AccountStore, LoadedFamily, LoadedVisit, VisitStore};

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
    #[error("The store isn't available: {0}")]
    Unavailable(String),
    /// A stored record is damaged, or a newer version wrote it.
    #[error("The store can't be used: {0}")]
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
