//! The seal: numbers and PINs are unreadable before they reach any store.
//!
//! XChaCha20-Poly1305 with a random nonce. The card's id is associated data, so a sealed secret
//! that is copied to another card does not open; the key's id stands in the envelope, so that keys
//! can be changed one card after the other.

pub mod key_text;

use std::fmt;

use async_trait::async_trait;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::card::{CardSecret, Fingerprint};
use crate::ids::{CardId, LibraryId};

/// Why a secret could not be sealed or opened. Never says what is in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// There is no key where one should be.
    #[error("{0}")]
    NoKey(String),
    /// The key is there but must not be used as it is.
    #[error("{0}")]
    UnsafeKey(String),
    /// The secret was sealed with a key that is not among the present ones.
    #[error(
        "A card was sealed with the key {0}, which is not among the present keys. Nothing is lost: \
         put the key file back that it was sealed with, or set the PIN anew with “hippo card set-pin”."
    )]
    UnknownKey(String),
    /// The envelope does not open: it was changed, or belongs to another card.
    #[error(
        "A sealed number and PIN does not open with its key: it was changed, or belongs to another \
         card. Set the PIN anew with “hippo card set-pin”."
    )]
    Broken,
    /// The system gave no random numbers.
    #[error("The system gave no random numbers: {0}")]
    NoRandomness(String),
}

/// A key's id: tells keys apart, says nothing about the key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyId(pub String);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A key of 256 bits, wiped from memory when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Key([u8; 32]);

impl Key {
    /// A new random key.
    pub fn generate() -> Result<Self, SealError> {
        Ok(Self(random()?))
    }

    /// The key of these bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, for writing the key to where keys are kept.
    pub fn expose_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

/// The present keys: one that seals, and all that open.
#[derive(Debug, Clone)]
pub struct KeyRing {
    /// The key that seals is `keys[current]`.
    current: KeyId,
    keys: Vec<(KeyId, Key)>,
    /// Makes fingerprints; stays when the sealing key is changed.
    fingerprint_key: Key,
}

impl KeyRing {
    /// A ring of these keys; the first of `keys` whose id is `current` seals.
    pub fn new(
        current: KeyId,
        keys: Vec<(KeyId, Key)>,
        fingerprint_key: Key,
    ) -> Result<Self, SealError> {
        if keys.iter().any(|(id, _)| *id == current) {
            Ok(Self {
                current,
                keys,
                fingerprint_key,
            })
        } else {
            Err(SealError::NoKey(format!(
                "The key {current}, which should seal, is not among the present keys."
            )))
        }
    }

    /// A ring of one new key.
    pub fn generate() -> Result<Self, SealError> {
        let id = new_key_id()?;
        Ok(Self {
            current: id.clone(),
            keys: vec![(id, Key::generate()?)],
            fingerprint_key: Key::generate()?,
        })
    }

    /// The same ring with a new key that seals; the old ones still open.
    pub fn with_new_key(&self) -> Result<Self, SealError> {
        let id = new_key_id()?;
        let mut keys = self.keys.clone();
        keys.push((id.clone(), Key::generate()?));
        Ok(Self {
            current: id,
            keys,
            fingerprint_key: self.fingerprint_key.clone(),
        })
    }

    /// The same ring with only the key that seals: after everything was sealed anew.
    #[must_use]
    pub fn with_current_key_only(&self) -> Self {
        Self {
            current: self.current.clone(),
            keys: self
                .keys
                .iter()
                .filter(|(id, _)| *id == self.current)
                .cloned()
                .collect(),
            fingerprint_key: self.fingerprint_key.clone(),
        }
    }

    /// The id of the key that seals.
    pub fn current(&self) -> &KeyId {
        &self.current
    }

    /// All keys, for writing them to where keys are kept.
    pub fn keys(&self) -> &[(KeyId, Key)] {
        &self.keys
    }

    /// The key of the fingerprints, for writing it to where keys are kept.
    pub fn fingerprint_key(&self) -> &Key {
        &self.fingerprint_key
    }

    /// Seals a number and PIN for one card.
    pub fn seal(&self, card: CardId, secret: &CardSecret) -> Result<Sealed, SealError> {
        let nonce: [u8; 24] = random()?;
        let plain = Zeroizing::new(
            serde_json::to_vec(&PlainSecret {
                number: secret.number.expose_secret(),
                pin: secret.pin.expose_secret(),
            })
            .map_err(|_| SealError::Broken)?,
        );
        let ciphertext = self
            .cipher(&self.current)?
            .encrypt(
                &XNonce::from(nonce),
                Payload {
                    msg: &plain,
                    aad: &associated_data(card, &self.current),
                },
            )
            .map_err(|_| SealError::Broken)?;
        Ok(Sealed {
            key: self.current.clone(),
            nonce: nonce.to_vec(),
            ciphertext,
        })
    }

    /// Opens what was sealed for this card.
    pub fn open(&self, card: CardId, sealed: &Sealed) -> Result<CardSecret, SealError> {
        let cipher = self.cipher(&sealed.key)?;
        let nonce: [u8; 24] = sealed
            .nonce
            .as_slice()
            .try_into()
            .map_err(|_| SealError::Broken)?;
        let plain = Zeroizing::new(
            cipher
                .decrypt(
                    &XNonce::from(nonce),
                    Payload {
                        msg: &sealed.ciphertext,
                        aad: &associated_data(card, &sealed.key),
                    },
                )
                .map_err(|_| SealError::Broken)?,
        );
        let secret: OpenedSecret = serde_json::from_slice(&plain).map_err(|_| SealError::Broken)?;
        Ok(CardSecret {
            number: SecretString::from(secret.number),
            pin: SecretString::from(secret.pin),
        })
    }

