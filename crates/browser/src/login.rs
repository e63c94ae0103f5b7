//! Checks where a number and PIN may be sent.

use hippo_core::failure::{Failure, Remedy};
use hippo_core::library::Library;
use url::Url;

use super::address::is_loopback;
use super::redacted_path::redacted_path;

/// Refuses a login form from the page `from` that may not be sent to `action`.
///
/// Both must be https, or http on loopback if the library itself is on loopback. `action` must be on
/// the host of the library's `base_url` or one of its `login_hosts`.
pub(super) fn check_login_target(
    library: &Library,
    from: &Url,
    action: &Url,
) -> Result<(), Failure> {
    let is_library_on_loopback = is_loopback(&library.base_url);
    for url in [from, action] {
        let is_loopback_http = url.scheme() == "http" && is_library_on_loopback && is_loopback(url);
        if url.scheme() != "https" && !is_loopback_http {
            return Err(Failure::page_changed(format!(
                "the login at {} is not https; nothing was sent",
                redacted_path(url)
            ))
            .with_remedy(Remedy::SetUrl));
        }
    }
    if !action.username().is_empty() || action.password().is_some() {
        return Err(Failure::page_changed(
            "the login form's address contains a user name; nothing was sent",
        ));
    }
    if is_same_site(&library.base_url, action)
        || library
            .login_hosts
            .iter()
            .any(|entry| is_host(entry, action))
    {
        return Ok(());
    }
    Err(Failure::page_changed(format!(
        "the login form goes to the host {}, which is neither the library's own nor one of its login hosts; nothing was sent",
        action.host_str().unwrap_or("(none)")
    ))
    .with_remedy(Remedy::AddLoginHost))
}

/// Whether two URLs have the same host, and the same port or the default https port.
fn is_same_site(base_url: &Url, action: &Url) -> bool {
    base_url.host() == action.host()
        && (base_url.port_or_known_default() == action.port_or_known_default()
            || action.port_or_known_default() == Some(443))
}

/// Whether a URL is at this `host` or `host:port`. Without a port, the scheme's default port counts.
fn is_host(entry: &str, url: &Url) -> bool {
    let Ok(allowed) = Url::parse(&format!("{}://{}", url.scheme(), entry.trim())) else {
        return false;
    };
    // An entry with anything else than host and port is invalid, and allows nothing.
    let is_plain = allowed.path().trim_matches('/').is_empty()
        && allowed.query().is_none()
        && allowed.fragment().is_none()
        && allowed.username().is_empty();
    is_plain
        && allowed.host() == url.host()
        && allowed.port_or_known_default() == url.port_or_known_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn library(base_url: &str, login_hosts: &[&str]) -> Library {
        Library {
            id: "books".parse().unwrap(),
            name: "Books".into(),
            system: "sierra".parse().unwrap(),
            base_url: base_url.parse().unwrap(),
            account_url: None,
            timezone: chrono_tz::UTC,
            date_format: None,
            login_hosts: login_hosts.iter().map(|host| (*host).into()).collect(),
            options: Default::default(),
        }
    }

    fn allowed(base_url: &str, login_hosts: &[&str], from: &str, action: &str) -> bool {
        check_login_target(
            &library(base_url, login_hosts),
            &from.parse().unwrap(),
            &action.parse().unwrap(),
        )
        .is_ok()
    }

    #[test]
    fn login_goes_to_the_library_host_by_https() {
        let page = "https://books.test/login";
        for (action, expected) in [
            ("https://books.test/cas", true),
            ("https://BOOKS.test:443/cas", true),
            ("http://books.test/cas", false),
            ("https://books.test:8443/cas", false),
            ("https://books.test./cas", false),
            ("https://books.test.evil.test/cas", false),
            ("https://evil.test/books.test", false),
            ("https://books.test@evil.test/", false),
            ("https://user@books.test/", false),
            ("https://sub.books.test/", false),
            ("https://127.0.0.1/", false),
            ("http://127.0.0.1/", false),
            ("ftp://books.test/", false),
        ] {
            assert_eq!(
                allowed("https://books.test/", &[], page, action),
                expected,
                "{action}"
            );
        }
    }

    #[test]
    fn login_goes_to_a_declared_host() {
        let hosts = ["login.test", "cas.test:8443", "odd.test/path", "x@y.test"];
        let page = "https://books.test/login";
        for (action, expected) in [
            ("https://login.test/in", true),
            ("https://LOGIN.test/in", true),
            ("http://login.test/in", false),
            ("https://login.test:8443/in", false),
            ("https://cas.test:8443/in", true),
            ("https://cas.test/in", false),
            ("https://odd.test/path", false),
            ("https://y.test/", false),
        ] {
            assert_eq!(
                allowed("https://books.test/", &hosts, page, action),
                expected,
                "{action}"
            );
        }
    }

    #[test]
    fn form_from_an_http_page_is_refused() {
        let action = "https://books.test/in";
        assert!(!allowed(
            "http://books.test/",
            &[],
            "http://books.test/",
            action
        ));
        assert!(allowed(
            "http://books.test/",
            &[],
            "https://books.test/",
            action
        ));
    }

    #[test]
    fn http_login_is_allowed_only_on_loopback() {
        let here = "http://127.0.0.1:8000/login";
        assert!(allowed("http://127.0.0.1:8000/", &[], here, here));
        assert!(!allowed(
            "http://127.0.0.1:8000/",
            &[],
            here,
            "http://127.0.0.1:8001/login"
        ));
        assert!(allowed(
            "http://127.0.0.1:8000/",
            &["127.0.0.1:8001"],
            here,
            "http://127.0.0.1:8001/login"
        ));
        assert!(!allowed(
            "https://books.test/",
            &["127.0.0.1:8000"],
            "https://books.test/",
            here
        ));
        assert!(!allowed(
            "http://127.0.0.1:8000/",
            &["books.test"],
            here,
            "http://books.test/login"
        ));
    }
}
