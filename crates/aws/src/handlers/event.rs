//! Reads the event of a schedule, and reports everything that is wrong with it.

use chrono::{DateTime, Utc};
use hippo_core::ids::Label;
use hippo_core::jobs::JobError;
use hippo_core::run::JobName;
use hippo_core::run::any_job::AnyJob;
use hippo_core::run::ledger::RunPlan;
use serde_json::{Map, Value};

use crate::schedules::{REPLAYED, jobs_and_labels};

/// The label of runs that a person starts.
pub const PERSON: &str = "person";

/// The field that marks the event of a person who backfills a scheduled time. `JobEvent` writes it.
const BACKFILL: &str = "backfill";

/// Everything that is wrong with an event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("The event doesn't come from a schedule of {job}: {}. Expected: {}.", .problems.join("; "), describe_event(*.job))]
pub struct EventError {
    job: JobName,
    problems: Vec<String>,
}

/// Describes an event of a job's schedule.
fn describe_event(job: JobName) -> String {
    let mut labels = jobs_and_labels().into_iter();
    let label = labels.find(|(of, _)| *of == job);
    let label = label.map_or_else(|| "all".to_owned(), |(_, label)| label.to_string());
    let example = format!(r#"{{"label": "{label}", "scheduled_time": "2026-11-21T10:00:00Z"}}"#);
    let fields = job.entry().input_fields.iter();
    let fields: Vec<String> = fields
        .map(|(name, meaning)| format!("“{name}” ({meaning})"))
        .collect();
    match fields.is_empty() {
        true => example,
        false => format!("{example}, with any of {}", fields.join(", ")),
    }
}

/// The event of a schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleEvent {
    /// The label of the job's schedule.
    pub label: Label,
    /// The time that it was scheduled for.
    pub scheduled_time: DateTime<Utc>,
    /// The job's input, with its defaults.
    pub input: Value,
    /// Whether it was a dead letter. Then it has no start deadline.
    pub is_replayed: bool,
    /// Whether a person backfills this scheduled time.
    pub is_backfill: bool,
}

impl ScheduleEvent {
    /// Reads an event of the job. Refuses fields that the job's input doesn't have.
    pub fn read(job: JobName, event: &Value) -> Result<Self, EventError> {
        let refuse = |problems| EventError { job, problems };
        let Value::Object(fields) = event else {
            return Err(refuse(vec!["it isn't an object".to_owned()]));
        };
        let mut reader = Reader {
            fields,
            problems: Vec::new(),
        };
        let label = reader.required("label", |text| text.parse().ok(), "an id");
        let scheduled_time = reader.scheduled_time();
        let input = reader.input(job);
        let is_set = |name: &str| fields.get(name) == Some(&Value::Bool(true));
        match (label, scheduled_time, input, reader.problems) {
            (Some(label), Some(scheduled_time), Some(input), problems) if problems.is_empty() => {
                Ok(Self {
                    label,
                    scheduled_time,
                    input,
                    is_replayed: is_set(REPLAYED),
                    is_backfill: is_set(BACKFILL),
                })
            }
            (.., problems) => Err(refuse(problems)),
        }
    }

    /// Plans the run of the job that the event asks for.
    pub fn plan(&self, job: &dyn AnyJob) -> Result<RunPlan<'static>, JobError> {
        let is_by_person = self.is_backfill || self.label.as_str() == PERSON;
        job.plan(
            self.label.clone(),
            self.scheduled_time,
            is_by_person,
            &self.input,
        )
    }
}

struct Reader<'a> {
    fields: &'a Map<String, Value>,
    problems: Vec<String>,
}

