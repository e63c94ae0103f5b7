//! Renders declared schedules as the nested stack `infra/schedules.yaml`.
//!
//! [`AWS::Scheduler::Schedule`](https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-scheduler-schedule.html)
//! has every field. A schedule's dates aren't rendered, since the Scheduler refuses a start in the
//! past. The run keeps to them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use chrono_tz::Tz;
use hippo_core::ids::Label;
use hippo_core::run::JobName;
use hippo_core::schedule::Schedule;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// The most resources of a CloudFormation stack.
pub const MAX_SCHEDULES: usize = 500;

/// How often the Scheduler retries a call within the maximum age.
const MAX_RETRIES: u8 = 20;

/// The maximum age of a call without a start deadline: the Scheduler's own.
const MAX_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// The parameters that the stack has besides those of jobs and of `when`.
const PARAMETERS: [&str; 6] = [
    "Enabled",
    "Timezone",
    "ScheduledTime",
    "Group",
    "Role",
    "DeadLetters",
];

const HEAD: &str = r#"# The schedules, a nested stack of ../template.yaml. `hippo schedule render --to sam` writes this file from schedules.toml.
AWSTemplateFormatVersion: "2010-09-09"
Description: "LibraryHippo: the schedules."

# template.yaml passes every parameter, also if no schedule uses it.
Metadata:
  cfn-lint: {config: {ignore_checks: [W2001, W8001]}}
"#;

/// Adds the checksums of files, named with their contents, below the first line of a rendered stack.
/// `scripts/check-schedules` recognises by them that one was changed later.
pub fn add_checksums(stack: &str, files: &[(String, Vec<u8>)]) -> String {
    let (head, rest) = stack.split_once('\n').unwrap_or((stack, ""));
    let mut text = format!("{head}\n");
    for (name, content) in files {
        let hash = Sha256::digest(content);
        let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        text.push_str(&format!("# sha256 {hash}  {name}\n"));
    }
    text + rest
}

/// A schedule to render.
#[derive(Debug, Clone, Copy)]
pub struct SamSchedule<'a> {
    /// The schedule.
    pub schedule: &'a Schedule,
    /// The parameter of `template.yaml` that holds its expression.
    pub parameter: Option<&'a str>,
    /// Its own time zone. `None`: the stack's.
    pub timezone: Option<Tz>,
}

/// Why CloudFormation would refuse the schedules.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SamError {
    /// A stack needs a resource.
    #[error("There is no schedule. Declare at least one, with enabled = false if it isn't to run.")]
    Empty,
    /// There are too many.
    #[error("There are {0} schedules. CloudFormation allows {MAX_SCHEDULES} in a stack.")]
    TooMany(usize),
    /// Two labels have the same logical id.
    #[error(
        "The schedules “{first}” and “{second}” would have the same name in CloudFormation, {id}. \
         Rename one of them."
    )]
    SameId {
        /// The first label.
        first: Label,
        /// The other label.
        second: Label,
        /// Their logical id.
        id: String,
    },
    /// The functions can't do what the input asks for.
    #[error(
        "The schedule “{0}” can't have “at_once” on AWS, since a queued notice doesn't keep it. Leave it out: a later \
         run sends what waits."
    )]
    AtOnce(Label),
    /// The parameter's name is taken or malformed.
    #[error(
        "The schedule “{label}” can't use the parameter “{parameter}”. Use letters and digits that no other \
         part of the stack uses, such as CheckSchedule."
    )]
    Parameter {
        /// The schedule.
        label: Label,
        /// The parameter.
        parameter: String,
    },
}

