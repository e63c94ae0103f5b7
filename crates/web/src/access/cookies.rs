//! Reads and writes our cookies.

use std::fmt;

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use chrono::TimeDelta;

/// One of our cookies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CookieName {
    /// The token of a session.
    Session,
    /// The id and token of an attempt to sign in.
    Attempt,
    /// The page to open after signing in.
    Next,
    /// The token that the forms of a browser are tied to.
    Form,
    /// The token of a request to an identity provider.
    Identity,
    /// The identity that may be linked to the person who signs in by email.
    Link,
}

impl CookieName {
    /// The name. Over https, the prefix makes browsers refuse a cookie that another host of the
    /// domain set.
    fn text(self, is_secure: bool) -> &'static str {
        match (self, is_secure) {
            (Self::Session, true) => "__Host-hippo",
            (Self::Session, false) => "hippo",
            (Self::Attempt, true) => "__Host-hippo-attempt",
            (Self::Attempt, false) => "hippo-attempt",
            (Self::Next, true) => "__Host-hippo-next",
            (Self::Next, false) => "hippo-next",
            (Self::Form, true) => "__Host-hippo-form",
            (Self::Form, false) => "hippo-form",
            (Self::Identity, true) => "__Host-hippo-identity",
            (Self::Identity, false) => "hippo-identity",
            (Self::Link, true) => "__Host-hippo-link",
            (Self::Link, false) => "hippo-link",
        }
    }
}

/// Returns the value of a cookie; `None` if it is missing or there twice.
pub(crate) fn read_cookie(headers: &HeaderMap, name: CookieName, is_secure: bool) -> Option<&str> {
    let name = name.text(is_secure);
    let cookies = headers.get_all(COOKIE).iter();
    let cookies = cookies.filter_map(|value| value.to_str().ok());
    let mut found = cookies
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .filter(|(key, _)| *key == name)
        .map(|(_, value)| value);
    match (found.next(), found.next()) {
        (Some(value), None) => Some(value),
        _ => None,
    }
}

/// The `Set-Cookie` of a cookie that scripts can't read; without a lifetime it lasts until the
/// browser is closed.
pub(crate) fn set_cookie(
    name: CookieName,
    value: impl fmt::Display,
    lifetime: Option<TimeDelta>,
    is_secure: bool,
) -> Option<HeaderValue> {
    let name = name.text(is_secure);
    let lifetime = lifetime.map_or_else(String::new, |lifetime| {
        format!("; Max-Age={}", lifetime.num_seconds())
    });
    let secure = if is_secure { "; Secure" } else { "" };
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{lifetime}{secure}");
    let mut value = HeaderValue::from_str(&text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// The `Set-Cookie` that deletes a cookie.
pub(crate) fn delete_cookie(name: CookieName, is_secure: bool) -> Option<HeaderValue> {
    set_cookie(name, "", Some(TimeDelta::zero()), is_secure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(&["hippo=a"], Some("a"))]
    #[case(&["x=1; hippo=a ; y=2"], Some("a"))]
    #[case(&["x=1", "hippo=a"], Some("a"))]
    #[case(&["hippo-attempt=b"], None)]
    #[case(&["hippo=a; hippo=b"], None)]
    #[case(&["hippo"], None)]
    #[case(&[], None)]
    fn cookie_is_read_by_its_name(#[case] sent: &[&str], #[case] expected: Option<&str>) {
        let mut headers = HeaderMap::new();
        for value in sent {
            headers.append(COOKIE, value.parse().unwrap());
        }
        let value = read_cookie(&headers, CookieName::Session, false);
        assert_eq!(value, expected);
        assert_eq!(read_cookie(&headers, CookieName::Session, true), None);
    }

    #[test]
    fn cookie_over_https_is_bound_to_its_host() {
        let lifetime = Some(TimeDelta::days(30));
        let value = set_cookie(CookieName::Session, "t", lifetime, true).unwrap();
        assert_eq!(
            value,
            "__Host-hippo=t; Path=/; HttpOnly; SameSite=Lax; Max-Age=2592000; Secure"
        );
        assert_eq!(format!("{value:?}"), "Sensitive");
        let value = set_cookie(CookieName::Session, "t", None, false).unwrap();
        assert_eq!(value, "hippo=t; Path=/; HttpOnly; SameSite=Lax");
    }
}
