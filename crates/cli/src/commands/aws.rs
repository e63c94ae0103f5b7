//! `hippo aws`: what only a stack on AWS has.

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::aws::{ReplayOutcome, Replayed};
use crate::context::Globals;
use crate::exit::{CommandResult, Outcome};
use crate::output::count;
use crate::output::table::{Cell, Table, Tone, fixed, words};

/// What to do with the stack.
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  hippo aws replay-dead-letters --dry-run")]
pub(crate) enum Command {
    ReplayDeadLetters(ReplayDeadLetters),
}

/// Put back what was tried as often as the stack allows, and failed.
///
/// Visits and notices go to their queues again, what a schedule could not start is started. Do it when what
/// made them fail is mended: the functions' logs say what that was. Twice does no harm: a visit skips the cards
/// that were checked since, and a notice is sent once.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hippo aws replay-dead-letters --dry-run    # only look
  hippo aws replay-dead-letters

Exit code 1: some are dead letters still.")]
pub(crate) struct ReplayDeadLetters {
    /// Only say what there is.
    #[arg(long)]
    dry_run: bool,
    /// Throw away what is no message of LibraryHippo's.
    #[arg(long)]
    discard_unreadable: bool,
}

#[derive(Serialize)]
struct Document {
    dead_letters: Vec<Replayed>,
    /// How many more SQS hides behind those that stay, about.
    behind: usize,
}

/// Does what is asked.
pub(crate) async fn run(command: Command, globals: &Globals) -> CommandResult {
    let Command::ReplayDeadLetters(asked) = command;
    let stack = globals.open_stack().await?;
    let mut letters = Vec::new();
    let each = &mut |letter: Replayed| letters.push(letter);
    let result = stack
        .replay_dead_letters(asked.dry_run, asked.discard_unreadable, each)
        .await;
    // What was done before it failed is said too.
    let outcome = show(globals, &letters);
    let behind = result.as_ref().copied().unwrap_or_default();
    if behind > 0 {
        globals.output.say(format!(
            "About {} behind these: SQS shows ten dead letters of a library at a time.",
            count(behind, "more is", "more are")
        ));
    }
    globals.output.document(&Document {
        dead_letters: letters,
        behind,
    });
    result.map(|_| outcome)
}

fn show(globals: &Globals, letters: &[Replayed]) -> Outcome {
    if letters.is_empty() {
        globals.output.say("There is no dead letter.");
        return Outcome::Done;
    }
    let mut table = Table::new([fixed("QUEUE"), words("WHAT"), fixed("NOW"), words("WHY")]);
    for letter in letters {
        table.row([
            letter.queue.to_string().into(),
            letter.what.as_str().into(),
            fate_cell(letter.fate),
            letter.reason.as_deref().unwrap_or_default().into(),
        ]);
    }
    globals.output.table(&table);
    let is = |fate| letters.iter().any(|letter| letter.fate == fate);
    if is(ReplayOutcome::Unreadable) {
        globals.output.say(
            "What is no message of LibraryHippo's stays until “hippo aws replay-dead-letters \
             --discard-unreadable” throws it away.",
        );
    }
    if is(ReplayOutcome::DeadAgain) {
        globals
            .output
            .say("What died again needs more than a replay: see the logs of its function.");
    }
    Outcome::failed_if(
        is(ReplayOutcome::Failed) || is(ReplayOutcome::DeadAgain) || is(ReplayOutcome::Unreadable),
    )
}

fn fate_cell(fate: ReplayOutcome) -> Cell {
    let (words, tone) = match fate {
        ReplayOutcome::Replayed => ("replayed", Tone::Good),
        ReplayOutcome::Waiting => ("waiting", Tone::Plain),
        ReplayOutcome::Discarded => ("thrown away", Tone::Faint),
        ReplayOutcome::DeadAgain => ("died again", Tone::Bad),
        ReplayOutcome::Unreadable => ("unreadable", Tone::Warning),
        ReplayOutcome::Failed => ("not replayed", Tone::Bad),
    };
    Cell::new(words, tone)
}
