//! The page to open after signing in.

use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use hippo_core::sign_in::ATTEMPT_LIFETIME;

use super::cookies::{CookieName, read_cookie, set_cookie};

/// The longest path to come back to.
const MAX_PATH_LENGTH: usize = 200;

/// Makes the browser remember a family's page until somebody has signed in. Ignores other paths.
pub(crate) fn remember_page(response: &mut Response, path: &str, is_secure: bool) {
    let lifetime = Some(ATTEMPT_LIFETIME);
    if is_own_page(path)
        && let Some(cookie) = set_cookie(CookieName::Next, path, lifetime, is_secure)
    {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
}

/// The page to open after signing in, if there is one.
pub(crate) fn next_page(headers: &HeaderMap, is_secure: bool) -> Option<String> {
    let path = read_cookie(headers, CookieName::Next, is_secure)?;
    is_own_page(path).then(|| path.to_owned())
}

/// Whether a path is a page of a family, and nothing else.
fn is_own_page(path: &str) -> bool {
    let is_plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'/' | b'-');
    path.len() <= MAX_PATH_LENGTH
        && path.starts_with("/family/")
        && !path.contains("//")
        && path.bytes().all(is_plain)
        && path.parse::<Uri>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("/family/settings", true)]
    #[case("/family/cards/01KAK3V6ZB9V0S7YQJ4M2N8R5T/pin", true)]
    #[case("/console", false)]
    #[case("//evil.example/family/", false)]
    #[case("/family//evil.example", false)]
    #[case("https://evil.example/family/", false)]
    #[case("/family/../sign-out", false)]
    #[case("/family/x?token=y", false)]
    #[case("/family/\\evil", false)]
    fn only_a_familys_page_is_opened_after_signing_in(#[case] path: &str, #[case] expected: bool) {
        assert_eq!(is_own_page(path), expected);
    }
}
