//! `notify-all` with workers: plans the due notices and enqueues them.

use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;
use uuid::Uuid;

use crate::clock::Clock;
use crate::jobs::notify::NotifyAllInput;
use crate::jobs::notify::restore::RestorePorts;
use crate::jobs::notify::run::{check_tick_start, result_of};
use crate::jobs::notify::send::MailResult;
use crate::jobs::notify::tick::NotifyTick;
use crate::jobs::{ENQUEUE_TIME_LIMIT, JobError, RunError};
use crate::outbox::{MailKey, MailKind};
use crate::queue::MailQueue;
use crate::run::JobName;
use crate::run::job::Job;
use crate::run::ledger::{OpenRun, RunPlan};
use crate::run::work::{WorkItem, WorkOutcome, WorkResult};
use crate::store::{AlertStore, FamilyStore, OutboxStore, RunStore};

/// The most notices in one request to the queue.
pub const BATCH_SIZE: usize = 100;

/// The ports for enqueueing notices.
pub struct EnqueueNoticesPorts<'a> {
    /// The families.
    pub families: &'a dyn FamilyStore,
    /// The record of the mails.
    pub outbox: &'a dyn OutboxStore,
    /// The kinds of mail that it plans.
    pub kinds: &'a [MailKind],
    /// The store of alerts.
    pub alerts: &'a dyn AlertStore,
    /// The ledger of runs.
    pub runs: &'a dyn RunStore,
    /// The queue of the notices.
    pub queue: &'a dyn MailQueue,
    /// The clock.
    pub clock: &'a dyn Clock,
}

/// What a run has enqueued.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct EnqueuedNotices {
    /// How many notices were planned.
    pub notices: u32,
}

/// `notify-all` with workers: plans every due notice and enqueues the claimable ones.
///
/// The run ends when everything is enqueued: it counts the planned notices, and each notice's
/// record has its own outcome. The run also counts and records the notices that the tick finalised
/// itself. An unfinished run is resumed; a notice that is enqueued twice is still sent once.
pub struct EnqueueNotices<'a> {
    /// The ports for enqueueing notices.
    pub ports: &'a EnqueueNoticesPorts<'a>,
    /// Called with each notice that the tick finalised itself, even if the run fails later.
    pub on_finalised: &'a (dyn Fn(&MailResult) + Send + Sync),
}

#[async_trait]
impl Job for EnqueueNotices<'_> {
    const NAME: JobName = JobName::NOTIFY_ALL;
    const TIME_LIMIT: Duration = ENQUEUE_TIME_LIMIT;
    // Simultaneous ticks are safe, so a tick that hangs doesn't block the next.
    const MAY_OVERLAP: bool = true;
    const RESUMES: bool = true;
    type Input = NotifyAllInput;
    type Summary = EnqueuedNotices;

    async fn check_start<'p>(&self, plan: RunPlan<'p>) -> Result<RunPlan<'p>, RunError> {
        let restore = RestorePorts {
            families: self.ports.families,
            outbox: self.ports.outbox,
            runs: self.ports.runs,
            alerts: self.ports.alerts,
        };
        check_tick_start(&restore, self.ports.clock, plan).await
    }

    async fn run(
        &self,
        run: &OpenRun<'_>,
        input: &NotifyAllInput,
    ) -> Result<EnqueuedNotices, JobError> {
        enqueue_all(self.ports, input, self.on_finalised, run).await?;
        let notices = run.counts().planned;
        Ok(EnqueuedNotices { notices })
    }
}

async fn enqueue_all(
    ports: &EnqueueNoticesPorts<'_>,
    input: &NotifyAllInput,
    on_finalised: &(dyn Fn(&MailResult) + Send + Sync),
    run: &OpenRun<'_>,
) -> Result<(), JobError> {
    let mut tick = NotifyTick::new(
        ports.families,
        ports.outbox,
        ports.alerts,
        ports.kinds,
        input,
        ports.clock,
    )
    .with_schedules_of(ports.runs, run.key().job);
    while let Some(found) = tick.next().await? {
        for finalised in &found.finalised {
            run.count(|counts| counts.add_failure(finalised.state.as_str()));
            on_finalised(finalised);
        }
        if let Some(work) = inline_item(&found.finalised) {
            run.save_work_item(&work).await?;
        }
        for batch in found.free.chunks(BATCH_SIZE) {
            ports.queue.send(run.key(), batch).await?;
            run.save_work_item(&enqueued_item(batch)).await?;
            let enqueued = u32::try_from(batch.len()).unwrap_or(u32::MAX);
            run.count(|counts| counts.add_enqueued(enqueued));
        }
    }
    Ok(())
}

/// Records the notices that a step of the tick finalised itself; `None` if there were none.
///
/// The item's id is the first notice's, so that no two steps overwrite each other.
fn inline_item(finalised: &[MailResult]) -> Option<WorkItem> {
    let first = finalised.first()?;
    Some(WorkItem {
        item_id: WorkItem::inline_item_id(&first.key().to_string()),
        results: finalised.iter().map(result_of).collect(),
    })
}

/// Records the enqueued notices, so that a retried run counts them too.
fn enqueued_item(batch: &[MailKey]) -> WorkItem {
    let result = |key: &MailKey| WorkResult {
        subject: key.clone().into(),
        outcome: WorkOutcome::Enqueued,
    };
    WorkItem {
        // Another execution's item must not be overwritten.
        item_id: format!("enqueued/{}", Uuid::new_v4()),
        results: batch.iter().map(result).collect(),
    }
}

#[cfg(test)]
mod tests;
