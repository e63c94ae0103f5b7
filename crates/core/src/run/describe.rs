//! A run, in words.

use chrono::{DateTime, Duration, Utc};

use super::{Counts, JobName, Run, RunOutcome};
use crate::notice::phrases::count;
use crate::schedule::Pause;
use crate::schedule::pause::find_pause;

/// Runs normally report more often than this; only a very slow library takes longer.
const MAX_SILENCE: Duration = Duration::minutes(2);

impl Run {
    /// Whether it hasn't reported for longer than usual.
    pub fn is_silent(&self, now: DateTime<Utc>) -> bool {
        self.outcome == RunOutcome::Running && now - self.reported_at > MAX_SILENCE
    }

    /// Its outcome in words, with its last report if it is silent, and who paused it.
    ///
    /// `moment` formats an instant.
    pub fn outcome_words(
        &self,
        pauses: &[Pause],
        now: DateTime<Utc>,
        moment: impl FnOnce(DateTime<Utc>) -> String,
    ) -> String {
        if let Some(pause) = find_pause(self, pauses) {
            format!("{} {}", self.outcome.as_str(), pause.describe_author())
        } else if self.is_silent(now) {
            let since = moment(self.reported_at);
            let since = since.strip_suffix(" today").unwrap_or(&since);
            format!("running (last heard from {since})")
        } else if self.outcome == RunOutcome::Done && self.counts.planned == 0 {
            "nothing to do".to_owned()
        } else if self.outcome == RunOutcome::Done
            && self.key.job == JobName::CHECK_CARDS
            && self.counts.skipped > 0
        {
            format!("done, {} skipped", self.counts.skipped)
        } else {
            self.outcome.as_str().to_owned()
        }
    }
}

impl Counts {
    /// The counts of a run of `job` in words, such as `checked 4 of 7 cards, 1 failed, 2 skipped`.
    pub fn describe(&self, job: JobName) -> String {
        let wording = &job.entry().wording;
        let planned = count(self.planned.into(), wording.one, wording.many);
        let mut words = format!("{} {} of {planned}", wording.done, self.done);
        if self.failures() > 0 {
            words.push_str(&format!(", {} failed", self.failures()));
        }
        if self.skipped > 0 {
            words.push_str(&format!(", {} {}", self.skipped, wording.skipped));
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Trigger;
    use crate::time_format::moment;

    #[test]
    fn skipped_cards_are_not_counted_as_checked() {
        let mut counts = Counts {
            planned: 7,
            done: 4,
            skipped: 2,
            ..Counts::default()
        };
        counts.add_failure("site_down");
        assert_eq!(
            counts.describe(JobName::CHECK_CARDS),
            "checked 4 of 7 cards, 1 failed, 2 skipped"
        );
        assert_eq!(
            counts.describe(JobName::NOTIFY_ALL),
            "sent 4 of 7 notices, 1 failed, 2 skipped"
        );
    }

    #[test]
    fn silent_run_names_its_last_report() {
        let began: DateTime<Utc> = "2026-11-21T10:00:00Z".parse().unwrap();
        let mut run = Run {
            key: "check-cards/all/2026-11-21T10:00:00Z".parse().unwrap(),
            trigger: Trigger::Schedule,
            input: serde_json::Value::Null,
            started_at: began,
            reported_at: began,
            finished_at: None,
            outcome: RunOutcome::Running,
            counts: Counts::default(),
        };
        let zone = chrono_tz::America::Toronto;
        let after = |run: &Run, minutes| {
            let now = began + Duration::minutes(minutes);
            run.outcome_words(&[], now, |at| moment(at, now, zone))
        };
        assert_eq!(after(&run, 2), "running");
        assert_eq!(after(&run, 3), "running (last heard from 05:00)");
        run.outcome = RunOutcome::Done;
        assert_eq!(after(&run, 3), "nothing to do");
        run.counts = Counts {
            planned: 3,
            done: 3,
            ..Counts::default()
        };
        assert_eq!(after(&run, 3), "done");
        run.counts.done = 1;
        run.counts.skipped = 2;
        assert_eq!(after(&run, 3), "done, 2 skipped");
    }
}
