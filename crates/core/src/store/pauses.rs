//! The pauses of the schedules.

use async_trait::async_trait;

use super::StoreResult;
use crate::schedule::Pause;

/// Stores the pauses of the schedules: the switch that every run of a schedule reads, and a record of
/// who paused what, when and why.
#[async_trait]
pub trait PauseStore: Send + Sync {
    /// Lists the pauses, those that ended too, ordered by when they began and by label.
    ///
    /// A pause is deleted after it has been over for as long as runs are kept.
    async fn pauses(&self) -> StoreResult<Vec<Pause>>;

    /// Stores a pause if its label and beginning are still free (`before` is `None`), or else if the
    /// stored one is still `before`; true if it was stored.
    ///
    /// A pause keeps its label and its beginning.
    async fn replace_pause(&self, before: Option<&Pause>, after: &Pause) -> StoreResult<bool>;
}
