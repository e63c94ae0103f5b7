//! The pauses of the schedules.

use async_trait::async_trait;

use super::MemoryStore;
use crate::ids::Label;
use crate::schedule::Pause;
use crate::store::{PauseStore, StoreResult};

#[async_trait]
impl PauseStore for MemoryStore {
    async fn pauses(&self) -> StoreResult<Vec<Pause>> {
        Ok(self.read()?.pauses.values().cloned().collect())
    }

    async fn replace_pauses(
        &self,
        label: Option<&Label>,
        before: &[Pause],
        after: &[Pause],
    ) -> StoreResult<bool> {
        let mut state = self.write()?;
        let is_own = |pause: &Pause| pause.label.as_ref() == label;
        let own = state.pauses.values().filter(|pause| is_own(pause));
        if !own.eq(before) {
            return Ok(false);
        }
        state.pauses.retain(|_, pause| !is_own(pause));
        for pause in after {
            let key = (pause.since, pause.label.clone());
            state.pauses.insert(key, pause.clone());
        }
        Ok(true)
    }
}
