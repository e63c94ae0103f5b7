//! Reseals numbers and PINs.

use std::collections::BTreeMap;

use hippo_core::card::Card;
use hippo_core::ids::CardId;
use hippo_core::library::Library;
use hippo_core::seal::{PrivateKeys, SealContext, SealError};
use hippo_core::store::{NewSecret, StoreError};

use crate::context::Context;
use crate::exit::CommandError;
use crate::suggested::HIPPO;

/// How often a card's envelope is read again after somebody else replaced it.
const MAX_ATTEMPTS: u32 = 5;

/// The result of resealing envelopes.
#[derive(Debug, Default)]
pub(crate) struct Resealed {
    /// How many were resealed.
    pub(crate) resealed: usize,
    /// Those that couldn't be opened and stay unchanged.
    pub(crate) unopened: BTreeMap<CardId, SealError>,
    /// Whether one of the unopened envelopes still needs an old key.
    pub(crate) needs_old_key: bool,
}

impl Resealed {
    /// Merges the result of a later round over the same cards.
    pub(crate) fn merge_later_round(&mut self, later: Self) {
        self.resealed += later.resealed;
        self.unopened = later.unopened;
        self.needs_old_key = later.needs_old_key;
    }

    /// Prints what to do about cards that couldn't be opened.
    pub(crate) fn print_unopened(&self, context: &Context) {
        for (card, error) in &self.unopened {
            context
                .output
                .print_text(format!("Couldn't seal the PIN of the card {card}. {error}"));
            context
                .output
                .print_line(format!("  → {HIPPO} card set-pin {card}"));
        }
    }
}

/// Reseals a card's envelope to the current key and for the library entry `after`.
///
/// The envelope may be sealed for the entry `before` or `after`, so an interrupted run can be repeated.
pub(crate) async fn reseal(
    context: &Context,
    keys: &PrivateKeys,
    card: &Card,
    libraries: (&Library, &Library),
    result: &mut Resealed,
) -> Result<(), CommandError> {
    let mut card = card.clone();
    for _ in 0..MAX_ATTEMPTS {
        if reseal_once(context, keys, &card, libraries, result).await? {
            return Ok(());
        }
        // Somebody has just set the PIN again: the one that was read must not come back.
        match context.store.card(card.id).await? {
            Some(record) => card = record.card,
            None => return Ok(()),
        }
    }
    Err(StoreError::Unavailable(format!(
        "others keep changing the PIN of the card {}",
        card.id
    ))
    .into())
}

/// Reseals the envelope of the card as it was read; false if it has another one by now.
async fn reseal_once(
    context: &Context,
    keys: &PrivateKeys,
    card: &Card,
    (before, after): (&Library, &Library),
    result: &mut Resealed,
) -> Result<bool, CommandError> {
    let secrets = context.store.secrets(&[card.id]).await?;
    let Some((_, sealed)) = secrets.into_iter().next() else {
        // The card was removed in the meantime.
        return Ok(true);
    };
    let to = SealContext::new(card.id, after);
    let is_current = sealed.key == keys.current();
    let opened = match keys.open(&to, &sealed) {
        Ok(_) if is_current => return Ok(true),
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
            return Ok(true);
        }
    };
    let resealed = keys.public_key().seal(&to, &secret)?;
    let resealed = NewSecret::resealed(card, resealed);
    let replaced = context
        .store
        .replace_secret(card.id, resealed.id, &resealed);
    match replaced.await {
        Ok(true) => result.resealed += 1,
        Ok(false) => return Ok(false),
        Err(StoreError::NotFound(_)) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(true)
}
