//! A feed's record: whose it is, what it shows, and when it was last used.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::{FeedToken, FeedTokenHash};
use crate::email_address::EmailAddress;
use crate::family::Family;
use crate::ids::FamilyId;
use crate::sign_in::PersonId;
use crate::text::clean;

/// The longest label, in characters.
const MAX_LABEL_CHARS: usize = 40;

/// A family's feed. The token itself is not stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feed {
    /// The hash of its token: the record's key.
    pub token_hash: FeedTokenHash,
    /// The family.
    pub family: FamilyId,
    /// What a person calls it.
    pub label: FeedLabel,
    /// The last four digits of its token.
    pub last_four: String,
    /// Whether it shows titles, authors and the library's words about them.
    pub shows_titles: bool,
    /// The recipient who created it on the pages; `None`: the operator, with the command.
    #[serde(default)]
    pub created_by: Option<PersonId>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// The family's local date on which it was last read; `None`: never.
    pub last_used: Option<NaiveDate>,
}

impl Feed {
    /// Creates the record of a new token.
    pub fn new(
        token: &FeedToken,
        family: FamilyId,
        label: FeedLabel,
        shows_titles: bool,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            token_hash: token.hash(),
            family,
            label,
            last_four: token.last_four(),
            shows_titles,
            created_by: None,
            created_at: now,
            last_used: None,
        }
    }

    /// Whether the person who created it isn't a recipient of the family any more.
    pub fn has_creator_left(&self, family: &Family) -> bool {
        let is_creator = |address: &EmailAddress| {
            self.created_by.as_ref() == Some(&PersonId::from_address(address))
        };
        self.created_by.is_some() && !family.recipients.iter().any(is_creator)
    }

    /// Whether a person would take `label` for its label: capitals don't count.
    pub fn is_called(&self, label: &str) -> bool {
        self.label.as_str().to_lowercase() == label.to_lowercase()
    }

    /// Whether to store a use on this day. One a day is enough.
    ///
    /// Replaces a stored date later than tomorrow: a wrong clock wrote it. Tomorrow's stays, since clocks and time zones
    /// may differ a little.
    pub fn should_record_use(&self, day: NaiveDate) -> bool {
        self.last_used
            .is_none_or(|last| last < day || last > latest_plausible_use(day))
    }
}

/// The latest date that a correct clock can have stored by `day`.
pub fn latest_plausible_use(day: NaiveDate) -> NaiveDate {
    day.succ_opt().unwrap_or(day)
}

/// The text can't be a feed's label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("A label needs 1 to {MAX_LABEL_CHARS} characters.")]
pub struct InvalidFeedLabel;

/// What a person calls a feed: `kitchen tablet`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FeedLabel(String);

impl FeedLabel {
    /// The label as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for FeedLabel {
    type Err = InvalidFeedLabel;

    fn from_str(text: &str) -> Result<Self, InvalidFeedLabel> {
        let label = clean(text);
        let is_label = (1..=MAX_LABEL_CHARS).contains(&label.chars().count());
        is_label.then_some(Self(label)).ok_or(InvalidFeedLabel)
    }
}

impl TryFrom<String> for FeedLabel {
    type Error = InvalidFeedLabel;

    fn try_from(text: String) -> Result<Self, InvalidFeedLabel> {
        text.parse()
    }
}

impl From<FeedLabel> for String {
    fn from(label: FeedLabel) -> Self {
        label.0
    }
}

impl fmt::Display for FeedLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[rstest]
    #[case::never(None, true)]
    #[case::yesterday(Some("2026-11-20"), true)]
    #[case::today(Some("2026-11-21"), false)]
    #[case::tomorrow_in_another_zone(Some("2026-11-22"), false)]
    #[case::by_a_wrong_clock(Some("2026-11-23"), true)]
    fn use_is_new_once_a_day(#[case] last_used: Option<&str>, #[case] is_new: bool) {
        let token = FeedToken::generate().unwrap();
        let (family, label) = ("conrad".parse().unwrap(), "phone".parse().unwrap());
        let now = "2026-11-01T05:00:00Z".parse().unwrap();
        let feed = Feed {
            last_used: last_used.map(date),
            ..Feed::new(&token, family, label, true, now)
        };
        assert_eq!(feed.should_record_use(date("2026-11-21")), is_new);
    }

    #[test]
    fn label_is_cleaned_and_short() {
        let label: FeedLabel = " kitchen\n\u{1b}tablet ".parse().unwrap();
        assert_eq!(label.as_str(), "kitchen tablet");
        assert!("é".repeat(40).parse::<FeedLabel>().is_ok());
        for wrong in ["", " \n", &"é".repeat(41)] {
            assert!(wrong.parse::<FeedLabel>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn record_holds_nothing_of_the_token_but_its_last_four_digits() {
        let token = FeedToken::generate().unwrap();
        let (family, label) = ("conrad".parse().unwrap(), "phone".parse().unwrap());
        let now = "2026-11-01T05:00:00Z".parse().unwrap();
        let feed = Feed::new(&token, family, label, true, now);
        let text = token.expose();
        for shown in [format!("{feed:?}"), serde_json::to_string(&feed).unwrap()] {
            assert!(!shown.contains(&text[..8]), "{shown}");
            assert!(shown.contains(&text[60..]), "{shown}");
        }
    }
}
