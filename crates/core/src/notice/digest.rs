//! Selects the content of a notice: a pure function of the accounts, the date and the last notice.

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use chrono_tz::Tz;
use rust_decimal::Decimal;
use serde::Serialize;
use url::Url;

use crate::account::{Account, HoldState};
use crate::family::{Family, SendWhenEmpty};
use crate::ids::{CardId, FamilyId, LibraryId};
use crate::notice::attention::{self, Attention};
use crate::notice::keys::is_missed;
use crate::notice::line::{
    CardPlace, HoldLine, LoanLine, NewestFailure, account_url, clean_or, currency, hold_line,
    library_name, loan_line,
};
use crate::notice::{NoticeCard, NoticeInput, PausedCard};
use crate::text::clean;

/// The content of one family's notice for one day. Every text from outside is cleaned.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Digest {
    /// The family.
    pub family: FamilyId,
    /// The family's name in the mail.
    pub family_name: String,
    /// The notice's local date.
    pub date: NaiveDate,
    /// The family's local date on which the mail is sent.
    pub today: NaiveDate,
    /// The family's time zone; times are displayed in it.
    pub timezone: Tz,
    /// Whether the family wants a long mail grouped by person.
    pub by_person: bool,
    /// The reason to send a mail; `None`: there is none.
    pub occasion: Option<Occasion>,
    /// Loans that are overdue, then those due soon; by due date, patron, title.
    pub take_back: Vec<LoanLine>,
    /// Ready holds whose last day is not past; by last day.
    pub pick_up: Vec<HoldLine>,
    /// What needs attention, the most urgent first.
    pub attention: Vec<Attention>,
    /// Everything else; never a reason for a mail.
    pub later: Later,
    /// How old the shown accounts are, by library.
    pub sources: Vec<Source>,
    /// The cards that are paused or weren't checked since, by patron and library; never a reason for a
    /// mail.
    pub paused: Vec<PausedCard>,
    /// The family's stopped recipients; never a reason for a mail.
    pub stopped: Vec<String>,
}

/// The reason to send a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Occasion {
    /// There is something to take back or to pick up.
    ToDo,
    /// Something needs attention that wasn't in a recent notice, or has changed since.
    Attention,
    /// There is nothing to do, but the family wants a mail every day.
    Daily,
    /// There is nothing to do, but the family wants a mail on this day of the week.
    Weekly,
}

/// Everything else, in small print.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Later {
    /// Loans that are not due soon, and digital ones; by due date.
    pub loans: Vec<LoanLine>,
    /// Holds that are known not to be ready; by state, then end of the suspension, then position in
    /// the queue.
    pub holds: Vec<HoldLine>,
    /// Fines and credits that need no attention.
    pub balances: Vec<Balance>,
}

/// A patron's balance at a library.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Balance {
    /// The patron and the library.
    #[serde(flatten)]
    pub place: CardPlace,
    /// Negative for a credit; never zero.
    pub amount: Decimal,
    /// ISO 4217, where known.
    pub currency: Option<String>,
}

/// A library and the age of its accounts in a notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Source {
    /// The library.
    pub library: LibraryId,
    /// Its name in mails.
    pub library_name: String,
    /// Its account page, or else its front page; http(s) only.
    pub account_url: Option<Url>,
    /// When the oldest account was read, without those whose newest check failed.
    pub as_of: Option<DateTime<Utc>>,
    /// The cards that differ from the others.
    pub exceptions: Vec<CardException>,
}

/// A card whose newest check failed or whose account is incomplete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CardException {
    /// The card.
    pub card: CardId,
    /// The patron.
    pub patron: String,
    /// When its account was read.
    pub as_of: DateTime<Utc>,
    /// The failure of its newest check, or of the last one that was tried.
    pub failure: Option<NewestFailure>,
    /// The site didn't list the loans.
    pub loans_unknown: bool,
    /// The site didn't list the holds.
    pub holds_unknown: bool,
}

/// Lists the family's stopped recipients.
fn stopped_recipients(family: &Family) -> Vec<String> {
    let stopped = family.recipients.iter();
    stopped
        .filter(|address| family.is_stopped(address))
        .map(|address| clean(address.as_str()))
        .collect()
}

