//! The page to open after signing in.

use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use hippo_core::sign_in::{ATTEMPT_LIFETIME, Session};

use super::cookies::{CookieName, read_cookie, set_cookie};

/// The longest path to come back to.
const MAX_PATH_LENGTH: usize = 200;

/// Makes the browser remember a page of a family or of the console until somebody has signed in. Ignores other paths.
pub(crate) fn remember_page(response: &mut Response, path: &str, is_secure: bool) {
    let lifetime = Some(ATTEMPT_LIFETIME);
    if is_own_page(path)
        && let Some(cookie) = set_cookie(CookieName::Next, path, lifetime, is_secure)
    {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
}

/// The page to open after signing in, if there is one that this session can open.
pub(crate) fn next_page(headers: &HeaderMap, is_secure: bool, session: &Session) -> Option<String> {
    let path = read_cookie(headers, CookieName::Next, is_secure)?;
    let can_open = match is_of_console(path) {
        true => session.is_operator,
        false => session.family.is_some(),
    };
    (is_own_page(path) && can_open).then(|| path.to_owned())
}

fn is_of_console(path: &str) -> bool {
    path == "/console" || path.starts_with("/console/")
}

/// Whether a path is a page of a family or of the console, and nothing else.
fn is_own_page(path: &str) -> bool {
    // A run's page has its time.
    let is_plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'/' | b'-' | b':' | b'.');
    path.len() <= MAX_PATH_LENGTH
        && (path.starts_with("/family/") || is_of_console(path))
        && !["//", "/.", ".."].iter().any(|part| path.contains(part))
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
    #[case("/console", true)]
    #[case("/console/runs/check-cards/all/2026-11-21T10:00:00Z", true)]
    #[case("/console/runs/check-cards/person/2026-11-21T10:00:00.123Z", true)]
    #[case("/console/../sign-out", false)]
    #[case("/family/./settings", false)]
    #[case("/consoles", false)]
    #[case("/console:@evil.example", false)]
    #[case("//evil.example/family/", false)]
    #[case("/family//evil.example", false)]
    #[case("https://evil.example/family/", false)]
    #[case("/family/../sign-out", false)]
    #[case("/family/x?token=y", false)]
    #[case("/family/\\evil", false)]
    fn only_a_page_of_ours_is_opened_after_signing_in(#[case] path: &str, #[case] expected: bool) {
        assert_eq!(is_own_page(path), expected);
    }
}
