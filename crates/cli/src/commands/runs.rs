//! `hippo runs`: the ledger of the jobs.

use chrono::{DateTime, Duration, Utc};
use chrono_tz::Tz;
use clap::{Args, Subcommand, ValueEnum};
use hippo_core::run::{Job, Run, RunKey, RunOutcome, Trigger};

use crate::context::{Context, Globals};
use crate::exit::{CommandError, CommandResult, Outcome};
use crate::output::table::{Cell, Table, Tone, fixed, numbers, words};
use crate::output::time::{duration, moment};

/// The runs of the jobs, the newest first.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  hippo runs --job check-cards --limit 5
  hippo runs show check-cards/all/2026-11-21T10:00:00Z"
)]
pub(crate) struct Runs {
    /// One run.
    #[command(subcommand)]
    command: Option<Command>,
    /// Only this job's.
    #[arg(long, value_enum)]
    job: Option<JobChoice>,
    /// How many.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..))]
    limit: u16,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// One run, with all that is known of it.
    #[command(after_help = "Example:\n  hippo runs show check-cards/all/2026-11-21T10:00:00Z")]
    Show {
        /// The run's id, as “hippo runs” shows it.
        id: RunKey,
    },
}

/// A job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum JobChoice {
    /// Reads every card.
    CheckCards,
    /// Plans and sends the notices that are due.
    NotifyAll,
}

impl From<JobChoice> for Job {
    fn from(choice: JobChoice) -> Self {
        match choice {
            JobChoice::CheckCards => Self::CheckCards,
            JobChoice::NotifyAll => Self::NotifyAll,
        }
    }
}

/// Shows runs.
pub(crate) async fn run(asked: Runs, globals: &Globals) -> CommandResult {
    let context = globals.open().await?;
    match &asked.command {
        Some(Command::Show { id }) => show(&context, id).await,
        None => list(&context, &asked).await,
    }
}

async fn list(context: &Context, asked: &Runs) -> CommandResult {
    let runs = context
        .store
        .recent_runs(asked.job.map(Job::from), None, usize::from(asked.limit))
        .await?;
    context.output.document(&runs);
    if runs.is_empty() {
        context.output.say("No job has run yet.");
        return Ok(Outcome::Done);
    }
    let now = context.now();
    let mut table = Table::new([
        fixed("ID"),
        fixed("BEGAN").dispensable(),
        fixed("TOOK").dispensable(),
        numbers("PLANNED"),
        numbers("DONE"),
        numbers("FAILED"),
        numbers("SKIPPED"),
        words("OUTCOME"),
    ]);
    for run in &runs {
        table.row([
            run.key.to_string().into(),
            moment(run.started_at, now, context.zone()).into(),
            duration(run.duration(now)).into(),
            run.counts.planned.to_string().into(),
            run.counts.done.to_string().into(),
            run.counts.failures().to_string().into(),
            run.counts.skipped.to_string().into(),
            outcome_cell(context, run),
        ]);
    }
    context.output.table(&table);
    Ok(Outcome::Done)
}

/// A run that is going says so at least this often, unless a library is very slow.
const REPORTS_WITHIN: Duration = Duration::minutes(2);

/// How a run ended, in words; one that is silent may be a process that is gone.
pub(crate) fn outcome_words(context: &Context, run: &Run) -> String {
    words_at(run, context.now(), context.zone())
}

fn words_at(run: &Run, now: DateTime<Utc>, zone: Tz) -> String {
    if run.outcome == RunOutcome::Running && now - run.reported_at > REPORTS_WITHIN {
        let since = moment(run.reported_at, now, zone);
        let since = since.strip_suffix(" today").unwrap_or(&since);
        format!("running (no word since {since})")
    } else {
        run.outcome.as_str().to_owned()
    }
}

fn outcome_cell(context: &Context, run: &Run) -> Cell {
    let tone = match run.outcome {
        RunOutcome::Done => Tone::Good,
        RunOutcome::Running => Tone::Plain,
        RunOutcome::SkippedStillRunning | RunOutcome::SkippedSuspended => Tone::Faint,
        RunOutcome::DoneWithFailures | RunOutcome::Interrupted => Tone::Warning,
        RunOutcome::Failed | RunOutcome::Lost | RunOutcome::Missed => Tone::Bad,
    };
    Cell::new(outcome_words(context, run), tone)
}

async fn show(context: &Context, id: &RunKey) -> CommandResult {
    let run = context.store.run(id).await?.ok_or_else(|| {
        CommandError::Usage(format!("There is no run {id}; “hippo runs” shows them."))
    })?;
    context.output.document(&run);
    let now = context.now();
    let at = |time| moment(time, now, context.zone());
    let mut table = Table::headless([fixed(""), words("")]);
    let mut row =
        |name: &str, value: String| table.row([Cell::new(name, Tone::Faint), Cell::from(value)]);
    row("id", run.key.to_string());
    row("outcome", outcome_words(context, &run));
    row("started by", trigger_words(run.trigger).to_owned());
    row("asked for", run.input.to_string());
    row("scheduled", at(run.key.scheduled_time));
    row("began", at(run.started_at));
    row("last report", at(run.reported_at));
    row(
        "ended",
        run.finished_at.map_or_else(|| "not yet".to_owned(), at),
    );
    row("took", duration(run.duration(now)));
    row("planned", run.counts.planned.to_string());
    row("done", run.counts.done.to_string());
    row("skipped", run.counts.skipped.to_string());
    for (kind, failures) in &run.counts.failed {
        row("failed", format!("{failures} {kind}"));
    }
    context.output.table(&table);
    Ok(Outcome::Done)
}

fn trigger_words(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::Schedule => "a schedule",
        Trigger::Retry => "a schedule that tries the failed again",
        Trigger::Person => "a person",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hippo_core::run::Counts;

    #[test]
    fn a_run_that_is_silent_is_said_to_be() {
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
        let after = |run: &Run, minutes| words_at(run, began + Duration::minutes(minutes), zone);
        assert_eq!(after(&run, 2), "running");
        assert_eq!(after(&run, 3), "running (no word since 05:00)");
        run.outcome = RunOutcome::Done;
        assert_eq!(after(&run, 3), "done");
    }
}
