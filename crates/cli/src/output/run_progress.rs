//! Shows how far a run is: a bar on a terminal, or else lines.

use std::io::IsTerminal as _;
use std::time::Duration;

use hippo_core::run::{Counts, JobName};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::progress::ProgressBar;
use super::{Output, count};

/// The least time between two lines, and until the first.
const LINE_INTERVAL: Duration = Duration::from_secs(2);

/// Shows the counts of a run in this process; dropping it removes the bar.
pub(crate) struct RunProgress {
    bar: ProgressBar,
    counts: watch::Sender<Counts>,
    printer: Option<JoinHandle<()>>,
}

impl RunProgress {
    /// Shows a run of `job`; needs a running runtime. Quiet, it prints no lines.
    pub(crate) fn new(job: JobName, output: Output, is_quiet: bool) -> Self {
        // Where there is no terminal, a line tells of each change.
        let prints_lines = !std::io::stderr().is_terminal() && !is_quiet;
        let print = move |line: String| output.print_text(line);
        Self::with_printer(job, prints_lines.then_some(print))
    }

    fn with_printer(job: JobName, print: Option<impl Fn(String) + Send + 'static>) -> Self {
        let (counts, changes) = watch::channel(Counts::default());
        Self {
            bar: ProgressBar::new(job.entry().wording.many),
            counts,
            printer: print.map(|print| tokio::spawn(print_changes(job, changes, print))),
        }
    }

    /// Shows the counts so far.
    pub(crate) fn show(&self, counts: &Counts) {
        self.bar.set_total(to_usize(counts.planned));
        self.bar.set_position(to_usize(count_finished(counts)));
        self.counts.send_if_modified(|shown| {
            let has_changed = shown != counts;
            shown.clone_from(counts);
            has_changed
        });
    }
}

impl Drop for RunProgress {
    fn drop(&mut self) {
        if let Some(printer) = self.printer.take() {
            printer.abort();
        }
    }
}

/// Prints a line for each change, at most one in each [`LINE_INTERVAL`].
async fn print_changes(
    job: JobName,
    mut changes: watch::Receiver<Counts>,
    print: impl Fn(String) + Send,
) {
    loop {
        tokio::time::sleep(LINE_INTERVAL).await;
        if changes.changed().await.is_err() {
            return;
        }
        let line = describe_progress(job, &changes.borrow_and_update());
        print(line);
    }
}

/// How many items have a result.
pub(crate) fn count_finished(counts: &Counts) -> u32 {
    counts.done + counts.failures() + counts.skipped
}

/// `2 of 3 cards so far, 1 failed.`
///
/// A job that doesn't plan its items first has as many as it has done.
pub(crate) fn describe_progress(job: JobName, counts: &Counts) -> String {
    let wording = job.entry().wording;
    let finished = count_finished(counts);
    let items = |number| count(to_usize(number), wording.one, wording.many);
    let so_far = match finished < counts.planned {
        true => format!("{finished} of {}", items(counts.planned)),
        false => items(finished),
    };
    let failed = match counts.failures() {
        0 => String::new(),
        failures => format!(", {failures} failed"),
    };
    format!("{so_far} so far{failed}.")
}

fn to_usize(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use rstest::rstest;

    #[tokio::test]
    async fn changes_are_printed_now_and_then() {
        let lines: Arc<Mutex<Vec<String>>> = Arc::default();
        let print = {
            let lines = Arc::clone(&lines);
            move |line| lines.lock().unwrap().push(line)
        };
        let progress = RunProgress::with_printer(JobName::CHECK_CARDS, Some(print));
        let mut counts = Counts::default();
        for _ in 0..6 {
            counts.add_done(1);
            progress.show(&counts);
            progress.show(&counts);
            tokio::time::sleep(LINE_INTERVAL / 4).await;
        }
        drop(progress);
        let lines = lines.lock().unwrap().clone();
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].ends_with(" cards so far."), "{lines:?}");
    }

    #[rstest]
    #[case(4, 1, 0, 0, "1 of 4 cards so far.")]
    #[case(4, 1, 1, 1, "3 of 4 cards so far, 1 failed.")]
    #[case(1, 1, 0, 0, "1 card so far.")]
    fn progress_counts_every_result(
        #[case] planned: u32,
        #[case] done: u32,
        #[case] failed: u32,
        #[case] skipped: u32,
        #[case] expected: &str,
    ) {
        let mut counts = Counts {
            planned,
            done,
            skipped,
            ..Counts::default()
        };
        (0..failed).for_each(|_| counts.add_failure("site_down"));
        assert_eq!(describe_progress(JobName::CHECK_CARDS, &counts), expected);
    }
}
