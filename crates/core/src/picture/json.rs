//! Reads a picture's address, title and credit from JSON, by field paths.

use serde_json::Value;

use super::raw_link::RawLink;
use super::{PictureFailure, PictureSource};

/// What a path leads to.
enum Field<'a> {
    /// A value other than null.
    Value(&'a Value),
    /// The document has the place, and nothing is in it.
    Empty,
    /// The document doesn't have the place.
    Missing,
}

pub(super) fn read_link(
    source: &PictureSource,
    text: &str,
) -> Result<Option<RawLink>, PictureFailure> {
    let changed = |detail: &str| PictureFailure::document_changed(detail);
    let document: Value = serde_json::from_str(text.trim_start_matches('\u{feff}'))
        .map_err(|_| changed("the document isn't JSON"))?;
    let path = source.address.as_deref().unwrap_or_default();
    let address = match find_field(&document, path) {
        Field::Value(Value::String(address)) if address.trim().is_empty() => return Ok(None),
        Field::Value(Value::String(address)) => address.clone(),
        Field::Value(_) => {
            return Err(changed(&format!("the field {path} isn't text")));
        }
        Field::Empty => return Ok(None),
        // A day without a picture may lack the field, and still has its title.
        Field::Missing if text_of(&document, source.title.as_deref()).is_some() => return Ok(None),
        Field::Missing => {
            return Err(changed(&format!("the document has no field {path}")));
        }
    };
    Ok(Some(RawLink {
        address,
        title: text_of(&document, source.title.as_deref()),
        credit: text_of(&document, source.credit.as_deref()),
    }))
}

/// Follows a path of names and positions: `images.0.url`.
fn find_field<'a>(document: &'a Value, path: &str) -> Field<'a> {
    let mut value = document;
    for name in path.split('.') {
        let next = match value {
            Value::Object(fields) => fields.get(name),
            Value::Array(items) => match name.parse::<usize>() {
                Ok(index) if index >= items.len() => return Field::Empty,
                Ok(index) => items.get(index),
                Err(_) => None,
            },
            _ => None,
        };
        match next {
            Some(Value::Null) => return Field::Empty,
            Some(next) => value = next,
            None => return Field::Missing,
        }
    }
    Field::Value(value)
}

fn text_of(document: &Value, path: Option<&str>) -> Option<String> {
    match find_field(document, path?) {
        Field::Value(Value::String(text)) => Some(text.clone()),
        Field::Value(Value::Number(number)) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn read(address: &str, text: &str) -> Result<Option<RawLink>, PictureFailure> {
        let json = serde_json::json!({
            "url": "https://x.test/", "kind": "json",
            "address": address, "title": "title", "credit": "meta.by",
        });
        read_link(&serde_json::from_value(json).unwrap(), text)
    }

    #[test]
    fn fields_are_found_by_name_and_position() {
        let text =
            r#"{"title":"Sea","meta":{"by":"Ada"},"images":[{"url":"a.jpg"},{"url":"b.jpg"}]}"#;
        let link = read("images.1.url", text).unwrap().unwrap();
        assert_eq!(link.address, "b.jpg");
        assert_eq!(link.title.as_deref(), Some("Sea"));
        assert_eq!(link.credit.as_deref(), Some("Ada"));
        let link = read("url", "\u{feff}{\"url\":\"c.jpg\",\"title\":7}").unwrap();
        let link = link.unwrap();
        assert_eq!((link.title.as_deref(), link.credit), (Some("7"), None));
    }

    #[rstest]
    #[case("url", r#"{"url":null}"#)]
    #[case("url", r#"{"url":" "}"#)]
    #[case("images.0.url", r#"{"images":[]}"#)]
    #[case("image.url", r#"{"image":null}"#)]
    #[case("hdurl", r#"{"title":"A video","url":"https://video.test/"}"#)]
    fn empty_place_means_no_picture_today(#[case] address: &str, #[case] text: &str) {
        assert!(read(address, text).unwrap().is_none());
    }

    #[rstest]
    #[case("url", "<!DOCTYPE html>")]
    #[case("url", "")]
    #[case("url", "[]")]
    #[case("url", "{}")]
    #[case("url", r#"{"error":"over the limit"}"#)]
    #[case("url", r#"{"url":17}"#)]
    #[case("url", r#"{"url":{"href":"a.jpg"}}"#)]
    #[case("images.0.url", r#"{"pictures":[]}"#)]
    fn unrecognised_document_is_an_error(#[case] address: &str, #[case] text: &str) {
        let failure = read(address, text).map(|_| ()).unwrap_err();
        assert_eq!(failure.kind.as_str(), "document_changed");
    }

    #[test]
    fn deeply_nested_document_is_refused() {
        let text = "[".repeat(100_000);
        assert!(read("url", &text).is_err());
    }
}
