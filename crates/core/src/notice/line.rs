//! The lines of a notice: a loan or a hold with its patron and its library.

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

/// An account that was read longer ago is marked as out of date.
pub const STALE_AFTER: Duration = Duration::hours(20);

/// The patron and the library.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// Whose card.
    pub patron: String,
    /// The library.
    pub library: LibraryId,
    /// The library's name in mails.
    pub library_name: String,
    /// The library's page of the account, or its front page; http(s) only.
    pub account_url: Option<Url>,
}

/// A loan, as a notice lists it.
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
    pub place: Place,
    /// The last day on which it can be returned in time; `None`: no due date.
    pub due: Option<NaiveDate>,
    /// Days until then; negative: days overdue; `None`: it has no due date.
    pub days_left: Option<i64>,
    /// Whether the site would renew it.
    pub renewable: Option<bool>,
    /// Why it would not.
    pub renewable_reason: Option<String>,
    /// It could be renewed when the last notice was sent, and cannot now.
    pub became_non_renewable: bool,
    /// The title's own page at the library; http(s) only.
    pub url: Option<Url>,
    /// It is returned automatically.
    pub digital: bool,
    /// The site's other words.
    pub note: Option<String>,
    /// When this was read, if that is too long ago to rely on.
    pub as_of: Option<DateTime<Utc>>,
}

/// A hold, as a notice lists it.
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
    pub place: Place,
    /// How far it has come.
    pub state: HoldState,
    /// Place in the queue, from 1.
    pub position: Option<u32>,
    /// How many wait.
    pub queue_length: Option<u32>,
    /// The last day on which it waits at the desk.
    pub pickup_by: Option<NaiveDate>,
    /// Where it waits.
    pub pickup_branch: Option<String>,
    /// The day on which a suspended hold becomes active.
    pub suspended_until: Option<NaiveDate>,
    /// It was not ready when the last notice was sent.
    pub new: bool,
    /// The title's own page at the library; http(s) only.
    pub url: Option<Url>,
    /// It is borrowed online, not at a desk.
    pub digital: bool,
    /// The site's other words.
    pub note: Option<String>,
    /// When this was read, if that is too long ago to rely on.
    pub as_of: Option<DateTime<Utc>>,
}

/// A card's newest check, where it gave no account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct NewestFailure {
    /// Why.
    pub kind: FailureKind,
    /// When the check began.
    pub at: DateTime<Utc>,
}

impl Place {
    pub(crate) fn of(card: &NoticeCard) -> Self {
        Self {
            patron: words_or(&card.card.patron, "Somebody"),
            library: card.library.id.clone(),
            library_name: library_name(card),
            account_url: account_url(card),
        }
    }
}

impl NoticeCard {
    /// When the stored account was last confirmed. A check that finds no change may leave the
    /// account as it is, so its own time can be older.
    pub(crate) fn as_of(&self) -> Option<DateTime<Utc>> {
        let read_at = self.stored.as_ref()?.read_at;
        Some(
            self.state
                .last_success_at
                .map_or(read_at, |at| at.max(read_at)),
        )
    }

    /// Why the newest check gave no account; `None`: it gave one, or there was none.
    pub(crate) fn newest_failure(&self) -> Option<NewestFailure> {
        let check = self.state.last_check.as_ref()?;
        let kind = check.failure.as_ref()?.kind;
        let at = check.started_at;
        Some(NewestFailure { kind, at })
    }
}

pub(crate) fn loan_line(input: &NoticeInput<'_>, card: &NoticeCard, loan: &Loan) -> LoanLine {
    let could = input
        .last_notice
        .is_some_and(|last| last.renewable_loans.contains(&item_key(card, &loan.id)));
    LoanLine {
        card: card.card.id,
        id: loan.id.clone(),
        title: title(&loan.title),
        author: cleaned(loan.author.as_deref()),
        place: Place::of(card),
        due: loan.due,
        days_left: loan.due.map(|due| (due - input.today).num_days()),
        renewable: loan.renewable,
        renewable_reason: cleaned(loan.renewable_reason.as_deref()),
        became_non_renewable: could && loan.renewable == Some(false),
        url: record_url(loan.url.as_deref()),
        digital: loan.digital,
        note: cleaned(loan.note.as_deref()),
        as_of: stale_as_of(input, card),
    }
}

pub(crate) fn hold_line(input: &NoticeInput<'_>, card: &NoticeCard, hold: &Hold) -> HoldLine {
    let new = input
        .last_notice
        .is_some_and(|last| !last.ready_holds.contains(&item_key(card, &hold.id)));
    HoldLine {
        card: card.card.id,
        id: hold.id.clone(),
        title: title(&hold.title),
        author: cleaned(hold.author.as_deref()),
        place: Place::of(card),
        state: hold.state,
        position: hold.position,
        queue_length: hold.queue_length,
        pickup_by: hold.pickup_by,
        pickup_branch: cleaned(hold.pickup_branch.as_deref()),
        suspended_until: hold.suspended_until,
        new: new && hold.state == HoldState::Ready,
        url: record_url(hold.url.as_deref()),
        digital: hold.digital,
        note: cleaned(hold.note.as_deref()),
        as_of: stale_as_of(input, card),
    }
}

fn stale_as_of(input: &NoticeInput<'_>, card: &NoticeCard) -> Option<DateTime<Utc>> {
    card.as_of().filter(|at| input.now - at > STALE_AFTER)
}

pub(crate) fn library_name(card: &NoticeCard) -> String {
    words_or(&card.library.name, card.library.id.as_str())
}

pub(crate) fn account_url(card: &NoticeCard) -> Option<Url> {
    let web = |url: &&Url| matches!(url.scheme(), "http" | "https");
    let account = card.library.account_url.as_ref().filter(web);
    account
        .or(Some(&card.library.base_url).filter(web))
        .cloned()
}

fn record_url(url: Option<&str>) -> Option<Url> {
    let url: Url = url?.parse().ok()?;
    let is_web = matches!(url.scheme(), "http" | "https");
    (is_web && url.username().is_empty() && url.password().is_none()).then_some(url)
}

/// The site's currency, or else the library entry's.
pub(crate) fn currency(card: &NoticeCard, account: &Account) -> Option<String> {
    account
        .currency
        .clone()
        .or_else(|| card.library.options.get(CURRENCY_OPTION).cloned())
}

fn title(text: &str) -> String {
    words_or(text, "(without a title)")
}

fn cleaned(text: Option<&str>) -> Option<String> {
    text.map(clean).filter(|text| !text.is_empty())
}

pub(crate) fn words_or(text: &str, otherwise: &str) -> String {
    let text = clean(text);
    if text.is_empty() {
        otherwise.to_owned()
    } else {
        text
    }
}
