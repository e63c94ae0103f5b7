//! `hippo check-cards`: logs in with every card and stores its account.

mod dry_run;

use chrono::NaiveDate;
use clap::Args;
use hippo_core::clock::local_date;
use hippo_core::failure::Failure;
use hippo_core::ids::{CardId, FamilyId, LibraryId};
use hippo_core::jobs::check_cards::CheckCardsInput;
use hippo_core::jobs::check_cards::visit::CheckedCard;
use hippo_core::run::{JobName, Run, RunKey, RunOutcome};
use hippo_core::schedule::Schedule;
use hippo_core::store::Scope;
use serde::Serialize;

use crate::card_problem::backed_off_until;
use crate::card_view::{AccountView, unknown_cells};
use crate::commands::enqueued_run::follow_run;
use crate::context::{Context, Globals};
use crate::deployment::{CheckCardsAnswer, CheckCardsRequest, RunRequest};
use crate::exit::{CommandError, CommandResult, Outcome};
use crate::left_out::{self, LeftOut, REMOVED_CARD, left_out, reason_words};
use crate::not_started::show_not_started;
use crate::output::count;
use crate::output::table::{Cell, Table, Tone, fixed, numbers, words};
use crate::output::time::duration;
use crate::problem::{check_failed_command, failure_problem};
use crate::start_options::{StartOptions, read_checked_input};
use crate::suggested::HIPPO;
use crate::values::one_of;

/// Check every card: log in and remember what the library says.
///
/// Leaves out cards that are paused, or whose PIN the library rejected.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "\
Examples:
  hippo check-cards
  hippo check-cards --scope failed --library wpl
  hippo check-cards --dry-run      # shows which cards it would check
  hippo check-cards --label failed    # once for each time of that schedule

To check a single card: hippo card check ID

Ctrl-C finishes the cards in progress, which takes a few seconds. Everything saved so far stays.

On AWS, it shows the progress of the stack's functions until they are done. Ctrl-C only stops watching.

Exit code 1: a card could not be checked, or the run was interrupted.")]
pub(crate) struct CheckCards {
    /// Only this family's cards.
    #[arg(long)]
    pub(crate) family: Option<FamilyId>,
    /// Only this library's cards.
    #[arg(long)]
    pub(crate) library: Option<LibraryId>,
    /// All cards, or those whose last check failed or that were never checked. By default all.
    #[arg(long, value_parser = one_of(&Scope::INPUTS, Scope::as_str))]
    pub(crate) scope: Option<Scope>,
    /// How many libraries to visit at a time. By default as configured.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) concurrency: Option<u16>,
    /// Show which cards would be checked, without logging in. Saves nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) start: StartOptions,
    /// No delay between cards: for libraries of your own on this machine.
    #[arg(long, hide = true)]
    pub(crate) no_delay: bool,
    /// Only this card, as the input of a run has it.
    #[arg(skip)]
    pub(crate) card: Option<CardId>,
}

/// The result of one card.
#[derive(Serialize)]
struct CheckedView {
    card: CardId,
    family: FamilyId,
    library: LibraryId,
    patron: String,
    account: Option<AccountView>,
    failure: Option<Failure>,
}

#[derive(Serialize)]
struct CheckRunDocument<'a> {
    run: &'a Run,
    cards: &'a [CheckedView],
    /// Requested cards that weren't checked, with the reason.
    left_out: &'a [LeftOut],
}

#[derive(Serialize)]
struct EnqueuedVisitsDocument<'a> {
    run: String,
    cards: u64,
    visits: u64,
    left_out: &'a [LeftOut],
}

/// Checks the requested cards.
pub(crate) async fn run(args: CheckCards, globals: &Globals) -> CommandResult {
    check_cards(&globals.open().await?, args).await
}

