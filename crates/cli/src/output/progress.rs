//! A progress bar on a terminal, for work that takes more than a second.

use std::io::IsTerminal as _;
use std::time::Duration;

use hippo_core::transfer;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How long work may take before a bar is shown.
const SHOW_AFTER: Duration = Duration::from_secs(1);

/// A bar that shows itself only on a terminal, and only after a second; gone when dropped.
pub(crate) struct Progress {
    bar: ProgressBar,
    waiting: Option<tokio::task::JoinHandle<()>>,
}

impl Progress {
    /// A bar that counts these things; must be made inside the runtime.
    pub(crate) fn new(what: &'static str) -> Self {
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::hidden());
        let template = format!("{{spinner}} {{pos}} of {{len}} {what} [{{bar:30}}] {{elapsed}}");
        if let Ok(style) = ProgressStyle::with_template(&template) {
            bar.set_style(style.progress_chars("=> "));
        }
        let waiting = std::io::stderr().is_terminal().then(|| {
            let bar = bar.clone();
            tokio::spawn(async move {
                tokio::time::sleep(SHOW_AFTER).await;
                bar.set_draw_target(ProgressDrawTarget::stderr());
                bar.enable_steady_tick(Duration::from_millis(120));
            })
        });
        Self { bar, waiting }
    }

    /// So many there are.
    pub(crate) fn planned(&self, total: usize) {
        self.bar.set_length(total as u64);
    }

    /// Shows how far an export or an import is.
    pub(crate) fn step(&self, step: transfer::Progress) {
        match step {
            transfer::Progress::Planned(families) => self.planned(families),
            transfer::Progress::FamilyDone => self.one_done(),
        }
    }

    /// One more is done.
    pub(crate) fn one_done(&self) {
        self.bar.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(waiting) = self.waiting.take() {
            waiting.abort();
        }
        self.bar.finish_and_clear();
    }
}
