//! Reads the rows of the list of holds.

use hippo_browser::ReadContext;
use hippo_browser::reading::{
    Css, DateOrNever, element_text_without, first_number, is_ready_now, non_empty_text, stable_id,
    work_id,
};
use hippo_core::account::{Hold, HoldState};
use hippo_core::failure::Failure;
use scraper::ElementRef;

use super::dates::Dates;
use super::table::{Row, has_class, with_volume};

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

/// “Suspended” in Koha's languages, for sites that have no buttons for it and name no day.
pub(super) const SUSPENDED: [&str; 18] = [
    "suspen",
    "sospes",
    "ausgesetzt",
    "angehalten",
    "pausiert",
    "opgeschort",
    "pausad",
    "keskeyt",
    "pozastav",
    "zawiesz",
    "felfügg",
    "приостанов",
    "αναστολ",
    "askıya",
    "معلق",
    "暂停",
    "暫停",
    "停止",
];

/// The beginnings of “pending” in the older templates, which say so of a request that nothing was found for.
pub(super) const PENDING: [&str; 5] = [
    "pending",
    "ausstehend",
    "en attente",
    "pendiente",
    "in attesa",
];

/// “Ready for pickup” of a recall, which is recognised only by its words.
pub(super) const RECALL_READY: [&str; 4] = ["ready for pick", "abhol", "prêt", "disponible"];

/// Reads a hold from its row.
///
/// `is_offered`: the list has buttons that suspend or resume a hold. Koha shows one beside each hold that
/// nothing was found for.
pub(super) fn read_hold(
    row: &Row<'_>,
    is_offered: bool,
    dates: &Dates<'_>,
    context: &ReadContext<'_>,
) -> Result<Hold, Failure> {
    let work = row.read_work(context.base_url)?;
    row.require_cell("reservedate")?;
    let expiration = Expiration::from_row(row)?;
    let cell = row.require_cell("status")?;
    let words = text_without_label(cell);
    if words.is_empty() {
        return Err(Failure::page_changed("a hold without a status"));
    }
    // A branch may be named after a day.
    let branch = BRANCH.first(cell);
    let is_branch = |inner: ElementRef<'_>| branch.is_some_and(|branch| branch.id() == inner.id());
    let named = dates.all(&element_text_without(cell, is_branch))?;
    let mut state = read_state(row, cell, &words, &named, expiration);
    if state == HoldState::Waiting && is_offered && !offers_suspension(row.element) {
        state = HoldState::Other;
    }
    // The last line is the author; newer pages have the volume in the line before.
    let (author, volume) = match work.text_after_title.split_last() {
        Some((author, volume)) => (Some(author.clone()), volume),
        None => (None, &[][..]),
    };
    let title = with_volume(work.title, volume);
    let pickup_branch = row.direct_text("branch").or_else(|| {
        let branch = branch.filter(|_| state == HoldState::Ready)?;
        non_empty_text(branch)
    });
    Ok(Hold {
        id: work
            .record
            .unwrap_or_else(|| work_id(&title, author.as_deref())),
        title,
        author,
        state,
        position: row
            .direct_text("priority")
            .and_then(|words| first_number(&words))
            .filter(|position| *position > 0),
        queue_length: None,
        // “since … until …”, in any order of a language; a single day is the first.
        pickup_by: match (state, named.as_slice()) {
            (HoldState::Ready, [DateOrNever::On(one), DateOrNever::On(other), ..]) => {
                Some(*one.max(other))
            }
            _ => None,
        },
        suspended_until: named
            .first()
            .filter(|_| state == HoldState::Suspended)
            .and_then(|day| day.date()),
        expires: match expiration {
            Expiration::Open(cell) => dates.date_of_cell(cell)?,
            Expiration::Found | Expiration::Unknown => None,
        },
        pickup_branch,
        digital: false,
        note: (state == HoldState::Other).then_some(words),
        url: work.url,
    })
}

/// Whether there is a button that suspends or resumes a hold.
pub(super) fn offers_suspension(of: ElementRef<'_>) -> bool {
    RESUME.is_in(of) || SUSPEND.is_in(of)
}

