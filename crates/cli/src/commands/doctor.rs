//! `hippo doctor`: checks that everything the schedules need is in place.

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, Utc};
use clap::Args;
use hippo_core::family::Family;
use hippo_core::run::ledger::MAX_BACKFILLED_RUNS;
use hippo_core::run::{JobName, Run, RunOutcome, Trigger};
use hippo_core::schedule::Pause;
use hippo_core::seal::SealError;
use serde::Serialize;

use super::schedule;
use crate::config::Config;
use crate::context::{Context, Globals};
use crate::deployment::PictureProblem;
use crate::exit::{CommandError, CommandResult, Outcome};
use crate::finding::{Finding, Verdict};
use crate::home::Home;
use crate::output::table::{Cell, Table, Tone, fixed, sentences};
use crate::output::{Output, count, time};
use crate::pauses::{pause_sentence, resume_command};
use crate::schedule_remarks::{UnknownNames, describe_rare_schedules, describe_unknown_names};
use crate::suggested::HIPPO;
use crate::target::Target;

/// The clock may be off by this much.
const MAX_CLOCK_SKEW: Duration = Duration::minutes(1);

/// Check that everything the schedules need is in place.
///
/// On one machine: who can read the home, the key, email, the clock, the schedules and the last runs.
/// On AWS also the account: identities and the SES sandbox, DKIM and DMARC, the subscription to the
/// alarms, the schedules, and a dry run of each function. It changes and sends nothing.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hippo doctor
  hippo --target aws doctor --json

A warning is something that somebody wanted and may have forgotten, such as a pause without an end.

Exit code 1: there is a problem.")]
pub(crate) struct Doctor {}

#[derive(Serialize)]
struct FindingsDocument {
    findings: Vec<Finding>,
}

/// The newest runs of a label may all belong to one backfill.
const RUNS_PER_LABEL: usize = MAX_BACKFILLED_RUNS + 1;

/// Checks everything.
pub(crate) async fn run(_: Doctor, globals: &Globals) -> CommandResult {
    if let Some(mistake) = find_mistake(globals)? {
        return Ok(show(globals.output, vec![mistake]));
    }
    let context = globals.open().await?;
    let families = context.store.families().await?;
    let recipients: Vec<_> = families
        .iter()
        .flat_map(|family| family.reachable_recipients())
        .collect();
    let mut findings = context.deployment.diagnose(&recipients).await;
    findings.push(check_keys(&context).await);
    findings.push(check_clock(&context).await?);
    let mut ran_at = BTreeSet::new();
    for job in JobName::all() {
        let expected = job.entry().max_time_between_runs;
        let Some(expected) = expected.and_then(|time| Duration::from_std(time).ok()) else {
            continue;
        };
        let newest = context.store.newest_runs_by_label(job, RUNS_PER_LABEL);
        let runs = newest.await?;
        let started = runs
            .iter()
            .filter(|run| ran_on_schedule(run, context.now(), expected));
        ran_at.extend(started.map(|run| (job, run.key.scheduled_time)));
        findings.push(check_runs(&context, job, &runs, expected));
    }
    if globals.target == Target::Local {
        let home = Home::locate(globals.home.clone())?;
        // A person may have typed a single one.
        findings.extend(schedule::diagnose(&home, ran_at.len() > 1)?);
    }
    findings.push(check_pauses(&context).await?);
    findings.extend(check_declarations(&context).await?);
    findings.extend(check_pictures(&context, &families));
    Ok(show(context.output, findings))
}

/// Finds a mistake in the configuration, which ends every other command.
fn find_mistake(globals: &Globals) -> Result<Option<Finding>, CommandError> {
    if globals.target != Target::Local {
        return Ok(None);
    }
    let home = Home::locate(globals.home.clone())?;
    home.must_be_initialized()?;
    let mistake = Config::read(&home).err();
    Ok(mistake.map(|mistake| {
        Finding::problem(
            "configuration",
            mistake.to_string(),
            "Correct it, then run the doctor again. Until then no run starts, so no card is checked and no notice is \
             sent.",
        )
    }))
}

/// Shows the findings; the outcome says whether there is a problem.
fn show(output: Output, findings: Vec<Finding>) -> Outcome {
    let mut table = Table::new([fixed("CHECK"), fixed(""), sentences("FOUND")]);
    let total = |verdict| {
        let same = findings.iter().filter(|finding| finding.verdict == verdict);
        same.count()
    };
    let (problems, warnings) = (total(Verdict::Problem), total(Verdict::Warning));
    for finding in &findings {
        let verdict = match finding.verdict {
            Verdict::Ok => Cell::new("ok", Tone::Good),
            Verdict::Warning => Cell::new("warning", Tone::Warning),
            Verdict::Problem => Cell::new("problem", Tone::Bad),
            Verdict::Unknown => Cell::new("unknown", Tone::Warning),
        };
        let mut lines = finding.found.lines();
        table.row([
            finding.check.as_str().into(),
            verdict,
            lines.next().unwrap_or_default().into(),
        ]);
        for line in lines {
            table.row(["".into(), "".into(), line.trim_start().into()]);
        }
        if let Some(advice) = &finding.advice {
            table.row(["".into(), "".into(), format!("→ {advice}").into()]);
        }
    }
    output.print_table(&table);
    let warned = count(warnings, "warning", "warnings");
    output.print_text(match (problems, warnings) {
        (0, 0) => "No problem found.".to_owned(),
        (0, _) => format!("No problem found, but {warned}."),
        (problems, 0) => format!("Found {}.", count(problems, "problem", "problems")),
        (problems, _) => format!(
            "Found {} and {warned}.",
            count(problems, "problem", "problems")
        ),
    });
    output.print_document(&FindingsDocument { findings });
    Outcome::failed_if(problems > 0)
}

