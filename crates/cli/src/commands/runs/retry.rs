//! `hippo runs retry`: starts a run again, with the same input or for what failed.

use std::collections::BTreeSet;

use clap::Args;
use hippo_core::ids::FamilyId;
use hippo_core::jobs::check_cards::CheckCardsInput;
use hippo_core::jobs::notify::NotifyAllInput;
use hippo_core::run::work::{self, Subject, WorkItem, WorkOutcome};
use hippo_core::run::{JobName, Run, RunKey, RunOutcome};
use hippo_core::store::Scope;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::show::find_run;
use crate::commands::check_cards::{self, CheckCards};
use crate::commands::notify_all::{self, NotifyAll};
use crate::commands::run_job::run_any_job;
use crate::context::Context;
use crate::exit::{CommandError, CommandResult, Outcome};
use crate::start_options::StartOptions;
use crate::values::run_key;

/// How many of a label's runs are searched for the input of one that never came.
const MAX_SEARCHED: usize = 20;

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
    let failures = failures(&work);
    if args.failed && failures.is_empty() && run.counts.failures() == 0 {
        context.output.print_document(&Value::Null);
        context
            .output
            .print_text(format!("Nothing failed in the run {}.", run.key));
        return Ok(Outcome::Done);
    }
    let input = find_input(context, &run).await?;
    context
        .output
        .print_text(format!("Running {} again, as in {}.", run.key.job, run.key));
    match run.key.job {
        JobName::CHECK_CARDS => {
            let mut input: CheckCardsInput = parse(input, &run)?;
            if args.failed {
                input = only_failed_cards(input, &failures);
            }
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
            let family = args.failed.then(|| shared(families(&failures))).flatten();
            let command = NotifyAll {
                date: input.date,
                family: input.family.or(family),
                at_once: Some(input.at_once || args.failed),
                sends_pictures: job == JobName::PICTURE_OF_THE_DAY,
                start: StartOptions::default(),
                ..NotifyAll::default()
            };
            notify_all::notify_all(context, command).await
        }
        job if args.failed => Err(CommandError::usage(format!(
            "{job} can't run for what failed only. Leave --failed out."
        ))),
        job => {
            let input = input.as_object().cloned();
            run_any_job(context, job, input, &StartOptions::default()).await
        }
    }
}

/// The cards and mails that failed.
fn failures(work: &[WorkItem]) -> Vec<&Subject> {
    work::results(work)
        .into_iter()
        .filter(|(_, outcome)| matches!(outcome, WorkOutcome::Failed(_)))
        .map(|(subject, _)| subject)
        .collect()
}

/// The run's input. One that never came has none: the newest of its label that has one is used.
async fn find_input(context: &Context, run: &Run) -> Result<Value, CommandError> {
    if !run.input.is_null() {
        return Ok(run.input.clone());
    }
    let (job, label) = (run.key.job, &run.key.label);
    let runs = context
        .store
        .recent_runs(Some(job), Some(label), MAX_SEARCHED)
        .await?;
    let inputs = runs.into_iter().map(|run| run.input);
    inputs
        .into_iter()
        .find(|input| !input.is_null())
        .ok_or_else(|| unknown_input(run))
}

fn unknown_input(run: &Run) -> CommandError {
    CommandError::usage(format!(
        "We don't know what the run {} was asked to do.",
        run.key
    ))
    .try_command(format!("hippo run {}", run.key.job))
}

fn parse<T: DeserializeOwned>(input: Value, run: &Run) -> Result<T, CommandError> {
    serde_json::from_value(input).map_err(|error| unknown_input(run).caused_by(error))
}

/// Narrows an input to the cards whose last check failed, at the library and family that all failures
/// share.
fn only_failed_cards(input: CheckCardsInput, failures: &[&Subject]) -> CheckCardsInput {
    let libraries = failures.iter().filter_map(|subject| match subject {
        Subject::Card { library, .. } => Some(library.clone()),
        Subject::Mail { .. } => None,
    });
    CheckCardsInput {
        scope: Scope::Failed,
        library: input.library.or_else(|| shared(libraries.collect())),
        family: input.family.or_else(|| shared(families(failures))),
        card: input.card,
    }
}

fn families(failures: &[&Subject]) -> BTreeSet<FamilyId> {
    let family = |subject: &&Subject| match subject {
        Subject::Card { family, .. } | Subject::Mail { family, .. } => family.clone(),
    };
    failures.iter().map(family).collect()
}

/// The only one of a set, if it has just one.
fn shared<T: Ord>(mut of_all: BTreeSet<T>) -> Option<T> {
    (of_all.len() == 1).then(|| of_all.pop_first()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use hippo_core::ids::CardId;

    fn card(family: &str, library: &str) -> Subject {
        Subject::Card {
            family: family.parse().unwrap(),
            card: CardId::generate(),
            library: library.parse().unwrap(),
        }
    }

    #[test]
    fn retry_of_failed_cards_is_limited_to_what_they_share() {
        let (one, other, third) = (
            card("conrad", "wpl"),
            card("lee", "wpl"),
            card("lee", "kpl"),
        );
        let narrowed = |failures: &[&Subject]| {
            let input = only_failed_cards(CheckCardsInput::default(), failures);
            assert_eq!(input.scope, Scope::Failed);
            let text = |id: Option<String>| id.unwrap_or_default();
            (
                text(input.family.map(|id| id.to_string())),
                text(input.library.map(|id| id.to_string())),
            )
        };
        let expected = |family: &str, library: &str| (family.to_owned(), library.to_owned());
        assert_eq!(narrowed(&[&one]), expected("conrad", "wpl"));
        assert_eq!(narrowed(&[&one, &other]), expected("", "wpl"));
        assert_eq!(narrowed(&[&other, &third]), expected("lee", ""));
        assert_eq!(narrowed(&[&one, &third]), expected("", ""));
        assert_eq!(narrowed(&[]), expected("", ""));
    }

    #[test]
    fn retry_of_failed_cards_never_widens_the_input() {
        let input = CheckCardsInput {
            family: Some("conrad".parse().unwrap()),
            ..CheckCardsInput::default()
        };
        let failed = card("conrad", "wpl");
        let narrowed = only_failed_cards(input.clone(), &[&failed]);
        assert_eq!(narrowed.family, input.family);
        assert_eq!(narrowed.library, Some("wpl".parse().unwrap()));
    }
}
