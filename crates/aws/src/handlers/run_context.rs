//! The context that the scheduled runs of a function share: the schedules, and the hooks of a run.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use chrono::{DateTime, Utc};
use hippo_core::alerts::run_hooks::RunHooks;
use hippo_core::ids::Label;
use hippo_core::jobs::JobError;
use hippo_core::run::JobName;
use hippo_core::run::any_job::AnyJob;
use hippo_core::run::harness::Harness;
use hippo_core::run::ledger::{RunPlan, StartRules};
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
    /// The alerts and the heartbeat around a run.
    pub hooks: RunHooks<'a>,
}

/// A job's schedules, which the first run saves for the command.
pub struct SavedSchedules<'a> {
    schedules: &'a Schedules,
    store: &'a dyn DeclaredScheduleStore,
    /// Since when each has had its times, once they are saved.
    times_since: OnceLock<BTreeMap<Label, DateTime<Utc>>>,
}

impl<'a> SavedSchedules<'a> {
    /// Saves these schedules in this store.
    pub fn new(schedules: &'a Schedules, store: &'a dyn DeclaredScheduleStore) -> Self {
        Self {
            schedules,
            store,
            times_since: OnceLock::new(),
        }
    }

    /// How many schedules there are.
    pub(super) fn count(&self) -> usize {
        self.schedules.len()
    }

    /// Since when a schedule has had its times; `None` until they are saved.
    pub(super) fn times_since(&self, label: &Label) -> Option<DateTime<Utc>> {
        self.times_since.get()?.get(label).copied()
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
            hooks: Some(&self.hooks),
            ..event.plan(job)?
        };
        if let Some(schedule) = self.schedules.schedules.get(&event.label) {
            plan = plan.with_rules(StartRules::from_schedule(schedule));
            if event.is_replayed {
                // EventBridge Scheduler gives up at the deadline, so each of its dead letters is late.
                plan.rules.start_deadline = None;
            }
        }
        Ok(plan)
    }

    /// Saves the job's schedules. Returns how many changed.
    pub(super) async fn save_schedules(&self, job: JobName) -> StoreResult<usize> {
        let own = &self.schedules;
        let schedules: Vec<Schedule> = own.schedules.values().cloned().collect();
        let now = self.harness.clock.now();
        let saved = own.store.save_schedules(job, &schedules, now).await?;
        let changed = saved.changed;
        own.times_since.get_or_init(|| saved.times_since);
        if changed > 0 {
            tracing::info!(changed, "Saved the declared schedules.");
        }
        Ok(changed)
    }

    /// Saves the job's schedules, unless this process has saved them already.
    ///
    /// If that fails, a later run tries again: then a time that a changed schedule never had may count
    /// as missed.
    pub(super) async fn save_schedules_once(&self, job: JobName) {
        if self.schedules.times_since.get().is_none()
            && let Err(error) = self.save_schedules(job).await
        {
            tracing::warn!(%error, "Couldn't save the declared schedules.");
        }
    }
}
