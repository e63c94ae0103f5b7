//! The totals of the whole account, which every page of it states.

use std::collections::BTreeMap;

use hippo_core::failure::Failure;
use rust_decimal::Decimal;

use super::description::TotalsDescription;
use super::paged_list::ListTotals;
use super::value::JsonObject;

/// A page's totals of the whole account; `None` if it doesn't state one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) loans: Option<u32>,
    pub(super) holds: Option<ListTotals>,
    pub(super) fines: Option<Decimal>,
}

impl Totals {
    /// Reads a page's totals from all places that state them, which must agree.
    ///
    /// `states` are the known states of a hold.
    pub(super) fn read(
        description: &TotalsDescription,
        states: &[&str],
        state: JsonObject<'_>,
    ) -> Result<Self, Failure> {
        let mut totals = Self::default();
        for place in description.places {
            if let Some(summary) = state.object(place)? {
                totals.add(Self {
                    loans: summary.count(description.loans)?,
                    holds: read_hold_totals(description, states, summary)?,
                    fines: read_fines(description, summary)?,
                })?;
            }
        }
        Ok(totals)
    }

    /// Adds the totals of another place or page; they must agree.
    pub(super) fn add(&mut self, other: Self) -> Result<(), Failure> {
        add_equal(&mut self.loans, other.loans, "loans")?;
        add_equal(&mut self.holds, other.holds, "holds")?;
        // Fines may grow between two pages; the newer amount counts.
        self.fines = other.fines.or(self.fines);
        Ok(())
    }
}

fn add_equal<T: PartialEq>(
    own: &mut Option<T>,
    other: Option<T>,
    what: &str,
) -> Result<(), Failure> {
    if own.is_some() && other.is_some() && *own != other {
        return Err(Failure::page_changed(format!(
            "two totals of the {what} differ"
        )));
    }
    *own = own.take().or(other);
    Ok(())
}

/// Reads the totals of the holds. The sum of the states must be the site's own total.
///
/// An unknown state may be left out of that total; then it is ignored. Without the total, the states count only
/// if every known state has a number: a page without numbers hasn't stated that there are no holds.
fn read_hold_totals(
    description: &TotalsDescription,
    known: &[&str],
    summary: JsonObject<'_>,
) -> Result<Option<ListTotals>, Failure> {
    let mut without_number = known.to_vec();
    let mut by_state: BTreeMap<String, u32> = BTreeMap::new();
    let sum = |by_state: &BTreeMap<String, u32>| add_up(by_state.values());
    let states = summary.objects(description.holds_by_state)?;
    for (state, kinds) in states.unwrap_or_default() {
        let counts = kinds.counts()?;
        without_number.retain(|known| *known != state || counts.is_empty());
        by_state.insert(state.to_owned(), add_up(&counts));
    }
    by_state.retain(|_, count| *count > 0);
    let Some(all) = summary.count(description.holds)? else {
        let all = sum(&by_state);
        let totals = ListTotals { all, by_state };
        return Ok(without_number.is_empty().then_some(totals));
    };
    if sum(&by_state) != all {
        by_state.retain(|state, _| known.contains(&state.as_str()));
    }
    let found = sum(&by_state);
    if found != all {
        return Err(Failure::page_changed(format!(
            "the site counts {all} holds in all, but {found} by state"
        )));
    }
    Ok(Some(ListTotals { all, by_state }))
}

fn add_up<'a>(counts: impl IntoIterator<Item = &'a u32>) -> u32 {
    counts
        .into_iter()
        .fold(0, |sum, count| sum.saturating_add(*count))
}

/// Returns what the patron owes, less credits.
fn read_fines(
    description: &TotalsDescription,
    summary: JsonObject<'_>,
) -> Result<Option<Decimal>, Failure> {
    let credit = summary.amount(description.credit)?;
    let owed = summary.amount(description.owed)?;
    let mut fines = owed.and_then(|owed| owed.checked_sub(credit.unwrap_or_default().abs()));
    if let Some(fines) = &mut fines {
        fines.rescale(2);
    }
    Ok(fines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const STATES: [&str; 4] = [
        "READY_FOR_PICKUP",
        "IN_TRANSIT",
        "NOT_YET_AVAILABLE",
        "SUSPENDED",
    ];

    static TOTALS: TotalsDescription = TotalsDescription {
        places: &["fines.summaries", "borrowing.summaries"],
        loans: "checkedout.total",
        holds: "holds.totalOperative",
        holds_by_state: "holds.status",
        owed: "fines.totalFines",
        credit: "fines.totalCredits",
    };

    fn totals(state: &str) -> Result<Totals, Failure> {
        let state = serde_json::from_str(state).unwrap();
        Totals::read(&TOTALS, &STATES, JsonObject::from_value(&state).unwrap())
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
    fn missing_totals_are_unknown(#[case] state: &str) {
        assert_eq!(totals(state).unwrap(), Totals::default());
    }

    #[rstest]
    #[case(r#"{"fines":{"summaries":{"checkedout":{"total":3}}},"borrowing":{"summaries":{"checkedout":{"total":4}}}}"#)]
    #[case(r#"{"fines":{"summaries":{"holds":{"totalOperative":3,"status":{"SUSPENDED":{"DIGITAL":2}}}}}}"#)]
    #[case(r#"{"fines":{"summaries":{"holds":{"totalOperative":3}}}}"#)]
    fn contradictory_totals_are_a_changed_page(#[case] state: &str) {
        assert!(totals(state).is_err());
    }

    #[test]
    fn states_without_a_total_count_if_all_are_named() {
        let totals = totals(
            r#"{"fines":{"summaries":{"holds":{"status":{"READY_FOR_PICKUP":{"PHYSICAL":0},"IN_TRANSIT":{"PHYSICAL":1},
            "NOT_YET_AVAILABLE":{"PHYSICAL":0},"SUSPENDED":{"PHYSICAL":0}}}}}}"#,
        )
        .unwrap();
        let holds = totals.holds.unwrap();
        assert_eq!((holds.all, holds.by_state.get("IN_TRANSIT")), (1, Some(&1)));
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
