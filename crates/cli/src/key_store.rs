//! The store of the keys that seal numbers and PINs.

use async_trait::async_trait;
use hippo_core::seal::{PrivateKeySource, PrivateKeys, PublicKey, PublicKeySource};
use hippo_local::key_files::KeyFiles;

use crate::exit::{CommandError, ErrorKind};

/// A store of keys that can be replaced.
#[async_trait]
pub(crate) trait KeyStore: PrivateKeySource + PublicKeySource {
    /// Replaces the private keys atomically.
    async fn replace_private_keys(&self, keys: &PrivateKeys) -> Result<(), CommandError>;

    /// Replaces the public key atomically.
    async fn write_public_key(&self, key: &PublicKey) -> Result<(), CommandError>;

    /// Describes to people where the private keys are.
    fn location(&self) -> String;
}

#[async_trait]
impl KeyStore for KeyFiles {
    async fn replace_private_keys(&self, keys: &PrivateKeys) -> Result<(), CommandError> {
        Self::replace_private_keys(self, keys)
            .map_err(|error| CommandError::from_source(ErrorKind::Unusable, error))
    }

    async fn write_public_key(&self, key: &PublicKey) -> Result<(), CommandError> {
        Self::write_public_key(self, key)
            .map_err(|error| CommandError::from_source(ErrorKind::Unusable, error))
    }

    fn location(&self) -> String {
        self.private_path().display().to_string()
    }
}
