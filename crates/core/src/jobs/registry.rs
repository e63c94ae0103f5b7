//! The list of all jobs.

use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::check_cards::run::CheckCards;
use super::notify::run::NotifyAll;
use super::picture_of_the_day::PictureOfTheDay;
use crate::clock::Clock;
use crate::run::JobName;
use crate::run::any_job::AnyJob;
use crate::run::job::Job;
use crate::schedule::CatchUp;
use crate::store::Store;

/// All jobs. A job exists if it has a row here.
static JOBS: &[JobEntry] = &[
    JobEntry {
        max_time_between_runs: Some(Duration::from_secs(25 * 60 * 60)),
        wording: CountWording {
            done: "checked",
            one: "card",
            many: "cards",
            skipped: "skipped",
        },
        input_fields: &[
            ("scope", "all or failed"),
            ("family", "only this family's cards"),
            ("library", "only this library's cards"),
        ],
        ..JobEntry::new::<CheckCards<'static>>("Log in with every card and store its account.")
    },
    JobEntry {
        max_time_between_runs: Some(Duration::from_secs(2 * 60 * 60)),
        wording: CountWording {
            done: "sent",
            one: "notice",
            many: "notices",
            skipped: "skipped",
        },
        input_fields: &[
            ("family", "only this family's notice"),
            ("date", "the families' local date, such as 2026-11-21"),
            (
                "at_once",
                "true: also send what the mail server refused; a person's default",
            ),
        ],
        refused_in_schedules: &[(
            "date",
            "the schedule would send the same day's notices each time. Leave it out.",
        )],
        ..JobEntry::new::<NotifyAll<'static>>("Send every notice that is due.")
    },
    JobEntry {
        wording: CountWording {
            done: "sent",
            one: "picture",
            many: "pictures",
            skipped: "skipped",
        },
        input_fields: &[
            ("family", "only this family's picture"),
            ("date", "the families' local date, such as 2026-11-21"),
            (
                "at_once",
                "true: also send what has to wait; a person's default",
            ),
        ],
        refused_in_schedules: &[(
            "date",
            "the schedule would send the same day's picture each time. Leave it out.",
        )],
        ..JobEntry::new::<PictureOfTheDay<'static>>(
            "Send the picture of the day to every family that wants it.",
        )
    },
];

/// Stands for a job whose row was forgotten, which only a test of that job can start.
static UNREGISTERED: JobEntry = JobEntry::bare(
    JobName::new("unregistered"),
    "This job isn't registered.",
    Ok,
);

type ReadInput = fn(Value) -> serde_json::Result<Value>;

/// A job of the registry.
#[derive(Debug)]
pub struct JobEntry {
    /// Its name.
    pub name: JobName,
    /// What it does, in one sentence.
    pub description: &'static str,
    /// What happens to its missed runs, if the schedule doesn't say.
    pub catch_up: CatchUp,
    /// How long a run may take.
    pub time_limit: Duration,
    /// How often a schedule is expected to run it at least, if that is known.
    pub max_time_between_runs: Option<Duration>,
    /// How its counts are formatted.
    pub wording: CountWording,
    /// The fields of its input, with their meaning.
    pub input_fields: &'static [(&'static str, &'static str)],
    /// The fields that a schedule's input may not have, with the reason.
    refused_in_schedules: &'static [(&'static str, &'static str)],
    /// Builds it; `None` for a job that needs more ports, which has a command and a function of its own.
    pub build: Option<BuildJob>,
    read_input: ReadInput,
}

/// The ports that every job may use.
#[derive(Clone, Copy)]
pub struct JobPorts<'a> {
    /// The store.
    pub store: &'a dyn Store,
    /// The clock.
    pub clock: &'a dyn Clock,
}

/// Builds a job.
pub type BuildJob = for<'a> fn(JobPorts<'a>) -> Box<dyn AnyJob + 'a>;

/// How a job's counts are formatted, as in “checked 4 of 7 cards, 2 skipped”.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CountWording {
    /// What happened to an item: `checked`.
    pub done: &'static str,
    /// One item: `card`.
    pub one: &'static str,
    /// Several items: `cards`.
    pub many: &'static str,
    /// What happened to the others: `skipped`.
    pub skipped: &'static str,
}

impl JobEntry {
    /// The row of a job. The fields that the job doesn't give are defaults.
    const fn new<J: Job>(description: &'static str) -> Self {
        Self {
            catch_up: J::CATCH_UP_POLICY,
            time_limit: J::TIME_LIMIT,
            ..Self::bare(J::NAME, description, |input| {
                serde_json::to_value(serde_json::from_value::<J::Input>(input)?)
            })
        }
    }

    const fn bare(name: JobName, description: &'static str, read_input: ReadInput) -> Self {
        Self {
            name,
            description,
            catch_up: CatchUp::None,
            time_limit: Duration::from_secs(30 * 60),
            max_time_between_runs: None,
            wording: CountWording {
                done: "did",
                one: "item",
                many: "items",
                skipped: "skipped",
            },
            input_fields: &[],
            refused_in_schedules: &[],
            build: None,
            read_input,
        }
    }

    /// Reads an input, and adds the defaults of its absent fields.
    pub fn read_input(&self, input: Map<String, Value>) -> serde_json::Result<Value> {
        (self.read_input)(input.into())
    }

    /// Reads an input like [`read_input`](Self::read_input); the error names a wrong field.
    pub fn complete_input(&self, input: &Map<String, Value>) -> Result<Value, String> {
        let read = |fields: Map<String, Value>| {
            self.read_input(fields)
                .map_err(|error| describe_mistake(&error.to_string()))
        };
        for (name, value) in input {
            let alone = Map::from_iter([(name.clone(), value.clone())]);
            read(alone).map_err(|error| match error.starts_with(&format!("“{name}” ")) {
                true => format!("{error}."),
                false => format!("“{name}”: {error}."),
            })?;
        }
        read(input.clone())
    }

