//! One card, checked at once while the person is there.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};

use hippo_core::account::{Account, Hold, HoldState, Loan};
use hippo_core::card::{Card, CardRecord};
use hippo_core::check::Check;
use hippo_core::clock::{is_in_future, local_date};
use hippo_core::ids::CardId;
use hippo_core::jobs::StopRequest as _;
use hippo_core::jobs::check_cards::visit::pages::PageHealth;
use hippo_core::jobs::check_cards::visit::{
    LOGIN_IN_PROGRESS_LIMIT, Visit, VisitNews, VisitOptions, check_visit,
};
use hippo_core::library::Library;
use hippo_core::run::{Job, RunKey};
use hippo_recording::Recorder;
use serde::Serialize;
use uuid::Uuid;

use crate::aws::Stack;
use crate::commands::check_cards::AFTER_SECOND;
use crate::config::PERSON;
use crate::context::{Context, Place, Visiting};
use crate::exit::{CommandError, CommandResult, Outcome};
use crate::output::table::{Cell, Table, fixed, words};
use crate::output::time::day;
use crate::output::{count, note};
use crate::stop::Stop;
use crate::view::{AccountView, backing_off, failure_problem, record_command};

/// How many items of each kind are shown.
const SHOWN: usize = 12;

/// What became of a card that was changed and then checked.
#[derive(Serialize)]
struct Document<'a> {
    card: CardId,
    checked: bool,
    account: Option<AccountView>,
    failure: Option<&'a hippo_core::failure::Failure>,
    /// What a recording kept, where one was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    recording: Option<serde_json::Value>,
}

/// A check that is recorded: who sees it, and what makes a file of it and tells what is in that.
pub(crate) struct Recorded<'a> {
    /// Sees what is sent and answered.
    pub(crate) recorder: Arc<Recorder>,
    /// Called after the card was checked; its answer is part of the document.
    pub(crate) finish: &'a (dyn Fn(&Recorder) -> Result<serde_json::Value, CommandError> + Sync),
}

/// Says what a command did to a card that it did not check.
pub(crate) fn not_checked(context: &Context, card: CardId) -> Outcome {
    context.output.document(&Document {
        card,
        checked: false,
        account: None,
        failure: None,
        recording: None,
    });
    Outcome::Done
}

/// Checks one card at once and shows what it saw; a card that is not checked is a failure.
pub(crate) async fn check_alone(
    context: &Context,
    card: &Card,
    library: &Library,
) -> CommandResult {
    check_recorded(context, card, library, None).await
}

/// Checks a card that a command has changed; one that is paused is left out, and that is no failure.
pub(crate) async fn check_and_show(
    context: &Context,
    card: &Card,
    library: &Library,
) -> CommandResult {
    if card.paused {
        context.output.say(format!(
            "It is paused, so it is not checked. “hippo card pause {} --resume” lets it be checked again.",
            card.id
        ));
        return Ok(not_checked(context, card.id));
    }
    check_alone(context, card, library).await
}

/// As [`check_and_show`], recorded if so; that is for this machine only.
pub(crate) async fn check_recorded(
    context: &Context,
    card: &Card,
    library: &Library,
    recorded: Option<Recorded<'_>>,
) -> CommandResult {
    if !context.output.json {
        note(format!(
            "Logging in at {} …",
            hippo_core::text::clean(&library.name)
        ));
    }
    let answer = match &context.place {
        Place::Here(_) => {
            // A login that was begun is finished: its outcome must not be in doubt.
            let stop = Stop::listen("the check is being finished", AFTER_SECOND);
            let recorder = recorded
                .as_ref()
                .map(|recorded| Arc::clone(&recorded.recorder));
            tokio::select! {
                answer = check(context, card, recorder) => answer?,
                () = stop.grace_is_over() => Answer::Stopped,
            }
        }
        Place::Aws(stack) => check_on_stack(context, stack, card).await?,
    };
    match answer {
        Answer::Checked(check) => {
            let recording = recorded
                .map(|recorded| (recorded.finish)(&recorded.recorder))
                .transpose()?;
            show(context, card, library, &check, recording).await
        }
        Answer::NotChecked => {
            let record = context.store.card(card.id).await?;
            let reason = why_not_checked(record.as_ref(), card.id, context.now());
            context
                .output
                .say(format!("The card was not checked: {reason}"));
            not_checked(context, card.id);
            Ok(Outcome::SomeFailed)
        }
        Answer::Stopped => {
            context
                .output
                .say(format!("The check was stopped. {AFTER_SECOND}"));
            not_checked(context, card.id);
            Ok(Outcome::SomeFailed)
        }
        Answer::Queued => {
            context.output.say(
                "The card waits for its turn at the library; the check goes on without this command. “hippo \
                 status” shows what it finds.",
            );
            Ok(not_checked(context, card.id))
        }
    }
}

