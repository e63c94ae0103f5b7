//! Finds the values of a document by their paths.

use std::borrow::Cow;

use chrono::NaiveDate;
use chrono_tz::Tz;
use hippo_core::failure::Failure;
use hippo_core::text::{clean, decode_entities};
use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::moment::read_date;

/// The names of the fields that lead to a value, with full stops between them: `item.fields.barcode`.
pub(crate) type Path = &'static str;

/// The fields that have an object's id, each with the path to the object that has those objects by their ids. A path
/// goes on through such a field.
pub(crate) type References = &'static [(&'static str, Path)];

/// The number of bytes of a text that are read: more than is stored, in any script. Many entries may refer to one
/// record, whose long texts would be read for each.
const MAX_TEXT_BYTES: usize = 8_192;

/// The number of texts in a list that are searched for one with words.
const MAX_TEXTS: usize = 16;

/// An object of a document.
///
/// A value that is missing or null is `None`. One of another type than expected is `page_changed`.
#[derive(Clone, Copy)]
pub(crate) struct JsonObject<'a> {
    fields: &'a Map<String, Value>,
    document: Document<'a>,
}

/// The document that an object is from.
#[derive(Clone, Copy)]
struct Document<'a> {
    root: &'a Map<String, Value>,
    references: References,
    /// Where the day of a moment counts; `None` if its date counts as it is printed.
    timezone: Option<Tz>,
}

impl<'a> JsonObject<'a> {
    /// Returns a document's own object, whose dates count as they are printed.
    pub(crate) fn from_value(value: &'a Value) -> Option<Self> {
        Self::new(value, &[], None)
    }

    /// Returns a document's own object. The day of its moments is the one in this time zone.
    pub(crate) fn with_references(
        value: &'a Value,
        references: References,
        timezone: Tz,
    ) -> Option<Self> {
        Self::new(value, references, Some(timezone))
    }

    fn new(value: &'a Value, references: References, timezone: Option<Tz>) -> Option<Self> {
        let fields = value.as_object()?;
        Some(Self {
            fields,
            document: Document {
                root: fields,
                references,
                timezone,
            },
        })
    }

    /// Returns the document's own object.
    pub(crate) fn root(self) -> Self {
        self.with_fields(self.document.root)
    }

    /// Whether there is a value, even if it is null.
    pub(crate) fn has(self, path: Path) -> Result<bool, Failure> {
        Ok(self.find(path)?.is_some())
    }

    /// Whether there is a null.
    pub(crate) fn is_null(self, path: Path) -> Result<bool, Failure> {
        Ok(self.find(path)?.is_some_and(Value::is_null))
    }

