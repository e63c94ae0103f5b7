//! The keys as text, for the key files of one machine and the parameters on AWS.
//!
//! The first line names the kind and format version; the keys follow in hexadecimal. Lines that begin
//! with `#` are comments. There are three kinds, none of which parses as another: the private keys, the
//! public key and the fingerprint key.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};
use zeroize::Zeroizing;

use super::{FingerprintKey, KeyId, PrivateKey, PrivateKeys, PublicKey};

const PRIVATE_KIND: &str = "libraryhippo-private-keys";
const PUBLIC_KIND: &str = "libraryhippo-public-key";
const FINGERPRINT_KIND: &str = "libraryhippo-fingerprint-key";
const VERSION: &str = "1";

const PRIVATE_HEAD: &str = "\
# The private key of LibraryHippo. Anyone with this file and the database can read every number and PIN.
# Keep a copy, but apart from the backups of the database; without it no PIN can be opened again.
";
const PUBLIC_HEAD: &str = "\
# The public key of LibraryHippo. It seals numbers and PINs and opens nothing; it is no secret.
";
const FINGERPRINT_HEAD: &str = "\
# The key of the fingerprints: it tells which cards have the same number. It opens no PIN.
";

/// Why a key text is invalid; names the line, never its content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct MalformedKeys(pub String);

/// Formats the private keys.
pub fn render_private(keys: &PrivateKeys) -> Zeroizing<String> {
    // Reserve everything, so that growing leaves no copy in memory.
    let mut text = Zeroizing::new(String::with_capacity(1024 + keys.keys().len() * 256));
    text.push_str(PRIVATE_HEAD);
    text.push_str(&format!("{PRIVATE_KIND} {VERSION}\n"));
    text.push_str(&format!("current {}\n", keys.current()));
    if let Some(at) = keys.rotated_at() {
        let at = at.to_rfc3339_opts(SecondsFormat::Secs, true);
        text.push_str(&format!("rotated-at {at}\n"));
    }
    for (_, key) in keys.keys() {
        text.push_str("key ");
        push_hex(&mut text, key.expose_bytes());
        text.push('\n');
    }
    text
}

/// Formats a public key.
pub fn render_public(key: &PublicKey) -> String {
    let mut text = format!("{PUBLIC_HEAD}{PUBLIC_KIND} {VERSION}\nkey ");
    push_hex(&mut text, key.as_bytes());
    text.push('\n');
    text
}

/// Formats the fingerprint key.
pub fn render_fingerprint(key: &FingerprintKey) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(512));
    text.push_str(FINGERPRINT_HEAD);
    text.push_str(&format!("{FINGERPRINT_KIND} {VERSION}\nkey "));
    push_hex(&mut text, key.expose_bytes());
    text.push('\n');
    text
}

fn push_hex(text: &mut String, key: &[u8; 32]) {
    for byte in key {
        for digit in [byte >> 4, byte & 0xf] {
            text.push(char::from_digit(digit.into(), 16).unwrap_or('0'));
        }
    }
}

/// Parses the private keys.
pub fn parse_private(text: &str) -> Result<PrivateKeys, MalformedKeys> {
    let facts = Facts::read(text, PRIVATE_KIND)?;
    let current = facts
        .current
        .ok_or_else(|| malformed("it doesn't name the current key"))?;
    let keys = facts.keys.iter().map(|key| PrivateKey::from_bytes(**key));
    PrivateKeys::new(&current, keys.collect(), facts.rotated_at)
        .map_err(|_| malformed("the current key is missing"))
}

/// Parses a public key.
pub fn parse_public(text: &str) -> Result<PublicKey, MalformedKeys> {
    let key = Facts::read(text, PUBLIC_KIND)?.only_key()?;
    Ok(PublicKey::from_bytes(*key))
}

/// Parses the fingerprint key.
pub fn parse_fingerprint(text: &str) -> Result<FingerprintKey, MalformedKeys> {
    let key = Facts::read(text, FINGERPRINT_KIND)?.only_key()?;
    Ok(FingerprintKey::from_bytes(*key))
}

fn malformed(what: &str) -> MalformedKeys {
    MalformedKeys(what.to_owned())
}

/// The parsed lines of a text.
#[derive(Default)]
struct Facts {
    current: Option<KeyId>,
    rotated_at: Option<DateTime<Utc>>,
    keys: Vec<Zeroizing<[u8; 32]>>,
}

impl Facts {
    fn read(text: &str, kind: &str) -> Result<Self, MalformedKeys> {
        let mut facts = Self::default();
        let mut has_kind = false;
        for (number, line) in text.lines().enumerate() {
            let wrong = |what: &dyn fmt::Display| {
                Err(MalformedKeys(format!("line {}: {what}", number + 1)))
            };
            let mut words = line.split_whitespace();
            let is_new = match (words.next(), words.next(), words.next()) {
                (None, ..) => true,
                (Some(word), ..) if word.starts_with('#') => true,
                (Some(word), Some(version), None) if word == kind => match version {
                    VERSION => !std::mem::replace(&mut has_kind, true),
                    _ => return Err(malformed("it was written by a newer LibraryHippo")),
                },
                (Some(PRIVATE_KIND | PUBLIC_KIND | FINGERPRINT_KIND), Some(_), None) => {
                    return Err(malformed("it holds another kind of key"));
                }
                (Some("current"), Some(id), None) if kind == PRIVATE_KIND => {
                    facts.current.replace(KeyId(id.to_owned())).is_none()
                }
                (Some("rotated-at"), Some(at), None) if kind == PRIVATE_KIND => {
                    match DateTime::parse_from_rfc3339(at) {
                        Ok(at) => facts.rotated_at.replace(at.to_utc()).is_none(),
                        Err(_) => return wrong(&"this isn't a time"),
                    }
                }
                (Some("key"), Some(digits), None) => match key(digits) {
                    Some(key) => {
                        let is_new = !facts.keys.contains(&key);
                        facts.keys.push(key);
                        is_new
                    }
                    None => return wrong(&"a key must have 64 hexadecimal digits"),
                },
                _ => return wrong(&"this isn't a line of a key file"),
            };
            if !is_new {
                return wrong(&"it repeats an earlier line");
            }
        }
        if has_kind {
            Ok(facts)
        } else {
            Err(malformed("its first line doesn't name its kind"))
        }
    }

