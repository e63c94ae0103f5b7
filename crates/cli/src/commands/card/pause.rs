//! `hippo card pause`: leaves a card out of the checks, until a day or until a person resumes it.

use chrono::NaiveDate;
use clap::Args;
use hippo_core::audit::Change;
use hippo_core::card::CardPause;
use hippo_core::clock::local_date;
use hippo_core::ids::CardId;
use hippo_core::notice::phrases::card_pause;
use hippo_core::schedule::change_pause::read_reason;
use serde::Serialize;

use crate::audit::record_change;
use crate::context::Context;
use crate::exit::{CommandError, CommandResult, Outcome};
use crate::values::{CardName, card_name, date};

/// Pause a card: leave it out of the checks.
///
/// The family's email only says that it's paused, and why.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hippo card pause 01KAK3V6ZB9V0S7YQJ4M2N8R5T
  hippo card pause 01KAK3V6ZB9V0S7YQJ4M2N8R5T \\
      --until 2027-01-03 --why \"Lost; the new one comes in January\"

To end it: “hippo card resume”.")]
pub(crate) struct Pause {
    /// The card: its id, or its last four characters or more.
    #[arg(value_parser = card_name, value_name = "ID")]
    id: CardName,
    /// The first day with checks again, in the family's time zone. By default it stays paused until
    /// you resume it.
    #[arg(long, value_name = "DATE", value_parser = date)]
    until: Option<NaiveDate>,
    /// Why. The family's email and page show it.
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
}

/// Resume a paused card.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  hippo card resume 01KAK3V6ZB9V0S7YQJ4M2N8R5T")]
pub(crate) struct Resume {
    /// The card: its id, or its last four characters or more.
    #[arg(value_parser = card_name, value_name = "ID")]
    id: CardName,
}

#[derive(Debug, Serialize)]
struct PauseDocument {
    card: String,
    /// `None`: it isn't paused.
    pause: Option<CardPause>,
}

/// Pauses a card.
pub(super) async fn pause_card(context: &Context, args: Pause) -> CommandResult {
    let card = context.card(&args.id).await?.card;
    let timezone = context.family(&card.family).await?.timezone;
    let now = context.now();
    let today = local_date(now, timezone);
    let why = args.why.as_deref().map(read_reason).transpose();
    let why = why.map_err(|error| CommandError::usage(error.to_string()))?;
    let pause = CardPause::new(args.until, why.flatten(), timezone, now);
    let pause = pause.map_err(|_| {
        CommandError::usage(format!(
            "--until must be after today, {today}, and within two years. Leave it out to pause the card until \
             somebody resumes it."
        ))
    })?;
    context.store.set_pause(card.id, Some(&pause)).await?;
    let change = Change::CardPaused { card: card.id };
    record_change(context, Some(&card.family), change).await;
    context.output.print_text(format!(
        "The card {} is {}.",
        card.id,
        card_pause(&pause, today)
    ));
    print_pause(context, card.id, Some(pause));
    Ok(Outcome::Done)
}

/// Resumes a card.
pub(super) async fn resume_card(context: &Context, args: Resume) -> CommandResult {
    let card = context.card(&args.id).await?.card;
    if card.pause.is_none() {
        context.output.print_text(format!(
            "The card {} isn't paused. Nothing was changed.",
            card.id
        ));
        print_pause(context, card.id, None);
        return Ok(Outcome::Done);
    }
    context.store.set_pause(card.id, None).await?;
    let change = Change::CardResumed { card: card.id };
    record_change(context, Some(&card.family), change).await;
    context
        .output
        .print_text(format!("Resumed the card {}.", card.id));
    print_pause(context, card.id, None);
    Ok(Outcome::Done)
}

fn print_pause(context: &Context, card: CardId, pause: Option<CardPause>) {
    context.output.print_document(&PauseDocument {
        card: card.to_string(),
        pause,
    });
}
