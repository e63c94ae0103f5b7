//! The declared schedules, which the functions and the command compile in.
//!
//! `hippo schedule render --to sam` writes `infra/schedules.json` from `infra/schedules.toml`.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use hippo_core::ids::Label;
use hippo_core::run::JobName;
use hippo_core::schedule::declaration::table::{
    InvalidSchedule, ScheduleChecks, ScheduleTable, ScheduleTarget, When, check_schedules,
};
use hippo_core::schedule::{ClosedDays, Expression, OnFailure, Schedule};
use serde::{Deserialize, Serialize};

const COMPILED_IN: &str = include_str!("../../../infra/schedules.json");

/// The field that marks the event of a replayed dead letter.
#[cfg(any(feature = "functions", feature = "operator"))]
pub(crate) const REPLAYED: &str = "replayed";

/// A job's schedules by label.
pub type Schedules = BTreeMap<Label, Schedule>;

/// DeclaredTotals schedules, and the closed-days files that they name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleList {
    /// The tables of `infra/schedules.toml`.
    pub schedules: Vec<ScheduleTable>,
    /// The closed days by the name of their file.
    pub closed_days: BTreeMap<String, ClosedDays>,
}

impl ScheduleList {
    /// Reads the list that was compiled in.
    pub fn compiled_in() -> Result<Self, serde_json::Error> {
        serde_json::from_str(COMPILED_IN)
    }

    /// Checks the schedules. Those without a zone get `default_zone`.
    pub fn check(&self, default_zone: Tz) -> Result<Vec<Schedule>, Vec<InvalidSchedule>> {
        let checks = ScheduleChecks {
            target: ScheduleTarget::Aws,
            default_zone,
            parse_zone: &|name| {
                let zone = name.parse::<Tz>();
                zone.map_err(|_| format!("“{name}” isn't a time zone."))
            },
            read_closed_days: &|file| {
                let days = self.closed_days.get(file).cloned();
                days.ok_or_else(|| format!("There is no {file}."))
            },
        };
        check_schedules(&self.schedules, &checks)
    }

    fn labels_that_log_failures(&self) -> Vec<Label> {
        let tables = self.schedules.iter();
        tables
            .filter(|table| table.on_failure == Some(OnFailure::Log))
            .filter_map(|table| table.label.parse().ok())
            .collect()
    }

