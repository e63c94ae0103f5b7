//! A run, in words.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use hippo_core::run::{Run, RunOutcome};
use hippo_core::schedule::Pause;

use crate::context::Context;
use crate::exit::CommandError;
use crate::output::table::{Cell, Tone};
use crate::output::time::{ago, moment};
use crate::suggested::HIPPO;

/// Adds the reports of its workers to a run with enqueued work.
pub(crate) async fn with_work(context: &Context, run: Run) -> Result<Run, CommandError> {
    if run.counts.enqueued == 0 {
        return Ok(run);
    }
    let work = context.store.work_items(&run.key).await?;
    Ok(run.with_work(&work, context.now()))
}

/// A run's outcome in words, with its last report if it is silent, and who paused it.
pub(crate) fn outcome_words(context: &Context, run: &Run, pauses: &[Pause]) -> String {
    outcome_words_at(run, pauses, context.now(), context.zone())
}

fn outcome_words_at(run: &Run, pauses: &[Pause], now: DateTime<Utc>, zone: Tz) -> String {
    run.outcome_words(pauses, now, |at| moment(at, now, zone))
}

/// A run's outcome in words, with its tone.
pub(crate) fn outcome_cell(run: &Run, pauses: &[Pause], now: DateTime<Utc>, zone: Tz) -> Cell {
    let tone = match run.outcome {
        RunOutcome::Done => Tone::Good,
        RunOutcome::Running => Tone::Plain,
        RunOutcome::SkippedStillRunning
        | RunOutcome::SkippedPaused
        | RunOutcome::SkippedOutsideDates
        | RunOutcome::SkippedClosed
        | RunOutcome::SkippedNotToday
        | RunOutcome::Newer => Tone::Faint,
        RunOutcome::DoneWithFailures
        | RunOutcome::Interrupted
        | RunOutcome::SkippedClockInDoubt => Tone::Warning,
        RunOutcome::Failed | RunOutcome::Lost | RunOutcome::Missed => Tone::Bad,
    };
    Cell::new(outcome_words_at(run, pauses, now, zone), tone)
}

/// Prints the last run of each job, and the last that had something to do.
pub(crate) fn show_runs(context: &Context, runs: &[Run], runs_with_work: &[Run], pauses: &[Pause]) {
    let describe = |run: &Run| {
        let work = match work_words(run) {
            Some(work) => format!(": {work}"),
            None => String::new(),
        };
        format!(
            "{} ({}), {}{work}.",
            moment(run.started_at, context.now(), context.zone()),
            ago(run.started_at, context.now()),
            outcome_words(context, run, pauses),
        )
    };
    for run in runs {
        let mut text = format!("Last {}: {}", run.key.job, describe(run));
        let mut with_work = runs_with_work.iter();
        if let Some(other) = with_work.find(|other| other.key.job == run.key.job) {
            text.push_str(&format!(
                " The last with something to do: {}",
                describe(other)
            ));
        }
        context.output.print_text(text);
    }
    if runs.is_empty() {
        context.output.print_text(format!(
            "No job has run yet. “{HIPPO} check-cards” checks every card."
        ));
    }
}

/// Whether a run started and had something to do.
pub(crate) fn had_work(run: &Run) -> bool {
    let begun = run.outcome.has_started() && run.outcome != RunOutcome::Newer;
    begun && run.counts.planned > 0
}

/// A run's counts in words; `None` if it didn't start or had nothing to do.
fn work_words(run: &Run) -> Option<String> {
    had_work(run).then(|| run.counts.describe(run.key.job))
}
