//! The card's number and PIN, which must never be in a recording.

use hippo_browser::LoginStep;
use hippo_core::card::CardSecret;
use secrecy::ExposeSecret as _;
use serde_json::Value;
use zeroize::Zeroize;

use super::allow_list;
use super::har::Har;

/// A shorter secret may be in a page by chance: four digits may be a year.
const MIN_SECRET_CHARS: usize = 6;

/// A shorter part of a user name is part of many words.
const MIN_NAME_PART_CHARS: usize = 4;

/// The example host of recordings.
const EXAMPLE_HOST: &str = "library.example";

/// The secrets of one visit.
#[derive(Default)]
pub(super) struct Secrets {
    numbers: Vec<String>,
    pins: Vec<String>,
    /// The patron's names. Not secret, but kept out of names in the recording.
    people: Vec<String>,
}

impl Secrets {
    /// Learns a number and a PIN. A number may have the form `Name|number`.
    pub(super) fn learn(&mut self, secret: &CardSecret) {
        let number = secret.number.expose_secret();
        let parts = number
            .split('|')
            .flat_map(|part| std::iter::once(part).chain(part.split_whitespace()));
        add(&mut self.numbers, std::iter::once(number).chain(parts));
        add(&mut self.pins, std::iter::once(secret.pin.expose_secret()));
    }

    /// Learns the patron's name.
    pub(super) fn learn_person(&mut self, name: &str) {
        add(&mut self.people, std::iter::once(name));
    }

    /// The texts that no name and no filler may contain: the secrets, and the words of a user name or a
    /// person's name that aren't common in names.
    pub(super) fn forbidden_texts(&self) -> Vec<String> {
        let parts = self
            .numbers
            .iter()
            .chain(&self.people)
            .flat_map(|name| name.split(|c: char| !c.is_alphabetic()))
            .filter(|part| {
                part.chars().count() >= MIN_NAME_PART_CHARS && !allow_list::is_common_word(part)
            });
        self.all()
            .map(str::to_owned)
            .chain(parts.map(str::to_owned))
            .collect()
    }

    /// The final check: whether the file contains a secret that is too long to be there by chance, or a login
    /// field that is a secret.
    pub(super) fn occur_in(&self, har: &Har) -> bool {
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
            let text = text.replace(EXAMPLE_HOST, "");
            is_held |= self.searchable().any(|secret| text.contains(secret));
        });
        is_sent || is_held
    }

    fn all(&self) -> impl Iterator<Item = &str> {
        self.numbers.iter().chain(&self.pins).map(String::as_str)
    }

    /// The secrets to search for. A PIN of letters only is skipped, because it may be a common word.
    fn searchable(&self) -> impl Iterator<Item = &str> {
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

/// Calls `visit` with every text and every key.
fn each_text(value: &Value, visit: &mut dyn FnMut(&str)) {
    match value {
        Value::String(text) => visit(text),
        Value::Array(values) => values.iter().for_each(|value| each_text(value, visit)),
        Value::Object(values) => {
            for (key, value) in values {
                visit(key);
                each_text(value, visit);
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
