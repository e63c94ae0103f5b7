//! The table of runs.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use hippo_core::run::Run;
use hippo_core::schedule::Pause;

use crate::output::table::{Table, fixed, numbers, words};
use crate::output::time::{duration, moment};
use crate::run_view::outcome_cell;

/// Builds the table of runs; `pauses` tell who paused a skipped one.
pub(super) fn build_table(runs: &[Run], pauses: &[Pause], now: DateTime<Utc>, zone: Tz) -> Table {
    let mut table = Table::new([
        fixed("ID"),
        fixed("STARTED").dispensable(),
        fixed("TOOK").dispensable_at_last(),
        numbers("PLANNED").dispensable_at_last(),
        numbers("DONE"),
        numbers("FAILED"),
        numbers("SKIPPED").dispensable_at_last(),
        words("OUTCOME"),
    ]);
    for run in runs {
        table.row([
            run.key.to_string().into(),
            moment(run.started_at, now, zone).into(),
            duration(run.duration(now)).into(),
            run.counts.planned.to_string().into(),
            run.counts.done.to_string().into(),
            run.counts.failures().to_string().into(),
            run.counts.skipped.to_string().into(),
            outcome_cell(run, pauses, now, zone),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::Duration;
    use hippo_core::run::{Counts, RunOutcome, Trigger};

    #[test]
    fn narrow_terminal_keeps_durations_over_start_times() {
        let began: DateTime<Utc> = "2026-11-21T10:00:00Z".parse().unwrap();
        let run = Run {
            key: "check-cards/failed/2026-11-21T10:00:00Z".parse().unwrap(),
            trigger: Trigger::Schedule,
            input: serde_json::Value::Null,
            started_at: began,
            reported_at: began,
            finished_at: Some(began + Duration::seconds(100)),
            outcome: RunOutcome::DoneWithFailures,
            counts: Counts::default(),
        };
        let table = |width| {
            build_table(std::slice::from_ref(&run), &[], began, chrono_tz::UTC)
                .render(Some(width), false)
        };
        for width in 100..115 {
            let text = table(width);
            assert!(
                text.contains("TOOK") && !text.contains("STARTED"),
                "{width}:\n{text}"
            );
            assert_eq!(text.lines().count(), 2, "{width}:\n{text}");
        }
        assert!(table(140).contains("STARTED"));
        // The narrowest usual terminal still gets a table.
        for (width, has_planned, has_skipped) in
            [(85, true, true), (80, false, true), (70, false, false)]
        {
            let text = table(width);
            assert!(
                !text.contains("TOOK") && text.lines().count() == 2,
                "{width}:\n{text}"
            );
            assert_eq!(text.contains("PLANNED"), has_planned, "{width}:\n{text}");
            assert_eq!(text.contains("SKIPPED"), has_skipped, "{width}:\n{text}");
        }
    }
}
