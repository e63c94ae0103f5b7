//! Decodes JSON within limits.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use hippo_core::failure::Failure;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::value::Path;

/// The maximum number of values in a document: several times those of the longest lists that are read.
const MAX_VALUES: usize = 1_000_000;

/// The path to everything.
const EVERYTHING: &[Path] = &[""];

/// Decodes a document. Fails with `page_changed` if it is no JSON, has too many values, or names a field twice.
pub(super) fn decode(body: &str) -> Result<Value, Failure> {
    decode_parts(body.trim_start_matches('\u{feff}'), EVERYTHING)
}

/// Decodes what is at these paths, and skips the rest of a document. In a path, `*` is any name, and `a*` any that
/// begins with `a`; the objects of a list have the list's paths.
fn decode_parts(body: &str, paths: &[Path]) -> Result<Value, Failure> {
    match decode_beginning(body, paths) {
        Ok((value, rest)) if rest.trim_start().is_empty() => Ok(value),
        _ => Err(no_json()),
    }
}

/// Decodes the document at the beginning of a text like [`decode_parts`]. Returns the rest of the text, too.
pub(super) fn decode_beginning<'b>(
    text: &'b str,
    paths: &[Path],
) -> Result<(Value, &'b str), serde_json::Error> {
    let left = Cell::new(MAX_VALUES);
    let mut document = serde_json::Deserializer::from_str(text);
    let value = Part { left: &left, paths }.deserialize(&mut document)?;
    let end = document.into_iter::<IgnoredAny>().byte_offset();
    Ok((value, text.get(end..).unwrap_or_default()))
}

/// The failure for a text that can't be decoded. The decoder's error would quote the text.
pub(super) fn no_json() -> Failure {
    Failure::page_changed("text that is no JSON of the interface")
}

/// Whether a text is a JSON object.
pub(crate) fn is_object(body: &str) -> bool {
    decode(body).is_ok_and(|value| value.is_object())
}

/// Decodes what is at these paths below a value, and counts the values.
#[derive(Clone, Copy)]
struct Part<'a> {
    left: &'a Cell<usize>,
    paths: &'a [Path],
}

impl<'de> DeserializeSeed<'de> for Part<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let left = self.left.get().checked_sub(1);
        self.left
            .set(left.ok_or_else(|| D::Error::custom("too many values"))?);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Part<'_> {
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
        while let Some(value) = list.next_element_seed(self)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        let twice = || A::Error::custom("a field twice");
        if self.paths == EVERYTHING {
            while let Some(name) = fields.next_key::<String>()? {
                if object.insert(name, fields.next_value_seed(self)?).is_some() {
                    return Err(twice());
                }
            }
            return Ok(Value::Object(object));
        }
        let paths: Vec<FirstName> = self.paths.iter().map(FirstName::of).collect();
        let name = FieldName {
            is_whole: self.paths.contains(&""),
            paths: &paths,
        };
        while let Some(field) = fields.next_key_seed(name)? {
            let Some((name, paths)) = field else {
                fields.next_value::<IgnoredAny>()?;
                continue;
            };
            let part = Part {
                paths: &paths,
                ..self
            };
            let value = fields.next_value_seed(part)?;
            if object.insert(name, value).is_some() {
                return Err(twice());
            }
        }
        Ok(Value::Object(object))
    }
}

/// A path's first name, split off once for an object that may have thousands of fields.
struct FirstName {
    name: Path,
    /// Whether any name that begins with it is meant.
    is_beginning: bool,
    /// The rest of the path.
    rest: Path,
}

impl FirstName {
    fn of(path: &Path) -> Self {
        let (name, rest) = path.split_once('.').unwrap_or((path, ""));
        let beginning = name.strip_suffix('*');
        Self {
            name: beginning.unwrap_or(name),
            is_beginning: beginning.is_some(),
            rest,
        }
    }

    fn leads_to(&self, name: &str) -> bool {
        if self.is_beginning {
            name.starts_with(self.name)
        } else {
            name == self.name
        }
    }
}

/// Reads a field's name, with the rests of the paths that lead into it. `None` if there are none.
#[derive(Clone, Copy)]
struct FieldName<'a> {
    /// Whether the whole object is decoded.
    is_whole: bool,
    paths: &'a [FirstName],
}

impl<'de> DeserializeSeed<'de> for FieldName<'_> {
    type Value = Option<(String, Cow<'static, [Path]>)>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for FieldName<'_> {
    type Value = Option<(String, Cow<'static, [Path]>)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        if self.is_whole {
            return Ok(Some((name.to_owned(), EVERYTHING.into())));
        }
        let leading = self.paths.iter().filter(|path| path.leads_to(name));
        let rests: Vec<Path> = leading.map(|path| path.rest).collect();
        Ok((!rests.is_empty()).then(|| (name.to_owned(), rests.into())))
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

    #[test]
    fn what_no_path_leads_to_is_skipped() {
        let document = json!({
            "a": {"b": {"deep": [1]}, "c": 2},
            "list": [{"x": 1, "y": 2}, 3],
            "d": {"one": {"x": 1, "y": 2}, "two": {"y": 2}},
            "words": {"KIND.1": "Book", "KIND.2": "Film", "OTHER": "?"},
            "skipped": [{}],
        });
        let paths = &["a.b", "list.x", "d.*.x", "words.KIND*", "missing"];
        let expected = json!({
            "a": {"b": {"deep": [1]}},
            "list": [{"x": 1}, 3],
            "d": {"one": {"x": 1}, "two": {}},
            "words": {"KIND.1": "Book", "KIND.2": "Film"},
        });
        assert_eq!(
            decode_parts(&document.to_string(), paths).unwrap(),
            expected
        );
    }

    #[test]
    fn half_a_character_matters_only_where_it_is_read() {
        let body = r#"{"a": "x", "b": "\ud83d", "b": 1}"#;
        assert_eq!(decode_parts(body, &["a"]).unwrap(), json!({"a": "x"}));
        assert!(decode_parts(body, &["b"]).is_err());
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
