//! How a card is doing, as tables and JSON show it.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use hippo_core::account::{Account, HoldState};
use hippo_core::card::{CardRecord, LastCheck, StoredAccount};
use hippo_core::clock::local_date;
use hippo_core::failure::{Failure, FailureKind, Remedy};
use hippo_core::family::Family;
use hippo_core::ids::{CardId, FamilyId, LibraryId};
use hippo_core::library::{CURRENCY_OPTION, Library, can_back_off_until};
use hippo_core::notice::digest::STALE_AFTER;
use rust_decimal::Decimal;
use serde::Serialize;

use crate::context::Context;
use crate::exit::CommandError;
use crate::output::table::{Cell, Tone};
use crate::output::time::{ago, day, moment};
use crate::remedies::edit_command;

/// What an account says, counted.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct AccountView {
    /// Items out; `None` where the pages do not say.
    pub(crate) out: Option<usize>,
    /// Of these, overdue; digital ones go back by themselves.
    pub(crate) overdue: Option<usize>,
    /// The next day on which one is due.
    pub(crate) due_next: Option<NaiveDate>,
    /// Holds that wait at the desk.
    pub(crate) ready: Option<usize>,
    /// All holds.
    pub(crate) holds: Option<usize>,
    /// What is owed, negative for a credit.
    pub(crate) fines: Option<Decimal>,
    /// ISO 4217, where known.
    pub(crate) currency: Option<String>,
    /// Last day on which the card is good.
    pub(crate) card_expires: Option<NaiveDate>,
    /// What the library tells this patron.
    pub(crate) messages: Vec<String>,
}

impl AccountView {
    /// An account, counted as of `today`.
    pub(crate) fn of(account: &Account, today: NaiveDate) -> Self {
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
                .map(|message| hippo_core::text::clean(message))
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

/// The cells OUT, DUE NEXT and READY of a card of which nothing is known.
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

/// What is wrong with a card, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Problem {
    /// A failure's kind, or `paused`, `never_checked`, `stale`.
    pub(crate) kind: &'static str,
    /// What it is.
    pub(crate) what: String,
    /// What to do.
    pub(crate) what_to_do: Option<String>,
    /// Whether a person must do something.
    #[serde(skip)]
    pub(crate) tone: Tone,
}

/// One card, and how it is doing.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct CardView {
    /// The card.
    pub(crate) id: CardId,
    /// Its family.
    pub(crate) family: FamilyId,
    /// Its library.
    pub(crate) library: LibraryId,
    /// What mails call the library.
    pub(crate) library_name: String,
    /// Whose it is.
    pub(crate) patron: String,
    /// Not checked for now.
    pub(crate) paused: bool,
    /// When the newest check began.
    pub(crate) last_checked: Option<DateTime<Utc>>,
    /// When the newest check that gave an account began.
    pub(crate) last_success: Option<DateTime<Utc>>,
    /// Why the newest check gave no account.
    pub(crate) failure: Option<Failure>,
    /// Since when the library refuses the number or PIN.
    pub(crate) refused_since: Option<DateTime<Utc>>,
    /// When the newest check was, by a clock that was ahead: it does not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) checked_in_future: Option<DateTime<Utc>>,
    /// What is known of the account.
    pub(crate) account: Option<AccountView>,
    /// What is wrong.
    pub(crate) problem: Option<Problem>,
}

impl CardView {
    /// A card, seen at `now` by its family's day; `backing_off` as [`backing_off`] has it.
    pub(crate) fn of(
        record: &CardRecord,
        library: Option<&Library>,
        stored: Option<&StoredAccount>,
        today: NaiveDate,
        now: DateTime<Utc>,
        backing_off: Option<&str>,
    ) -> Self {
        let card = &record.card;
        let state = &record.state.without_future(now);
        let last = state.last_check.as_ref();
        Self {
            id: card.id,
            family: card.family.clone(),
            library: card.library.clone(),
            library_name: library
                .map_or_else(|| card.library.to_string(), |library| library.name.clone()),
            patron: card.patron.clone(),
            paused: card.paused,
            last_checked: last.map(|last| last.started_at),
            last_success: state.last_success_at,
            failure: last.and_then(|last| last.failure.clone()),
            refused_since: state.refused_since.map(|since| since.min(now)),
            checked_in_future: record.state.newest_in_future(now),
            account: stored.map(|stored| {
                let mut view = AccountView::of(&stored.account, today);
                let of_entry = || library?.options.get(CURRENCY_OPTION).cloned();
                view.currency = view.currency.or_else(of_entry);
                view
            }),
            problem: problem_of(record, library, now, backing_off),
        }
    }

