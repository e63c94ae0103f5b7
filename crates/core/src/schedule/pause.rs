//! Pauses: the spells in which the runs of a schedule, or of all schedules, don't start.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::ids::Label;
use crate::run::{Run, RunOutcome};

/// A spell in which runs that a schedule starts don't start. A person's runs do.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// The label of the paused schedule; `None`: all schedules, later ones too.
    pub label: Option<Label>,
    /// When it began.
    pub since: DateTime<Utc>,
    /// When it ends, or ended; exclusive. `None`: when somebody resumes the schedule.
    pub until: Option<DateTime<Utc>>,
    /// Who paused it.
    pub by: String,
    /// Why.
    pub why: Option<String>,
}

impl Pause {
    /// Whether it includes this instant.
    pub fn includes(&self, time: DateTime<Utc>) -> bool {
        self.since <= time && self.until.is_none_or(|until| time < until)
    }

    /// Whether it is for the schedule of this label.
    pub fn is_for(&self, label: &Label) -> bool {
        self.label.as_ref().is_none_or(|paused| paused == label)
    }

    /// Whether it keeps a run of this label and scheduled time from starting now.
    ///
    /// A run that comes late stays skipped after the pause: what was skipped isn't caught up.
    pub fn blocks(&self, label: &Label, scheduled: DateTime<Utc>, now: DateTime<Utc>) -> bool {
        self.is_for(label) && (self.includes(now) || self.includes(scheduled))
    }

    /// The same pause, ended at this instant.
    #[must_use]
    pub fn ended(&self, at: DateTime<Utc>) -> Self {
        Self {
            until: Some(at),
            ..self.clone()
        }
    }

    /// Describes who paused and why, such as `by ana (moving house)`.
    pub fn describe_author(&self) -> String {
        match &self.why {
            Some(why) => format!("by {} ({why})", self.by),
            None => format!("by {}", self.by),
        }
    }
}

// Who and why are a person's name and words, which belong in no log.
impl fmt::Debug for Pause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pause")
            .field("label", &self.label)
            .field("since", &self.since)
            .field("until", &self.until)
            .finish_non_exhaustive()
    }
}

/// Finds the pause of a label at this instant: its own first, then the pause of all schedules.
pub fn active_pause<'a>(
    pauses: &'a [Pause],
    label: &Label,
    time: DateTime<Utc>,
) -> Option<&'a Pause> {
    let active = |pause: &&Pause| pause.is_for(label) && pause.includes(time);
    let mut active = pauses.iter().filter(active);
    let first = active.clone().next();
    active.find(|pause| pause.label.is_some()).or(first)
}

/// Finds the pause that kept a run from starting, if it is still on record.
pub fn find_pause<'a>(run: &Run, pauses: &'a [Pause]) -> Option<&'a Pause> {
    let key = &run.key;
    let find = |time| active_pause(pauses, &key.label, time);
    let found = || find(run.started_at).or_else(|| find(key.scheduled_time));
    let is_skipped = run.outcome == RunOutcome::SkippedPaused;
    is_skipped.then(found).flatten()
}

/// Finds the first instant from `time` on that no pause of the label includes; `None`: there is none.
pub fn end_of_pauses(
    pauses: &[Pause],
    label: &Label,
    mut time: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    // Each turn goes on to the later end of a pause.
    while let Some(pause) = active_pause(pauses, label, time) {
        time = pause.until?;
    }
    Some(time)
}

