//! The options of commands that start a run.

use chrono::{DateTime, FixedOffset, Utc};
use clap::Args;
use hippo_core::ids::{InvalidId, Label};
use hippo_core::run::{Job, RunKey};

use crate::config::PERSON_LABEL;
use crate::deployment::Deployment;
use crate::values::instant;

/// The options of commands that start a run.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct StartOptions {
    /// The run belongs to a schedule, and this is the schedule's name.
    #[arg(long)]
    pub(crate) label: Option<Label>,
    /// When the run was scheduled (RFC 3339). By default the last of the label's times in config.toml,
    /// or else this minute. There is only one run for a label and time.
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub(crate) scheduled_time: Option<DateTime<FixedOffset>>,
    /// Print nothing unless something failed. It's the default when a schedule starts the run.
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

impl StartOptions {
    /// Whether a schedule, and not a person, started the run.
    pub(crate) fn is_schedule(&self) -> bool {
        self.label.is_some() || self.scheduled_time.is_some()
    }

    /// Whether to print only failures, because cron emails all output.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet || self.is_schedule()
    }

    /// The run's key.
    ///
    /// A person's run gets the current second. A scheduled run gets the last of its schedule's times
    /// where they are known, or else the current minute.
    pub(crate) fn run_key(
        &self,
        job: Job,
        default_label: &str,
        deployment: &dyn Deployment,
        now: DateTime<Utc>,
    ) -> Result<RunKey, InvalidId> {
        self.key_with(job, default_label, now, |label| {
            deployment.last_scheduled_time(job, label, now)
        })
    }

    fn key_with(
        &self,
        job: Job,
        default_label: &str,
        now: DateTime<Utc>,
        last_scheduled: impl FnOnce(&Label) -> Option<DateTime<Utc>>,
    ) -> Result<RunKey, InvalidId> {
        let label = match (&self.label, self.is_schedule()) {
            (Some(label), _) => label.clone(),
            (None, true) => default_label.parse()?,
            (None, false) => PERSON_LABEL.parse()?,
        };
        let second = now.timestamp();
        let minute = DateTime::from_timestamp(second - second.rem_euclid(60), 0).unwrap_or(now);
        let scheduled_time = match self.scheduled_time {
            Some(time) => time.to_utc(),
            None if self.is_schedule() => last_scheduled(&label).unwrap_or(minute),
            None => DateTime::from_timestamp(second, 0).unwrap_or(now),
        };
        Ok(RunKey {
            job,
            label,
            scheduled_time,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(options: &StartOptions, default_label: &str) -> String {
        let now = "2026-11-21T10:00:42.5Z".parse().unwrap();
        options
            .key_with(Job::CheckCards, default_label, now, |_| None)
            .unwrap()
            .to_string()
    }

    #[test]
    fn schedule_that_fires_twice_in_a_minute_is_one_run() {
        let schedule = StartOptions {
            label: Some("all".parse().unwrap()),
            ..StartOptions::default()
        };
        assert_eq!(
            key(&schedule, "all"),
            "check-cards/all/2026-11-21T10:00:00Z"
        );
    }

    #[test]
    fn run_by_a_person_keeps_its_seconds() {
        let person = StartOptions::default();
        assert!(!person.is_schedule());
        assert_eq!(
            key(&person, "all"),
            "check-cards/person/2026-11-21T10:00:42Z"
        );
    }

    #[test]
    fn scheduled_time_without_label_uses_the_scope() {
        let schedule = StartOptions {
            scheduled_time: Some("2026-11-21T05:00:00-05:00".parse().unwrap()),
            ..StartOptions::default()
        };
        assert_eq!(
            key(&schedule, "failed"),
            "check-cards/failed/2026-11-21T10:00:00Z"
        );
    }
}
