//! Parsers for the values of arguments.

use std::ffi::OsStr;

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveTime};
use clap::builder::{PossibleValue, PossibleValuesParser, StringValueParser, TypedValueParser};
use hippo_core::ids::CardId;
use hippo_core::run::{InvalidRunKey, RunKey};
use hippo_systems::SYSTEMS;

/// Parses a time of day.
pub(crate) fn time_of_day(text: &str) -> Result<NaiveTime, String> {
    NaiveTime::parse_from_str(text, "%H:%M")
        .map_err(|_| format!("“{text}” isn't a time of day. Write it like 06:30."))
}

/// Parses a calendar date.
pub(crate) fn date(text: &str) -> Result<NaiveDate, String> {
    text.parse()
        .map_err(|_| format!("“{text}” isn't a date. Write it like 2026-11-21."))
}

/// Parses an instant with its offset (RFC 3339).
pub(crate) fn instant(text: &str) -> Result<DateTime<FixedOffset>, String> {
    DateTime::parse_from_rfc3339(text)
        .map_err(|_| format!("“{text}” isn't a time. Write it like 2026-11-21T05:00:00-05:00."))
}

/// A card's id, or the end of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CardName {
    /// The whole id.
    Id(CardId),
    /// At least four last characters.
    Ending(String),
}

/// Parses a card's id, or the end of one.
pub(crate) fn card_name(text: &str) -> Result<CardName, String> {
    let text = text.trim();
    if let Ok(id) = text.parse() {
        return Ok(CardName::Id(id));
    }
    let is_part = text.len() >= 4 && text.len() < 26;
    if is_part && text.chars().all(|c| c.is_ascii_alphanumeric()) {
        Ok(CardName::Ending(text.to_owned()))
    } else {
        Err(format!(
            "“{text}” isn't a card's id, or the last four characters or more of one. “hippo card list” shows them."
        ))
    }
}

/// Parses a run's id.
pub(crate) fn run_key(text: &str) -> Result<RunKey, String> {
    text.parse()
        .map_err(|error: InvalidRunKey| format!("{error} “hippo runs” shows them."))
}

/// Parses one of `all` by its name, and lists the names in the help.
pub(crate) fn one_of<T>(
    all: &'static [T],
    name_of: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T> + use<T>
where
    T: Copy + Send + Sync + 'static,
{
    let names = all
        .iter()
        .map(move |value| PossibleValue::new(name_of(*value)));
    PossibleValuesParser::new(names).try_map(move |name| {
        let found = all.iter().find(|value| name_of(**value) == name);
        // The parser has already checked the name.
        found.copied().ok_or(std::fmt::Error)
    })
}

/// Offers the systems' names to completions and the help.
///
/// It accepts any name, so that the command itself can suggest the right one.
#[derive(Debug, Clone)]
pub(crate) struct SystemName;

impl TypedValueParser for SystemName {
    type Value = String;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<String, clap::Error> {
        StringValueParser::new().parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let names = SYSTEMS
            .iter()
            .map(|system| PossibleValue::new(system.name()));
        Some(Box::new(names))
    }
}
