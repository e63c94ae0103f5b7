//! The keys: the sealing key pairs and the fingerprint key.

use std::fmt;

use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable as _, Kem, OpModeR, OpModeS, Serializable as _};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{KeyId, SealContext, SealError, Sealed, hex, random};
use crate::card::{CardSecret, Fingerprint, normalize_card_number};
use crate::ids::LibraryId;

/// HPKE's `info`: separates this use from any other use of the same key.
const INFO: &[u8] = b"libraryhippo card secret";

/// The hash context of key ids.
const KEY_ID_DOMAIN: &[u8] = b"libraryhippo key id";

/// A public key: seals only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// Wraps these bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, for storing the key.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Its id: a hash of the key.
    pub fn id(&self) -> KeyId {
        let digest = Sha256::new_with_prefix(KEY_ID_DOMAIN)
            .chain_update(self.0)
            .finalize();
        KeyId(format!("k-{}", hex(digest.iter().take(8))))
    }

    /// Seals a number and PIN for one card and the origins of its library.
    pub fn seal(&self, context: &SealContext, secret: &CardSecret) -> Result<Sealed, SealError> {
        let unusable =
            |_| SealError::UnsafeKey(format!("The public key {} can't be used.", self.id()));
        let recipient =
            <X25519HkdfSha256 as Kem>::PublicKey::from_bytes(&self.0).map_err(unusable)?;
        let plain = Zeroizing::new(
            serde_json::to_vec(&PlainSecret {
                number: secret.number.expose_secret(),
                pin: secret.pin.expose_secret(),
            })
            .map_err(|error| SealError::UnsafeKey(error.to_string()))?,
        );
        // Checked first: hpke panics if the system has no random numbers.
        random::<32>()?;
        let (encapsulated_key, ciphertext) =
            hpke::single_shot_seal::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
                &OpModeS::Base,
                &recipient,
                INFO,
                &plain,
                &context.associated_data(),
            )
            .map_err(unusable)?;
        Ok(Sealed {
            key: self.id(),
            encapsulated_key: encapsulated_key.to_bytes().to_vec(),
            ciphertext,
        })
    }
}

/// A private key of 256 bits, wiped from memory when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct PrivateKey([u8; 32]);

impl PrivateKey {
    /// Generates a random key.
    pub fn generate() -> Result<Self, SealError> {
        Ok(Self(random()?))
    }

    /// Wraps these bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, for storing the key.
    pub fn expose_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The public key of the pair; `None` if the bytes are not a valid key.
    pub fn public_key(&self) -> Option<PublicKey> {
        let public = X25519HkdfSha256::sk_to_pk(&self.hpke_key()?);
        <[u8; 32]>::try_from(public.to_bytes().as_slice())
            .ok()
            .map(PublicKey)
    }

    fn hpke_key(&self) -> Option<<X25519HkdfSha256 as Kem>::PrivateKey> {
        <X25519HkdfSha256 as Kem>::PrivateKey::from_bytes(&self.0).ok()
    }

    fn open(&self, context: &SealContext, sealed: &Sealed) -> Option<CardSecret> {
        let encapsulated =
            <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(&sealed.encapsulated_key).ok()?;
        let plain = Zeroizing::new(
            hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
                &OpModeR::Base,
                &self.hpke_key()?,
                &encapsulated,
                INFO,
                &sealed.ciphertext,
                &context.associated_data(),
            )
            .ok()?,
        );
        let secret: OpenedSecret = serde_json::from_slice(&plain).ok()?;
        Some(CardSecret {
            number: SecretString::from(secret.number),
            pin: SecretString::from(secret.pin),
        })
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(…)")
    }
}

/// The present private keys: the current one, and the previous one during a rotation.
#[derive(Debug, Clone)]
pub struct PrivateKeys {
    /// The public key of the current pair.
    public: PublicKey,
    /// All keys, each with its id.
    keys: Vec<(KeyId, PrivateKey)>,
    /// When the running rotation began.
    rotated_at: Option<DateTime<Utc>>,
}

impl PrivateKeys {
    /// Builds the set from keys; the one with the id `current` seals.
    pub fn new(
        current: &KeyId,
        keys: Vec<PrivateKey>,
        rotated_at: Option<DateTime<Utc>>,
    ) -> Result<Self, SealError> {
        let mut public = None;
        let mut named = Vec::with_capacity(keys.len());
        for key in keys {
            let of_pair = key
                .public_key()
                .ok_or_else(|| SealError::UnsafeKey("A private key can't be used.".to_owned()))?;
            let id = of_pair.id();
            if id == *current {
                public = Some(of_pair);
            }
            named.push((id, key));
        }
        let missing = || SealError::NoKey(format!("The current key {current} is missing."));
        Ok(Self {
            public: public.ok_or_else(missing)?,
            keys: named,
            rotated_at,
        })
    }

