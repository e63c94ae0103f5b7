//! The libraries and their back-offs.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::MemoryStore;
use crate::ids::LibraryId;
use crate::library::{Library, ReadAs, is_plausible_back_off};
use crate::store::{LibraryStore, StoreError, StoreResult};

#[async_trait]
impl LibraryStore for MemoryStore {
    async fn add_library(&self, library: &Library) -> StoreResult<()> {
        let mut state = self.write()?;
        if state.libraries.contains_key(&library.id) {
            return Err(StoreError::AlreadyExists(format!(
                "a library “{}”",
                library.id
            )));
        }
        state.libraries.insert(library.id.clone(), library.clone());
        Ok(())
    }

    async fn update_library(&self, library: &Library) -> StoreResult<()> {
        let mut state = self.write()?;
        let Some(stored) = state.libraries.get_mut(&library.id) else {
            return Err(StoreError::NotFound(format!("library “{}”", library.id)));
        };
        let has_moved = stored.base_url != library.base_url;
        stored.clone_from(library);
        if has_moved {
            state.backing_off.remove(&library.id);
            state.down.remove(&library.id);
        }
        Ok(())
    }

    async fn library(&self, id: &LibraryId) -> StoreResult<Option<Library>> {
        Ok(self.read()?.libraries.get(id).cloned())
    }

    async fn libraries(&self) -> StoreResult<Vec<Library>> {
        Ok(self.read()?.libraries.values().cloned().collect())
    }

    async fn remove_library(&self, id: &LibraryId) -> StoreResult<()> {
        let mut state = self.write()?;
        if state
            .cards
            .values()
            .any(|record| record.card.library == *id)
        {
            return Err(StoreError::InUse(format!(
                "The library “{id}” still has cards; remove them first."
            )));
        }
        state.backing_off.remove(id);
        state.down.remove(id);
        state.read_as.remove(id);
        match state.libraries.remove(id) {
            Some(_) => Ok(()),
            None => Err(StoreError::NotFound(format!("library “{id}”"))),
        }
    }

    async fn back_off(
        &self,
        id: &LibraryId,
        until: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> StoreResult<()> {
        let mut state = self.write()?;
        if !state.libraries.contains_key(id) {
            return Err(StoreError::NotFound(format!("library “{id}”")));
        }
        let stored = state.backing_off.entry(id.clone()).or_insert(until);
        if *stored < until || !is_plausible_back_off(*stored, now) {
            *stored = until;
        }
        Ok(())
    }

    async fn mark_library_down(
        &self,
        id: &LibraryId,
        since: DateTime<Utc>,
    ) -> StoreResult<DateTime<Utc>> {
        let mut state = self.write()?;
        if !state.libraries.contains_key(id) {
            return Err(StoreError::NotFound(format!("library “{id}”")));
        }
        let stored = state.down.entry(id.clone()).or_insert(since);
        *stored = (*stored).min(since);
        Ok(*stored)
    }

    async fn mark_library_up(&self, id: &LibraryId) -> StoreResult<()> {
        self.write()?.down.remove(id);
        Ok(())
    }

    async fn record_library_read(&self, library: &Library) -> StoreResult<()> {
        let mut state = self.write()?;
        if state.libraries.contains_key(&library.id) {
            let read_as = ReadAs::from_entry(library);
            state.read_as.insert(library.id.clone(), read_as);
        }
        Ok(())
    }

    async fn back_off_until(&self, id: &LibraryId) -> StoreResult<Option<DateTime<Utc>>> {
        Ok(self.read()?.backing_off.get(id).copied())
    }
}