/// Checks that the keys are there; on AWS, the operator can't read the private key.
async fn check_keys(context: &Context) -> Finding {
    const CHECK: &str = "keys";
    let keys = &context.keys;
    let found = async {
        keys.public_key().await?;
        keys.fingerprint_key().await?;
        if context.deployment.holds_private_key() {
            keys.private_keys().await?;
        }
        Ok::<(), SealError>(())
    };
    match found.await {
        Ok(()) => Finding::ok(CHECK, "The keys are in place."),
        Err(error) => Finding::problem(
            CHECK,
            error.to_string(),
            format!(
                "Restore the key from its copy. If the installation is new, run “{HIPPO} init”."
            ),
        ),
    }
}

/// Checks that the clock isn't frozen and agrees with the store's.
async fn check_clock(context: &Context) -> Result<Finding, CommandError> {
    const CHECK: &str = "clock";
    let now = context.now();
    if std::env::var_os("HIPPO_NOW").is_some_and(|value| !value.is_empty()) {
        return Ok(Finding::problem(
            CHECK,
            format!("HIPPO_NOW freezes the clock at {}.", now.to_rfc3339()),
            "Unset HIPPO_NOW.",
        ));
    }
    let ahead = context.store.clock_skew(now).await?;
    let Some(ahead) = ahead.filter(|ahead| ahead.abs() > MAX_CLOCK_SKEW) else {
        return Ok(Finding::ok(CHECK, "The clock is correct."));
    };
    let seconds = ahead.num_seconds();
    Ok(Finding::problem(
        CHECK,
        format!(
            "This clock is {} {} the store's.",
            count(seconds.unsigned_abs() as usize, "second", "seconds"),
            if seconds < 0 { "behind" } else { "ahead of" }
        ),
        "Set the clock, and let a time service keep it correct.",
    ))
}

/// Lists the paused schedules. A person paused them on purpose, so they aren't a problem; one without an
/// end may have been forgotten.
async fn check_pauses(context: &Context) -> Result<Finding, CommandError> {
    const CHECK: &str = "pauses";
    let pauses = context.store.pauses().await?;
    let active: Vec<&Pause> = pauses
        .iter()
        .filter(|pause| pause.includes(context.now()))
        .collect();
    let sentences: Vec<String> = active
        .iter()
        .map(|pause| pause_sentence(pause, context))
        .collect();
    let found = match sentences.is_empty() {
        true => "No schedule is paused.".to_owned(),
        false => sentences.join(" "),
    };
    let endless: Vec<String> = active
        .iter()
        .filter(|pause| pause.until.is_none())
        .map(|pause| format!("“{}”", resume_command(pause)))
        .collect();
    let what = match active
        .iter()
        .any(|pause| pause.label.is_none() && pause.until.is_none())
    {
        true => "Nothing runs until you resume: ",
        false => "To resume: ",
    };
    Ok(match endless.is_empty() {
        true => Finding::ok(CHECK, found),
        false => Finding::warning(CHECK, found, format!("{what}{}.", endless.join(", "))),
    })
}

/// Looks for schedules that name what doesn't exist, and for those that rarely or never run.
async fn check_declarations(context: &Context) -> Result<Vec<Finding>, CommandError> {
    let schedules = context.deployment.schedules().await?;
    let UnknownNames {
        closed_days,
        inputs,
    } = describe_unknown_names(&*context.store, &schedules).await?;
    let is_local = context.deployment.stack().is_none();
    let rare = describe_rare_schedules(&schedules, context.now(), is_local);
    let mut findings = Vec::new();
    if !inputs.is_empty() {
        findings.push(Finding::problem(
            "schedule inputs",
            inputs.join(" "),
            "Correct the input, or remove the schedule. Until then, its runs fail.",
        ));
    }
    if !closed_days.is_empty() {
        findings.push(Finding::warning(
            "closed days",
            closed_days.join(" "),
            "Correct the name. Until then, its cards are checked on these days.",
        ));
    }
    if !rare.is_empty() {
        findings.push(Finding::warning(
            "schedule times",
            rare.join(" "),
            "Change the times, or remove the schedule.",
        ));
    }
    Ok(findings)
}

