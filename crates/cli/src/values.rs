//! Values of arguments, as a person writes them.

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

/// Parses an instant with its offset.
pub(crate) fn instant(text: &str) -> Result<DateTime<FixedOffset>, String> {
    DateTime::parse_from_rfc3339(text)
        .map_err(|_| format!("“{text}” isn't a time. Write it like 2026-11-21T05:00:00-05:00."))
}

/// A card as a person names it: by its id, or by the end of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CardName {
    /// The whole id.
    Id(CardId),
    /// Its last characters, at least four.
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

/// Parses one of `all` by its name.
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
        // The names are checked before.
        found.copied().ok_or(std::fmt::Error)
    })
}

/// The names of the systems, for completions and the help. Any other is taken too, so that the
/// command can say which there are in its own words.
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
