//! Decodes JSON within limits.

use std::cell::Cell;
use std::fmt;

use hippo_core::failure::Failure;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// The maximum number of values in a document: several times those of the longest lists that are read.
const MAX_VALUES: usize = 1_000_000;

/// Decodes a document. Fails with `page_changed` if it is no JSON, has too many values, or names a field twice.
pub(super) fn decode(body: &str) -> Result<Value, Failure> {
    let left = Cell::new(MAX_VALUES);
    let mut document = serde_json::Deserializer::from_str(body.trim_start_matches('\u{feff}'));
    let value = Counted(&left).deserialize(&mut document);
    value
        .and_then(|value| document.end().map(|()| value))
        // The error would quote the document.
        .map_err(|_| Failure::page_changed("text that is no JSON of the interface"))
}

/// Whether a text is a JSON object.
pub(crate) fn is_object(body: &str) -> bool {
    decode(body).is_ok_and(|value| value.is_object())
}

/// Decodes a value, and counts it.
struct Counted<'a>(&'a Cell<usize>);

impl<'de> DeserializeSeed<'de> for Counted<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let left = self.0.get().checked_sub(1);
        self.0
            .set(left.ok_or_else(|| D::Error::custom("too many values"))?);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Counted<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element_seed(Counted(self.0))? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            let value = fields.next_value_seed(Counted(self.0))?;
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom("a field twice"));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[test]
    fn any_document_is_decoded_as_it_is() {
        let document = json!({"a": [1, -2, 0.5, "b", null, true, {"c": []}]});
        let body = format!("\u{feff}{document}\n");
        assert_eq!(decode(&body).unwrap(), document);
    }

    #[rstest]
    #[case::no_json("<html>".to_owned())]
    #[case::half("{\"a\":".to_owned())]
    #[case::more_behind_it("{} {}".to_owned())]
    #[case::field_twice(r#"{"list": [1], "list": []}"#.to_owned())]
    #[case::too_deep("[".repeat(100_000))]
    #[case::too_many_values(format!("[{}0]", "0,".repeat(MAX_VALUES)))]
    fn other_text_is_a_changed_page(#[case] body: String) {
        assert!(decode(&body).is_err());
    }
}
