//! The declared schedules.

use async_trait::async_trait;

use super::MemoryStore;
use crate::run::JobName;
use crate::schedule::Schedule;
use crate::store::{DeclaredScheduleStore, ScheduleChanges, StoreResult};

#[async_trait]
impl DeclaredScheduleStore for MemoryStore {
    async fn declared_schedules(&self, job: JobName) -> StoreResult<Vec<Schedule>> {
        let inside = self.lock();
        let stored = inside.schedules.get(&job).cloned().unwrap_or_default();
        Ok(stored.into_values().flatten().collect())
    }

    async fn save_schedules(&self, job: JobName, schedules: &[Schedule]) -> StoreResult<usize> {
        let mut inside = self.write()?;
        let stored = inside.schedules.entry(job).or_default();
        let changed = ScheduleChanges::between(stored, schedules).count();
        *stored = schedules
            .iter()
            .map(|schedule| (schedule.label.clone(), Some(schedule.clone())))
            .collect();
        Ok(changed)
    }
}
