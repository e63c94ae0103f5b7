//! The name of a job.

use std::fmt;

use serde::{Serialize, Serializer};

/// The name of a job in the registry ([`crate::jobs::registry`]).
///
/// Text is parsed only if a job of that name is registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobName(&'static str);

impl JobName {
    /// `check-cards`, which reads every card.
    pub const CHECK_CARDS: Self = Self::new("check-cards");

    /// `notify-all`, which plans and sends the mails that are due.
    pub const NOTIFY_ALL: Self = Self::new("notify-all");

    /// `picture-of-the-day`, which plans and sends the pictures that are due.
    pub const PICTURE_OF_THE_DAY: Self = Self::new("picture-of-the-day");

    /// Names a job of the registry.
    pub(crate) const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// The name in logs, tables, JSON and stores.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for JobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0)
    }
}

impl Serialize for JobName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}