/// Renders the nested stack.
pub fn render_stack(schedules: &[SamSchedule<'_>]) -> Result<String, SamError> {
    if schedules.is_empty() {
        return Err(SamError::Empty);
    }
    if schedules.len() > MAX_SCHEDULES {
        return Err(SamError::TooMany(schedules.len()));
    }
    let mut all = schedules.iter().map(|row| row.schedule);
    if let Some(schedule) = all.find(|schedule| {
        schedule.job == JobName::NOTIFY_ALL && schedule.input.contains_key("at_once")
    }) {
        return Err(SamError::AtOnce(schedule.label.clone()));
    }
    let ids = logical_ids(schedules)?;
    let mut text = HEAD.to_owned();
    text.push_str("\nParameters:\n");
    for name in parameters(schedules)? {
        text.push_str(&format!("  {name}: {{Type: String}}\n"));
    }
    text.push_str("\nConditions:\n  IsEnabled: !Equals [!Ref Enabled, \"true\"]\n");
    for job in JobName::all() {
        if can_be_off(job) && schedules.iter().any(|row| row.schedule.job == job) {
            let name = pascal_case(job.as_str());
            text.push_str(&format!(
                "  Has{name}: !Not [!Equals [!Ref {name}, none]]\n"
            ));
        }
    }
    text.push_str("\nResources:\n");
    for (id, schedule) in ids.iter().zip(schedules) {
        text.push_str(&render_schedule(id, schedule));
        text.push('\n');
    }
    let refs: Vec<String> = ids
        .iter()
        .zip(schedules)
        .map(|(id, row)| match row.schedule.job {
            // The command leaves out empty labels.
            job if can_be_off(job) => {
                format!("!If [Has{}, !Ref {id}, \"\"]", pascal_case(job.as_str()))
            }
            _ => format!("!Ref {id}"),
        })
        .collect();
    let labels = format!(
        "Outputs:\n  Labels: {{Value: !Join [\",\", [{}]]}}\n",
        refs.join(", ")
    );
    text.push_str(&labels);
    Ok(text)
}

/// Whether a stack can be without the job's schedules: it passes `none` for the function.
fn can_be_off(job: JobName) -> bool {
    job == JobName::PICTURE_OF_THE_DAY
}

/// Lists the stack's parameters, each once.
fn parameters<'a>(schedules: &[SamSchedule<'a>]) -> Result<Vec<String>, SamError> {
    let mut names: Vec<String> = PARAMETERS.map(str::to_owned).into();
    let jobs = JobName::all().into_iter();
    names.extend(jobs.map(|job| pascal_case(job.as_str())));
    let taken = names.clone();
    for SamSchedule {
        schedule,
        parameter,
        ..
    } in schedules
    {
        let Some(parameter) = *parameter else {
            continue;
        };
        let is_name = parameter.starts_with(|first: char| first.is_ascii_uppercase())
            && parameter.chars().all(|c| c.is_ascii_alphanumeric())
            && parameter.len() <= 255;
        if !is_name || taken.iter().any(|name| name == parameter) {
            return Err(SamError::Parameter {
                label: schedule.label.clone(),
                parameter: parameter.to_owned(),
            });
        }
        if !names.iter().any(|name| name == parameter) {
            names.push(parameter.to_owned());
        }
    }
    Ok(names)
}

