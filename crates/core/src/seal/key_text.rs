//! The keys as text: what the key file of one machine and the parameter on AWS hold.
//!
//! One fact a line: the version of the format, the key that seals, the key of the fingerprints, and
//! every key that opens, in hexadecimal. Lines that begin with `#` are for people.

use std::fmt;

use zeroize::Zeroizing;

use super::{Key, KeyId, KeyRing};

const HEAD: &str = "\
# The keys of LibraryHippo. Whoever has this file and the database can read every number and PIN.
# Keep a copy, but apart from the backups of the database; without it no PIN can be opened again.
";

/// What is wrong with a text that should hold keys, by line and never by content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct MalformedKeys(pub String);

/// The text of a ring.
pub fn render(ring: &KeyRing) -> Zeroizing<String> {
    // Room for everything, so that growing leaves no copy behind in memory.
    let mut text = Zeroizing::new(String::with_capacity(1024 + ring.keys().len() * 256));
    text.push_str(HEAD);
    text.push_str("version 1\n");
    text.push_str(&format!("current {}\n", ring.current()));
    text.push_str("fingerprint ");
    push_hex(&mut text, ring.fingerprint_key());
    text.push('\n');
    for (id, key) in ring.keys() {
        text.push_str(&format!("key {id} "));
        push_hex(&mut text, key);
        text.push('\n');
    }
    text
}

fn push_hex(text: &mut String, key: &Key) {
    for byte in key.expose_bytes() {
        for digit in [byte >> 4, byte & 0xf] {
            text.push(char::from_digit(digit.into(), 16).unwrap_or('0'));
        }
    }
}

/// The ring that a text holds.
pub fn parse(text: &str) -> Result<KeyRing, MalformedKeys> {
    read(text).map_err(MalformedKeys)
}

fn read(text: &str) -> Result<KeyRing, String> {
    let mut version = None;
    let mut current = None;
    let mut fingerprint = None;
    let mut keys: Vec<(KeyId, Key)> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let wrong = |what: &dyn fmt::Display| Err(format!("line {}: {what}", number + 1));
        let mut words = line.split_whitespace();
        let fresh = match (words.next(), words.next(), words.next(), words.next()) {
            (None, ..) => true,
            (Some(word), ..) if word.starts_with('#') => true,
            (Some("version"), Some(number), None, None) => version.replace(number).is_none(),
            (Some("current"), Some(id), None, None) => {
                current.replace(KeyId(id.to_owned())).is_none()
            }
            (Some("fingerprint"), Some(digits), None, None) => match key(digits) {
                Some(key) => fingerprint.replace(key).is_none(),
                None => return wrong(&"a key must have 64 hexadecimal digits"),
            },
            (Some("key"), Some(id), Some(digits), None) => match key(digits) {
                Some(key) => {
                    let fresh = keys.iter().all(|(known, _)| known.0 != id);
                    keys.push((KeyId(id.to_owned()), key));
                    fresh
                }
                None => return wrong(&"a key must have 64 hexadecimal digits"),
            },
            _ => return wrong(&"it says nothing that a key file says"),
        };
        if !fresh {
            return wrong(&"it says again what an earlier line says");
        }
    }
    match version {
        Some("1") => {}
        Some(_) => return Err("it was written by a newer LibraryHippo".to_owned()),
        None => return Err("it does not say its version".to_owned()),
    }
    let current = current.ok_or("it does not say which key seals")?;
    let fingerprint = fingerprint.ok_or("the key of the fingerprints is missing")?;
    KeyRing::new(current, keys, fingerprint).map_err(|_| "the key that seals is missing".to_owned())
}

fn key(digits: &str) -> Option<Key> {
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
    Some(Key::from_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const DIGITS: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    fn good() -> String {
        format!("# a comment\n\nversion 1\ncurrent k-1\nfingerprint {DIGITS}\nkey k-1 {DIGITS}\n")
    }

    #[test]
    fn a_ring_survives_the_file() {
        let ring = KeyRing::generate().unwrap().with_new_key().unwrap();
        let read = parse(&render(&ring)).unwrap();
        assert_eq!(read.current(), ring.current());
        let bytes = |ring: &KeyRing| -> Vec<(KeyId, [u8; 32])> {
            ring.keys()
                .iter()
                .map(|(id, key)| (id.clone(), *key.expose_bytes()))
                .collect()
        };
        assert_eq!(bytes(&read), bytes(&ring));
        assert_eq!(
            read.fingerprint_key().expose_bytes(),
            ring.fingerprint_key().expose_bytes()
        );
    }

    #[rstest]
    #[case::empty(String::new(), "it does not say its version")]
    #[case::newer(good().replace("version 1", "version 2"), "it was written by a newer LibraryHippo")]
    #[case::no_current(good().replace("current k-1\n", ""), "it does not say which key seals")]
    #[case::other_current(good().replace("current k-1", "current k-2"), "the key that seals is missing")]
    #[case::no_key(good().replace("key k-1", "# key"), "the key that seals is missing")]
    #[case::short(good().replace("ff\nkey", "f\nkey"), "line 5: a key must have 64 hexadecimal digits")]
    #[case::not_hex(good().replace("key k-1 00", "key k-1 zz"), "line 6: a key must have 64 hexadecimal digits")]
    #[case::twice(format!("{}key k-1 {DIGITS}\n", good()), "line 7: it says again what an earlier line says")]
    #[case::foreign(format!("{}hello\n", good()), "line 7: it says nothing that a key file says")]
    #[case::truncated(good()[..good().len() - 10].to_owned(), "line 6: a key must have 64 hexadecimal digits")]
    fn a_damaged_file_is_named_by_its_fault(#[case] text: String, #[case] expected: &str) {
        let fault = parse(&text).unwrap_err().0;
        assert_eq!(fault, expected);
        assert!(!fault.contains(&DIGITS[..8]));
    }

    #[test]
    fn capitals_are_read_too() {
        assert!(parse(&good().replace("aabbcc", "AABBCC")).is_ok());
    }
}
