//! Names a page in failures and logs without personal data.

use url::Url;

/// A path segment longer than this is more likely a token than a word.
const MAX_WORD_BYTES: usize = 32;

/// The path of a page without possible numbers, session ids and names of patrons.
///
/// Without host, query and fragment. A segment is cut before its parameters. A segment with a digit
/// becomes `…`.
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
    fn redacted_path_has_no_number_session_or_query() {
        let redact = |url: &str| redacted_path(&Url::parse(url).unwrap());
        assert_eq!(
            redact("https://x.test/patroninfo~S1/1234567/items?pin=9999#x"),
            "/patroninfo/…/items"
        );
        assert_eq!(
            redact("https://x.test/account;jsessionid=AB3F/loans"),
            "/account/loans"
        );
        assert_eq!(redact("https://x.test"), "/");
    }
}