    /// Returns the schedules of a job, with the parameters that `lookup` finds in the environment.
    ///
    /// Leaves out a schedule whose parameter isn't a valid expression. The Scheduler wouldn't have
    /// taken it, so its runs are those of an unknown label.
    pub fn resolve(
        mut self,
        job: JobName,
        zone: Tz,
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Schedules, Vec<InvalidSchedule>> {
        self.schedules.retain_mut(|table| {
            if table.job != job.as_str() {
                return false;
            }
            let When::Parameter(parameter) = &table.when else {
                return true;
            };
            let Some(expression) = lookup(&variable_name(&parameter.parameter)) else {
                return true;
            };
            let is_valid = expression.parse::<Expression>().is_ok();
            table.when = When::Expression(expression);
            is_valid
        });
        let schedules = self.check(zone)?.into_iter();
        Ok(schedules
            .map(|schedule| (schedule.label.clone(), schedule))
            .collect())
    }
}

/// Returns the variable that holds a parameter of the template: `CHECK_SCHEDULE` for
/// `CheckSchedule`.
pub fn variable_name(parameter: &str) -> String {
    let mut name = String::new();
    for letter in parameter.chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}

/// Lists the jobs and labels of the schedules that were compiled in.
pub fn jobs_and_labels() -> Vec<(JobName, Label)> {
    let tables = ScheduleList::compiled_in()
        .map(|list| list.schedules)
        .unwrap_or_default();
    let known = |table: ScheduleTable| Some((table.job.parse().ok()?, table.label.parse().ok()?));
    tables.into_iter().filter_map(known).collect()
}

/// Lists the labels whose failed runs only go to the log.
pub fn labels_that_log_failures() -> Vec<Label> {
    let list = ScheduleList::compiled_in().unwrap_or_default();
    list.labels_that_log_failures()
}

/// Returns the job of a label that was compiled in.
pub fn job_and_label(label: &str) -> Option<(JobName, Label)> {
    let mut all = jobs_and_labels().into_iter();
    all.find(|(_, known)| known.as_str() == label)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    const TORONTO: Tz = chrono_tz::America::Toronto;

    fn resolve(
        list: &ScheduleList,
        job: JobName,
        variables: &[(&str, &str)],
    ) -> Vec<(String, String)> {
        let lookup = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let schedules = list.clone().resolve(job, TORONTO, &lookup).unwrap();
        schedules
            .into_values()
            .map(|schedule| {
                let expression = schedule.recurrence.expression.to_string();
                (schedule.label.to_string(), expression)
            })
            .collect()
    }

    #[test]
    fn compiled_in_schedules_are_valid() {
        let list = ScheduleList::compiled_in().unwrap();
        let schedules = list.check(TORONTO).unwrap();
        assert_eq!(schedules.len(), jobs_and_labels().len());
        assert_eq!(job_and_label("tick").unwrap().0, JobName::NOTIFY_ALL);
        assert_eq!(job_and_label("person"), None);
    }

    #[test]
    fn job_gets_its_own_schedules_with_its_parameters() {
        let list = ScheduleList::compiled_in().unwrap();
        let variables = [("CHECK_SCHEDULE", "cron(0 6 * * ? *)")];
        let pair = |label: &str, expression: &str| (label.to_owned(), expression.to_owned());
        assert_eq!(
            resolve(&list, JobName::CHECK_CARDS, &variables),
            [
                pair("all", "cron(0 6 * * ? *)"),
                pair("failed", "cron(30 5,12,18 * * ? *)")
            ]
        );
    }

    #[test]
    fn invalid_parameter_leaves_only_its_schedule_out() {
        let list = ScheduleList::compiled_in().unwrap();
        let variables = [("CHECK_SCHEDULE", "cron(at dawn)")];
        let labels = resolve(&list, JobName::CHECK_CARDS, &variables);
        assert_eq!(labels.len(), 1, "{labels:?}");
        assert_eq!(labels[0].0, "failed");
    }

    #[test]
    fn closed_days_and_own_zone_are_kept() {
        let list: ScheduleList = serde_json::from_value(json!({
            "schedules": [{"job": "notify-all", "label": "berlin", "when": "cron(0 7 * * ? *)",
                "timezone": "Europe/Berlin", "start": "2026-12-01", "except": "closed.toml"}],
            "closed_days": {"closed.toml": {"all": ["2026-12-25"]}},
        }))
        .unwrap();
        let schedules = list
            .resolve(JobName::NOTIFY_ALL, TORONTO, &|_| None)
            .unwrap();
        let schedule = schedules.values().next().unwrap();
        assert_eq!(schedule.recurrence.zone, chrono_tz::Europe::Berlin);
        assert_eq!(
            schedule.start,
            Some("2026-11-30T23:00:00Z".parse().unwrap())
        );
        assert_eq!(schedule.closed_days.all.len(), 1);
    }

    #[test]
    fn labels_that_log_failures_are_those_declared_so() {
        let table = |label: &str, on_failure: &str| {
            json!({"job": "check-cards", "label": label, "when": "rate(1 hour)",
            "on_failure": on_failure})
        };
        let list: ScheduleList = serde_json::from_value(json!({
            "schedules": [table("a", "mail"), table("b", "log")], "closed_days": {}
        }))
        .unwrap();
        assert_eq!(list.labels_that_log_failures(), ["b".parse().unwrap()]);
    }

    #[rstest]
    #[case("CheckSchedule", "CHECK_SCHEDULE")]
    #[case("Nightly", "NIGHTLY")]
    fn parameter_has_a_variable(#[case] parameter: &str, #[case] variable: &str) {
        assert_eq!(variable_name(parameter), variable);
    }
}
