//! The cards that a run left out, and why.

use std::collections::BTreeMap;

use hippo_core::ids::{CardId, FamilyId, LibraryId};
use hippo_core::run::work::{self, LeftOutReason, Subject, WorkItem, WorkOutcome};
use serde::Serialize;

use crate::context::Context;
use crate::exit::CommandError;
use crate::output::count;
use crate::suggested::HIPPO;

/// Stands in for the patron's name of a removed card.
pub(crate) const REMOVED_CARD: &str = "a removed card";

/// The reason in words.
pub(crate) fn reason_words(reason: LeftOutReason) -> &'static str {
    match reason {
        LeftOutReason::Paused => "paused",
        LeftOutReason::PinRefused => "number or PIN rejected",
        LeftOutReason::CheckedAlready => "already checked by another run",
        LeftOutReason::InProgress => "another check is running",
        LeftOutReason::Interrupted => "the run was interrupted",
        LeftOutReason::Changed => "changed in the meantime",
        LeftOutReason::Removed => "removed in the meantime",
        LeftOutReason::Closed => "closed that day",
    }
}

/// A card that a run left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct LeftOut {
    pub(crate) card: CardId,
    pub(crate) family: FamilyId,
    pub(crate) library: LibraryId,
    /// The patron's name; `None` if the card was removed.
    pub(crate) patron: Option<String>,
    pub(crate) reason: LeftOutReason,
}

/// Lists the cards that a run left out, sorted by family, patron and library.
pub(crate) async fn left_out(
    context: &Context,
    work: &[WorkItem],
) -> Result<Vec<LeftOut>, CommandError> {
    let mut found = Vec::new();
    for (subject, outcome) in work::results(work) {
        if let (
            Subject::Card {
                family,
                card,
                library,
            },
            WorkOutcome::LeftOut(reason),
        ) = (subject, outcome)
        {
            let record = context.store.card(*card).await?;
            found.push(LeftOut {
                card: *card,
                family: family.clone(),
                library: library.clone(),
                patron: record.map(|record| hippo_core::text::clean(&record.card.patron)),
                reason: *reason,
            });
        }
    }
    found.sort_by(|a, b| {
        (&a.family, &a.patron, &a.library).cmp(&(&b.family, &b.patron, &b.library))
    });
    Ok(found)
}

/// Summarises the cards that were left out; `None` if there are none.
pub(crate) fn sentence(left_out: &[LeftOut]) -> Option<String> {
    let mut counts: BTreeMap<LeftOutReason, usize> = BTreeMap::new();
    for one in left_out {
        *counts.entry(one.reason).or_default() += 1;
    }
    let parts: Vec<String> = counts
        .into_iter()
        .map(|(reason, cards)| {
            format!(
                "{} ({})",
                count(cards, "card", "cards"),
                reason_words(reason)
            )
        })
        .collect();
    (!parts.is_empty()).then(|| {
        format!(
            "Skipped: {}. “{HIPPO} status” says what to do.",
            parts.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_reasons_are_counted_together() {
        let one = |reason| LeftOut {
            card: CardId::generate(),
            family: "conrad".parse().unwrap(),
            library: "wpl".parse().unwrap(),
            patron: Some("Pat".to_owned()),
            reason,
        };
        let cards = [
            one(LeftOutReason::PinRefused),
            one(LeftOutReason::Paused),
            one(LeftOutReason::PinRefused),
        ];
        assert_eq!(
            sentence(&cards).unwrap(),
            "Skipped: 1 card (paused), 2 cards (number or PIN rejected). “hippo status” says what to do."
        );
        assert_eq!(sentence(&[]), None);
    }
}
