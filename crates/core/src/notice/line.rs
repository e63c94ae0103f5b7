//! The lines of a notice: loans and holds with their patron and library.

use chrono::{DateTime, Duration, NaiveDate, Utc};
use serde::Serialize;
use url::Url;

use crate::account::{Account, Hold, HoldState, Loan};
use crate::failure::FailureKind;
use crate::ids::{CardId, LibraryId};
use crate::library::CURRENCY_OPTION;
use crate::notice::keys::item_key;
use crate::notice::{NoticeCard, NoticeInput};
use crate::text::clean;

/// An account that was read longer ago than this is marked as out of date.
pub const STALE_AFTER: Duration = Duration::hours(20);

/// The patron and the library.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct CardPlace {
    /// The patron.
    pub patron: String,
    /// The library.
    pub library: LibraryId,
    /// The library's name in mails.
    pub library_name: String,
    /// The library's account page, or else its front page; http(s) only.
    pub account_url: Option<Url>,
}

/// A loan in a notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LoanLine {
    /// The card.
    pub card: CardId,
    /// The site's id of the loan.
    pub id: String,
    /// Its title; never empty.
    pub title: String,
    /// Its author.
    pub author: Option<String>,
    /// The patron and the library.
    #[serde(flatten)]
    pub place: CardPlace,
    /// The last day to return it; `None`: no due date.
    pub due: Option<NaiveDate>,
    /// Days until it is due; negative if overdue; `None`: no due date.
    pub days_left: Option<i64>,
    /// Whether the site would renew it.
    pub renewable: Option<bool>,
    /// Why it can't be renewed.
    pub renewable_reason: Option<String>,
    /// It could be renewed when the last notice was sent, and can't any more.
    pub became_non_renewable: bool,
    /// The title's own page at the library; http(s) only.
    pub url: Option<Url>,
    /// It is returned automatically.
    pub digital: bool,
    /// The site's other text about it.
    pub note: Option<String>,
    /// When it was read, if longer than [`STALE_AFTER`] ago.
    pub as_of: Option<DateTime<Utc>>,
}

/// A hold in a notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HoldLine {
    /// The card.
    pub card: CardId,
    /// The site's id of the hold.
    pub id: String,
    /// Its title; never empty.
    pub title: String,
    /// Its author.
    pub author: Option<String>,
    /// The patron and the library.
    #[serde(flatten)]
    pub place: CardPlace,
    /// Its state.
    pub state: HoldState,
    /// The position in the queue, from 1.
    pub position: Option<u32>,
    /// The number of people in the queue.
    pub queue_length: Option<u32>,
    /// The last day to pick it up.
    pub pickup_by: Option<NaiveDate>,
    /// The pickup branch.
    pub pickup_branch: Option<String>,
    /// The day on which a suspended hold becomes active.
    pub suspended_until: Option<NaiveDate>,
    /// It was not ready when the last notice was sent.
    pub new: bool,
    /// The title's own page at the library; http(s) only.
    pub url: Option<Url>,
    /// It is borrowed online, not at a desk.
    pub digital: bool,
    /// The site's other text about it.
    pub note: Option<String>,
    /// When it was read, if longer than [`STALE_AFTER`] ago.
    pub as_of: Option<DateTime<Utc>>,
}

/// The failure of a card's newest check, or of the last one that was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct NewestFailure {
    /// The kind of failure.
    pub kind: FailureKind,
    /// When the check began.
    pub at: DateTime<Utc>,
    /// Newer checks weren't tried.
    pub later_checks_not_tried: bool,
}

impl CardPlace {
    pub(crate) fn from_card(card: &NoticeCard) -> Self {
        Self {
            patron: clean_or(&card.card.patron, "Somebody"),
            library: card.library.id.clone(),
            library_name: library_name(card),
            account_url: account_url(card),
        }
    }
}

impl NoticeCard {
    /// When the stored account was last confirmed. A check without changes may not store the
    /// account again, so the account's own time can be older.
    pub(crate) fn as_of(&self) -> Option<DateTime<Utc>> {
        let read_at = self.stored.as_ref()?.read_at;
        Some(
            self.state
                .last_success_at
                .map_or(read_at, |at| at.max(read_at)),
        )
    }

