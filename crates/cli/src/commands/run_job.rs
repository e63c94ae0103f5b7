//! `hippo run`: runs a job by its name.

use clap::Args;
use hippo_core::jobs::check_cards::CheckCardsInput;
use hippo_core::jobs::notify::NotifyAllInput;
use hippo_core::run::Job;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use serde_json::{Map, Value};

use crate::commands::check_cards::{self, CheckCards};
use crate::commands::notify_all::{self, NotifyAll};
use crate::context::Globals;
use crate::exit::{CommandError, CommandResult};
use crate::start_options::StartOptions;
use crate::text_input::strip_byte_order_mark;
use crate::values::one_of;

/// Run a job by its name, with its input as JSON.
///
/// “hippo check-cards” and “hippo notify-all” are short for it. Use it where you have the input as JSON:
/// from a schedule, or from “hippo runs show”.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hippo run check-cards --input '{\"scope\":\"failed\"}'
  hippo run notify-all --input '{\"family\":\"conrad\"}' --dry-run

Input of check-cards:
  scope    all or failed
  family   only this family's cards
  library  only this library's cards

Input of notify-all:
  family   only this family's notice
  date     the families' local date, such as 2026-11-21
  at_once  true: also send notices that the mail server refused; the default
           when a person starts the run")]
pub(crate) struct RunJob {
    /// The job.
    #[arg(value_parser = one_of(&Job::ALL, Job::as_str))]
    job: Job,
    /// What the job should do. By default all cards, or all notices that are due.
    #[arg(
        long,
        value_name = "JSON",
        default_value = "{}",
        hide_default_value = true
    )]
    input: String,
    /// Show what it would do, without doing it. Saves nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    start: StartOptions,
}

/// Runs the job.
pub(crate) async fn run(args: RunJob, globals: &Globals) -> CommandResult {
    match args.job {
        Job::CheckCards => {
            let (input, _): (CheckCardsInput, _) = parse_input(&args.input, CHECK_CARDS_EXAMPLE)?;
            let command = CheckCards {
                family: input.family,
                library: input.library,
                scope: input.scope,
                dry_run: args.dry_run,
                start: args.start,
                ..CheckCards::default()
            };
            check_cards::run(command, globals).await
        }
        Job::NotifyAll => {
            let (input, given): (NotifyAllInput, _) = parse_input(&args.input, NOTIFY_ALL_EXAMPLE)?;
            let command = NotifyAll {
                dry_run: args.dry_run,
                date: input.date,
                family: input.family,
                at_once: given.contains_key("at_once").then_some(input.at_once),
                start: args.start,
            };
            notify_all::run(command, globals).await
        }
    }
}

/// Example inputs, for errors.
const CHECK_CARDS_EXAMPLE: &str = r#"{"family":"conrad","scope":"failed"}"#;
const NOTIFY_ALL_EXAMPLE: &str = r#"{"family":"conrad","date":"2026-11-21"}"#;

/// Parses the input, and returns it with its given fields; an error shows the `example`.
fn parse_input<T: DeserializeOwned>(
    input: &str,
    example: &str,
) -> Result<(T, Map<String, Value>), CommandError> {
    // Serde alone would accept a list of values.
    serde_json::from_str::<Map<String, Value>>(strip_byte_order_mark(input))
        .map_err(|error| not_an_object(&error))
        .and_then(|given| match serde_json::from_value(given.clone().into()) {
            Ok(read) => Ok((read, given)),
            Err(error) => {
                Err(describe_invalid_field::<T>(given).unwrap_or_else(|| error.to_string()))
            }
        })
        .map_err(|message| {
            CommandError::usage(format!(
                "The input isn't valid: {message}. Write it like '{example}'."
            ))
        })
}

/// Explains why the input isn't a JSON object.
fn not_an_object(error: &serde_json::Error) -> String {
    match error.classify() {
        Category::Data => "it isn't a JSON object".to_owned(),
        _ => format!("it isn't JSON ({error})"),
    }
}

/// Describes the first invalid field, with its name.
fn describe_invalid_field<T: DeserializeOwned>(given: Map<String, Value>) -> Option<String> {
    given.into_iter().find_map(|(name, value)| {
        let alone = Map::from_iter([(name.clone(), value)]);
        let error = serde_json::from_value::<T>(alone.into()).err()?.to_string();
        // The message about an unknown field names it already.
        Some(if error.contains(&name) {
            error
        } else {
            format!("“{name}”: {error}")
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn malformed_input_is_rejected() {
        for (input, expected) in [
            (
                r#"{"famly":"conrad"}"#,
                "unknown field `famly`, expected one of `scope`",
            ),
            (r#"{"scope":"some"}"#, "unknown variant `some`"),
            (r#"{"family":"A B"}"#, "“A B” is not a valid id"),
            ("family", "isn't JSON"),
            ("[]", "isn't a JSON object"),
            (r#"["failed"]"#, "isn't a JSON object"),
            ("null", "isn't a JSON object"),
        ] {
            let message = parse_input::<CheckCardsInput>(input, CHECK_CARDS_EXAMPLE)
                .unwrap_err()
                .to_string();
            assert!(message.contains(expected), "{message}");
        }
        let message = parse_input::<NotifyAllInput>(
            r#"{"family":"conrad","date":"21 Nov"}"#,
            NOTIFY_ALL_EXAMPLE,
        )
        .unwrap_err();
        assert!(message.to_string().contains("“date”: "), "{message}");
        let (input, given): (NotifyAllInput, _) =
            parse_input(r#"{"at_once":false}"#, NOTIFY_ALL_EXAMPLE).unwrap();
        assert!(!input.at_once && given.contains_key("at_once"));
    }
}
