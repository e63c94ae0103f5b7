//! The errors of jobs.

use crate::alerts::RunFault;
use crate::notice::render::RenderError;
use crate::queue::QueueError;
use crate::run::not_started::NotStarted;
use crate::seal::SealError;
use crate::store::StoreError;

/// The reason why a job failed. A site's failure is an outcome, never an error of a job.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The keys are missing, or can't decrypt the stored data.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// A notice could not be rendered.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// Work could not be enqueued.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// The job's own code crashed. The panic's message is not repeated: it may name a person.
    #[error(
        "The job crashed. This is a bug in LibraryHippo; please report the log lines around it."
    )]
    Panicked,
    /// The run took longer than its time limit.
    #[error("The job took longer than its time limit.")]
    TimedOut,
    /// The job or a step around it says why, in a sentence without names, numbers or addresses.
    #[error("{0}")]
    Failed(String),
}

impl From<&JobError> for RunFault {
    fn from(error: &JobError) -> Self {
        match error {
            JobError::Store(_) => Self::Store,
            JobError::Seal(_) => Self::Keys,
            JobError::Render(_) => Self::Template,
            JobError::Queue(_) => Self::Queue,
            JobError::Panicked => Self::Panic,
            JobError::TimedOut => Self::TimeLimit,
            JobError::Failed(_) => Self::Job,
        }
    }
}

/// The reason why no run did its work.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It was not started; that isn't a failure.
    #[error("The run wasn't started: {}.", .0.as_str())]
    NotStarted(NotStarted),
    /// The job failed.
    #[error(transparent)]
    Job(JobError),
}

impl From<NotStarted> for RunError {
    fn from(why: NotStarted) -> Self {
        Self::NotStarted(why)
    }
}

impl From<JobError> for RunError {
    fn from(error: JobError) -> Self {
        Self::Job(error)
    }
}

impl From<StoreError> for RunError {
    fn from(error: StoreError) -> Self {
        Self::Job(error.into())
    }
}