/// What became of a card that was to be checked at once.
enum Answer {
    Checked(Box<Check>),
    NotChecked,
    /// A person, or the system, stopped it.
    Stopped,
    /// It is not done yet, and nobody need wait for it.
    Queued,
}

impl Answer {
    fn checked(check: Check) -> Self {
        Self::Checked(Box::new(check))
    }
}

/// Why a visit leaves a card out before it asks the library; `None`: it does not.
fn left_out(record: &CardRecord, now: DateTime<Utc>) -> Option<String> {
    let card = &record.card;
    let state = &record.state.without_future(now);
    let id = card.id;
    if card.paused {
        return Some(format!(
            "it is paused. “hippo card pause {id} --resume” lets it be checked again."
        ));
    }
    if state.refused_since.is_some() {
        return Some(format!(
            "the library refused its number or PIN, and they are not sent again unless you say so: “hippo card set-pin \
             {id}” gives the right PIN, “hippo card retry {id}” tries the same once more."
        ));
    }
    let mark = state
        .login_mark
        .as_ref()
        .filter(|mark| now < mark.at + LOGIN_IN_PROGRESS_LIMIT)?;
    let has_ended = state
        .last_check
        .as_ref()
        .is_some_and(|last| last.started_at >= mark.at);
    Some(if has_ended {
        format!(
            "nothing tells whether the library took its last login, and it is not sent again by itself today. “{}” \
             sends it again and records what the library says, “hippo card retry {id}” only sends it.",
            record_command(id)
        )
    } else {
        "another check of it is under way, or broke off. “hippo status” shows what that finds; try again in two \
         minutes."
            .to_owned()
    })
}

/// Why a card was left out of a visit, as far as the store tells.
fn why_not_checked(record: Option<&CardRecord>, id: CardId, now: DateTime<Utc>) -> String {
    match record {
        None => "it was removed. “hippo card list” shows which there are.".to_owned(),
        Some(record) => left_out(record, now).unwrap_or_else(|| {
            format!(
                "it was changed while it waited for its turn. “hippo check-cards --card {id}” tries again."
            )
        }),
    }
}

/// A visit to this card alone.
fn visit_to(card: &Card, planned_at: DateTime<Utc>) -> Result<Visit, CommandError> {
    Ok(Visit {
        library: card.library.clone(),
        cards: vec![card.key()],
        planned_at,
        run: RunKey {
            job: Job::CheckCards,
            label: PERSON.parse()?,
            scheduled_time: planned_at,
        },
    })
}

async fn check(
    context: &Context,
    card: &Card,
    recorder: Option<Arc<Recorder>>,
) -> Result<Answer, CommandError> {
    let visiting = Visiting::recorded(context, recorder)?;
    let visit = visit_to(card, context.now())?;
    let options = VisitOptions {
        pace: visiting.pace(),
        deadline: None,
        stop: &|| false,
    };
    let found = Mutex::new(None);
    let pages = PageHealth::default();
    let keep = |news: VisitNews<'_>| {
        pages.hear(&news);
        if let VisitNews::Checked(checked) = news
            && let Ok(mut found) = found.lock()
        {
            *found = Some(checked.check.clone());
        }
    };
    check_visit(&visiting.ports(), &visit, options, &keep).await?;
    pages
        .end_page_changes(&*context.store, &*context.clock)
        .await;
    let found = found.into_inner().unwrap_or_default();
    Ok(found.map_or(Answer::NotChecked, Answer::checked))
}

