//! Adds cards and replaces their numbers and PINs.
//!
//! Both are sealed with the public key, so the caller can write a PIN and never read one.

use secrecy::SecretString;

use crate::card::{Card, CardSecret, Fingerprint};
use crate::ids::LibraryId;
use crate::seal::{PublicKeySource, SealContext, SealError, Sealed};
use crate::store::{CardStore, LibraryStore, SecretWriter, StoreError};

/// What writing a number and PIN needs from outside.
#[derive(Clone, Copy)]
pub struct CardSecretPorts<'a> {
    /// The cards.
    pub cards: &'a dyn CardStore,
    /// The libraries.
    pub libraries: &'a dyn LibraryStore,
    /// Takes the sealed numbers and PINs.
    pub secrets: &'a dyn SecretWriter,
    /// The keys.
    pub keys: &'a dyn PublicKeySource,
}

/// Why a number and PIN were not stored. Contains neither.
#[derive(Debug, thiserror::Error)]
pub enum CardSecretError {
    /// The family has another card with this number at the library.
    #[error("The family already has a card with that number.")]
    DuplicateNumber,
    /// The store failed.
    #[error(transparent)]
    Store(StoreError),
    /// They could not be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// They were stored, but the card is still marked as refused.
    #[error("The number and PIN were stored, but the card may not log in again yet.")]
    StillRefused(#[source] StoreError),
}

impl From<StoreError> for CardSecretError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::AlreadyExists(_) => Self::DuplicateNumber,
            error => Self::Store(error),
        }
    }
}

impl CardSecretPorts<'_> {
    /// The fingerprint of a number at a library.
    pub async fn fingerprint(
        &self,
        library: &LibraryId,
        number: &SecretString,
    ) -> Result<Fingerprint, SealError> {
        let key = self.keys.fingerprint_key().await?;
        Ok(key.fingerprint(library, number))
    }

    /// Seals a number and PIN and adds the card, whose fingerprint this replaces.
    pub async fn add_card(
        &self,
        mut card: Card,
        secret: &CardSecret,
    ) -> Result<Card, CardSecretError> {
        let _hold = self.keys.hold_rotation().await?;
        card.fingerprint = self.fingerprint(&card.library, &secret.number).await?;
        let sealed = self.seal(&card, secret).await?;
        self.cards.add_card(&card, &sealed).await?;
        Ok(card)
    }

    /// Seals a number and PIN and stores them for a card, which may then log in again.
    pub async fn replace_secret(
        &self,
        card: &Card,
        secret: &CardSecret,
    ) -> Result<(), CardSecretError> {
        let _hold = self.keys.hold_rotation().await?;
        let fingerprint = self.fingerprint(&card.library, &secret.number).await?;
        let sealed = self.seal(card, secret).await?;
        self.secrets
            .replace_secret(card.id, &fingerprint, &sealed)
            .await?;
        let allowed = self.cards.allow_retry(card.id).await;
        allowed.map_err(CardSecretError::StillRefused)
    }

    /// Seals with the stored library entry, so that nobody else can choose the hosts.
    async fn seal(&self, card: &Card, secret: &CardSecret) -> Result<Sealed, CardSecretError> {
        let library = self.libraries.library(&card.library).await?;
        let library =
            library.ok_or_else(|| StoreError::NotFound(format!("library “{}”", card.library)))?;
        let key = self.keys.public_key().await?;
        Ok(key.seal(&SealContext::new(card.id, &library), secret)?)
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;
    use crate::store::{FamilyStore as _, SecretStore as _};
    use crate::testing::contract::sample::{self, SideKeys};
    use crate::testing::memory::MemoryStore;

    fn secret(number: &str, pin: &str) -> CardSecret {
        CardSecret {
            number: SecretString::from(number),
            pin: SecretString::from(pin),
        }
    }

    async fn store() -> MemoryStore {
        let store = MemoryStore::default();
        store.add_library(&sample::library("wpl")).await.unwrap();
        store.add_family(&sample::family("conrad")).await.unwrap();
        store
    }

    fn ports<'a>(store: &'a MemoryStore, keys: &'a SideKeys) -> CardSecretPorts<'a> {
        CardSecretPorts {
            cards: store,
            libraries: store,
            secrets: store,
            keys,
        }
    }

    #[tokio::test]
    async fn added_card_opens_with_the_private_key_and_for_its_library_only() {
        let (store, keys) = (store().await, SideKeys::generate());
        let ports = ports(&store, &keys);
        let card = sample::card("conrad", "wpl", "");
        let card = ports
            .add_card(card, &secret("2 1234", "0042"))
            .await
            .unwrap();
        let [(_, sealed)] = &store.secrets(&[card.id]).await.unwrap()[..] else {
            panic!("no secret");
        };
        let library = sample::library("wpl");
        let opened = keys.open(card.id, &library, sealed);
        assert_eq!(opened.unwrap().pin.expose_secret(), "0042");
        let again = sample::card("conrad", "wpl", "");
        let again = ports.add_card(again, &secret("21234", "0")).await;
        assert!(matches!(again, Err(CardSecretError::DuplicateNumber)));
    }

    #[tokio::test]
    async fn new_pin_replaces_the_old_and_allows_a_login() {
        let (store, keys) = (store().await, SideKeys::generate());
        let ports = ports(&store, &keys);
        let card = sample::card("conrad", "wpl", "");
        let card = ports.add_card(card, &secret("21234", "1")).await.unwrap();
        ports
            .replace_secret(&card, &secret("21234", "2"))
            .await
            .unwrap();
        let library = sample::library("wpl");
        let sealed = store.secrets(&[card.id]).await.unwrap().remove(0).1;
        let opened = keys.open(card.id, &library, &sealed);
        assert_eq!(opened.unwrap().pin.expose_secret(), "2");
        let record = store.card(card.id).await.unwrap().unwrap();
        assert_eq!(record.card.fingerprint, card.fingerprint);
    }
}
