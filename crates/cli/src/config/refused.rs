//! A key that doesn't belong in the file.

use serde::Deserialize;
use serde::de::IgnoredAny;

/// The value of a key that is only recognised to be rejected with its own message. It is dropped.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Refused;

impl<'de> Deserialize<'de> for Refused {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}
