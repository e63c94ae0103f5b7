//! The input with which a person starts a run again: the earlier run's input, or what failed in it.

use std::collections::BTreeSet;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::ids::FamilyId;
use crate::jobs::check_cards::CheckCardsInput;
use crate::jobs::notify::NotifyAllInput;
use crate::run::work::{self, Subject, WorkItem, WorkOutcome};
use crate::run::{JobName, Run};
use crate::store::{RunStore, Scope, StoreError};

/// How many of a label's runs are searched for the input of one that never came.
const MAX_SEARCHED_RUNS: usize = 20;

/// Why a run can't be started again.
#[derive(Debug, thiserror::Error)]
pub enum CannotRetry {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Only what failed was asked for, and nothing failed.
    #[error("nothing failed in it")]
    NothingFailed,
    /// The run has no input that this version can read.
    #[error("it isn't known what it was asked to do")]
    UnknownInput,
    /// Only what failed was asked for, and the job can't do that.
    #[error("the job can't run for what failed only")]
    OnlyWhole,
}

/// Finds the input with which a run starts again. `work` are the run's results.
///
/// With `only_failed`, `check-cards` checks the failed cards of the library and family that all failures
/// share; a job of mails also sends what was refused, and only to the family that all failures share.
pub async fn find_retry_input(
    runs: &dyn RunStore,
    run: &Run,
    work: &[WorkItem],
    only_failed: bool,
) -> Result<Value, CannotRetry> {
    let failures = failures(work);
    if only_failed && failures.is_empty() && run.counts.failures() == 0 {
        return Err(CannotRetry::NothingFailed);
    }
    let input = find_input(runs, run).await?;
    if !only_failed {
        return Ok(input);
    }
    match run.key.job {
        JobName::CHECK_CARDS => to_value(only_failed_cards(parse(input)?, &failures)),
        JobName::NOTIFY_ALL | JobName::PICTURE_OF_THE_DAY => {
            let mut input: NotifyAllInput = parse(input)?;
            input.family = input.family.or_else(|| shared(families(&failures)));
            input.at_once = true;
            to_value(input)
        }
        _ => Err(CannotRetry::OnlyWhole),
    }
}

/// The run's input. One that never came has none: the newest of its label that has one is used.
async fn find_input(runs: &dyn RunStore, run: &Run) -> Result<Value, CannotRetry> {
    if !run.input.is_null() {
        return Ok(run.input.clone());
    }
    let (job, label) = (run.key.job, &run.key.label);
    let others = runs.recent_runs(Some(job), Some(label), MAX_SEARCHED_RUNS);
    let inputs = others.await?.into_iter().map(|run| run.input);
    let mut known = inputs.filter(|input| !input.is_null());
    known.next().ok_or(CannotRetry::UnknownInput)
}

fn parse<T: DeserializeOwned>(input: Value) -> Result<T, CannotRetry> {
    serde_json::from_value(input).map_err(|_| CannotRetry::UnknownInput)
}

fn to_value(input: impl Serialize) -> Result<Value, CannotRetry> {
    serde_json::to_value(input).map_err(|_| CannotRetry::UnknownInput)
}

/// The cards and mails that failed.
fn failures(work: &[WorkItem]) -> Vec<&Subject> {
    work::results(work)
        .into_iter()
        .filter(|(_, outcome)| matches!(outcome, WorkOutcome::Failed(_)))
        .map(|(subject, _)| subject)
        .collect()
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
    use crate::ids::CardId;
    use crate::run::work::WorkResult;
    use crate::run::{Counts, RunOutcome, Trigger};
    use crate::testing::memory::MemoryStore;
    use serde_json::json;

    fn card(family: &str, library: &str) -> Subject {
        Subject::Card {
            family: family.parse().unwrap(),
            card: CardId::generate(),
            library: library.parse().unwrap(),
        }
    }

    fn run(key: &str, input: Value) -> Run {
        let now = chrono::DateTime::UNIX_EPOCH;
        Run {
            key: key.parse().unwrap(),
            trigger: Trigger::Schedule,
            input,
            started_at: now,
            reported_at: now,
            finished_at: Some(now),
            outcome: RunOutcome::DoneWithFailures,
            counts: Counts::default(),
        }
    }

    fn failed(subjects: &[Subject]) -> Vec<WorkItem> {
        let result = |subject: &Subject| WorkResult {
            subject: subject.clone(),
            outcome: WorkOutcome::Failed("site_down".to_owned()),
        };
        vec![WorkItem {
            item_id: "one".to_owned(),
            results: subjects.iter().map(result).collect(),
        }]
    }

    async fn retry(run: &Run, work: &[WorkItem], only_failed: bool) -> Result<Value, CannotRetry> {
        find_retry_input(&MemoryStore::default(), run, work, only_failed).await
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

    #[tokio::test]
    async fn whole_run_has_its_own_input_again() {
        let run = run(
            "check-cards/all/2026-11-21T10:00:00Z",
            json!({"scope": "all"}),
        );
        let again = retry(&run, &[], false).await.unwrap();
        assert_eq!(again, json!({"scope": "all"}));
        let work = failed(&[card("lee", "kpl")]);
        let again = retry(&run, &work, true).await.unwrap();
        let narrowed = json!({"scope": "failed", "library": "kpl", "family": "lee"});
        assert_eq!(again, narrowed);
    }

    #[tokio::test]
    async fn retry_of_refused_mails_does_not_wait() {
        let run = run("notify-all/tick/2026-11-21T10:00:00Z", json!({}));
        let mail = Subject::Mail {
            kind: crate::outbox::MailKind::DAILY,
            family: "lee".parse().unwrap(),
            date: "2026-11-21".parse().unwrap(),
        };
        let again = retry(&run, &failed(&[mail]), true).await.unwrap();
        let at_once = json!({"date": null, "family": "lee", "at_once": true});
        assert_eq!(again, at_once);
    }

    #[tokio::test]
    async fn run_without_failures_or_input_is_not_started_again() {
        let all = run("check-cards/all/2026-11-21T10:00:00Z", json!({}));
        let nothing = retry(&all, &[], true).await;
        assert!(matches!(nothing, Err(CannotRetry::NothingFailed)));
        let unknown = run("check-cards/all/2026-11-21T10:00:00Z", Value::Null);
        let nothing = retry(&unknown, &[], false).await;
        assert!(matches!(nothing, Err(CannotRetry::UnknownInput)));
    }
}
