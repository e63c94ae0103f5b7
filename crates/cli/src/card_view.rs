//! A card's state, for tables and JSON.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use hippo_core::account::{Account, HoldState};
use hippo_core::card::{CardRecord, LastCheck, StoredAccount};
use hippo_core::clock::local_date;
use hippo_core::failure::Failure;
use hippo_core::family::Family;
use hippo_core::ids::{CardId, FamilyId, LibraryId};
use hippo_core::library::{CURRENCY_OPTION, Library};
use hippo_core::notice::phrases::card_pause;
use hippo_core::text::clean;
use rust_decimal::Decimal;
use serde::Serialize;

use crate::card_problem::{backed_off_until, find_problem};
use crate::context::Context;
use crate::exit::CommandError;
use crate::output::table::{Cell, Tone};
use crate::output::time::{ago, day};
use crate::problem::Problem;

/// An account in numbers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct AccountView {
    /// Items that are out; `None` if the pages don't show them.
    pub(crate) out: Option<usize>,
    /// Overdue items, without digital ones: those are returned automatically.
    pub(crate) overdue: Option<usize>,
    /// The earliest due date.
    pub(crate) due_next: Option<NaiveDate>,
    /// Holds that are ready to pick up.
    pub(crate) ready: Option<usize>,
    /// All holds.
    pub(crate) holds: Option<usize>,
    /// The amount owed; negative for a credit.
    pub(crate) fines: Option<Decimal>,
    /// ISO 4217, where known.
    pub(crate) currency: Option<String>,
    /// The last day on which the card is valid.
    pub(crate) card_expires: Option<NaiveDate>,
    /// The library's messages to this patron.
    pub(crate) messages: Vec<String>,
}

impl AccountView {
    /// Counts an account as of `today`.
    pub(crate) fn from_account(account: &Account, today: NaiveDate) -> Self {
        let physical_due = |loans: &Vec<_>| -> Vec<NaiveDate> {
            let loans: &Vec<hippo_core::account::Loan> = loans;
            loans
                .iter()
                .filter(|loan| !loan.digital)
                .filter_map(|loan| loan.due)
                .collect()
        };
        let due = account.loans.as_ref().map(physical_due);
        Self {
            out: account.loans.as_ref().map(Vec::len),
            overdue: due
                .as_ref()
                .map(|due| due.iter().filter(|date| **date < today).count()),
            due_next: due.and_then(|due| due.into_iter().min()),
            ready: account.holds.as_ref().map(|holds| {
                holds
                    .iter()
                    .filter(|hold| hold.state == HoldState::Ready)
                    .count()
            }),
            holds: account.holds.as_ref().map(Vec::len),
            fines: account.fines,
            currency: account.currency.clone(),
            card_expires: account.card_expires,
            messages: account
                .messages
                .iter()
                .map(|message| clean(message))
                .collect(),
        }
    }

    /// The cells OUT, DUE NEXT and READY.
    pub(crate) fn cells(&self, today: NaiveDate) -> [Cell; 3] {
        [
            Cell::new(number(self.out), Tone::Plain),
            due_cell(self.due_next, today),
            match self.ready {
                Some(0) | None => Cell::new(number(self.ready), Tone::Plain),
                Some(_) => Cell::new(number(self.ready), Tone::Good),
            },
        ]
    }
}

/// The cells OUT, DUE NEXT and READY of a card whose account is unknown.
pub(crate) fn unknown_cells() -> [Cell; 3] {
    [Cell::from("?"), Cell::from("?"), Cell::from("?")]
}

fn number(count: Option<usize>) -> String {
    count.map_or_else(|| "?".to_owned(), |count| count.to_string())
}

fn due_cell(due: Option<NaiveDate>, today: NaiveDate) -> Cell {
    let Some(due) = due else {
        return Cell::from("–");
    };
    let text = day(due, today);
    match (due - today).num_days() {
        ..0 => Cell::new(format!("{text}, overdue"), Tone::Bad).or_short("overdue"),
        0..=3 => Cell::new(text, Tone::Warning),
        _ => Cell::from(text),
    }
}

/// A card and its state.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct CardView {
    pub(crate) id: CardId,
    pub(crate) family: FamilyId,
    pub(crate) library: LibraryId,
    /// The library's name in emails.
    pub(crate) library_name: String,
    pub(crate) patron: String,
    /// Paused cards aren't checked.
    pub(crate) paused: bool,
    /// The first day with checks again; `None`: not paused, or until somebody resumes it.
    pub(crate) paused_until: Option<NaiveDate>,
    pub(crate) pause_reason: Option<String>,
    /// The pause in words.
    #[serde(skip)]
    pause_text: Option<String>,
    /// When the newest check started.
    pub(crate) last_checked: Option<DateTime<Utc>>,
    /// When the newest successful check started.
    pub(crate) last_success: Option<DateTime<Utc>>,
    /// Why the newest check failed, or the last one that was tried.
    pub(crate) failure: Option<Failure>,
    /// When that check started.
    pub(crate) failed_at: Option<DateTime<Utc>>,
    /// Why the newest check wasn't tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) not_tried: Option<String>,
    /// When the library rejected the number or PIN.
    pub(crate) refused_since: Option<DateTime<Utc>>,
    /// The newest check's time if it is in the future; such a check doesn't count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) checked_in_future: Option<DateTime<Utc>>,
    /// The last account that was read.
    pub(crate) account: Option<AccountView>,
    pub(crate) problem: Option<Problem>,
}

