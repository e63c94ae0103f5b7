//! The context that the scheduled runs of a function share: the schedules, and the steps after a
//! run.

use std::sync::atomic::{AtomicBool, Ordering};

use hippo_core::alerts::after_run::AfterRun;
use hippo_core::jobs::JobError;
use hippo_core::run::JobName;
use hippo_core::run::any_job::AnyJob;
use hippo_core::run::harness::Harness;
use hippo_core::run::ledger::RunPlan;
use hippo_core::schedule::Schedule;
use hippo_core::store::{DeclaredScheduleStore, StoreResult};

use super::event::ScheduleEvent;
use crate::metrics::Metrics;
use crate::schedules::Schedules;

/// The context that all runs of a function share.
pub struct RunContext<'a> {
    /// Runs the job.
    pub harness: Harness<'a>,
    /// Where metrics go.
    pub metrics: &'a Metrics,
    /// The job's schedules.
    pub schedules: SavedSchedules<'a>,
    /// The steps after a run.
    pub after: AfterRun<'a>,
}

/// A job's schedules, which the first run saves for the command.
pub struct SavedSchedules<'a> {
    schedules: &'a Schedules,
    store: &'a dyn DeclaredScheduleStore,
    are_saved: AtomicBool,
}

impl<'a> SavedSchedules<'a> {
    /// Saves these schedules in this store.
    pub fn new(schedules: &'a Schedules, store: &'a dyn DeclaredScheduleStore) -> Self {
        Self {
            schedules,
            store,
            are_saved: AtomicBool::new(false),
        }
    }

    /// How many schedules there are.
    pub(super) fn count(&self) -> usize {
        self.schedules.len()
    }
}

impl RunContext<'_> {
    /// Plans the run that an event asks for, with the rules of its label's schedule.
    pub(super) fn plan(
        &self,
        job: &dyn AnyJob,
        event: &ScheduleEvent,
    ) -> Result<RunPlan<'_>, JobError> {
        let mut plan = RunPlan {
            after: Some(&self.after),
            ..event.plan(job)?
        };
        if let Some(schedule) = self.schedules.schedules.get(&event.label) {
            plan = plan.with_rules(schedule.start_rules());
            if event.is_replayed {
                // The Scheduler gives up at the deadline, so every dead letter of its is late.
                plan.rules.start_deadline = None;
            }
        }
        Ok(plan)
    }

    /// Saves the job's schedules. Returns how many changed.
    pub(super) async fn save_schedules(&self, job: JobName) -> StoreResult<usize> {
        let SavedSchedules {
            schedules,
            store,
            are_saved,
        } = &self.schedules;
        let schedules: Vec<Schedule> = schedules.values().cloned().collect();
        let changed = store.save_schedules(job, &schedules).await?;
        are_saved.store(true, Ordering::Relaxed);
        if changed > 0 {
            tracing::info!(changed, "Saved the declared schedules.");
        }
        Ok(changed)
    }

    /// Saves the job's schedules, unless this process has saved them already.
    ///
    /// If that fails, a later run tries again: the schedules in the store are only for people.
    pub(super) async fn save_schedules_once(&self, job: JobName) {
        if !self.schedules.are_saved.load(Ordering::Relaxed)
            && let Err(error) = self.save_schedules(job).await
        {
            tracing::warn!(%error, "Couldn't save the declared schedules.");
        }
    }
}
