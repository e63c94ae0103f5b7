//! `[operator]` and `[jobs.…]`: who gets alerts, and when the schedules fire.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::NaiveTime;
use chrono_tz::Tz;
use hippo_core::alerts::heartbeat::HeartbeatUrl;
use hippo_core::email_address::EmailAddress;
use hippo_core::ids::Label;
use hippo_core::run::Job;
use hippo_core::run::ledger::StartRules;
use hippo_core::run::schedule::Schedule;
use serde::Deserialize;
use url::Url;

use super::mailbox::mailbox;
use crate::values::time_of_day;

/// The label of runs that a person starts.
pub(crate) const PERSON_LABEL: &str = "person";

/// `[operator]`: who gets alerts.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct OperatorTable {
    email: Option<String>,
}

/// `[jobs.check-cards]`: a job's heartbeat and schedules.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct JobTable {
    ping: Option<String>,
    ping_start_fail: bool,
    schedules: BTreeMap<String, ScheduleTable>,
}

/// `[jobs.check-cards.schedules.all]`: one schedule.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ScheduleTable {
    times: Option<Vec<String>>,
    every_minutes: Option<u32>,
    start_within_minutes: Option<u32>,
    paused: bool,
}

/// Who gets alerts, and the jobs' heartbeats and schedules.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Jobs {
    /// Who gets alerts; without an address, they only go to the log.
    pub(crate) operator: Option<EmailAddress>,
    /// The heartbeat URL of each job.
    pub(crate) heartbeats: BTreeMap<Job, HeartbeatUrl>,
    rules: BTreeMap<(Job, Label), StartRules>,
}

impl Jobs {
    /// The rules that decide whether a run may start.
    pub(crate) fn rules(&self, job: Job, label: &Label) -> StartRules {
        let key = (job, label.clone());
        self.rules.get(&key).cloned().unwrap_or_default()
    }

    /// The labels of a job's declared schedules.
    pub(crate) fn labels(&self, job: Job) -> Vec<String> {
        self.rules
            .keys()
            .filter(|(declared_job, _)| *declared_job == job)
            .map(|(_, label)| label.to_string())
            .collect()
    }

    /// The schedules that are paused.
    pub(crate) fn paused(&self) -> Vec<(Job, Label)> {
        self.rules
            .iter()
            .filter(|(_, rules)| rules.paused)
            .map(|(key, _)| key.clone())
            .collect()
    }

    /// Parses the tables; an error message completes a sentence after the file's path.
    pub(super) fn from_tables(
        operator: OperatorTable,
        tables: BTreeMap<String, JobTable>,
        zone: Tz,
    ) -> Result<Self, String> {
        let mut jobs = Self::default();
        if let Some(email) = operator.email.filter(|email| !email.trim().is_empty()) {
            let (_, address) = mailbox("operator.email", &email)?;
            jobs.operator = Some(address);
        }
        for (name, table) in tables {
            let Some(job) = Job::ALL.into_iter().find(|job| job.as_str() == name) else {
                return Err(format!(
                    "has a mistake at “jobs.{name}”: the jobs are check-cards and notify-all."
                ));
            };
            if let Some(text) = table.ping.filter(|text| !text.trim().is_empty()) {
                // The message doesn't repeat the URL: anyone who knows it can send the heartbeat.
                let url = Url::parse(text.trim())
                    .ok()
                    .filter(|url| matches!(url.scheme(), "http" | "https"))
                    .ok_or_else(|| {
                        format!("has a mistake at “jobs.{name}.ping”: write a URL that begins with https://.")
                    })?;
                let start_fail = table.ping_start_fail;
                jobs.heartbeats
                    .insert(job, HeartbeatUrl { url, start_fail });
            } else if table.ping_start_fail {
                return Err(format!(
                    "has a mistake at “jobs.{name}.ping_start_fail”: it needs “ping”, the heartbeat URL."
                ));
            }
            for (label, schedule) in table.schedules {
                let at = format!("jobs.{name}.schedules.{label}");
                let mistake = |what: &str| format!("has a mistake at “{at}”: {what}");
                let parsed = label
                    .parse::<Label>()
                    .map_err(|error| mistake(&error.to_string()))?;
                if parsed.as_str() == PERSON_LABEL {
                    return Err(mistake(
                        "“person” is the label of runs that a person starts. Give the schedule another name.",
                    ));
                }
                let rules = schedule.rules(zone).map_err(|what| mistake(&what))?;
                jobs.rules.insert((job, parsed), rules);
            }
        }
        Ok(jobs)
    }
}

