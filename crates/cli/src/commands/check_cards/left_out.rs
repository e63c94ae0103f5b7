//! The cards that a run left out, each with its reason.

use std::collections::BTreeMap;

use hippo_core::card::CardRecord;
use hippo_core::ids::{CardId, FamilyId, LibraryId};
use hippo_core::jobs::check_cards::{CheckCardsInput, InputScope};
use hippo_core::jobs::visit::UNDER_WAY;
use hippo_core::run::{Run, RunOutcome};
use serde::Serialize;

use super::CheckedView;
use crate::context::Context;
use crate::exit::CommandError;
use crate::output::count;

/// Why a run left a card out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reason {
    /// It is paused.
    Paused,
    /// The library refused its number or PIN.
    PinRefused,
    /// Another run checked it after this one began.
    CheckedAlready,
    /// Another check of it is under way.
    UnderWay,
    /// The run was stopped before it.
    NotBegun,
    /// A person changed it while the run went.
    Changed,
}

impl Reason {
    /// The words of tables and sentences.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Paused => "paused",
            Self::PinRefused => "number or PIN refused",
            Self::CheckedAlready => "checked already by another run",
            Self::UnderWay => "another check is under way",
            Self::NotBegun => "not begun",
            Self::Changed => "changed meanwhile",
        }
    }
}

/// A card that a run left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct LeftOut {
    pub(super) card: CardId,
    pub(super) family: FamilyId,
    pub(super) library: LibraryId,
    pub(super) patron: String,
    pub(super) reason: Reason,
}

/// The cards that were asked for and not checked.
pub(super) async fn left_out(
    context: &Context,
    input: &CheckCardsInput,
    run: &Run,
    checked: &[CheckedView],
) -> Result<Vec<LeftOut>, CommandError> {
    let mut found = Vec::new();
    for family in context.families(input.family.as_ref()).await? {
        for record in context.store.cards_of(&family.id).await? {
            let card = &record.card;
            let is_wanted = input.library.as_ref().is_none_or(|id| *id == card.library);
            let was_checked = checked.iter().any(|checked| checked.card == card.id);
            if !is_wanted || was_checked {
                continue;
            }
            if let Some(reason) = reason_of(&record, input.scope, run) {
                found.push(LeftOut {
                    card: card.id,
                    family: card.family.clone(),
                    library: card.library.clone(),
                    patron: hippo_core::text::clean(&card.patron),
                    reason,
                });
            }
        }
    }
    Ok(found)
}

/// Why a card was not checked; `None`: it was not asked for.
fn reason_of(record: &CardRecord, scope: InputScope, run: &Run) -> Option<Reason> {
    let (card, state) = (&record.card, &record.state);
    if card.paused {
        return Some(Reason::Paused);
    }
    if state.refused_since.is_some() {
        return Some(Reason::PinRefused);
    }
    let began = run.started_at;
    let last = state.last_check.as_ref();
    if last.is_some_and(|last| began <= last.started_at) {
        return Some(Reason::CheckedAlready);
    }
    let was_well = last.is_some_and(|last| last.failure.is_none());
    if card.created_at > began || (scope == InputScope::Failed && was_well) {
        return None;
    }
    let mark = state.login_mark.as_ref();
    if mark.is_some_and(|mark| began < mark.at + UNDER_WAY) {
        return Some(Reason::UnderWay);
    }
    Some(match run.outcome {
        RunOutcome::Interrupted => Reason::NotBegun,
        _ => Reason::Changed,
    })
}

