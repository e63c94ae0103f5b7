//! `[operator]`, `[jobs.…]` and `[[schedule]]`: who gets alerts, and when the jobs run.

use std::collections::BTreeMap;

use hippo_core::alerts::heartbeat::HeartbeatUrl;
use hippo_core::email_address::EmailAddress;
use hippo_core::ids::Label;
use hippo_core::run::JobName;
use hippo_core::run::ledger::StartRules;
use hippo_core::schedule::{OnFailure, Schedule};
use serde::Deserialize;
use url::Url;

use super::mailbox::mailbox;

/// `[operator]`: who gets alerts, and how failed runs are reported.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct OperatorTable {
    email: Option<String>,
    on_failure: Option<OnFailure>,
}

/// `[jobs.check-cards]`: how a job's failed runs are reported, and its heartbeat.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct JobTable {
    on_failure: Option<OnFailure>,
    heartbeat: Option<String>,
    heartbeat_start_fail: bool,
}

/// Who gets alerts, and the jobs' heartbeats and schedules.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Jobs {
    /// Who gets alerts; without an address, they only go to the log.
    pub(crate) operator: Option<EmailAddress>,
    /// How failed runs are reported.
    pub(crate) failures: Failures,
    /// The heartbeat URL of each job.
    pub(crate) heartbeats: BTreeMap<JobName, HeartbeatUrl>,
    schedules: Vec<Schedule>,
}

/// How failed runs are reported: as `on_failure` of their schedule says, or else of their job, or else
/// of the operator.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Failures {
    pub(crate) by_label: BTreeMap<Label, OnFailure>,
    pub(crate) by_job: BTreeMap<JobName, OnFailure>,
    pub(crate) all: OnFailure,
}

impl Jobs {
    /// The declared schedules, in the order of the file.
    pub(crate) fn schedules(&self) -> &[Schedule] {
        &self.schedules
    }

    /// A job's declared schedule.
    pub(crate) fn schedule(&self, job: JobName, label: &Label) -> Option<&Schedule> {
        self.schedules
            .iter()
            .find(|schedule| schedule.job == job && schedule.label == *label)
    }

    /// The rules that decide whether a run may start.
    pub(crate) fn rules(&self, job: JobName, label: &Label) -> StartRules {
        let schedule = self.schedule(job, label);
        schedule.map(StartRules::from_schedule).unwrap_or_default()
    }

    /// The labels of a job's declared schedules.
    pub(crate) fn labels(&self, job: JobName) -> Vec<String> {
        let of_job = self.schedules.iter().filter(|schedule| schedule.job == job);
        of_job.map(|schedule| schedule.label.to_string()).collect()
    }

    /// The schedules that are disabled.
    pub(crate) fn disabled(&self) -> Vec<(JobName, Label)> {
        self.schedules
            .iter()
            .filter(|schedule| !schedule.enabled)
            .map(|schedule| (schedule.job, schedule.label.clone()))
            .collect()
    }

    /// Parses the tables; an error message completes a sentence after the file's path.
    pub(super) fn from_tables(
        operator: OperatorTable,
        tables: BTreeMap<String, JobTable>,
        schedules: Vec<Schedule>,
        failures_by_label: BTreeMap<Label, OnFailure>,
    ) -> Result<Self, String> {
        let mut jobs = Self {
            schedules,
            ..Self::default()
        };
        jobs.failures.by_label = failures_by_label;
        if let Some(on_failure) = operator.on_failure {
            check_on_failure("operator", &on_failure)?;
            jobs.failures.all = on_failure;
        }
        if let Some(email) = operator.email.filter(|email| !email.trim().is_empty()) {
            let (_, address) = mailbox("operator.email", &email)?;
            jobs.operator = Some(address);
        }
        for (name, table) in tables {
            let Ok(job) = name.parse() else {
                return Err(format!(
                    "has a mistake at “jobs.{name}”: the jobs are {}.",
                    JobName::list()
                ));
            };
            if let Some(on_failure) = table.on_failure {
                check_on_failure(&format!("jobs.{name}"), &on_failure)?;
                jobs.failures.by_job.insert(job, on_failure);
            }
            if let Some(text) = table.heartbeat.filter(|text| !text.trim().is_empty()) {
                // The message doesn't repeat the URL: anyone who knows it can send the heartbeat.
                let url = Url::parse(text.trim())
                    .ok()
                    .filter(|url| matches!(url.scheme(), "http" | "https"))
                    .ok_or_else(|| {
                        format!("has a mistake at “jobs.{name}.heartbeat”: write a URL that begins with https://.")
                    })?;
                let start_fail = table.heartbeat_start_fail;
                jobs.heartbeats
                    .insert(job, HeartbeatUrl { url, start_fail });
            } else if table.heartbeat_start_fail {
                return Err(format!(
                    "has a mistake at “jobs.{name}.heartbeat_start_fail”: it needs “heartbeat”, the heartbeat URL."
                ));
            }
        }
        Ok(jobs)
    }
}

