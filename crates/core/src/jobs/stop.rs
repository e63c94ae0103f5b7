//! The request to stop a running job.

use async_trait::async_trait;

/// Tells a job that a person or the system asks it to stop.
#[async_trait]
pub trait StopRequest: Send + Sync {
    /// Whether the job should stop; asked between two work items.
    fn is_asked(&self) -> bool;

    /// Returns when running work must end; never before a stop is requested.
    ///
    /// By default never: running work is finished.
    async fn grace_is_over(&self) {
        std::future::pending().await
    }
}

impl<F: Fn() -> bool + Send + Sync> StopRequest for F {
    fn is_asked(&self) -> bool {
        self()
    }
}

/// A borrowed stop request.
pub type StopSignal<'a> = &'a dyn StopRequest;
