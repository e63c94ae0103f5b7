//! Text from standard input, the environment or a file: UTF-8, without a byte-order mark.

use std::path::Path;

use crate::output::stdout::io_words;

/// Windows programs write it at the beginning of text that they pipe or save.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Why bytes were rejected as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotText {
    /// UTF-16, as some Windows programs write it.
    #[error("it is UTF-16; save it as UTF-8")]
    Utf16,
    /// Another encoding, or no text at all.
    #[error("it isn't UTF-8 text")]
    NotUtf8,
}

/// Decodes UTF-8 without its byte-order mark.
pub(crate) fn decode_text(bytes: &[u8]) -> Result<&str, NotText> {
    let has_utf16_mark = bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff");
    // Without a mark, every second byte of ASCII text is 0.
    if has_utf16_mark || bytes.iter().take(2).any(|byte| *byte == 0) {
        return Err(NotText::Utf16);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| NotText::NotUtf8)?;
    Ok(strip_byte_order_mark(text))
}

/// Reads a text file; the error completes a sentence after a colon.
pub(crate) fn read_text_file(path: &Path) -> Result<String, String> {
    let bytes = std::fs::read(path).map_err(|error| io_words(&error))?;
    decode_text(&bytes)
        .map(str::to_owned)
        .map_err(|error| error.to_string())
}

/// Drops byte-order marks at the beginning.
pub(crate) fn strip_byte_order_mark(text: &str) -> &str {
    text.trim_start_matches(BYTE_ORDER_MARK)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::plain(b"1234\n", Ok("1234\n"))]
    #[case::with_mark(b"\xef\xbb\xbf1234\r\n", Ok("1234\r\n"))]
    #[case::with_two_marks(b"\xef\xbb\xbf\xef\xbb\xbf1234", Ok("1234"))]
    #[case::empty(b"", Ok(""))]
    #[case::utf_16_little_endian(b"\xff\xfe1\x002\x00", Err(NotText::Utf16))]
    #[case::utf_16_big_endian(b"\xfe\xff\x001\x002", Err(NotText::Utf16))]
    #[case::utf_16_without_a_mark(b"1\x002\x00", Err(NotText::Utf16))]
    #[case::latin_1(b"p\xe4ss", Err(NotText::NotUtf8))]
    fn only_utf_8_is_accepted(#[case] bytes: &[u8], #[case] expected: Result<&str, NotText>) {
        assert_eq!(decode_text(bytes), expected);
    }
}
