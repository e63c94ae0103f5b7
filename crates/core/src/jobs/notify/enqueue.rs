//! `notify-all` with workers: plans the due notices and enqueues them.

use uuid::Uuid;

use crate::clock::Clock;
use crate::jobs::notify::NotifyAllInput;
use crate::jobs::notify::clock_doubt;
use crate::jobs::notify::restore::{self, RestorePorts};
use crate::jobs::notify::run::result_of;
use crate::jobs::notify::send::MailResult;
use crate::jobs::notify::tick::Tick;
use crate::jobs::{JobError, RunError};
use crate::outbox::{MailKey, MailKind};
use crate::queue::MailQueue;
use crate::run::Run;
use crate::run::ledger::{self, Ending, OpenRun, RunPlan};
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

/// Plans every due notice and enqueues the claimable ones, as one recorded run.
///
/// The run ends when everything is enqueued: it counts the planned notices, and each notice's
/// record has its own outcome. The run also counts and records the notices that the tick finalised
/// itself, and calls `on_finalised` with each, even if the run fails later. An unfinished run is
/// resumed; a notice that is enqueued twice is still sent once.
///
/// # Errors
/// [`RunError::NotStarted`] with the reason if no run was started.
pub async fn enqueue_notices(
    ports: &EnqueueNoticesPorts<'_>,
    plan: RunPlan<'_>,
    input: &NotifyAllInput,
    on_finalised: &(dyn Fn(&MailResult) + Send + Sync),
) -> Result<Run, RunError> {
    let plan = clock_doubt::admit(ports.runs, ports.clock, plan).await?;
    let restore = RestorePorts {
        families: ports.families,
        outbox: ports.outbox,
        kinds: ports.kinds,
        runs: ports.runs,
        alerts: ports.alerts,
    };
    restore::hold_restored(&restore, ports.clock.now()).await?;
    let run = ledger::start_or_resume_run(ports.runs, ports.clock, plan).await?;
    let work = ledger::catch_panic(enqueue_all(ports, input, on_finalised, &run)).await;
    Ok(run.close(work).await?)
}

async fn enqueue_all(
    ports: &EnqueueNoticesPorts<'_>,
    input: &NotifyAllInput,
    on_finalised: &(dyn Fn(&MailResult) + Send + Sync),
    run: &OpenRun<'_>,
) -> Result<Ending, JobError> {
    let mut tick = Tick::new(
        ports.families,
        ports.outbox,
        ports.alerts,
        ports.kinds,
        input,
        ports.clock,
    );
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
    Ok(Ending::Through)
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