impl ScheduleTable {
    fn rules(self, zone: Tz) -> Result<StartRules, String> {
        let schedule = match (self.times, self.every_minutes) {
            (None, None) => None,
            (None, Some(0)) => return Err("every_minutes must be 1 or more.".to_owned()),
            (None, Some(minutes)) => Some(Schedule::EveryMinutes(minutes)),
            (Some(times), None) => Some(Schedule::Daily {
                zone,
                times: parse_daily_times(&times)?,
            }),
            (Some(_), Some(_)) => {
                return Err("give times or every_minutes, not both.".to_owned());
            }
        };
        Ok(StartRules {
            start_deadline: self
                .start_within_minutes
                .map(|minutes| Duration::from_secs(u64::from(minutes) * 60)),
            paused: self.paused,
            schedule,
        })
    }
}

/// Parses times of day and rejects duplicates.
fn parse_daily_times(times: &[String]) -> Result<Vec<NaiveTime>, String> {
    if times.is_empty() {
        return Err(
            "times is empty: write the times of the day, or leave the line out.".to_owned(),
        );
    }
    let mut daily = Vec::with_capacity(times.len());
    for text in times {
        let time = time_of_day(text)?;
        if daily.contains(&time) {
            return Err(format!("{} is in times twice.", time.format("%H:%M")));
        }
        daily.push(time);
    }
    Ok(daily)
}

#[cfg(test)]
mod tests {
    use super::*;
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
             [jobs.check-cards]\nping = \"https://alive.example.org/x\"\nping_start_fail = true\n\
             [jobs.check-cards.schedules.all]\ntimes = [\"05:00\", \"12:30\"]\nstart_within_minutes = 60\n\
             [jobs.notify-all.schedules.tick]\nevery_minutes = 15\npaused = true\n",
        )
        .unwrap();
        assert_eq!(jobs.operator, Some("op@example.org".parse().unwrap()));
        let heartbeat = HeartbeatUrl {
            url: "https://alive.example.org/x".parse().unwrap(),
            start_fail: true,
        };
        assert_eq!(jobs.heartbeats, [(Job::CheckCards, heartbeat)].into());
        let time = |hour, minute| NaiveTime::from_hms_opt(hour, minute, 0).unwrap();
        assert_eq!(
            jobs.rules(Job::CheckCards, &"all".parse().unwrap()),
            StartRules {
                start_deadline: Some(Duration::from_secs(3600)),
                paused: false,
                schedule: Some(Schedule::Daily {
                    zone: chrono_tz::America::Toronto,
                    times: vec![time(5, 0), time(12, 30)],
                }),
            }
        );
        let tick = jobs.rules(Job::NotifyAll, &"tick".parse().unwrap());
        assert_eq!(tick.schedule, Some(Schedule::EveryMinutes(15)));
        assert!(tick.paused);
        let other = jobs.rules(Job::CheckCards, &"tick".parse().unwrap());
        assert_eq!(other, StartRules::default());
    }

    #[rstest]
    #[case("[jobs.check-card]\n", "the jobs are check-cards and notify-all")]
    #[case("[jobs.check-cards]\nping = \"canary\"\n", "“jobs.check-cards.ping”")]
    #[case("[jobs.check-cards]\nping = \"file:///canary\"\n", "https://")]
    #[case("[jobs.check-cards]\nping_start_fail = true\n", "needs “ping”")]
    #[case(
        "[jobs.check-cards.schedules.all]\ntimes = [\"5\"]\n",
        "Write it like 06:30"
    )]
    #[case("[jobs.check-cards.schedules.all]\nevery_minutes = 0\n", "1 or more")]
    #[case(
        "[jobs.check-cards.schedules.all]\nevery_minutes = 5\ntimes = [\"05:00\"]\n",
        "not both"
    )]
    #[case("[jobs.check-cards.schedules.all]\ntimes = []\n", "times is empty")]
    #[case(
        "[jobs.check-cards.schedules.all]\ntimes = [\"05:00\", \"5:00\"]\n",
        "05:00 is in times twice"
    )]
    #[case(
        "[jobs.check-cards.schedules.person]\nevery_minutes = 5\n",
        "another name"
    )]
    #[case("[jobs.check-cards.schedules.\"A B\"]\n", "“A B” is not a valid id")]
    #[case("[operator]\nemail = \"nobody\"\n", "operator.email")]
    #[case("[operator]\nmail = \"op@example.org\"\n", "“mail” isn't known here")]
    fn mistake_is_described(#[case] text: &str, #[case] expected: &str) {
        let message = read(text).unwrap_err();
        assert!(message.contains(expected), "{message}");
        assert!(!message.contains("canary"), "{message}");
    }
}
