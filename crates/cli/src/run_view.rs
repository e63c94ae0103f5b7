//! A run, in words.

use chrono::{DateTime, Duration, Utc};
use chrono_tz::Tz;
use hippo_core::run::{Counts, JobName, Run, RunOutcome};
use hippo_core::schedule::Pause;

use crate::context::Context;
use crate::exit::CommandError;
use crate::output::count;
use crate::output::table::{Cell, Tone};
use crate::output::time::{ago, moment};
use crate::pauses::{by_whom_and_why, pause_of};

/// Adds the reports of its workers to a run with enqueued work.
pub(crate) async fn with_work(context: &Context, run: Run) -> Result<Run, CommandError> {
    if run.counts.enqueued == 0 {
        return Ok(run);
    }
    let work = context.store.work_items(&run.key).await?;
    Ok(run.with_work(&work, context.now()))
}

/// Runs normally report more often than this; only a very slow library takes longer.
const MAX_SILENCE: Duration = Duration::minutes(2);

/// A run's outcome in words, with its last report if it is silent, and who paused it.
pub(crate) fn outcome_words(context: &Context, run: &Run, pauses: &[Pause]) -> String {
    outcome_words_at(run, pauses, context.now(), context.zone())
}

pub(crate) fn outcome_words_at(
    run: &Run,
    pauses: &[Pause],
    now: DateTime<Utc>,
    zone: Tz,
) -> String {
    if let Some(pause) = pause_of(run, pauses) {
        format!("{} {}", run.outcome.as_str(), by_whom_and_why(pause))
    } else if run.outcome == RunOutcome::Running && now - run.reported_at > MAX_SILENCE {
        let since = moment(run.reported_at, now, zone);
        let since = since.strip_suffix(" today").unwrap_or(&since);
        format!("running (last heard from {since})")
    } else if run.outcome == RunOutcome::Done && run.counts.planned == 0 {
        "nothing to do".to_owned()
    } else if run.outcome == RunOutcome::Done
        && run.key.job == JobName::CHECK_CARDS
        && run.counts.skipped > 0
    {
        format!("done, {} left out", run.counts.skipped)
    } else {
        run.outcome.as_str().to_owned()
    }
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

/// Prints the last run of each job.
pub(crate) fn show_runs(context: &Context, runs: &[Run], pauses: &[Pause]) {
    for run in runs {
        let work = match work_words(run) {
            Some(work) => format!(": {work}"),
            None => String::new(),
        };
        context.output.print_text(format!(
            "Last {}: {} ({}), {}{work}.",
            run.key.job,
            moment(run.started_at, context.now(), context.zone()),
            ago(run.started_at, context.now()),
            outcome_words(context, run, pauses),
        ));
    }
    if runs.is_empty() {
        context
            .output
            .print_text("No job has run yet. “hippo check-cards” checks every card.");
    }
}

/// A run's counts in words; `None` if it didn't start or had nothing to do.
fn work_words(run: &Run) -> Option<String> {
    let begun = run.outcome.has_started() && run.outcome != RunOutcome::Newer;
    (begun && run.counts.planned > 0).then(|| counts_words(run.key.job, &run.counts))
}

/// A run's counts in words, such as `checked 4 of 7 cards, 1 failed, 2 left out`.
pub(crate) fn counts_words(job: JobName, counts: &Counts) -> String {
    let planned = usize::try_from(counts.planned).unwrap_or(usize::MAX);
    let wording = &job.entry().wording;
    let planned = count(planned, wording.one, wording.many);
    let mut words = format!("{} {} of {planned}", wording.done, counts.done);
    if counts.failures() > 0 {
        words.push_str(&format!(", {} failed", counts.failures()));
    }
    if counts.skipped > 0 {
        words.push_str(&format!(", {} {}", counts.skipped, wording.skipped));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use hippo_core::run::Trigger;

    #[test]
    fn skipped_cards_are_not_counted_as_checked() {
        let mut counts = Counts {
            planned: 7,
            done: 4,
            skipped: 2,
            ..Counts::default()
        };
        counts.add_failure("site_down");
        assert_eq!(
            counts_words(JobName::CHECK_CARDS, &counts),
            "checked 4 of 7 cards, 1 failed, 2 left out"
        );
        assert_eq!(
            counts_words(JobName::NOTIFY_ALL, &counts),
            "sent 4 of 7 notices, 1 failed, 2 skipped"
        );
    }

    #[test]
    fn silent_run_names_its_last_report() {
        let began: DateTime<Utc> = "2026-11-21T10:00:00Z".parse().unwrap();
        let mut run = Run {
            key: "check-cards/all/2026-11-21T10:00:00Z".parse().unwrap(),
            trigger: Trigger::Schedule,
            input: serde_json::Value::Null,
            started_at: began,
            reported_at: began,
            finished_at: None,
            outcome: RunOutcome::Running,
            counts: Counts::default(),
        };
        let zone = chrono_tz::America::Toronto;
        let after = |run: &Run, minutes| {
            outcome_words_at(run, &[], began + Duration::minutes(minutes), zone)
        };
        assert_eq!(after(&run, 2), "running");
        assert_eq!(after(&run, 3), "running (last heard from 05:00)");
        run.outcome = RunOutcome::Done;
        assert_eq!(after(&run, 3), "nothing to do");
        run.counts = Counts {
            planned: 3,
            done: 3,
            ..Counts::default()
        };
        assert_eq!(after(&run, 3), "done");
        run.counts.done = 1;
        run.counts.skipped = 2;
        assert_eq!(after(&run, 3), "done, 2 left out");
    }
}
