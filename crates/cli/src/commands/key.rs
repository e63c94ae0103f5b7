//! `hippo key`: the key that seals numbers and PINs.

use chrono::{DateTime, TimeDelta, Utc};
use clap::{Args, Subcommand};
use hippo_core::ids::CardId;
use hippo_core::seal::PrivateKeys;
use serde::Serialize;

use crate::context::{Context, Globals};
use crate::exit::{CommandError, CommandResult, Outcome};
use crate::output::count;
use crate::output::progress::ProgressBar;
use crate::output::time::moment;
use crate::sealing::{Resealed, reseal};
use crate::suggested::HIPPO;

/// How long a rotation keeps the old key; processes that still seal with it are done by then.
const OLD_KEY_RETENTION: TimeDelta = TimeDelta::hours(1);

/// The subcommands of `hippo key`.
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  hippo key rotate")]
pub(crate) enum Command {
    Rotate(Rotate),
}

/// Replace the key pair and seal every number and PIN to the new one.
///
/// Run it again an hour later to forget the old key. You can interrupt it at any point: nothing is
/// lost, and the next run continues.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  hippo key rotate
  hippo key rotate      # an hour later: forgets the old key

Older backups need the old private key. Keep a copy of both, or make a new backup.")]
pub(crate) struct Rotate {}

#[derive(Serialize)]
struct KeyRotationDocument {
    key: String,
    resealed: usize,
    /// Cards whose envelope couldn't be opened.
    unopened: Vec<CardId>,
    forgot_old_key: bool,
    /// When another run may forget the old key.
    #[serde(skip_serializing_if = "Option::is_none")]
    forget_from: Option<DateTime<Utc>>,
}

/// Runs the subcommand.
pub(crate) async fn run(command: Command, globals: &Globals) -> CommandResult {
    let Command::Rotate(Rotate {}) = command;
    rotate(&globals.open().await?).await
}

async fn rotate(context: &Context) -> CommandResult {
    // No other process on this machine may seal to the old key in the meantime.
    let _lock = context.deployment.lock_secrets()?;
    let now = context.now();
    let keys = begin_or_continue(context, now).await?;
    let resealed = reseal_all(context, &keys).await?;
    let forget_from = keys.rotated_at().unwrap_or(now) + OLD_KEY_RETENTION;
    let forgets = !resealed.needs_old_key && now >= forget_from;
    if forgets {
        let current_only = keys.with_current_key_only();
        context.keys.replace_private_keys(&current_only).await?;
    }
    context.output.print_document(&KeyRotationDocument {
        key: keys.current().to_string(),
        resealed: resealed.resealed,
        unopened: resealed.unopened.keys().copied().collect(),
        forgot_old_key: forgets,
        forget_from: (!forgets).then_some(forget_from),
    });
    print_result(context, &resealed, forgets, forget_from);
    Ok(Outcome::failed_if(!resealed.unopened.is_empty()))
}

/// Continues a rotation that has started, or begins a new one.
async fn begin_or_continue(
    context: &Context,
    now: DateTime<Utc>,
) -> Result<PrivateKeys, CommandError> {
    let present = context.keys.private_keys().await?;
    let keys = if present.keys().len() == 1 {
        present.with_new_key(now)?
    } else {
        match context.keys.public_key().await {
            Ok(public) if public == *present.public_key() => return Ok(present),
            // It was interrupted before writers could see the new key, so its hour starts now.
            _ => present.rotated_at_instead(now),
        }
    };
    // Readers must have the new key before anyone seals to it.
    context.keys.replace_private_keys(&keys).await?;
    context.keys.write_public_key(keys.public_key()).await?;
    Ok(keys)
}

/// Reseals all cards to the current key, until a round finds nothing left to do.
async fn reseal_all(context: &Context, keys: &PrivateKeys) -> Result<Resealed, CommandError> {
    let mut total = Resealed::default();
    loop {
        let round = reseal_once(context, keys).await?;
        let is_last = round.resealed == 0;
        total.merge_later_round(round);
        if is_last {
            return Ok(total);
        }
    }
}

async fn reseal_once(context: &Context, keys: &PrivateKeys) -> Result<Resealed, CommandError> {
    let progress = ProgressBar::new("cards");
    let libraries = context.libraries().await?;
    let cards = context.store.cards_with_secrets().await?;
    progress.set_total(cards.len());
    let mut resealed = Resealed::default();
    for id in cards {
        if let Some(record) = context.store.card(id).await?
            && let Some(library) = libraries.get(&record.card.library)
        {
            let entries = (library, library);
            reseal(context, keys, &record.card, entries, &mut resealed).await?;
        }
        progress.increment();
    }
    Ok(resealed)
}

fn print_result(context: &Context, resealed: &Resealed, forgets: bool, forget_from: DateTime<Utc>) {
    let output = &context.output;
    let sealed = count(resealed.resealed, "card", "cards");
    output.print_text(format!("Sealed {sealed} to the new key."));
    resealed.print_unopened(context);
    if resealed.needs_old_key {
        output.print_text(format!(
            "We keep the old key until you fix these. Then run “{HIPPO} key rotate” again."
        ));
        return;
    }
    if !forgets {
        let from = moment(forget_from, context.now(), context.zone());
        output.print_text(format!(
            "We keep the old key for an hour. Run “{HIPPO} key rotate” again after {from} to forget it."
        ));
        return;
    }
    output.print_text(format!(
        "Forgot the old key. {}",
        context.deployment.old_key_advice()
    ));
}