    /// Generates a single key.
    pub fn generate() -> Result<Self, SealError> {
        let key = PrivateKey::generate()?;
        let public = key
            .public_key()
            .ok_or_else(|| SealError::NoRandomness("they make no key".to_owned()))?;
        Ok(Self {
            keys: vec![(public.id(), key)],
            public,
            rotated_at: None,
        })
    }

    /// The same keys with a new current pair; the old ones still open.
    pub fn with_new_key(&self, now: DateTime<Utc>) -> Result<Self, SealError> {
        let mut new = Self::generate()?;
        new.keys.extend(self.keys.iter().cloned());
        new.rotated_at = Some(now);
        Ok(new)
    }

    /// The same keys, whose rotation began at `now`.
    #[must_use]
    pub fn rotated_at_instead(mut self, now: DateTime<Utc>) -> Self {
        self.rotated_at = Some(now);
        self
    }

    /// The current key alone, for when every envelope is sealed to it.
    #[must_use]
    pub fn with_current_key_only(&self) -> Self {
        let current = self.current();
        let keys = self.keys.iter().filter(|(id, _)| *id == current);
        Self {
            public: self.public.clone(),
            keys: keys.cloned().collect(),
            rotated_at: None,
        }
    }

    /// The id of the current key.
    pub fn current(&self) -> KeyId {
        self.public.id()
    }

    /// The public key of the current pair.
    pub fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// All keys, for storing them.
    pub fn keys(&self) -> &[(KeyId, PrivateKey)] {
        &self.keys
    }

    /// Whether it contains the key of this id.
    pub fn has_key(&self, id: &KeyId) -> bool {
        self.keys.iter().any(|(known, _)| known == id)
    }

    /// When the running rotation began, if one is running.
    pub fn rotated_at(&self) -> Option<DateTime<Utc>> {
        self.rotated_at
    }

    /// Opens an envelope for this card and these origins.
    pub fn open(&self, context: &SealContext, sealed: &Sealed) -> Result<CardSecret, SealError> {
        let (_, key) = self
            .keys
            .iter()
            .find(|(known, _)| *known == sealed.key)
            .ok_or_else(|| SealError::UnknownKey(sealed.key.clone()))?;
        key.open(context, sealed)
            .ok_or(SealError::SealedForOtherHosts)
    }
}

/// The fingerprint key for card numbers, wiped from memory when dropped. No rotation changes it.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct FingerprintKey([u8; 32]);

impl FingerprintKey {
    /// Generates a random key.
    pub fn generate() -> Result<Self, SealError> {
        Ok(Self(random()?))
    }

    /// Wraps these bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, for storing the key.
    pub fn expose_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Hashes a number at a library. Equal numbers give equal fingerprints, however they are printed; the
    /// hash is useless without the key.
    pub fn fingerprint(&self, library: &LibraryId, number: &SecretString) -> Fingerprint {
        // HMAC accepts keys of any length, so the error cannot happen. An empty fingerprint would only
        // mean that a number is checked twice.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else {
            return Fingerprint(String::new());
        };
        mac.update(library.as_str().as_bytes());
        mac.update(&[0]);
        mac.update(normalize_card_number(number).expose_secret().as_bytes());
        Fingerprint(hex(mac.finalize().into_bytes().iter().take(16)))
    }
}

impl fmt::Debug for FingerprintKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FingerprintKey(…)")
    }
}

#[derive(Serialize)]
struct PlainSecret<'a> {
    number: &'a str,
    pin: &'a str,
}

#[derive(Deserialize)]
struct OpenedSecret {
    number: String,
    pin: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(digits: &str) -> Vec<u8> {
        let pairs = digits.as_bytes().chunks(2);
        pairs
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    /// RFC 9180, appendix A.2.1, sequence number 0.
    #[test]
    fn rfc_9180_test_vector_opens() {
        let private = <X25519HkdfSha256 as Kem>::PrivateKey::from_bytes(&bytes(
            "8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb",
        ))
        .unwrap();
        let encapsulated = <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(&bytes(
            "1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a",
        ))
        .unwrap();
        let plain = hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
            &OpModeR::Base,
            &private,
            &encapsulated,
            &bytes("4f6465206f6e2061204772656369616e2055726e"),
            &bytes(
                "1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce8188\
                 3d2dd1b51a28",
            ),
            &bytes("436f756e742d30"),
        )
        .unwrap();
        assert_eq!(plain, b"Beauty is truth, truth beauty");
    }
}
