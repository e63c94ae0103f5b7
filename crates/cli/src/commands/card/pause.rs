//! `hippo card pause`: leaves a card out of the checks, until a day or until a person resumes it.

use chrono::NaiveDate;
use clap::Args;
use hippo_core::audit::Change;
use hippo_core::card::CardPause;
use hippo_core::clock::local_date;
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
  hippo card pause 01KAK3V6ZB9V0S7YQJ4M2N8R5T --resume")]
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
    /// Resume it.
    #[arg(long, conflicts_with_all = ["until", "why"])]
    resume: bool,
}

#[derive(Debug, Serialize)]
struct PauseDocument {
    card: String,
    /// `None`: it was resumed.
    pause: Option<CardPause>,
}

/// Pauses or resumes a card.
pub(super) async fn pause_card(context: &Context, args: Pause) -> CommandResult {
    let card = context.card(&args.id).await?.card;
    let timezone = context.family(&card.family).await?.timezone;
    let now = context.now();
    let today = local_date(now, timezone);
    let pause = if args.resume {
        None
    } else {
        let why = args.why.as_deref().map(read_reason).transpose();
        let why = why.map_err(|error| CommandError::usage(error.to_string()))?;
        let pause = CardPause::new(args.until, why.flatten(), timezone, now);
        Some(pause.map_err(|_| {
            CommandError::usage(format!(
                "--until must be after today, {today}, and within two years. Leave it out to pause the card until \
                 somebody resumes it."
            ))
        })?)
    };
    context.store.set_pause(card.id, pause.as_ref()).await?;
    let id = card.id;
    let change = match pause {
        Some(_) => Change::CardPaused { card: id },
        None => Change::CardResumed { card: id },
    };
    record_change(context, Some(&card.family), change).await;
    context.output.print_text(match &pause {
        None => format!("Resumed the card {id}."),
        Some(pause) => format!("The card {id} is {}.", card_pause(pause, today)),
    });
    context.output.print_document(&PauseDocument {
        card: id.to_string(),
        pause,
    });
    Ok(Outcome::Done)
}
