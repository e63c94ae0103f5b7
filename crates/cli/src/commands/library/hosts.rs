//! Changes a library's hosts, and reseals the PINs of its cards.

use hippo_core::card::Card;
use hippo_core::ids::{CardId, LibraryId};
use hippo_core::library::Library;
use hippo_core::seal::{LoginOrigins, PrivateKeys};
use serde::Serialize;

use crate::ask::confirm;
use crate::context::Context;
use crate::exit::{CommandError, CommandResult, Outcome};
use crate::output::count;
use crate::sealing::{Resealed, reseal};
use crate::suggested::HIPPO;

#[derive(Serialize)]
struct ChangedLibraryDocument<'a> {
    #[serde(flatten)]
    library: &'a Library,
    /// The origins that get PINs from now on.
    login_origins: String,
    resealed: usize,
    /// Cards whose PIN must be set again.
    unopened: Vec<CardId>,
}

/// Replaces a library's entry with one that has other hosts.
///
/// The envelopes are resealed first. After an interruption, each is sealed for one of the two
/// entries, and the same command handles both.
pub(super) async fn move_hosts(
    context: &Context,
    before: &Library,
    after: &Library,
    yes: bool,
) -> CommandResult {
    let origins = LoginOrigins::from_library(after);
    let cards = load_cards(context, &after.id).await?;
    let mut resealed = Resealed::default();
    // No other process on this machine may add a card for the old hosts in the meantime.
    let mut lock = None;
    if cards.is_empty() {
        context.store.update_library(after).await?;
    } else {
        context.output.print_message(format!(
            "We'll send the PINs of {} at {} to {origins}, no longer to {}.",
            count(cards.len(), "card", "cards"),
            after.id,
            LoginOrigins::from_library(before)
        ));
        if !confirm("Are these the library's hosts?", yes)? {
            context.output.print_text("Nothing was changed.");
            return Ok(Outcome::Done);
        }
        lock = context.deployment.lock_secrets()?;
        let keys = context.keys.private_keys().await?;
        resealed = reseal_cards(context, &keys, before, after).await?;
        context.store.update_library(after).await?;
        // Without a lock, a card may have been added for the old hosts since.
        resealed.merge_later_round(reseal_cards(context, &keys, before, after).await?);
    }
    drop(lock);
    context.output.print_document(&ChangedLibraryDocument {
        library: after,
        login_origins: origins.to_string(),
        resealed: resealed.resealed,
        unopened: resealed.unopened.keys().copied().collect(),
    });
    let id = &after.id;
    context.output.print_text(format!(
        "Changed the library {id}. We send its PINs to {origins}, and sealed {} again. “{HIPPO} check-cards --library \
         {id}” checks its cards.",
        count(resealed.resealed, "card", "cards")
    ));
    resealed.print_unopened(context);
    Ok(Outcome::failed_if(!resealed.unopened.is_empty()))
}

async fn reseal_cards(
    context: &Context,
    keys: &PrivateKeys,
    before: &Library,
    after: &Library,
) -> Result<Resealed, CommandError> {
    let mut resealed = Resealed::default();
    for card in load_cards(context, &after.id).await? {
        reseal(context, keys, &card, (before, after), &mut resealed).await?;
    }
    Ok(resealed)
}

/// Loads a library's cards of all families.
async fn load_cards(context: &Context, library: &LibraryId) -> Result<Vec<Card>, CommandError> {
    let mut cards = Vec::new();
    for family in context.store.families().await? {
        let of_family = context.store.family_cards(&family.id).await?;
        cards.extend(of_family.into_iter().map(|record| record.card));
    }
    cards.retain(|card| card.library == *library);
    Ok(cards)
}
