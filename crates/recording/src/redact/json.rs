//! Redacts JSON. Keeps keys and structure.

use serde_json::{Map, Number, Value};

use super::{Mode, Redactor};
use crate::allow_list;

/// Fields with messages that readers use.
const MESSAGE_FIELDS: [&str; 8] = [
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
const STATE_FIELDS: [&str; 7] = [
    "status",
    "materialtype",
    "type",
    "actions",
    "format",
    "op",
    "code",
];

/// Objects whose keys are ids.
const MAPS_BY_ID: [&str; 9] = [
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

/// The context of a value.
#[derive(Clone, Copy)]
struct JsonContext<'a> {
    key: &'a str,
    parent_key: &'a str,
    in_list: bool,
}

impl Redactor {
    /// Redacts a JSON value.
    pub(super) fn redact_json(&mut self, value: Value) -> String {
        let context = JsonContext {
            key: "",
            parent_key: "",
            in_list: false,
        };
        self.json(value, context).to_string()
    }

    fn json(&mut self, value: Value, context: JsonContext<'_>) -> Value {
        match value {
            Value::Object(object) => self.object(object, context),
            Value::Array(values) => Value::Array(
                values
                    .into_iter()
                    .map(|value| {
                        self.json(
                            value,
                            JsonContext {
                                in_list: true,
                                ..context
                            },
                        )
                    })
                    .collect(),
            ),
            Value::String(text) => Value::String(self.json_string(&text, context)),
            Value::Number(number) => Value::Number(self.json_number(number, context)),
            other => other,
        }
    }

    fn object(&mut self, object: Map<String, Value>, context: JsonContext<'_>) -> Value {
        let lower = context.key.to_ascii_lowercase();
        let is_by_id = MAPS_BY_ID.contains(&lower.as_str())
            && (context.parent_key == "entities" || object.values().all(Value::is_object));
        // If one key isn't an identifier, only common names count as names.
        let is_by_text = is_by_value(context.key) || !object.keys().all(|key| is_identifier(key));
        let mut filled = Map::new();
        for (key, value) in object {
            let value = self.json(
                value,
                JsonContext {
                    key: &key,
                    parent_key: context.key,
                    in_list: false,
                },
            );
            let key = if is_by_id || (is_by_text && !allow_list::is_name(&key)) {
                self.redact_text(&key, Mode::Nothing)
            } else {
                self.name(&key)
            };
            filled.insert(key, value);
        }
        Value::Object(filled)
    }

    fn json_string(&mut self, text: &str, context: JsonContext<'_>) -> String {
        let key = context.key.to_ascii_lowercase();
        let is_kind = key == "format"
            && matches!(text.len(), 2..=12)
            && text
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte == b'_');
        if is_kind {
            self.kept.add_phrase(text);
            return text.to_owned();
        }
        if is_sum_text(text)
            && allow_list::is_count_key(context.key)
            && !self.filler.is_forbidden(text)
        {
            self.kept.counts_and_sums += 1;
            return text.to_owned();
        }
        if key == "script" || text.contains("RedirectAfterLogin") {
            self.redact_script(text)
        } else if has_markup(text) {
            self.redact_html(text)
        } else if text.starts_with('/') || text.starts_with("http") || key.ends_with("url") {
            self.redact_url(text)
        } else if STATE_FIELDS.contains(&key.as_str()) {
            self.redact_text(text, Mode::State)
        } else if MESSAGE_FIELDS.contains(&key.as_str()) {
            self.redact_text(text, Mode::Words)
        } else {
            self.redact_text(text, Mode::Value)
        }
    }

    /// Redacts a number. Counts and sums of count keys stay. An id, an age or a coordinate doesn't.
    fn json_number(&mut self, number: Number, context: JsonContext<'_>) -> Number {
        let text = number.to_string();
        let plain = text.trim_start_matches('-');
        let is_sum = plain
            .split_once('.')
            .is_some_and(|(whole, cents)| whole.len() <= 5 && cents.len() <= 2);
        let is_count = plain.len() <= 3 && !plain.contains('.');
        let is_known = !context.in_list && allow_list::is_count_key(context.key);
        if is_known && (is_sum || is_count) && !self.filler.is_forbidden(&text) {
            self.kept.counts_and_sums += 1;
            return number;
        }
        let filled = self.redact_text(&text, Mode::Nothing);
        filled.parse().unwrap_or_else(|_| Number::from(7))
    }
}

/// Whether a text is a sum of money, such as `4.50`.
fn is_sum_text(text: &str) -> bool {
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    text.trim_start_matches('-')
        .split_once('.')
        .is_some_and(|(whole, cents)| {
            whole.len() <= 5 && is_digits(whole) && cents.len() == 2 && is_digits(cents)
        })
}

/// Whether a key has the form of an identifier.
fn is_identifier(key: &str) -> bool {
    key.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '$' | '@'))
        && key
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '$' | '.' | ':' | '@'))
}

/// Whether an object's keys are values, as in `bibsByMetadataId`.
fn is_by_value(key: &str) -> bool {
    allow_list::words(key).any(|word| word == "By")
}

/// Whether a text contains an HTML tag.
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
