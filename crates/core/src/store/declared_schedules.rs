//! The declared schedules as a deployment resolved them, for whoever can't read the declarations.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::StoreResult;
use crate::ids::Label;
use crate::run::JobName;
use crate::schedule::Schedule;

/// Keeps the declared schedules of each job.
#[async_trait]
pub trait DeclaredScheduleStore: Send + Sync {
    /// Lists a job's schedules as they were last saved, by label.
    async fn declared_schedules(&self, job: JobName) -> StoreResult<Vec<Schedule>>;

    /// Replaces a job's schedules, in one read and one conditional write for each that changed.
    ///
    /// Ignores the job of each schedule. Returns how many changed. If another writer saves at the same
    /// time, each schedule is that of one of the two.
    async fn save_schedules(&self, job: JobName, schedules: &[Schedule]) -> StoreResult<usize>;
}

/// What turns a job's stored schedules into the declared ones.
#[derive(Debug, PartialEq)]
pub struct ScheduleChanges<'a> {
    /// Those to store.
    pub save: Vec<&'a Schedule>,
    /// Those to remove.
    pub remove: Vec<&'a Label>,
}

impl<'a> ScheduleChanges<'a> {
    /// Compares the declared schedules with the stored ones; `None` is one that can't be read.
    pub fn between(
        stored: &'a BTreeMap<Label, Option<Schedule>>,
        declared: &'a [Schedule],
    ) -> Self {
        let is_stored = |schedule: &&Schedule| {
            let stored = stored.get(&schedule.label).and_then(Option::as_ref);
            stored == Some(*schedule)
        };
        let is_declared = |label: &Label| declared.iter().any(|one| one.label == *label);
        Self {
            save: declared.iter().filter(|one| !is_stored(one)).collect(),
            remove: stored.keys().filter(|label| !is_declared(label)).collect(),
        }
    }

    /// How many schedules change.
    pub fn count(&self) -> usize {
        self.save.len() + self.remove.len()
    }
}