impl Reader<'_> {
    fn problem(&mut self, problem: impl Into<String>) {
        self.problems.push(problem.into());
    }

    /// Reads the job's input from the other fields. `null` counts as absent.
    fn input(&mut self, job: JobName) -> Option<Value> {
        let mut input = self.fields.clone();
        input.retain(|name, value| {
            !matches!(
                name.as_str(),
                "label" | "scheduled_time" | REPLAYED | BACKFILL
            ) && !value.is_null()
        });
        // One by one, to report every wrong field.
        for (name, value) in &input {
            let alone = Map::from_iter([(name.clone(), value.clone())]);
            if let Err(error) = job.entry().read_input(alone) {
                self.problem(format!(
                    "“{}”: {}",
                    shorten(name),
                    shorten(&error.to_string())
                ));
            }
        }
        job.entry().read_input(input).ok()
    }

    fn required<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Option<T>,
        must_be: &str,
    ) -> Option<T> {
        let Some(value) = self.fields.get(name).filter(|value| !value.is_null()) else {
            self.problem(format!("“{name}” is missing"));
            return None;
        };
        let parsed = value.as_str().and_then(parse);
        if parsed.is_none() {
            let value = shorten(&value.to_string());
            self.problem(format!("“{name}” is {value} and must be {must_be}"));
        }
        parsed
    }

    fn scheduled_time(&mut self) -> Option<DateTime<Utc>> {
        let name = "scheduled_time";
        let text = self.fields.get(name).and_then(Value::as_str);
        if text.is_some_and(|text| text.starts_with("<aws.scheduler")) {
            self.problem(format!(
                "“{name}” is still the placeholder <aws.scheduler.scheduled-time>, which only EventBridge \
                 Scheduler replaces; give a time"
            ));
            return None;
        }
        self.required(
            name,
            |text| {
                DateTime::parse_from_rfc3339(text)
                    .ok()
                    .map(|time| time.to_utc())
            },
            "a time like 2026-11-21T10:00:00Z (RFC 3339)",
        )
    }
}

