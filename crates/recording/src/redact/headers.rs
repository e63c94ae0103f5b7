//! Redacts headers and cookies.

use reqwest::header::HeaderMap;

use super::{Mode, Redactor};
use crate::allow_list;
use crate::har::{Cookie, Named};

/// Headers that are omitted. Cookies are recorded separately.
const OMITTED_HEADERS: [&str; 6] = [
    "content-length",
    "content-encoding",
    "transfer-encoding",
    "connection",
    "cookie",
    "set-cookie",
];

impl Redactor {
    /// Redacts headers, except cookies. Keeps known names, and values without personal data.
    pub(crate) fn redact_headers(&mut self, headers: &HeaderMap) -> Vec<Named> {
        headers
            .iter()
            .filter(|(name, _)| !OMITTED_HEADERS.contains(&name.as_str()))
            .map(|(name, value)| {
                let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
                Named {
                    name: self.known_or_filled(name.as_str(), allow_list::is_header(name.as_str())),
                    value: self.header(name.as_str(), &text),
                }
            })
            .collect()
    }

    fn header(&mut self, name: &str, value: &str) -> String {
        match name {
            "content-type" => content_type(value),
            "location" | "referer" | "origin" | "content-location" => self.redact_url(value),
            "retry-after"
                if value.trim().len() <= 6
                    && !self.filler.is_forbidden(value.trim())
                    && value.trim().bytes().all(|byte| byte.is_ascii_digit()) =>
            {
                value.trim().to_owned()
            }
            "x-requested-with" if value == "XMLHttpRequest" => value.to_owned(),
            "cache-control" | "pragma" | "vary" => {
                let is_plain =
                    |c: char| c.is_ascii_alphabetic() || matches!(c, '-' | ',' | ' ' | '*');
                if value.len() <= 80
                    && value.chars().all(is_plain)
                    && matches!(value, "no-store" | "no-cache" | "private" | "*")
                {
                    value.to_owned()
                } else {
                    self.redact_text(value, Mode::Nothing)
                }
            }
            _ => self.redact_text(value, Mode::Nothing),
        }
    }

    /// Redacts a cookie. Keeps a known name.
    pub(super) fn redact_cookie(&mut self, name: &str, value: &str) -> Cookie {
        let is_known = allow_list::is_cookie(name.trim());
        let name = self.known_or_filled(name.trim(), is_known);
        if is_known {
            self.kept.add_cookie(&name);
        }
        Cookie {
            name,
            value: self.redact_text(value.trim(), Mode::Nothing),
            ..Cookie::default()
        }
    }
}

/// The media type and charset, if they are known ones.
fn content_type(value: &str) -> String {
    let mut parts = value.split(';');
    let kind = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_known = matches!(
        kind.as_str(),
        "text/html"
            | "text/plain"
            | "application/json"
            | "application/xhtml+xml"
            | "application/xml"
            | "text/xml"
            | "text/javascript"
            | "application/javascript"
            | "application/x-www-form-urlencoded"
            | "application/pdf"
            | "application/octet-stream"
            | "image/png"
            | "image/gif"
            | "image/jpeg"
    );
    if !is_known {
        return "application/x-unknown".to_owned();
    }
    let charset = parts.find_map(|part| {
        let (name, label) = part.split_once('=')?;
        let label = label.trim().trim_matches(['"', '\'']);
        let encoding = encoding_rs::Encoding::for_label(label.as_bytes())?;
        name.trim()
            .eq_ignore_ascii_case("charset")
            .then(|| encoding.name().to_ascii_lowercase())
    });
    match charset {
        Some(charset) => format!("{kind}; charset={charset}"),
        None => kind,
    }
}

/// Redacts the cookies of a request.
pub(crate) fn cookies_of_request(redactor: &mut Redactor, headers: &HeaderMap) -> Vec<Cookie> {
    let mut cookies = Vec::new();
    for header in headers.get_all("cookie") {
        let text = String::from_utf8_lossy(header.as_bytes()).into_owned();
        for pair in text.split(';') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            cookies.push(redactor.redact_cookie(name, value));
        }
    }
    cookies
}

/// Redacts the cookies of an answer.
pub(crate) fn cookies_of_answer(redactor: &mut Redactor, headers: &HeaderMap) -> Vec<Cookie> {
    let mut cookies = Vec::new();
    for header in headers.get_all("set-cookie") {
        let text = String::from_utf8_lossy(header.as_bytes()).into_owned();
        let mut parts = text.split(';');
        let pair = parts.next().unwrap_or_default();
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let mut cookie = redactor.redact_cookie(name, value);
        for part in parts {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            match name.trim().to_ascii_lowercase().as_str() {
                "path" => cookie.path = Some(redactor.redact_path(value.trim())),
                "domain" => {
                    cookie.domain =
                        Some(redactor.replace_host(value.trim().trim_start_matches('.')))
                }
                "secure" => cookie.secure = Some(true),
                "httponly" => cookie.http_only = Some(true),
                _ => {}
            }
        }
        cookies.push(cookie);
    }
    cookies
}
