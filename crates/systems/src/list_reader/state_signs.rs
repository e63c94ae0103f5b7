//! Tells a hold's state by what its row has, and by words.

use hippo_browser::reading::{Css, is_ready_now};
use hippo_core::account::HoldState;

use super::column::Field;
use super::date::is_dash;
use super::row::Row;
use super::stems::Stems;

/// What a hold of a state has. The first sign that a row has counts.
pub(crate) enum StateSign {
    /// The row matches, or has such an element.
    Row(Css),
    /// Such an element beside the words about the state.
    Cell(Css),
    /// The same, if the words name a day, too.
    DatedCell(Css),
    /// The words have one of these stems; one of “ready” must describe the present.
    Stems(Stems),
    /// The words begin with one of these.
    Beginning(Stems),
    /// The words name the branch where the hold is picked up.
    PickupBranch,
    /// The words name a day.
    Day,
    /// A dash in the place of this value.
    Dash(Field),
    /// This value is missing.
    Missing(Field),
    /// Nothing else.
    Any,
}

/// Returns the state of the first sign that a row has. `words` are those about the state; `has_day`: they name a day.
pub(super) fn find_state(
    signs: &'static [(HoldState, StateSign)],
    row: &Row<'_>,
    words: &str,
    has_day: bool,
) -> Option<HoldState> {
    let is_in_cell = |css: &'static Css| {
        let cell = row.element_of(Field::State);
        cell.is_some_and(|cell| css.is_in(cell))
    };
    let is_there = |state: HoldState, sign: &'static StateSign| match sign {
        StateSign::Row(css) => css.matches(row.element) || css.is_in(row.element),
        StateSign::Cell(css) => is_in_cell(css),
        StateSign::DatedCell(css) => has_day && is_in_cell(css),
        StateSign::Stems(stems) => has_stem(words, *stems, state == HoldState::Ready),
        StateSign::Beginning(beginnings) => beginnings.matches_start_of(words),
        StateSign::PickupBranch => {
            let branch = row.value(Field::PickupBranch);
            branch.is_some_and(|branch| words.contains(&branch))
        }
        StateSign::Day => has_day,
        StateSign::Dash(field) => row.value(*field).is_some_and(|value| is_dash(&value)),
        StateSign::Missing(field) => row.value(*field).is_none(),
        StateSign::Any => true,
    };
    let mut signs = signs.iter();
    signs.find_map(|(state, sign)| is_there(*state, sign).then_some(*state))
}

fn has_stem(words: &str, stems: Stems, is_present: bool) -> bool {
    let words = words.to_lowercase();
    let counts = |(at, stem): (usize, &str)| {
        let before = words.get(..at).unwrap_or_default();
        let after = words.get(at + stem.len()..).unwrap_or_default();
        !is_present || is_ready_now(before, after.trim_start_matches(char::is_alphabetic))
    };
    let mut stems = stems.iter();
    stems.any(|stem| words.match_indices(stem).any(counts))
}
