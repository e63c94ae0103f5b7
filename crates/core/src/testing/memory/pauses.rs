//! The pauses of the schedules.

use async_trait::async_trait;

use super::MemoryStore;
use crate::schedule::Pause;
use crate::store::{PauseStore, StoreResult};

#[async_trait]
impl PauseStore for MemoryStore {
    async fn pauses(&self) -> StoreResult<Vec<Pause>> {
        Ok(self.lock().pauses.values().cloned().collect())
    }

    async fn replace_pause(&self, before: Option<&Pause>, after: &Pause) -> StoreResult<bool> {
        let mut inside = self.write()?;
        let key = (after.since, after.label.clone());
        let is_unchanged = inside.pauses.get(&key) == before;
        if is_unchanged {
            inside.pauses.insert(key, after.clone());
        }
        Ok(is_unchanged)
    }
}
