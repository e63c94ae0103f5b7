//! The keys of one run: read at first use and kept.

use std::sync::Mutex;

use crate::card::{CardSecret, Fingerprint};
use crate::ids::{CardId, LibraryId};
use crate::seal::{KeyRing, KeySource, SealError, Sealed};
use secrecy::SecretString;

/// Seals and opens with the present keys; reads them anew when a secret names an unknown one.
pub struct Keys<'a> {
    source: &'a dyn KeySource,
    ring: Mutex<Option<KeyRing>>,
}

impl<'a> Keys<'a> {
    /// Keys from this source, which is not asked before the first use.
    pub fn new(source: &'a dyn KeySource) -> Self {
        Self {
            source,
            ring: Mutex::new(None),
        }
    }

    /// Opens what was sealed for a card.
    pub async fn open(&self, card: CardId, sealed: &Sealed) -> Result<CardSecret, SealError> {
        let ring = self.ring().await?;
        match ring.open(card, sealed) {
            Err(SealError::UnknownKey(_)) => self.read().await?.open(card, sealed),
            answer => answer,
        }
    }

    /// Seals a number and PIN for a card.
    pub async fn seal(&self, card: CardId, secret: &CardSecret) -> Result<Sealed, SealError> {
        self.ring().await?.seal(card, secret)
    }

    /// The fingerprint of a number at a library.
    pub async fn fingerprint(
        &self,
        library: &LibraryId,
        number: &SecretString,
    ) -> Result<Fingerprint, SealError> {
        Ok(self.ring().await?.fingerprint(library, number))
    }

    async fn ring(&self) -> Result<KeyRing, SealError> {
        let kept = self.ring.lock().ok().and_then(|ring| ring.clone());
        match kept {
            Some(ring) => Ok(ring),
            None => self.read().await,
        }
    }

    async fn read(&self) -> Result<KeyRing, SealError> {
        let ring = self.source.key_ring().await?;
        if let Ok(mut kept) = self.ring.lock() {
            *kept = Some(ring.clone());
        }
        Ok(ring)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_trait::async_trait;
    use std::sync::atomic::{AtomicUsize, Ordering};

    struct Rotating {
        rings: Vec<KeyRing>,
        reads: AtomicUsize,
    }

    #[async_trait]
    impl KeySource for Rotating {
        async fn key_ring(&self) -> Result<KeyRing, SealError> {
            let read = self.reads.fetch_add(1, Ordering::SeqCst);
            Ok(self.rings[read.min(self.rings.len() - 1)].clone())
        }
    }

    #[tokio::test]
    async fn the_keys_are_read_once_and_again_only_for_an_unknown_key() {
        let old = KeyRing::generate().unwrap();
        let new = old.with_new_key().unwrap();
        let card = CardId::generate();
        let secret = CardSecret {
            number: SecretString::from("1"),
            pin: SecretString::from("2"),
        };
        let (sealed_old, sealed_new) = (
            old.seal(card, &secret).unwrap(),
            new.seal(card, &secret).unwrap(),
        );
        let source = Rotating {
            rings: vec![old, new],
            reads: AtomicUsize::new(0),
        };
        let keys = Keys::new(&source);
        keys.open(card, &sealed_old).await.unwrap();
        keys.open(card, &sealed_old).await.unwrap();
        assert_eq!(source.reads.load(Ordering::SeqCst), 1);
        keys.open(card, &sealed_new).await.unwrap();
        assert_eq!(source.reads.load(Ordering::SeqCst), 2);
    }
}
