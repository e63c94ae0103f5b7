//! Ctrl-C and SIGTERM: the first signal asks to stop, the second stops at once.

use std::time::Duration;

use async_trait::async_trait;
use hippo_core::jobs::StopRequest;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::output::print_to_stderr;
use crate::suggested::HIPPO;

/// How long work in progress may take after the first signal.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// The consequence of an interrupted check.
pub(crate) fn after_interrupted_check() -> String {
    format!(
        "If a login was in progress, we won't try that card again today. “{HIPPO} status” names it, and “{HIPPO} card retry” \
         tries it."
    )
}

/// The consequence of interrupted sending.
pub(crate) fn after_interrupted_sending() -> String {
    format!(
        "An email was being sent, and we can't tell whether it went out. “{HIPPO} status” names it."
    )
}

/// Tells whether a signal asked the command to stop.
#[derive(Debug)]
pub(crate) struct Stop {
    requested: watch::Receiver<bool>,
    listener: JoinHandle<()>,
}

impl Stop {
    /// Starts to listen for signals; needs a running runtime.
    ///
    /// After the first signal, prints that `work` is being finished. After the second, prints the `consequence` and exits
    /// with code 1; everything saved so far is complete.
    pub(crate) fn listen(work: &'static str, consequence: String) -> Self {
        let (request, requested) = watch::channel(false);
        let listener = tokio::spawn(async move {
            while receive_stop_signal().await {
                if request.send_replace(true) {
                    print_to_stderr(format!(
                        "Stopped at once. Everything saved so far stays. {consequence}"
                    ));
                    std::process::exit(1);
                }
                print_to_stderr(format!(
                    "Stopping: {work}. Press Ctrl-C again to stop at once."
                ));
            }
        });
        Self {
            requested,
            listener,
        }
    }

    /// Starts to listen for signals silently, alongside work that has a listener of its own.
    pub(crate) fn listen_silently() -> Self {
        let (request, requested) = watch::channel(false);
        let listener = tokio::spawn(async move {
            wait_for_stop_signal().await;
            request.send_replace(true);
            // The receiver must not mistake an ended listener for one that hears nothing.
            request.closed().await;
        });
        Self {
            requested,
            listener,
        }
    }

    /// Returns once a signal asked the command to stop.
    pub(crate) async fn wait_for_request(&self) {
        let mut requested = self.requested.clone();
        if requested.wait_for(|requested| *requested).await.is_err() {
            // The listener has ended, so no signal will come.
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Stop {
    fn drop(&mut self) {
        // The next work has a listener of its own.
        self.listener.abort();
    }
}

#[async_trait]
impl StopRequest for Stop {
    fn is_requested(&self) -> bool {
        *self.requested.borrow()
    }

    async fn wait_for_grace_end(&self) {
        self.wait_for_request().await;
        tokio::time::sleep(STOP_GRACE).await;
    }
}

/// Returns once a signal asks the command to stop; never returns if signals can't be received.
pub(crate) async fn wait_for_stop_signal() {
    if !receive_stop_signal().await {
        std::future::pending::<()>().await;
    }
}

/// Waits for the next signal; returns false if signals can't be received.
async fn receive_stop_signal() -> bool {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut terminate) = signal(SignalKind::terminate()) else {
            return tokio::signal::ctrl_c().await.is_ok();
        };
        let mut hang_up = match ignores_hang_up() {
            true => None,
            false => signal(SignalKind::hangup()).ok(),
        };
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted.is_ok(),
            received = terminate.recv() => received.is_some(),
            // The terminal was closed.
            received = async { hang_up.as_mut()?.recv().await }, if hang_up.is_some() => received.is_some(),
        }
    }
    #[cfg(not(unix))]
    {
        tokio::signal::ctrl_c().await.is_ok()
    }
}

/// Whether the command was started to go on when its terminal is closed, as `nohup` does. To listen for the signal would
/// end that.
#[cfg(unix)]
fn ignores_hang_up() -> bool {
    // Where there is no such file, a hang-up stops the command.
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|signals| u64::from_str_radix(signals.trim(), 16).ok());
    ignored.is_some_and(|signals| signals & 1 == 1)
}
