//! Slugs, which a person chose, and ids that never change.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use ulid::Ulid;

/// The longest slug, in characters.
pub const SLUG_LIMIT: usize = 40;

/// Why a text is not a slug or an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// Not a slug.
    #[error(
        "“{0}” isn't a valid id. Use 1 to {SLUG_LIMIT} lower-case letters, digits and hyphens, \
         and begin with a letter or digit."
    )]
    Slug(String),
    /// Not a ULID.
    #[error("“{0}” isn't a card's id.")]
    Card(String),
}

pub(crate) fn is_slug(text: &str) -> bool {
    text.len() <= SLUG_LIMIT
        && text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

macro_rules! slug {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The slug as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                if is_slug(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(InvalidId::Slug(text.to_owned()))
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(slug: $name) -> Self {
                slug.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

slug! {
    /// A family's id, chosen by a person: `conrad`.
    FamilyId
}
slug! {
    /// A library's id, chosen by a person: `wpl`.
    LibraryId
}
slug! {
    /// The name of a library system: `sierra`. `hippo-systems` has the list.
    SystemName
}
slug! {
    /// The label of one of a job's schedules: `all`, `failed`, `person`.
    Label
}

/// A card's id: a ULID that never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CardId(Ulid);

impl CardId {
    /// Wraps a ULID made by the caller.
    pub fn new(ulid: Ulid) -> Self {
        Self(ulid)
    }

    /// A new id; sorts after those made in earlier milliseconds.
    pub fn generate() -> Self {
        Self(Ulid::generate())
    }
}

impl fmt::Display for CardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.to_string())
    }
}

impl FromStr for CardId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Ulid::from_string(text)
            .map(Self)
            .map_err(|_| InvalidId::Card(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("conrad")]
    #[case("wpl")]
    #[case("2-cats")]
    fn slug_of_lowercase_letters_digits_and_hyphens_is_accepted(#[case] text: &str) {
        assert_eq!(text.parse::<FamilyId>().unwrap().as_str(), text);
    }

    #[rstest]
    #[case("")]
    #[case("Conrad")]
    #[case("-x")]
    #[case("a b")]
    #[case("a/b")]
    #[case("..")]
    #[case("ñ")]
    #[case("a123456789a123456789a123456789a1234567890")]
    fn invalid_slug_is_rejected(#[case] text: &str) {
        assert!(text.parse::<FamilyId>().is_err());
    }

    #[test]
    fn card_id_round_trips_through_text() {
        let id = CardId::generate();
        assert_eq!(id.to_string().parse::<CardId>().unwrap(), id);
    }
}
