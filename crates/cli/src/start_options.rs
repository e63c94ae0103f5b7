//! The options of commands that start a run.

use std::io::IsTerminal as _;

use chrono::{DateTime, FixedOffset, Utc};
use clap::Args;
use hippo_core::ids::{InvalidId, Label};
use hippo_core::run::{JobName, RunKey};
use hippo_core::schedule::Schedule;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::config::PERSON_LABEL;
use crate::deployment::{Deployment, StartedBy};
use crate::exit::CommandError;
use crate::suggest::{find_nearest, list_known};
use crate::suggested::HIPPO;
use crate::values::instant;

/// The options of commands that start a run.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct StartOptions {
    /// The run belongs to this schedule. Without options of its own, the run does what config.toml
    /// declares for it.
    #[arg(long)]
    pub(crate) label: Option<Label>,
    /// When the run was scheduled (RFC 3339). By default the last of the label's times in config.toml,
    /// or else this minute. There is only one run for a label and time.
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub(crate) scheduled_time: Option<DateTime<FixedOffset>>,
    /// Print nothing unless something failed. It's the default when a schedule starts the run, and not
    /// you at a terminal.
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// On AWS: return when the work is enqueued, instead of showing its progress to the end.
    #[arg(long)]
    pub(crate) no_wait: bool,
    /// Whether a person backfills the scheduled time.
    #[arg(skip)]
    pub(crate) is_backfill: bool,
}

impl StartOptions {
    /// Who starts the run, and why.
    pub(crate) fn started_by(&self) -> StartedBy {
        if self.is_backfill {
            StartedBy::Backfill
        } else if self.is_scheduled() {
            StartedBy::Schedule
        } else {
            StartedBy::Person
        }
    }

    /// Whether the run itself finds a mistake in its input, so that it is on record as failed: nobody watches
    /// a schedule's run.
    pub(crate) fn records_mistakes(&self, dry_run: bool) -> bool {
        matches!(self.started_by(), StartedBy::Schedule) && !dry_run
    }

    /// Whether the run belongs to a schedule.
    fn is_scheduled(&self) -> bool {
        self.label.is_some() || self.scheduled_time.is_some()
    }

    /// Whether to print only failures, because cron emails all output. A person at a terminal wants to
    /// know what became of the run.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet || (self.is_scheduled() && !std::io::stdout().is_terminal())
    }

    /// Finds the schedule of the label. Refuses a label that no schedule of this job has; the error suggests a
    /// similar one.
    ///
    /// Such a run would do what no schedule says: check every card, or send every notice.
    pub(crate) async fn find_schedule(
        &self,
        job: JobName,
        deployment: &dyn Deployment,
    ) -> Result<Option<Schedule>, CommandError> {
        let Some(label) = &self.label else {
            return Ok(None);
        };
        if let Some(declared) = deployment.declared_schedule(job, label) {
            return Ok(Some(declared.clone()));
        }
        // The deployed stack may have others than this version of the command.
        let saved = deployment.saved_schedules().await?;
        let declared = JobName::all().into_iter().flat_map(|job| {
            let labels = deployment.declared_labels(job).into_iter();
            labels.map(move |label| (job, label))
        });
        choose_schedule(label, job, saved, declared.collect())
    }

    /// The run's key.
    ///
    /// A person's run gets the current second. A scheduled run gets the last of its schedule's times
    /// where they are known, or else the current minute.
    pub(crate) fn run_key(
        &self,
        job: JobName,
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
        job: JobName,
        default_label: &str,
        now: DateTime<Utc>,
        last_scheduled: impl FnOnce(&Label) -> Option<DateTime<Utc>>,
    ) -> Result<RunKey, InvalidId> {
        let label = match (&self.label, self.is_scheduled()) {
            (Some(label), _) => label.clone(),
            (None, true) => default_label.parse()?,
            (None, false) => PERSON_LABEL.parse()?,
        };
        let second = now.timestamp();
        let minute = DateTime::from_timestamp(second - second.rem_euclid(60), 0).unwrap_or(now);
        let scheduled_time = match self.scheduled_time {
            Some(time) => time.to_utc(),
            None if self.is_scheduled() => last_scheduled(&label).unwrap_or(minute),
            None => DateTime::from_timestamp(second, 0).unwrap_or(now),
        };
        Ok(RunKey {
            job,
            label,
            scheduled_time,
        })
    }
}

