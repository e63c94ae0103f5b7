//! Checks one card while a person waits.

use std::sync::Arc;

use chrono::NaiveDate;
use hippo_core::account::{Account, Hold, HoldState, Loan};
use hippo_core::card::Card;
use hippo_core::check::Check;
use hippo_core::clock::local_date;
use hippo_core::failure::Failure;
use hippo_core::ids::CardId;
use hippo_core::library::{CURRENCY_OPTION, Library};
use hippo_core::text::clean;
use hippo_recording::Recorder;
use serde::Serialize;

use crate::card_problem::backed_off_until;
use crate::card_view::AccountView;
use crate::context::Context;
use crate::deployment::CheckCardAnswer;
use crate::exit::{CommandError, CommandResult, Outcome};
use crate::not_checked::reason_not_checked;
use crate::output::table::{Cell, Table, fixed, words};
use crate::output::time::day;
use crate::output::{count, print_to_stderr};
use crate::problem::failure_problem;
use crate::stop::after_interrupted_check;
use crate::suggested::HIPPO;

/// The most loans, and the most holds, that are printed.
const MAX_ITEMS_SHOWN: usize = 12;

/// The document of a command that checks one card.
#[derive(Serialize)]
struct CheckDocument<'a> {
    card: CardId,
    checked: bool,
    account: Option<AccountView>,
    failure: Option<&'a Failure>,
    /// The summary of the recording, if one was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    recording: Option<serde_json::Value>,
}

/// Writes the recording's file after the check; its result becomes part of the document.
pub(crate) type FinishRecording<'a> =
    &'a dyn Fn(&Recorder) -> Result<serde_json::Value, CommandError>;

/// How to record a check.
pub(crate) struct Recording<'a> {
    /// Observes every request and response.
    pub(crate) recorder: Arc<Recorder>,
    /// Called after the check.
    pub(crate) finish: FinishRecording<'a>,
}

/// Prints the document of a command that didn't check its card.
pub(crate) fn show_unchecked(context: &Context, card: CardId) -> Outcome {
    context.output.print_document(&CheckDocument {
        card,
        checked: false,
        account: None,
        failure: None,
        recording: None,
    });
    Outcome::Done
}

/// Checks a card that the command has changed; skipping a paused card isn't a failure.
pub(crate) async fn check_changed_card(
    context: &Context,
    card: &Card,
    library: &Library,
) -> CommandResult {
    if card.active_pause(context.now()).is_some() {
        context
            .output
            .print_text("The card is paused, so we didn't check it. To check it again, resume it:");
        context
            .output
            .print_line(format!("  → {HIPPO} card resume {}", card.id));
        return Ok(show_unchecked(context, card.id));
    }
    check_card(context, card, library, None).await
}

/// Checks one card now and shows its account; a card that isn't checked is a failure.
pub(crate) async fn check_card(
    context: &Context,
    card: &Card,
    library: &Library,
    recording: Option<Recording<'_>>,
) -> CommandResult {
    if !context.output.json {
        print_to_stderr(format!("Logging in to {} …", clean(&library.name)));
    }
    let recorder = recording.as_ref().map(|it| Arc::clone(&it.recorder));
    match context.deployment.check_card(card, recorder).await? {
        CheckCardAnswer::Checked(check) => {
            let recording = recording
                .map(|recording| (recording.finish)(&recording.recorder))
                .transpose()?;
            show(context, card, library, &check, recording).await
        }
        CheckCardAnswer::LeftOut => {
            let record = context.store.card(card.id).await?;
            let reason = reason_not_checked(record.as_ref(), context.now());
            let (sentence, commands) = reason.explain(card.id);
            context
                .output
                .print_text(format!("Didn't check the card. {sentence}"));
            for command in commands {
                context.output.print_line(format!("  → {command}"));
            }
            show_unchecked(context, card.id);
            Ok(Outcome::SomeFailed)
        }
        CheckCardAnswer::Stopped => {
            context.output.print_text(format!(
                "The check was stopped. {}",
                after_interrupted_check()
            ));
            show_unchecked(context, card.id);
            Ok(Outcome::SomeFailed)
        }
        CheckCardAnswer::Queued => {
            context.output.print_text(
                format!("The card is waiting for its turn. The check goes on without this command; “{HIPPO} status” shows the \
                 result."),
            );
            Ok(show_unchecked(context, card.id))
        }
    }
}

