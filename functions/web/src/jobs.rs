//! Starts runs from the console.

use async_trait::async_trait;
use hippo_aws::start_jobs::{CannotStart, JobStarter};
use hippo_web::{StartJob, StartJobError, StartRequest};

/// The functions of the jobs.
pub(crate) struct Functions(pub(crate) JobStarter);

#[async_trait]
impl StartJob for Functions {
    async fn start_job(&self, request: &StartRequest) -> Result<(), StartJobError> {
        let started = match request {
            StartRequest::Job { job, input } => self.0.start(*job, input).await,
            StartRequest::Retry { run, only_failed } => self.0.start_again(run, *only_failed).await,
        };
        match started {
            Ok(_) => Ok(()),
            Err(CannotStart::StillRunning) => Err(StartJobError::StillRunning),
            Err(CannotStart::Failed(reason)) => Err(StartJobError::CannotStart(reason)),
        }
    }
}
