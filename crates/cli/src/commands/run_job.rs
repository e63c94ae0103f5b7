//! `hippo run`: a job with an input of one's own.

use clap::Args;
use hippo_core::jobs::check_cards::{CheckCardsInput, InputScope};
use hippo_core::jobs::notify_all::NotifyAllInput;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::commands::check_cards::{self, CheckCards, Schedule, ScopeChoice};
use crate::commands::notify_all::{self, NotifyAll};
use crate::commands::runs::JobChoice;
use crate::context::Globals;
use crate::exit::{CommandError, CommandResult};

/// Run a job by its name, with its input as JSON.
///
/// It is the same run that “hippo check-cards” and “hippo notify-all” make, for who has the input as a
/// document: from a schedule, from a run's record.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hippo run check-cards --input '{\"scope\":\"failed\"}'
  hippo run notify-all --input '{\"family\":\"conrad\"}' --dry-run

Input of check-cards: scope (all, failed), family, library. Of notify-all: family, date, at_once (also the notices
that wait since the mail server refused them for now; so it is anyway where a person asks).")]
pub(crate) struct RunJob {
    /// The job.
    #[arg(value_enum)]
    job: JobChoice,
    /// What it is asked to do; all cards, or all notices that are due, if it is not given.
    #[arg(
        long,
        value_name = "JSON",
        default_value = "{}",
        hide_default_value = true
    )]
    input: String,
    /// Print what would be done; do and write nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    schedule: Schedule,
}

/// Runs the job.
pub(crate) async fn run(asked: RunJob, globals: &Globals) -> CommandResult {
    match asked.job {
        JobChoice::CheckCards => {
            let (input, _): (CheckCardsInput, _) = read(&asked.input)?;
            let command = CheckCards {
                family: input.family,
                library: input.library,
                scope: match input.scope {
                    InputScope::All => ScopeChoice::All,
                    InputScope::Failed => ScopeChoice::Failed,
                },
                dry_run: asked.dry_run,
                schedule: asked.schedule,
                ..CheckCards::default()
            };
            check_cards::run(command, globals).await
        }
        JobChoice::NotifyAll => {
            let (input, given): (NotifyAllInput, _) = read(&asked.input)?;
            let command = NotifyAll {
                dry_run: asked.dry_run,
                date: input.date,
                family: input.family,
                at_once: given.contains_key("at_once").then_some(input.at_once),
                schedule: asked.schedule,
            };
            notify_all::run(command, globals).await
        }
    }
}

/// The input, and what of it is given.
fn read<T: DeserializeOwned>(input: &str) -> Result<(T, Map<String, Value>), CommandError> {
    // By itself, serde takes a list of values for one of fields.
    serde_json::from_str(input)
        .and_then(|given| Ok((serde_json::from_str(input)?, given)))
        .map_err(|error| {
            CommandError::Usage(format!(
                "The input is not one of this job: {error}. Write it like '{{\"family\":\"conrad\"}}'."
            ))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_that_is_not_understood_says_what_may_stand_there() {
        for (input, expected) in [
            (
                r#"{"famly":"conrad"}"#,
                "unknown field `famly`, expected one of `scope`",
            ),
            (r#"{"scope":"some"}"#, "unknown variant `some`"),
            (r#"{"family":"A B"}"#, "“A B” is not a valid id"),
            ("family", "expected"),
            ("[]", "expected a map"),
            (r#"["failed"]"#, "expected a map"),
            ("null", "expected a map"),
        ] {
            let message = read::<CheckCardsInput>(input).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
        let (input, given): (NotifyAllInput, _) = read(r#"{"at_once":false}"#).unwrap();
        assert!(!input.at_once && given.contains_key("at_once"));
    }
}
