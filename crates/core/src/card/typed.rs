//! Numbers and PINs as people type or paste them.

use secrecy::SecretString;

/// The longest number or PIN, in bytes.
const MAX_SECRET_BYTES: usize = 256;

/// Why a typed number or PIN can't be used. Contains nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSecretInput {
    /// There is nothing but white space and invisible characters.
    #[error("It is empty.")]
    Empty,
    /// It is too long, or no form takes it.
    #[error("It is too long or holds characters that can't be typed.")]
    Unusable,
}

/// Trims and validates a number or PIN; spaces inside are kept.
pub fn parse_secret_input(text: &str) -> Result<SecretString, InvalidSecretInput> {
    match trim_invisible(text) {
        "" => Err(InvalidSecretInput::Empty),
        text if text.len() > MAX_SECRET_BYTES || text.contains(is_untypable) => {
            Err(InvalidSecretInput::Unusable)
        }
        text => Ok(SecretString::from(text)),
    }
}

/// Trims white space and invisible characters, which a paste may bring along.
pub fn trim_invisible(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || is_invisible(c))
}

/// Whether a character can't be typed into a form: a control or invisible character.
fn is_untypable(c: char) -> bool {
    c.is_control() || is_invisible(c)
}

/// Whether a character has no width, such as direction marks, joiners and soft hyphens.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("\u{feff}1234 \r\n", "1234")]
    #[case(" 12 34\t", "12 34")]
    #[case("\u{a0}1234\u{feff}", "1234")]
    #[case("\u{200b}\u{2060} 12\u{a0}34\u{200e}\u{ad}\r\n", "12\u{a0}34")]
    fn invisible_ends_are_trimmed(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(trim_invisible(text), expected);
    }
}