fn check_on_failure(table: &str, on_failure: &OnFailure) -> Result<(), String> {
    on_failure
        .check()
        .map_err(|mistake| format!("has a mistake at “{table}.on_failure”: {mistake}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    use crate::config::Config;
    use rstest::rstest;

    const MAIL: &str = "[mail]\nfrom = \"hippo@example.org\"\n";

    fn read(text: &str) -> Result<Jobs, String> {
        Config::parse(&format!("timezone = \"America/Toronto\"\n{MAIL}{text}")).map(|c| c.jobs)
    }

    #[test]
    fn schedule_is_found_by_job_and_label() {
        let jobs = read(
            "[operator]\nemail = \"Op <op@example.org>\"\n\
             [jobs.check-cards]\nheartbeat = \"https://alive.example.org/x\"\nheartbeat_start_fail = true\n\
             [[schedule]]\njob = \"check-cards\"\nlabel = \"all\"\nwhen = \"cron(0 5 * * ? *)\"\n\
             start_within = \"60 min\"\n\
             [[schedule]]\njob = \"notify-all\"\nlabel = \"tick\"\nwhen = \"rate(15 minutes)\"\nenabled = false\n",
        )
        .unwrap();
        assert_eq!(jobs.operator, Some("op@example.org".parse().unwrap()));
        let heartbeat = HeartbeatUrl {
            url: "https://alive.example.org/x".parse().unwrap(),
            start_fail: true,
        };
        assert_eq!(jobs.heartbeats, [(JobName::CHECK_CARDS, heartbeat)].into());
        let all = jobs.rules(JobName::CHECK_CARDS, &"all".parse().unwrap());
        assert_eq!(all.start_deadline, Some(Duration::from_secs(3600)));
        let (recurrence, zone) = (all.schedule.unwrap(), chrono_tz::America::Toronto);
        assert_eq!((all.is_disabled, recurrence.zone), (false, zone));
        let tick = jobs.rules(JobName::NOTIFY_ALL, &"tick".parse().unwrap());
        assert!(tick.is_disabled && tick.schedule.is_some());
        assert_eq!(
            jobs.disabled(),
            [(JobName::NOTIFY_ALL, "tick".parse().unwrap())]
        );
        let other = jobs.rules(JobName::CHECK_CARDS, &"tick".parse().unwrap());
        assert_eq!(other, StartRules::default());
    }

    #[rstest]
    #[case("[jobs.check-card]\n", "the jobs are check-cards, notify-all")]
    #[case(
        "[jobs.check-cards]\nheartbeat = \"canary\"\n",
        "“jobs.check-cards.heartbeat”"
    )]
    #[case("[jobs.check-cards]\nheartbeat = \"file:///canary\"\n", "https://")]
    #[case(
        "[jobs.check-cards]\nheartbeat_start_fail = true\n",
        "needs “heartbeat”"
    )]
    #[case(
        "[jobs.check-cards]\ntimes = [\"05:00\"]\n",
        "“times” isn't known here"
    )]
    #[case("[operator]\nemail = \"nobody\"\n", "operator.email")]
    #[case("[operator]\nmail = \"op@example.org\"\n", "“mail” isn't known here")]
    fn mistake_is_described(#[case] text: &str, #[case] expected: &str) {
        let message = read(text).unwrap_err();
        assert!(message.contains(expected), "{message}");
        assert!(!message.contains("canary"), "{message}");
    }
}
