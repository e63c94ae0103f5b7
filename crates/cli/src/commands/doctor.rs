//! `hippo doctor`: whether everything is there that the schedules need.

use chrono::{DateTime, Duration, Utc};
use clap::Args;
use hippo_core::run::{Job, Run, RunOutcome, Trigger};
use hippo_core::seal::SealError;
use serde::Serialize;

use crate::config::Transport;
use crate::context::{Context, Globals, Here, Place};
use crate::exit::{CommandError, CommandResult, Outcome};
use crate::output::table::{Cell, Table, Tone, fixed, words};
use crate::output::{count, time};

/// A clock may be off by this much.
const MAX_CLOCK_SKEW: Duration = Duration::minutes(1);

/// A scheduled check is expected within this time, an hour more than a day.
const MAX_TIME_BETWEEN_CHECKS: Duration = Duration::hours(25);

/// A scheduled tick is expected within this time.
const MAX_TIME_BETWEEN_TICKS: Duration = Duration::hours(2);

/// Check that everything the schedules need is in place.
///
/// On one machine: who can read the home, the key, mail, the clock and the last runs. On AWS also what the account says:
/// identities and the SES sandbox, DKIM and DMARC, the subscription to the alarms, the schedules, and a dry run of each
/// function. Nothing is changed and nothing is sent.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hippo doctor
  hippo --on aws doctor --json

Exit code 1: there is a problem.")]
pub(crate) struct Doctor {}

/// Whether a thing is in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    Ok,
    Problem,
    Unknown,
}

/// One thing that was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    pub(crate) check: String,
    pub(crate) verdict: Verdict,
    /// What was found.
    pub(crate) found: String,
    /// What to do, unless it is in order.
    pub(crate) advice: Option<String>,
}

impl Finding {
    fn ok(check: &str, found: impl Into<String>) -> Self {
        Self {
            check: check.to_owned(),
            verdict: Verdict::Ok,
            found: found.into(),
            advice: None,
        }
    }

    fn problem(check: &str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Problem,
            advice: Some(advice.into()),
            ..Self::ok(check, found)
        }
    }
}

#[derive(Serialize)]
struct Document {
    findings: Vec<Finding>,
}

/// Checks everything.
pub(crate) async fn run(_: Doctor, globals: &Globals) -> CommandResult {
    let context = globals.open().await?;
    let mut findings = match &context.place {
        Place::Here(here) => vec![check_permissions(here), check_mail(here)],
        Place::Aws(stack) => {
            let families = context.store.families().await?;
            let recipients: Vec<_> = families
                .iter()
                .flat_map(|family| family.reachable_recipients())
                .collect();
            stack.diagnose(&recipients).await
        }
    };
    findings.push(check_keys(&context).await);
    findings.push(check_clock(&context).await?);
    for (job, expected) in [
        (Job::CheckCards, MAX_TIME_BETWEEN_CHECKS),
        (Job::NotifyAll, MAX_TIME_BETWEEN_TICKS),
    ] {
        let runs = context.store.newest_of_each_label(job, 1).await?;
        findings.push(check_runs(&context, job, &runs, expected));
    }
    let problems = findings
        .iter()
        .filter(|finding| finding.verdict == Verdict::Problem)
        .count();
    show(&context, &findings, problems);
    context.output.document(&Document { findings });
    Ok(Outcome::failed_if(problems > 0))
}

fn show(context: &Context, findings: &[Finding], problems: usize) {
    let mut table = Table::new([fixed("CHECK"), fixed(""), words("FOUND"), words("TO DO")]);
    for finding in findings {
        let verdict = match finding.verdict {
            Verdict::Ok => Cell::new("ok", Tone::Good),
            Verdict::Problem => Cell::new("problem", Tone::Bad),
            Verdict::Unknown => Cell::new("unknown", Tone::Warning),
        };
        table.row([
            finding.check.as_str().into(),
            verdict,
            finding.found.as_str().into(),
            finding.advice.as_deref().unwrap_or_default().into(),
        ]);
    }
    context.output.table(&table);
    context.output.say(match problems {
        0 => "No problem found.".to_owned(),
        problems => format!("Found {}.", count(problems, "problem", "problems")),
    });
}

