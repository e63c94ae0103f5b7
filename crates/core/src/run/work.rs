//! The work items of a run with workers; exact even if a message is delivered twice.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Duration, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::{Counts, Run, RunOutcome};
use crate::card::{Card, CardRecord};
use crate::ids::{CardId, FamilyId, LibraryId};
use crate::outbox::{MailKey, MailKind, MailState};

/// Work that isn't done this long after the start of its run is lost: no message lives longer.
const MAX_QUEUE_TIME: Duration = Duration::days(1);

/// A work item of a run: a visit or a notice, with its results.
///
/// If the work is done twice, the second report replaces the first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkItem {
    /// Its id within the run; the same for every delivery of its message.
    pub item_id: String,
    /// The result of each card or notice in it.
    pub results: Vec<WorkResult>,
}

/// The id prefix of work that the run did itself. The run's counts include it already.
const INLINE: &str = "inline/";

impl WorkItem {
    /// Builds the id of an item that the run did and counted itself, besides what it enqueued.
    pub fn inline_item_id(name: &str) -> String {
        format!("{INLINE}{name}")
    }

    fn is_inline(&self) -> bool {
        self.item_id.starts_with(INLINE)
    }
}

/// The result of one card or one notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkResult {
    /// The card or mail.
    #[serde(flatten)]
    pub subject: Subject,
    /// How it went.
    pub outcome: WorkOutcome,
}

/// The subject of a result: a card or a mail.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "subject", rename_all = "snake_case")]
pub enum Subject {
    /// A card.
    Card {
        /// Its family.
        family: FamilyId,
        /// The card.
        card: CardId,
        /// Its library.
        library: LibraryId,
    },
    /// A mail of the outbox.
    Mail {
        /// Its kind.
        kind: MailKind,
        /// Its family.
        family: FamilyId,
        /// Its local date.
        date: NaiveDate,
    },
}

impl From<MailKey> for Subject {
    fn from(key: MailKey) -> Self {
        Self::Mail {
            kind: key.kind,
            family: key.family,
            date: key.date,
        }
    }
}

impl From<&Card> for Subject {
    fn from(card: &Card) -> Self {
        Self::Card {
            family: card.family.clone(),
            card: card.id,
            library: card.library.clone(),
        }
    }
}

/// The outcome of one card or mail.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum WorkOutcome {
    /// It went well.
    Done,
    /// Nothing had to be done.
    Skipped,
    /// A card that was not checked, and why.
    LeftOut(LeftOutReason),
    /// It failed with this kind (a [`crate::failure::FailureKind`], or a notice's state).
    Failed(String),
    /// It is enqueued, and no worker has reported yet. Last in order: any other result replaces it.
    Enqueued,
}

/// Why a run left a card out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeftOutReason {
    /// It is paused.
    Paused,
    /// The library rejected its number or PIN.
    PinRefused,
    /// Another run checked it after this one began.
    CheckedAlready,
    /// Another check of it is running.
    InProgress,
    /// The run was stopped before it was done.
    Interrupted,
    /// A person changed it during the run.
    Changed,
    /// It was removed.
    Removed,
    /// The schedule leaves its library out on that day.
    Closed,
}

impl LeftOutReason {
    const ALL: [Self; 8] = [
        Self::Paused,
        Self::PinRefused,
        Self::CheckedAlready,
        Self::InProgress,
        Self::Interrupted,
        Self::Changed,
        Self::Removed,
        Self::Closed,
    ];

    /// The stored word.
    fn as_str(self) -> &'static str {
        match self {
            Self::Paused => "left_out:paused",
            Self::PinRefused => "left_out:pin_refused",
            Self::CheckedAlready => "left_out:checked_already",
            Self::InProgress => "left_out:in_progress",
            Self::Interrupted => "left_out:interrupted",
            Self::Changed => "left_out:changed",
            Self::Removed => "left_out:removed",
            Self::Closed => "left_out:closed",
        }
    }

    /// Why a card is left out at `now`; `None`: it may be checked.
    pub fn for_waiting_card(record: &CardRecord, now: DateTime<Utc>) -> Option<Self> {
        if record.card.active_pause(now).is_some() {
            Some(Self::Paused)
        } else {
            let is_refused = record.state.refused_since.is_some();
            is_refused.then_some(Self::PinRefused)
        }
    }
}