    /// A keyed hash of a number at a library: equal for equal numbers, useless without the key.
    pub fn fingerprint(&self, library: &LibraryId, number: &SecretString) -> Fingerprint {
        // An HMAC takes keys of any length: the error cannot happen, and an empty fingerprint
        // would only mean that a number is checked twice.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.fingerprint_key.0) else {
            return Fingerprint(String::new());
        };
        mac.update(library.as_str().as_bytes());
        mac.update(&[0]);
        mac.update(fold_number(number).expose_secret().as_bytes());
        Fingerprint(hex(mac.finalize().into_bytes().iter().take(16)))
    }

    fn cipher(&self, id: &KeyId) -> Result<XChaCha20Poly1305, SealError> {
        self.keys
            .iter()
            .find(|(known, _)| known == id)
            .map(|(_, key)| XChaCha20Poly1305::new(&key.0.into()))
            .ok_or_else(|| SealError::UnknownKey(id.to_string()))
    }
}

/// The number without its spaces, which people write as they like.
pub fn fold_number(number: &SecretString) -> SecretString {
    let folded: String = number
        .expose_secret()
        .chars()
        .filter(|c| !c.is_whitespace())
        .collect();
    SecretString::from(folded)
}

/// A sealed number and PIN: safe in any store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// The key that opens it.
    pub key: KeyId,
    /// 24 bytes.
    pub nonce: Vec<u8>,
    /// What was sealed, and its tag.
    pub ciphertext: Vec<u8>,
}

/// Where the keys are kept.
#[async_trait]
pub trait KeySource: Send + Sync {
    /// The present keys; read anew when a secret names a key that was not there the last time.
    async fn key_ring(&self) -> Result<KeyRing, SealError>;
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

fn associated_data(card: CardId, key: &KeyId) -> Vec<u8> {
    format!("libraryhippo card secret v1 {card} {key}").into_bytes()
}

fn new_key_id() -> Result<KeyId, SealError> {
    Ok(KeyId(format!("k-{}", hex(random::<6>()?.iter()))))
}

fn random<const LENGTH: usize>() -> Result<[u8; LENGTH], SealError> {
    let mut bytes = [0; LENGTH];
    getrandom::fill(&mut bytes).map_err(|error| SealError::NoRandomness(error.to_string()))?;
    Ok(bytes)
}

fn hex<'a>(bytes: impl Iterator<Item = &'a u8>) -> String {
    bytes.map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> CardSecret {
        CardSecret {
            number: SecretString::from("29999000000001"),
            pin: SecretString::from("canary-4711"),
        }
    }

    #[test]
    fn what_was_sealed_for_a_card_opens_for_that_card_only() {
        let ring = KeyRing::generate().unwrap();
        let card = CardId::generate();
        let sealed = ring.seal(card, &secret()).unwrap();
        let opened = ring.open(card, &sealed).unwrap();
        assert_eq!(opened.pin.expose_secret(), "canary-4711");
        assert_eq!(opened.number.expose_secret(), "29999000000001");
        assert_eq!(
            ring.open(CardId::generate(), &sealed).unwrap_err(),
            SealError::Broken
        );
    }

    #[test]
    fn a_changed_envelope_does_not_open() {
        let ring = KeyRing::generate().unwrap();
        let card = CardId::generate();
        let mut sealed = ring.seal(card, &secret()).unwrap();
        sealed.ciphertext[3] ^= 1;
        assert_eq!(ring.open(card, &sealed).unwrap_err(), SealError::Broken);
        sealed.nonce.pop();
        assert_eq!(ring.open(card, &sealed).unwrap_err(), SealError::Broken);
    }

    #[test]
    fn an_old_key_opens_until_it_is_dropped() {
        let old = KeyRing::generate().unwrap();
        let card = CardId::generate();
        let sealed = old.seal(card, &secret()).unwrap();
        let both = old.with_new_key().unwrap();
        assert!(both.open(card, &sealed).is_ok());
        assert_ne!(both.seal(card, &secret()).unwrap().key, sealed.key);
        assert!(matches!(
            both.with_current_key_only().open(card, &sealed),
            Err(SealError::UnknownKey(_))
        ));
    }

    #[test]
    fn fingerprints_tell_equal_numbers_at_one_library_and_survive_a_new_key() {
        let ring = KeyRing::generate().unwrap();
        let wpl = "wpl".parse().unwrap();
        let number = SecretString::from("2999 9000 000001");
        let same = SecretString::from("29999000000001");
        let print = ring.fingerprint(&wpl, &number);
        assert_eq!(print, ring.fingerprint(&wpl, &same));
        assert_eq!(print, ring.with_new_key().unwrap().fingerprint(&wpl, &same));
        assert_ne!(print, ring.fingerprint(&"kpl".parse().unwrap(), &same));
        assert!(!print.0.contains("2999"));
    }

    #[test]
    fn nothing_that_can_be_printed_shows_a_secret() {
        let ring = KeyRing::generate().unwrap();
        let sealed = ring.seal(CardId::generate(), &secret()).unwrap();
        let shown = format!("{ring:?} {sealed:?} {:?}", secret());
        assert!(!shown.contains("canary"));
        assert!(!shown.contains("29999000000001"));
    }
}
