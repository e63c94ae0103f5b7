//! Reads what only a hold has: its state, and the days that belong to it.

use hippo_browser::ReadContext;
use hippo_browser::reading::{
    Css, DateOrNever, element_text_without, is_ready_now, non_empty_text,
};
use hippo_core::account::{Hold, HoldState};
use hippo_core::failure::Failure;
use scraper::ElementRef;

use super::dates;
use super::phrases::{PENDING, RECALL_READY, SUSPENDED};
use super::work::text_without_label;
use crate::list_reader::{Field, Row, read_first};

/// The hidden field with the pickup desk of a hold that is ready.
static DESK: Css = Css::new("input[name=pickup]");
/// The branch in the sentence about the item's location: only an item that was found has one.
static BRANCH: Css = Css::new("b, strong");
/// The button that resumes a suspended hold.
static RESUME: Css = Css::new(
    ".fa-play, .icon-play, input[value='cud-unsuspend'], input[type=submit][value=Resume]",
);
/// The button that suspends a hold.
static SUSPEND: Css = Css::new(
    ".fa-pause, .icon-pause, .suspend_hold, input[value='cud-suspend'], input[type=submit][value=Suspend]",
);
/// The form that cancels a recall, as long as nothing was found for it.
static CANCEL_RECALL: Css = Css::new("form[action*='opac-recall.pl']");
/// A hold that waits at the desk, and one on its way there.
static AT_DESK: Css = Css::new(".reserved");
static IN_TRANSIT: Css = Css::new(".transfered");
/// The class of newer tables' titles; older tables have no classes.
static NEWER: Css = Css::new(":scope > .title");

/// Adds a hold's state, and what depends on it.
pub(super) fn complete(
    hold: &mut Hold,
    row: &Row<'_>,
    context: &ReadContext<'_>,
) -> Result<(), Failure> {
    let without_status = || Failure::page_changed("a hold without a status");
    let status = row.element_of(Field::State).ok_or_else(without_status)?;
    let words = row.value(Field::State).unwrap_or_default();
    // When the request lapses if nothing is found for it; a dash if something was found.
    let lapse = row.element_of(Field::Expires).map(text_without_label);
    let is_found = matches!(lapse.as_deref(), Some("-" | "–" | "—"));
    // Older sites leave it empty if the request never lapses.
    if lapse.as_deref() == Some("") && !is_older(row) {
        return Err(without_status());
    }
    let branch = BRANCH.first(status);
    // A branch may be named after a day.
    let is_branch = |inner: ElementRef<'_>| branch.is_some_and(|branch| branch.id() == inner.id());
    let named = dates::read_all(&element_text_without(status, is_branch), context)?;
    let may_lapse = lapse.is_some_and(|lapse| !lapse.is_empty());
    hold.state = state_by_place(row, status, !named.is_empty())
        .or_else(|| is_found.then_some(HoldState::Other))
        .unwrap_or_else(|| state_of_request(row, &words, !named.is_empty(), may_lapse));
    hold.position = hold.position.filter(|position| *position > 0);
    // “since … until …”, in any order of a language; a single day is the first.
    hold.pickup_by = match (hold.state, named.as_slice()) {
        (HoldState::Ready, [DateOrNever::On(one), DateOrNever::On(other), ..]) => {
            Some(*one.max(other))
        }
        _ => None,
    };
    let first = named.first().and_then(|day| day.date());
    hold.suspended_until = first.filter(|_| hold.state == HoldState::Suspended);
    hold.expires = hold.expires.filter(|_| !is_found);
    let at_desk = branch.filter(|_| hold.state == HoldState::Ready);
    let named_branch = || at_desk.and_then(non_empty_text);
    hold.pickup_branch = hold.pickup_branch.take().or_else(named_branch);
    let is_offered = hold.state != HoldState::Waiting || offers_suspension(row.element);
    let has_note = hold.state == HoldState::Other || !is_offered;
    hold.note = has_note.then_some(words);
    Ok(())
}