    /// The cell CHECKED: when the newest check was.
    pub(crate) fn checked_cell(&self, now: DateTime<Utc>) -> Cell {
        match (self.last_checked, &self.failure) {
            (None, _) if self.checked_in_future.is_some() => Cell::new("unknown", Tone::Warning),
            (None, _) => Cell::new("never", Tone::Warning),
            (Some(at), None) => Cell::from(ago(at, now)),
            // The state says so too.
            (Some(at), Some(_)) => {
                Cell::new(format!("{}, failed", ago(at, now)), Tone::Bad).or_short(ago(at, now))
            }
        }
    }

    /// The cells OUT, DUE NEXT and READY.
    pub(crate) fn account_cells(&self, today: NaiveDate) -> [Cell; 3] {
        self.account
            .as_ref()
            .map_or_else(unknown_cells, |account| account.cells(today))
    }

    /// The cell of what is wrong, in few words.
    pub(crate) fn problem_cell(&self) -> Cell {
        match &self.problem {
            Some(problem) => Cell::new(problem.kind, problem.tone),
            None => Cell::new("ok", Tone::Good),
        }
    }
}

fn problem_of(
    record: &CardRecord,
    library: Option<&Library>,
    now: DateTime<Utc>,
    backing_off: Option<&str>,
) -> Option<Problem> {
    let card = &record.card;
    let state = &record.state.without_future(now);
    if card.paused {
        return Some(Problem {
            kind: "paused",
            what: "It is paused.".to_owned(),
            what_to_do: Some(format!("hippo card pause {} --resume", card.id)),
            tone: Tone::Faint,
        });
    }
    if let Some(since) = state.refused_since {
        let zone = library.map_or(chrono_tz::Tz::UTC, |library| library.timezone);
        let since = since.min(now).with_timezone(&zone);
        let since = since.format("%-d %b %H:%M");
        return Some(Problem {
            kind: FailureKind::WrongCredentials.as_str(),
            what: format!(
                "The library refused the number or PIN ({since}). It is not tried again by itself, so that \
                 the library does not lock the card."
            ),
            what_to_do: Some(format!("hippo card set-pin {}", card.id)),
            tone: Tone::Bad,
        });
    }
    let from_future = record.state.last_check.as_ref();
    if let (None, Some(last)) = (&state.last_check, from_future) {
        return Some(Problem {
            kind: "clock_was_wrong",
            what: format!(
                "Its last check is dated {}, which is still to come: the clock was ahead. The next check replaces it.",
                last.started_at
                    .to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
            ),
            what_to_do: Some("hippo check-cards".to_owned()),
            tone: Tone::Warning,
        });
    }
    let Some(last) = &state.last_check else {
        return Some(Problem {
            kind: "never_checked",
            what: "It was never checked.".to_owned(),
            what_to_do: Some("hippo check-cards".to_owned()),
            tone: Tone::Warning,
        });
    };
    if let Some(failure) = &last.failure {
        let mut failure = failure.clone();
        // The stores keep no more of a doubt than its mark.
        failure.login_in_doubt |= state
            .login_mark
            .as_ref()
            .is_some_and(|mark| !mark.is_settled && last.started_at >= mark.at);
        return Some(failure_problem(
            &failure,
            card.id,
            &card.library,
            backing_off,
        ));
    }
    let read = state.last_success_at.unwrap_or(last.started_at);
    (now - read > STALE_AFTER).then(|| Problem {
        kind: "stale",
        what: format!("It was last read {}.", ago(read, now)),
        what_to_do: Some("hippo check-cards".to_owned()),
        tone: Tone::Warning,
    })
}

