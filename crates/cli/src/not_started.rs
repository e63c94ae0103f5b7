//! Reports why no run was started.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use hippo_core::run::not_started::NotStarted;
use hippo_core::run::{JobName, Run, RunOutcome};
use hippo_core::schedule::Pause;
use hippo_core::schedule::pause::find_pause;
use hippo_core::store::Scope;
use serde_json::Value;

use crate::context::Context;
use crate::exit::{CommandResult, Outcome};
use crate::output::print_to_stderr;
use crate::output::time::moment;
use crate::pauses::{describe_pause, load_pauses_of, resume_command};
use crate::problem::check_failed_command;
use crate::start_options::StartOptions;
use crate::suggested::HIPPO;

/// How long after a scheduled time its timer may start the command a second time. A timer that fires later than that
/// fires at a time that its schedule doesn't have.
const TIMER_TOLERANCE: TimeDelta = TimeDelta::minutes(10);

/// Why a run was not started, in words, and the command that helps.
#[derive(Debug, PartialEq, Eq)]
struct Explanation {
    what: String,
    command: Option<String>,
}

/// Reports why no run was started; this isn't a failure unless the clock is in doubt.
pub(crate) async fn show_not_started(
    context: &Context,
    options: &StartOptions,
    reason: &NotStarted,
) -> CommandResult {
    let run = reason.run();
    context
        .output
        .print_document(&serde_json::json!({ "not_started": reason.as_str(), "run": run }));
    let now = context.now();
    let pauses = load_pauses_of(context, std::slice::from_ref(run)).await?;
    let Explanation { what, command } = explain(reason, &pauses, now, context.zone());
    let command = command.map(|command| format!("  → {command}"));
    let is_clock_in_doubt = run.outcome == RunOutcome::SkippedClockInDoubt;
    let has_run = matches!(reason, NotStarted::AlreadyRan(_)) && run.outcome.has_started();
    let is_unexpected_repeat = has_run
        && options.scheduled_time.is_none()
        && now - run.key.scheduled_time > TIMER_TOLERANCE;
    if is_clock_in_doubt || (is_unexpected_repeat && options.is_quiet()) {
        // A schedule's owner needs these, even in a quiet run.
        print_to_stderr(what);
        if let Some(command) = command {
            print_to_stderr(command);
        }
    } else if !options.is_quiet() {
        context.output.print_text(what);
        if let Some(command) = command {
            context.output.print_line(command);
        }
    }
    Ok(Outcome::failed_if(is_clock_in_doubt))
}

fn explain(reason: &NotStarted, pauses: &[Pause], now: DateTime<Utc>, zone: Tz) -> Explanation {
    let run = reason.run();
    let started = moment(run.started_at, now, zone);
    let scheduled = moment(run.key.scheduled_time, now, zone);
    let label = &run.key.label;
    let without_command = |what: String| Explanation {
        what,
        command: None,
    };
    let run_now = |what: String| Explanation {
        what: format!("{what} To run it now:"),
        command: Some(run_now_command(run)),
    };
    match (reason, run.outcome) {
        (_, RunOutcome::SkippedClockInDoubt) => without_command(format!(
            "Not run: the clock shows {started}, but earlier records have a later time. If the clock is wrong, set it. If \
             it's right, the next notify-all continues, a minute or more from now."
        )),
        (NotStarted::StillRunning(_), _) => without_command(format!(
            "Not run: the run {} is still going. It started at {started}. Wait for it to end.",
            run.key
        )),
        (NotStarted::AlreadyRan(_), outcome) if outcome.has_started() => run_now(format!(
            "Not run: “{label}” already ran for its latest scheduled time, {scheduled}. To run at another time, too, add that \
             time to the schedule."
        )),
        (_, RunOutcome::SkippedPaused) => match find_pause(run, pauses) {
            Some(pause) if pause.includes(now) => Explanation {
                what: format!("Not run: {}.", describe_pause(pause, "paused", now, zone)),
                command: Some(resume_command(pause)),
            },
            Some(_) => run_now(format!(
                "Not run: “{label}” was paused at its latest scheduled time, {scheduled}."
            )),
            None => run_now(format!("Not run: the schedule “{label}” is disabled.")),
        },
        (_, RunOutcome::Missed) => run_now(format!(
            "Not run: it's too late for the run of {scheduled}, which is on record as missed."
        )),
        (_, RunOutcome::SkippedClosed) => run_now(format!(
            "Not run: {scheduled} is on a closed day of the schedule “{label}”."
        )),
        (_, RunOutcome::SkippedNotToday) => run_now(format!(
            "Not run: the schedule “{label}” doesn't run on this day."
        )),
        (_, RunOutcome::SkippedOutsideDates) => run_now(format!(
            "Not run: {scheduled} is outside the dates of the schedule “{label}”."
        )),
        (_, outcome) => run_now(format!(
            "Not run: the run of {scheduled} is on record as “{}”.",
            outcome.as_str()
        )),
    }
}

