//! Starting jobs from the console.

use async_trait::async_trait;
use hippo_core::run::{JobName, RunKey};
use serde_json::{Map, Value};

/// What a person wants to start.
#[derive(Debug, Clone, PartialEq)]
pub enum StartRequest {
    /// A job with an input.
    Job {
        /// The job.
        job: JobName,
        /// Its input.
        input: Map<String, Value>,
    },
    /// Retries a run.
    Retry {
        /// The run.
        run: RunKey,
        /// Only what failed in it.
        only_failed: bool,
    },
}

/// Why a job was not started.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StartJobError {
    /// The same run is still going, or was started less than a minute ago.
    #[error("the same run is still going")]
    StillRunning,
    /// It can't be started now.
    #[error("the job can't be started: {0}")]
    CannotStart(String),
}

/// Starts jobs for the pages.
#[async_trait]
pub trait StartJob: Send + Sync {
    /// Starts a run and returns at once. The same request starts nothing while its run is going.
    async fn start_job(&self, request: &StartRequest) -> Result<(), StartJobError>;
}
