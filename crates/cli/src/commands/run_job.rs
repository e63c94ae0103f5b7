//! `hippo run`: runs a job by its name.

mod backfill;

use chrono::NaiveDate;
use clap::Args;
use hippo_core::jobs::check_cards::CheckCardsInput;
use hippo_core::jobs::notify::NotifyAllInput;
use hippo_core::run::{Counts, JobName, Run, RunOutcome};
use serde::Serialize;
use serde_json::error::Category;
use serde_json::{Map, Value};

use crate::commands::check_cards::{self, CheckCards};
use crate::commands::notify_all::{self, NotifyAll};
use crate::context::{Context, Globals};
use crate::deployment::{JobAnswer, RunRequest};
use crate::exit::{CommandError, CommandResult, Outcome};
use crate::not_started::show_not_started;
use crate::output::run_progress::RunProgress;
use crate::output::time::duration;
use crate::start_options::{StartOptions, read_checked_input};
use crate::text_input::strip_byte_order_mark;
use crate::values::{date, job_name};

/// Run a job by its name, with its input as JSON.
///
/// “hippo check-cards” and “hippo notify-all” are short for it. Use it where you have the input as JSON:
/// from a schedule, or from “hippo runs show”.
#[derive(Debug, Args)]
#[command(after_help = describe_inputs())]
pub(crate) struct RunJob {
    /// The job.
    #[arg(value_parser = job_name())]
    job: JobName,
    /// What the job should do. By default what the label's schedule declares; without a label, all
    /// cards, or all notices that are due.
    #[arg(long, value_name = "JSON")]
    input: Option<String>,
    /// Show what it would do, without doing it. Saves nothing.
    #[arg(long)]
    dry_run: bool,
    /// Backfill: from this date on, run the job once for each scheduled time without a run, oldest first.
    /// At most 30 days ago, in the schedule's zone.
    #[arg(long, value_name = "DATE", value_parser = date, conflicts_with_all = ["scheduled_time", "no_wait"])]
    from: Option<NaiveDate>,
    /// The last date to backfill. Today by default.
    #[arg(long, value_name = "DATE", value_parser = date, requires = "from")]
    to: Option<NaiveDate>,
    #[command(flatten)]
    start: StartOptions,
}

/// Describes the input of every job, after some examples.
fn describe_inputs() -> String {
    let mut help = "\
Examples:
  hippo run check-cards --input '{\"scope\":\"failed\"}'
  hippo run notify-all --input '{\"family\":\"conrad\"}' --dry-run
  hippo run check-cards --label mornings --from 2026-11-19 --to 2026-11-21
"
    .to_owned();
    for job in JobName::all() {
        let fields = job.entry().input_fields;
        let width = fields.iter().map(|(name, _)| name.len()).max();
        let Some(width) = width else { continue };
        help.push_str(&format!("\nInput of {job}:\n"));
        for (name, meaning) in fields {
            help.push_str(&format!("  {name:width$}  {meaning}\n"));
        }
    }
    help.truncate(help.trim_end().len());
    help
}

/// Runs the job.
pub(crate) async fn run(args: RunJob, globals: &Globals) -> CommandResult {
    let input = match &args.input {
        Some(text) => Some(parse_input(args.job, text)?),
        None => None,
    };
    match args.from {
        Some(from) => backfill::backfill(&args, input, from, globals).await,
        None if args.dry_run && !has_dry_run(args.job) => Err(CommandError::usage(format!(
            "{} has no dry run. Leave out --dry-run.",
            args.job
        ))),
        None => {
            let context = globals.open().await?;
            if context.deployment.stack().is_some() {
                refuse_no_wait(args.job, &args.start)?;
            }
            run_once(&context, args.job, input, args.dry_run, args.start).await
        }
    }
}

/// Refuses `--no-wait` for a job that enqueues nothing on AWS: its own function does all the work.
fn refuse_no_wait(job: JobName, start: &StartOptions) -> Result<(), CommandError> {
    let enqueues = matches!(job, JobName::CHECK_CARDS | JobName::NOTIFY_ALL);
    match start.no_wait && !enqueues {
        true => Err(CommandError::usage(format!(
            "{job} enqueues nothing, so there is nothing to return early from. Leave out --no-wait."
        ))),
        false => Ok(()),
    }
}

fn has_dry_run(job: JobName) -> bool {
    job.entry().build.is_none()
}

/// Runs a job once, with the command that it has, or else as any other job.
async fn run_once(
    context: &Context,
    job: JobName,
    input: Option<Map<String, Value>>,
    dry_run: bool,
    start: StartOptions,
) -> CommandResult {
    match job {
        JobName::CHECK_CARDS => {
            let input: Option<CheckCardsInput> = match input {
                Some(fields) => Some(read_checked_input(fields)?),
                None => None,
            };
            let scope = input.as_ref().map(|input| input.scope);
            let CheckCardsInput {
                family,
                library,
                card,
                ..
            } = input.unwrap_or_default();
            let command = CheckCards {
                family,
                library,
                card,
                scope,
                dry_run,
                start,
                ..CheckCards::default()
            };
            check_cards::check_cards(context, command).await
        }
        JobName::NOTIFY_ALL | JobName::PICTURE_OF_THE_DAY => {
            let has_json_input = input.is_some();
            let given = input.unwrap_or_default();
            let has_at_once = given.contains_key("at_once");
            let input: NotifyAllInput = read_checked_input(given)?;
            let command = NotifyAll {
                dry_run,
                date: input.date,
                family: input.family,
                at_once: has_at_once.then_some(input.at_once),
                has_json_input,
                sends_pictures: job == JobName::PICTURE_OF_THE_DAY,
                start,
            };
            notify_all::notify_all(context, command).await
        }
        job => run_any_job(context, job, input, &start).await,
    }
}

