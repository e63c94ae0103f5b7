//! Parsers for the values of arguments.

use std::ffi::OsStr;
#[cfg(feature = "web")]
use std::net::SocketAddr;

use chrono::{DateTime, Days, FixedOffset, NaiveDate, NaiveTime, Utc};
use chrono_tz::Tz;
use clap::builder::{PossibleValue, PossibleValuesParser, StringValueParser, TypedValueParser};
use hippo_core::clock::start_of_day;
use hippo_core::ids::CardId;
use hippo_core::run::{InvalidRunKey, JobName, RunKey};
use hippo_core::schedule::declaration::table::{parse_date, parse_rfc3339};
use hippo_systems::SYSTEMS;

use crate::suggested::HIPPO;

/// Parses a time of day.
pub(crate) fn time_of_day(text: &str) -> Result<NaiveTime, String> {
    NaiveTime::parse_from_str(text, "%H:%M")
        .map_err(|_| format!("“{text}” isn't a time of day. Write it like 06:30."))
}

/// Parses a calendar date.
pub(crate) fn date(text: &str) -> Result<NaiveDate, String> {
    parse_date(text).ok_or_else(|| not_a_date(text, "isn't a date. Write it like 2026-11-21."))
}

/// Says that the calendar has no such day if the text is written like one, such as `2026-11-31`; else
/// says `otherwise`.
fn not_a_date(text: &str, otherwise: &str) -> String {
    let shape: String = text
        .chars()
        .map(|letter| if letter.is_ascii_digit() { '0' } else { letter })
        .collect();
    match shape.as_str() {
        "0000-00-00" if text.parse::<NaiveDate>().is_ok() => {
            format!("“{text}” isn't a date from 1970 to 2199.")
        }
        "0000-00-00" => format!("There is no day {text} in the calendar."),
        _ => format!("“{text}” {otherwise}"),
    }
}

/// The start of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Since {
    /// A local date.
    Date(NaiveDate),
    /// So many days, today included.
    Days(u16),
}

impl Since {
    /// Its first date; never more than [`RUN_RETENTION_DAYS`] days before today.
    pub(crate) fn first_date(self, today: NaiveDate) -> NaiveDate {
        let ago = |days: u16| today - Days::new(u64::from(days.saturating_sub(1)));
        match self {
            Self::Date(date) => date.max(ago(RUN_RETENTION_DAYS)),
            Self::Days(days) => ago(days),
        }
    }
}

/// Runs are kept for so many days.
pub(crate) const RUN_RETENTION_DAYS: u16 = 35;

/// Parses a date or a number of days, such as `7d`.
pub(crate) fn since(text: &str) -> Result<Since, String> {
    let days = text.strip_suffix('d').and_then(|days| days.parse().ok());
    match days {
        Some(days @ 1..=RUN_RETENTION_DAYS) => Ok(Since::Days(days)),
        Some(_) => Err(format!(
            "Runs are kept for {RUN_RETENTION_DAYS} days. Write 1d to {RUN_RETENTION_DAYS}d."
        )),
        None => parse_date(text).map(Since::Date).ok_or_else(|| {
            format!("“{text}” isn't a date or a number of days. Write it like 2026-11-21 or 7d.")
        }),
    }
}

/// Parses the first day of log lines, like [`since`].
pub(crate) fn logs_since(text: &str) -> Result<Since, String> {
    since(text).map_err(|message| match text.strip_suffix('d') {
        Some(days) if days.parse::<u16>().is_ok() => format!(
            "Log lines are kept for 14 days, and on AWS we look back {RUN_RETENTION_DAYS} days at most. Write 1d to {RUN_RETENTION_DAYS}d."
        ),
        _ => message,
    })
}

/// Parses an instant with its offset (RFC 3339).
pub(crate) fn instant(text: &str) -> Result<DateTime<FixedOffset>, String> {
    parse_rfc3339(text)
        .ok_or_else(|| format!("“{text}” isn't a time. Write it like 2026-11-21T05:00:00-05:00."))
}

/// Parses an address and a port to listen on.
#[cfg(feature = "web")]
pub(crate) fn socket_address(text: &str) -> Result<SocketAddr, String> {
    let text = text.trim();
    // A name may have several addresses; this one is always the machine itself.
    let local = text.strip_prefix("localhost:");
    let address = local.map_or_else(|| text.to_owned(), |port| format!("127.0.0.1:{port}"));
    address
        .parse()
        .map_err(|_| format!("“{text}” isn't an address and a port. Write it like 127.0.0.1:8484."))
}

