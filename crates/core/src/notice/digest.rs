//! Decides what to tell a family: a pure function of its accounts, the date and the last notice.

use chrono::{DateTime, Datelike, Duration, NaiveDate, Utc};
use chrono_tz::Tz;
use rust_decimal::Decimal;
use serde::Serialize;
use url::Url;

use crate::account::{Account, Hold, HoldState, Loan};
use crate::failure::FailureKind;
use crate::family::{Family, SendWhenEmpty};
use crate::ids::{CardId, FamilyId, LibraryId};
use crate::library::CURRENCY_OPTION;
use crate::notice::attention::{self, Attention};
use crate::notice::last_notice;
use crate::notice::{NoticeCard, NoticeInput};
use crate::text::clean;

/// An account that was read longer ago is marked as out of date.
pub const STALE_AFTER: Duration = Duration::hours(20);

/// What to tell one family for one day. Every text from outside is cleaned.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Digest {
    /// The family.
    pub family: FamilyId,
    /// What the mail calls the family.
    pub family_name: String,
    /// The notice's local date.
    pub date: NaiveDate,
    /// The family's local date on which the mail leaves.
    pub today: NaiveDate,
    /// The family's zone; times are shown in it.
    pub timezone: Tz,
    /// The family wants a long mail grouped by person.
    pub by_person: bool,
    /// Why a mail goes out; `None`: there is nothing to say.
    pub occasion: Option<Occasion>,
    /// Loans that are overdue, then those due soon; by due date, patron, title.
    pub take_back: Vec<LoanLine>,
    /// Holds that are ready and whose last day is not past, the ones that expire soonest first.
    pub pick_up: Vec<HoldLine>,
    /// What needs attention, the most urgent first.
    pub attention: Vec<Attention>,
    /// Everything else; never a reason for a mail.
    pub later: Later,
    /// How old the shown accounts are, by library.
    pub sources: Vec<Source>,
    /// The family's stopped recipients; never a reason for a mail.
    pub stopped: Vec<String>,
}

/// Why a mail goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Occasion {
    /// There is something to take back or to pick up.
    ToDo,
    /// Something needs attention that no notice had lately.
    Attention,
    /// Nothing; the family asked for a mail every day.
    Daily,
    /// Nothing; the family asked for a mail on this day of the week.
    Weekly,
}

/// The patron and the library.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// Whose card.
    pub patron: String,
    /// The library.
    pub library: LibraryId,
    /// What mails call the library.
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

/// Everything else, in small type.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Later {
    /// Loans that are not to be taken back yet, and digital ones; by due date.
    pub loans: Vec<LoanLine>,
    /// Holds that are known not to be ready; by state, then place in the queue.
    pub holds: Vec<HoldLine>,
    /// What is owed or credited and needs no attention.
    pub balances: Vec<Balance>,
}

/// What a patron owes at a library.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Balance {
    /// The patron and the library.
    #[serde(flatten)]
    pub place: Place,
    /// Negative for a credit; never zero.
    pub amount: Decimal,
    /// ISO 4217, where known.
    pub currency: Option<String>,
}

/// How old a library's accounts in a notice are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Source {
    /// The library.
    pub library: LibraryId,
    /// What mails call it.
    pub library_name: String,
    /// Its page of the account, or its front page; http(s) only.
    pub account_url: Option<Url>,
    /// The oldest good reading of its cards; `None`: no card was read.
    pub as_of: Option<DateTime<Utc>>,
    /// Cards that differ from the others.
    pub exceptions: Vec<SourceException>,
}

/// A card whose account is older than the library's others, or says less.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourceException {
    /// Whose card.
    pub patron: String,
    /// When what is shown was read.
    pub as_of: DateTime<Utc>,
    /// Why the newest check gave no account.
    pub failure: Option<NewestFailure>,
    /// The site did not say what is out.
    pub loans_unknown: bool,
    /// The site did not say what is asked for.
    pub holds_unknown: bool,
}

/// A card's newest check, where it gave no account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct NewestFailure {
    /// Why.
    pub kind: FailureKind,
    /// When the check began.
    pub at: DateTime<Utc>,
}

/// The recipients whom the others should ask for another address.
fn stopped(family: &Family) -> Vec<String> {
    let stopped = family.recipients.iter();
    stopped
        .filter(|address| family.is_stopped(address))
        .map(|address| clean(address.as_str()))
        .collect()
}

impl Digest {
    /// Decides what to tell.
    pub fn of(input: &NoticeInput<'_>) -> Self {
        let mut digest = Self {
            family: input.family.id.clone(),
            family_name: words_or(&input.family.name, input.family.id.as_str()),
            date: input.date,
            today: input.today,
            timezone: input.family.timezone,
            by_person: input.family.preferences.by_person,
            occasion: None,
            take_back: Vec::new(),
            pick_up: Vec::new(),
            attention: attention::of(input),
            later: Later::default(),
            sources: sources(input.cards),
            stopped: stopped(input.family),
        };
        for card in input.cards {
            if let Some(stored) = &card.stored {
                digest.add_account(input, card, &stored.account);
            }
        }
        digest.sort();
        digest.occasion = digest.occasion_for(input);
        digest
    }

    /// The take-back lines that are overdue.
    pub fn overdue(&self) -> impl Iterator<Item = &LoanLine> {
        self.take_back
            .iter()
            .filter(|line| line.days_left.is_some_and(|days| days < 0))
    }

