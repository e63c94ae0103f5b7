//! The `[[schedule]]` table as written, and its checks.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::time::Duration;

use chrono::{
    DateTime, Datelike as _, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, TimeZone as _, Utc,
};
use chrono_tz::Tz;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::{CatchUp, ClosedDays, OnFailure, Overlap, Schedule};
use crate::ids::{Label, LibraryId};
use crate::jobs::registry::UnknownJob;
use crate::run::JobName;
use crate::schedule::expression::Expression;
use crate::schedule::recurrence::Recurrence;

/// The label of runs that a person starts. No schedule may have it.
pub const PERSON_LABEL: &str = "person";

/// The years that a date may have: those of an expression.
const YEARS: RangeInclusive<i32> = 1970..=2199;

/// The names of the log levels.
const LOG_LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

/// A `[[schedule]]` table as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "Schedule has a field for each")]
pub struct ScheduleTable {
    pub job: String,
    pub label: String,
    pub when: When,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub input: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub except: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlap: Option<Overlap>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_within: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catch_up: Option<CatchUp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flexible: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_level: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<OnFailure>,
}

/// When a declared schedule fires.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum When {
    /// An expression.
    Expression(String),
    /// A parameter of the template, with its default.
    Parameter(WhenParameter),
}

/// A parameter of the template, and its default expression.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WhenParameter {
    /// The parameter's name.
    pub parameter: String,
    /// Its default, which is an expression.
    pub default: String,
}

impl When {
    /// Returns the expression; for a parameter, its default.
    pub fn expression(&self) -> &str {
        match self {
            Self::Expression(expression) => expression,
            Self::Parameter(parameter) => &parameter.default,
        }
    }
}

impl<'de> Deserialize<'de> for When {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WhenVisitor;

        impl<'de> Visitor<'de> for WhenVisitor {
            type Value = When;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E>(self, text: &str) -> Result<When, E> {
                Ok(When::Expression(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<When, A::Error> {
                WhenParameter::deserialize(MapAccessDeserializer::new(map)).map(When::Parameter)
            }
        }

        deserializer.deserialize_any(WhenVisitor)
    }
}

/// Where declared schedules run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScheduleTarget {
    /// On one machine.
    Local,
    /// On AWS.
    Aws,
}

/// What the checks of declared schedules need.
pub struct ScheduleChecks<'a> {
    /// Where the schedules run.
    pub target: ScheduleTarget,
    /// The zone of schedules that name none.
    pub default_zone: Tz,
    /// Parses a zone; the error is a sentence.
    pub parse_zone: &'a dyn Fn(&str) -> Result<Tz, String>,
    /// Reads a closed-days file that `except` names; the error is a sentence.
    pub read_closed_days: &'a dyn Fn(&str) -> Result<ClosedDays, String>,
}

/// A mistake in a declared schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("schedule “{label}”, “{key}”: {reason}")]
pub struct InvalidSchedule {
    /// The index of its table, from 0.
    pub index: usize,
    /// Its label as written.
    pub label: String,
    /// The key with the mistake.
    pub key: &'static str,
    /// A sentence: what is wrong, and what to write.
    pub reason: String,
}

/// Checks declared schedules; returns them in the order of their tables, or every mistake.
pub fn check_schedules<'a>(
    tables: impl IntoIterator<Item = &'a ScheduleTable>,
    checks: &ScheduleChecks<'_>,
) -> Result<Vec<Schedule>, Vec<InvalidSchedule>> {
    let mut labels = BTreeSet::new();
    let mut schedules = Vec::new();
    let mut mistakes = Vec::new();
    for (index, table) in tables.into_iter().enumerate() {
        let mut collector = MistakeCollector {
            index,
            label: &table.label,
            mistakes: &mut mistakes,
        };
        if !labels.insert(&table.label) {
            let reason = "Another schedule has this label. Give each its own.";
            collector.add("label", reason);
        }
        schedules.extend(table.check(checks, &mut collector));
    }
    if mistakes.is_empty() {
        Ok(schedules)
    } else {
        Err(mistakes)
    }
}

/// Collects the mistakes of one table.
struct MistakeCollector<'a> {
    index: usize,
    label: &'a str,
    mistakes: &'a mut Vec<InvalidSchedule>,
}

impl MistakeCollector<'_> {
    fn add(&mut self, key: &'static str, reason: impl Into<String>) {
        self.mistakes.push(InvalidSchedule {
            index: self.index,
            label: self.label.to_owned(),
            key,
            reason: reason.into(),
        });
    }

    /// Returns the value, or collects the mistake.
    fn collect<T>(&mut self, key: &'static str, checked: Result<T, String>) -> Option<T> {
        checked.map_err(|reason| self.add(key, reason)).ok()
    }
}