impl CardView {
    /// Builds the view at `now`, with times in `zone`; `today` is the family's date, and `backed_off` comes from
    /// [`backed_off_until`].
    pub(crate) fn from_record(
        record: &CardRecord,
        library: Option<&Library>,
        stored: Option<&StoredAccount>,
        today: NaiveDate,
        (now, zone): (DateTime<Utc>, Tz),
        backed_off: Option<&str>,
    ) -> Self {
        let card = &record.card;
        let state = &record.state.without_future(now);
        let last = state.last_check.as_ref();
        let failed = state.explaining_failure();
        let pause = card.active_pause(now);
        Self {
            id: card.id,
            family: card.family.clone(),
            library: card.library.clone(),
            library_name: library
                .map_or_else(|| card.library.to_string(), |library| library.name.clone()),
            patron: card.patron.clone(),
            paused: pause.is_some(),
            paused_until: pause.and_then(|pause| pause.until),
            pause_reason: pause.and_then(|pause| pause.why.clone()),
            pause_text: pause.map(|pause| card_pause(pause, today)),
            last_checked: last.map(|last| last.started_at),
            last_success: state.last_success_at,
            failure: failed.map(|(_, failure)| failure.clone()),
            failed_at: failed.map(|(check, _)| check.started_at),
            not_tried: last
                .filter(|last| !last.was_tried())
                .and_then(|last| Some(clean(&last.failure.as_ref()?.detail))),
            refused_since: state.refused_since.map(|since| since.min(now)),
            checked_in_future: record.state.newest_in_future(now),
            account: stored.map(|stored| {
                let mut view = AccountView::from_account(&stored.account, today);
                let configured = || library?.options.get(CURRENCY_OPTION).cloned();
                view.currency = view.currency.or_else(configured);
                view
            }),
            problem: find_problem(record, zone, now, backed_off),
        }
    }

    /// The cell CHECKED, with the age of the newest check.
    pub(crate) fn checked_cell(&self, now: DateTime<Utc>) -> Cell {
        match (self.last_checked, &self.failure) {
            (None, _) if self.checked_in_future.is_some() => Cell::new("unknown", Tone::Warning),
            (None, _) => Cell::new("never", Tone::Warning),
            (Some(at), None) => Cell::from(ago(at, now)),
            // The cell STATE shows the failure too.
            (Some(at), Some(_)) => {
                let how = match self.not_tried {
                    Some(_) => "not tried",
                    None => "failed",
                };
                Cell::new(format!("{}, {how}", ago(at, now)), Tone::Bad).or_short(ago(at, now))
            }
        }
    }

    /// The cells OUT, DUE NEXT and READY.
    pub(crate) fn account_cells(&self, today: NaiveDate) -> [Cell; 3] {
        self.account
            .as_ref()
            .map_or_else(unknown_cells, |account| account.cells(today))
    }

    /// Says until when and why the card is paused; `None`: it isn't, or neither is known.
    pub(crate) fn pause_sentence(&self) -> Option<String> {
        let words = self.pause_text.as_ref()?;
        let says_more = self.paused_until.is_some() || self.pause_reason.is_some();
        says_more.then(|| format!("{} at {}: {words}", self.patron, self.library_name))
    }

    /// The cell STATE.
    pub(crate) fn problem_cell(&self) -> Cell {
        match &self.problem {
            Some(problem) => Cell::new(problem.kind, problem.tone),
            None => Cell::new("ok", Tone::Good),
        }
    }
}

/// Loads a family's cards, sorted by patron and library.
pub(crate) async fn load_cards(
    context: &Context,
    family: &Family,
    libraries: &BTreeMap<LibraryId, Library>,
) -> Result<Vec<CardView>, CommandError> {
    let now = context.now();
    let today = local_date(now, family.timezone);
    let accounts: BTreeMap<CardId, StoredAccount> = context
        .store
        .family_accounts(&family.id)
        .await?
        .into_iter()
        .collect();
    let records = context.store.family_cards(&family.id).await?;
    let mut until: BTreeMap<&LibraryId, Option<String>> = BTreeMap::new();
    let mut views = Vec::with_capacity(records.len());
    for record in &records {
        let library = &record.card.library;
        let has_failed = |last: &LastCheck| last.failure.is_some();
        if record.state.last_check.as_ref().is_some_and(has_failed) && !until.contains_key(library)
        {
            until.insert(library, backed_off_until(context, library).await?);
        }
        views.push(CardView::from_record(
            record,
            libraries.get(library),
            accounts.get(&record.card.id),
            today,
            (now, context.zone()),
            until.get(library).and_then(Option::as_deref),
        ));
    }
    views.sort_by(|a, b| {
        (&a.patron, &a.library_name, a.id).cmp(&(&b.patron, &b.library_name, b.id))
    });
    Ok(views)
}