/// Until when a library is left alone, in words; `None` when it is not.
pub(crate) async fn backing_off(
    context: &Context,
    library: &LibraryId,
) -> Result<Option<String>, CommandError> {
    let now = context.now();
    let until = context.store.back_off_until(library).await?;
    Ok(until
        .filter(|until| *until > now && can_back_off_until(*until, now))
        .map(|until| moment(until, now, context.zone())))
}

/// What a failed check means for a person; `backing_off` as [`backing_off`] has it.
pub(crate) fn failure_problem(
    failure: &Failure,
    card: CardId,
    library: &LibraryId,
    backing_off: Option<&str>,
) -> Problem {
    let detail = hippo_core::text::clean(&failure.detail);
    let detail = detail.trim_end_matches(['.', ' ']);
    let end = if detail.ends_with(['?', '!', '…']) {
        ""
    } else {
        "."
    };
    let alone = backing_off.map_or_else(String::new, |until| {
        format!(" It is left alone until {until}; try it after that.")
    });
    let (what, what_to_do) = match failure.kind {
        FailureKind::WrongCredentials => (
            "The library refused the number or PIN.".to_owned(),
            Some(format!("hippo card set-pin {}", card)),
        ),
        FailureKind::SealedForOtherHosts => (
            format!(
                "The PIN was sealed for other hosts than the entry of {library} names now, so it wasn't sent. If \
                 the entry is wrong, correct it with “hippo library edit {library}”. If it is right, set the PIN."
            ),
            Some(format!("hippo card set-pin {card}")),
        ),
        FailureKind::CardBlocked => (
            format!(
                "The library has blocked, frozen or expired the card: {detail}{end} Ask at the library."
            ),
            None,
        ),
        FailureKind::SessionExpired => (
            format!("The library ended the session too early: {detail}{end}"),
            Some(again()),
        ),
        FailureKind::PageChanged => match edit_command(failure, library) {
            Some(edit) => (format!("Nothing was read: {detail}{end}"), Some(edit)),
            None if failure.login_in_doubt => (
                format!(
                    "A page is not what LibraryHippo knows, so nothing was read from it: {detail}{end} Nor does it \
                     tell whether the login was taken, so that is not sent again by itself today. Record what the \
                     site sends, and report it. “hippo card retry {card}” sends the login again at the next check."
                ),
                Some(record_command(card)),
            ),
            None => (
                format!(
                    "A page is not what LibraryHippo knows, so nothing was read from it: {detail}{end} If it \
                     stays so, record it and report it: “{}”.",
                    record_command(card)
                ),
                Some(again()),
            ),
        },
        FailureKind::SiteRefused => (
            format!("The library's site refused us: {detail}{end}{alone}"),
            Some(again()),
        ),
        FailureKind::SiteDown => (
            format!("The library's site could not be read: {detail}{end}{alone}"),
            edit_command(failure, library).or_else(|| Some(again())),
        ),
        FailureKind::NotTried if failure.remedy == Some(Remedy::RetryCard) => (
            format!(
                "{detail}{end} “{}” tries it too, and records what the site sends.",
                record_command(card)
            ),
            Some(format!("hippo card retry {}", card)),
        ),
        FailureKind::NotTried => {
            // It goes on in the middle of a sentence.
            let rest = detail
                .strip_prefix("The ")
                .map(|rest| format!("the {rest}"));
            let detail = rest.as_deref().unwrap_or(detail);
            // The detail of a library that is left alone says until when.
            let after = backing_off.map_or("", |_| " Try it after that.");
            (
                format!("It was not tried: {detail}{end}{after}"),
                Some(again()),
            )
        }
    };
    Problem {
        kind: failure.kind.as_str(),
        what,
        what_to_do,
        tone: Tone::Bad,
    }
}

/// The command that tries again what may go better later.
pub(crate) fn again() -> String {
    "hippo check-cards --scope failed".to_owned()
}

/// The command that checks a card whatever became of its last login, and writes down what the site sends.
pub(crate) fn record_command(card: CardId) -> String {
    format!("hippo check-cards --card {card} --record session.har")
}

