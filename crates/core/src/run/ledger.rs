//! The ledger of runs: records a run before its work, and always records its end.
//!
//! It decides which run starts, and which is skipped, missed or lost, as Kubernetes' CronJob does.
//! `docs/decisions/runs-like-cronjob.md` has the table.

mod catch_up;
mod clock_skew;
mod hooks;
mod lost;
mod missed;
mod open_run;
mod plan;
mod rules;
mod skipped;
mod start;

pub(super) use self::catch_up::list_runs_to_catch_up;
pub use self::hooks::catch_panic;
pub use self::missed::MAX_MISSED_RUNS;
pub use self::open_run::{Ending, OpenRun};
pub use self::plan::RunPlan;
pub use self::rules::StartRules;
pub(crate) use self::skipped::record_skipped_run;
pub(super) use self::start::NEVER_STOPPED;
pub use self::start::{LOST_AFTER, start_or_resume_run, start_run};

/// A backfill has at most this many runs.
pub const MAX_BACKFILLED_RUNS: usize = 100;

#[cfg(test)]
mod recurrences;
#[cfg(test)]
mod tests;