/// Chooses a label's schedule among those that are saved. Others are only known by their labels.
fn choose_schedule(
    label: &Label,
    job: JobName,
    saved: Vec<Schedule>,
    mut known: Vec<(JobName, String)>,
) -> Result<Option<Schedule>, CommandError> {
    known.extend(saved.iter().map(|one| (one.job, one.label.to_string())));
    let is_meant = |one: &Schedule| one.label == *label && one.job == job;
    if let Some(schedule) = saved.into_iter().find(is_meant) {
        return Ok(Some(schedule));
    }
    // A new stack's schedules aren't saved yet.
    if known
        .iter()
        .any(|(of, name)| *of == job && name == label.as_str())
    {
        return Ok(None);
    }
    if let Some((other, _)) = known.iter().find(|(_, name)| name == label.as_str()) {
        return Err(CommandError::usage(format!(
            "The schedule “{label}” runs {other}, not {job}."
        ))
        .try_command(format!("{HIPPO} run {other} --label {label}")));
    }
    // Without declared schedules, the operator's own scheduler chooses the labels.
    if known.is_empty() {
        return Ok(None);
    }
    let mut own: Vec<String> = known
        .into_iter()
        .filter_map(|(of, name)| (of == job).then_some(name))
        .collect();
    own.sort();
    own.dedup();
    Err(unknown_schedule(label.as_str(), &own))
}

/// The error for a label that is none of these; it suggests a similar one, or lists them.
pub(crate) fn unknown_schedule(label: &str, known: &[String]) -> CommandError {
    let mut error = CommandError::usage(format!("There is no schedule “{label}”."));
    let meant = find_nearest(label, known);
    if let (None, Some(all)) = (meant, list_known("schedule", known)) {
        error = error.advice(all);
    }
    error
        .did_you_mean(meant)
        .try_command(format!("{HIPPO} schedule list"))
}

/// Reads an input that was checked before, as a schedule's was when it was declared.
pub(crate) fn read_checked_input<T: DeserializeOwned>(
    input: Map<String, Value>,
) -> Result<T, CommandError> {
    serde_json::from_value(input.into())
        .map_err(|error| CommandError::unusable("Can't read the input.").caused_by(error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hippo_core::testing::run_history::schedule;

    fn key(options: &StartOptions, default_label: &str) -> String {
        let now = "2026-11-21T10:00:42.5Z".parse().unwrap();
        options
            .key_with(JobName::CHECK_CARDS, default_label, now, |_| None)
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
        assert_eq!(person.started_by(), StartedBy::Person);
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

    fn saved(label: &str) -> Schedule {
        schedule(JobName::CHECK_CARDS, label, "rate(1 hour)")
    }

    fn choose(
        label: &str,
        saved: Vec<Schedule>,
        known: &[(JobName, &str)],
    ) -> Result<Option<String>, String> {
        let label = label.parse().unwrap();
        let known = known.iter().map(|(job, name)| (*job, (*name).to_owned()));
        choose_schedule(&label, JobName::CHECK_CARDS, saved, known.collect())
            .map(|schedule| schedule.map(|schedule| schedule.label.to_string()))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn schedule_that_only_the_deployed_stack_has_is_found() {
        let known = [(JobName::CHECK_CARDS, "all"), (JobName::NOTIFY_ALL, "tick")];
        let stack = || vec![saved("all"), saved("evening")];
        assert_eq!(
            choose("evening", stack(), &known),
            Ok(Some("evening".to_owned()))
        );
        assert_eq!(
            choose("evenin", stack(), &known),
            Err(
                "There is no schedule “evenin”. Did you mean “evening”?\n  → hippo schedule list"
                    .to_owned()
            )
        );
        assert_eq!(
            choose("tick", stack(), &known),
            Err(
                "The schedule “tick” runs notify-all, not check-cards.\n  → hippo run notify-all --label tick"
                    .to_owned()
            )
        );
        assert!(choose("evening", vec![], &known).is_err());
    }

    #[test]
    fn declared_schedule_that_the_stack_has_not_saved_yet_may_run() {
        let known = [(JobName::CHECK_CARDS, "all"), (JobName::NOTIFY_ALL, "all")];
        assert_eq!(choose("all", vec![], &known), Ok(None));
        assert_eq!(choose("all", vec![saved("evening")], &known), Ok(None));
    }

    #[test]
    fn any_label_may_run_without_declared_schedules() {
        assert_eq!(choose("evening", vec![], &[]), Ok(None));
    }
}