/// Returns each schedule's logical id, which is unique.
fn logical_ids(schedules: &[SamSchedule<'_>]) -> Result<Vec<String>, SamError> {
    let mut labels: BTreeMap<String, &Label> = BTreeMap::new();
    let mut ids = Vec::new();
    for SamSchedule { schedule, .. } in schedules {
        // The prefix keeps YAML from reading a label like “on” or “1” as another type.
        let id = format!("Schedule{}", pascal_case(schedule.label.as_str()));
        if let Some(first) = labels.insert(id.clone(), &schedule.label) {
            return Err(SamError::SameId {
                first: first.clone(),
                second: schedule.label.clone(),
                id,
            });
        }
        ids.push(id);
    }
    Ok(ids)
}

/// Converts `check-cards` to `CheckCards`.
pub(super) fn pascal_case(slug: &str) -> String {
    slug.split('-')
        .flat_map(|word| {
            let mut letters = word.chars();
            let first = letters.next().map(|first| first.to_ascii_uppercase());
            first.into_iter().chain(letters)
        })
        .collect()
}

fn render_schedule(id: &str, row: &SamSchedule<'_>) -> String {
    let schedule = row.schedule;
    let label = quote(schedule.label.as_str());
    let state = match schedule.enabled {
        true => "!If [IsEnabled, ENABLED, DISABLED]",
        false => "DISABLED",
    };
    let expression = match row.parameter {
        Some(parameter) => format!("!Ref {parameter}"),
        None => quote(&schedule.recurrence.expression.to_string()),
    };
    let timezone = match row.timezone {
        Some(zone) => quote(zone.name()),
        None => "!Ref Timezone".to_owned(),
    };
    let window = match schedule.flexible {
        None => "{Mode: \"OFF\"}".to_owned(),
        Some(window) => format!(
            "{{Mode: FLEXIBLE, MaximumWindowInMinutes: {}}}",
            window.as_secs().div_ceil(60)
        ),
    };
    let max_age = schedule.start_deadline.unwrap_or(MAX_AGE).as_secs();
    let job = schedule.job.as_str();
    let condition = match can_be_off(schedule.job) {
        true => format!("\n    Condition: Has{}", pascal_case(job)),
        false => String::new(),
    };
    format!(
        "  {id}:
    Type: AWS::Scheduler::Schedule{condition}
    Properties:
      Name: {label}
      GroupName: !Ref Group
      Description: {description}
      State: {state}
      ScheduleExpression: {expression}
      ScheduleExpressionTimezone: {timezone}
      FlexibleTimeWindow: {window}
      Target:
        Arn: !Ref {function}
        RoleArn: !Ref Role
        Input: !Sub {input}
        RetryPolicy: {{MaximumEventAgeInSeconds: {max_age}, MaximumRetryAttempts: {MAX_RETRIES}}}
        DeadLetterConfig: {{Arn: !Ref DeadLetters}}
",
        description = quote(&format!("Starts {job}.")),
        function = pascal_case(job),
        input = quote(&render_input(schedule)),
    )
}

/// Renders the event: the label, the placeholder of the scheduled time, and the job's input.
fn render_input(schedule: &Schedule) -> String {
    let mut text = format!(
        r#"{{"label":{},"scheduled_time":"${{ScheduledTime}}""#,
        literal(&schedule.label.as_str().into())
    );
    for (name, value) in &schedule.input {
        let (name, value) = (literal(&name.as_str().into()), literal(value));
        text.push_str(&format!(",{name}:{value}"));
    }
    text.push('}');
    text
}

/// Renders JSON in ASCII, since YAML breaks lines at some other characters, and without a variable of
/// `!Sub`.
fn literal(value: &Value) -> String {
    let mut text = String::new();
    for letter in value.to_string().replace("${", "${!").chars() {
        match letter {
            ' '..='~' => text.push(letter),
            _ => {
                for unit in letter.encode_utf16(&mut [0; 2]) {
                    // Writing to a string never fails.
                    let _ = write!(text, "\\u{unit:04x}");
                }
            }
        }
    }
    text
}

/// Quotes a text for YAML.
fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedules::ScheduleList;
    use rstest::rstest;
    use serde_json::json;

    fn schedules(tables: Value) -> Vec<Schedule> {
        let list = json!({"schedules": tables, "closed_days": {}});
        let list: ScheduleList = serde_json::from_value(list).unwrap();
        list.check(chrono_tz::UTC).unwrap()
    }

    fn table(label: &str) -> Value {
        json!({"job": "check-cards", "label": label, "when": "rate(1 hour)"})
    }

    fn row<'a>(schedule: &'a Schedule, parameter: Option<&'a str>) -> SamSchedule<'a> {
        SamSchedule {
            schedule,
            parameter,
            timezone: None,
        }
    }

    #[test]
    fn every_key_is_rendered_except_dates() {
        let schedules = schedules(json!([{
            "job": "check-cards", "label": "2-weekday-mornings", "when": "cron(0 5 * * ? *)",
            "timezone": "Europe/Berlin", "input": {"scope": "failed", "library": "wpl"},
            "start": "2026-12-01", "end": "2027-06-30", "enabled": false, "start_within": "2 h", "flexible": "5 min",
        }]));
        let berlin = SamSchedule {
            timezone: Some(chrono_tz::Europe::Berlin),
            ..row(&schedules[0], None)
        };
        let stack = render_stack(&[berlin]).unwrap();
        let expected = r#"Resources:
  Schedule2WeekdayMornings:
    Type: AWS::Scheduler::Schedule
    Properties:
      Name: '2-weekday-mornings'
      GroupName: !Ref Group
      Description: 'Starts check-cards.'
      State: DISABLED
      ScheduleExpression: 'cron(0 5 * * ? *)'
      ScheduleExpressionTimezone: 'Europe/Berlin'
      FlexibleTimeWindow: {Mode: FLEXIBLE, MaximumWindowInMinutes: 5}
      Target:
        Arn: !Ref CheckCards
        RoleArn: !Ref Role
        Input: !Sub '{"label":"2-weekday-mornings","scheduled_time":"${ScheduledTime}","library":"wpl","scope":"failed"}'
        RetryPolicy: {MaximumEventAgeInSeconds: 7200, MaximumRetryAttempts: 20}
        DeadLetterConfig: {Arn: !Ref DeadLetters}

Outputs:
  Labels: {Value: !Join [",", [!Ref Schedule2WeekdayMornings]]}
"#;
        let resources = stack.find("Resources:").unwrap();
        assert_eq!(&stack[resources..], expected);
    }

    #[test]
    fn parameter_is_declared_once_and_referenced() {
        let schedules = schedules(json!([table("a"), table("b")]));
        let rows = [
            row(&schedules[0], Some("When")),
            row(&schedules[1], Some("When")),
        ];
        let stack = render_stack(&rows).unwrap();
        assert_eq!(stack.matches("  When: {Type: String}").count(), 1);
        assert_eq!(stack.matches("ScheduleExpression: !Ref When").count(), 2);
    }

    #[test]
    fn input_is_ascii_without_variables_and_quotes() {
        let mut schedule = schedules(json!([table("a")])).remove(0);
        schedule.input = serde_json::from_value(json!({"it's": "a ${Group}\u{2028}é😀"})).unwrap();
        let stack = render_stack(&[row(&schedule, None)]).unwrap();
        let expected = r#""it''s":"a ${!Group}\u2028\u00e9\ud83d\ude00"}'"#;
        assert!(stack.contains(expected), "{stack}");
    }

    #[test]
    fn no_schedule_and_too_many_are_refused() {
        assert_eq!(render_stack(&[]), Err(SamError::Empty));
        let schedules = schedules(json!([table("a")]));
        let rows = vec![row(&schedules[0], None); MAX_SCHEDULES + 1];
        assert_eq!(render_stack(&rows), Err(SamError::TooMany(501)));
    }

    #[test]
    fn input_that_the_queue_does_not_keep_is_refused() {
        let schedules = schedules(
            json!([{"job": "notify-all", "label": "a", "when": "rate(1 hour)",
            "input": {"at_once": true}}]),
        );
        let error = render_stack(&[row(&schedules[0], None)]).unwrap_err();
        assert_eq!(error, SamError::AtOnce("a".parse().unwrap()));
    }

    #[test]
    fn picture_schedule_needs_the_function_from_the_stack() {
        let schedules = schedules(
            json!([table("a"), {"job": "picture-of-the-day", "label": "b",
            "when": "rate(1 hour)", "input": {"at_once": true}}]),
        );
        let rows: Vec<_> = schedules.iter().map(|one| row(one, None)).collect();
        let stack = render_stack(&rows).unwrap();
        for part in [
            "  HasPictureOfTheDay: !Not [!Equals [!Ref PictureOfTheDay, none]]\n",
            "  ScheduleB:\n    Type: AWS::Scheduler::Schedule\n    Condition: HasPictureOfTheDay\n",
            "[!Ref ScheduleA, !If [HasPictureOfTheDay, !Ref ScheduleB, \"\"]]",
        ] {
            assert!(stack.contains(part), "{part}: {stack}");
        }
        assert_eq!(stack.matches("    Condition: ").count(), 1);
    }

    #[test]
    fn labels_with_one_logical_id_are_refused() {
        let schedules = schedules(json!([table("a-1"), table("a1")]));
        let rows: Vec<_> = schedules.iter().map(|one| row(one, None)).collect();
        let error = render_stack(&rows).unwrap_err();
        assert!(matches!(error, SamError::SameId { .. }), "{error}");
    }

    #[rstest]
    #[case("Timezone")]
    #[case("NotifyAll")]
    #[case("check")]
    #[case("Check Schedule")]
    #[case("")]
    fn parameter_that_the_stack_cannot_have_is_refused(#[case] parameter: &str) {
        let schedules = schedules(json!([table("a")]));
        let error = render_stack(&[row(&schedules[0], Some(parameter))]).unwrap_err();
        assert!(matches!(error, SamError::Parameter { .. }), "{error}");
    }
}
