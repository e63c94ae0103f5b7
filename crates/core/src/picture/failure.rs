//! Why there is no picture, and what to do about it.

use serde::{Deserialize, Serialize};

use crate::notice::phrases::sentence;

/// The kind of a failure to get a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PictureFailureKind {
    /// The URL wasn't found: 404 or 410.
    NotFound,
    /// The server refused: 401, 403, 429 or another error of ours.
    Refused,
    /// No connection, a lost connection, or a fault of the server.
    SourceDown,
    /// The answer took too long.
    TooSlow,
    /// The picture or its document has more bytes than allowed.
    TooLarge,
    /// A page or another document came instead of a picture.
    NotAPicture,
    /// The bytes aren't of the type that the header names.
    WrongType,
    /// The address redirects too often, or somewhere that isn't followed.
    BadRedirect,
    /// The address leads into a private network.
    PrivateAddress,
    /// The document doesn't have what the configuration names.
    DocumentChanged,
    /// A newer version's kind that this version doesn't know.
    #[serde(other)]
    Newer,
}

impl PictureFailureKind {
    /// Every kind of this version.
    pub const ALL: [Self; 10] = [
        Self::NotFound,
        Self::Refused,
        Self::SourceDown,
        Self::TooSlow,
        Self::TooLarge,
        Self::NotAPicture,
        Self::WrongType,
        Self::BadRedirect,
        Self::PrivateAddress,
        Self::DocumentChanged,
    ];

    /// The name in logs, tables and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Refused => "refused",
            Self::SourceDown => "source_down",
            Self::TooSlow => "too_slow",
            Self::TooLarge => "too_large",
            Self::NotAPicture => "not_a_picture",
            Self::WrongType => "wrong_type",
            Self::BadRedirect => "bad_redirect",
            Self::PrivateAddress => "private_address",
            Self::DocumentChanged => "document_changed",
            Self::Newer => "newer",
        }
    }

    /// What happened, as the end of a sentence.
    pub fn describe(self) -> &'static str {
        match self {
            Self::NotFound => "the picture's URL wasn't found",
            Self::Refused => "the picture's source refused us",
            Self::SourceDown => "the picture's source didn't answer",
            Self::TooSlow => "the picture's source was too slow",
            Self::TooLarge => "the picture has more than 5 MB",
            Self::NotAPicture => "the source served something other than a picture",
            Self::WrongType => "the picture isn't of the type that its source names",
            Self::BadRedirect => "the picture's source redirects us too often or astray",
            Self::PrivateAddress => "the picture's source leads into a private network",
            Self::DocumentChanged => "the source's document isn't as configured",
            Self::Newer => "a newer version knows why",
        }
    }

    /// Tells the operator what to do.
    pub fn advice(self) -> &'static str {
        match self {
            Self::NotFound => "Check the picture's URL in the configuration.",
            Self::Refused => "Check whether the source needs a key, or limits its use.",
            Self::SourceDown | Self::TooSlow => {
                "Wait for the source, or choose another one if this goes on."
            }
            Self::TooLarge => "Choose a smaller version of the picture: 5 MB is the limit.",
            Self::NotAPicture => {
                "Check the URL and the kind in the configuration: it must lead to the picture itself."
            }
            Self::WrongType => {
                "Choose a source of JPEG, PNG, GIF or WebP pictures that names their type."
            }
            Self::BadRedirect => "Use the URL that the redirects lead to.",
            Self::PrivateAddress => {
                "Use a public URL. We don't follow links into private networks."
            }
            Self::DocumentChanged => {
                "Compare the document with the kind and the fields in the configuration."
            }
            Self::Newer => "Update LibraryHippo: a newer version recorded this.",
        }
    }
}

/// A failure to get a picture.
///
/// The detail is for the operator: it has no text of the source, and of an address only its path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{} ({detail}). {}", sentence(.kind.describe()), .kind.advice())]
pub struct PictureFailure {
    /// Its kind.
    pub kind: PictureFailureKind,
    /// The observation.
    pub detail: String,
}

impl PictureFailure {
    /// Creates a failure.
    pub fn new(kind: PictureFailureKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
        }
    }

    /// The document isn't as configured.
    pub(super) fn document_changed(detail: impl Into<String>) -> Self {
        Self::new(PictureFailureKind::DocumentChanged, detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failure_kinds_have_equal_names_in_json_and_text() {
        for kind in PictureFailureKind::ALL {
            let json = serde_json::to_string(&kind).unwrap();
            assert_eq!(json, format!("\"{}\"", kind.as_str()));
            assert!(kind.advice().ends_with('.'));
            assert!(!kind.describe().ends_with('.'));
        }
        let newer: PictureFailureKind = serde_json::from_str("\"eaten_by_a_bear\"").unwrap();
        assert_eq!(newer, PictureFailureKind::Newer);
    }
}
