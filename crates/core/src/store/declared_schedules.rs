//! The declared schedules as a deployment resolved them, for programs that can't read the declarations.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

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
    /// Ignores the job of each schedule. If another writer saves at the same time, each schedule is that
    /// of one of the two.
    async fn save_schedules(
        &self,
        job: JobName,
        schedules: &[Schedule],
        now: DateTime<Utc>,
    ) -> StoreResult<SavedSchedules>;
}

/// A declared schedule as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredSchedule {
    /// The schedule.
    pub schedule: Schedule,
    /// Since when it has had its times.
    pub times_since: DateTime<Utc>,
}

/// What a save found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SavedSchedules {
    /// How many schedules were added, changed or removed.
    pub changed: usize,
    /// Since when each schedule has had its times: no earlier time of theirs was ever due.
    pub times_since: BTreeMap<Label, DateTime<Utc>>,
}

/// What turns a job's stored schedules into the declared ones.
#[derive(Debug, PartialEq)]
pub struct ScheduleChanges<'a> {
    /// Those to store.
    pub save: Vec<StoredSchedule>,
    /// Those to remove.
    pub remove: Vec<&'a Label>,
    times_since: BTreeMap<Label, DateTime<Utc>>,
}

impl<'a> ScheduleChanges<'a> {
    /// Compares the declared schedules with the stored ones; `None` is one that can't be read.
    pub fn between(
        stored: &'a BTreeMap<Label, Option<StoredSchedule>>,
        declared: &[Schedule],
        now: DateTime<Utc>,
    ) -> Self {
        let mut save = Vec::new();
        let mut times_since = BTreeMap::new();
        for schedule in declared {
            let before = stored.get(&schedule.label).and_then(Option::as_ref);
            let same_times = before.filter(|before| has_same_times(&before.schedule, schedule));
            let since = same_times.map_or(now, |before| before.times_since);
            times_since.insert(schedule.label.clone(), since);
            if before.is_none_or(|before| before.schedule != *schedule) {
                save.push(StoredSchedule {
                    schedule: schedule.clone(),
                    times_since: since,
                });
            }
        }
        let is_declared = |label: &Label| times_since.contains_key(label);
        let remove = stored.keys().filter(|label| !is_declared(label)).collect();
        Self {
            save,
            remove,
            times_since,
        }
    }

    /// What the save found, when it is done.
    pub fn into_saved(self) -> SavedSchedules {
        SavedSchedules {
            changed: self.save.len() + self.remove.len(),
            times_since: self.times_since,
        }
    }
}

/// Whether two schedules of a label fire at the same times, closed days aside: these exclude times, and
/// are known at any time.
fn has_same_times(one: &Schedule, other: &Schedule) -> bool {
    one.recurrence == other.recurrence
        && one.enabled == other.enabled
        && one.start == other.start
        && one.end == other.end
}