/// Runs a job that has no command of its own. Without an input, it gets the one that the label's
/// schedule declares.
pub(crate) async fn run_any_job(
    context: &Context,
    job: JobName,
    input: Option<Map<String, Value>>,
    start: &StartOptions,
) -> CommandResult {
    let deployment = &*context.deployment;
    let schedule = start.find_schedule(job, deployment).await?;
    let input = input.or_else(|| Some(schedule?.input));
    let input = job.entry().complete_input(&input.unwrap_or_default());
    let input = input.map_err(|why| invalid_input(&why, None))?;
    let label = deployment.default_label(job);
    let key = start.run_key(job, &label, deployment, context.now())?;
    let request = RunRequest {
        key,
        started_by: start.started_by(),
        input,
    };
    let progress = RunProgress::new(job, context.output, start.is_quiet());
    let on_progress = |counts: &Counts| progress.show(counts);
    let answer = deployment.run_job(request, &on_progress).await;
    // Nothing of it is printed after the result.
    drop(progress);
    match answer? {
        JobAnswer::Done { run, summary } => Ok(show_done(context, start, &run, &summary)),
        JobAnswer::NotStarted(reason) => show_not_started(context, start, &reason).await,
    }
}

#[derive(Serialize)]
struct JobRunDocument<'a> {
    run: &'a Run,
    summary: &'a Value,
}

fn show_done(context: &Context, start: &StartOptions, run: &Run, summary: &Value) -> Outcome {
    context
        .output
        .print_document(&JobRunDocument { run, summary });
    let outcome = Outcome::failed_if(run.outcome != RunOutcome::Done);
    if start.is_quiet() && outcome == Outcome::Done {
        return outcome;
    }
    let took = duration(run.duration(context.now()));
    let counts = match run.counts.planned {
        0 => String::new(),
        _ => format!(", {}", run.counts.describe(run.key.job)),
    };
    let ended = run.outcome.as_str();
    context
        .output
        .print_text(format!("{}: {ended} in {took}{counts}.", run.key.job));
    for (name, value) in summary.as_object().into_iter().flatten() {
        context.output.print_text(format!("  {name}: {value}"));
    }
    outcome
}

/// An example of a job's input, for errors.
fn example_input(job: JobName) -> Option<&'static str> {
    match job {
        JobName::CHECK_CARDS => Some(r#"{"family":"conrad","scope":"failed"}"#),
        JobName::NOTIFY_ALL | JobName::PICTURE_OF_THE_DAY => {
            Some(r#"{"family":"conrad","date":"2026-11-21"}"#)
        }
        _ => None,
    }
}

/// Parses the fields of a job's input; an error shows an example.
fn parse_input(job: JobName, text: &str) -> Result<Map<String, Value>, CommandError> {
    let parsed = parse_fields(text).and_then(|fields| {
        job.entry().complete_input(&fields)?;
        Ok(fields)
    });
    parsed.map_err(|why| invalid_input(&why, example_input(job)))
}

/// Parses a JSON object. Serde alone would accept a list of values.
fn parse_fields(input: &str) -> Result<Map<String, Value>, String> {
    serde_json::from_str(strip_byte_order_mark(input)).map_err(|error| not_an_object(&error))
}

fn invalid_input(why: &str, example: Option<&str>) -> CommandError {
    let why = why.trim_end_matches('.');
    CommandError::usage(match example {
        Some(example) => format!("The input isn't valid: {why}. Write it like '{example}'."),
        None => format!("The input isn't valid: {why}."),
    })
}

/// Explains why the input isn't a JSON object.
fn not_an_object(error: &serde_json::Error) -> String {
    match error.classify() {
        Category::Data => "it isn't a JSON object".to_owned(),
        _ => format!("it isn't JSON ({error})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn malformed_input_is_rejected() {
        for (input, expected) in [
            (
                r#"{"famly":"conrad"}"#,
                "“famly” isn't known here; the fields are scope",
            ),
            (
                r#"{"scope":"some"}"#,
                "“some” isn't known here; write one of all, failed",
            ),
            (r#"{"family":"A B"}"#, "“A B” isn't a valid id"),
            ("family", "isn't JSON"),
            ("[]", "isn't a JSON object"),
            (r#"["failed"]"#, "isn't a JSON object"),
            ("null", "isn't a JSON object"),
        ] {
            let message = parse_input(JobName::CHECK_CARDS, input)
                .unwrap_err()
                .to_string();
            assert!(message.contains(expected), "{message}");
        }
        let wrong_date = r#"{"family":"conrad","date":"21 Nov"}"#;
        let message = parse_input(JobName::NOTIFY_ALL, wrong_date).unwrap_err();
        assert!(message.to_string().contains("“date”: "), "{message}");
        let given = parse_input(JobName::NOTIFY_ALL, r#"{"at_once":false}"#).unwrap();
        assert_eq!(Value::from(given), serde_json::json!({"at_once": false}));
    }
}
