//! Ctrl-C and the end of a service: once asks to stop, twice stops.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::output::note;

/// True once a person, or the system, wants the command to stop.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Listens from now on; must be called inside the runtime.
    ///
    /// Says after the first signal what goes on, and after the second, which ends the process with
    /// code 1, what that leaves behind; what was saved until then is whole.
    pub(crate) fn listen(what_goes_on: &'static str, what_is_left: &'static str) -> Self {
        let stop = Self::default();
        let asked = stop.clone();
        tokio::spawn(async move {
            while signal().await {
                if asked.0.swap(true, Ordering::SeqCst) {
                    note(format!(
                        "Stopped at once. What was saved until now is whole. {what_is_left}"
                    ));
                    std::process::exit(1);
                }
                note(format!(
                    "Stopping: {what_goes_on}. Ctrl-C again stops at once."
                ));
            }
        });
        stop
    }

    /// Whether to stop.
    pub(crate) fn is_asked(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// Comes back once a person, or the system, wants the command to stop; else never.
pub(crate) async fn interrupted() {
    if !signal().await {
        std::future::pending::<()>().await;
    }
}

/// Waits for the next signal; false if there will be none.
async fn signal() -> bool {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let (Ok(mut terminate), Ok(mut hang_up)) = (
            signal(SignalKind::terminate()),
            signal(SignalKind::hangup()),
        ) else {
            return tokio::signal::ctrl_c().await.is_ok();
        };
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted.is_ok(),
            received = terminate.recv() => received.is_some(),
            // The terminal was closed.
            received = hang_up.recv() => received.is_some(),
        }
    }
    #[cfg(not(unix))]
    {
        tokio::signal::ctrl_c().await.is_ok()
    }
}
