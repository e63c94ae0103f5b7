//! The totals of the whole account, which every account page states.

use std::collections::BTreeMap;

use hippo_core::failure::Failure;
use rust_decimal::Decimal;

use super::state::{Borrowing, FineSummary, HoldSummary, Summaries};

/// The states of holds that have a page of their own on every site.
pub(super) const HOLD_STATES: [&str; 4] = [
    "READY_FOR_PICKUP",
    "IN_TRANSIT",
    "NOT_YET_AVAILABLE",
    "SUSPENDED",
];

/// A page's totals of the whole account; `None` if it doesn't state one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) loans: Option<u32>,
    pub(super) holds: Option<HoldTotals>,
    pub(super) fines: Option<Decimal>,
}

/// The number of holds, in all and in each state that has some.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HoldTotals {
    pub(super) all: u32,
    pub(super) by_state: BTreeMap<String, u32>,
}

impl HoldTotals {
    pub(super) fn count_in(&self, state: &str) -> u32 {
        self.by_state.get(state).copied().unwrap_or(0)
    }
}

impl Totals {
    /// Reads a page's totals from `borrowing.fines.summaries`, `borrowing.borrowing.summaries`, or both, which
    /// must then agree.
    pub(super) fn from_borrowing(borrowing: &Borrowing<'_>) -> Result<Self, Failure> {
        let mut totals = Self::default();
        for part in [&borrowing.fines, &borrowing.borrowing] {
            if let Some(summaries) = part.as_ref().and_then(|part| part.summaries.as_ref()) {
                totals.add(&Self::from_summaries(summaries)?)?;
            }
        }
        Ok(totals)
    }

    /// Adds the totals of another place or page; they must agree.
    pub(super) fn add(&mut self, other: &Self) -> Result<(), Failure> {
        merge_equal(&mut self.loans, other.loans.as_ref(), "loans")?;
        merge_equal(&mut self.holds, other.holds.as_ref(), "holds")?;
        // Fines may grow between two pages; the newer amount counts.
        self.fines = other.fines.or(self.fines);
        Ok(())
    }

    fn from_summaries(summaries: &Summaries<'_>) -> Result<Self, Failure> {
        Ok(Self {
            loans: summaries.checkedout.as_ref().and_then(|loans| loans.total),
            holds: match &summaries.holds {
                Some(holds) => hold_totals(holds)?,
                None => None,
            },
            fines: summaries.fines.as_ref().and_then(fines),
        })
    }
}

