//! The table's items: attributes, size and document.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Utc};
use hippo_core::store::{StoreError, StoreResult};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::keys::Key;

/// The largest item that DynamoDB accepts, in bytes of names and values.
const SIZE_LIMIT: usize = 400 * 1024;

/// Attributes by name.
pub(super) type Attributes = HashMap<String, AttributeValue>;

impl Key {
    pub(super) fn attributes(&self) -> Attributes {
        HashMap::from([
            ("pk".to_owned(), AttributeValue::S(self.pk.clone())),
            ("sk".to_owned(), AttributeValue::S(self.sk.clone())),
        ])
    }
}

/// One item of the table.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Item(pub(super) Attributes);

impl Item {
    pub(super) fn new(key: &Key) -> Self {
        Self(key.attributes())
    }

    #[must_use]
    pub(super) fn with(mut self, name: &str, value: AttributeValue) -> Self {
        self.0.insert(name.to_owned(), value);
        self
    }

    #[must_use]
    pub(super) fn with_text(self, name: &str, value: impl Into<String>) -> Self {
        self.with(name, AttributeValue::S(value.into()))
    }

    /// Adds the item to a list of the index `listing`, at the position `order`.
    #[must_use]
    pub(super) fn listed(self, list: impl Into<String>, order: impl Into<String>) -> Self {
        self.with_text("listing", list)
            .with_text("listing_order", order)
    }

    /// Adds the document.
    pub(super) fn with_data(self, data: &impl Serialize) -> StoreResult<Self> {
        Ok(self.with_text("data", json(data)?))
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .and_then(|value| value.as_s().ok())
            .map(String::as_str)
    }

    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.0
            .get(name)
            .and_then(|value| value.as_n().ok())
            .and_then(|number| number.parse().ok())
    }

    /// Reads an attribute as a time. `None` if it is absent.
    pub(super) fn time(&self, name: &str) -> StoreResult<Option<DateTime<Utc>>> {
        self.text(name)
            .map(|time| time.parse().map_err(|_| self.unreadable(name)))
            .transpose()
    }

    pub(super) fn bytes(&self, name: &str) -> Option<&[u8]> {
        self.0
            .get(name)
            .and_then(|value| value.as_b().ok())
            .map(AsRef::as_ref)
    }

    /// How often the item was written.
    pub(super) fn revision(&self) -> u64 {
        self.number("revision").unwrap_or_default()
    }

    /// Reads the document.
    pub(super) fn data<T: DeserializeOwned>(&self) -> StoreResult<T> {
        self.document("data")
    }

    /// Reads a document stored as JSON in this attribute.
    pub(super) fn document<T: DeserializeOwned>(&self, name: &str) -> StoreResult<T> {
        self.text(name)
            .and_then(|text| serde_json::from_str(text).ok())
            .ok_or_else(|| self.unreadable(name))
    }

    pub(super) fn is(&self, key: &Key) -> bool {
        self.text("pk") == Some(&key.pk) && self.text("sk") == Some(&key.sk)
    }

    /// Its key.
    pub(super) fn key(&self) -> Option<Key> {
        Some(Key {
            pk: self.text("pk")?.to_owned(),
            sk: self.text("sk")?.to_owned(),
        })
    }

    /// The part of the sort key after this prefix: an id or a date.
    pub(super) fn id_after(&self, kind: &str) -> Option<&str> {
        self.text("sk").and_then(|sk| sk.strip_prefix(kind))
    }

    /// The error for an item that can't be read.
    pub(super) fn unreadable(&self, name: &str) -> StoreError {
        StoreError::Unusable(format!(
            "the item {} can't be read (“{name}”). Restore the table to a time before it was \
             changed, or deploy the version that wrote it.",
            self.key_text()
        ))
    }

    /// The item's key, for messages.
    pub(super) fn key_text(&self) -> String {
        format!(
            "“{} {}”",
            self.text("pk").unwrap_or("?"),
            self.text("sk").unwrap_or("?")
        )
    }

    /// Refuses an item that DynamoDB would refuse as too large.
    pub(super) fn check_size(&self) -> StoreResult<()> {
        let size: usize = self
            .0
            .iter()
            .map(|(name, value)| name.len() + value_size(value))
            .sum();
        if size > SIZE_LIMIT {
            return Err(StoreError::TooLarge(format!(
                "The item {} would be {} KB, but DynamoDB takes at most {} KB. It wasn't stored.",
                self.key_text(),
                size.div_ceil(1024),
                SIZE_LIMIT / 1024
            )));
        }
        Ok(())
    }
}

/// The size of a value as DynamoDB counts it, for the types that we store.
fn value_size(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        AttributeValue::N(number) => number.len() / 2 + 2,
        _ => 1,
    }
}

/// Converts a document to JSON.
pub(super) fn json(data: &impl Serialize) -> StoreResult<String> {
    serde_json::to_string(data)
        .map_err(|error| StoreError::Unusable(format!("a value can't be stored: {error}")))
}

pub(super) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(super) fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub(super) fn bytes(value: &[u8]) -> AttributeValue {
    AttributeValue::B(Blob::new(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(bytes: usize) -> Item {
        let key = Key::library(&"wpl".parse().unwrap());
        Item::new(&key).with_text("data", "x".repeat(bytes))
    }

    #[test]
    fn item_over_400_kb_is_refused_and_named_by_its_key() {
        // pk, LIBRARY#wpl, sk, META, data: 2 + 11 + 2 + 4 + 4 bytes.
        let fits = 400 * 1024 - 23;
        assert!(item(fits).check_size().is_ok());
        let error = item(fits + 1).check_size().unwrap_err();
        assert!(matches!(error, StoreError::TooLarge(_)));
        assert!(error.to_string().contains("LIBRARY#wpl META"), "{error}");
        assert!(!error.to_string().contains("xx"));
    }

    #[test]
    fn unreadable_item_is_named_but_not_shown() {
        let error = item(3).data::<Vec<u8>>().unwrap_err().to_string();
        assert!(error.contains("LIBRARY#wpl META"), "{error}");
        assert!(!error.contains("xxx"));
    }
}
