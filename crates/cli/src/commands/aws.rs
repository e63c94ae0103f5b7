//! `hippo aws`: commands that only a stack on AWS needs.

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::context::Globals;
use crate::deployment::aws::{LetterReport, ReplayOutcome};
use crate::exit::{CommandResult, Outcome};
use crate::output::count;
use crate::output::table::{Cell, Table, Tone, fixed, sentences};

/// The subcommands of `hippo aws`.
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  hippo aws replay-dead-letters --dry-run")]
pub(crate) enum Command {
    ReplayDeadLetters(ReplayDeadLetters),
}

/// Retry what failed too often: the messages in the dead-letter queues.
///
/// Visits and notices go back to their queues; runs that a schedule couldn't start are started. Fix the
/// cause first: the functions' logs name it. It's safe to do it twice: a visit skips cards that were
/// checked since, and a notice is sent once.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hippo aws replay-dead-letters --dry-run    # only look
  hippo aws replay-dead-letters

Exit code 1: some are still dead letters.")]
pub(crate) struct ReplayDeadLetters {
    /// Only show what there is.
    #[arg(long)]
    dry_run: bool,
    /// Discard messages that aren't LibraryHippo's.
    #[arg(long)]
    discard_unreadable: bool,
}

#[derive(Serialize)]
struct ReplayDocument {
    dead_letters: Vec<LetterReport>,
    /// About how many more SQS hides behind those that stay.
    behind: usize,
}

/// Runs the subcommand.
pub(crate) async fn run(command: Command, globals: &Globals) -> CommandResult {
    let Command::ReplayDeadLetters(args) = command;
    let stack = globals.open_stack().await?;
    let mut letters = Vec::new();
    let report_letter = &mut |letter: LetterReport| letters.push(letter);
    let result = stack
        .replay_dead_letters(args.dry_run, args.discard_unreadable, report_letter)
        .await;
    // The letters that were replayed before an error are shown too.
    let outcome = show(globals, &letters);
    let behind = result.as_ref().copied().unwrap_or_default();
    if behind > 0 {
        globals.output.print_text(format!(
            "About {} behind these: SQS shows ten dead letters per library at a time.",
            count(behind, "more is", "more are")
        ));
    }
    globals.output.print_document(&ReplayDocument {
        dead_letters: letters,
        behind,
    });
    result.map(|_| outcome)
}

fn show(globals: &Globals, letters: &[LetterReport]) -> Outcome {
    if letters.is_empty() {
        globals.output.print_text("There are no dead letters.");
        return Outcome::Done;
    }
    let mut table = Table::new([
        fixed("QUEUE"),
        sentences("DESCRIPTION"),
        fixed("NOW"),
        sentences("WHY"),
    ]);
    for letter in letters {
        table.row([
            letter.queue.to_string().into(),
            letter.description.as_str().into(),
            outcome_cell(letter.outcome),
            letter.reason.as_deref().unwrap_or_default().into(),
        ]);
    }
    globals.output.print_table(&table);
    let is = |outcome| letters.iter().any(|letter| letter.outcome == outcome);
    if is(ReplayOutcome::Unreadable) {
        globals.output.print_text(
            "Messages that aren't LibraryHippo's stay until you discard them: “hippo aws replay-dead-letters \
             --discard-unreadable”.",
        );
    }
    if is(ReplayOutcome::DeadAgain) {
        globals
            .output
            .print_text("What failed again needs more than a replay: see the function's logs.");
    }
    Outcome::failed_if(
        is(ReplayOutcome::Failed) || is(ReplayOutcome::DeadAgain) || is(ReplayOutcome::Unreadable),
    )
}

fn outcome_cell(outcome: ReplayOutcome) -> Cell {
    let (words, tone) = match outcome {
        ReplayOutcome::Replayed => ("replayed", Tone::Good),
        ReplayOutcome::Waiting => ("waiting", Tone::Plain),
        ReplayOutcome::Discarded => ("discarded", Tone::Faint),
        ReplayOutcome::DeadAgain => ("failed again", Tone::Bad),
        ReplayOutcome::Unreadable => ("unreadable", Tone::Warning),
        ReplayOutcome::Failed => ("not replayed", Tone::Bad),
    };
    Cell::new(words, tone)
}
