//! A job.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::ledger::{OpenRun, RunPlan, StartRules};
use super::{JobName, RunKey, Trigger};
use crate::ids::Label;
use crate::jobs::{JobError, RunError};
use crate::schedule::CatchUp;

/// A kind of scheduled work. Everything around the work comes from the
/// [`Harness`](super::harness::Harness).
#[async_trait]
pub trait Job: Send + Sync {
    /// Its name, which has a row in the registry ([`crate::jobs::registry`]).
    const NAME: JobName;

    /// What happens to its missed runs, if the schedule doesn't say.
    const CATCH_UP_POLICY: CatchUp = CatchUp::None;

    /// A run is asked to stop after this time, and fails.
    const TIME_LIMIT: Duration = Duration::from_secs(30 * 60);

    /// Whether a run may start while the last one of its label is still going.
    const MAY_OVERLAP: bool = false;

    /// Whether a run that was interrupted or failed goes on when its schedule starts it again.
    const RESUMES: bool = false;

    /// What a run is asked to do; ids and options only.
    type Input: Default + DeserializeOwned + Serialize + Send + Sync;

    /// What a run reports besides its counts; ids and numbers only.
    type Summary: Serialize + Send;

    /// Whether a run with this input retries what failed in another.
    fn is_retry(_input: &Self::Input) -> bool {
        false
    }

    /// Decides whether the run may start, before the ledger does.
    async fn check_start<'p>(&self, plan: RunPlan<'p>) -> Result<RunPlan<'p>, RunError> {
        Ok(plan)
    }

    /// Does the work of a run.
    async fn run(&self, run: &OpenRun<'_>, input: &Self::Input) -> Result<Self::Summary, JobError>;
}

/// The input of a job that takes none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoInput {}

impl RunPlan<'_> {
    /// Plans a run of a job, without rules and steps. A person's run may always overlap.
    pub fn new<J: Job>(
        label: Label,
        scheduled_time: DateTime<Utc>,
        is_by_person: bool,
        input: &J::Input,
    ) -> Self {
        let trigger = match (is_by_person, J::is_retry(input)) {
            (true, _) => Trigger::Person,
            (false, true) => Trigger::Retry,
            (false, false) => Trigger::Schedule,
        };
        Self {
            key: RunKey {
                job: J::NAME,
                label,
                scheduled_time,
            },
            trigger,
            input: serde_json::to_value(input).unwrap_or_default(),
            allow_overlap: is_by_person || J::MAY_OVERLAP,
            rules: StartRules::default(),
            hooks: None,
        }
    }
}