    /// The failure of the newest check, or of the last one that was tried; `None`: it succeeded, a
    /// person has corrected it, or there was no check.
    pub(crate) fn newest_failure(&self) -> Option<NewestFailure> {
        let (check, failure) = self.state.explaining_failure()?;
        Some(NewestFailure {
            kind: failure.kind,
            at: check.started_at,
            later_checks_not_tried: self.state.earlier_failure.is_some(),
        })
    }
}

pub(crate) fn loan_line(input: &NoticeInput<'_>, card: &NoticeCard, loan: &Loan) -> LoanLine {
    let was_renewable = input
        .last_notice
        .is_some_and(|last| last.renewable_loans.contains(&item_key(card, &loan.id)));
    LoanLine {
        card: card.card.id,
        id: loan.id.clone(),
        title: title(&loan.title),
        author: clean_optional(loan.author.as_deref()),
        place: CardPlace::from_card(card),
        due: loan.due,
        days_left: loan.due.map(|due| (due - input.today).num_days()),
        renewable: loan.renewable,
        renewable_reason: clean_optional(loan.renewable_reason.as_deref()),
        became_non_renewable: was_renewable && loan.renewable == Some(false),
        url: title_url(loan.url.as_deref()),
        digital: loan.digital,
        note: clean_optional(loan.note.as_deref()),
        as_of: stale_as_of(input, card),
    }
}

pub(crate) fn hold_line(input: &NoticeInput<'_>, card: &NoticeCard, hold: &Hold) -> HoldLine {
    let is_new = input
        .last_notice
        .is_some_and(|last| !last.ready_holds.contains(&item_key(card, &hold.id)));
    HoldLine {
        card: card.card.id,
        id: hold.id.clone(),
        title: title(&hold.title),
        author: clean_optional(hold.author.as_deref()),
        place: CardPlace::from_card(card),
        state: hold.state,
        position: hold.position,
        queue_length: hold.queue_length,
        pickup_by: hold.pickup_by,
        pickup_branch: clean_optional(hold.pickup_branch.as_deref()),
        suspended_until: hold.suspended_until,
        new: is_new && hold.state == HoldState::Ready,
        url: title_url(hold.url.as_deref()),
        digital: hold.digital,
        note: clean_optional(hold.note.as_deref()),
        as_of: stale_as_of(input, card),
    }
}

fn stale_as_of(input: &NoticeInput<'_>, card: &NoticeCard) -> Option<DateTime<Utc>> {
    card.as_of().filter(|at| input.now - at > STALE_AFTER)
}

pub(crate) fn library_name(card: &NoticeCard) -> String {
    clean_or(&card.library.name, card.library.id.as_str())
}

pub(crate) fn account_url(card: &NoticeCard) -> Option<Url> {
    let web = |url: &&Url| matches!(url.scheme(), "http" | "https");
    let account = card.library.account_url.as_ref().filter(web);
    account
        .or(Some(&card.library.base_url).filter(web))
        .cloned()
}

fn title_url(url: Option<&str>) -> Option<Url> {
    let url: Url = url?.parse().ok()?;
    let is_web = matches!(url.scheme(), "http" | "https");
    (is_web && url.username().is_empty() && url.password().is_none()).then_some(url)
}

/// Returns the site's currency, or else the library entry's.
pub(crate) fn currency(card: &NoticeCard, account: &Account) -> Option<String> {
    account
        .currency
        .clone()
        .or_else(|| card.library.options.get(CURRENCY_OPTION).cloned())
}

fn title(text: &str) -> String {
    clean_or(text, "(without a title)")
}

fn clean_optional(text: Option<&str>) -> Option<String> {
    text.map(clean).filter(|text| !text.is_empty())
}

/// Cleans a text; `otherwise` if nothing is left.
pub(crate) fn clean_or(text: &str, otherwise: &str) -> String {
    let text = clean(text);
    if text.is_empty() {
        otherwise.to_owned()
    } else {
        text
    }
}
