//! `hippo run JOB --from DATE`: runs a job for past scheduled times that had no run.

use chrono::{DateTime, Days, NaiveDate, Utc};
use chrono_tz::Tz;
use hippo_core::clock::{local_date, start_of_day};
use hippo_core::jobs::StopRequest as _;
use hippo_core::run::ledger::{MAX_BACKFILLED_RUNS, StartRules};
use hippo_core::run::{JobName, Run, RunKey, RunOutcome};
use hippo_core::schedule::{Expression, Schedule};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{RunJob, run_once};
use crate::context::{Context, Globals};
use crate::exit::{CommandError, CommandResult, Outcome};
use crate::output::time::duration;
use crate::output::{Output, count};
use crate::run_view::{outcome_words, with_work};
use crate::start_options::StartOptions;
use crate::stop::Stop;
use crate::suggest::find_nearest;
use crate::suggested::HIPPO;

/// Runs are kept for 35 days, so an earlier time without a record may have had one.
const MAX_DAYS_BACK: u64 = 30;

#[derive(Serialize)]
struct BackfillDocument<'a> {
    job: JobName,
    label: &'a str,
    /// The runs that were started, oldest first; with `--dry-run` none.
    runs: &'a [Run],
    /// The scheduled times that have no run that started.
    remaining: Vec<DateTime<Utc>>,
    /// How many of the scheduled times had a run before.
    had_a_run: usize,
}

/// The scheduled times of the chosen dates.
struct PastTimes {
    /// Those without a run that started, oldest first.
    open: Vec<(RunKey, Option<RunOutcome>)>,
    /// How many had a run.
    had_a_run: usize,
}

/// Runs the job for each of its label's scheduled times that had no run.
pub(super) async fn backfill(
    args: &RunJob,
    input: Option<Map<String, Value>>,
    from: NaiveDate,
    globals: &Globals,
) -> CommandResult {
    let output = globals.output;
    // Each run is one line here; its own tables would hide the others.
    let context = Globals {
        output: Output {
            json: false,
            quiet: true,
            ..output
        },
        ..globals.clone()
    }
    .open()
    .await?;
    let schedule = find_schedule(&context, args.job, &args.start).await?;
    let zone = schedule.recurrence.zone;
    let times = list_times(&context, &schedule, from, args.to).await?;
    let label = &schedule.label;
    if times.open.is_empty() {
        output.print_text(match times.had_a_run {
            0 => format!("The schedule “{label}” has no times on these days."),
            _ => "Every scheduled time on these days already had a run.".to_owned(),
        });
    } else if times.had_a_run > 0 {
        let had = count(times.had_a_run, "scheduled time", "scheduled times");
        output.print_text(format!("{had} already had a run."));
    }
    if times.open.len() > 1 && args.job == JobName::CHECK_CARDS {
        output.print_text(
            "Each of these runs logs in with every card, and sees what is there now. The last one alone shows the same.",
        );
    }
    if args.dry_run {
        for (key, recorded) in &times.open {
            let recorded = recorded.map_or("no run", RunOutcome::as_str);
            output.print_line(format!("{}  {recorded}", local_time(key, zone)));
        }
        print_document(output, &schedule, &[], &times, 0);
        return Ok(Outcome::Done);
    }
    let input = input.unwrap_or_else(|| schedule.input.clone());
    let mut runs = Vec::new();
    let mut outcome = Outcome::Done;
    let stop = Stop::listen_silently();
    for (key, _) in &times.open {
        let run = run_for(&context, key, input.clone(), output).await?;
        output.print_line(format!(
            "{}  {}",
            local_time(key, zone),
            describe(&context, &run)
        ));
        if run.outcome != RunOutcome::Done {
            outcome = Outcome::SomeFailed;
        }
        // On AWS a run goes on without the command. The next one must not run at the same time.
        let is_over = !matches!(run.outcome, RunOutcome::Interrupted | RunOutcome::Running);
        runs.push(run);
        if !is_over || stop.is_requested() {
            break;
        }
    }
    let remaining = times.open.len() - runs.len();
    if remaining > 0 {
        outcome = Outcome::SomeFailed;
        output.print_text(format!(
            "Stopped. {} left. Run the command again for the rest.",
            count(remaining, "scheduled time is", "scheduled times are")
        ));
    }
    print_document(output, &schedule, &runs, &times, runs.len());
    Ok(outcome)
}

fn print_document(
    output: Output,
    schedule: &Schedule,
    runs: &[Run],
    times: &PastTimes,
    started: usize,
) {
    let remaining = times.open.iter().skip(started);
    output.print_document(&BackfillDocument {
        job: schedule.job,
        label: schedule.label.as_str(),
        runs,
        remaining: remaining.map(|(key, _)| key.scheduled_time).collect(),
        had_a_run: times.had_a_run,
    });
}

