//! Where the picture of the day comes from.

use std::fmt;

use serde::{Deserialize, Serialize};
use url::Url;

/// What the source's URL leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceKind {
    /// The picture itself.
    Image,
    /// A JSON document with the picture's address.
    Json,
    /// An RSS feed whose newest item has the picture's address.
    Rss,
}

impl SourceKind {
    /// The name in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Json => "json",
            Self::Rss => "rss",
        }
    }
}

/// The source of the picture of the day, as configured.
///
/// Its URL may contain a key, so `Debug` doesn't show it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PictureSource {
    /// The URL of the picture or the document.
    pub url: Url,
    /// What the URL leads to.
    pub kind: SourceKind,
    /// The field of the picture's address: in JSON a path such as `images.0.url`; in RSS an
    /// element such as `enclosure@url`, found automatically if unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The field of its title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The field of its author or owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credit: Option<String>,
}

impl fmt::Debug for PictureSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PictureSource")
            .field("kind", &self.kind)
            .field("address", &self.address)
            .field("title", &self.title)
            .field("credit", &self.credit)
            .finish_non_exhaustive()
    }
}

/// Why a source can't be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSource {
    /// The URL isn't http(s), or has no host.
    #[error("The picture's url must start with https:// or http://.")]
    Scheme,
    /// The URL has a user name or password.
    #[error("The picture's url can't contain a user name or password.")]
    Credentials,
    /// A JSON source doesn't name the address's field.
    #[error(
        "A picture of kind \"json\" needs `address`: the JSON field with the picture's URL, such as address = \"url\"."
    )]
    NoAddress,
    /// An image source names fields.
    #[error("A picture of kind \"image\" has no fields. Remove address, title and credit.")]
    Fields,
    /// A field's name is empty.
    #[error("The picture's address, title and credit name fields, so they can't be empty.")]
    EmptyField,
}

impl PictureSource {
    /// Creates a source whose URL leads to the picture itself.
    pub fn image(url: Url) -> Self {
        Self {
            url,
            kind: SourceKind::Image,
            address: None,
            title: None,
            credit: None,
        }
    }

    /// Checks what serde can't.
    pub fn check(&self) -> Result<(), InvalidSource> {
        let fields = [&self.address, &self.title, &self.credit];
        if !matches!(self.url.scheme(), "http" | "https") {
            return Err(InvalidSource::Scheme);
        }
        if !self.url.username().is_empty() || self.url.password().is_some() {
            return Err(InvalidSource::Credentials);
        }
        if fields.into_iter().flatten().any(|field| {
            let mut parts = field.split(['.', '@']);
            parts.any(|part| part.trim().is_empty())
        }) {
            return Err(InvalidSource::EmptyField);
        }
        match self.kind {
            SourceKind::Image if fields.into_iter().any(Option::is_some) => {
                Err(InvalidSource::Fields)
            }
            SourceKind::Json if self.address.is_none() => Err(InvalidSource::NoAddress),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn source(json: &str) -> PictureSource {
        serde_json::from_str(json).unwrap()
    }

    #[rstest]
    #[case(r#"{"url":"https://x.test/a.jpg","kind":"image"}"#, Ok(()))]
    #[case(r#"{"url":"https://x.test/feed","kind":"rss"}"#, Ok(()))]
    #[case(r#"{"url":"https://x.test/","kind":"rss","address":"media:content@url"}"#, Ok(()))]
    #[case(r#"{"url":"https://x.test/","kind":"json","address":"a.0.url"}"#, Ok(()))]
    #[case(
        r#"{"url":"https://x.test/","kind":"json"}"#,
        Err(InvalidSource::NoAddress)
    )]
    #[case(
        r#"{"url":"https://x.test/","kind":"json","address":"a..b"}"#,
        Err(InvalidSource::EmptyField)
    )]
    #[case(
        r#"{"url":"https://x.test/","kind":"image","title":"t"}"#,
        Err(InvalidSource::Fields)
    )]
    #[case(
        r#"{"url":"file:///etc/passwd","kind":"image"}"#,
        Err(InvalidSource::Scheme)
    )]
    #[case(
        r#"{"url":"https://me:secret@x.test/","kind":"image"}"#,
        Err(InvalidSource::Credentials)
    )]
    fn source_is_checked(#[case] json: &str, #[case] expected: Result<(), InvalidSource>) {
        assert_eq!(source(json).check(), expected);
    }

    #[test]
    fn debug_does_not_show_the_key_in_the_url() {
        let source = source(r#"{"url":"https://x.test/?api_key=canary","kind":"image"}"#);
        assert!(!format!("{source:?}").contains("canary"));
    }
}
