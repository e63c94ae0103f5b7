//! A progress bar on a terminal, for work that takes more than a second.

use std::io::IsTerminal as _;
use std::time::Duration;

use hippo_core::transfer;
use indicatif::{ProgressDrawTarget, ProgressStyle};

/// The bar appears after this time.
const SHOW_AFTER: Duration = Duration::from_secs(1);

/// A progress bar that appears only on a terminal, after [`SHOW_AFTER`]; dropping it removes it.
pub(crate) struct ProgressBar {
    bar: indicatif::ProgressBar,
    show_task: Option<tokio::task::JoinHandle<()>>,
}

impl ProgressBar {
    /// Creates a bar that counts `what`; needs a running runtime.
    pub(crate) fn new(what: &'static str) -> Self {
        let bar = indicatif::ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::hidden());
        let template = format!("{{spinner}} {{pos}} of {{len}} {what} [{{bar:30}}] {{elapsed}}");
        if let Ok(style) = ProgressStyle::with_template(&template) {
            bar.set_style(style.progress_chars("=> "));
        }
        let show_task = std::io::stderr().is_terminal().then(|| {
            let bar = bar.clone();
            tokio::spawn(async move {
                tokio::time::sleep(SHOW_AFTER).await;
                bar.set_draw_target(ProgressDrawTarget::stderr());
                bar.enable_steady_tick(Duration::from_millis(120));
            })
        });
        Self { bar, show_task }
    }

    /// Sets the total.
    pub(crate) fn set_total(&self, total: usize) {
        self.bar.set_length(total as u64);
    }

    /// Sets how much is done.
    pub(crate) fn set_position(&self, done: usize) {
        self.bar.set_position(done as u64);
    }

    /// Shows the progress of an export or import.
    pub(crate) fn show_transfer(&self, progress: transfer::TransferProgress) {
        match progress {
            transfer::TransferProgress::Planned(families) => self.set_total(families),
            transfer::TransferProgress::FamilyDone => self.increment(),
        }
    }

    /// Counts one more as done.
    pub(crate) fn increment(&self) {
        self.bar.inc(1);
    }
}

impl Drop for ProgressBar {
    fn drop(&mut self) {
        if let Some(task) = self.show_task.take() {
            task.abort();
        }
        self.bar.finish_and_clear();
    }
}
