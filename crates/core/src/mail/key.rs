//! Identifies a mail by its kind, family and local date.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::ids::{FamilyId, InvalidId, is_slug};

/// A kind of dated mail; a family gets at most one mail of each kind per local date.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MailKind(Cow<'static, str>);

impl MailKind {
    /// The daily notice.
    pub const DAILY: Self = Self(Cow::Borrowed("daily"));

    /// The picture of the day.
    pub const PICTURE: Self = Self(Cow::Borrowed("picture"));

    /// Every kind that is planned and sent.
    pub const ALL: &'static [Self] = &[Self::DAILY, Self::PICTURE];

    /// The kinds that `notify-all` plans and sends.
    pub const OF_NOTIFY_ALL: &'static [Self] = &[Self::DAILY];

    /// Returns the name of the job that plans and sends it.
    pub fn job_name(&self) -> &'static str {
        if *self == Self::PICTURE {
            "picture-of-the-day"
        } else {
            "notify-all"
        }
    }

    /// Returns the kind's slug.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for MailKind {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        if is_slug(text) {
            Ok(Self(Cow::Owned(text.to_owned())))
        } else {
            Err(InvalidId::Slug(text.to_owned()))
        }
    }
}

impl TryFrom<String> for MailKind {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<MailKind> for String {
    fn from(kind: MailKind) -> Self {
        kind.0.into_owned()
    }
}

impl fmt::Display for MailKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The key of one mail's record, displayed as `daily/conrad/2026-11-21`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MailKey {
    /// The mail's kind.
    pub kind: MailKind,
    /// The mail's family.
    pub family: FamilyId,
    /// The family's local date, computed once, when the mail was planned.
    pub date: NaiveDate,
}

impl MailKey {
    /// Creates the key of a mail.
    pub fn new(kind: MailKind, family: FamilyId, date: NaiveDate) -> Self {
        Self { kind, family, date }
    }

    /// Creates the key of a daily notice.
    pub fn daily(family: FamilyId, date: NaiveDate) -> Self {
        Self::new(MailKind::DAILY, family, date)
    }
}

impl fmt::Display for MailKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.kind, self.family, self.date)
    }
}

/// Identifies a mail of the outbox and the claim that sends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailTag {
    /// The mail's kind.
    pub kind: MailKind,
    /// The mail's family.
    pub family: FamilyId,
    /// The family's local date.
    pub date: NaiveDate,
    /// The fence of the claim that sends it.
    pub fence: u64,
}

impl MailTag {
    /// Returns the part of the `Message-ID` before the `@`; each claim has its own.
    pub fn message_id_local_part(&self) -> String {
        format!("{}.{}.{}.{}", self.kind, self.family, self.date, self.fence)
    }

    /// Returns the key of the mail's record.
    pub fn key(&self) -> MailKey {
        MailKey::new(self.kind.clone(), self.family.clone(), self.date)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kind_is_a_slug_and_equals_its_constant() {
        assert_eq!("daily".parse(), Ok(MailKind::DAILY));
        assert_eq!("picture".parse(), Ok(MailKind::PICTURE));
        let read: MailKind = serde_json::from_str("\"daily\"").unwrap();
        assert_eq!(read, MailKind::DAILY);
        for text in ["", "Daily", "a#b", "a b"] {
            assert!(text.parse::<MailKind>().is_err(), "{text}");
        }
    }
}