impl Digest {
    /// Selects the content of a notice.
    pub fn from_input(input: &NoticeInput<'_>) -> Self {
        let mut digest = Self {
            family: input.family.id.clone(),
            family_name: clean_or(&input.family.name, input.family.id.as_str()),
            date: input.date,
            today: input.today,
            timezone: input.family.timezone,
            by_person: input.family.preferences.by_person,
            occasion: None,
            take_back: Vec::new(),
            pick_up: Vec::new(),
            attention: attention::list_attention(input),
            later: Later::default(),
            sources: sources(input.cards),
            paused: input.paused.to_vec(),
            stopped: stopped_recipients(input.family),
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
                // Missed holds and those in unknown words are listed under attention.
                HoldState::Ready if is_missed(hold, input.today) => {}
                HoldState::Other => {}
                HoldState::Ready => self.pick_up.push(hold_line(input, card, hold)),
                HoldState::InTransit | HoldState::Waiting | HoldState::Suspended => {
                    self.later.holds.push(hold_line(input, card, hold));
                }
            }
        }
        if let Some(amount) = account.fines
            && !amount.is_zero()
            && !attention::reaches_fines_threshold(input, amount)
        {
            self.later.balances.push(Balance {
                place: CardPlace::from_card(card),
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
        let by_patron = |line: &HoldLine| {
            let (patron, library) = (line.place.patron.clone(), line.place.library.clone());
            (patron, line.title.clone(), library, line.id.clone())
        };
        self.pick_up
            .sort_by_cached_key(|line| (line.pickup_by.unwrap_or(NaiveDate::MAX), by_patron(line)));
        self.later.holds.sort_by_cached_key(|line| {
            (
                line.state,
                line.suspended_until.unwrap_or(NaiveDate::MAX),
                line.position.unwrap_or(u32::MAX),
                by_patron(line),
            )
        });
        self.later
            .balances
            .sort_by_cached_key(|balance| balance.place.clone());
    }

    /// Whether all of the family's cards are checked, and all of their accounts are known.
    pub(super) fn has_complete_accounts(&self) -> bool {
        let mut exceptions = self.sources.iter().flat_map(|source| &source.exceptions);
        let may_hide_account = |item: &Attention| item.kind.may_hide_account();
        self.paused.is_empty()
            && !self.attention.iter().any(may_hide_account)
            && exceptions.all(|card| !card.loans_unknown && !card.holds_unknown)
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
            // A family without cards gets no empty mail.
            _ if input.cards.is_empty() => None,
            SendWhenEmpty::Daily => Some(Occasion::Daily),
            SendWhenEmpty::Weekly(day) if input.date.weekday() == day => Some(Occasion::Weekly),
            SendWhenEmpty::Weekly(_) | SendWhenEmpty::Never => None,
        }
    }
}

/// Says how a card's account differs from a complete one that its newest check read; `None`: it
/// doesn't, or it was never read.
pub(crate) fn source_exception(card: &NoticeCard) -> Option<CardException> {
    let (account, as_of) = (&card.stored.as_ref()?.account, card.as_of()?);
    let exception = CardException {
        card: card.card.id,
        patron: CardPlace::from_card(card).patron,
        as_of,
        failure: card.newest_failure(),
        loans_unknown: account.loans.is_none(),
        holds_unknown: account.holds.is_none(),
    };
    let is_exception =
        exception.failure.is_some() || exception.loans_unknown || exception.holds_unknown;
    is_exception.then_some(exception)
}

/// Lists the libraries by name. Cards that were never read are left out: they need attention.
fn sources(cards: &[NoticeCard]) -> Vec<Source> {
    let mut sources: Vec<Source> = Vec::new();
    for card in cards {
        let Some(as_of) = card.as_of() else {
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
        if card.newest_failure().is_none() {
            source.as_of = Some(source.as_of.map_or(as_of, |oldest| oldest.min(as_of)));
        }
        source.exceptions.extend(source_exception(card));
    }
    for source in &mut sources {
        source
            .exceptions
            .sort_by(|a, b| (&a.patron, a.as_of).cmp(&(&b.patron, b.as_of)));
    }
    sources.sort_by(|a, b| (&a.library_name, &a.library).cmp(&(&b.library_name, &b.library)));
    sources
}
