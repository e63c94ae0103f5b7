//! A page and its decoded text.

use std::fmt;

use hippo_core::failure::Failure;
use reqwest::header::CONTENT_TYPE;
use url::Url;

use super::charset;
use super::redacted_path::redacted_path;
use crate::HttpResponse;

/// A page: its URL, status and decoded text.
#[derive(Clone)]
pub struct Page {
    /// Its URL after redirects, without fragment.
    pub url: Url,
    /// The HTTP status.
    pub status: u16,
    /// The header `Content-Type`.
    pub content_type: Option<String>,
    /// The decoded text. At most 8 MiB before decoding.
    pub body: String,
}

impl Page {
    /// Decodes an answer. Binary data is `page_changed`.
    pub(super) fn from_answer(answer: HttpResponse) -> Result<Self, Failure> {
        let content_type = answer
            .headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        let binary = |why: &str| {
            Failure::page_changed(format!(
                "{why} in place of a page at {}",
                redacted_path(&answer.url)
            ))
        };
        if content_type.as_deref().is_some_and(is_binary) {
            return Err(binary("a file"));
        }
        let body = charset::decode(&answer.body, content_type.as_deref());
        if body.contains('\0') {
            return Err(binary("binary data"));
        }
        Ok(Self {
            url: answer.url,
            status: answer.status.as_u16(),
            content_type,
            body,
        })
    }

    /// Whether the page is complete, or at least leaves no form open. A form within JSON is always
    /// complete, because truncated JSON doesn't parse.
    pub(super) fn ends_its_forms(&self) -> bool {
        let body = self.body.to_ascii_lowercase();
        body.trim_start().starts_with('{')
            || body.contains("</html")
            || body.rfind("</form") >= body.rfind("<form")
    }
}

fn is_binary(content_type: &str) -> bool {
    let essence = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    match essence.split_once('/') {
        Some(("image", kind)) => !kind.ends_with("+xml"),
        Some(("audio" | "video" | "font", _)) => true,
        Some(("application", kind)) => {
            matches!(kind, "pdf" | "octet-stream" | "zip" | "gzip" | "x-gzip")
        }
        _ => false,
    }
}

/// Shows neither the text nor the query: both may contain a patron's data.
impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page")
            .field("host", &self.url.host_str())
            .field("place", &redacted_path(&self.url))
            .field("status", &self.status)
            .field("content_type", &self.content_type)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;
    use reqwest::header::HeaderMap;

    use super::*;

    fn page(content_type: Option<&str>, body: &[u8]) -> Result<Page, Failure> {
        let mut headers = HeaderMap::new();
        if let Some(value) = content_type {
            headers.insert(CONTENT_TYPE, value.parse().unwrap());
        }
        Page::from_answer(HttpResponse {
            url: "https://books.test/account/12345?token=s3cret"
                .parse()
                .unwrap(),
            status: StatusCode::OK,
            headers,
            body: body.to_vec(),
        })
    }

    #[test]
    fn binary_data_is_no_page() {
        for content_type in [
            "image/png",
            "Application/PDF",
            "application/octet-stream; x=y",
        ] {
            page(Some(content_type), b"text").unwrap_err();
        }
        page(Some("text/html"), b"<p>\0</p>").unwrap_err();
        page(None, &[0x89, b'P', b'N', b'G', 0, 0, 1]).unwrap_err();
        for content_type in ["text/html", "application/json", "application/xhtml+xml"] {
            page(Some(content_type), b"text").unwrap();
        }
        assert_eq!(
            page(Some("text/html; charset=utf-16le"), b"a\0b\0")
                .unwrap()
                .body,
            "ab"
        );
    }

    #[test]
    fn page_that_breaks_off_within_a_form_is_detected() {
        let ends = |body: &str| page(None, body.as_bytes()).unwrap().ends_its_forms();
        assert!(ends("<FORM><input></FORM> <p>"));
        assert!(ends("no form"));
        assert!(ends("<form><input></html>"));
        assert!(ends(r#" {"content": "<form><\/form>"}"#));
        assert!(!ends("<form></form><form><input"));
    }

    #[test]
    fn debug_shows_neither_text_nor_query() {
        let shown = format!("{:?}", page(Some("text/html"), b"canary").unwrap());
        for hidden in ["canary", "s3cret", "12345"] {
            assert!(!shown.contains(hidden), "{shown}");
        }
        assert!(shown.contains("books.test"), "{shown}");
    }
}
