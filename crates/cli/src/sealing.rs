//! Sealing numbers and PINs, and sealing them anew.

use std::collections::BTreeMap;

use hippo_core::card::{Card, CardSecret, Fingerprint};
use hippo_core::ids::{CardId, LibraryId};
use hippo_core::library::Library;
use hippo_core::seal::{PrivateKeys, SealContext, SealError, Sealed};
use hippo_core::store::StoreError;
use secrecy::SecretString;

use crate::context::Context;
use crate::exit::CommandError;

/// Seals for a card, with the public key and the library's entry as they are stored now.
pub(crate) async fn seal(
    context: &Context,
    card: CardId,
    library: &LibraryId,
    secret: &CardSecret,
) -> Result<Sealed, CommandError> {
    let library = context.library(library).await?;
    let key = context.keys.public_key().await?;
    Ok(key.seal(&SealContext::new(card, &library), secret)?)
}

/// The fingerprint of a number at a library.
pub(crate) async fn fingerprint(
    context: &Context,
    library: &LibraryId,
    number: &SecretString,
) -> Result<Fingerprint, CommandError> {
    let key = context.keys.fingerprint_key().await?;
    Ok(key.fingerprint(library, number))
}

/// What became of envelopes that were to be sealed anew.
#[derive(Debug, Default)]
pub(crate) struct Resealed {
    /// So many were.
    pub(crate) sealed_anew: usize,
    /// These could not be opened; they were left as they are.
    pub(crate) unopened: BTreeMap<CardId, SealError>,
    /// One of those still needs a key that is not the current one.
    pub(crate) needs_old_key: bool,
}

impl Resealed {
    /// Adds what a later look over the same cards found.
    pub(crate) fn take_in(&mut self, later: Self) {
        self.sealed_anew += later.sealed_anew;
        self.unopened = later.unopened;
        self.needs_old_key = later.needs_old_key;
    }

    /// Says what to do about the cards that could not be opened.
    pub(crate) fn say_unopened(&self, context: &Context) {
        for (card, error) in &self.unopened {
            context
                .output
                .say(format!("Couldn't seal the PIN of the card {card}. {error}"));
            context
                .output
                .say_whole(format!("  → hippo card set-pin {card}"));
        }
    }
}

/// Seals a card's envelope for the library's entry `after`, to the current key; opens it for that entry or
/// for the one `before`. Whoever is interrupted runs it again: what is sealed so already is left.
pub(crate) async fn reseal(
    context: &Context,
    keys: &PrivateKeys,
    card: &Card,
    (before, after): (&Library, &Library),
    result: &mut Resealed,
) -> Result<(), CommandError> {
    let secrets = context.store.secrets(&[card.id]).await?;
    let Some((_, sealed)) = secrets.into_iter().next() else {
        // Removed meanwhile.
        return Ok(());
    };
    let to = SealContext::new(card.id, after);
    let is_current = sealed.key == keys.current();
    let opened = match keys.open(&to, &sealed) {
        Ok(_) if is_current => return Ok(()),
        Err(SealError::SealedForOtherHosts) => {
            keys.open(&SealContext::new(card.id, before), &sealed)
        }
        opened => opened,
    };
    let secret = match opened {
        Ok(secret) => secret,
        Err(error) => {
            result.unopened.insert(card.id, error);
            result.needs_old_key |= !is_current && keys.has_key(&sealed.key);
            return Ok(());
        }
    };
    let anew = keys.public_key().seal(&to, &secret)?;
    match context
        .store
        .replace_secret(card.id, &card.fingerprint, &anew)
        .await
    {
        Ok(()) => result.sealed_anew += 1,
        Err(StoreError::NotFound(_)) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(())
}
