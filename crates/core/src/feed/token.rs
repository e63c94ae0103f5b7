//! The token in a feed's link: anyone who knows it may read the feed.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::encode_hex_prefix;
use crate::sign_in::NoRandomness;

/// The length of a token in bytes: 256 bits.
const TOKEN_BYTES: usize = 32;

/// The text is not a feed's token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("That isn't a feed's token.")]
pub struct InvalidFeedToken;

/// A random token of 256 bits. Only its hash is stored. `Debug` shows nothing of it.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct FeedToken([u8; TOKEN_BYTES]);

impl FeedToken {
    /// Generates a token.
    pub fn generate() -> Result<Self, NoRandomness> {
        let mut token = Self([0; TOKEN_BYTES]);
        getrandom::fill(&mut token.0).map_err(|_| NoRandomness)?;
        Ok(token)
    }

    /// Writes the token for its link: 64 hexadecimal digits.
    pub fn expose(&self) -> Zeroizing<String> {
        Zeroizing::new(encode_hex_prefix(&self.0, TOKEN_BYTES))
    }

    /// Its last four digits, by which a person can tell it from others.
    pub fn last_four(&self) -> String {
        let text = self.expose();
        text.get(text.len().saturating_sub(4)..)
            .unwrap_or_default()
            .to_owned()
    }

    /// Its hash.
    pub fn hash(&self) -> FeedTokenHash {
        FeedTokenHash(encode_hex_prefix(&Sha256::digest(self.0), TOKEN_BYTES))
    }
}

impl fmt::Debug for FeedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FeedToken(…)")
    }
}

impl FromStr for FeedToken {
    type Err = InvalidFeedToken;

    /// Reads a token as [`FeedToken::expose`] writes it: no other spelling is accepted.
    fn from_str(text: &str) -> Result<Self, InvalidFeedToken> {
        let digits = text.as_bytes();
        if digits.len() != TOKEN_BYTES * 2 {
            return Err(InvalidFeedToken);
        }
        let mut token = Self([0; TOKEN_BYTES]);
        for (byte, pair) in token.0.iter_mut().zip(digits.chunks_exact(2)) {
            for digit in pair {
                *byte = *byte << 4 | hex_digit(*digit).ok_or(InvalidFeedToken)?;
            }
        }
        Ok(token)
    }
}

/// The SHA-256 of a token: 64 hexadecimal digits. It doesn't reveal the token.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FeedTokenHash(String);

impl FeedTokenHash {
    /// The hash as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for FeedTokenHash {
    type Err = InvalidFeedToken;

    fn from_str(text: &str) -> Result<Self, InvalidFeedToken> {
        let is_hash =
            text.len() == TOKEN_BYTES * 2 && text.bytes().all(|digit| hex_digit(digit).is_some());
        is_hash
            .then(|| Self(text.to_owned()))
            .ok_or(InvalidFeedToken)
    }
}

impl TryFrom<String> for FeedTokenHash {
    type Error = InvalidFeedToken;

    fn try_from(text: String) -> Result<Self, InvalidFeedToken> {
        text.parse()
    }
}

impl From<FeedTokenHash> for String {
    fn from(hash: FeedTokenHash) -> Self {
        hash.0
    }
}

/// The value of a lower-case hexadecimal digit.
fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[test]
    fn token_is_read_back_from_its_link() {
        let token = FeedToken::generate().unwrap();
        let text = token.expose();
        assert_eq!(text.len(), 64);
        let again: FeedToken = text.parse().unwrap();
        assert_eq!(again.expose(), text);
        assert_eq!(again.hash(), token.hash());
        assert!(text.ends_with(&token.last_four()));
        assert_eq!(token.last_four().len(), 4);
    }

    #[test]
    fn two_tokens_differ() {
        let [one, other] = [(); 2].map(|()| FeedToken::generate().unwrap());
        assert_ne!(one.expose(), other.expose());
        assert_ne!(one.hash(), other.hash());
    }

    #[test]
    fn hash_is_the_sha_256_of_the_tokens_bytes() {
        let token: FeedToken = "00".repeat(32).parse().unwrap();
        let of_32_zeros = "66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925";
        assert_eq!(token.hash().as_str(), of_32_zeros);
    }

    #[rstest]
    #[case::empty("")]
    #[case::short(&"a".repeat(63))]
    #[case::long(&"a".repeat(65))]
    #[case::upper_case(&"A".repeat(64))]
    #[case::no_digit(&format!("{}g", "a".repeat(63)))]
    #[case::two_bytes_each(&"é".repeat(32))]
    fn other_text_is_not_a_token(#[case] text: &str) {
        assert!(text.parse::<FeedToken>().is_err());
        assert!(text.parse::<FeedTokenHash>().is_err());
    }

    #[test]
    fn debug_shows_nothing_of_the_token() {
        let token: FeedToken = "ca".repeat(32).parse().unwrap();
        assert_eq!(format!("{token:?} {token:#?}"), "FeedToken(…) FeedToken(…)");
    }
}
