//! JSON: keys and shape stay.

use serde_json::{Map, Number, Value};

use super::{Mode, Redactor};

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
struct Place<'a> {
    key: &'a str,
    around: &'a str,
    in_list: bool,
}

impl Redactor {
    /// JSON with its values replaced.
    pub(super) fn json_text(&mut self, value: Value) -> String {
        let place = Place {
            key: "",
            around: "",
            in_list: false,
        };
        self.json(value, place).to_string()
    }

    fn json(&mut self, value: Value, place: Place<'_>) -> Value {
        match value {
            Value::Object(object) => self.object(object, place),
            Value::Array(values) => Value::Array(
                values
                    .into_iter()
                    .map(|value| {
                        self.json(
                            value,
                            Place {
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

    fn object(&mut self, object: Map<String, Value>, place: Place<'_>) -> Value {
        let lower = place.key.to_ascii_lowercase();
        let keys_are_values = place.around == "entities" && BY_ID.contains(&lower.as_str());
        let mut filled = Map::new();
        for (key, value) in object {
            let value = self.json(
                value,
                Place {
                    key: &key,
                    around: place.key,
                    in_list: false,
                },
            );
            // A number as a key is an id, however short.
            let is_number = key.bytes().all(|byte| byte.is_ascii_digit());
            let key = if keys_are_values || is_number {
                self.text(&key, Mode::Nothing)
            } else {
                self.name(&key)
            };
            filled.insert(key, value);
        }
        Value::Object(filled)
    }

    fn json_string(&mut self, text: &str, place: Place<'_>) -> String {
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
        } else if text.contains('<') && text.contains('>') {
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

    /// Counts and sums stay; an id does not.
    fn json_number(&mut self, number: Number, place: Place<'_>) -> Number {
        let text = number.to_string();
        let key = place.key;
        let is_id = place.in_list
            || key.ends_with("Id")
            || key.ends_with("ID")
            || matches!(key, "id" | "barcode" | "code" | "number" | "pin");
        let is_sum = text.contains('.') && !text.contains('e') && text.len() <= 8;
        let is_count = text.trim_start_matches('-').len() <= 3;
        if !is_id && (is_sum || is_count) && !self.filler.is_barred(&text) {
            self.kept.counts += 1;
            return number;
        }
        let filled = self.text(&text, Mode::Nothing);
        filled.parse().unwrap_or_else(|_| Number::from(7))
    }
}
