//! The pauses of the schedules.

use async_trait::async_trait;

use super::StoreResult;
use crate::ids::Label;
use crate::schedule::Pause;

/// Stores the pauses of the schedules: the switch that every run of a schedule reads, and a record of
/// who paused what, when and why.
#[async_trait]
pub trait PauseStore: Send + Sync {
    /// Lists the pauses, those that ended too, ordered by when they began and by label.
    ///
    /// A pause is deleted after it has been over for as long as runs are kept.
    async fn pauses(&self) -> StoreResult<Vec<Pause>>;

    /// Replaces the pauses of a label, or those of all schedules (`None`), if they are still `before`, in one
    /// conditional write; true if they were replaced.
    ///
    /// Both lists hold pauses of this label only, ordered by when they began, each at another time.
    async fn replace_pauses(
        &self,
        label: Option<&Label>,
        before: &[Pause],
        after: &[Pause],
    ) -> StoreResult<bool>;
}
