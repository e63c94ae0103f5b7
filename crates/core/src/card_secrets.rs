//! Adds cards and replaces their numbers and PINs.
//!
//! Both are sealed with the public key, so the caller can write a PIN and never read one.

use secrecy::SecretString;
use uuid::Uuid;

use crate::card::{Card, CardSecret, Fingerprint};
use crate::ids::LibraryId;
use crate::seal::{PublicKeySource, SealContext, SealError, Sealed};
use crate::store::{CardStore, LibraryStore, NewSecret, SecretWriter, StoreError};

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
    /// Somebody else set the number or PIN in the meantime, so nothing was stored.
    #[error("Somebody else has just changed this card's number or PIN.")]
    ChangedMeanwhile,
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
    ///
    /// Stores nothing if the card has others than when `card` was read. `id` becomes the card's
    /// [`Card::secret_id`].
    pub async fn replace_secret(
        &self,
        card: &Card,
        id: Uuid,
        secret: &CardSecret,
    ) -> Result<(), CardSecretError> {
        let _hold = self.keys.hold_rotation().await?;
        let fingerprint = self.fingerprint(&card.library, &secret.number).await?;
        let sealed = self.seal(card, secret).await?;
        let after = NewSecret {
            id,
            fingerprint,
            sealed,
        };
        let replaced = self.secrets.replace_secret(card.id, card.secret_id, &after);
        if !replaced.await? {
            return Err(CardSecretError::ChangedMeanwhile);
        }
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
    use crate::testing::contract::sample::{self, TestKeys};
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

    fn ports<'a>(store: &'a MemoryStore, keys: &'a TestKeys) -> CardSecretPorts<'a> {
        CardSecretPorts {
            cards: store,
            libraries: store,
            secrets: store,
            keys,
        }
    }

    #[tokio::test]
    async fn added_card_decrypts_with_its_key_and_library_only() {
        let (store, keys) = (store().await, TestKeys::generate());
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

    async fn stored_pin(store: &MemoryStore, keys: &TestKeys, card: &Card) -> String {
        let sealed = store.secrets(&[card.id]).await.unwrap().remove(0).1;
        let opened = keys.open(card.id, &sample::library("wpl"), &sealed);
        opened.unwrap().pin.expose_secret().to_owned()
    }

    #[tokio::test]
    async fn new_pin_replaces_the_old_and_allows_a_login() {
        let (store, keys) = (store().await, TestKeys::generate());
        let ports = ports(&store, &keys);
        let card = sample::card("conrad", "wpl", "");
        let card = ports.add_card(card, &secret("21234", "1")).await.unwrap();
        let id = Uuid::new_v4();
        ports
            .replace_secret(&card, id, &secret("21234", "2"))
            .await
            .unwrap();
        assert_eq!(stored_pin(&store, &keys, &card).await, "2");
        let record = store.card(card.id).await.unwrap().unwrap();
        assert_eq!(record.card.fingerprint, card.fingerprint);
        assert_eq!(record.card.secret_id, id);
    }

    #[tokio::test]
    async fn pin_for_a_card_as_it_was_is_not_stored() {
        let (store, keys) = (store().await, TestKeys::generate());
        let ports = ports(&store, &keys);
        let card = sample::card("conrad", "wpl", "");
        let card = ports.add_card(card, &secret("21234", "1")).await.unwrap();
        let set = |pin| {
            let (card, secret) = (card.clone(), secret("21234", pin));
            async move { ports.replace_secret(&card, Uuid::new_v4(), &secret).await }
        };
        set("2").await.unwrap();
        let second = set("3").await;
        assert!(matches!(second, Err(CardSecretError::ChangedMeanwhile)));
        assert_eq!(stored_pin(&store, &keys, &card).await, "2");
    }
}
