//! Ctrl-C and SIGTERM: the first asks to stop, the second stops.

use std::time::Duration;

use async_trait::async_trait;
use hippo_core::jobs::StopRequest;
use tokio::sync::watch;

use crate::output::note;

/// How long what was started may take after a person asks to stop.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// What a check that was broken off leaves behind.
pub(crate) const AFTER_INTERRUPTED_CHECK: &str = "We won't retry a card whose login was in progress today. “hippo \
     status” names it, and “hippo card retry” tries it.";

/// What a sending that was broken off leaves behind.
pub(crate) const AFTER_INTERRUPTED_SENDING: &str =
    "An email that was being sent may or may not have left. “hippo status” names it.";

/// Knows whether a person, or the system, wants the command to stop.
#[derive(Debug, Clone)]
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Listens from now on; must be called inside the runtime.
    ///
    /// Says after the first signal what goes on, and after the second, which ends the process with
    /// code 1, what that leaves behind; what was saved until then is whole.
    pub(crate) fn listen(what_goes_on: &'static str, what_is_left: &'static str) -> Self {
        let (ask, asked) = watch::channel(false);
        tokio::spawn(async move {
            while signal().await {
                if ask.send_replace(true) {
                    note(format!(
                        "Stopped at once. Everything saved so far is complete. {what_is_left}"
                    ));
                    std::process::exit(1);
                }
                note(format!(
                    "Stopping: {what_goes_on}. Press Ctrl-C again to stop at once."
                ));
            }
        });
        Self(asked)
    }
}

#[async_trait]
impl StopRequest for Stop {
    fn is_asked(&self) -> bool {
        *self.0.borrow()
    }

    async fn grace_is_over(&self) {
        let mut asked = self.0.clone();
        if asked.wait_for(|asked| *asked).await.is_err() {
            // There are no signals here.
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(STOP_GRACE).await;
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