/// Whether others can look into the home.
fn check_permissions(here: &Here) -> Finding {
    const CHECK: &str = "home";
    let home = &here.home;
    let shown = home.directory().display();
    let paths = [
        home.directory().to_path_buf(),
        home.database(),
        home.key_files().private_path().to_path_buf(),
        home.mail_folder(),
    ];
    let open: Vec<String> = paths
        .iter()
        .filter(|path| is_open_to_others(path))
        .map(|path| path.display().to_string())
        .collect();
    if open.is_empty() {
        return Finding::ok(CHECK, format!("Only you can read {shown}."));
    }
    Finding::problem(
        CHECK,
        format!("Others can read {}.", open.join(", ")),
        format!("Run: chmod -R go= {shown}"),
    )
}

#[cfg(unix)]
fn is_open_to_others(path: &std::path::Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_open_to_others(_: &std::path::Path) -> bool {
    false
}

/// Whether mails leave this machine, as far as the configuration says.
fn check_mail(here: &Here) -> Finding {
    const CHECK: &str = "mail";
    if let Err(error) = crate::mailer::mailer(&here.home, &here.config) {
        return Finding::problem(CHECK, error.to_string(), "Mend [mail] in config.toml.");
    }
    match (&here.config.mail.transport, &here.config.mail.smtp) {
        (Transport::Smtp, Some(smtp)) => {
            Finding::ok(CHECK, format!("Mails go to the mail server {}.", smtp.host))
        }
        _ => Finding::problem(
            CHECK,
            format!(
                "Mails go to the folder {}, and to nobody.",
                here.home.mail_folder().display()
            ),
            "Fill in [mail.smtp] in config.toml, then try “hippo mail test”.",
        ),
    }
}

/// Whether the keys are there; on AWS, the private key is not for whoever operates.
async fn check_keys(context: &Context) -> Finding {
    const CHECK: &str = "keys";
    let keys = &context.keys;
    let found = async {
        keys.public_key().await?;
        keys.fingerprint_key().await?;
        if context.here().is_ok() {
            keys.private_keys().await?;
        }
        Ok::<(), SealError>(())
    };
    match found.await {
        Ok(()) => Finding::ok(CHECK, "The keys are there."),
        Err(error) => Finding::problem(
            CHECK,
            error.to_string(),
            "Put the key back from its copy. If the installation is new, run “hippo init”.",
        ),
    }
}

/// Whether the clock stands still, or differs from the store's.
async fn check_clock(context: &Context) -> Result<Finding, CommandError> {
    const CHECK: &str = "clock";
    let now = context.now();
    if std::env::var_os("HIPPO_NOW").is_some_and(|value| !value.is_empty()) {
        return Ok(Finding::problem(
            CHECK,
            format!("HIPPO_NOW holds the clock at {}.", now.to_rfc3339()),
            "Unset HIPPO_NOW.",
        ));
    }
    let ahead = context.store.clock_ahead(now).await?;
    let Some(ahead) = ahead.filter(|ahead| ahead.abs() > MAX_CLOCK_SKEW) else {
        return Ok(Finding::ok(CHECK, "The clock is right."));
    };
    let seconds = ahead.num_seconds();
    Ok(Finding::problem(
        CHECK,
        format!(
            "This clock is {} {} the store's.",
            count(seconds.unsigned_abs() as usize, "second", "seconds"),
            if seconds < 0 { "behind" } else { "ahead of" }
        ),
        "Set the clock; let a time service keep it.",
    ))
}

/// Whether a schedule ran this job of late, and how that ended.
fn check_runs(context: &Context, job: Job, runs: &[Run], expected: Duration) -> Finding {
    let newest = runs
        .iter()
        .filter(|run| run.trigger != Trigger::Person)
        .max_by_key(|run| run.key.scheduled_time);
    judge_runs(job, newest, context.now(), expected, |instant| {
        time::moment(instant, context.now(), context.zone())
    })
}

fn judge_runs(
    job: Job,
    newest: Option<&Run>,
    now: DateTime<Utc>,
    expected: Duration,
    shown: impl Fn(DateTime<Utc>) -> String,
) -> Finding {
    let check = format!("runs of {job}");
    let Some(run) = newest else {
        return Finding::problem(
            &check,
            format!("No schedule has run {job} yet."),
            "Wait for its first time. If that is past, see whether cron, the timer or EventBridge starts it.",
        );
    };
    let time = run.key.scheduled_time;
    if time > now + MAX_CLOCK_SKEW {
        return Finding::problem(
            &check,
            format!("The newest run is of the future: {}.", shown(time)),
            "Set the clock; let a time service keep it.",
        );
    }
    if now - time > expected {
        return Finding::problem(
            &check,
            format!("No schedule has run {job} since {}.", shown(time)),
            "See whether cron, the timer or EventBridge still starts it.",
        );
    }
    match run.outcome {
        RunOutcome::Failed | RunOutcome::Lost | RunOutcome::Missed => Finding::problem(
            &check,
            format!(
                "The last run, {}, is on record as “{}”.",
                shown(time),
                run.outcome.as_str()
            ),
            format!("“hippo runs show {}” says more.", run.key),
        ),
        _ => Finding::ok(&check, format!("The last one was {}.", shown(time))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hippo_core::run::{Counts, RunKey};
    use rstest::rstest;

    fn run(outcome: RunOutcome) -> Run {
        let time = "2026-11-21T10:00:00Z".parse().unwrap();
        Run {
            key: RunKey {
                job: Job::NotifyAll,
                label: "tick".parse().unwrap(),
                scheduled_time: time,
            },
            trigger: Trigger::Schedule,
            input: serde_json::Value::Null,
            started_at: time,
            reported_at: time,
            finished_at: Some(time),
            outcome,
            counts: Counts::default(),
        }
    }

    #[rstest]
    #[case::never(None, "2026-11-21T10:00:00Z", Verdict::Problem)]
    #[case::just_now(Some(RunOutcome::Done), "2026-11-21T10:05:00Z", Verdict::Ok)]
    #[case::a_card_failed(
        Some(RunOutcome::DoneWithFailures),
        "2026-11-21T10:05:00Z",
        Verdict::Ok
    )]
    #[case::failed(Some(RunOutcome::Failed), "2026-11-21T10:05:00Z", Verdict::Problem)]
    #[case::lost(Some(RunOutcome::Lost), "2026-11-21T10:05:00Z", Verdict::Problem)]
    #[case::at_the_last_moment(Some(RunOutcome::Done), "2026-11-21T12:00:00Z", Verdict::Ok)]
    #[case::long_ago(Some(RunOutcome::Done), "2026-11-21T12:00:01Z", Verdict::Problem)]
    #[case::from_the_future(Some(RunOutcome::Done), "2026-11-21T09:58:00Z", Verdict::Problem)]
    fn runs_are_judged_by_their_age_and_outcome(
        #[case] outcome: Option<RunOutcome>,
        #[case] now: &str,
        #[case] verdict: Verdict,
    ) {
        let newest = outcome.map(run);
        let now = now.parse().unwrap();
        let found = judge_runs(
            Job::NotifyAll,
            newest.as_ref(),
            now,
            MAX_TIME_BETWEEN_TICKS,
            |time| time.to_rfc3339(),
        );
        assert_eq!(found.verdict, verdict, "{found:?}");
        assert_eq!(found.advice.is_some(), verdict != Verdict::Ok);
    }
}
