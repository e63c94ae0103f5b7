//! Writes column values, and reads them back with validation.

use std::str::FromStr;

use chrono::{DateTime, Datelike, SecondsFormat, Utc};
use hippo_core::store::{DamagedRow, StoreError};
use rusqlite::Row;
use rusqlite::types::ValueRef;
use serde::Serialize;
use serde::de::value::{Error as WordError, StrDeserializer};
use serde::de::{DeserializeOwned, IntoDeserializer};

use super::fault::Fault;

/// A time as stored text. All have the same width, so that they sort in time order.
///
/// A time outside the years 0 to 9999 becomes the nearest one within.
pub(super) fn time(instant: DateTime<Utc>) -> String {
    let instant = match instant.year() {
        year if year < 0 => DateTime::parse_from_rfc3339("0000-01-01T00:00:00Z"),
        year if year > 9999 => DateTime::parse_from_rfc3339("9999-12-31T23:59:59Z"),
        _ => Ok(instant.fixed_offset()),
    }
    .map_or(instant, |within| within.to_utc());
    instant.to_rfc3339_opts(SecondsFormat::Nanos, true)
}

/// The JSON name of a value without fields.
pub(super) fn word<T: Serialize>(value: &T) -> Result<String, Fault> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => Ok(word),
        _ => Err(not_storable()),
    }
}

/// A value as JSON.
pub(super) fn json<T: Serialize>(value: &T) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(|_| not_storable())
}

/// A count as SQLite's integer.
pub(super) fn integer(count: u64) -> Result<i64, Fault> {
    i64::try_from(count).map_err(|_| not_storable())
}

fn not_storable() -> Fault {
    StoreError::Unusable("a value can't be stored in the database.".to_owned()).into()
}

/// One row of a table, whose columns are read by name.
///
/// A value that can't be read gives [`Fault::Damaged`] with the table and the row's key, but never
/// the value.
pub(super) struct StoredRow<'row, 'statement> {
    row: &'row Row<'statement>,
    table: &'static str,
    key: &'static str,
}

impl<'row, 'statement> StoredRow<'row, 'statement> {
    /// A row of `table`, identified by the column `key`.
    pub(super) fn new(table: &'static str, key: &'static str, row: &'row Row<'statement>) -> Self {
        Self { row, table, key }
    }

    /// A text.
    pub(super) fn text(&self, column: &str) -> Result<String, Fault> {
        self.optional_str(column)?
            .map(str::to_owned)
            .ok_or_else(|| self.damaged(column))
    }

    /// A text, or nothing.
    pub(super) fn optional_text(&self, column: &str) -> Result<Option<String>, Fault> {
        Ok(self.optional_str(column)?.map(str::to_owned))
    }

    /// A text, parsed.
    pub(super) fn parsed<T: FromStr>(&self, column: &str) -> Result<T, Fault> {
        self.optional_parsed(column)?
            .ok_or_else(|| self.damaged(column))
    }

    /// A text, parsed, or nothing.
    pub(super) fn optional_parsed<T: FromStr>(&self, column: &str) -> Result<Option<T>, Fault> {
        self.optional_str(column)?
            .map(|text| text.parse().map_err(|_| self.damaged(column)))
            .transpose()
    }

    /// A value without fields, by its name in JSON.
    pub(super) fn word<T: DeserializeOwned>(&self, column: &str) -> Result<T, Fault> {
        self.optional_word(column)?
            .ok_or_else(|| self.damaged(column))
    }

    /// A value without fields, by its name in JSON, or nothing.
    pub(super) fn optional_word<T: DeserializeOwned>(
        &self,
        column: &str,
    ) -> Result<Option<T>, Fault> {
        self.optional_str(column)?
            .map(|text| {
                let word: StrDeserializer<'_, WordError> = text.into_deserializer();
                T::deserialize(word).map_err(|_| self.damaged(column))
            })
            .transpose()
    }

    /// A value kept as JSON.
    pub(super) fn json<T: DeserializeOwned>(&self, column: &str) -> Result<T, Fault> {
        self.optional_json(column)?
            .ok_or_else(|| self.damaged(column))
    }

    /// A value kept as JSON, or nothing.
    pub(super) fn optional_json<T: DeserializeOwned>(
        &self,
        column: &str,
    ) -> Result<Option<T>, Fault> {
        self.optional_str(column)?
            .map(|text| serde_json::from_str(text).map_err(|_| self.damaged(column)))
            .transpose()
    }

    /// A count.
    pub(super) fn count<T: TryFrom<i64>>(&self, column: &str) -> Result<T, Fault> {
        match self.row.get_ref(column)? {
            ValueRef::Integer(count) => T::try_from(count).map_err(|_| self.damaged(column)),
            _ => Err(self.damaged(column)),
        }
    }

    /// Yes or no.
    pub(super) fn flag(&self, column: &str) -> Result<bool, Fault> {
        Ok(self.count::<i64>(column)? != 0)
    }

    /// Bytes.
    pub(super) fn bytes(&self, column: &str) -> Result<Vec<u8>, Fault> {
        match self.row.get_ref(column)? {
            ValueRef::Blob(bytes) => Ok(bytes.to_vec()),
            _ => Err(self.damaged(column)),
        }
    }

    /// The error for a row that can't be read.
    pub(super) fn damaged(&self, column: &str) -> Fault {
        // An id is harmless, but a damaged id may contain anything.
        let key: String = match self.row.get_ref(self.key) {
            Ok(ValueRef::Text(key)) => String::from_utf8_lossy(key)
                .chars()
                .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
                .take(40)
                .collect(),
            _ => "?".to_owned(),
        };
        let reason = format!(
            "“{key}” in the table “{}” can't be read (“{column}”). Restore a backup.",
            self.table
        );
        let row = DamagedRow {
            table: self.table.to_owned(),
            id: key,
        };
        Fault::Damaged(row, reason)
    }

    fn optional_str(&self, column: &str) -> Result<Option<&'row str>, Fault> {
        match self.row.get_ref(column)? {
            ValueRef::Null => Ok(None),
            ValueRef::Text(text) => std::str::from_utf8(text)
                .map(Some)
                .map_err(|_| self.damaged(column)),
            _ => Err(self.damaged(column)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_times_sort_like_times() {
        let mut times: Vec<DateTime<Utc>> = [
            "2026-11-21T11:30:00Z",
            "2026-11-21T11:30:00.5Z",
            "2026-11-21T11:30:00.123456789Z",
            "1999-12-31T23:59:59Z",
        ]
        .iter()
        .map(|text| text.parse().unwrap())
        .collect();
        let mut texts: Vec<String> = times.iter().copied().map(time).collect();
        times.sort();
        texts.sort();
        let read: Vec<DateTime<Utc>> = texts.iter().map(|text| text.parse().unwrap()).collect();
        assert_eq!(read, times);
    }

    #[test]
    fn time_outside_four_digit_years_is_clamped() {
        assert_eq!(
            time(DateTime::<Utc>::MAX_UTC),
            "9999-12-31T23:59:59.000000000Z"
        );
        assert_eq!(
            time(DateTime::<Utc>::MIN_UTC),
            "0000-01-01T00:00:00.000000000Z"
        );
    }
}