/// A local date, or an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DateOrInstant {
    /// The beginning of a local date.
    Date(NaiveDate),
    /// An instant.
    Instant(DateTime<Utc>),
}

impl DateOrInstant {
    /// The instant; a date begins at midnight in `zone`.
    pub(crate) fn in_zone(self, zone: Tz) -> DateTime<Utc> {
        match self {
            Self::Date(date) => start_of_day(date, zone),
            Self::Instant(instant) => instant,
        }
    }
}

/// Parses a date, or an instant with its offset.
pub(crate) fn date_or_instant(text: &str) -> Result<DateOrInstant, String> {
    let date = parse_date(text).map(DateOrInstant::Date);
    let instant = || parse_rfc3339(text).map(|time| DateOrInstant::Instant(time.to_utc()));
    date.or_else(instant).ok_or_else(|| {
        format!(
            "“{text}” isn't a date or a time. Write it like 2026-11-21 or 2026-11-21T05:00:00-05:00."
        )
    })
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
            "“{text}” isn't a card's id, or the last four characters or more of one. “{HIPPO} card list” shows them."
        ))
    }
}

/// Parses a run's id.
pub(crate) fn run_key(text: &str) -> Result<RunKey, String> {
    text.parse()
        .map_err(|error: InvalidRunKey| format!("{error} “{HIPPO} runs” shows them."))
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

/// Parses the name of a registered job; the help describes each.
pub(crate) fn job_name() -> impl TypedValueParser<Value = JobName> {
    let job = |name: JobName| PossibleValue::new(name.as_str()).help(name.entry().description);
    PossibleValuesParser::new(JobName::all().into_iter().map(job))
        .try_map(|name| name.parse::<JobName>())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_day_is_distinguished_from_a_malformed_date() {
        assert_eq!(
            date("2026-11-31").unwrap_err(),
            "There is no day 2026-11-31 in the calendar."
        );
        for text in ["tomorrow", "2026/12/31", "31.12.2026"] {
            let message = date(text).unwrap_err();
            assert!(message.ends_with("Write it like 2026-11-21."), "{message}");
        }
    }

    #[test]
    fn years_have_four_digits_and_those_of_expressions() {
        for text in [
            "26-12-01",
            "+12026-12-01",
            "12026-12-01",
            "2026-1-5",
            "1969-12-31",
            "2200-01-01",
        ] {
            assert!(date(text).is_err(), "{text}");
            assert!(since(text).is_err(), "{text}");
            assert!(date_or_instant(text).is_err(), "{text}");
            assert!(instant(&format!("{text}T05:00:00Z")).is_err(), "{text}");
        }
        for text in ["1970-01-01", "2199-12-31"] {
            assert!(
                date(text).is_ok() && date_or_instant(text).is_ok(),
                "{text}"
            );
        }
        assert_eq!(
            date("2200-01-01").unwrap_err(),
            "“2200-01-01” isn't a date from 1970 to 2199."
        );
    }

    #[cfg(feature = "web")]
    #[test]
    fn pages_listen_at_an_address_or_localhost() {
        let listen = |text: &str| socket_address(text).map(|address| address.to_string());
        assert_eq!(listen("localhost:9000").unwrap(), "127.0.0.1:9000");
        assert_eq!(listen("[::1]:9000").unwrap(), "[::1]:9000");
        for text in ["localhost", "9000", "hippo.example.org:80", "localhost:x"] {
            let message = listen(text).unwrap_err();
            assert!(
                message.ends_with("Write it like 127.0.0.1:8484."),
                "{message}"
            );
        }
    }

    #[test]
    fn too_many_days_of_logs_say_how_long_they_are_kept() {
        let message = logs_since("40d").unwrap_err();
        assert!(message.contains("kept for 14 days"), "{message}");
        assert_eq!(logs_since("7d"), Ok(Since::Days(7)));
    }

    #[test]
    fn since_is_a_date_or_some_days_within_the_kept_ones() {
        let date = |text: &str| text.parse::<NaiveDate>().unwrap();
        let today = date("2026-11-21");
        for (text, first) in [
            ("1d", "2026-11-21"),
            ("7d", "2026-11-15"),
            ("2026-11-01", "2026-11-01"),
            ("2020-01-01", "2026-10-18"),
        ] {
            assert_eq!(
                since(text).unwrap().first_date(today),
                date(first),
                "{text}"
            );
        }
        for text in ["0d", "36d", "7", "yesterday", "d", "-1d"] {
            assert!(since(text).is_err(), "{text}");
        }
    }
}
