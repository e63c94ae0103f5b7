//! `hippo runs retry`: starts a run again, with the same input or for what failed.

use clap::Args;
use hippo_core::jobs::check_cards::CheckCardsInput;
use hippo_core::jobs::notify::NotifyAllInput;
use hippo_core::jobs::retry::{CannotRetry, find_retry_input};
use hippo_core::run::{JobName, Run, RunKey, RunOutcome};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::show::find_run;
use crate::commands::check_cards::{self, CheckCards};
use crate::commands::notify_all::{self, NotifyAll};
use crate::commands::run_job::run_any_job;
use crate::context::Context;
use crate::exit::{CommandError, CommandResult, Outcome};
use crate::start_options::StartOptions;
use crate::suggested::HIPPO;
use crate::values::run_key;

/// Run a job again with the input of an earlier run.
///
/// The new run is yours: its label is “person”, and it starts even if the schedule is paused.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hippo runs retry check-cards/all/2026-11-21T10:00:00Z
  hippo runs retry check-cards/all/2026-11-21T10:00:00Z --failed

With --failed, check-cards checks the cards whose last check failed, and of them
only those of the family or library that all failures of that run share.
notify-all also sends the notices that the mail server refused, and only to the
family of the failed emails if it is one.

The exit codes are those of the job.")]
pub(super) struct Retry {
    /// The run's id, as “hippo runs” shows it.
    #[arg(value_parser = run_key)]
    id: RunKey,
    /// Only what failed in that run.
    #[arg(long)]
    failed: bool,
}

/// Runs the job again.
pub(super) async fn retry(context: &Context, args: &Retry) -> CommandResult {
    let run = find_run(context, &args.id).await?;
    let work = context.store.work_items(&args.id).await?;
    let run = run.with_work(&work, context.now());
    if run.outcome == RunOutcome::Running {
        return Err(
            CommandError::usage(format!("The run {} is still going.", run.key))
                .advice("Wait until it ends. If it stopped reporting, the next run of its label marks it as lost."),
        );
    }
    let found = find_retry_input(&*context.store, &run, &work, args.failed).await;
    let input = match found {
        Ok(input) => input,
        Err(CannotRetry::NothingFailed) => {
            context.output.print_document(&Value::Null);
            context
                .output
                .print_text(format!("Nothing failed in the run {}.", run.key));
            return Ok(Outcome::Done);
        }
        Err(error) => return Err(explain(error, &run)),
    };
    context
        .output
        .print_text(format!("Running {} again, as in {}.", run.key.job, run.key));
    match run.key.job {
        JobName::CHECK_CARDS => {
            let input: CheckCardsInput = parse(input, &run)?;
            let command = CheckCards {
                family: input.family,
                library: input.library,
                card: input.card,
                scope: Some(input.scope),
                start: StartOptions::default(),
                ..CheckCards::default()
            };
            check_cards::check_cards(context, command).await
        }
        job @ (JobName::NOTIFY_ALL | JobName::PICTURE_OF_THE_DAY) => {
            let input: NotifyAllInput = parse(input, &run)?;
            let command = NotifyAll {
                date: input.date,
                family: input.family,
                at_once: Some(input.at_once),
                sends_pictures: job == JobName::PICTURE_OF_THE_DAY,
                start: StartOptions::default(),
                ..NotifyAll::default()
            };
            notify_all::notify_all(context, command).await
        }
        job => {
            let input = input.as_object().cloned();
            run_any_job(context, job, input, &StartOptions::default()).await
        }
    }
}

fn explain(error: CannotRetry, run: &Run) -> CommandError {
    match error {
        CannotRetry::Store(error) => error.into(),
        CannotRetry::OnlyWhole => CommandError::usage(format!(
            "{} can't repeat only what failed. Leave out --failed.",
            run.key.job
        )),
        CannotRetry::UnknownInput | CannotRetry::NothingFailed => unknown_input(run),
    }
}

fn unknown_input(run: &Run) -> CommandError {
    CommandError::usage(format!(
        "We don't know what the run {} was asked to do.",
        run.key
    ))
    .try_command(format!("{HIPPO} run {}", run.key.job))
}

fn parse<T: DeserializeOwned>(input: Value, run: &Run) -> Result<T, CommandError> {
    serde_json::from_value(input).map_err(|error| unknown_input(run).caused_by(error))
}
