//! The card's number and PIN: what may stand nowhere, whatever a rule says.

use hippo_browser::LoginStep;
use hippo_core::card::CardSecret;
use secrecy::ExposeSecret as _;
use serde_json::Value;
use zeroize::Zeroize;

use super::allow_list;
use super::har::Har;

/// What is shorter may well stand in a page by chance: a number of four digits is a year.
const MIN_SECRET_CHARS: usize = 6;

/// A part of a user name that is shorter is part of many words.
const MIN_NAME_PART_CHARS: usize = 4;

/// The hosts that a recording names by itself.
const EXAMPLE: &str = "library.example";

/// The secrets of one visit.
#[derive(Default)]
pub(super) struct Secrets {
    numbers: Vec<String>,
    pins: Vec<String>,
    /// What the card's patron is called: no secret, but no name of a site's either.
    people: Vec<String>,
}

impl Secrets {
    /// Learns a number and a PIN; a number may be written `Name|number`.
    pub(super) fn learn(&mut self, secret: &CardSecret) {
        let number = secret.number.expose_secret();
        let parts = number
            .split('|')
            .flat_map(|part| std::iter::once(part).chain(part.split_whitespace()));
        add(&mut self.numbers, std::iter::once(number).chain(parts));
        add(&mut self.pins, std::iter::once(secret.pin.expose_secret()));
    }

    /// Learns what the card's patron is called.
    pub(super) fn learn_person(&mut self, name: &str) {
        add(&mut self.people, std::iter::once(name));
    }

    /// What no name and no filler may hold: the secrets, and the words of a user name or a person's, but for
    /// those that any site has in its names.
    pub(super) fn barred(&self) -> Vec<String> {
        let parts = self
            .numbers
            .iter()
            .chain(&self.people)
            .flat_map(|name| name.split(|c: char| !c.is_alphabetic()))
            .filter(|part| {
                part.chars().count() >= MIN_NAME_PART_CHARS && !allow_list::is_piece(part)
            });
        self.all()
            .map(str::to_owned)
            .chain(parts.map(str::to_owned))
            .collect()
    }

    /// The last look: whether a secret stands in the file, long enough to stand there by no chance, or
    /// as a whole value, such as a field of the login.
    pub(super) fn stand_in(&self, har: &Har) -> bool {
        let fields = har
            .log
            .entries
            .iter()
            .filter(|entry| entry.step == Some(LoginStep::LogIn))
            .flat_map(|entry| entry.request.post_data.iter())
            .flat_map(|form| form.params.iter().map(|field| field.value.as_str()));
        let is_secret = |value: &str| {
            let value = value.trim();
            self.all().any(|secret| value.eq_ignore_ascii_case(secret))
        };
        let (mut is_sent, mut is_held) = (false, false);
        for field in fields {
            is_sent |= is_secret(field) || words(field).any(is_secret);
        }
        let value = serde_json::to_value(har).unwrap_or_default();
        each_text(&value, &mut |text| {
            let text = text.replace(EXAMPLE, "");
            is_held |= self.sought().any(|secret| text.contains(secret));
        });
        is_sent || is_held
    }

    fn all(&self) -> impl Iterator<Item = &str> {
        self.numbers.iter().chain(&self.pins).map(String::as_str)
    }

    /// A PIN of letters alone may be a word of the site, such as `password`; a number never is.
    fn sought(&self) -> impl Iterator<Item = &str> {
        let has_digit = |pin: &&String| pin.bytes().any(|byte| byte.is_ascii_digit());
        self.numbers
            .iter()
            .chain(self.pins.iter().filter(has_digit))
            .map(String::as_str)
            .filter(|secret| secret.chars().count() >= MIN_SECRET_CHARS)
    }
}

fn add<'a>(known: &mut Vec<String>, found: impl Iterator<Item = &'a str>) {
    for text in found.map(str::trim).filter(|text| !text.is_empty()) {
        if !known.iter().any(|known| known == text) {
            known.push(text.to_owned());
        }
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
}

/// Calls `look` with every text and every key.
fn each_text(value: &Value, look: &mut dyn FnMut(&str)) {
    match value {
        Value::String(text) => look(text),
        Value::Array(values) => values.iter().for_each(|value| each_text(value, look)),
        Value::Object(values) => {
            for (key, value) in values {
                look(key);
                each_text(value, look);
            }
        }
        _ => {}
    }
}

impl Drop for Secrets {
    fn drop(&mut self) {
        for secrets in [&mut self.numbers, &mut self.pins, &mut self.people] {
            secrets.iter_mut().for_each(Zeroize::zeroize);
        }
    }
}
