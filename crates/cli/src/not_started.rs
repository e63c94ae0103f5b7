//! Reports why no run was started.

use chrono::TimeDelta;
use hippo_core::run::RunOutcome;
use hippo_core::run::not_started::NotStarted;

use crate::context::Context;
use crate::exit::Outcome;
use crate::output::print_to_stderr;
use crate::output::time::moment;
use crate::start_options::StartOptions;

/// A run that starts later than this after its scheduled time needs an explanation.
const MAX_START_DELAY: TimeDelta = TimeDelta::minutes(10);

/// Reports why no run was started; this is no failure unless the clock is in doubt.
pub(crate) fn show_not_started(
    context: &Context,
    options: &StartOptions,
    reason: &NotStarted,
) -> Outcome {
    let run = reason.run();
    context
        .output
        .print_document(&serde_json::json!({ "not_started": reason.as_str(), "run": run }));
    let (now, zone) = (context.now(), context.zone());
    let scheduled = run.key.scheduled_time;
    let started = moment(run.started_at, now, zone);
    let is_clock_in_doubt = run.outcome == RunOutcome::SkippedClockInDoubt;
    // A skipped or missed run is recorded, but it didn't run.
    let has_run = matches!(reason, NotStarted::AlreadyRan(_)) && run.outcome.has_started();
    let is_late = has_run && options.scheduled_time.is_none() && now - scheduled > MAX_START_DELAY;
    let (message, outcome) = match reason {
        _ if is_clock_in_doubt => (
            format!(
                "Did nothing: the clock shows {started}, which doesn't fit the records. If the clock is right, the \
                 next notify-all continues, a minute or more from now. If not, set the clock."
            ),
            Outcome::SomeFailed,
        ),
        _ if is_late => (
            format!(
                "“{}” already ran for its latest scheduled time, {}. To run it now as well, add a time to its \
                 schedule in config.toml.",
                run.key.label,
                moment(scheduled, now, zone),
            ),
            Outcome::Done,
        ),
        NotStarted::StillRunning(_) => (
            format!(
                "Did nothing: the run {} is still going. It started at {started}.",
                run.key
            ),
            Outcome::Done,
        ),
        NotStarted::Skipped(_) => (
            format!(
                "Did nothing: the run {} is on record as {}.",
                run.key,
                run.outcome.as_str()
            ),
            Outcome::Done,
        ),
        NotStarted::AlreadyRan(_) => (
            format!(
                "Did nothing: the run {} already exists. It started at {started}.",
                run.key
            ),
            Outcome::Done,
        ),
    };
    if is_clock_in_doubt || is_late {
        // A schedule's owner needs these, even in a quiet run.
        print_to_stderr(message);
    } else if !options.is_quiet() {
        context.output.print_text(message);
    }
    outcome
}