/// Settles the holds that wait without a button that would suspend them, whose words [`complete`] keeps as a note. A
/// list with buttons has one beside each hold that nothing was found for.
pub(super) fn settle_waiting(holds: &mut [Hold], is_offered: bool) {
    for hold in holds {
        if hold.state == HoldState::Waiting && is_offered && hold.note.is_some() {
            hold.state = HoldState::Other;
        }
        hold.note.take_if(|_| hold.state == HoldState::Waiting);
    }
}

/// Whether there is a button that suspends or resumes a hold.
pub(super) fn offers_suspension(of: ElementRef<'_>) -> bool {
    RESUME.is_in(of) || SUSPEND.is_in(of)
}

/// Whether a row's table is an older one, without classes.
fn is_older(row: &Row<'_>) -> bool {
    !NEWER.is_in(row.element)
}

/// Returns the state of a hold whose item is at the desk, on its way, or to be fetched. `has_day`: the status names one.
fn state_by_place(row: &Row<'_>, status: ElementRef<'_>, has_day: bool) -> Option<HoldState> {
    let is_at_desk = AT_DESK.matches(row.element);
    if is_at_desk || DESK.is_in(status) {
        // Without the day since which it waits, it is on its way to the named desk.
        Some(if is_at_desk || has_day {
            HoldState::Ready
        } else {
            HoldState::InTransit
        })
    } else if IN_TRANSIT.matches(row.element) {
        Some(HoldState::InTransit)
    } else if BRANCH.is_in(status) {
        // With a day, it has been on its way since then; without one, it is still on its shelf.
        Some(if has_day {
            HoldState::InTransit
        } else {
            HoldState::Other
        })
    } else {
        None
    }
}

/// Returns the state of a request that nothing was found for, if the site says so. `may_lapse`: it says when.
fn state_of_request(row: &Row<'_>, words: &str, has_day: bool, may_lapse: bool) -> HoldState {
    if RESUME.is_in(row.element) {
        HoldState::Suspended
    } else if SUSPEND.is_in(row.element) {
        HoldState::Waiting
    } else if SUSPENDED.are_in(words) {
        HoldState::Suspended
    } else if is_older(row) && PENDING.begin(words) {
        HoldState::Waiting
    } else if !may_lapse {
        // Unknown whether it was found.
        HoldState::Other
    } else if has_day {
        HoldState::Suspended
    } else {
        HoldState::Waiting
    }
}

/// Adds the state of a recall: a hold for which the borrower must return the item.
pub(super) fn complete_recall(
    hold: &mut Hold,
    row: &Row<'_>,
    context: &ReadContext<'_>,
) -> Result<(), Failure> {
    if row.element_of(Field::State).is_none() {
        return Err(Failure::page_changed("a recall without a status"));
    }
    let words = row.value(Field::State).unwrap_or_default();
    let branch = hold.pickup_branch.as_ref();
    hold.state = if CANCEL_RECALL.is_in(row.element) {
        HoldState::Waiting
    } else if branch.is_some_and(|name| words.contains(name)) {
        HoldState::InTransit
    } else if RECALL_READY.iter().any(|stem| is_ready(&words, stem)) {
        HoldState::Ready
    } else {
        HoldState::Other
    };
    if hold.state == HoldState::Waiting {
        hold.expires = read_first(row.value(Field::Other), context)?;
    }
    hold.note = (hold.state == HoldState::Other).then_some(words);
    Ok(())
}

/// Whether this stem of “ready” describes the present.
fn is_ready(words: &str, stem: &str) -> bool {
    let words = words.to_lowercase();
    words.match_indices(stem).any(|(at, _)| {
        let before = words.get(..at).unwrap_or_default();
        let after = words.get(at + stem.len()..).unwrap_or_default();
        is_ready_now(before, after.trim_start_matches(char::is_alphabetic))
    })
}
