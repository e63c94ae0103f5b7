//! Reads the event of a schedule, and reports everything that is wrong with it.

use chrono::{DateTime, Utc};
use hippo_core::ids::{FamilyId, Label, LibraryId};
use hippo_core::jobs::check_cards::CheckCardsInput;
use hippo_core::jobs::notify::NotifyAllInput;
use hippo_core::run::ledger::{RunPlan, StartRules};
use hippo_core::run::{Job, RunKey, Trigger};
use hippo_core::store::Scope;
use serde_json::{Map, Value};

/// The label of runs that a person starts.
pub const PERSON: &str = "person";

const EXPECTED: &str = r#"{"label": "all", "scheduled_time": "2026-11-21T10:00:00Z", "scope": "all" or "failed", "library": an id or null, "family": an id or null}"#;

/// Everything that is wrong with an event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("The event doesn't come from a schedule: {}. Expected: {EXPECTED}.", .problems.join("; "))]
pub struct EventError {
    problems: Vec<String>,
}

/// The event of a schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleEvent {
    /// The label of the job's schedule.
    pub label: Label,
    /// The time that it was scheduled for.
    pub scheduled_time: DateTime<Utc>,
    /// All cards, or only those whose newest check failed.
    pub scope: Scope,
    /// Only this library's cards.
    pub library: Option<LibraryId>,
    /// Only this family.
    pub family: Option<FamilyId>,
}

impl ScheduleEvent {
    /// Reads an event for `job`. Refuses fields that the job doesn't use.
    pub fn read(event: &Value, job: Job) -> Result<Self, EventError> {
        let Value::Object(fields) = event else {
            return Err(EventError {
                problems: vec!["it is not an object".to_owned()],
            });
        };
        let mut reader = Reader {
            fields,
            problems: Vec::new(),
        };
        reader.refuse_unknown();
        let label = reader.required("label", |text| text.parse().ok(), "an id");
        let scheduled_time = reader.scheduled_time();
        let scope = reader.optional(
            "scope",
            |text| {
                let mut scopes = Scope::INPUTS.into_iter();
                scopes.find(|scope| scope.as_str() == text)
            },
            r#""all" or "failed""#,
        );
        let library = reader.optional("library", |text| text.parse().ok(), "an id or null");
        let family = reader.optional("family", |text| text.parse().ok(), "an id or null");
        if job == Job::NotifyAll {
            if scope.is_some_and(|scope| scope != Scope::All) {
                reader.problem(r#"“scope” must be "all" for notices"#);
            }
            if library.is_some() {
                reader.problem("“library” must be null for notices");
            }
        }
        match (label, scheduled_time, reader.problems) {
            (Some(label), Some(scheduled_time), problems) if problems.is_empty() => Ok(Self {
                label,
                scheduled_time,
                scope: scope.unwrap_or_default(),
                library,
                family,
            }),
            (.., problems) => Err(EventError { problems }),
        }
    }

    /// Plans the run that the event asks for.
    pub fn plan(&self, job: Job, input: Value) -> RunPlan<'static> {
        let trigger = if self.label.as_str() == PERSON {
            Trigger::Person
        } else if self.scope == Scope::Failed {
            Trigger::Retry
        } else {
            Trigger::Schedule
        };
        RunPlan {
            key: RunKey {
                job,
                label: self.label.clone(),
                scheduled_time: self.scheduled_time,
            },
            trigger,
            input,
            // Simultaneous ticks are safe, so a tick that hangs doesn't block the next.
            allow_overlap: trigger == Trigger::Person || job == Job::NotifyAll,
            rules: StartRules::default(),
            after: None,
        }
    }

    /// The input of `check-cards`.
    pub fn check_cards(&self) -> CheckCardsInput {
        CheckCardsInput {
            scope: self.scope,
            family: self.family.clone(),
            library: self.library.clone(),
        }
    }

