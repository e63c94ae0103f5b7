//! Decodes a page's bytes.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// How far into a page a `<meta>` charset is searched (from the HTML standard).
const PRESCAN_BYTES: usize = 1024;

/// Decodes a page by its byte order mark, the header, or its `<meta>`. Otherwise as UTF-8 if valid,
/// else as windows-1252.
///
/// A byte order mark overrides the header (Encoding Standard). Invalid bytes become U+FFFD. Without a header, letters
/// in valid UTF-8 are that, whatever the `<meta>` says: a browser saves pages so, and keeps the `<meta>`.
pub fn decode(bytes: &[u8], content_type: Option<&str>) -> String {
    let declared = content_type.and_then(|header| label_after_charset(header.as_bytes()));
    let encoding = declared.unwrap_or_else(|| {
        let is_utf_8 = std::str::from_utf8(bytes).is_ok();
        match charset_in_meta(bytes) {
            _ if is_utf_8 && !bytes.is_ascii() => UTF_8,
            Some(encoding) => encoding,
            None if is_utf_8 => UTF_8,
            None => WINDOWS_1252,
        }
    });
    // `decode` looks for a byte order mark first.
    let (text, _, _) = encoding.decode(bytes);
    text.into_owned()
}

/// The charset of a `<meta>` in the first kilobyte.
fn charset_in_meta(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = bytes
        .get(..PRESCAN_BYTES.min(bytes.len()))
        .unwrap_or_default()
        .to_ascii_lowercase();
    let mut rest: &[u8] = &head;
    while let Some(start) = find(rest, b"<meta") {
        let tag = rest.get(start..).unwrap_or_default();
        let end = find(tag, b">").unwrap_or(tag.len());
        let inside = tag.get(..end).unwrap_or_default();
        if let Some(encoding) = label_after_charset(inside) {
            // A `<meta>` that can be read as ASCII isn't UTF-16.
            return Some(if encoding == UTF_16LE || encoding == UTF_16BE {
                UTF_8
            } else {
                encoding
            });
        }
        rest = tag.get(end..).unwrap_or_default();
    }
    None
}

/// The encoding named by `charset=…`, in a header or a tag.
fn label_after_charset(text: &[u8]) -> Option<&'static Encoding> {
    let lower = text.to_ascii_lowercase();
    let mut rest: &[u8] = &lower;
    while let Some(at) = find(rest, b"charset") {
        rest = rest.get(at + b"charset".len()..)?;
        let Some(value) = rest.trim_ascii_start().strip_prefix(b"=") else {
            continue;
        };
        let value = value.trim_ascii_start();
        let value = match value.first() {
            Some(b'"' | b'\'') => value.get(1..)?,
            _ => value,
        };
        let end = value
            .iter()
            .position(|byte| {
                let is_separator = matches!(byte, b'"' | b'\'' | b';' | b',' | b'>' | b'/');
                is_separator || byte.is_ascii_whitespace()
            })
            .unwrap_or(value.len());
        if let Some(encoding) = value.get(..end).and_then(Encoding::for_label) {
            return Some(encoding);
        }
    }
    None
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATIN: &[u8] = b"<html><head><title>Caf\xe9</title>";

    #[test]
    fn header_sets_the_charset() {
        assert!(decode(LATIN, Some("text/html; charset=ISO-8859-1")).contains("Café"));
        assert!(decode(LATIN, Some("text/html;Charset=\"windows-1252\"")).contains("Café"));
        assert!(decode(&[0x82, 0xa0], Some("text/html; charset=shift_jis")).contains('あ'));
    }

    #[test]
    fn byte_order_mark_overrides_the_header() {
        let page = b"\xef\xbb\xbfCaf\xc3\xa9";
        assert_eq!(decode(page, Some("text/html; charset=iso-8859-1")), "Café");
        assert_eq!(decode(b"\xff\xfeC\0a\0", None), "Ca");
    }

    #[test]
    fn meta_sets_the_charset_without_a_header() {
        let own = b"<meta name=x><META HTTP-EQUIV='Content-Type' CONTENT='text/html; charset=iso-8859-2'>\xe8";
        assert!(decode(own, Some("text/html")).ends_with('č'));
        let short = b"<meta charset = \"koi8-r\">\xc1";
        assert!(decode(short, None).ends_with('а'));
        let late = [b" ".repeat(2000), b"<meta charset=koi8-r>\xc1".to_vec()].concat();
        assert!(decode(&late, None).ends_with('Á'));
    }

    #[test]
    fn meta_utf_16_means_utf_8() {
        let page = "<meta charset=utf-16>Café".as_bytes();
        assert!(decode(page, None).ends_with("Café"));
    }

    #[test]
    fn undeclared_charset_is_utf_8_or_windows_1252() {
        assert_eq!(decode("Čapek".as_bytes(), None), "Čapek");
        assert_eq!(decode(b"\x93Caf\xe9\x94", None), "“Café”");
        assert_eq!(
            decode("Čapek".as_bytes(), Some("text/html; charset=klingon")),
            "Čapek"
        );
    }
}