impl fmt::Display for WorkOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Done => "done",
            Self::Skipped => "skipped",
            Self::LeftOut(reason) => reason.as_str(),
            Self::Failed(kind) => kind,
            Self::Enqueued => "enqueued",
        })
    }
}

impl From<String> for WorkOutcome {
    fn from(text: String) -> Self {
        match text.as_str() {
            "done" => Self::Done,
            "skipped" => Self::Skipped,
            "enqueued" => Self::Enqueued,
            _ => LeftOutReason::ALL
                .into_iter()
                .find(|reason| reason.as_str() == text)
                .map_or(Self::Failed(text), Self::LeftOut),
        }
    }
}

impl From<WorkOutcome> for String {
    fn from(outcome: WorkOutcome) -> Self {
        outcome.to_string()
    }
}

impl From<MailState> for WorkOutcome {
    fn from(state: MailState) -> Self {
        match state {
            MailState::Sent => Self::Done,
            MailState::Skipped => Self::Skipped,
            state => Self::Failed(state.as_str().to_owned()),
        }
    }
}

/// The result of each card or notice; the better one if two items have one.
pub fn results<'a>(
    work: impl IntoIterator<Item = &'a WorkItem>,
) -> BTreeMap<&'a Subject, &'a WorkOutcome> {
    let mut results: BTreeMap<&Subject, &WorkOutcome> = BTreeMap::new();
    for result in work.into_iter().flat_map(|report| &report.results) {
        results
            .entry(&result.subject)
            .and_modify(|known| *known = (*known).min(&result.outcome))
            .or_insert(&result.outcome);
    }
    results
}

/// The failures of one kind at one library.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct FailureCount {
    /// The kind: see [`WorkOutcome::Failed`].
    pub kind: String,
    /// The library; `None` for mails.
    pub library: Option<LibraryId>,
    /// How many.
    pub count: usize,
}

/// Counts what failed, by kind and library.
pub fn count_failures(work: &[WorkItem]) -> Vec<FailureCount> {
    let mut counts: BTreeMap<(&str, Option<&LibraryId>), usize> = BTreeMap::new();
    for (subject, outcome) in results(work) {
        if let WorkOutcome::Failed(kind) = outcome {
            let library = match subject {
                Subject::Card { library, .. } => Some(library),
                Subject::Mail { .. } => None,
            };
            *counts.entry((kind, library)).or_default() += 1;
        }
    }
    counts
        .into_iter()
        .map(|((kind, library), count)| FailureCount {
            kind: kind.to_owned(),
            library: library.cloned(),
            count,
        })
        .collect()
}

impl Run {
    /// Adds the workers' results to the counts, and derives the outcome.
    ///
    /// Work that the run did itself is counted already and stays as it is.
    #[must_use]
    pub fn with_work(mut self, work: &[WorkItem], now: chrono::DateTime<chrono::Utc>) -> Self {
        if self.counts.enqueued == 0 {
            return self;
        }
        let results = results(work.iter().filter(|report| !report.is_inline()));
        let known = u32::try_from(results.len()).unwrap_or(u32::MAX);
        let mut settled: u32 = 0;
        for outcome in results.into_values() {
            self.counts.add(outcome);
            settled += u32::from(*outcome != WorkOutcome::Enqueued);
        }
        // A run that was started twice counted its enqueued work each time.
        self.counts.enqueued = self.counts.enqueued.max(known);
        self.counts.planned = self.counts.planned.max(known);
        if self.outcome == RunOutcome::Done {
            self.outcome = if settled < self.counts.enqueued {
                match now - self.started_at > MAX_QUEUE_TIME {
                    true => RunOutcome::Lost,
                    false => RunOutcome::Running,
                }
            } else if self.counts.failures() > 0 {
                RunOutcome::DoneWithFailures
            } else {
                RunOutcome::Done
            };
        }
        self
    }
}