/// The cards of a family, by patron and library, and how they are doing.
pub(crate) async fn cards_of(
    context: &Context,
    family: &Family,
    libraries: &BTreeMap<LibraryId, Library>,
) -> Result<Vec<CardView>, CommandError> {
    let now = context.now();
    let today = local_date(now, family.timezone);
    let accounts: BTreeMap<CardId, StoredAccount> = context
        .store
        .accounts_of(&family.id)
        .await?
        .into_iter()
        .collect();
    let records = context.store.cards_of(&family.id).await?;
    let mut alone: BTreeMap<&LibraryId, Option<String>> = BTreeMap::new();
    let mut views = Vec::with_capacity(records.len());
    for record in &records {
        let library = &record.card.library;
        let has_failed = |last: &LastCheck| last.failure.is_some();
        if record.state.last_check.as_ref().is_some_and(has_failed) && !alone.contains_key(library)
        {
            alone.insert(library, backing_off(context, library).await?);
        }
        views.push(CardView::of(
            record,
            libraries.get(library),
            accounts.get(&record.card.id),
            today,
            now,
            alone.get(library).and_then(Option::as_deref),
        ));
    }
    views.sort_by(|a, b| {
        (&a.patron, &a.library_name, a.id).cmp(&(&b.patron, &b.library_name, b.id))
    });
    Ok(views)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn problem(failure: &Failure) -> Problem {
        let library = "wpl".parse().unwrap();
        failure_problem(failure, CardId::generate(), &library, None)
    }

    #[rstest]
    #[case(Remedy::SetDateFormat, "--date-format FORMAT")]
    #[case(Remedy::SetUrl, "--url URL")]
    #[case(Remedy::AddLoginHost, "--login-host HOST")]
    fn what_a_person_wrote_wrongly_of_a_library_is_mended_by_an_edit(
        #[case] remedy: Remedy,
        #[case] option: &str,
    ) {
        for failure in [Failure::page_changed("x"), Failure::site_down("x")] {
            let failure = failure.with_remedy(remedy);
            let what_to_do = problem(&failure).what_to_do.unwrap();
            assert_eq!(what_to_do, format!("hippo library edit wpl {option}"));
        }
    }

    #[test]
    fn a_changed_page_is_to_be_recorded_and_one_with_a_login_in_doubt_at_once() {
        let sure = problem(&Failure::page_changed("no table"));
        assert!(sure.what.contains("--record session.har"), "{}", sure.what);
        assert_eq!(sure.what_to_do, Some(again()));
        let in_doubt = problem(&Failure::page_changed("no table").login_in_doubt());
        assert!(in_doubt.what.contains("whether the login was taken"));
        assert!(in_doubt.what.contains("hippo card retry"));
        let what_to_do = in_doubt.what_to_do.unwrap();
        assert!(what_to_do.ends_with("--record session.har"), "{what_to_do}");
    }

    #[test]
    fn a_library_that_is_left_alone_is_to_be_tried_after_that() {
        let library = "wpl".parse().unwrap();
        let alone = "The library is left alone until 14:32, since it did not answer or refused us.";
        for failure in [Failure::site_down("status 503"), Failure::not_tried(alone)] {
            let of = |until| failure_problem(&failure, CardId::generate(), &library, until).what;
            assert!(
                of(Some("14:32 today")).ends_with("after that."),
                "{}",
                of(Some("14:32 today"))
            );
            assert!(of(Some("14:32 today")).contains("until 14:32"));
            assert!(!of(None).contains("after that"), "{}", of(None));
        }
    }

    #[rstest]
    #[case("status 503 at /login", "status 503 at /login.")]
    #[case("status 503.", "status 503.")]
    #[case("which page is this?", "which page is this?")]
    fn a_detail_ends_with_one_mark(#[case] detail: &str, #[case] expected: &str) {
        let problem = problem(&Failure::site_down(detail));
        assert!(problem.what.ends_with(expected), "{}", problem.what);
        assert_eq!(
            problem.what_to_do.as_deref(),
            Some("hippo check-cards --scope failed")
        );
    }
}