/// Checks the requested cards, with an open context.
pub(crate) async fn check_cards(context: &Context, args: CheckCards) -> CommandResult {
    let deployment = &*context.deployment;
    let schedule = args
        .start
        .find_schedule(JobName::CHECK_CARDS, deployment)
        .await?;
    let input = choose_input(&args, schedule)?;
    let is_checked = !args.start.records_mistakes(args.dry_run);
    if let Some(family) = input.family.as_ref().filter(|_| is_checked) {
        context.family(family).await?;
    }
    if let Some(library) = input.library.as_ref().filter(|_| is_checked) {
        context.library(library).await?;
    }
    if args.dry_run {
        return dry_run::dry_run(context, &input).await;
    }
    let key = args.start.run_key(
        JobName::CHECK_CARDS,
        input.scope.as_str(),
        &*context.deployment,
        context.now(),
    )?;
    let request = CheckCardsRequest {
        run: RunRequest {
            key,
            started_by: args.start.started_by(),
            input,
        },
        concurrency: args.concurrency,
        no_delay: args.no_delay,
    };
    match context.deployment.check_cards(request).await? {
        CheckCardsAnswer::Done {
            run,
            checked,
            made_up_for,
        } => show_done(context, &args, &run, &checked, made_up_for).await,
        CheckCardsAnswer::Enqueued { run, cards, visits } => {
            show_enqueued(context, &args, &run, cards, visits).await
        }
        CheckCardsAnswer::NotStarted(reason) => {
            show_not_started(context, &args.start, &reason).await
        }
    }
}

/// Returns the input that the options give, or else the one that the label's schedule declares.
fn choose_input(
    args: &CheckCards,
    schedule: Option<Schedule>,
) -> Result<CheckCardsInput, CommandError> {
    let is_given = args.scope.is_some()
        || args.family.is_some()
        || args.library.is_some()
        || args.card.is_some();
    match schedule {
        Some(schedule) if !is_given => read_checked_input(schedule.input),
        _ => Ok(CheckCardsInput {
            scope: args.scope.unwrap_or_default(),
            family: args.family.clone(),
            library: args.library.clone(),
            card: args.card,
        }),
    }
}

async fn show_enqueued(
    context: &Context,
    args: &CheckCards,
    run: &RunKey,
    cards: u64,
    visits: u64,
) -> CommandResult {
    let is_waiting = !args.start.no_wait && cards > 0;
    if is_waiting {
        if !args.start.is_quiet() {
            context.output.print_text(format!(
                "Checking {} in {}.",
                count(to_usize(cards), "card", "cards"),
                count(to_usize(visits), "visit", "visits"),
            ));
        }
        return follow_run(context, &args.start, run).await;
    }
    let left_out = left_out(context, &context.store.work_items(run).await?).await?;
    context.output.print_document(&EnqueuedVisitsDocument {
        run: run.to_string(),
        cards,
        visits,
        left_out: &left_out,
    });
    if args.start.is_quiet() {
        return Ok(Outcome::Done);
    }
    context.output.print_text(if cards == 0 {
        "There is no card to check.".to_owned()
    } else {
        format!(
            "Checking {} in {}. This goes on without the command; “{HIPPO} runs show {run}” shows the results.",
            count(to_usize(cards), "card", "cards"),
            count(to_usize(visits), "visit", "visits"),
        )
    });
    if let Some(sentence) = left_out::sentence(&left_out) {
        context.output.print_text(sentence);
    }
    Ok(Outcome::Done)
}

