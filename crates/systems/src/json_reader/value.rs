//! Finds the values of a document by their paths.

use chrono::NaiveDate;
use hippo_browser::reading::tidy;
use hippo_core::failure::Failure;
use serde_json::{Map, Value};

use super::moment::read_date;

/// The names of the fields that lead to a value, with full stops between them: `item.fields.barcode`.
pub(crate) type Path = &'static str;

/// An object of a document.
///
/// A value that is missing or null is `None`. One of another type than expected is `page_changed`.
#[derive(Clone, Copy)]
pub(crate) struct JsonObject<'a>(&'a Map<String, Value>);

impl<'a> JsonObject<'a> {
    pub(super) fn from_value(value: &'a Value) -> Option<Self> {
        value.as_object().map(Self)
    }

    /// Whether there is a value, even if it is null.
    pub(super) fn has(self, path: Path) -> Result<bool, Failure> {
        Ok(self.find(path)?.is_some())
    }

    /// Whether there is a null.
    pub(crate) fn is_null(self, path: Path) -> Result<bool, Failure> {
        Ok(self.find(path)?.is_some_and(Value::is_null))
    }

    /// Returns a text as it is.
    pub(crate) fn text(self, path: Path) -> Result<Option<&'a str>, Failure> {
        self.get(path, Value::as_str)
    }

    /// Returns the words of a text that has some.
    pub(crate) fn words(self, path: Path) -> Result<Option<String>, Failure> {
        let words = self.text(path)?.map(tidy);
        Ok(words.filter(|words| !words.is_empty()))
    }

    /// Returns a whole number that is not negative.
    pub(crate) fn count(self, path: Path) -> Result<Option<u32>, Failure> {
        self.get(path, |value| value.as_u64()?.try_into().ok())
    }

    /// Returns whether something is so.
    pub(crate) fn flag(self, path: Path) -> Result<Option<bool>, Failure> {
        self.get(path, Value::as_bool)
    }

    /// Returns a date; `None` for one that means “never”, too.
    pub(crate) fn date(self, path: Path) -> Result<Option<NaiveDate>, Failure> {
        self.text(path)?.map_or(Ok(None), read_date)
    }

    /// Returns a list of objects.
    pub(super) fn list(self, path: Path) -> Result<Option<Vec<Self>>, Failure> {
        self.get(path, |value| {
            let values = value.as_array()?.iter();
            values.map(Self::from_value).collect()
        })
    }

    fn get<T>(
        self,
        path: Path,
        convert: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, Failure> {
        let value = self.find(path)?.filter(|value| !value.is_null());
        value
            .map(|value| convert(value).ok_or_else(|| another_type(path)))
            .transpose()
    }

    fn find(self, path: Path) -> Result<Option<&'a Value>, Failure> {
        let mut fields = self.0;
        let mut names = path.split('.').peekable();
        while let Some(name) = names.next() {
            match fields.get(name) {
                found if names.peek().is_none() => return Ok(found),
                Some(Value::Object(inner)) => fields = inner,
                None | Some(Value::Null) => return Ok(None),
                Some(_) => return Err(another_type(path)),
            }
        }
        Ok(None)
    }
}

fn another_type(path: Path) -> Failure {
    Failure::page_changed(format!("another type of value than expected at {path}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[test]
    fn missing_values_and_nulls_are_none() {
        let document = json!({"a": {"b": "x "}, "n": null, "c": 7});
        let object = JsonObject::from_value(&document).unwrap();
        assert_eq!(object.text("a.b").unwrap(), Some("x "));
        assert_eq!(object.words("a.b").unwrap().as_deref(), Some("x"));
        assert_eq!(object.count("c").unwrap(), Some(7));
        for path in ["a.x", "x", "n", "n.b", "x.y.z"] {
            assert_eq!(object.text(path).unwrap(), None, "{path}");
        }
        assert!(object.has("n").unwrap() && object.is_null("n").unwrap());
        assert!(!object.has("n.b").unwrap() && !object.is_null("x").unwrap());
    }

    #[rstest]
    #[case(json!({"a": 7}), "a")]
    #[case(json!({"a": "x"}), "a.b")]
    #[case(json!({"a": [{"b": "x"}]}), "a.b")]
    #[case(json!({"a": {"b": {}}}), "a.b")]
    fn value_of_another_type_is_a_changed_page(#[case] document: Value, #[case] path: Path) {
        let object = JsonObject::from_value(&document).unwrap();
        assert!(object.text(path).is_err());
    }
}
