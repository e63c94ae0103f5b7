//! What a visit did.

use std::collections::BTreeMap;

use crate::alerts::Alert;
use crate::card::{Card, CardRecord};
use crate::check::Check;
use crate::failure::Failure;
use crate::jobs::JobError;
use crate::queue::Visit;
use crate::run::ledger::Ending;
use crate::run::work::{LeftOutReason, Subject, WorkItem, WorkOutcome, WorkResult};
use crate::store::Saved;

/// A card of a visit, with the result of its check.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckedCard {
    /// The card.
    pub card: Card,
    /// The check; its account or failure is in `outcome`.
    pub check: Check,
    /// Whether it was stored, or a newer one was stored already.
    pub saved: Saved,
}

/// The results of a visit's cards, and how the visit ended.
#[derive(Debug)]
pub struct VisitReport {
    /// The cards that were checked, in order.
    pub checked: Vec<CheckedCard>,
    /// The cards that had been checked since the visit was planned.
    pub checked_before: Vec<CardRecord>,
    /// The cards that were left out, and why.
    pub left_out: Vec<(Card, LeftOutReason)>,
    /// Alerts for the operator.
    pub alerts: Vec<Alert>,
    /// Whether all cards had their turn. An error comes from our own side: the store or the keys.
    pub ending: Result<Ending, JobError>,
}

impl VisitReport {
    /// Creates a report without cards.
    pub(crate) fn new(ending: Ending) -> Self {
        Self {
            checked: Vec::new(),
            checked_before: Vec::new(),
            left_out: Vec::new(),
            alerts: Vec::new(),
            ending: Ok(ending),
        }
    }

    /// Whether the library didn't answer or refused us.
    pub fn is_library_down(&self) -> bool {
        let mut failures = self
            .checked
            .iter()
            .filter_map(|card| card.check.outcome.as_ref().err());
        failures.any(|failure| failure.kind.affects_library())
    }

    /// Builds the work item of the visit, with one result for each card.
    ///
    /// A card that isn't in the report counts as removed, or as interrupted if the visit was
    /// stopped. After an error such a card has no result, since the message is delivered again.
    pub fn work_item(&self, visit: &Visit) -> WorkItem {
        let mut results = BTreeMap::new();
        for checked in &self.checked {
            let outcome = work_outcome(checked.check.outcome.as_ref().err());
            results.insert(Subject::from(&checked.card), outcome);
        }
        for record in &self.checked_before {
            let last_check = record.state.last_check.as_ref();
            let outcome = work_outcome(last_check.and_then(|last| last.failure.as_ref()));
            results.insert(Subject::from(&record.card), outcome);
        }
        for (card, reason) in &self.left_out {
            results.insert(Subject::from(card), WorkOutcome::LeftOut(*reason));
        }
        let reason = match &self.ending {
            Ok(Ending::Completed) => Some(LeftOutReason::Removed),
            Ok(Ending::Stopped) => Some(LeftOutReason::Interrupted),
            Err(_) => None,
        };
        if let Some(reason) = reason {
            for key in &visit.cards {
                let subject = Subject::Card {
                    family: key.family.clone(),
                    card: key.card,
                    library: visit.library.clone(),
                };
                results
                    .entry(subject)
                    .or_insert(WorkOutcome::LeftOut(reason));
            }
        }
        WorkItem {
            item_id: item_id(visit),
            results: results
                .into_iter()
                .map(|(subject, outcome)| WorkResult { subject, outcome })
                .collect(),
        }
    }
}

/// Names the visit after its first card, since a card is in only one visit of a run.
fn item_id(visit: &Visit) -> String {
    let library = &visit.library;
    match visit.cards.first() {
        Some(first) => format!("{library}/{}", first.card),
        None => library.to_string(),
    }
}

fn work_outcome(failure: Option<&Failure>) -> WorkOutcome {
    failure.map_or(WorkOutcome::Done, |failure| {
        WorkOutcome::Failed(failure.kind.as_str().to_owned())
    })
}

#[cfg(test)]
mod tests;
