//! The rows of the list of holds.

use hippo_browser::ReadContext;
use hippo_browser::reading::{
    Css, Day, element_text, element_text_without, is_said_of_now, numbers, stable_id,
};
use hippo_core::account::{Hold, HoldState};
use hippo_core::failure::Failure;
use scraper::ElementRef;

use super::dates::Dates;
use super::table::{Row, has_class, with_volume};

/// What waits for the patron names its desk in a hidden field.
static DESK: Css = Css::new("input[name=pickup]");
/// The branch in a sentence on where the item is: only what was found for the patron has one.
static BRANCH: Css = Css::new("b, strong");
/// The button by which a sleeping hold is woken.
static RESUME: Css = Css::new(".fa-play, .icon-play, input[value='cud-unsuspend']");
/// The button by which a waking hold is put to sleep.
static SUSPEND: Css = Css::new(".fa-pause, .icon-pause, .suspend_hold, input[value='cud-suspend']");
/// What takes a recall back, as long as it can be: nothing was found for it.
static TAKE_BACK: Css = Css::new("form[action*='opac-recall.pl']");

/// “Suspended”, in languages of Koha's, where the site has no buttons for it and names no day.
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

/// “Ready for pickup”, as a recall says it that came to the desk; nothing but words tells it.
pub(super) const FETCHED: [&str; 4] = ["ready for pick", "abhol", "prêt", "disponible"];

/// A hold, from its row.
///
/// `is_offered`: the list has buttons that put a hold to sleep or wake it. Koha shows one beside each that
/// nothing was found for.
pub(super) fn hold(
    row: &Row<'_>,
    is_offered: bool,
    dates: &Dates<'_>,
    context: &ReadContext<'_>,
) -> Result<Hold, Failure> {
    let work = row.work(context.base_url)?;
    row.must_cell("reservedate")?;
    let lapse = Lapse::of(row)?;
    let cell = row.must_cell("status")?;
    let words = unlabelled(cell);
    if words.is_empty() {
        return Err(Failure::page_changed("a hold that says nothing of itself"));
    }
    // A branch may be called after a day.
    let branch = BRANCH.first(cell);
    let is_branch = |inner: ElementRef<'_>| branch.is_some_and(|branch| branch.id() == inner.id());
    let named = dates.all(&element_text_without(cell, is_branch))?;
    let mut state = state(row, cell, &words, &named, lapse);
    if state == HoldState::Waiting && is_offered && !offers_sleep(row.element) {
        state = HoldState::Other;
    }
    // The last line is the author; newer pages have the volume in the one before.
    let (author, volume) = match work.beside.split_last() {
        Some((author, volume)) => (Some(author.clone()), volume),
        None => (None, &[][..]),
    };
    let title = with_volume(work.title, volume);
    let pickup_branch = row.own_words("branch").or_else(|| {
        let branch = branch.filter(|_| state == HoldState::Ready)?;
        Some(element_text(branch)).filter(|branch| !branch.is_empty())
    });
    Ok(Hold {
        id: work
            .record
            .unwrap_or_else(|| stable_id(&[&title, author.as_deref().unwrap_or_default()])),
        title,
        author,
        state,
        position: row
            .own_words("priority")
            .and_then(|words| numbers(&words).into_iter().next())
            .filter(|position| *position > 0),
        queue_length: None,
        // “since … until …”, in whatever order a language has them; one day alone is the first.
        pickup_by: match (state, named.as_slice()) {
            (HoldState::Ready, [Day::On(one), Day::On(other), ..]) => Some(*one.max(other)),
            _ => None,
        },
        suspended_until: named
            .first()
            .filter(|_| state == HoldState::Suspended)
            .and_then(|day| day.date()),
        expires: match lapse {
            Lapse::Open(cell) => dates.of_cell(cell)?,
            Lapse::Found | Lapse::Unknown => None,
        },
        pickup_branch,
        digital: false,
        note: (state == HoldState::Other).then_some(words),
        url: work.url,
    })
}

/// Whether there is a button that puts a hold to sleep or wakes it.
pub(super) fn offers_sleep(of: ElementRef<'_>) -> bool {
    RESUME.is_in(of) || SUSPEND.is_in(of)
}

/// A recall, from its row: a hold for which who has the item must bring it back.
pub(super) fn recall(
    row: &Row<'_>,
    dates: &Dates<'_>,
    context: &ReadContext<'_>,
) -> Result<Hold, Failure> {
    let work = row.work(context.base_url)?;
    let words = unlabelled(row.must_cell("status")?);
    let branch = row.own_words("branch");
    let lower = words.to_lowercase();
    let state = if TAKE_BACK.is_in(row.element) {
        HoldState::Waiting
    } else if branch.as_ref().is_some_and(|name| words.contains(name)) {
        HoldState::InTransit
    } else if FETCHED.iter().any(|stem| is_fetched(&lower, stem)) {
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
        // How long it stays at the desk, the page does not say.
        pickup_by: None,
        suspended_until: None,
        expires: match expires {
            Some(cell) => dates.of_cell(cell)?,
            None => None,
        },
        pickup_branch: branch,
        digital: false,
        note: (state == HoldState::Other).then_some(words),
        url: work.url,
    })
}

/// Whether this stem of readiness is said of now.
fn is_fetched(lower: &str, stem: &str) -> bool {
    lower.match_indices(stem).any(|(at, _)| {
        let before = lower.get(..at).unwrap_or_default();
        let after = lower.get(at + stem.len()..).unwrap_or_default();
        is_said_of_now(before, after.trim_start_matches(char::is_alphabetic))
    })
}

/// Until when a request stands, if nothing is found for it.
#[derive(Debug, Clone, Copy)]
enum Lapse<'a> {
    /// This cell says it, or that it stands for good.
    Open(ElementRef<'a>),
    /// Something was found: there is a dash.
    Found,
    /// The site has no such column.
    Unknown,
}

impl<'a> Lapse<'a> {
    fn of(row: &Row<'a>) -> Result<Self, Failure> {
        let Some(cell) = row.cell("expirationdate") else {
            return Ok(Self::Unknown);
        };
        match unlabelled(cell).as_str() {
            "" => Err(Failure::page_changed("a hold that says nothing of itself")),
            "-" | "–" | "—" => Ok(Self::Found),
            _ => Ok(Self::Open(cell)),
        }
    }
}

/// The words of a cell but for the label that narrow screens show in place of the head.
fn unlabelled(cell: ElementRef<'_>) -> String {
    element_text_without(cell, |inner| has_class(inner, "tdlabel"))
}

fn state(
    row: &Row<'_>,
    status: ElementRef<'_>,
    words: &str,
    named: &[Day],
    lapse: Lapse<'_>,
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
    if has_class(row.element, "transfered") {
        return HoldState::InTransit;
    }
    if BRANCH.is_in(status) {
        // It is on its way since a day; without one, it still stands on its shelf.
        return if named.is_empty() {
            HoldState::Other
        } else {
            HoldState::InTransit
        };
    }
    if matches!(lapse, Lapse::Found) {
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
    if SUSPENDED.iter().any(|stem| lower.contains(stem)) {
        return HoldState::Suspended;
    }
    if matches!(lapse, Lapse::Unknown) {
        // It may be found, or not.
        return HoldState::Other;
    }
    if named.is_empty() {
        HoldState::Waiting
    } else {
        HoldState::Suspended
    }
}