/// The command that does what this run was asked to do, whatever its schedule says.
fn run_now_command(run: &Run) -> String {
    let job = run.key.job;
    let fields = run.input.as_object().into_iter().flatten();
    let given: Vec<(&str, &Value)> = fields
        .map(|(name, value)| (name.as_str(), value))
        .filter(|(_, value)| !value.is_null() && **value != Value::Bool(false))
        .collect();
    let is_scope = |scope: Scope| given == [("scope", &Value::from(scope.as_str()))];
    if job == JobName::CHECK_CARDS && is_scope(Scope::Failed) {
        return check_failed_command();
    }
    if job == JobName::CHECK_CARDS && is_scope(Scope::All) {
        return format!("{HIPPO} check-cards");
    }
    match (given.is_empty(), job) {
        (true, JobName::NOTIFY_ALL) => format!("{HIPPO} notify-all"),
        (true, _) => format!("{HIPPO} run {job}"),
        (false, _) => format!("{HIPPO} runs retry {}", run.key),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hippo_core::run::{Counts, Trigger};
    use serde_json::json;

    fn at(text: &str) -> DateTime<Utc> {
        format!("2026-11-21T{text}Z").parse().unwrap()
    }

    fn run(key: &str, outcome: RunOutcome, input: Value) -> Run {
        let now = at("12:00:00");
        Run {
            key: key.parse().unwrap(),
            trigger: Trigger::Schedule,
            input,
            started_at: now,
            reported_at: now,
            finished_at: Some(now),
            outcome,
            counts: Counts::default(),
        }
    }

    #[test]
    fn reason_comes_with_what_to_do() {
        let pause = Pause {
            label: None,
            since: at("09:00:00"),
            until: None,
            by: "ana".to_owned(),
            why: Some("moving house".to_owned()),
        };
        let failed = |outcome| {
            let input = json!({"scope": "failed", "family": null});
            run("check-cards/failed/2026-11-21T10:30:00Z", outcome, input)
        };
        let of_family = json!({"scope": "all", "family": "conrad"});
        let tick = run(
            "notify-all/tick/2026-11-21T12:00:00Z",
            RunOutcome::SkippedPaused,
            json!({"at_once": false}),
        );
        let ended = Pause {
            until: Some(at("12:00:03")),
            ..pause.clone()
        };
        let cases = [
            (
                NotStarted::Skipped(failed(RunOutcome::SkippedPaused)),
                vec![pause],
            ),
            (
                NotStarted::AlreadyRan(failed(RunOutcome::SkippedPaused)),
                vec![ended],
            ),
            (NotStarted::Skipped(failed(RunOutcome::Missed)), vec![]),
            (NotStarted::AlreadyRan(failed(RunOutcome::Missed)), vec![]),
            (NotStarted::AlreadyRan(failed(RunOutcome::Done)), vec![]),
            (
                NotStarted::StillRunning(failed(RunOutcome::Running)),
                vec![],
            ),
            (NotStarted::Skipped(tick), vec![]),
            (
                NotStarted::Skipped(run(
                    "check-cards/conrads/2026-11-21T10:00:00Z",
                    RunOutcome::SkippedClosed,
                    of_family,
                )),
                vec![],
            ),
            (
                NotStarted::Skipped(failed(RunOutcome::SkippedNotToday)),
                vec![],
            ),
            (
                NotStarted::Skipped(failed(RunOutcome::SkippedOutsideDates)),
                vec![],
            ),
            (
                NotStarted::Skipped(failed(RunOutcome::SkippedClockInDoubt)),
                vec![],
            ),
        ];
        let shown = cases.map(|(reason, pauses)| {
            let zone = chrono_tz::America::Toronto;
            let Explanation { what, command } = explain(&reason, &pauses, at("12:00:05"), zone);
            let command = command.map_or_else(String::new, |command| format!("\n  → {command}"));
            format!("{what}{command}")
        });
        insta::assert_snapshot!(shown.join("\n"), @"
        Not run: ana paused all schedules at 04:00 today (moving house).
          → hippo schedule resume --all
        Not run: “failed” was paused at its latest scheduled time, 05:30 today. To run it now:
          → hippo check-cards --scope failed
        Not run: it's too late for the run of 05:30 today, which is on record as missed. To run it now:
          → hippo check-cards --scope failed
        Not run: it's too late for the run of 05:30 today, which is on record as missed. To run it now:
          → hippo check-cards --scope failed
        Not run: “failed” already ran for its latest scheduled time, 05:30 today. To run at another time, too, add that time to the schedule. To run it now:
          → hippo check-cards --scope failed
        Not run: the run check-cards/failed/2026-11-21T10:30:00Z is still going. It started at 07:00 today. Wait for it to end.
        Not run: the schedule “tick” is disabled. To run it now:
          → hippo notify-all
        Not run: 05:00 today is on a closed day of the schedule “conrads”. To run it now:
          → hippo runs retry check-cards/conrads/2026-11-21T10:00:00Z
        Not run: the schedule “failed” doesn't run on this day. To run it now:
          → hippo check-cards --scope failed
        Not run: 05:30 today is outside the dates of the schedule “failed”. To run it now:
          → hippo check-cards --scope failed
        Not run: the clock shows 07:00 today, but earlier records have a later time. If the clock is wrong, set it. If it's right, the next notify-all continues, a minute or more from now.
        ");
    }
}