/// How long a person waits for a check on AWS: a cold start and a slow library fit in.
const PATIENCE: Duration = Duration::from_secs(100);

/// Hands the visit out like any other, so that the library has one visitor at a time, and waits for what it
/// leaves in the table.
async fn check_on_stack(
    context: &Context,
    stack: &Stack,
    card: &Card,
) -> Result<Answer, CommandError> {
    let Some(before) = context.store.card(card.id).await? else {
        return Ok(Answer::NotChecked);
    };
    // A worker would leave it out without a word.
    if left_out(&before, context.now()).is_some() {
        return Ok(Answer::NotChecked);
    }
    let state = before.state.without_future(context.now());
    let last = state.last_check.map(|check| check.started_at);
    // A worker skips a card that was checked since the visit was planned; this machine's clock may be slow.
    let planned_at = last.map_or(context.now(), |last| {
        context.now().max(last + chrono::Duration::milliseconds(1))
    });
    stack.enqueue(visit_to(card, planned_at)?).await?;
    let waiting = tokio::time::timeout(PATIENCE, newer_check(context, card, last));
    match waiting.await {
        Ok(check) => Ok(check?.map_or(Answer::NotChecked, Answer::checked)),
        Err(_) => Ok(Answer::Queued),
    }
}

/// Waits until the table holds a check that began after `last`; `None`: the card is gone.
async fn newer_check(
    context: &Context,
    card: &Card,
    last: Option<DateTime<Utc>>,
) -> Result<Option<Check>, CommandError> {
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let Some(record) = context.store.card(card.id).await? else {
            return Ok(None);
        };
        let Some(check) = record.state.last_check.filter(|check| {
            Some(check.started_at) > last && !is_in_future(check.started_at, context.now())
        }) else {
            continue;
        };
        let outcome = match check.failure {
            Some(failure) => Err(failure),
            None => {
                let accounts = context.store.accounts_of(&card.family).await?;
                let account = accounts.into_iter().find(|(id, _)| *id == card.id);
                let Some((_, stored)) = account else {
                    continue;
                };
                Ok(stored.account)
            }
        };
        return Ok(Some(Check {
            id: Uuid::nil(),
            card: card.key(),
            library: card.library.clone(),
            started_at: check.started_at,
            finished_at: check.finished_at,
            outcome,
        }));
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
    context.output.document(&Document {
        card: card.id,
        checked: true,
        account: account.map(|account| AccountView::of(account, today)),
        failure: check.outcome.as_ref().err(),
        recording,
    });
    match &check.outcome {
        Ok(account) => show_account(context, account, today),
        Err(failure) => {
            let alone = backing_off(context, &card.library).await?;
            let problem = failure_problem(failure, card.id, &card.library, alone.as_deref());
            context.output.say_folded("", &problem.what);
            if let Some(what_to_do) = &problem.what_to_do {
                context.output.say("The card is kept. What to do:");
                context.output.say_whole(format!("  → {what_to_do}"));
            }
        }
    }
    Ok(Outcome::failed_if(account.is_none()))
}

