//! How failures and logs name a page without telling whose it is.

use url::Url;

/// A path segment longer than this is more likely a token than a word.
const MAX_WORD_BYTES: usize = 32;

/// The path of a page, without what may be a number, a session or a name of a patron.
///
/// No host, no query, no fragment; a segment ends where parameters begin, and one with a digit in
/// it is left out.
pub(super) fn redacted_path(url: &Url) -> String {
    let mut text = String::new();
    for segment in url.path_segments().into_iter().flatten().take(6) {
        let word = segment
            .split([';', '~', '=', '%', '@', ',', '&'])
            .next()
            .unwrap_or_default();
        text.push('/');
        if word.len() > MAX_WORD_BYTES || word.chars().any(|c| c.is_ascii_digit()) {
            text.push('…');
        } else {
            text.push_str(word);
        }
    }
    if text.is_empty() {
        text.push('/');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_holds_no_number_no_session_and_no_query() {
        let place_of = |url: &str| redacted_path(&Url::parse(url).unwrap());
        assert_eq!(
            place_of("https://x.test/patroninfo~S1/1234567/items?pin=9999#x"),
            "/patroninfo/…/items"
        );
        assert_eq!(
            place_of("https://x.test/account;jsessionid=AB3F/loans"),
            "/account/loans"
        );
        assert_eq!(place_of("https://x.test"), "/");
    }
}
