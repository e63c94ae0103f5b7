//! The rows of the list of holds.

use chrono::NaiveDate;
use hippo_core::account::{Hold, HoldState};
use hippo_core::failure::Failure;
use scraper::ElementRef;

use super::dates::Dates;
use super::table::{Row, has_class};
use crate::ReadContext;
use crate::reading::{Css, element_text, element_text_without, numbers, stable_id, tidy};

/// What waits for the patron names its desk in a hidden field.
static DESK: Css = Css::new("input[name=pickup]");
/// The branch in a sentence on where the item is: only what was found for the patron has one.
static BRANCH: Css = Css::new("b, strong");
/// The button by which a sleeping hold is woken.
static RESUME: Css = Css::new(".fa-play, input[value='cud-unsuspend']");
/// The button by which a waking hold is put to sleep.
static SUSPEND: Css = Css::new(".fa-pause, .suspend_hold, input[value='cud-suspend']");

/// “Suspended”, in languages of Koha's, where the site has no buttons for it and names no day.
pub(super) const SUSPENDED: [&str; 9] = [
    "suspen",
    "sospes",
    "ausgesetzt",
    "angehalten",
    "pausiert",
    "opgeschort",
    "pausad",
    "keskeyt",
    "pozastav",
];

/// A hold, from its row.
pub(super) fn hold(
    row: &Row<'_>,
    dates: &Dates<'_>,
    context: &ReadContext<'_>,
) -> Result<Hold, Failure> {
    let work = row.work(context.base_url)?;
    row.must_cell("reservedate")?;
    let lapses = row.must_cell("expirationdate")?;
    let lapse_words = element_text(lapses);
    let cell = row.must_cell("status")?;
    let words = element_text(cell);
    if words.is_empty() || lapse_words.is_empty() {
        return Err(Failure::page_changed("a hold that says nothing of itself"));
    }
    // A request that an item was found for does not lapse any more: there is a dash.
    let is_found = matches!(lapse_words.as_str(), "-" | "–" | "—");
    // A branch may be called after a day.
    let branch = BRANCH.first(cell);
    let is_branch = |inner: ElementRef<'_>| branch.is_some_and(|branch| branch.id() == inner.id());
    let named = dates.all(&element_text_without(cell, is_branch))?;
    let state = state(row, cell, &words, &named, is_found);
    let author = Some(tidy(&work.beside)).filter(|author| !author.is_empty());
    let pickup_branch = row.own_words("branch").or_else(|| {
        let branch = branch.filter(|_| state == HoldState::Ready)?;
        Some(element_text(branch)).filter(|branch| !branch.is_empty())
    });
    Ok(Hold {
        id: work
            .record
            .unwrap_or_else(|| stable_id(&[&work.title, author.as_deref().unwrap_or_default()])),
        title: work.title,
        author,
        state,
        position: row
            .own_words("priority")
            .and_then(|words| numbers(&words).into_iter().next())
            .filter(|position| *position > 0),
        queue_length: None,
        // “since … until …”, in whatever order a language has them; one day alone is the first.
        pickup_by: match (state, named.as_slice()) {
            (HoldState::Ready, [one, other, ..]) => Some(*one.max(other)),
            _ => None,
        },
        suspended_until: named
            .first()
            .filter(|_| state == HoldState::Suspended)
            .copied(),
        expires: if is_found {
            None
        } else {
            dates.of_cell(lapses)?
        },
        pickup_branch,
        digital: false,
        note: (state == HoldState::Other).then_some(words),
        url: work.url,
    })
}

fn state(
    row: &Row<'_>,
    status: ElementRef<'_>,
    words: &str,
    named: &[NaiveDate],
    is_found: bool,
) -> HoldState {
    let is_at_desk = has_class(row.element, "reserved");
    if is_at_desk || DESK.is_in(status) {
        // On its way to the desk that it names, it has not waited since a day.
        return if is_at_desk || !named.is_empty() {
            HoldState::Ready
        } else {
            HoldState::InTransit
        };
    }
    if has_class(row.element, "transfered") || BRANCH.is_in(status) {
        return HoldState::InTransit;
    }
    if is_found {
        // Found, and neither here nor on its way: the desk has it in its hands.
        return HoldState::Other;
    }
    if RESUME.is_in(row.element) {
        return HoldState::Suspended;
    }
    if SUSPEND.is_in(row.element) {
        return HoldState::Waiting;
    }
    let lower = words.to_lowercase();
    if !named.is_empty() || SUSPENDED.iter().any(|stem| lower.contains(stem)) {
        HoldState::Suspended
    } else {
        HoldState::Waiting
    }
}
