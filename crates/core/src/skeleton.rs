//! The skeleton of a page: its structure, without its text.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The tags and class names of a page, in order; no text, no other attributes, no numbers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Skeleton(String);

/// The text isn't a skeleton of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("That isn't the skeleton of a page.")]
pub struct NotASkeleton;

/// The longest skeleton: long enough to distinguish two pages, short enough for a mail.
const MAX_SKELETON_BYTES: usize = 4000;

/// The longest tag or class name that is kept.
const LONGEST_NAME: usize = 40;

impl Skeleton {
    /// Builds the skeleton of a page from its tags and their class names, in order.
    ///
    /// A name that could carry data is left out: one with unusual characters, a long one, one with three
    /// digits in a row.
    pub fn of<'a>(tags: impl IntoIterator<Item = (&'a str, Vec<&'a str>)>) -> Self {
        let mut text = String::new();
        for (tag, classes) in tags {
            if !is_name(tag) {
                continue;
            }
            let mut part = tag.to_owned();
            for class in classes.into_iter().filter(|class| is_name(class)) {
                part.push('.');
                part.push_str(class);
            }
            if text.len() + part.len() + 1 > MAX_SKELETON_BYTES {
                break;
            }
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(&part);
        }
        Self(text)
    }

    /// The text for a mail: `div.loans table tr.odd td`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_name(name: &str) -> bool {
    let mut digits = 0;
    let few_digits = name.bytes().all(|byte| {
        digits = if byte.is_ascii_digit() { digits + 1 } else { 0 };
        digits < 3
    });
    few_digits
        && !name.is_empty()
        && name.len() <= LONGEST_NAME
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

impl TryFrom<String> for Skeleton {
    type Error = NotASkeleton;

    fn try_from(text: String) -> Result<Self, NotASkeleton> {
        let names = text.split([' ', '.']).filter(|name| !name.is_empty());
        if text.len() <= MAX_SKELETON_BYTES && names.into_iter().all(is_name) {
            Ok(Self(text))
        } else {
            Err(NotASkeleton)
        }
    }
}

impl From<Skeleton> for String {
    fn from(skeleton: Skeleton) -> Self {
        skeleton.0
    }
}

impl fmt::Display for Skeleton {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skeleton_has_only_tags_and_class_names() {
        let skeleton = Skeleton::of([
            ("div", vec!["loans", "patron-29999000000001", "two words"]),
            ("a", vec!["x\"onclick", "token_4f", &"x".repeat(41)]),
            ("<script>", vec!["loans"]),
            ("td", vec![]),
        ]);
        assert_eq!(skeleton.as_str(), "div.loans a.token_4f td");
    }

    #[test]
    fn skeleton_of_an_endless_page_is_bounded() {
        let skeleton = Skeleton::of(std::iter::repeat_n(("tr", vec!["odd"]), 100_000));
        assert!(skeleton.as_str().len() <= MAX_SKELETON_BYTES);
    }

    #[test]
    fn skeleton_round_trips_and_rejects_other_text() {
        let skeleton = Skeleton::of([("div", vec!["loans"]), ("td", vec![])]);
        let json = serde_json::to_string(&skeleton).unwrap();
        assert_eq!(serde_json::from_str::<Skeleton>(&json).unwrap(), skeleton);
        for other in ["<b>Pat</b>", "card 29999000000001", "a@example.org"] {
            assert_eq!(Skeleton::try_from(other.to_owned()), Err(NotASkeleton));
        }
    }
}
