//! A secret that doesn't belong into the file.

use serde::Deserialize;
use serde::de::IgnoredAny;

/// Marks a value that was present and dropped.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Refused;

impl<'de> Deserialize<'de> for Refused {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}
