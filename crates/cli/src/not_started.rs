//! Reports why no run was started.

use chrono::TimeDelta;
use hippo_core::run::RunOutcome;
use hippo_core::run::not_started::NotStarted;

use crate::context::Context;
use crate::exit::Outcome;
use crate::output::print_to_stderr;
use crate::output::time::moment;
use crate::start_options::StartOptions;

/// A scheduled run that starts later than this needs an explanation.
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
    // A skipped or missed run is on record, but it didn't run.
    let ran = matches!(reason, NotStarted::AlreadyRan(_))
        && !matches!(
            run.outcome,
            RunOutcome::Missed | RunOutcome::SkippedPaused | RunOutcome::SkippedClockInDoubt
        );
    let scheduled = run.key.scheduled_time;
    if ran && options.scheduled_time.is_none() && now - scheduled > MAX_START_DELAY {
        print_to_stderr(format!(
            "Did nothing: “{}” already ran for its last time, {}. To run it now too, add the time to its times in \
             config.toml.",
            run.key.label,
            moment(scheduled, now, zone),
        ));
    }
    let started = moment(run.started_at, now, zone);
    if run.outcome == RunOutcome::SkippedClockInDoubt {
        print_to_stderr(format!(
            "Did nothing: the clock shows {started}, which doesn't fit the records. If the clock is right, the next \
             notify-all continues, a minute or more from now. If not, set the clock."
        ));
        return Outcome::SomeFailed;
    }
    if options.is_quiet() {
        return Outcome::Done;
    }
    context.output.print_text(match reason {
        NotStarted::StillRunning(_) => format!(
            "Did nothing: the run {} is still going. It started at {started}.",
            run.key
        ),
        NotStarted::Skipped(_) => format!(
            "Did nothing: the run {} is on record as {}.",
            run.key,
            run.outcome.as_str()
        ),
        _ => format!(
            "Did nothing: the run {} already exists. It started at {started}.",
            run.key
        ),
    });
    Outcome::Done
}