    /// Checks the input of a schedule.
    pub fn check_schedule_input(&self, input: &Map<String, Value>) -> Result<(), String> {
        let mut refused = self.refused_in_schedules.iter();
        match refused.find(|(name, _)| input.contains_key(*name)) {
            Some((name, why)) => Err(format!("“{name}”: {why}")),
            None => self.complete_input(input).map(|_| ()),
        }
    }
}

/// Rewrites the parser's message about a wrong input in plain words.
fn describe_mistake(message: &str) -> String {
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let (is_field, is_value) = (
        message.starts_with("unknown field"),
        message.starts_with("unknown variant"),
    );
    match quoted.as_slice() {
        [name] if is_field => format!("“{name}” isn't known here; there are no fields"),
        [name, known @ ..] if is_field => {
            format!(
                "“{name}” isn't known here; the fields are {}",
                known.join(", ")
            )
        }
        [value, known @ ..] if is_value => {
            format!(
                "“{value}” isn't known here; write one of {}",
                known.join(", ")
            )
        }
        _ => message.replace('`', "\""),
    }
}

/// No job has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("There is no job “{name}”. The jobs are {}.", JobName::list())]
pub struct UnknownJob {
    name: String,
}

impl JobName {
    /// All names, in the order of the registry.
    pub fn all() -> Vec<Self> {
        JOBS.iter().map(|job| job.name).collect()
    }

    /// The list of all names, for people.
    pub fn list() -> String {
        let names: Vec<&str> = JOBS.iter().map(|job| job.name.as_str()).collect();
        names.join(", ")
    }

    /// The job's row in the registry.
    pub fn entry(self) -> &'static JobEntry {
        let found = JOBS.iter().find(|job| job.name == self);
        found.unwrap_or(&UNREGISTERED)
    }
}

impl FromStr for JobName {
    type Err = UnknownJob;

    fn from_str(text: &str) -> Result<Self, UnknownJob> {
        let found = JOBS.iter().find(|job| job.name.as_str() == text);
        let found = found.map(|job| job.name);
        found.ok_or_else(|| UnknownJob {
            name: text.to_owned(),
        })
    }
}

impl<'de> Deserialize<'de> for JobName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Label;
    use rstest::rstest;
    use serde_json::json;

    fn input(json: Value) -> Map<String, Value> {
        json.as_object().unwrap().clone()
    }

    #[test]
    fn job_names_are_ids_and_unique() {
        let names = JobName::all();
        let unique: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(unique.len(), names.len());
        for name in names {
            assert!(name.as_str().parse::<Label>().is_ok(), "{name}");
            assert_eq!(name.as_str().parse(), Ok(name));
            assert_eq!(name.entry().name, name);
        }
    }

    #[test]
    fn unregistered_name_is_not_parsed() {
        for text in ["check-card", "Check-Cards", "unregistered", ""] {
            let error = text.parse::<JobName>().unwrap_err();
            let jobs = JobName::all().into_iter().map(JobName::as_str);
            let jobs = jobs.collect::<Vec<_>>().join(", ");
            let message = format!("There is no job “{text}”. The jobs are {jobs}.");
            assert_eq!(error.to_string(), message);
            assert!(serde_json::from_value::<JobName>(json!(text)).is_err());
        }
        let name: JobName = serde_json::from_value(json!("notify-all")).unwrap();
        assert_eq!(
            (name, json!(name)),
            (JobName::NOTIFY_ALL, json!("notify-all"))
        );
    }

    #[test]
    fn described_input_fields_are_those_that_the_job_reads() {
        for job in JobName::all() {
            let defaults = job.entry().complete_input(&Map::new()).unwrap();
            let mut read: Vec<&str> = defaults
                .as_object()
                .unwrap()
                .keys()
                .map(String::as_str)
                .collect();
            let mut described: Vec<&str> = job
                .entry()
                .input_fields
                .iter()
                .map(|(name, _)| *name)
                .collect();
            read.sort_unstable();
            described.sort_unstable();
            assert_eq!(described, read, "{job}");
        }
    }

    #[test]
    fn field_of_a_job_without_input_is_refused_in_words() {
        let mistake = describe_mistake("unknown field `tusk`, there are no fields");
        assert_eq!(mistake, "“tusk” isn't known here; there are no fields");
    }

    #[rstest]
    #[case(JobName::CHECK_CARDS, json!({"scope": "some"}), "“scope”: “some” isn't known here; write one of all, failed")]
    #[case(JobName::CHECK_CARDS, json!({"famly": "conrad"}), "“famly” isn't known here; the fields are ")]
    #[case(JobName::NOTIFY_ALL, json!({"date": "2026-11-21"}), "“date”: the schedule would send")]
    fn wrong_input_of_a_schedule_is_refused(
        #[case] job: JobName,
        #[case] wrong: Value,
        #[case] expected: &str,
    ) {
        let message = job.entry().check_schedule_input(&input(wrong)).unwrap_err();
        assert!(message.starts_with(expected), "{message}");
    }

    #[test]
    fn input_gets_its_defaults() {
        let completed = JobName::CHECK_CARDS
            .entry()
            .complete_input(&input(json!({"library": "wpl"})));
        let expected = json!({"scope": "all", "family": null, "library": "wpl"});
        assert_eq!(completed.unwrap(), expected);
    }
}