    /// Returns a value of any type.
    pub(crate) fn value(self, path: Path) -> Result<Option<&'a Value>, Failure> {
        self.get(path, Some)
    }

    /// Returns a text or a whole number as it is: sites write ids either way.
    pub(crate) fn text(self, path: Path) -> Result<Option<Cow<'a, str>>, Failure> {
        self.get(path, text_of)
    }

    /// Returns a list of texts.
    pub(crate) fn texts(self, path: Path) -> Result<Option<Vec<Cow<'a, str>>>, Failure> {
        self.get(path, |value| {
            value.as_array()?.iter().map(text_of).collect()
        })
    }

    /// Returns the words of a text that has some.
    pub(crate) fn words(self, path: Path) -> Result<Option<String>, Failure> {
        let words = self.text(path)?.map(|text| words_of(&text));
        Ok(words.filter(|words| !words.is_empty()))
    }

    /// Returns the words of a text, or of the first in a list of texts that has some.
    pub(super) fn first_words(self, path: Path) -> Result<Option<String>, Failure> {
        let texts = self.get(path, |value| match value.as_array() {
            Some(list) => list.iter().take(MAX_TEXTS).map(text_of).collect(),
            None => Some(vec![text_of(value)?]),
        })?;
        let mut words = texts.iter().flatten().map(|text| words_of(text));
        Ok(words.find(|words| !words.is_empty()))
    }

    /// Returns the words that an object has under a name from the page.
    pub(crate) fn words_at(self, path: Path, name: &str) -> Result<Option<String>, Failure> {
        let value = self.value_at(path, name)?;
        let text = value.map(|value| text_of(value).ok_or_else(|| another_type(path)));
        let words = text.transpose()?.map(|text| words_of(&text));
        Ok(words.filter(|words| !words.is_empty()))
    }

    /// Returns a whole number that is not negative.
    pub(crate) fn count(self, path: Path) -> Result<Option<u32>, Failure> {
        self.get(path, count_of)
    }

    /// Returns a count; `None` for a negative one, by which a site says that it doesn't know.
    pub(crate) fn known_count(self, path: Path) -> Result<Option<u32>, Failure> {
        let number = self.get(path, Value::as_i64)?;
        Ok(number.and_then(|number| number.try_into().ok()))
    }

    /// Returns whether something is so.
    pub(crate) fn flag(self, path: Path) -> Result<Option<bool>, Failure> {
        self.get(path, Value::as_bool)
    }

    /// Returns a date; `None` for one that means “never”, too.
    pub(crate) fn date(self, path: Path) -> Result<Option<NaiveDate>, Failure> {
        let timezone = self.document.timezone;
        self.text(path)?
            .map_or(Ok(None), |moment| read_date(&moment, timezone))
    }

    /// Returns an amount of money: a number, or one in a text.
    pub(crate) fn amount(self, path: Path) -> Result<Option<Decimal>, Failure> {
        self.get(path, |value| match value {
            // Sites add amounts as floating-point numbers: 0.30000000000000004.
            Value::Number(number) if number.is_f64() => {
                Some(Decimal::from_f64_retain(number.as_f64()?)?.round_dp(2))
            }
            _ => text_of(value)?.trim().parse().ok(),
        })
    }

    /// Returns an object.
    pub(crate) fn object(self, path: Path) -> Result<Option<Self>, Failure> {
        let fields = self.get(path, Value::as_object)?;
        Ok(fields.map(|fields| self.with_fields(fields)))
    }

    /// Returns the object that another has under an id from the page.
    pub(crate) fn object_at(self, path: Path, id: &str) -> Result<Option<Self>, Failure> {
        let value = self.value_at(path, id)?;
        let fields = value.map(|value| value.as_object().ok_or_else(|| another_type(path)));
        Ok(fields.transpose()?.map(|fields| self.with_fields(fields)))
    }

    /// Returns a list of objects.
    pub(super) fn list(self, path: Path) -> Result<Option<Vec<Self>>, Failure> {
        self.get(path, |value| {
            let objects = value.as_array()?.iter().map(Value::as_object);
            objects
                .map(|fields| Some(self.with_fields(fields?)))
                .collect()
        })
    }

    /// Returns the objects that another has, with their names.
    pub(crate) fn objects(self, path: Path) -> Result<Option<Vec<(&'a str, Self)>>, Failure> {
        self.get(path, |value| {
            let fields = value.as_object()?.iter();
            let named = fields.map(|(name, value)| Some((name.as_str(), value.as_object()?)));
            let objects =
                named.map(|named| named.map(|(name, inner)| (name, self.with_fields(inner))));
            objects.collect()
        })
    }

    /// Returns the counts that its fields are.
    pub(crate) fn counts(self) -> Result<Vec<u32>, Failure> {
        let counts = self.fields.values().map(count_of).collect::<Option<_>>();
        counts.ok_or_else(|| another_type("the counts of an object"))
    }

    fn with_fields(self, fields: &'a Map<String, Value>) -> Self {
        Self { fields, ..self }
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

    fn value_at(self, path: Path, name: &str) -> Result<Option<&'a Value>, Failure> {
        let value = self
            .object(path)?
            .and_then(|object| object.fields.get(name));
        Ok(value.filter(|value| !value.is_null()))
    }

    fn find(self, path: Path) -> Result<Option<&'a Value>, Failure> {
        let mut fields = self.fields;
        let mut names = path.split('.').peekable();
        while let Some(name) = names.next() {
            match fields.get(name) {
                found if names.peek().is_none() => return Ok(found),
                Some(Value::Object(inner)) => fields = inner,
                None | Some(Value::Null) => return Ok(None),
                Some(id) => match self.follow(name, id)? {
                    Some(object) => fields = object.fields,
                    None => return Ok(None),
                },
            }
        }
        Ok(None)
    }

    /// Returns the object that the id in a field refers to.
    fn follow(self, name: Path, id: &Value) -> Result<Option<Self>, Failure> {
        let mut references = self.document.references.iter();
        let objects = references.find(|(field, _)| *field == name);
        match (objects, text_of(id)) {
            (Some((_, objects)), Some(id)) => self.root().object_at(objects, &id),
            _ => Err(another_type(name)),
        }
    }
}

fn text_of(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(text.into()),
        Value::Number(number) if !number.is_f64() => Some(number.to_string().into()),
        _ => None,
    }
}

fn count_of(value: &Value) -> Option<u32> {
    value.as_u64()?.try_into().ok()
}

fn words_of(text: &str) -> String {
    let end = text.floor_char_boundary(MAX_TEXT_BYTES);
    clean(&decode_entities(text.get(..end).unwrap_or_default()))
}

