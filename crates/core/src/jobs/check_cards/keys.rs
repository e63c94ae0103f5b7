//! The private keys of one run: read at first use and cached.

use std::sync::Mutex;

use crate::card::CardSecret;
use crate::seal::{PrivateKeySource, PrivateKeys, SealContext, SealError, Sealed};

/// Opens secrets with the present keys. Reads the keys again if a secret names an unknown one.
pub struct Keys<'a> {
    source: &'a dyn PrivateKeySource,
    kept: Mutex<Option<PrivateKeys>>,
}

impl<'a> Keys<'a> {
    /// Keys from this source, which is not asked before the first use.
    pub fn new(source: &'a dyn PrivateKeySource) -> Self {
        Self {
            source,
            kept: Mutex::new(None),
        }
    }

    /// Opens what was sealed in this context.
    pub async fn open(
        &self,
        context: &SealContext,
        sealed: &Sealed,
    ) -> Result<CardSecret, SealError> {
        match self.present().await?.open(context, sealed) {
            Err(SealError::UnknownKey(_)) => self.read().await?.open(context, sealed),
            answer => answer,
        }
    }

    async fn present(&self) -> Result<PrivateKeys, SealError> {
        let kept = self.kept.lock().ok().and_then(|kept| kept.clone());
        match kept {
            Some(keys) => Ok(keys),
            None => self.read().await,
        }
    }

    async fn read(&self) -> Result<PrivateKeys, SealError> {
        let keys = self.source.private_keys().await?;
        if let Ok(mut kept) = self.kept.lock() {
            *kept = Some(keys.clone());
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

    struct Rotating {
        keys: Vec<PrivateKeys>,
        reads: AtomicUsize,
    }

    #[async_trait]
    impl PrivateKeySource for Rotating {
        async fn private_keys(&self) -> Result<PrivateKeys, SealError> {
            let read = self.reads.fetch_add(1, Ordering::SeqCst);
            Ok(self.keys[read.min(self.keys.len() - 1)].clone())
        }
    }

    #[tokio::test]
    async fn the_keys_are_read_once_and_again_only_for_an_unknown_key() {
        let old = PrivateKeys::generate().unwrap();
        let new = old.with_new_key(sample::time("12:00:00")).unwrap();
        let context = SealContext::new(CardId::generate(), &sample::library("wpl"));
        let secret = CardSecret {
            number: SecretString::from("1"),
            pin: SecretString::from("2"),
        };
        let seal = |keys: &PrivateKeys| keys.public_key().seal(&context, &secret).unwrap();
        let (sealed_old, sealed_new) = (seal(&old), seal(&new));
        let source = Rotating {
            keys: vec![old, new],
            reads: AtomicUsize::new(0),
        };
        let keys = Keys::new(&source);
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