/// Runs the job for one scheduled time, and returns the recorded run.
async fn run_for(
    context: &Context,
    key: &RunKey,
    input: Map<String, Value>,
    output: Output,
) -> Result<Run, CommandError> {
    let start = StartOptions {
        label: Some(key.label.clone()),
        scheduled_time: Some(key.scheduled_time.fixed_offset()),
        quiet: true,
        no_wait: false,
        is_backfill: true,
    };
    let ended = run_once(context, key.job, Some(input), false, start).await;
    let run = context.store.run(key).await?;
    match (ended, run) {
        (Err(error), Some(run)) if run.outcome == RunOutcome::Failed => {
            output.print_message(error.to_string());
            Ok(run)
        }
        (Err(error), _) => Err(error),
        (Ok(_), Some(run)) => with_work(context, run).await,
        (Ok(_), None) => Err(CommandError::unusable(format!(
            "The run {key} isn't on record."
        ))),
    }
}

/// The schedule of the given label, or the only one of the job.
async fn find_schedule(
    context: &Context,
    job: JobName,
    start: &StartOptions,
) -> Result<Schedule, CommandError> {
    let mut schedules = context.deployment.schedules().await?;
    schedules.retain(|schedule| schedule.job == job);
    let labels: Vec<String> = schedules
        .iter()
        .map(|schedule| schedule.label.to_string())
        .collect();
    let found = match &start.label {
        Some(label) => schedules
            .into_iter()
            .find(|schedule| schedule.label == *label),
        None if schedules.len() > 1 => {
            return Err(CommandError::usage(format!(
                "{job} has several schedules: {}. Choose one with --label.",
                labels.join(", ")
            )));
        }
        None => schedules.pop(),
    };
    let Some(schedule) = found else {
        let label = start.label.as_ref();
        let named = label.map_or_else(String::new, |label| format!(" called “{label}”"));
        let meant = label
            .and_then(|label| find_nearest(label.as_str(), labels.iter().map(String::as_str)))
            .map(str::to_owned);
        return Err(CommandError::usage(format!(
            "{job} has no schedule{named}, so we don't know its times."
        ))
        .did_you_mean(meant)
        .try_command(format!("{HIPPO} schedule list")));
    };
    if let rate @ Expression::Rate(_) = &schedule.recurrence.expression {
        return Err(CommandError::usage(format!(
            "The times of {rate} depend on when it began, so they can't be backfilled. Only those of cron(…) and \
             at(…) can."
        )));
    }
    Ok(schedule)
}

/// Lists the past times at which the schedule fires on these dates, and looks which had a run.
async fn list_times(
    context: &Context,
    schedule: &Schedule,
    from: NaiveDate,
    to: Option<NaiveDate>,
) -> Result<PastTimes, CommandError> {
    let zone = schedule.recurrence.zone;
    let now = context.now();
    let today = local_date(now, zone);
    let to = to.unwrap_or(today);
    let earliest = today - Days::new(MAX_DAYS_BACK);
    if from < earliest {
        return Err(CommandError::usage(format!(
            "--from {from} is too long ago: older runs may not be on record any more. Choose {earliest} or later."
        )));
    }
    if from > today {
        return Err(CommandError::usage(format!(
            "--from {from} hasn't come yet: it's {today} in the schedule's zone."
        )));
    }
    if to < from {
        return Err(CommandError::usage(format!(
            "--to {to} is before --from {from}."
        )));
    }
    let end = to.min(today).succ_opt();
    let end = end.map_or(now, |next| start_of_day(next, zone));
    // A time at the very beginning counts, and so does one of right now.
    let first = start_of_day(from, zone) - chrono::Duration::milliseconds(1);
    let end = end.min(now + chrono::Duration::milliseconds(1));
    let rules = StartRules::from_schedule(schedule);
    let mut all = schedule.recurrence.times_after(first);
    let mut open = Vec::new();
    let mut had_a_run = 0;
    while let Some(scheduled_time) = all.next().filter(|time| *time < end) {
        if rules.excludes(scheduled_time) {
            continue;
        }
        if open.len() + had_a_run == MAX_BACKFILLED_RUNS {
            return Err(CommandError::usage(format!(
                "These days have more than {MAX_BACKFILLED_RUNS} scheduled times. Choose fewer days."
            )));
        }
        let key = RunKey {
            job: schedule.job,
            label: schedule.label.clone(),
            scheduled_time,
        };
        match context.store.run(&key).await?.map(|run| run.outcome) {
            Some(outcome) if outcome.has_started() => had_a_run += 1,
            recorded => open.push((key, recorded)),
        }
    }
    Ok(PastTimes { open, had_a_run })
}

fn local_time(key: &RunKey, zone: Tz) -> String {
    let local = key.scheduled_time.with_timezone(&zone);
    local.format("%Y-%m-%d %H:%M").to_string()
}

/// What became of a run, with its counts and how long it took.
fn describe(context: &Context, run: &Run) -> String {
    let outcome = outcome_words(context, run, &[]);
    if run.counts.planned == 0 {
        return outcome;
    }
    let took = duration(run.duration(context.now()));
    let counts = run.counts.describe(run.key.job);
    format!("{outcome} in {took}, {counts}")
}
