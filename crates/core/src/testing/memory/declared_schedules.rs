//! The declared schedules.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::MemoryStore;
use crate::run::JobName;
use crate::schedule::Schedule;
use crate::store::{DeclaredScheduleStore, SavedSchedules, ScheduleChanges, StoreResult};

#[async_trait]
impl DeclaredScheduleStore for MemoryStore {
    async fn declared_schedules(&self, job: JobName) -> StoreResult<Vec<Schedule>> {
        let state = self.read()?;
        let stored = state.schedules.get(&job).into_iter().flatten();
        let known = stored.filter_map(|(_, stored)| stored.as_ref());
        Ok(known.map(|stored| stored.schedule.clone()).collect())
    }

    async fn save_schedules(
        &self,
        job: JobName,
        schedules: &[Schedule],
        now: DateTime<Utc>,
    ) -> StoreResult<SavedSchedules> {
        let mut state = self.write()?;
        let stored = state.schedules.entry(job).or_default();
        let before = stored.clone();
        let changes = ScheduleChanges::between(&before, schedules, now);
        for label in &changes.remove {
            stored.remove(*label);
        }
        for saved in &changes.save {
            stored.insert(saved.schedule.label.clone(), Some(saved.clone()));
        }
        Ok(changes.into_saved())
    }
}
