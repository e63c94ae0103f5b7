//! JSON: keys and shape stay.

use serde_json::{Map, Number, Value};

use super::{Mode, Redactor};
use crate::allow_list;

/// Fields whose words the readers look at.
const SAID: [&str; 8] = [
    "message",
    "text",
    "key",
    "loginerror",
    "messages",
    "errors",
    "error",
    "body",
];

/// Fields that name a state or a kind.
const STATES: [&str; 6] = ["status", "materialtype", "type", "actions", "format", "op"];

/// Lists of things by their ids: the keys are values.
const BY_ID: [&str; 9] = [
    "accounts",
    "users",
    "checkouts",
    "holds",
    "bibs",
    "fines",
    "libraries",
    "messages",
    "systemmessages",
];

/// Where a value stands.
#[derive(Clone, Copy)]
struct KeyPlace<'a> {
    key: &'a str,
    around: &'a str,
    in_list: bool,
}

impl Redactor {
    /// JSON with its values replaced.
    pub(super) fn json_text(&mut self, value: Value) -> String {
        let place = KeyPlace {
            key: "",
            around: "",
            in_list: false,
        };
        self.json(value, place).to_string()
    }

    fn json(&mut self, value: Value, place: KeyPlace<'_>) -> Value {
        match value {
            Value::Object(object) => self.object(object, place),
            Value::Array(values) => Value::Array(
                values
                    .into_iter()
                    .map(|value| {
                        self.json(
                            value,
                            KeyPlace {
                                in_list: true,
                                ..place
                            },
                        )
                    })
                    .collect(),
            ),
            Value::String(text) => Value::String(self.json_string(&text, place)),
            Value::Number(number) => Value::Number(self.json_number(number, place)),
            other => other,
        }
    }

    fn object(&mut self, object: Map<String, Value>, place: KeyPlace<'_>) -> Value {
        let lower = place.key.to_ascii_lowercase();
        let is_by_id = BY_ID.contains(&lower.as_str())
            && (place.around == "entities" || object.values().all(Value::is_object));
        // One key that is no name: then none is, but for those that any site has.
        let is_by_words = is_by_value(place.key) || !object.keys().all(|key| is_shaped(key));
        let mut filled = Map::new();
        for (key, value) in object {
            let value = self.json(
                value,
                KeyPlace {
                    key: &key,
                    around: place.key,
                    in_list: false,
                },
            );
            let key = if is_by_id || (is_by_words && !allow_list::is_name(&key)) {
                self.text(&key, Mode::Nothing)
            } else {
                self.name(&key)
            };
            filled.insert(key, value);
        }
        Value::Object(filled)
    }

    fn json_string(&mut self, text: &str, place: KeyPlace<'_>) -> String {
        let key = place.key.to_ascii_lowercase();
        let is_kind = key == "format"
            && matches!(text.len(), 2..=12)
            && text
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte == b'_');
        if is_kind {
            self.kept.word(text);
            return text.to_owned();
        }
        if key == "script" || text.contains("RedirectAfterLogin") {
            self.script(text)
        } else if has_markup(text) {
            self.html(text)
        } else if text.starts_with('/') || text.starts_with("http") || key.ends_with("url") {
            self.url(text)
        } else if STATES.contains(&key.as_str()) {
            self.text(text, Mode::State)
        } else if SAID.contains(&key.as_str()) {
            self.text(text, Mode::Words)
        } else {
            self.text(text, Mode::Value)
        }
    }

    /// Counts and sums stay, of keys that have some; an id, an age or a place on earth does not.
    fn json_number(&mut self, number: Number, place: KeyPlace<'_>) -> Number {
        let text = number.to_string();
        let plain = text.trim_start_matches('-');
        let is_sum = plain
            .split_once('.')
            .is_some_and(|(whole, cents)| whole.len() <= 5 && cents.len() <= 2);
        let is_count = plain.len() <= 3 && !plain.contains('.');
        let is_known = !place.in_list && allow_list::counts(place.key);
        if is_known && (is_sum || is_count) && !self.filler.is_barred(&text) {
            self.kept.counts += 1;
            return number;
        }
        let filled = self.text(&text, Mode::Nothing);
        filled.parse().unwrap_or_else(|_| Number::from(7))
    }
}

/// Whether a key can be a name that the site's makers gave.
fn is_shaped(key: &str) -> bool {
    key.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '$' | '@'))
        && key
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '$' | '.' | ':' | '@'))
}

/// `bibsByMetadataId`: its keys are values.
fn is_by_value(key: &str) -> bool {
    allow_list::words(key).any(|word| word == "By")
}

/// Whether a text has a tag of a page in it.
fn has_markup(text: &str) -> bool {
    text.match_indices('<').any(|(at, _)| {
        let after = text.get(at + 1..).unwrap_or_default();
        let name = after.strip_prefix('/').unwrap_or(after);
        let end = name
            .find(|c: char| !c.is_ascii_alphanumeric())
            .unwrap_or(name.len());
        after.starts_with("!--") || allow_list::is_element(name.get(..end).unwrap_or_default())
    })
}
