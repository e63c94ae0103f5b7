//! The keys for the pages: while a PIN is written, no other command rotates them.

use async_trait::async_trait;
use hippo_core::seal::{FingerprintKey, PublicKey, PublicKeySource, SealError};
use hippo_local::key_files::KeyFiles;

use crate::home::{Home, SecretsLock};

/// The public key and the fingerprint key of a home.
pub(super) struct HeldKeys {
    home: Home,
    files: KeyFiles,
}

impl HeldKeys {
    pub(super) fn new(home: &Home) -> Self {
        Self {
            home: home.clone(),
            files: home.key_files(),
        }
    }
}

#[async_trait]
impl PublicKeySource for HeldKeys {
    async fn public_key(&self) -> Result<PublicKey, SealError> {
        self.files.public_key().await
    }

    async fn fingerprint_key(&self) -> Result<FingerprintKey, SealError> {
        self.files.fingerprint_key().await
    }

    async fn hold_rotation(&self) -> Result<Box<dyn Send>, SealError> {
        let home = self.home.clone();
        // Another command may hold the lock for a while.
        let lock = tokio::task::spawn_blocking(move || SecretsLock::acquire(&home)).await;
        match lock {
            Ok(Ok(lock)) => Ok(Box::new(lock)),
            Ok(Err(error)) => Err(SealError::NoKey(error.to_string())),
            Err(_) => Err(SealError::NoKey("The command ends.".to_owned())),
        }
    }
}
