//! The context that the scheduled runs of a function share: the schedules, and the steps after a
//! run.

use hippo_core::alerts::after_run::AfterRun;
use hippo_core::run::Job;
use hippo_core::run::ledger::{RunPlan, StartRules};
use serde_json::Value;

use super::event::ScheduleEvent;
use crate::metrics::Metrics;
use crate::schedules::Schedules;

/// The context that all runs of a function share.
pub struct RunContext<'a> {
    /// Where metrics go.
    pub metrics: &'a Metrics,
    /// The job's schedules.
    pub schedules: &'a Schedules,
    /// The steps after a run.
    pub after: AfterRun<'a>,
}

impl RunContext<'_> {
    /// Plans the run that an event asks for.
    pub(super) fn plan(&self, event: &ScheduleEvent, job: Job, input: Value) -> RunPlan<'_> {
        RunPlan {
            rules: StartRules {
                schedule: self.schedules.get(event.label.as_str()).cloned(),
                ..StartRules::default()
            },
            after: Some(&self.after),
            ..event.plan(job, input)
        }
    }
}
