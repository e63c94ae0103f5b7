//! Base64 (RFC 4648), in which other programs write binary bodies, and some all bodies.

/// Decodes base64. Ignores spaces and padding. `None` for an invalid character.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut length) = (0_u32, 0_u32);
    for sign in text.bytes().filter(|byte| !byte.is_ascii_whitespace()) {
        let digit = match sign {
            b'A'..=b'Z' => sign - b'A',
            b'a'..=b'z' => sign - b'a' + 26,
            b'0'..=b'9' => sign - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'=' => break,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(digit);
        length += 6;
        if length >= 8 {
            length -= 8;
            bytes.push(u8::try_from((bits >> length) & 0xff).ok()?);
            bits &= (1 << length) - 1;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("", Some(""))]
    #[case("Zg==", Some("f"))]
    #[case("Zm8=", Some("fo"))]
    #[case("Zm9v", Some("foo"))]
    #[case("Zm9v\r\nYmFy", Some("foobar"))]
    #[case("w4k", Some("É"))]
    #[case("<p>", None)]
    fn base64_is_decoded(#[case] text: &str, #[case] expected: Option<&str>) {
        let expected = expected.map(|text| text.as_bytes().to_vec());
        assert_eq!(decode(text), expected);
    }
}