    fn only_key(mut self) -> Result<Zeroizing<[u8; 32]>, MalformedKeys> {
        match (self.keys.pop(), self.keys.is_empty()) {
            (Some(key), true) => Ok(key),
            _ => Err(malformed("it must hold exactly one key")),
        }
    }
}

fn key(digits: &str) -> Option<Zeroizing<[u8; 32]>> {
    let digits = digits.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let mut bytes = Zeroizing::new([0_u8; 32]);
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        for digit in pair {
            let digit = char::from(*digit).to_digit(16)?;
            *byte = (*byte << 4) | u8::try_from(digit).ok()?;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const DIGITS: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    const CURRENT: &str = "k-CURRENT";

    /// A valid text, with the id of its key in place of `CURRENT`.
    fn good() -> String {
        let key = *key(DIGITS).unwrap();
        let id = PrivateKey::from_bytes(key).public_key().unwrap().id();
        format!("# a comment\n\n{PRIVATE_KIND} 1\ncurrent {CURRENT}\nkey {DIGITS}\n")
            .replace(CURRENT, &id.0)
    }

    #[test]
    fn keys_round_trip_through_text() {
        let now = "2026-11-21T12:00:00Z".parse().unwrap();
        let keys = PrivateKeys::generate().unwrap().with_new_key(now).unwrap();
        let read = parse_private(&render_private(&keys)).unwrap();
        assert_eq!(read.current(), keys.current());
        assert_eq!(read.rotated_at(), Some(now));
        let bytes = |keys: &PrivateKeys| -> Vec<[u8; 32]> {
            keys.keys()
                .iter()
                .map(|(_, key)| *key.expose_bytes())
                .collect()
        };
        assert_eq!(bytes(&read), bytes(&keys));
        let public = parse_public(&render_public(keys.public_key())).unwrap();
        assert_eq!(public, *keys.public_key());
        let fingerprint = FingerprintKey::generate().unwrap();
        let read = parse_fingerprint(&render_fingerprint(&fingerprint)).unwrap();
        assert_eq!(read.expose_bytes(), fingerprint.expose_bytes());
    }

    #[test]
    fn public_key_text_holds_no_private_key() {
        let keys = PrivateKeys::generate().unwrap();
        let mut private = String::new();
        push_hex(&mut private, keys.keys()[0].1.expose_bytes());
        assert!(!render_public(keys.public_key()).contains(&private));
        assert!(render_private(&keys).contains(&private));
    }

    #[test]
    fn key_text_of_one_kind_is_rejected_as_another() {
        let keys = PrivateKeys::generate().unwrap();
        let texts = [
            render_private(&keys).to_string(),
            render_public(keys.public_key()),
            render_fingerprint(&FingerprintKey::generate().unwrap()).to_string(),
        ];
        for (index, text) in texts.iter().enumerate() {
            assert_eq!(parse_private(text).is_ok(), index == 0);
            assert_eq!(parse_public(text).is_ok(), index == 1);
            assert_eq!(parse_fingerprint(text).is_ok(), index == 2);
        }
    }

    #[rstest]
    #[case::empty(String::new(), "its first line doesn't name its kind")]
    #[case::newer(good().replace("keys 1", "keys 2"), "it was written by a newer LibraryHippo")]
    #[case::no_current(good().replace("current", "# current"), "it doesn't name the current key")]
    #[case::other_current(good().replace("current k-", "current k-0"), "the current key is missing")]
    #[case::no_key(good().replace("key 00", "# key 00"), "the current key is missing")]
    #[case::short(good().replace("ff\n", "f\n"), "line 5: a key must have 64 hexadecimal digits")]
    #[case::not_hex(good().replace("key 00", "key zz"), "line 5: a key must have 64 hexadecimal digits")]
    #[case::twice(format!("{}key {DIGITS}\n", good()), "line 6: it repeats an earlier line")]
    #[case::no_time(format!("{}rotated-at noon\n", good()), "line 6: this isn't a time")]
    #[case::foreign(format!("{}hello\n", good()), "line 6: this isn't a line of a key file")]
    #[case::truncated(good()[..good().len() - 10].to_owned(), "line 5: a key must have 64 hexadecimal digits")]
    fn damaged_key_text_names_its_fault(#[case] text: String, #[case] expected: &str) {
        let fault = parse_private(&text).unwrap_err().0;
        assert_eq!(fault, expected);
        assert!(!fault.contains(&DIGITS[..8]));
    }

    #[test]
    fn key_text_in_capitals_is_accepted() {
        assert!(parse_private(&good().replace("aabbcc", "AABBCC")).is_ok());
    }
}
