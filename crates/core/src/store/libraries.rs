//! The libraries and their back-offs, and how many may visit one at a time.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::StoreResult;
use crate::ids::LibraryId;
use crate::library::Library;

/// Stores the libraries and their back-offs.
#[async_trait]
pub trait LibraryStore: Send + Sync {
    /// Adds a library; [`AlreadyExists`](super::StoreError::AlreadyExists) if its id is taken.
    async fn add_library(&self, library: &Library) -> StoreResult<()>;

    /// Replaces a library; [`NotFound`](super::StoreError::NotFound) if it is missing.
    ///
    /// Keeps its back-off and down mark, unless `base_url` changes: then it clears both, since they belong
    /// to the old site.
    async fn update_library(&self, library: &Library) -> StoreResult<()>;

    /// Returns a library, or `None` if it is missing.
    async fn library(&self, id: &LibraryId) -> StoreResult<Option<Library>>;

    /// Lists all libraries, ordered by id.
    async fn libraries(&self) -> StoreResult<Vec<Library>>;

    /// Removes a library; [`InUse`](super::StoreError::InUse) while it has cards,
    /// [`NotFound`](super::StoreError::NotFound) if it is missing.
    async fn remove_library(&self, id: &LibraryId) -> StoreResult<()>;

    /// Backs off from a library until `until`; [`NotFound`](super::StoreError::NotFound) if it is missing.
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
    /// [`NotFound`](super::StoreError::NotFound) if it is missing.
    ///
    /// Keeps an earlier time.
    async fn mark_library_down(
        &self,
        id: &LibraryId,
        since: DateTime<Utc>,
    ) -> StoreResult<DateTime<Utc>>;

    /// Marks a library as up; does nothing if it is gone.
    async fn mark_library_up(&self, id: &LibraryId) -> StoreResult<()>;

    /// Records that an account of this library was read with this entry, so that its system is right; does
    /// nothing if the library is gone.
    ///
    /// If the stored entry has another address or system in the meantime, that one doesn't count as read.
    async fn record_library_read(&self, library: &Library) -> StoreResult<()>;

    /// Returns when a library's back-off ends; the time may be in the past.
    async fn back_off_until(&self, id: &LibraryId) -> StoreResult<Option<DateTime<Utc>>>;
}

/// Limits how many cards are checked at one library at once. A check holds a permit.
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
