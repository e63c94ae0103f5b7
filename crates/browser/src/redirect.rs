//! Decides which redirects to follow.

use hippo_core::failure::Failure;
use reqwest::StatusCode;
use url::Url;

use super::redacted_path::redacted_path;

/// How many redirects are followed for one page.
pub(super) const MAX_REDIRECTS: usize = 10;

/// Whether a status is a redirect.
pub(super) fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// The URL that a redirect leads to, for a GET.
///
/// `posted`: the redirect answers a POST. Then 307 and 308 are refused, because they would send its
/// fields on (the PIN of a login). The others become a GET without fields, as in every browser.
pub(super) fn target(
    from: &Url,
    status: StatusCode,
    location: Option<&[u8]>,
    posted: bool,
) -> Result<Url, Failure> {
    let here = redacted_path(from);
    if posted && matches!(status.as_u16(), 307 | 308) {
        return Err(Failure::page_changed(format!(
            "the form sent to {here} was redirected with {}, which would send it again; not followed",
            status.as_u16()
        )));
    }
    let location = location.ok_or_else(|| {
        Failure::page_changed(format!("a redirect without a Location from {here}"))
    })?;
    let mut next = from
        .join(String::from_utf8_lossy(location).trim())
        .map_err(|_| Failure::page_changed(format!("a redirect to an invalid URL from {here}")))?;
    match (from.scheme(), next.scheme()) {
        ("https", "https") | ("http", "http" | "https") => {}
        ("https", "http") => {
            return Err(Failure::page_changed(format!(
                "a redirect from https to http from {here}; refused"
            )));
        }
        _ => {
            return Err(Failure::page_changed(format!(
                "a redirect that is neither http nor https from {here}"
            )));
        }
    }
    if next.host_str().is_none_or(str::is_empty) {
        return Err(Failure::page_changed(format!(
            "a redirect without a host from {here}"
        )));
    }
    strip_userinfo_and_fragment(&mut next);
    Ok(next)
}

/// Removes the fragment, which isn't sent, and user name and password, which must not be sent.
pub(super) fn strip_userinfo_and_fragment(url: &mut Url) {
    url.set_fragment(None);
    // These fail only for URLs without a host, which have neither.
    let _ = url.set_username("");
    let _ = url.set_password(None);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(base: &str, status: u16, location: &str, posted: bool) -> Result<String, Failure> {
        target(
            &Url::parse(base).unwrap(),
            StatusCode::from_u16(status).unwrap(),
            Some(location.as_bytes()),
            posted,
        )
        .map(|url| url.to_string())
    }

    #[test]
    fn locations_lose_fragment_and_userinfo() {
        let base = "https://books.test/a/b?x=1";
        for (location, expected) in [
            ("c?d=e#f", "https://books.test/a/c?d=e"),
            ("/top", "https://books.test/top"),
            ("//other.test/x", "https://other.test/x"),
            ("?page=2", "https://books.test/a/b?page=2"),
            ("https://me:secret@books.test/z", "https://books.test/z"),
        ] {
            assert_eq!(from(base, 302, location, true).unwrap(), expected);
        }
        assert_eq!(
            from("http://books.test/", 301, "https://books.test/", false).unwrap(),
            "https://books.test/"
        );
    }

    #[test]
    fn redirect_to_http_or_another_scheme_is_refused() {
        for location in [
            "http://books.test/",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "data:text/html,x",
            "https://",
        ] {
            from("https://books.test/", 302, location, false).unwrap_err();
        }
        from("http://books.test/", 302, "ftp://books.test/", false).unwrap_err();
    }

    #[test]
    fn redirect_that_keeps_a_post_is_refused() {
        for status in [307, 308] {
            from("https://books.test/login", status, "/login2", true).unwrap_err();
            from("https://books.test/list", status, "/list2", false).unwrap();
        }
    }
}
