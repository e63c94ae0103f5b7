//! The request to stop a running job.

use async_trait::async_trait;

/// Tells a job when to stop: a person, a signal or its time limit asked.
#[async_trait]
pub trait StopRequest: Send + Sync {
    /// Whether the job should stop; jobs ask between two work items.
    fn is_requested(&self) -> bool;

    /// Waits until running work must be abandoned. Never returns before a stop is requested.
    ///
    /// The default never returns, so running work is finished.
    async fn wait_for_grace_end(&self) {
        std::future::pending().await
    }
}

impl<F: Fn() -> bool + Send + Sync> StopRequest for F {
    fn is_requested(&self) -> bool {
        self()
    }
}
