//! Caches the private keys for one run.

use std::sync::Mutex;

use crate::card::CardSecret;
use crate::seal::{PrivateKeySource, PrivateKeys, SealContext, SealError, Sealed};

/// Opens secrets with cached keys. Reads the keys again if a secret names an unknown one.
pub struct KeyCache<'a> {
    source: &'a dyn PrivateKeySource,
    cached: Mutex<Option<PrivateKeys>>,
}

impl<'a> KeyCache<'a> {
    /// Creates a cache of this source, which is first read when a secret is opened.
    pub fn new(source: &'a dyn PrivateKeySource) -> Self {
        Self {
            source,
            cached: Mutex::new(None),
        }
    }

    /// Opens a secret that was sealed in this context.
    pub async fn open(
        &self,
        context: &SealContext,
        sealed: &Sealed,
    ) -> Result<CardSecret, SealError> {
        match self.cached_keys().await?.open(context, sealed) {
            Err(SealError::UnknownKey(_)) => self.read_keys().await?.open(context, sealed),
            opened => opened,
        }
    }

    async fn cached_keys(&self) -> Result<PrivateKeys, SealError> {
        let cached = self.cached.lock().ok().and_then(|cached| cached.clone());
        match cached {
            Some(keys) => Ok(keys),
            None => self.read_keys().await,
        }
    }

    async fn read_keys(&self) -> Result<PrivateKeys, SealError> {
        let keys = self.source.private_keys().await?;
        if let Ok(mut cached) = self.cached.lock() {
            *cached = Some(keys.clone());
        }
        Ok(keys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::CardId;
    use crate::testing::contract::sample;
    use async_trait::async_trait;
    use secrecy::SecretString;
    use std::sync::atomic::{AtomicUsize, Ordering};

    struct RotatingKeys {
        keys: Vec<PrivateKeys>,
        reads: AtomicUsize,
    }

    #[async_trait]
    impl PrivateKeySource for RotatingKeys {
        async fn private_keys(&self) -> Result<PrivateKeys, SealError> {
            let read = self.reads.fetch_add(1, Ordering::SeqCst);
            Ok(self.keys[read.min(self.keys.len() - 1)].clone())
        }
    }

    #[tokio::test]
    async fn only_an_unknown_key_makes_the_keys_be_read_again() {
        let old = PrivateKeys::generate().unwrap();
        let new = old.with_new_key(sample::time("12:00:00")).unwrap();
        let context = SealContext::new(CardId::generate(), &sample::library("wpl"));
        let secret = CardSecret {
            number: SecretString::from("1"),
            pin: SecretString::from("2"),
        };
        let seal = |keys: &PrivateKeys| keys.public_key().seal(&context, &secret).unwrap();
        let (sealed_old, sealed_new) = (seal(&old), seal(&new));
        let source = RotatingKeys {
            keys: vec![old, new],
            reads: AtomicUsize::new(0),
        };
        let keys = KeyCache::new(&source);
        keys.open(&context, &sealed_old).await.unwrap();
        keys.open(&context, &sealed_old).await.unwrap();
        assert_eq!(source.reads.load(Ordering::SeqCst), 1);
        keys.open(&context, &sealed_new).await.unwrap();
        assert_eq!(source.reads.load(Ordering::SeqCst), 2);
        let foreign = seal(&PrivateKeys::generate().unwrap());
        assert!(matches!(
            keys.open(&context, &foreign).await,
            Err(SealError::UnknownKey(_))
        ));
    }
}
