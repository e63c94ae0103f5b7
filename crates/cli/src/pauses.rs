//! The pauses of schedules, in words.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use hippo_core::run::{Run, RunOutcome};
use hippo_core::schedule::Pause;
use hippo_core::schedule::pause::active_pause;

use crate::context::Context;
use crate::exit::CommandError;
use crate::output::time::moment;

/// Loads the pauses if one of these runs was skipped because of one.
pub(crate) async fn load_pauses_of(
    context: &Context,
    runs: &[Run],
) -> Result<Vec<Pause>, CommandError> {
    match runs.iter().any(is_skipped) {
        true => Ok(context.store.pauses().await?),
        false => Ok(Vec::new()),
    }
}

fn is_skipped(run: &Run) -> bool {
    run.outcome == RunOutcome::SkippedPaused
}

/// Finds the pause that kept a run from starting, if it is still on record.
pub(crate) fn pause_of<'a>(run: &Run, pauses: &'a [Pause]) -> Option<&'a Pause> {
    let key = &run.key;
    let find = |time| active_pause(pauses, &key.label, time);
    let found = || find(run.started_at).or_else(|| find(key.scheduled_time));
    is_skipped(run).then(found).flatten()
}

/// Describes who paused and why, such as `by ana (moving house)`.
pub(crate) fn by_whom_and_why(pause: &Pause) -> String {
    match &pause.why {
        Some(why) => format!("by {} ({why})", pause.by),
        None => format!("by {}", pause.by),
    }
}

/// Names what is paused.
pub(crate) fn what_is_paused(pause: &Pause) -> String {
    match &pause.label {
        Some(label) => format!("the schedule “{label}”"),
        None => "all schedules".to_owned(),
    }
}

/// Says who paused what, when, until when and why, such as `ana paused all schedules at 09:30 today,
/// until 00:00 tomorrow (moving house)`. `verb` is `paused`, or another tense of it.
pub(crate) fn pause_words(pause: &Pause, verb: &str, now: DateTime<Utc>, zone: Tz) -> String {
    let until = match pause.until {
        Some(until) => format!(", until {}", moment(until, now, zone)),
        None => String::new(),
    };
    let why = match &pause.why {
        Some(why) => format!(" ({why})"),
        None => String::new(),
    };
    let (what, since) = (what_is_paused(pause), moment(pause.since, now, zone));
    format!("{} {verb} {what} at {since}{until}{why}", pause.by)
}

/// Says who paused what, when, until when and why, in a sentence.
pub(crate) fn pause_sentence(pause: &Pause, context: &Context) -> String {
    let words = pause_words(pause, "paused", context.now(), context.zone());
    format!("{words}.")
}

/// The command that ends a pause.
pub(crate) fn resume_command(pause: &Pause, context: &Context) -> String {
    let target = match context.deployment.stack() {
        Some(_) => "--target aws ",
        None => "",
    };
    match &pause.label {
        Some(label) => format!("hippo {target}schedule resume {label}"),
        None => format!("hippo {target}schedule resume --all"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hippo_core::run::{Counts, Trigger};

    fn at(text: &str) -> DateTime<Utc> {
        format!("2026-11-21T{text}:00Z").parse().unwrap()
    }

    fn pause(until: Option<&str>, why: Option<&str>) -> Pause {
        Pause {
            label: Some("all".parse().unwrap()),
            since: at("12:00"),
            until: until.map(at),
            by: "ana".to_owned(),
            why: why.map(ToOwned::to_owned),
        }
    }

    #[test]
    fn pause_names_its_author_its_end_and_its_reason() {
        let words =
            |pause: &Pause| pause_words(pause, "paused", at("15:00"), chrono_tz::America::Toronto);
        assert_eq!(
            words(&pause(None, None)),
            "ana paused the schedule “all” at 07:00 today"
        );
        assert_eq!(
            words(&pause(Some("22:00"), Some("moving"))),
            "ana paused the schedule “all” at 07:00 today, until 17:00 today (moving)"
        );
    }

    #[test]
    fn run_is_matched_with_the_pause_that_skipped_it() {
        let run = |scheduled: &str, started: &str, outcome| Run {
            key: format!("check-cards/all/2026-11-21T{scheduled}:00Z")
                .parse()
                .unwrap(),
            trigger: Trigger::Schedule,
            input: serde_json::Value::Null,
            started_at: at(started),
            reported_at: at(started),
            finished_at: None,
            outcome,
            counts: Counts::default(),
        };
        let pauses = [pause(Some("13:00"), None)];
        let is_found = |scheduled, started, outcome| {
            pause_of(&run(scheduled, started, outcome), &pauses).is_some()
        };
        let skipped = RunOutcome::SkippedPaused;
        assert!(is_found("12:00", "12:00", skipped));
        assert!(is_found("11:59", "12:00", skipped));
        assert!(is_found("12:59", "13:01", skipped));
        // Another reason, such as a disabled schedule.
        assert!(!is_found("13:00", "13:00", skipped));
        assert!(!is_found("12:00", "12:00", RunOutcome::Done));
    }
}
