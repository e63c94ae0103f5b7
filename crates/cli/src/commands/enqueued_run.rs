//! Follows a run whose work is enqueued, until its workers have done it.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use hippo_core::run::{Run, RunKey, RunOutcome};

use crate::commands::runs::show::{load_details, print_problems};
use crate::context::Context;
use crate::exit::{CommandError, CommandResult, Outcome};
use crate::output::progress::ProgressBar;
use crate::output::run_progress::{count_finished, describe_progress};
use crate::output::time::duration;
use crate::output::{count, print_to_stderr};
use crate::start_options::StartOptions;
use crate::stop::wait_for_stop_signal;
use crate::suggested::HIPPO;

/// The time between two looks at the run.
const POLL_INTERVAL: Duration = Duration::from_secs(2);

/// After this long without a result, the command stops waiting. A message of a worker that crashed
/// comes back after half an hour.
const MAX_SILENCE: Duration = Duration::from_secs(3600);

/// How often something is read from the store before its error ends the command. The store's client has
/// retried each read already.
const MAX_READ_ATTEMPTS: u32 = 5;

/// Why the command stopped waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WaitResult {
    /// The run has ended.
    RunEnded,
    /// A signal asked the command to stop.
    Interrupted,
    /// No worker reported a result for too long.
    NoReports,
}

/// Shows a run's progress until it ends, then its result. The exit code is the run's outcome.
pub(crate) async fn follow_run(
    context: &Context,
    start: &StartOptions,
    key: &RunKey,
) -> CommandResult {
    let waited = wait(context, start, key).await?;
    let details = read_with_retries(POLL_INTERVAL, || load_details(context, key)).await;
    let details = details.map_err(|error| run_goes_on(error, key))?;
    let run = &details.run;
    let has_failed = waited != WaitResult::RunEnded || run.outcome != RunOutcome::Done;
    context.output.print_document(&details);
    if !start.is_quiet() || has_failed {
        print_problems(context, &details);
        context.output.print_text(summary(run, context));
    }
    let reason = match waited {
        WaitResult::RunEnded => return Ok(Outcome::failed_if(has_failed)),
        WaitResult::NoReports => "No worker has reported for an hour. ",
        WaitResult::Interrupted => "",
    };
    print_to_stderr(format!(
        "{reason}The run goes on without the command. “{HIPPO} runs show {key}” shows its results."
    ));
    Ok(Outcome::SomeFailed)
}

/// Waits for the end of a run, and shows its progress.
async fn wait(
    context: &Context,
    start: &StartOptions,
    key: &RunKey,
) -> Result<WaitResult, CommandError> {
    // Where there is no terminal, a line tells of each change.
    let prints_lines = !std::io::stderr().is_terminal() && !start.is_quiet();
    let bar = ProgressBar::new(key.job.entry().wording.many);
    let mut stop = std::pin::pin!(wait_for_stop_signal());
    let mut last_change = Instant::now();
    let mut finished = 0;
    loop {
        let read = tokio::select! {
            () = &mut stop => return Ok(WaitResult::Interrupted),
            read = read_with_retries(POLL_INTERVAL, || load_run(context, key)) => read,
        };
        if let Some(run) = read.map_err(|error| run_goes_on(error, key))? {
            let now_finished = count_finished(&run.counts);
            bar.set_total(to_usize(run.counts.planned));
            bar.set_position(to_usize(now_finished));
            if run.outcome != RunOutcome::Running {
                return Ok(WaitResult::RunEnded);
            }
            if now_finished != finished {
                (finished, last_change) = (now_finished, Instant::now());
                if prints_lines {
                    context
                        .output
                        .print_text(describe_progress(key.job, &run.counts));
                }
            }
        }
        if last_change.elapsed() > MAX_SILENCE {
            return Ok(WaitResult::NoReports);
        }
        tokio::select! {
            () = &mut stop => return Ok(WaitResult::Interrupted),
            () = tokio::time::sleep(POLL_INTERVAL) => {}
        }
    }
}

/// Loads the run with the results so far; `None`: it isn't stored yet.
async fn load_run(context: &Context, key: &RunKey) -> Result<Option<Run>, CommandError> {
    let Some(run) = context.store.run(key).await? else {
        return Ok(None);
    };
    let work = context.store.work_items(key).await?;
    Ok(Some(run.with_work(&work, context.now())))
}

/// Reads until it succeeds, at most [`MAX_READ_ATTEMPTS`] times. The last error is returned.
async fn read_with_retries<T, E>(
    pause: Duration,
    read: impl AsyncFn() -> Result<T, E>,
) -> Result<T, E> {
    for _ in 1..MAX_READ_ATTEMPTS {
        if let Ok(found) = read().await {
            return Ok(found);
        }
        tokio::time::sleep(pause).await;
    }
    read().await
}

/// Adds to an error that the run goes on, and how to see its results.
fn run_goes_on(error: CommandError, key: &RunKey) -> CommandError {
    error
        .advice("The run goes on without the command.")
        .try_command(format!("{HIPPO} runs show {key}"))
}

/// `3 cards`: the items that the run planned.
fn planned_items(run: &Run) -> String {
    let wording = run.key.job.entry().wording;
    count(to_usize(run.counts.planned), wording.one, wording.many)
}

/// `Done: 2 of 3 cards in 12 s, 1 failed.`
fn summary(run: &Run, context: &Context) -> String {
    let planned = planned_items(run);
    let head = match run.outcome {
        RunOutcome::Running => "Still running",
        RunOutcome::Done | RunOutcome::DoneWithFailures => "Done",
        RunOutcome::Lost => "Lost",
        _ => "Failed",
    };
    let skipped = match run.counts.skipped {
        0 => String::new(),
        skipped => format!(", {skipped} skipped"),
    };
    let took = duration(context.now() - run.started_at);
    let done = run.counts.done;
    format!(
        "{head}: {done} of {planned} in {took}{}{skipped}.",
        failed(run)
    )
}

fn failed(run: &Run) -> String {
    match run.counts.failures() {
        0 => String::new(),
        failures => format!(", {failures} failed"),
    }
}

fn to_usize(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn failed_read_is_tried_again_and_the_last_error_is_reported() {
        for (failures, expected) in [(0, Ok(1)), (4, Ok(5)), (5, Err("failure 5"))] {
            let reads = std::cell::Cell::new(0);
            let read = async || {
                reads.set(reads.get() + 1);
                match reads.get() {
                    number if number <= failures => Err(format!("failure {number}")),
                    number => Ok(number),
                }
            };
            let found = read_with_retries(Duration::ZERO, read).await;
            assert_eq!(found, expected.map_err(ToOwned::to_owned));
        }
    }

    #[test]
    fn error_of_a_followed_run_says_how_to_see_its_results() {
        let error = CommandError::unusable("The store isn't available: throttled.");
        let key = "check-cards/person/2026-11-21T10:00:00Z".parse().unwrap();
        assert_eq!(
            run_goes_on(error, &key).to_string(),
            "The store isn't available: throttled. The run goes on without the command.\n  \
             → hippo runs show check-cards/person/2026-11-21T10:00:00Z"
        );
    }
}