/// Shortens a text to what identifies it.
fn shorten(text: &str) -> String {
    const LIMIT: usize = 100;
    let clean: String = text.chars().filter(|c| !c.is_control()).collect();
    match clean.char_indices().nth(LIMIT) {
        Some((end, _)) => format!("{}…", clean.get(..end).unwrap_or_default()),
        None => clean,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_trait::async_trait;
    use hippo_core::jobs::check_cards::CheckCardsInput;
    use hippo_core::jobs::notify::NotifyAllInput;
    use hippo_core::run::job::Job;
    use hippo_core::run::ledger::OpenRun;
    use hippo_core::run::{RunKey, Trigger};
    use hippo_core::store::Scope;
    use rstest::rstest;
    use serde_json::json;

    use crate::start_jobs::JobEvent;

    struct CheckCards;

    #[async_trait]
    impl Job for CheckCards {
        const NAME: JobName = JobName::CHECK_CARDS;
        type Input = CheckCardsInput;
        type Summary = ();

        fn is_retry(input: &CheckCardsInput) -> bool {
            input.scope == Scope::Failed
        }

        async fn run(&self, _: &OpenRun<'_>, _: &CheckCardsInput) -> Result<(), JobError> {
            Ok(())
        }
    }

    struct NotifyAll;

    #[async_trait]
    impl Job for NotifyAll {
        const NAME: JobName = JobName::NOTIFY_ALL;
        const MAY_OVERLAP: bool = true;
        type Input = NotifyAllInput;
        type Summary = ();

        async fn run(&self, _: &OpenRun<'_>, _: &NotifyAllInput) -> Result<(), JobError> {
            Ok(())
        }
    }

    fn check_cards(event: &Value) -> Result<ScheduleEvent, EventError> {
        ScheduleEvent::read(JobName::CHECK_CARDS, event)
    }

    fn notify_all(event: &Value) -> Result<ScheduleEvent, EventError> {
        ScheduleEvent::read(JobName::NOTIFY_ALL, event)
    }

    #[test]
    fn input_of_a_schedule_is_read() {
        let event = json!({"label": "failed", "scheduled_time": "2026-11-21T05:30:00-05:00", "scope": "failed",
            "library": "wpl", "family": null});
        let plan = check_cards(&event).unwrap().plan(&CheckCards).unwrap();
        assert_eq!(
            plan.key.to_string(),
            "check-cards/failed/2026-11-21T10:30:00Z"
        );
        assert_eq!((plan.trigger, plan.allow_overlap), (Trigger::Retry, false));
        let expected = json!({"scope": "failed", "library": "wpl", "family": null});
        assert_eq!(plan.input, expected);
    }

    #[test]
    fn run_started_by_a_person_may_overlap() {
        let event = json!({"label": "person", "scheduled_time": "2026-11-21T10:30:00Z", "family": "conrad"});
        let plan = check_cards(&event).unwrap().plan(&CheckCards).unwrap();
        assert_eq!((plan.trigger, plan.allow_overlap), (Trigger::Person, true));
        assert_eq!(plan.input["family"], "conrad");
    }

    #[test]
    fn backfill_is_by_a_person_and_keeps_its_label() {
        let run: RunKey = "check-cards/all/2026-11-20T10:00:00Z".parse().unwrap();
        let input = json!({});
        let event = JobEvent::new(&run, &input).backfill(true);
        let event = serde_json::to_value(event).unwrap();
        assert_eq!(event[BACKFILL], true);
        let plan = check_cards(&event).unwrap().plan(&CheckCards).unwrap();
        assert_eq!((plan.trigger, plan.allow_overlap), (Trigger::Person, true));
        assert_eq!(plan.key.label.as_str(), "all");
        assert_eq!(
            plan.input,
            json!({"scope": "all", "library": null, "family": null})
        );
    }

    #[test]
    fn scheduled_run_may_overlap_if_its_job_may() {
        let event = json!({"label": "all", "scheduled_time": "2026-11-21T10:30:00Z"});
        let check = check_cards(&event).unwrap().plan(&CheckCards);
        assert!(!check.unwrap().allow_overlap);
        let tick = notify_all(&event).unwrap().plan(&NotifyAll);
        assert!(tick.unwrap().allow_overlap);
    }

    #[rstest]
    #[case::no_object(json!([1]), &["it isn't an object"])]
    #[case::nothing(json!({}), &["“label” is missing", "“scheduled_time” is missing"])]
    #[case::of_a_queue(json!({"Records": []}), &["“Records”: unknown field", "“label” is missing"])]
    #[case::all_at_once(
        json!({"label": "All", "scheduled_time": "yesterday", "scope": "some", "library": 7, "family": "A B", "scoop": 1}),
        &["“scoop”: unknown field `scoop`", "“label” is \"All\" and must be an id",
          "“scheduled_time” is \"yesterday\" and must be a time like", "“scope”: unknown variant `some`",
          "“library”: invalid type: integer `7`", "“family”: “A B” isn't a valid id"]
    )]
    #[case::placeholder(
        json!({"label": "all", "scheduled_time": "<aws.scheduler.scheduled-time>"}),
        &["still the placeholder"]
    )]
    fn wrong_event_is_refused_with_every_problem(#[case] event: Value, #[case] problems: &[&str]) {
        let message = check_cards(&event).unwrap_err().to_string();
        for problem in problems {
            assert!(message.contains(problem), "{problem}: {message}");
        }
        assert!(
            message.contains(r#"Expected: {"label": "all""#),
            "{message}"
        );
    }

    #[test]
    fn notices_have_no_scope_and_no_library() {
        let event = json!({"label": "tick", "scheduled_time": "2026-11-21T10:30:00Z", "scope": "failed", "library": "wpl"});
        let message = notify_all(&event).unwrap_err().to_string();
        for part in [
            "“scope”: unknown field",
            "“library”: unknown field",
            r#"Expected: {"label": "tick""#,
        ] {
            assert!(message.contains(part), "{part}: {message}");
        }
    }
}