fn merge_equal<T: Clone + PartialEq>(
    mine: &mut Option<T>,
    other: Option<&T>,
    what: &str,
) -> Result<(), Failure> {
    match (&*mine, other) {
        (Some(mine), Some(other)) if mine != other => Err(Failure::page_changed(format!(
            "two totals of the {what} differ"
        ))),
        (None, Some(other)) => {
            *mine = Some(other.clone());
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Reads the totals of the holds. The sum of the states must be the site's own total.
///
/// An unknown state may be left out of that total; then it is ignored. Without the total, the states count only
/// if every usual state has a number: a page without numbers hasn't stated that there are no
/// holds.
fn hold_totals(summary: &HoldSummary<'_>) -> Result<Option<HoldTotals>, Failure> {
    let mut by_state: BTreeMap<String, u32> = BTreeMap::new();
    for (state, kinds) in summary.status.iter().flatten() {
        let count = sum(kinds.values().copied());
        if count > 0 {
            by_state.insert(state.as_str().to_owned(), count);
        }
    }
    let Some(all) = summary.total_operative else {
        let is_named = |state: &&str| {
            let kinds = summary
                .status
                .as_ref()
                .and_then(|status| status.get(*state));
            kinds.is_some_and(|kinds| !kinds.is_empty())
        };
        return Ok(HOLD_STATES.iter().all(is_named).then(|| HoldTotals {
            all: sum(by_state.values().copied()),
            by_state,
        }));
    };
    if sum(by_state.values().copied()) != all {
        by_state.retain(|state, _| HOLD_STATES.contains(&state.as_str()));
    }
    let found = sum(by_state.values().copied());
    if found != all {
        return Err(Failure::page_changed(format!(
            "the site counts {all} holds in all, but {found} by state"
        )));
    }
    Ok(Some(HoldTotals { all, by_state }))
}

fn sum(counts: impl Iterator<Item = u32>) -> u32 {
    counts.fold(0, u32::saturating_add)
}

/// Returns the fines less credits. `totalAccrued`, what overdue items would cost if they were returned today,
/// is not owed yet.
fn fines(summary: &FineSummary) -> Option<Decimal> {
    let owed = summary.total_fines?.0;
    let credit = summary
        .total_credits
        .map_or(Decimal::ZERO, |credit| credit.0.abs());
    let mut fines = owed.checked_sub(credit)?;
    fines.rescale(2);
    Some(fines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn totals(borrowing: &str) -> Result<Totals, Failure> {
        Totals::from_borrowing(&serde_json::from_str(borrowing).unwrap())
    }

    #[test]
    fn totals_are_found_in_either_place() {
        let summaries = r#"{"summaries":{"checkedout":{"total":3},"holds":{"totalOperative":3,"status":{
            "SUSPENDED":{"PHYSICAL":1,"DIGITAL":2},"IN_TRANSIT":{"PHYSICAL":0}}}}}"#;
        for part in ["fines", "borrowing"] {
            let totals = totals(&format!(r#"{{"{part}":{summaries}}}"#)).unwrap();
            assert_eq!(totals.loans, Some(3));
            let holds = totals.holds.unwrap();
            assert_eq!(holds.all, 3);
            assert_eq!(holds.by_state, [("SUSPENDED".to_owned(), 3)].into());
        }
    }

    #[rstest]
    #[case("{}")]
    #[case(r#"{"fines":{"summaries":{}},"borrowing":null}"#)]
    #[case(r#"{"fines":{"summaries":{"checkedout":{},"holds":{},"fines":{}}}}"#)]
    #[case(r#"{"fines":{"summaries":{"holds":{"status":{}}}}}"#)]
    #[case(r#"{"fines":{"summaries":{"holds":{"status":{"SUSPENDED":{"DIGITAL":2}}}}}}"#)]
    #[case(r#"{"fines":{"summaries":{"holds":{"status":{"READY_FOR_PICKUP":{},"IN_TRANSIT":{},"NOT_YET_AVAILABLE":{},"SUSPENDED":{}}}}}}"#)]
    fn missing_totals_are_unknown(#[case] borrowing: &str) {
        assert_eq!(totals(borrowing).unwrap(), Totals::default());
    }

    #[rstest]
    #[case(r#"{"fines":{"summaries":{"checkedout":{"total":3}}},"borrowing":{"summaries":{"checkedout":{"total":4}}}}"#)]
    #[case(r#"{"fines":{"summaries":{"holds":{"totalOperative":3,"status":{"SUSPENDED":{"DIGITAL":2}}}}}}"#)]
    #[case(r#"{"fines":{"summaries":{"holds":{"totalOperative":3}}}}"#)]
    fn contradictory_totals_are_a_changed_page(#[case] borrowing: &str) {
        assert!(totals(borrowing).is_err());
    }

    #[test]
    fn states_without_a_total_count_if_all_are_named() {
        let totals = totals(
            r#"{"fines":{"summaries":{"holds":{"status":{"READY_FOR_PICKUP":{"PHYSICAL":0},"IN_TRANSIT":{"PHYSICAL":1},
            "NOT_YET_AVAILABLE":{"PHYSICAL":0},"SUSPENDED":{"PHYSICAL":0}}}}}}"#,
        )
        .unwrap();
        let holds = totals.holds.unwrap();
        assert_eq!((holds.all, holds.count_in("IN_TRANSIT")), (1, 1));
    }

    #[test]
    fn unknown_state_outside_the_total_is_ignored() {
        let totals = totals(
            r#"{"fines":{"summaries":{"holds":{"totalOperative":2,"status":{"SUSPENDED":{"DIGITAL":2},"EXPIRED":{"DIGITAL":5}}}}}}"#,
        )
        .unwrap();
        assert_eq!(totals.holds.unwrap().by_state.len(), 1);
    }

    #[rstest]
    #[case(
        r#"{"totalAccrued":9,"totalFines":17,"totalCredits":0}"#,
        Some("17.00")
    )]
    #[case(r#"{"totalFines":0,"totalCredits":2.5}"#, Some("-2.50"))]
    #[case(r#"{"totalFines":0,"totalCredits":-2.5}"#, Some("-2.50"))]
    #[case(r#"{"totalFines":0}"#, Some("0.00"))]
    #[case(r#"{"totalAccrued":9}"#, None)]
    #[case(
        r#"{"totalFines":"-79228162514264337593543950335","totalCredits":"79228162514264337593543950335"}"#,
        None
    )]
    fn fines_are_charges_less_credits(#[case] summary: &str, #[case] expected: Option<&str>) {
        let totals = totals(&format!(
            r#"{{"fines":{{"summaries":{{"fines":{summary}}}}}}}"#
        ));
        assert_eq!(
            totals
                .unwrap()
                .fines
                .map(|fines| fines.to_string())
                .as_deref(),
            expected
        );
    }
}
