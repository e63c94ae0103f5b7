//! Reads the document that names the picture of the day.

use std::fmt;

use chrono::NaiveDate;
use url::Url;

use super::{PictureFailure, PictureSource, SourceKind, feed, json};
use crate::text::{clean, cut};

/// The most characters of a title or a credit.
const MAX_WORDS: usize = 300;

/// The address of a picture, with its words.
#[derive(Clone, PartialEq, Eq)]
pub struct PictureLink {
    /// The picture's address.
    pub url: Url,
    /// Its title.
    pub title: Option<String>,
    /// Its author or owner.
    pub credit: Option<String>,
}

impl fmt::Debug for PictureLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PictureLink")
            .field("title", &self.title)
            .field("credit", &self.credit)
            .finish_non_exhaustive()
    }
}

/// Reads the picture's address, title and credit from a document.
///
/// `document_url` is where it came from, for relative addresses. `date` is the day of the picture.
/// `None`: the document says that there is no picture on that day.
///
/// # Errors
/// [`PictureFailure`] if the document isn't as configured. A document that isn't recognised never
/// counts as “no picture”.
pub fn read_document(
    source: &PictureSource,
    text: &str,
    document_url: &Url,
    date: NaiveDate,
) -> Result<Option<PictureLink>, PictureFailure> {
    let raw = match source.kind {
        SourceKind::Json => json::read_link(source, text)?,
        SourceKind::Rss => feed::read_link(source, text, date)?,
        SourceKind::Image => None,
    };
    let Some(raw) = raw else {
        return Ok(None);
    };
    let url = document_url
        .join(raw.address.trim())
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        .ok_or_else(|| {
            PictureFailure::document_changed("the address in the document isn't one of the web")
        })?;
    let words = |text: Option<String>| {
        text.map(|text| cut(&clean(&text), MAX_WORDS))
            .filter(|text| !text.is_empty())
    };
    Ok(Some(PictureLink {
        url,
        title: words(raw.title),
        credit: words(raw.credit),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn read(address: &str) -> Result<Option<PictureLink>, PictureFailure> {
        let source: PictureSource = serde_json::from_str(
            r#"{"url":"https://x.test/api","kind":"json","address":"url","title":"title"}"#,
        )
        .unwrap();
        let text = serde_json::json!({ "url": address, "title": " A\u{1b}[31m\nhill " });
        read_document(
            &source,
            &text.to_string(),
            &"https://x.test/v1/today?key=k".parse().unwrap(),
            "2026-11-29".parse().unwrap(),
        )
    }

    #[rstest]
    #[case("/a b.jpg?x=1&y=2", "https://x.test/a%20b.jpg?x=1&y=2")]
    #[case("pic.png", "https://x.test/v1/pic.png")]
    #[case(" //cdn.test/p.gif\n", "https://cdn.test/p.gif")]
    #[case("http://cdn.test/p", "http://cdn.test/p")]
    fn address_is_resolved_against_the_document(#[case] address: &str, #[case] expected: &str) {
        let link = read(address).unwrap().unwrap();
        assert_eq!(link.url.as_str(), expected);
        assert_eq!(link.title.as_deref(), Some("A[31m hill"));
    }

    #[rstest]
    #[case("file:///etc/passwd")]
    #[case("data:image/png;base64,AAAA")]
    #[case("javascript:alert(1)")]
    #[case("https://")]
    fn address_of_another_scheme_is_refused(#[case] address: &str) {
        let failure = read(address).unwrap_err();
        assert_eq!(failure.kind.as_str(), "document_changed");
        assert!(!failure.to_string().contains(address));
    }
}