fn another_type(path: &'static str) -> Failure {
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
        assert_eq!(object.text("a.b").unwrap().as_deref(), Some("x "));
        assert_eq!(object.words("a.b").unwrap().as_deref(), Some("x"));
        assert_eq!(object.text("c").unwrap().as_deref(), Some("7"));
        assert_eq!(object.count("c").unwrap(), Some(7));
        for path in ["a.x", "x", "n", "n.b", "x.y.z"] {
            assert_eq!(object.text(path).unwrap(), None, "{path}");
        }
        assert!(object.has("n").unwrap() && object.is_null("n").unwrap());
        assert!(!object.has("n.b").unwrap() && !object.is_null("x").unwrap());
    }

    #[rstest]
    #[case(json!({"a": true}), "a")]
    #[case(json!({"a": 7.5}), "a")]
    #[case(json!({"a": "x"}), "a.b")]
    #[case(json!({"a": [{"b": "x"}]}), "a.b")]
    #[case(json!({"a": {"b": {}}}), "a.b")]
    fn value_of_another_type_is_a_changed_page(#[case] document: Value, #[case] path: Path) {
        let object = JsonObject::from_value(&document).unwrap();
        assert!(object.text(path).is_err());
        assert!(object.words(path).is_err());
    }

    #[test]
    fn path_goes_on_through_a_reference() {
        let document = json!({
            "works": {"S1": {"title": "Tides", "by": 7}, "S2": null, "S3": "x"},
            "people": {"7": {"name": "Ada"}},
            "one": {"work": "S1"}, "two": {"work": "S2"}, "three": {"work": "S3"},
            "four": {"work": "S4"}, "five": {"work": [], "other": "S1"},
        });
        let references: References = &[("work", "works"), ("by", "people")];
        let root = JsonObject::with_references(&document, references, Tz::UTC).unwrap();
        let one = root.object("one").unwrap().unwrap();
        assert_eq!(one.words("work.title").unwrap().as_deref(), Some("Tides"));
        assert_eq!(one.words("work.by.name").unwrap().as_deref(), Some("Ada"));
        assert_eq!(one.text("work").unwrap().as_deref(), Some("S1"));
        assert_eq!(root.words("two.work.title").unwrap(), None);
        assert_eq!(root.words("four.work.title").unwrap(), None);
        for path in ["three.work.title", "five.work.title", "five.other.title"] {
            assert!(root.words(path).is_err(), "{path}");
        }
    }

    #[test]
    fn words_are_decoded_and_the_first_of_a_list_counts() {
        let document = json!({
            "one": " a &amp;\n b", "many": ["", "c", "d"], "none": [], "long": "x".repeat(9_000),
            "names": {"k.1": "Book"},
        });
        let object = JsonObject::from_value(&document).unwrap();
        assert_eq!(object.words("one").unwrap().as_deref(), Some("a & b"));
        let first = |path| object.first_words(path).unwrap();
        assert_eq!(first("one").as_deref(), Some("a & b"));
        assert_eq!(first("many").as_deref(), Some("c"));
        assert_eq!(first("none"), None);
        assert!(object.words("many").is_err());
        assert_eq!(object.words("long").unwrap().unwrap().len(), MAX_TEXT_BYTES);
        let name = |key| object.words_at("names", key).unwrap();
        assert_eq!((name("k.1").as_deref(), name("k")), (Some("Book"), None));
    }

    #[rstest]
    #[case("0.30000000000000004", "0.30")]
    #[case("17", "17")]
    #[case("-2.5", "-2.50")]
    #[case("\" 1.05\"", "1.05")]
    fn amounts_are_exact_to_the_cent(#[case] json: &str, #[case] expected: &str) {
        let document = serde_json::from_str(&format!("{{\"a\":{json}}}")).unwrap();
        let object = JsonObject::from_value(&document).unwrap();
        assert_eq!(object.amount("a").unwrap(), Some(expected.parse().unwrap()));
    }

    #[test]
    fn counts_are_not_negative() {
        let document = json!({"a": -1, "b": 3, "c": {"x": 1, "y": 2}, "d": {"x": null}});
        let object = JsonObject::from_value(&document).unwrap();
        assert!(object.count("a").is_err());
        assert_eq!(object.known_count("a").unwrap(), None);
        assert_eq!(object.known_count("b").unwrap(), Some(3));
        assert!(object.known_count("c").is_err());
        let counts = |path| object.object(path).unwrap().unwrap().counts();
        assert_eq!(counts("c").unwrap(), [1, 2]);
        assert!(counts("d").is_err());
    }
}