fn show_account(context: &Context, account: &Account, today: chrono::NaiveDate) {
    let view = AccountView::of(account, today);
    let mut parts = vec![match view.out {
        Some(out) => format!("{out} out"),
        None => "what is out is not known".to_owned(),
    }];
    if let Some(due) = view.due_next {
        parts.push(format!("next due {}", day(due, today)));
    }
    if let Some(holds) = view.holds {
        parts.push(count(holds, "hold", "holds"));
        parts.push(format!("{} ready", view.ready.unwrap_or_default()));
    }
    if let Some(fines) = view.fines.filter(|fines| !fines.is_zero()) {
        parts.push(format!("fines {fines}"));
    }
    if let Some(expires) = view.card_expires.filter(|expires| *expires >= today) {
        parts.push(format!("card good until {}", day(expires, today)));
    }
    context
        .output
        .say(format!("It worked: {}.", parts.join(", ")));
    if let Some(expired) = view.card_expires.filter(|expires| *expires < today) {
        context.output.say(format!(
            "The card expired on {}; ask the library to renew it.",
            expired.format("%-d %B %Y")
        ));
    }
    let mut loans: Vec<&Loan> = account.loans.iter().flatten().collect();
    loans.sort_by_key(|loan| loan.due.unwrap_or(NaiveDate::MAX));
    let mut holds: Vec<&Hold> = account.holds.iter().flatten().collect();
    holds.sort_by_key(|hold| hold.state);
    let mut table = Table::headless([fixed(""), words("")]);
    for loan in loans.iter().take(SHOWN) {
        table.row([
            Cell::from(loan.due.map_or_else(
                || "no due date".to_owned(),
                |due| format!("due {}", day(due, today)),
            )),
            Cell::from(&loan.title),
        ]);
    }
    for hold in holds.iter().take(SHOWN) {
        table.row([Cell::from(hold_words(hold)), Cell::from(&hold.title)]);
    }
    if !loans.is_empty() || !holds.is_empty() {
        context.output.table(&table);
    }
    for (shown, what) in [(loans.len(), "loans"), (holds.len(), "holds")] {
        if shown > SHOWN {
            context
                .output
                .say(format!("  and {} more {what}", shown - SHOWN));
        }
    }
    for message in &view.messages {
        context.output.say(format!("The library says: {message}"));
    }
}

fn hold_words(hold: &Hold) -> &'static str {
    match hold.state {
        HoldState::Ready => "ready",
        HoldState::InTransit => "in transit",
        HoldState::Waiting => "waiting",
        HoldState::Suspended => "suspended",
        HoldState::Other => "asked for",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hippo_core::card::{CardState, Fingerprint, LastCheck, LoginMark};
    use hippo_core::failure::Failure;
    use rstest::rstest;

    fn record(state: CardState) -> CardRecord {
        CardRecord {
            card: Card {
                id: CardId::generate(),
                family: "conrad".parse().unwrap(),
                library: "wpl".parse().unwrap(),
                patron: "Pat".to_owned(),
                fingerprint: Fingerprint(String::new()),
                paused: false,
                created_at: now(),
            },
            state,
        }
    }

    fn now() -> DateTime<Utc> {
        "2026-11-21T12:00:00Z".parse().unwrap()
    }

    fn marked(minutes_ago: i64, is_checked: bool) -> CardState {
        let at = now() - chrono::Duration::minutes(minutes_ago);
        CardState {
            login_mark: Some(LoginMark {
                check: Uuid::nil(),
                at,
                day: at.date_naive(),
                is_settled: false,
            }),
            last_check: is_checked.then(|| LastCheck {
                started_at: at,
                finished_at: at,
                failure: Some(Failure::page_changed("x")),
            }),
            ..CardState::default()
        }
    }

    #[test]
    fn each_reason_for_which_a_card_is_left_out_is_the_true_one() {
        let mut paused = record(CardState::default());
        paused.card.paused = true;
        let refused = CardState {
            refused_since: Some(now()),
            ..CardState::default()
        };
        let why = |record: &CardRecord| why_not_checked(Some(record), record.card.id, now());
        assert!(why(&paused).contains("it is paused"));
        assert!(why(&record(refused)).contains("refused its number or PIN"));
        assert!(why(&record(marked(1, false))).contains("under way"));
        let in_doubt = why(&record(marked(1, true)));
        assert!(in_doubt.contains("--record session.har"), "{in_doubt}");
        assert!(!in_doubt.contains("under way"), "{in_doubt}");
        assert!(why(&record(CardState::default())).contains("changed"));
        assert!(why_not_checked(None, CardId::generate(), now()).contains("removed"));
    }

    #[rstest]
    #[case(1, true)]
    #[case(4, false)]
    fn a_login_that_was_begun_a_while_ago_keeps_no_visit_from_saying_so(
        #[case] minutes_ago: i64,
        #[case] is_left_out: bool,
    ) {
        let record = record(marked(minutes_ago, false));
        assert_eq!(left_out(&record, now()).is_some(), is_left_out);
    }
}