impl Counts {
    /// Counts one outcome.
    pub fn add(&mut self, outcome: &WorkOutcome) {
        match outcome {
            WorkOutcome::Done => self.done += 1,
            WorkOutcome::Skipped | WorkOutcome::LeftOut(_) => self.skipped += 1,
            WorkOutcome::Failed(kind) => self.add_failure(kind),
            WorkOutcome::Enqueued => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{DateTime, Utc};
    use proptest::prelude::*;

    fn began() -> DateTime<Utc> {
        "2026-11-21T10:00:00Z".parse().unwrap()
    }

    #[test]
    fn failures_are_counted_by_kind_and_library() {
        let card = |library: &str, kind: &str| WorkResult {
            subject: Subject::Card {
                family: "conrad".parse().unwrap(),
                card: CardId::generate(),
                library: library.parse().unwrap(),
            },
            outcome: kind.to_owned().into(),
        };
        let work = [WorkItem {
            item_id: "x".to_owned(),
            results: vec![
                card("wpl", "site_down"),
                card("wpl", "site_down"),
                card("kpl", "site_down"),
                card("kpl", "done"),
            ],
        }];
        let counted: Vec<_> = count_failures(&work)
            .into_iter()
            .map(|one| (one.library.unwrap().to_string(), one.count))
            .collect();
        assert_eq!(counted, [("kpl".to_owned(), 1), ("wpl".to_owned(), 2)]);
    }

    fn enqueued(notices: u32) -> Run {
        Run {
            key: "notify-all/tick/2026-11-21T10:00:00Z".parse().unwrap(),
            trigger: crate::run::Trigger::Schedule,
            input: serde_json::Value::Null,
            started_at: began(),
            reported_at: began(),
            finished_at: Some(began()),
            outcome: RunOutcome::Done,
            counts: Counts {
                planned: notices,
                enqueued: notices,
                ..Counts::default()
            },
        }
    }

    fn report(item_id: u32, outcome: WorkOutcome) -> WorkItem {
        WorkItem {
            item_id: item_id.to_string(),
            results: vec![WorkResult {
                subject: Subject::Mail {
                    kind: MailKind::DAILY,
                    family: format!("family-{item_id}").parse().unwrap(),
                    date: "2026-11-21".parse().unwrap(),
                },
                outcome,
            }],
        }
    }

    fn outcome() -> impl Strategy<Value = WorkOutcome> {
        prop_oneof![
            Just(WorkOutcome::Done),
            Just(WorkOutcome::Skipped),
            Just(WorkOutcome::Failed("GAVE_UP".to_owned())),
            Just(WorkOutcome::Failed("FAILED".to_owned())),
        ]
    }

    proptest! {
        #[test]
        fn counts_are_exact_for_any_order_and_repeats_of_reports(
            outcomes in prop::collection::vec(outcome(), 1..30),
            order in prop::collection::vec(any::<prop::sample::Index>(), 0..90),
        ) {
            let items: Vec<WorkItem> = (0..).zip(&outcomes).map(|(n, o)| report(n, o.clone())).collect();
            // Like a store: the last report of an item counts, and every report arrives in the end.
            let mut stored: BTreeMap<String, WorkItem> = BTreeMap::new();
            for item in order.iter().map(|index| index.get(&items)).chain(&items) {
                stored.insert(item.item_id.clone(), item.clone());
            }
            let work: Vec<WorkItem> = stored.into_values().collect();
            let run = enqueued(u32::try_from(outcomes.len()).unwrap()).with_work(&work, began());
            let count = |wanted: &WorkOutcome| outcomes.iter().filter(|o| *o == wanted).count();
            prop_assert_eq!(run.counts.done as usize, count(&WorkOutcome::Done));
            prop_assert_eq!(run.counts.skipped as usize, count(&WorkOutcome::Skipped));
            prop_assert_eq!(
                run.counts.done + run.counts.skipped + run.counts.failures(),
                run.counts.enqueued
            );
        }
    }

    #[test]
    fn inline_work_is_counted_once_and_hides_no_worker() {
        let mut run = enqueued(2);
        run.counts.add_failure("GAVE_UP");
        let mut own = report(9, WorkOutcome::Failed("GAVE_UP".to_owned()));
        own.item_id = WorkItem::inline_item_id(&own.item_id);
        let work = [own, report(1, WorkOutcome::Done)];
        let run = run.with_work(&work, began());
        assert_eq!(run.outcome, RunOutcome::Running, "the second is under way");
        assert_eq!((run.counts.done, run.counts.failures()), (1, 1));
        assert_eq!(results(&work).len(), 2, "both are named");
    }

    #[test]
    fn run_with_work_under_way_is_running_then_lost_after_a_day() {
        let work = [report(1, WorkOutcome::Done)];
        let at = |hours| enqueued(2).with_work(&work, began() + Duration::hours(hours));
        assert_eq!(at(1).outcome, RunOutcome::Running);
        assert_eq!(at(1).counts.done, 1);
        assert_eq!(at(25).outcome, RunOutcome::Lost);
        let failed = [
            report(1, WorkOutcome::Done),
            report(2, WorkOutcome::Failed("GAVE_UP".to_owned())),
        ];
        let run = enqueued(2).with_work(&failed, began());
        assert_eq!(run.outcome, RunOutcome::DoneWithFailures);
        assert_eq!(run.counts.failed["GAVE_UP"], 1);
    }

    #[test]
    fn run_started_twice_counts_each_notice_once() {
        let given: Vec<WorkItem> = (1..=3)
            .map(|item| WorkItem {
                item_id: format!("enqueued/{item}"),
                ..report(item, WorkOutcome::Enqueued)
            })
            .collect();
        // The second start counted the notice that was still free.
        let run = enqueued(1).with_work(&given, began());
        assert_eq!((run.counts.planned, run.counts.enqueued), (3, 3));
        assert_eq!((run.outcome, run.counts.done), (RunOutcome::Running, 0));
        let done = (1..=3).map(|item| report(item, WorkOutcome::Done));
        let work: Vec<_> = given.into_iter().chain(done).collect();
        let run = enqueued(1).with_work(&work, began());
        assert_eq!((run.outcome, run.counts.done), (RunOutcome::Done, 3));
    }

    #[test]
    fn card_in_two_work_items_counts_once() {
        let mut again = report(1, WorkOutcome::Failed("site_down".to_owned()));
        again.item_id = "other".to_owned();
        let run = enqueued(1).with_work(&[again, report(1, WorkOutcome::Done)], began());
        assert_eq!((run.counts.done, run.counts.failures()), (1, 0));
    }

    #[test]
    fn every_work_result_round_trips() {
        for reason in LeftOutReason::ALL {
            let outcome = WorkOutcome::LeftOut(reason);
            assert_eq!(WorkOutcome::from(String::from(outcome.clone())), outcome);
            let mut counts = Counts::default();
            counts.add(&outcome);
            assert_eq!(counts.skipped, 1);
        }
    }

    #[test]
    fn work_item_renders_as_text() {
        let one = report(3, WorkOutcome::Failed("GAVE_UP".to_owned()));
        let json = serde_json::to_string(&one).unwrap();
        assert_eq!(
            json,
            r#"{"item_id":"3","results":[{"subject":"mail","kind":"daily","family":"family-3","date":"2026-11-21","outcome":"GAVE_UP"}]}"#
        );
        assert_eq!(serde_json::from_str::<WorkItem>(&json).unwrap(), one);
    }
}
