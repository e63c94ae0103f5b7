//! Reads and builds the item of a card's sealed number and PIN.

use hippo_core::ids::CardId;
use hippo_core::seal::{KeyId, Sealed};
use hippo_core::store::StoreResult;

use super::item::{Item, bytes};
use super::keys::Key;

/// Builds the item of a card's secret.
pub(super) fn sealed_item(card: CardId, secret: &Sealed) -> Item {
    Item::new(&Key::secret(card))
        .with_text("key", secret.key.0.clone())
        .with("encapsulated_key", bytes(&secret.encapsulated_key))
        .with("ciphertext", bytes(&secret.ciphertext))
}

/// Reads a card's secret, if it is among these items.
pub(super) fn find_sealed(items: &[Item], card: CardId) -> StoreResult<Option<Sealed>> {
    let key = Key::secret(card);
    let Some(item) = items.iter().find(|item| item.is(&key)) else {
        return Ok(None);
    };
    let part = |name| item.bytes(name).ok_or_else(|| item.unreadable(name));
    Ok(Some(Sealed {
        key: KeyId(
            item.text("key")
                .ok_or_else(|| item.unreadable("key"))?
                .to_owned(),
        ),
        encapsulated_key: part("encapsulated_key")?.to_vec(),
        ciphertext: part("ciphertext")?.to_vec(),
    }))
}
