//! The pauses of schedules, in words.

use chrono::{DateTime, NaiveTime, Utc};
use chrono_tz::Tz;
use hippo_core::run::{Run, RunOutcome};
use hippo_core::schedule::{Pause, describe_zone};

use crate::context::Context;
use crate::exit::CommandError;
use crate::output::time::{at_moment, moment};
use crate::suggested::HIPPO;

/// Loads the pauses if one of these runs was skipped because of one.
pub(crate) async fn load_pauses_of(
    context: &Context,
    runs: &[Run],
) -> Result<Vec<Pause>, CommandError> {
    let is_skipped = |run: &Run| run.outcome == RunOutcome::SkippedPaused;
    match runs.iter().any(is_skipped) {
        true => Ok(context.store.pauses().await?),
        false => Ok(Vec::new()),
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
/// until 00:00 tomorrow (moving house)`. Names the zone of an end that isn't the beginning of a day. `verb` is `paused`, or another tense of it.
pub(crate) fn describe_pause(pause: &Pause, verb: &str, now: DateTime<Utc>, zone: Tz) -> String {
    let until = match pause.until {
        // Most end when a day begins in the schedule's own zone.
        Some(until) if until.with_timezone(&zone).time() == NaiveTime::MIN => {
            format!(", until {}", moment(until, now, zone))
        }
        Some(until) => {
            let zone_words = describe_zone(zone);
            format!(", until {} {zone_words}", moment(until, now, zone))
        }
        None => String::new(),
    };
    let why = match &pause.why {
        Some(why) => format!(" ({why})"),
        None => String::new(),
    };
    let (what, since) = (what_is_paused(pause), at_moment(pause.since, now, zone));
    format!("{} {verb} {what} {since}{until}{why}", pause.by)
}

/// Says who paused what, when, until when and why, in a sentence.
pub(crate) fn pause_sentence(pause: &Pause, context: &Context) -> String {
    let words = describe_pause(pause, "paused", context.now(), context.zone());
    format!("{}.", begin_sentence(&words))
}

/// Begins a sentence with these words. A person's name stays as it is.
pub(crate) fn begin_sentence(words: &str) -> String {
    match words.strip_prefix("somebody ") {
        Some(rest) => format!("Somebody {rest}"),
        None => words.to_owned(),
    }
}

/// The command that ends a pause.
pub(crate) fn resume_command(pause: &Pause) -> String {
    match &pause.label {
        // The word alone may mean all schedules.
        Some(label) if label.as_str() == "all" => format!("{HIPPO} schedule resume --label all"),
        Some(label) => format!("{HIPPO} schedule resume {label}"),
        None => format!("{HIPPO} schedule resume --all"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let words = |pause: &Pause| {
            describe_pause(pause, "paused", at("15:00"), chrono_tz::America::Toronto)
        };
        assert_eq!(
            words(&pause(None, None)),
            "ana paused the schedule “all” at 07:00 today"
        );
        assert_eq!(
            words(&pause(Some("22:00"), Some("moving"))),
            "ana paused the schedule “all” at 07:00 today, until 17:00 today Toronto time (moving)"
        );
    }
}
