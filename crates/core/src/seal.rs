//! Seals numbers and PINs before they reach any store.
//!
//! HPKE (RFC 9180) in base mode with X25519, HKDF-SHA256 and ChaCha20-Poly1305. Sealing needs the
//! public key alone, opening the private one. The associated data binds an envelope to its card and to
//! the hosts that the library's stored entry names ([`SealContext`]); the key's id is in the
//! envelope, so that keys can be rotated card by card.

mod context;
pub mod key_text;
mod keys;

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

pub use self::context::{LoginOrigins, SealContext};
pub use self::keys::{FingerprintKey, PrivateKey, PrivateKeys, PublicKey};

/// Why a secret could not be sealed or opened. Never contains the secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// A key is missing.
    #[error("{0}")]
    NoKey(String),
    /// The key exists but must not be used.
    #[error("{0}")]
    UnsafeKey(String),
    /// The secret was sealed to a key that is not present.
    #[error("The number and PIN were sealed to the key {0}, which isn't here. They weren't sent.")]
    UnknownKey(KeyId),
    /// The envelope does not open for this card and its library's present hosts.
    #[error(
        "The number and PIN weren't sealed for the hosts that the library's entry names now. They \
         weren't sent."
    )]
    SealedForOtherHosts,
    /// The system gave no random numbers.
    #[error("The system gave no random numbers: {0}")]
    NoRandomness(String),
}

/// A key's id. It reveals nothing about the private key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyId(pub String);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A sealed number and PIN: safe in any store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// The key that opens it.
    pub key: KeyId,
    /// HPKE's `enc`, 32 bytes.
    pub encapsulated_key: Vec<u8>,
    /// The ciphertext and its tag.
    pub ciphertext: Vec<u8>,
}

/// The source of the private keys.
#[async_trait]
pub trait PrivateKeySource: Send + Sync {
    /// Reads the present private keys; nothing is cached.
    async fn private_keys(&self) -> Result<PrivateKeys, SealError>;
}

/// The source of the keys for adding a card.
#[async_trait]
pub trait PublicKeySource: Send + Sync {
    /// Reads the public key; callers read it for every write, so that a rotation reaches them.
    async fn public_key(&self) -> Result<PublicKey, SealError>;

    /// Reads the fingerprint key, which no rotation changes.
    async fn fingerprint_key(&self) -> Result<FingerprintKey, SealError>;

    /// Keeps others from rotating the keys until the result is dropped. By default it can't.
    async fn hold_rotation(&self) -> Result<Box<dyn Send>, SealError> {
        Ok(Box::new(()))
    }
}

fn random<const LENGTH: usize>() -> Result<[u8; LENGTH], SealError> {
    let mut bytes = [0; LENGTH];
    getrandom::fill(&mut bytes).map_err(|error| SealError::NoRandomness(error.to_string()))?;
    Ok(bytes)
}

fn hex<'a>(bytes: impl IntoIterator<Item = &'a u8>) -> String {
    bytes
        .into_iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests;