impl ScheduleTable {
    /// Checks the table; `None` if there is a mistake.
    fn check(
        &self,
        checks: &ScheduleChecks<'_>,
        mistakes: &mut MistakeCollector<'_>,
    ) -> Option<Schedule> {
        let label = mistakes.collect("label", check_label(&self.label));
        let job = mistakes.collect(
            "job",
            self.job
                .parse::<JobName>()
                .map_err(|error: UnknownJob| error.to_string()),
        );
        let expression = mistakes.collect("when", self.check_when(checks.target));
        let zone = match &self.timezone {
            None => Some(checks.default_zone),
            Some(name) => mistakes.collect("timezone", (checks.parse_zone)(name)),
        };
        if let Some(job) = job {
            mistakes.collect("input", job.entry().check_schedule_input(&self.input));
        }
        // A wrong zone is a mistake of its own.
        let zone_or_default = zone.unwrap_or(checks.default_zone);
        let mut instant = |key, text: &Option<String>| {
            let text = text.as_deref()?;
            mistakes.collect(key, parse_instant(text, zone_or_default))
        };
        let (start, end) = (instant("start", &self.start), instant("end", &self.end));
        if let (Some(start), Some(end)) = (start, end)
            && end <= start
        {
            mistakes.add("end", "It must be after “start”.");
        }
        let closed_days = match &self.except {
            None => Some(ClosedDays::default()),
            Some(file) => mistakes.collect("except", (checks.read_closed_days)(file)),
        };
        if let (Some(job), Some(closed_days)) = (job, &closed_days)
            && job != JobName::CHECK_CARDS
            && !closed_days.libraries.is_empty()
        {
            let reason = format!(
                "The file has days of single libraries, which {job} can't leave out. Name a file without [libraries]."
            );
            mistakes.add("except", reason);
        }
        let mut duration = |key, text: &Option<String>| {
            let text = text.as_deref()?;
            mistakes.collect(key, parse_duration(text))
        };
        let start_deadline = duration("start_within", &self.start_within);
        let flexible = duration("flexible", &self.flexible);
        if let (Some(deadline), Some(flexible)) = (start_deadline, flexible)
            && flexible >= deadline
        {
            let reason = "It must be shorter than “start_within”, or runs would start too late.";
            mistakes.add("flexible", reason);
        }
        if let (Some(flexible), Some(expression)) = (flexible, &expression)
            && checks.target == ScheduleTarget::Local
        {
            let recurrence = Recurrence {
                expression: expression.clone(),
                zone: zone_or_default,
            };
            mistakes.collect("flexible", check_delay(flexible, &recurrence));
        }
        if let Some(level) = &self.log_level
            && !LOG_LEVELS.contains(&level.as_str())
        {
            let levels = LOG_LEVELS.join(", ");
            mistakes.add("log_level", format!("Write one of {levels}."));
        }
        mistakes.collect("on_failure", self.check_on_failure(checks.target));
        Some(Schedule {
            label: label?,
            job: job?,
            recurrence: Recurrence {
                expression: expression?,
                zone: zone?,
            },
            input: self.input.clone(),
            start,
            end,
            closed_days: closed_days?,
            enabled: self.enabled.unwrap_or(true),
            overlap: self.overlap,
            start_deadline,
            catch_up: self.catch_up,
            flexible,
            log_level: self.log_level.clone(),
            on_failure: self.on_failure.clone().unwrap_or_default(),
        })
    }

    fn check_when(&self, target: ScheduleTarget) -> Result<Expression, String> {
        match (&self.when, target) {
            (When::Parameter(_), ScheduleTarget::Local) => {
                return Err(
                    "A parameter is for the template on AWS. Write the expression itself."
                        .to_owned(),
                );
            }
            (When::Parameter(WhenParameter { parameter, .. }), ScheduleTarget::Aws)
                if parameter.is_empty()
                    || !parameter.chars().all(|c| c.is_ascii_alphanumeric()) =>
            {
                return Err(format!(
                    "“{parameter}” isn't a parameter's name. Use letters and digits."
                ));
            }
            _ => {}
        }
        let expression = self.when.expression().parse::<Expression>();
        expression.map_err(|error| error.to_string())
    }

    fn check_on_failure(&self, target: ScheduleTarget) -> Result<(), String> {
        match (&self.on_failure, target) {
            (Some(OnFailure::Command(_)), ScheduleTarget::Aws) => {
                Err("A command runs on one machine only. Write \"mail\" or \"log\".".to_owned())
            }
            (Some(on_failure), _) => on_failure.check(),
            (None, _) => Ok(()),
        }
    }
}

/// Refuses a delay by which a run could come at the schedule's next time.
///
/// A timer on one machine doesn't say for which time it fires, so the run would count as that time's.
fn check_delay(delay: Duration, recurrence: &Recurrence) -> Result<(), String> {
    let consequence = "or a run could count as the next one's";
    match (&recurrence.expression, recurrence.shortest_gap()) {
        (Expression::Rate(_), Some(period)) if 2 * delay >= period => Err(format!(
            "It must be shorter than half the period, {consequence}."
        )),
        (_, Some(gap)) if delay >= gap => Err(format!(
            "It must be shorter than the {} min between two times, {consequence}.",
            gap.as_secs() / 60
        )),
        _ => Ok(()),
    }
}

