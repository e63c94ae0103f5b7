//! `hippo key`: the key that seals numbers and PINs.

use clap::{Args, Subcommand};
use hippo_core::ids::CardId;
use hippo_core::seal::{KeyRing, SealError};
use hippo_core::store::StoreError;
use serde::Serialize;

use crate::context::{Context, Globals, Place};
use crate::exit::{CommandError, CommandResult, Outcome};
use crate::output::count;
use crate::output::progress::Progress;

/// What to do with the key.
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  hippo key rotate")]
pub(crate) enum Command {
    Rotate(Rotate),
}

/// Make a new key and seal every number and PIN with it.
///
/// May be interrupted at any point: nothing is lost, and running it again finishes the work.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  hippo key rotate

A backup that was made before needs the key file of that time; keep both, or make a new backup.")]
pub(crate) struct Rotate {}

#[derive(Serialize)]
struct Document {
    key: String,
    sealed_anew: usize,
    finished_an_earlier_one: bool,
}

/// Does what is asked.
pub(crate) async fn run(command: Command, globals: &Globals) -> CommandResult {
    let Command::Rotate(Rotate {}) = command;
    rotate(&globals.open().await?).await
}

async fn rotate(context: &Context) -> CommandResult {
    // Nobody else may seal with the old key meanwhile.
    let _lock = context.lock_secrets()?;
    let present = context.keys.key_ring().await?;
    // More than one key: an earlier change was interrupted after its new key was written.
    let finishes_earlier = present.keys().len() > 1;
    let ring = if finishes_earlier {
        present
    } else {
        let both = present.with_new_key()?;
        context.keys.replace(&both).await?;
        both
    };
    let mut sealed_anew = seal_all_anew(context, &ring).await?;
    // Where nothing locks, a card may have been added with the old key since.
    if matches!(context.place, Place::Aws(_)) {
        sealed_anew += seal_all_anew(context, &ring).await?;
    }
    context.keys.replace(&ring.with_current_key_only()).await?;
    context.output.document(&Document {
        key: ring.current().to_string(),
        sealed_anew,
        finished_an_earlier_one: finishes_earlier,
    });
    let finished = if finishes_earlier {
        "Finished an earlier change of the key"
    } else {
        "Changed the key"
    };
    let sealed = count(sealed_anew, "card was", "cards were");
    let shown = context.keys.shown();
    context.output.say(match &context.place {
        Place::Here(_) => format!(
            "{finished}: {sealed} sealed anew. Make a new backup and a new copy of {shown}; older backups need \
             the old key file."
        ),
        Place::Aws(_) => format!(
            "{finished}: {sealed} sealed anew. A table that is restored to a time before needs the old key, \
             which is an earlier version of {shown}."
        ),
    });
    Ok(Outcome::Done)
}

/// Seals with the new key whatever is sealed with another one. A card that does not open stops it
/// before an old key is thrown away.
async fn seal_all_anew(context: &Context, ring: &KeyRing) -> Result<usize, CommandError> {
    let progress = Progress::new("cards");
    let cards = context.store.cards_with_secrets().await?;
    progress.planned(cards.len());
    let mut sealed_anew = 0;
    for card in cards {
        sealed_anew += usize::from(seal_anew(context, ring, card).await?);
        progress.one_done();
    }
    Ok(sealed_anew)
}

async fn seal_anew(context: &Context, ring: &KeyRing, id: CardId) -> Result<bool, CommandError> {
    let secrets = context.store.secrets(&[id]).await?;
    let (Some((_, sealed)), Some(record)) =
        (secrets.into_iter().next(), context.store.card(id).await?)
    else {
        // Removed meanwhile.
        return Ok(false);
    };
    if sealed.key == *ring.current() {
        return Ok(false);
    }
    let secret = ring
        .open(id, &sealed)
        .map_err(|error| does_not_open(id, &error))?;
    let sealed = ring.seal(id, &secret)?;
    match context
        .store
        .replace_secret(id, &record.card.fingerprint, &sealed)
        .await
    {
        Ok(()) => Ok(true),
        Err(StoreError::NotFound(_)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn does_not_open(id: CardId, error: &SealError) -> CommandError {
    CommandError::Unusable(format!(
        "The card {id} could not be sealed anew, and no key was thrown away. {error} When that is mended, \
         run “hippo key rotate” again to finish."
    ))
}