/// `Left out: 1 card: paused; 2 cards: number or PIN refused.`; `None`: none was.
pub(super) fn sentence(left_out: &[LeftOut]) -> Option<String> {
    let mut counts: BTreeMap<Reason, usize> = BTreeMap::new();
    for one in left_out {
        *counts.entry(one.reason).or_default() += 1;
    }
    let parts: Vec<String> = counts
        .into_iter()
        .map(|(reason, cards)| format!("{}: {}", count(cards, "card", "cards"), reason.as_str()))
        .collect();
    (!parts.is_empty()).then(|| {
        format!(
            "Left out: {}. “hippo status” says what to do.",
            parts.join("; ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{DateTime, Duration, Utc};
    use hippo_core::card::{Card, CardState, Fingerprint, LastCheck, LoginMark};
    use hippo_core::failure::Failure;
    use hippo_core::run::{Counts, Trigger};
    use rstest::rstest;

    fn began() -> DateTime<Utc> {
        "2026-11-21T12:00:00Z".parse().unwrap()
    }

    fn run(outcome: RunOutcome) -> Run {
        Run {
            key: "check-cards/all/2026-11-21T12:00:00Z".parse().unwrap(),
            trigger: Trigger::Person,
            input: serde_json::Value::Null,
            started_at: began(),
            reported_at: began(),
            finished_at: None,
            outcome,
            counts: Counts::default(),
        }
    }

    fn record(paused: bool, state: CardState) -> CardRecord {
        CardRecord {
            card: Card {
                id: CardId::generate(),
                family: "conrad".parse().unwrap(),
                library: "wpl".parse().unwrap(),
                patron: "Pat".to_owned(),
                fingerprint: Fingerprint(String::new()),
                paused,
                created_at: began() - Duration::days(1),
            },
            state,
        }
    }

    fn checked(minutes: i64, failure: Option<Failure>) -> CardState {
        let at = began() + Duration::minutes(minutes);
        CardState {
            last_check: Some(LastCheck {
                started_at: at,
                finished_at: at,
                failure,
            }),
            ..CardState::default()
        }
    }

    #[test]
    fn each_card_that_is_left_out_has_its_own_reason() {
        let refused = CardState {
            refused_since: Some(began()),
            ..CardState::default()
        };
        let marked = CardState {
            login_mark: Some(LoginMark {
                check: uuid::Uuid::nil(),
                at: began() - Duration::seconds(5),
                day: began().date_naive(),
                is_settled: false,
            }),
            ..CardState::default()
        };
        let why = |record: &CardRecord, outcome| reason_of(record, InputScope::All, &run(outcome));
        let done = RunOutcome::Done;
        assert_eq!(
            why(&record(true, CardState::default()), done),
            Some(Reason::Paused)
        );
        assert_eq!(why(&record(false, refused), done), Some(Reason::PinRefused));
        assert_eq!(
            why(&record(false, checked(1, None)), done),
            Some(Reason::CheckedAlready)
        );
        assert_eq!(why(&record(false, marked), done), Some(Reason::UnderWay));
        let plain = record(false, CardState::default());
        assert_eq!(why(&plain, RunOutcome::Interrupted), Some(Reason::NotBegun));
        assert_eq!(why(&plain, done), Some(Reason::Changed));
    }

    #[rstest]
    #[case(None, None)]
    #[case(Some(Failure::site_down("x")), Some(Reason::Changed))]
    fn retry_leaves_out_only_what_had_failed(
        #[case] failure: Option<Failure>,
        #[case] expected: Option<Reason>,
    ) {
        let record = record(false, checked(-60, failure));
        assert_eq!(
            reason_of(&record, InputScope::Failed, &run(RunOutcome::Done)),
            expected
        );
    }

    #[test]
    fn equal_reasons_are_counted_together() {
        let one = |reason| LeftOut {
            card: CardId::generate(),
            family: "conrad".parse().unwrap(),
            library: "wpl".parse().unwrap(),
            patron: "Pat".to_owned(),
            reason,
        };
        let cards = [
            one(Reason::PinRefused),
            one(Reason::Paused),
            one(Reason::PinRefused),
        ];
        assert_eq!(
            sentence(&cards).unwrap(),
            "Left out: 1 card: paused; 2 cards: number or PIN refused. “hippo status” says what to do."
        );
        assert_eq!(sentence(&[]), None);
    }
}