async fn show(
    context: &Context,
    card: &Card,
    library: &Library,
    check: &Check,
    recording: Option<serde_json::Value>,
) -> CommandResult {
    let today = local_date(context.now(), library.timezone);
    let account = check.outcome.as_ref().ok();
    context.output.print_document(&CheckDocument {
        card: card.id,
        checked: true,
        account: account.map(|account| AccountView::from_account(account, today)),
        failure: check.outcome.as_ref().err(),
        recording,
    });
    match &check.outcome {
        Ok(account) => {
            show_account(context, account, library, today);
            ask_for_currency(context, account, library);
        }
        Err(failure) => {
            let until = backed_off_until(context, &card.library).await?;
            let problem = failure_problem(failure, card.id, &card.library, until.as_deref());
            context.output.print_indented("", &problem.what);
            if let Some(command) = &problem.what_to_do {
                context.output.print_text("We keep the card. What to do:");
                context.output.print_line(format!("  → {command}"));
            }
        }
    }
    Ok(Outcome::failed_if(account.is_none()))
}

/// The currency that the site names, or else the library's own.
fn currency_of<'a>(account: &'a Account, library: &'a Library) -> Option<&'a str> {
    let configured = library.options.get(CURRENCY_OPTION);
    account.currency.as_ref().or(configured).map(String::as_str)
}

/// Says how to name the currency of fines that the site shows without one.
fn ask_for_currency(context: &Context, account: &Account, library: &Library) {
    let has_fines = account.fines.is_some_and(|fines| !fines.is_zero());
    if has_fines && currency_of(account, library).is_none() {
        let output = &context.output;
        output.print_text(
            "The site doesn't name the currency of the fines, so the emails don't either. To name it, such as CAD:",
        );
        let id = &library.id;
        output.print_line(format!("  → {HIPPO} library edit {id} --currency CAD"));
    }
}

fn show_account(context: &Context, account: &Account, library: &Library, today: NaiveDate) {
    let view = AccountView::from_account(account, today);
    let mut parts = vec![match view.out {
        Some(out) => format!("{out} out"),
        None => "the pages don't list the loans".to_owned(),
    }];
    if let Some(due) = view.due_next {
        parts.push(format!("next due {}", day(due, today)));
    }
    if let Some(holds) = view.holds {
        parts.push(count(holds, "hold", "holds"));
        parts.push(format!("{} ready", view.ready.unwrap_or_default()));
    }
    if let Some(fines) = view.fines.filter(|fines| !fines.is_zero()) {
        let currency = currency_of(account, library);
        let currency = currency.map_or_else(String::new, |code| format!(" {code}"));
        parts.push(format!("fines {fines}{currency}"));
    }
    if let Some(expires) = view.card_expires.filter(|expires| *expires >= today) {
        parts.push(format!("card valid until {}", day(expires, today)));
    }
    context
        .output
        .print_text(format!("It worked: {}.", parts.join(", ")));
    if let Some(expired) = view.card_expires.filter(|expires| *expires < today) {
        context.output.print_text(format!(
            "The card expired on {}. Ask the library to renew it.",
            expired.format("%-d %B %Y")
        ));
    }
    let mut loans: Vec<&Loan> = account.loans.iter().flatten().collect();
    loans.sort_by_key(|loan| loan.due.unwrap_or(NaiveDate::MAX));
    let mut holds: Vec<&Hold> = account.holds.iter().flatten().collect();
    holds.sort_by_key(|hold| hold.state);
    let mut table = Table::headless([fixed(""), words("")]);
    for loan in loans.iter().take(MAX_ITEMS_SHOWN) {
        table.row([
            Cell::from(loan.due.map_or_else(
                || "no due date".to_owned(),
                |due| format!("due {}", day(due, today)),
            )),
            Cell::from(&loan.title),
        ]);
    }
    for hold in holds.iter().take(MAX_ITEMS_SHOWN) {
        table.row([Cell::from(hold_words(hold)), Cell::from(&hold.title)]);
    }
    if !loans.is_empty() || !holds.is_empty() {
        context.output.print_table(&table);
    }
    for (items, what) in [(loans.len(), "loans"), (holds.len(), "holds")] {
        if items > MAX_ITEMS_SHOWN {
            context
                .output
                .print_text(format!("  and {} more {what}", items - MAX_ITEMS_SHOWN));
        }
    }
    for message in &view.messages {
        context
            .output
            .print_text(format!("The library says: {message}"));
    }
}

fn hold_words(hold: &Hold) -> &'static str {
    match hold.state {
        HoldState::Ready => "ready",
        HoldState::InTransit => "in transit",
        HoldState::Waiting => "waiting",
        HoldState::Suspended => "suspended",
        HoldState::Other => "on hold",
    }
}