/// Returns how much time between `from` and `to` is outside every pause. `pauses` is ordered by
/// their beginnings.
pub fn unpaused_time(pauses: &[Pause], from: DateTime<Utc>, to: DateTime<Utc>) -> TimeDelta {
    let mut unpaused = TimeDelta::zero();
    // Everything before this is counted.
    let mut at = from;
    for pause in pauses {
        if pause.since >= to || at >= to {
            break;
        }
        unpaused += (pause.since - at).max(TimeDelta::zero());
        at = at.max(pause.until.unwrap_or(to));
    }
    unpaused + (to - at).max(TimeDelta::zero())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn at(text: &str) -> DateTime<Utc> {
        format!("2026-11-{text}:00Z").parse().unwrap()
    }

    fn pause(label: Option<&str>, since: &str, until: Option<&str>) -> Pause {
        Pause {
            label: label.map(|label| label.parse().unwrap()),
            since: at(since),
            until: until.map(at),
            by: "ana-canary".to_owned(),
            why: Some("moving-canary".to_owned()),
        }
    }

    fn label(label: &str) -> Label {
        label.parse().unwrap()
    }

    #[rstest]
    #[case::before("20T10:59", "20T10:59", false)]
    #[case::at_its_beginning("20T11:00", "20T11:00", true)]
    #[case::at_its_end("20T12:00", "20T12:00", false)]
    #[case::begun_in_it_late("20T10:45", "20T11:01", true)]
    #[case::due_in_it_and_come_late("20T11:45", "20T12:10", true)]
    fn run_in_a_pause_is_blocked(
        #[case] scheduled: &str,
        #[case] now: &str,
        #[case] is_blocked: bool,
    ) {
        for paused in [None, Some("all")] {
            let pause = pause(paused, "20T11:00", Some("20T12:00"));
            let blocks = |name| pause.blocks(&label(name), at(scheduled), at(now));
            assert_eq!(blocks("all"), is_blocked);
            assert_eq!(blocks("failed"), is_blocked && paused.is_none());
        }
    }

    #[test]
    fn own_pause_is_found_before_that_of_all() {
        let (own, all) = (
            pause(Some("tick"), "20T11:00", None),
            pause(None, "20T10:00", None),
        );
        let both = [all.clone(), own.clone()];
        let find = |name, time| active_pause(&both, &label(name), at(time));
        assert_eq!(find("tick", "20T11:00"), Some(&own));
        assert_eq!(find("tick", "20T10:30"), Some(&all));
        assert_eq!(find("all", "20T11:00"), Some(&all));
        assert_eq!(find("all", "20T09:00"), None);
    }

    #[test]
    fn overlapping_pauses_end_with_the_last() {
        let until = |text| pause(Some("tick"), "20T10:00", Some(text));
        let all = pause(None, "20T11:00", Some("21T12:00"));
        let end = |pauses: &[Pause]| end_of_pauses(pauses, &label("tick"), at("20T11:30"));
        assert_eq!(end(&[]), Some(at("20T11:30")));
        assert_eq!(end(&[until("20T11:30")]), Some(at("20T11:30")));
        assert_eq!(end(&[until("22T10:00"), all.clone()]), Some(at("22T10:00")));
        assert_eq!(end(&[until("20T12:00"), all.clone()]), Some(at("21T12:00")));
        let open = pause(Some("tick"), "21T00:00", None);
        assert_eq!(end(&[all, open]), None);
    }

    #[rstest]
    #[case::no_pause(&[], 120)]
    #[case::over_before(&[("20T08:00", Some("20T09:59"))], 120)]
    #[case::begun_after(&[("20T12:00", None)], 120)]
    #[case::all_of_it(&[("20T09:00", Some("20T12:00"))], 0)]
    #[case::open(&[("20T10:30", None)], 30)]
    #[case::in_the_middle(&[("20T10:30", Some("20T11:00"))], 90)]
    #[case::one_within_another(&[("20T09:00", Some("20T11:30")), ("20T10:00", Some("20T10:15"))], 30)]
    #[case::two(&[("20T09:00", Some("20T10:15")), ("20T11:45", Some("20T13:00"))], 90)]
    fn time_outside_pauses_is_counted_once(
        #[case] pauses: &[(&str, Option<&str>)],
        #[case] minutes: i64,
    ) {
        let pauses: Vec<Pause> = pauses
            .iter()
            .map(|(since, until)| pause(None, since, *until))
            .collect();
        let unpaused = unpaused_time(&pauses, at("20T10:00"), at("20T12:00"));
        assert_eq!(unpaused, TimeDelta::minutes(minutes));
    }

    #[test]
    fn run_is_matched_with_the_pause_that_skipped_it() {
        let time = |time: &str| at(&format!("21T{time}"));
        let run = |scheduled: &str, started: &str, outcome| Run {
            key: format!("check-cards/all/2026-11-21T{scheduled}:00Z")
                .parse()
                .unwrap(),
            trigger: crate::run::Trigger::Schedule,
            input: serde_json::Value::Null,
            started_at: time(started),
            reported_at: time(started),
            finished_at: None,
            outcome,
            counts: crate::run::Counts::default(),
        };
        let pauses = [pause(Some("all"), "21T12:00", Some("21T13:00"))];
        let is_found = |scheduled, started, outcome| {
            find_pause(&run(scheduled, started, outcome), &pauses).is_some()
        };
        let skipped = RunOutcome::SkippedPaused;
        assert!(is_found("12:00", "12:00", skipped));
        assert!(is_found("11:59", "12:00", skipped));
        assert!(is_found("12:59", "13:01", skipped));
        // Another reason, such as a disabled schedule.
        assert!(!is_found("13:00", "13:00", skipped));
        assert!(!is_found("12:00", "12:00", RunOutcome::Done));
    }

    #[test]
    fn debug_output_omits_author_and_reason() {
        let debug = format!("{:?}", pause(None, "20T10:00", None));
        assert!(!debug.contains("canary"), "{debug}");
    }
}
