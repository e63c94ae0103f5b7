//! Decodes HTML entities.

use std::borrow::Cow;

/// The longest name or number of an entity.
const MAX_ENTITY_BYTES: usize = 8;

/// Decodes HTML entities in text that isn't HTML, such as JSON in which sites write `&amp;`.
///
/// Knows numbers and the names of the five HTML characters, the space, dashes and quotes. Leaves
/// others unchanged.
pub fn decode_entities(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, from)) = rest.split_once('&') {
        decoded.push_str(before);
        // Searches a few bytes only, so that the work stays linear.
        let end = from
            .bytes()
            .take(MAX_ENTITY_BYTES + 1)
            .position(|byte| byte == b';');
        let entity = end
            .and_then(|end| Some((from.get(..end)?, from.get(end + 1..)?)))
            .and_then(|(name, after)| Some((entity(name)?, after)));
        match entity {
            Some((sign, after)) => {
                decoded.push(sign);
                rest = after;
            }
            None => {
                decoded.push('&');
                rest = from;
            }
        }
    }
    decoded.push_str(rest);
    Cow::Owned(decoded)
}

fn entity(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(digits) => u32::from_str_radix(digits, 16),
            None => number.parse(),
        };
        return char::from_u32(code.ok()?);
    }
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        "ndash" => '–',
        "mdash" => '—',
        "lsquo" => '‘',
        "rsquo" => '’',
        "ldquo" => '“',
        "rdquo" => '”',
        "hellip" => '…',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("Fish &amp; chips", "Fish & chips")]
    #[case("&lt;b&gt; &#39;x&#x27;", "<b> 'x'")]
    #[case("AT&T; R&D & more", "AT&T; R&D & more")]
    #[case("&amp;lt;", "&lt;")]
    #[case("&#x110000;", "&#x110000;")]
    #[case("&é;", "&é;")]
    #[case("&&&&amp;&", "&&&&&")]
    #[case("&longername;&lt;", "&longername;<")]
    fn entities_in_plain_text_are_decoded_once(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(decode_entities(text), expected);
    }
}