fn to_usize(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn checked_view(context: &Context, card: &CheckedCard) -> CheckedView {
    let today = local_date(context.now(), context.zone());
    let outcome = &card.check.outcome;
    CheckedView {
        card: card.card.id,
        family: card.card.family.clone(),
        library: card.card.library.clone(),
        patron: card.card.patron.clone(),
        account: outcome
            .as_ref()
            .ok()
            .map(|account| AccountView::from_account(account, today)),
        failure: outcome.as_ref().err().cloned(),
    }
}

async fn show_done(
    context: &Context,
    args: &CheckCards,
    run: &Run,
    checked: &[CheckedCard],
    made_up_for: usize,
) -> CommandResult {
    let mut checked: Vec<CheckedView> = checked
        .iter()
        .map(|card| checked_view(context, card))
        .collect();
    checked.sort_by(|a, b| {
        (&a.family, &a.patron, &a.library).cmp(&(&b.family, &b.patron, &b.library))
    });
    let left_out = left_out(context, &context.store.work_items(&run.key).await?).await?;
    context.output.print_document(&CheckRunDocument {
        run,
        cards: &checked,
        left_out: &left_out,
    });
    let outcome =
        Outcome::failed_if(run.counts.failures() > 0 || run.outcome == RunOutcome::Interrupted);
    if context.output.json || (args.start.is_quiet() && outcome == Outcome::Done) {
        return Ok(outcome);
    }
    let today = local_date(context.now(), context.zone());
    if !checked.is_empty() || !left_out.is_empty() {
        context
            .output
            .print_table(&build_table(&checked, &left_out, today));
    }
    for card in &checked {
        if let Some(failure) = &card.failure {
            let until = backed_off_until(context, &card.library).await?;
            let problem = failure_problem(failure, card.card, &card.library, until.as_deref());
            let words = format!("{} at {}: {}", card.patron, card.library, problem.what);
            context.output.print_indented("", &words);
            if let Some(command) = problem
                .what_to_do
                .filter(|command| *command != check_failed_command())
            {
                context.output.print_line(format!("  → {command}"));
            }
        }
    }
    context.output.print_text(summary(context, run));
    if let Some(sentence) = left_out::sentence(&left_out) {
        context.output.print_text(sentence);
    }
    if made_up_for > 0 {
        context.output.print_text(format!(
            "Before it, we caught up on {}. “{HIPPO} runs” shows {}.",
            count(made_up_for, "missed run", "missed runs"),
            if made_up_for == 1 { "it" } else { "them" },
        ));
    }
    Ok(outcome)
}

fn build_table(checked: &[CheckedView], left_out: &[LeftOut], today: NaiveDate) -> Table {
    let mut table = Table::new([
        words("FAMILY"),
        words("PATRON"),
        words("LIBRARY"),
        numbers("OUT"),
        fixed("DUE NEXT"),
        numbers("READY"),
        fixed("OUTCOME"),
    ]);
    for card in checked {
        let [out, due, ready] = card
            .account
            .as_ref()
            .map_or_else(unknown_cells, |account| account.cells(today));
        let outcome = match &card.failure {
            None => Cell::new("ok", Tone::Good),
            Some(failure) => Cell::new(failure.kind.as_str(), Tone::Bad),
        };
        table.row([
            card.family.as_str().into(),
            card.patron.as_str().into(),
            card.library.as_str().into(),
            out,
            due,
            ready,
            outcome,
        ]);
    }
    for card in left_out {
        let nothing = || Cell::new("–", Tone::Faint);
        table.row([
            card.family.as_str().into(),
            card.patron.as_deref().unwrap_or(REMOVED_CARD).into(),
            card.library.as_str().into(),
            nothing(),
            nothing(),
            nothing(),
            Cell::new(
                format!("skipped: {}", reason_words(card.reason)),
                Tone::Faint,
            ),
        ]);
    }
    table
}

fn summary(context: &Context, run: &Run) -> String {
    let counts = &run.counts;
    if counts.planned == 0 {
        return "There is no card to check.".to_owned();
    }
    let planned = count(to_usize(counts.planned.into()), "card", "cards");
    let took = duration(run.duration(context.now()));
    let tried = counts.done + counts.failures();
    let interrupted = if run.outcome == RunOutcome::Interrupted && tried < counts.planned {
        " The run was interrupted, so the rest wasn't checked."
    } else {
        ""
    };
    let failed = match counts.failures() {
        0 => String::new(),
        failures => format!("; {failures} failed"),
    };
    // What was left out has a sentence of its own.
    format!(
        "Checked {} of {planned} in {took}{failed}.{interrupted}",
        counts.done
    )
}