/// Checks that the families that want pictures of the day can get them; `None` if there are none.
fn check_pictures(context: &Context, families: &[Family]) -> Option<Finding> {
    const CHECK: &str = "pictures";
    let wants = |family: &&Family| family.preferences.picture.is_some();
    let subscribed: Vec<&str> = families
        .iter()
        .filter(wants)
        .map(|family| family.id.as_str())
        .collect();
    let (family, others) = subscribed.split_first()?;
    let want = match others.is_empty() {
        true => "1 family wants".to_owned(),
        false => format!("{} families want", subscribed.len()),
    };
    let want = format!("{want} the picture of the day");
    Some(match context.deployment.picture_problem() {
        None => Finding::ok(CHECK, format!("{want}. It has a source.")),
        Some(PictureProblem { found, advice }) => Finding::problem(
            CHECK,
            format!("{want}, but we can't send it. {found}"),
            format!("{advice} Or end it with “{HIPPO} family edit {family} --no-picture”."),
        ),
    })
}

/// Whether a schedule started this run, and no longer ago than `expected`.
fn ran_on_schedule(run: &Run, now: DateTime<Utc>, expected: Duration) -> bool {
    let age = now - run.key.scheduled_time;
    // A missed run is on record without having run.
    run.trigger != Trigger::Person
        && run.outcome != RunOutcome::Missed
        && -MAX_CLOCK_SKEW <= age
        && age <= expected
}

/// Checks that a schedule ran this job recently and that the run succeeded.
fn check_runs(context: &Context, job: JobName, runs: &[Run], expected: Duration) -> Finding {
    let newest = runs
        .iter()
        .filter(|run| run.trigger != Trigger::Person)
        .max_by_key(|run| run.key.scheduled_time);
    judge_runs(job, newest, context.now(), expected, |instant| {
        time::moment(instant, context.now(), context.zone())
    })
}

fn judge_runs(
    job: JobName,
    newest: Option<&Run>,
    now: DateTime<Utc>,
    expected: Duration,
    format_time: impl Fn(DateTime<Utc>) -> String,
) -> Finding {
    let check = format!("runs of {job}");
    let Some(run) = newest else {
        return Finding::problem(
            &check,
            format!("No schedule has run {job} yet."),
            "Wait for its first time. If that has passed, check that cron, the timer or EventBridge starts it.",
        );
    };
    let time = run.key.scheduled_time;
    if time > now + MAX_CLOCK_SKEW {
        return Finding::problem(
            &check,
            format!("The newest run is in the future: {}.", format_time(time)),
            "Set the clock, and let a time service keep it correct.",
        );
    }
    if now - time > expected {
        return Finding::problem(
            &check,
            format!("No schedule has run {job} since {}.", format_time(time)),
            "Check that cron, the timer or EventBridge still starts it.",
        );
    }
    match run.outcome {
        RunOutcome::Failed | RunOutcome::Lost | RunOutcome::Missed => Finding::problem(
            &check,
            format!(
                "The last run, {}, is on record as “{}”.",
                format_time(time),
                run.outcome.as_str()
            ),
            format!("“{HIPPO} runs show {}” says more.", run.key),
        ),
        RunOutcome::SkippedPaused => Finding::ok(
            &check,
            format!("Last run: {}, {}.", format_time(time), run.outcome.as_str()),
        ),
        _ => Finding::ok(&check, format!("Last run: {}.", format_time(time))),
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
                job: JobName::NOTIFY_ALL,
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
    #[case::just_now(RunOutcome::Done, "2026-11-21T10:05:00Z", true)]
    #[case::failed(RunOutcome::Failed, "2026-11-21T10:05:00Z", true)]
    #[case::missed(RunOutcome::Missed, "2026-11-21T10:05:00Z", false)]
    #[case::long_ago(RunOutcome::Done, "2026-11-21T12:00:01Z", false)]
    #[case::from_the_future(RunOutcome::Done, "2026-11-21T09:58:00Z", false)]
    fn recent_runs_show_that_something_starts_the_schedules(
        #[case] outcome: RunOutcome,
        #[case] now: &str,
        #[case] expected: bool,
    ) {
        let now = now.parse().unwrap();
        let mut run = run(outcome);
        assert_eq!(ran_on_schedule(&run, now, Duration::hours(2)), expected);
        run.trigger = Trigger::Person;
        assert!(!ran_on_schedule(&run, now, Duration::hours(2)));
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
    fn runs_are_judged_by_age_and_outcome(
        #[case] outcome: Option<RunOutcome>,
        #[case] now: &str,
        #[case] verdict: Verdict,
    ) {
        let newest = outcome.map(run);
        let now = now.parse().unwrap();
        let found = judge_runs(
            JobName::NOTIFY_ALL,
            newest.as_ref(),
            now,
            Duration::hours(2),
            |time| time.to_rfc3339(),
        );
        assert_eq!(found.verdict, verdict, "{found:?}");
        assert_eq!(found.advice.is_some(), verdict != Verdict::Ok);
    }
}