/// Reads a recall from its row: a hold for which the borrower must return the item.
pub(super) fn read_recall(
    row: &Row<'_>,
    dates: &Dates<'_>,
    context: &ReadContext<'_>,
) -> Result<Hold, Failure> {
    let work = row.read_work(context.base_url)?;
    let words = text_without_label(row.require_cell("status")?);
    let branch = row.direct_text("branch");
    let lower = words.to_lowercase();
    let state = if CANCEL_RECALL.is_in(row.element) {
        HoldState::Waiting
    } else if branch.as_ref().is_some_and(|name| words.contains(name)) {
        HoldState::InTransit
    } else if RECALL_READY.iter().any(|stem| is_ready(&lower, stem)) {
        HoldState::Ready
    } else {
        HoldState::Other
    };
    let expires = row
        .cell("expirationdate")
        .filter(|_| state == HoldState::Waiting);
    Ok(Hold {
        id: work.record.unwrap_or_else(|| stable_id(&[&work.title])),
        title: work.title,
        author: None,
        state,
        position: None,
        queue_length: None,
        // The page doesn't state how long it stays at the desk.
        pickup_by: None,
        suspended_until: None,
        expires: match expires {
            Some(cell) => dates.date_of_cell(cell)?,
            None => None,
        },
        pickup_branch: branch,
        digital: false,
        note: (state == HoldState::Other).then_some(words),
        url: work.url,
    })
}

/// Whether this stem of “ready” describes the present.
fn is_ready(lower: &str, stem: &str) -> bool {
    lower.match_indices(stem).any(|(at, _)| {
        let before = lower.get(..at).unwrap_or_default();
        let after = lower.get(at + stem.len()..).unwrap_or_default();
        is_ready_now(before, after.trim_start_matches(char::is_alphabetic))
    })
}

/// When a request lapses if nothing is found for it.
#[derive(Debug, Clone, Copy)]
enum Expiration<'a> {
    /// The cell states the date, or that the request never lapses.
    Open(ElementRef<'a>),
    /// Something was found: the cell has a dash.
    Found,
    /// The site has no such column.
    Unknown,
}

impl<'a> Expiration<'a> {
    fn from_row(row: &Row<'a>) -> Result<Self, Failure> {
        let Some(cell) = row.cell("expirationdate") else {
            return Ok(Self::Unknown);
        };
        match text_without_label(cell).as_str() {
            // Older sites leave it empty if the request never lapses.
            "" if row.is_older() => Ok(Self::Unknown),
            "" => Err(Failure::page_changed("a hold without a status")),
            "-" | "–" | "—" => Ok(Self::Found),
            _ => Ok(Self::Open(cell)),
        }
    }
}

/// Returns the text of a cell without the label that narrow screens show instead of the header.
fn text_without_label(cell: ElementRef<'_>) -> String {
    element_text_without(cell, |inner| has_class(inner, "tdlabel"))
}

fn read_state(
    row: &Row<'_>,
    status: ElementRef<'_>,
    words: &str,
    named: &[DateOrNever],
    expiration: Expiration<'_>,
) -> HoldState {
    let is_at_desk = has_class(row.element, "reserved");
    if is_at_desk || DESK.is_in(status) {
        // Without the day since which it waits, it is on its way to the named desk.
        return if is_at_desk || !named.is_empty() {
            HoldState::Ready
        } else {
            HoldState::InTransit
        };
    }
    if has_class(row.element, "transfered") {
        return HoldState::InTransit;
    }
    if BRANCH.is_in(status) {
        // With a day, it has been on its way since then; without one, it is still on its shelf.
        return if named.is_empty() {
            HoldState::Other
        } else {
            HoldState::InTransit
        };
    }
    if matches!(expiration, Expiration::Found) {
        // Found, but neither at the desk nor on its way: the staff is handling it.
        return HoldState::Other;
    }
    if RESUME.is_in(row.element) {
        return HoldState::Suspended;
    }
    if SUSPEND.is_in(row.element) {
        return HoldState::Waiting;
    }
    let lower = words.to_lowercase();
    if SUSPENDED.iter().any(|stem| lower.contains(stem)) {
        return HoldState::Suspended;
    }
    if row.is_older() && PENDING.iter().any(|start| lower.starts_with(start)) {
        return HoldState::Waiting;
    }
    if matches!(expiration, Expiration::Unknown) {
        // Unknown whether it was found.
        return HoldState::Other;
    }
    if named.is_empty() {
        HoldState::Waiting
    } else {
        HoldState::Suspended
    }
}