    fn add_account(&mut self, input: &NoticeInput<'_>, card: &NoticeCard, account: &Account) {
        let soon = i64::from(input.family.preferences.due_within_days);
        for loan in account.loans.iter().flatten() {
            let line = loan_line(input, card, loan);
            if !line.digital && line.days_left.is_some_and(|days| days <= soon) {
                self.take_back.push(line);
            } else {
                self.later.loans.push(line);
            }
        }
        for hold in account.holds.iter().flatten() {
            match hold.state {
                // What is missed or in words that we do not know wants attention instead.
                HoldState::Ready if attention::is_missed(hold, input.today) => {}
                HoldState::Other => {}
                HoldState::Ready => self.pick_up.push(hold_line(input, card, hold)),
                HoldState::InTransit | HoldState::Waiting | HoldState::Suspended => {
                    self.later.holds.push(hold_line(input, card, hold));
                }
            }
        }
        if let Some(amount) = account.fines
            && !amount.is_zero()
            && !attention::wants_fines(input, amount)
        {
            self.later.balances.push(Balance {
                place: Place::of(card),
                amount,
                currency: currency(card, account),
            });
        }
    }

    fn sort(&mut self) {
        let by_due = |line: &LoanLine| {
            let (patron, library) = (line.place.patron.clone(), line.place.library.clone());
            (
                line.due.unwrap_or(NaiveDate::MAX),
                patron,
                line.title.clone(),
                library,
                line.id.clone(),
            )
        };
        self.take_back.sort_by_cached_key(by_due);
        self.later.loans.sort_by_cached_key(by_due);
        let by_place = |line: &HoldLine| {
            let (patron, library) = (line.place.patron.clone(), line.place.library.clone());
            (patron, line.title.clone(), library, line.id.clone())
        };
        self.pick_up
            .sort_by_cached_key(|line| (line.pickup_by.unwrap_or(NaiveDate::MAX), by_place(line)));
        self.later.holds.sort_by_cached_key(|line| {
            (
                line.state,
                line.suspended_until.unwrap_or(NaiveDate::MAX),
                line.position.unwrap_or(u32::MAX),
                by_place(line),
            )
        });
        self.later
            .balances
            .sort_by_cached_key(|balance| balance.place.clone());
    }

    fn occasion_for(&self, input: &NoticeInput<'_>) -> Option<Occasion> {
        if !self.take_back.is_empty() || !self.pick_up.is_empty() {
            return Some(Occasion::ToDo);
        }
        if self
            .attention
            .iter()
            .any(|item| item.news.is_worth_a_mail())
        {
            return Some(Occasion::Attention);
        }
        match input.family.preferences.send_when_empty {
            // A family without cards has nothing that could be alive.
            _ if input.cards.is_empty() => None,
            SendWhenEmpty::Daily => Some(Occasion::Daily),
            SendWhenEmpty::Weekly(day) if input.date.weekday() == day => Some(Occasion::Weekly),
            SendWhenEmpty::Weekly(_) | SendWhenEmpty::Never => None,
        }
    }
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

fn loan_line(input: &NoticeInput<'_>, card: &NoticeCard, loan: &Loan) -> LoanLine {
    let could = input.last_notice.is_some_and(|last| {
        last.renewable_loans
            .contains(&last_notice::key(card, &loan.id))
    });
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
        .is_some_and(|last| !last.ready_holds.contains(&last_notice::key(card, &hold.id)));
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

/// By library, in the order of their names. Cards that were never read are left out: they need
/// attention.
fn sources(cards: &[NoticeCard]) -> Vec<Source> {
    let mut sources: Vec<Source> = Vec::new();
    for card in cards {
        let (Some(stored), Some(as_of)) = (&card.stored, card.as_of()) else {
            continue;
        };
        let index = sources
            .iter()
            .position(|source| source.library == card.library.id)
            .unwrap_or_else(|| {
                sources.push(Source {
                    library: card.library.id.clone(),
                    library_name: library_name(card),
                    account_url: account_url(card),
                    as_of: None,
                    exceptions: Vec::new(),
                });
                sources.len() - 1
            });
        let Some(source) = sources.get_mut(index) else {
            continue;
        };
        let failure = card.newest_failure();
        let loans_unknown = stored.account.loans.is_none();
        let holds_unknown = stored.account.holds.is_none();
        if failure.is_none() {
            source.as_of = Some(source.as_of.map_or(as_of, |oldest| oldest.min(as_of)));
        }
        if failure.is_some() || loans_unknown || holds_unknown {
            source.exceptions.push(SourceException {
                patron: Place::of(card).patron,
                as_of,
                failure,
                loans_unknown,
                holds_unknown,
            });
        }
    }
    for source in &mut sources {
        source
            .exceptions
            .sort_by(|a, b| (&a.patron, a.as_of).cmp(&(&b.patron, b.as_of)));
    }
    sources.sort_by(|a, b| (&a.library_name, &a.library).cmp(&(&b.library_name, &b.library)));
    sources
}

fn library_name(card: &NoticeCard) -> String {
    words_or(&card.library.name, card.library.id.as_str())
}

fn account_url(card: &NoticeCard) -> Option<Url> {
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

fn words_or(text: &str, otherwise: &str) -> String {
    let text = clean(text);
    if text.is_empty() {
        otherwise.to_owned()
    } else {
        text
    }
}