fn check_label(text: &str) -> Result<Label, String> {
    if text == PERSON_LABEL {
        return Err(
            "“person” is the label of runs that a person starts. Give the schedule another label."
                .to_owned(),
        );
    }
    text.parse::<Label>().map_err(|error| error.to_string())
}

/// Parses a date that is written as four digits, two and two, of a year from 1970 to 2199.
pub fn parse_date(text: &str) -> Option<NaiveDate> {
    let has_shape = text.bytes().enumerate().all(|(index, byte)| match index {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    let date = text.parse().ok().filter(|_| has_shape && text.len() == 10);
    date.filter(|date: &NaiveDate| YEARS.contains(&date.year()))
}

/// Parses an instant with its offset (RFC 3339), of the years of [`parse_date`].
pub fn parse_rfc3339(text: &str) -> Option<DateTime<FixedOffset>> {
    let instant = DateTime::parse_from_rfc3339(text).ok()?;
    Some(instant).filter(|instant| YEARS.contains(&instant.year()))
}

/// Parses a local date, a local time or an instant.
pub fn parse_instant(text: &str, zone: Tz) -> Result<DateTime<Utc>, String> {
    let text = text.trim();
    if let Some(instant) = parse_rfc3339(text) {
        return Ok(instant.to_utc());
    }
    let local = || {
        let (date, time) = match text.split_once('T') {
            None => (text, NaiveTime::MIN),
            Some((date, time)) => {
                let whole = NaiveTime::parse_from_str(time, "%H:%M");
                let time = whole.or_else(|_| NaiveTime::parse_from_str(time, "%H:%M:%S"));
                (date, time.ok()?)
            }
        };
        Some(parse_date(date)?.and_time(time))
    };
    let local = local().ok_or_else(|| {
        format!(
            "“{text}” isn't a date or a time from 1970 to 2199. Write it like 2026-12-01, or 2026-12-01T06:00 for a \
             local time."
        )
    })?;
    first_instant(local, zone).ok_or_else(|| format!("“{text}” is out of range."))
}

/// The first instant at which the clocks of a zone show this time, or a later one if they skip it.
fn first_instant(local: NaiveDateTime, zone: Tz) -> Option<DateTime<Utc>> {
    // No zone has ever skipped more than a day.
    (0..=24 * 4).find_map(|quarters| {
        let local = local.checked_add_signed(chrono::Duration::minutes(15 * quarters))?;
        let instant = zone.from_local_datetime(&local).earliest()?;
        Some(instant.to_utc())
    })
}

/// Parses a duration from 1 minute to 24 hours.
fn parse_duration(text: &str) -> Result<Duration, String> {
    let parse = || {
        let text = text.trim();
        let digits = text.find(|c: char| !c.is_ascii_digit())?;
        let (number, unit) = text.split_at_checked(digits)?;
        let minutes: u64 = match unit.trim() {
            "min" | "minute" | "minutes" => 1,
            "h" | "hour" | "hours" => 60,
            _ => return None,
        };
        number.parse::<u64>().ok()?.checked_mul(minutes)
    };
    match parse() {
        None => Err(format!(
            "“{text}” isn't a duration. Write it like \"60 min\" or \"2 h\"."
        )),
        Some(minutes @ 1..=1440) => Ok(Duration::from_secs(minutes * 60)),
        Some(_) => Err(format!("“{text}” isn't between 1 min and 24 h.")),
    }
}

/// A closed-days file: dates for all libraries, and for single ones.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClosedDaysTable {
    all: BTreeSet<ClosedDate>,
    libraries: BTreeMap<LibraryId, BTreeSet<ClosedDate>>,
}

/// A date in a closed-days file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct ClosedDate(NaiveDate);

impl<'de> Deserialize<'de> for ClosedDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct DateVisitor;

        impl Visitor<'_> for DateVisitor {
            type Value = ClosedDate;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a date in quotes")
            }

            // Only an error of the visitor has the place of the value in a TOML file.
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<ClosedDate, E> {
                parse_date(text).map(ClosedDate).ok_or_else(|| {
                    E::custom(format!(
                        "“{text}” isn't a date from 1970 to 2199; write it like 2026-12-25"
                    ))
                })
            }
        }

        deserializer.deserialize_str(DateVisitor)
    }
}

impl From<ClosedDaysTable> for ClosedDays {
    fn from(table: ClosedDaysTable) -> Self {
        let dates = |dates: BTreeSet<ClosedDate>| dates.into_iter().map(|date| date.0).collect();
        Self {
            all: dates(table.all),
            libraries: table
                .libraries
                .into_iter()
                .map(|(library, days)| (library, dates(days)))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests;
