//! Steps before and after runs.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::{JobName, Run};
use crate::jobs::JobError;

/// A step before and after the runs of one job, or of all jobs.
#[async_trait]
pub trait RunStep: Send + Sync {
    /// Runs after the run was recorded as started, and before its work. An error fails the run.
    async fn before(&self, _run: &Run) -> Result<(), JobError> {
        Ok(())
    }

    /// Runs after the end was recorded, however the run ended. A panic is only logged.
    async fn after(&self, _run: &Run) {}
}

/// The steps around the runs of each job.
#[derive(Clone, Default)]
pub struct RunSteps<'a> {
    /// Steps before and after the runs of every job; they wrap those of a single job.
    pub for_all_jobs: Vec<&'a dyn RunStep>,
    /// Steps before and after the runs of a single job.
    pub by_job: BTreeMap<JobName, Vec<&'a dyn RunStep>>,
}

impl<'a> RunSteps<'a> {
    /// Lists the steps around a job's runs, outermost first.
    pub(super) fn list(&self, job: JobName) -> Vec<&'a dyn RunStep> {
        let own = self.by_job.get(&job).into_iter().flatten();
        self.for_all_jobs.iter().chain(own).copied().collect()
    }
}
