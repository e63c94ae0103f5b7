//! Steps before and after runs.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::{JobName, Run};
use crate::jobs::JobError;

/// Steps around the runs of one job, or of all.
#[async_trait]
pub trait Around: Send + Sync {
    /// Runs after the run was recorded as started, and before its work. An error fails the run.
    async fn before(&self, _run: &Run) -> Result<(), JobError> {
        Ok(())
    }

    /// Runs after the end was recorded, however the run ended. A panic is only logged.
    async fn after(&self, _run: &Run) {}
}

/// The steps around the runs of each job.
#[derive(Clone, Default)]
pub struct Arounds<'a> {
    /// Around the runs of every job; they wrap those of a single job.
    pub of_all: Vec<&'a dyn Around>,
    /// Around the runs of a single job.
    pub of_job: BTreeMap<JobName, Vec<&'a dyn Around>>,
}

impl<'a> Arounds<'a> {
    /// Lists the steps around a job's runs, outermost first.
    pub(super) fn list(&self, job: JobName) -> Vec<&'a dyn Around> {
        let own = self.of_job.get(&job).into_iter().flatten();
        self.of_all.iter().chain(own).copied().collect()
    }
}