    /// The input of `notify-all`.
    pub fn notify_all(&self) -> NotifyAllInput {
        NotifyAllInput {
            date: None,
            family: self.family.clone(),
            // Messages don't have this option. A later tick enqueues waiting notices.
            at_once: false,
        }
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

    fn refuse_unknown(&mut self) {
        let known = ["label", "scheduled_time", "scope", "library", "family"];
        for name in self.fields.keys() {
            if !known.contains(&name.as_str()) {
                self.problems
                    .push(format!("“{}” is not a known field", shorten(name)));
            }
        }
    }

    fn required<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Option<T>,
        must_be: &str,
    ) -> Option<T> {
        if matches!(self.fields.get(name), None | Some(Value::Null)) {
            self.problem(format!("“{name}” is missing"));
            return None;
        }
        self.optional(name, parse, must_be)
    }

    fn optional<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Option<T>,
        must_be: &str,
    ) -> Option<T> {
        let value = self.fields.get(name).filter(|value| !value.is_null())?;
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
    const LIMIT: usize = 60;
    let clean: String = text.chars().filter(|c| !c.is_control()).collect();
    match clean.char_indices().nth(LIMIT) {
        Some((end, _)) => format!("{}…", clean.get(..end).unwrap_or_default()),
        None => clean,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[test]
    fn input_of_the_template_is_read() {
        let event = json!({"label": "failed", "scheduled_time": "2026-11-21T05:30:00-05:00", "scope": "failed",
            "library": null, "family": null});
        let event = ScheduleEvent::read(&event, Job::CheckCards).unwrap();
        let plan = event.plan(Job::CheckCards, Value::Null);
        assert_eq!(
            plan.key.to_string(),
            "check-cards/failed/2026-11-21T10:30:00Z"
        );
        assert_eq!((plan.trigger, plan.allow_overlap), (Trigger::Retry, false));
        assert_eq!(event.check_cards().scope, Scope::Failed);
    }

    #[test]
    fn run_started_by_a_person_may_overlap() {
        let event = json!({"label": "person", "scheduled_time": "2026-11-21T10:30:00Z", "family": "conrad"});
        let event = ScheduleEvent::read(&event, Job::NotifyAll).unwrap();
        let plan = event.plan(Job::NotifyAll, Value::Null);
        assert_eq!((plan.trigger, plan.allow_overlap), (Trigger::Person, true));
        assert_eq!(event.notify_all().family.unwrap().as_str(), "conrad");
    }

    #[rstest]
    #[case::ticks(Job::NotifyAll, "tick", true)]
    #[case::checks(Job::CheckCards, "all", false)]
    fn only_ticks_may_overlap(#[case] job: Job, #[case] label: &str, #[case] may_overlap: bool) {
        let event = json!({"label": label, "scheduled_time": "2026-11-21T10:30:00Z"});
        let plan = ScheduleEvent::read(&event, job)
            .unwrap()
            .plan(job, Value::Null);
        assert_eq!(plan.allow_overlap, may_overlap);
    }

    #[rstest]
    #[case::no_object(json!([1]), &["it is not an object"])]
    #[case::nothing(json!({}), &["“label” is missing", "“scheduled_time” is missing"])]
    #[case::of_a_queue(json!({"Records": []}), &["“Records” is not a known field", "“label” is missing"])]
    #[case::all_at_once(
        json!({"label": "All", "scheduled_time": "yesterday", "scope": "some", "library": 7, "family": "A B", "scoop": 1}),
        &["“scoop” is not a known field", "“label” is \"All\" and must be an id",
          "“scheduled_time” is \"yesterday\" and must be a time like", "“scope” is \"some\" and must be \"all\" or \"failed\"",
          "“library” is 7 and must be an id or null", "“family” is \"A B\" and must be"]
    )]
    #[case::placeholder(
        json!({"label": "all", "scheduled_time": "<aws.scheduler.scheduled-time>"}),
        &["still the placeholder"]
    )]
    fn wrong_event_is_refused_with_every_problem(#[case] event: Value, #[case] problems: &[&str]) {
        let message = ScheduleEvent::read(&event, Job::CheckCards)
            .unwrap_err()
            .to_string();
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
        let message = ScheduleEvent::read(&event, Job::NotifyAll)
            .unwrap_err()
            .to_string();
        assert!(
            message.contains("“scope” must be \"all\" for notices"),
            "{message}"
        );
        assert!(
            message.contains("“library” must be null for notices"),
            "{message}"
        );
    }
}
