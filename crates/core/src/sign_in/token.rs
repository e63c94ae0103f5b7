//! Random tokens and codes, and the hashes that stores hold.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroize;

/// The bytes of a token.
const TOKEN_BYTES: usize = 32;

/// How many codes there are.
const CODES: u64 = 1_000_000;

/// The operating system's random generator failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("The operating system's random generator failed.")]
pub struct NoRandomness;

/// A random secret of 256 bits, which its holder shows to be let in.
#[derive(Clone)]
pub struct Token([u8; TOKEN_BYTES]);

impl Token {
    /// Makes a new token.
    pub fn generate() -> Result<Self, NoRandomness> {
        let mut bytes = [0; TOKEN_BYTES];
        getrandom::fill(&mut bytes).map_err(|_| NoRandomness)?;
        Ok(Self(bytes))
    }

    /// The token as 64 hexadecimal digits: for a cookie or a link, never for a log.
    pub fn to_secret_text(&self) -> String {
        hex(&self.0)
    }

    /// Parses a token's text; `None` if it isn't one.
    pub fn from_secret_text(text: &str) -> Option<Self> {
        parse_hex(text).map(Self)
    }

    /// The hash that a store holds.
    pub fn hash(&self) -> TokenHash {
        TokenHash::from_parts("token", &[&self.0])
    }

    /// A text that only the token's holder can make, for one purpose: it doesn't reveal the token.
    pub fn derive_text(&self, purpose: &str) -> String {
        TokenHash::from_parts("derived", &[purpose.as_bytes(), &self.0]).to_string()
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// A code of six digits, which a person types.
#[derive(Clone)]
pub struct SignInCode(String);

impl SignInCode {
    /// Makes a new code.
    pub fn generate() -> Result<Self, NoRandomness> {
        loop {
            let number = getrandom::u64().map_err(|_| NoRandomness)?;
            // The last, incomplete stretch of numbers would make some codes likelier than others.
            if number < u64::MAX - u64::MAX % CODES {
                return Ok(Self(format!("{:06}", number % CODES)));
            }
        }
    }

    /// Parses what a person typed: six digits, with spaces or hyphens anywhere.
    pub fn from_typed(text: &str) -> Option<Self> {
        let is_separator = |c: char| c.is_whitespace() || c == '-';
        let digits: String = text.chars().filter(|c| !is_separator(*c)).collect();
        let is_code = digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_code.then_some(Self(digits))
    }

    /// The six digits: for the mail, never for a log.
    pub fn secret_text(&self) -> &str {
        &self.0
    }

    /// The hash that a store holds; the attempt's id is part of it.
    pub(super) fn hash(&self, attempt: &[u8]) -> TokenHash {
        TokenHash::from_parts("code", &[attempt, self.0.as_bytes()])
    }
}

impl fmt::Debug for SignInCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignInCode(…)")
    }
}

/// The SHA-256 of a token or code.
#[derive(Clone, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TokenHash([u8; 32]);

/// A text is not a hash.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("That isn't a hash of a token.")]
pub struct InvalidHash;

impl TokenHash {
    /// Hashes parts under a purpose; each part's length is hashed too.
    pub(super) fn from_parts(purpose: &str, parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"libraryhippo sign-in ");
        for part in [purpose.as_bytes()].iter().chain(parts) {
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part);
        }
        Self(hash.finalize().into())
    }
}

/// Compares in constant time.
impl PartialEq for TokenHash {
    fn eq(&self, other: &Self) -> bool {
        let bytes = self.0.iter().zip(&other.0);
        let difference = bytes.fold(0, |found, (one, other)| found | (one ^ other));
        std::hint::black_box(difference) == 0
    }
}

impl Hash for TokenHash {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl fmt::Display for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&hex(&self.0))
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(…)")
    }
}

impl FromStr for TokenHash {
    type Err = InvalidHash;

    fn from_str(text: &str) -> Result<Self, InvalidHash> {
        parse_hex(text).map(Self).ok_or(InvalidHash)
    }
}

impl TryFrom<String> for TokenHash {
    type Error = InvalidHash;

    fn try_from(text: String) -> Result<Self, InvalidHash> {
        text.parse()
    }
}

impl From<TokenHash> for String {
    fn from(hash: TokenHash) -> Self {
        hash.to_string()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn parse_hex(text: &str) -> Option<[u8; 32]> {
    let is_hex = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
    if text.len() != 64 || !text.bytes().all(is_hex) {
        return None;
    }
    let mut bytes = [0; 32];
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * index..2 * index + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[test]
    fn token_round_trips_and_its_hash_does_not_reveal_it() {
        let token = Token::generate().unwrap();
        let text = token.to_secret_text();
        let read = Token::from_secret_text(&text).unwrap();
        assert_eq!(read.hash(), token.hash());
        assert_ne!(token.hash().to_string(), text);
        assert_ne!(token.derive_text("form"), token.derive_text("feed"));
        assert_ne!(Token::generate().unwrap().to_secret_text(), text);
    }

    #[rstest]
    #[case("")]
    #[case("00")]
    #[case("+f00000000000000000000000000000000000000000000000000000000000000")]
    #[case("AF00000000000000000000000000000000000000000000000000000000000000")]
    #[case("000000000000000000000000000000000000000000000000000000000000000é")]
    fn other_texts_are_not_tokens(#[case] text: &str) {
        assert!(Token::from_secret_text(text).is_none());
        assert!(text.parse::<TokenHash>().is_err());
    }

    #[rstest]
    #[case("123456", Some("123456"))]
    #[case(" 123 456\n", Some("123456"))]
    #[case("012-345", Some("012345"))]
    #[case("12345", None)]
    #[case("1234567", None)]
    #[case("12345a", None)]
    #[case("١٢٣٤٥٦", None)]
    #[case("", None)]
    fn code_is_six_digits_however_they_are_spaced(
        #[case] typed: &str,
        #[case] expected: Option<&str>,
    ) {
        let code = SignInCode::from_typed(typed);
        assert_eq!(code.as_ref().map(SignInCode::secret_text), expected);
    }

    #[test]
    fn debug_shows_no_secret() {
        let (token, code) = (Token::generate().unwrap(), SignInCode::generate().unwrap());
        assert_eq!(code.secret_text().len(), 6);
        let text = format!("{token:?} {code:?} {:?}", token.hash());
        assert_eq!(text, "Token(…) SignInCode(…) TokenHash(…)");
    }
}
