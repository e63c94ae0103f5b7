//! `notify-all` where others do the work: plans the notices that are due and hands them to a queue.

use crate::clock::Clock;
use crate::jobs::JobError;
use crate::jobs::ledger::{self, Ending, OpenRun, RunPlan};
use crate::jobs::notify_all::NotifyAllInput;
use crate::jobs::tick::Tick;
use crate::operator::telling::OperatorStore;
use crate::queue::NoticeQueue;
use crate::run::Run;
use crate::store::{FamilyStore, NoticeStore, RunStart, RunStore};

/// How many notices are given to the queue at a time.
pub const BATCH: usize = 100;

/// What handing out notices needs from outside.
pub struct HandOutNoticesPorts<'a> {
    /// The families.
    pub families: &'a dyn FamilyStore,
    /// The notices.
    pub notices: &'a dyn NoticeStore,
    /// Where it is noted what needs the operator.
    pub operator: &'a dyn OperatorStore,
    /// The ledger.
    pub runs: &'a dyn RunStore,
    /// Where the notices go.
    pub queue: &'a dyn NoticeQueue,
    /// The time.
    pub clock: &'a dyn Clock,
}

/// Plans every notice that is due and hands out those that are free, as one run on record.
///
/// The inner error tells why no run was begun. The run ends when all is handed out: its counts are
/// of the notices planned, what became of them stands with the notices. A run that did not come to
/// its end goes on; a notice that is handed out twice is sent once all the same.
pub async fn hand_out_notices(
    ports: &HandOutNoticesPorts<'_>,
    plan: RunPlan<'_>,
    input: &NotifyAllInput,
) -> Result<Result<Run, RunStart>, JobError> {
    let run = match ledger::open_or_go_on(ports.runs, ports.clock, plan).await? {
        Ok(run) => run,
        Err(not_begun) => return Ok(Err(not_begun)),
    };
    let work = ledger::caught(send_all(ports, input, &run)).await;
    run.close(work).await.map(Ok)
}

async fn send_all(
    ports: &HandOutNoticesPorts<'_>,
    input: &NotifyAllInput,
    run: &OpenRun<'_>,
) -> Result<Ending, JobError> {
    let now = ports.clock.now();
    let mut tick = Tick::new(ports.families, ports.notices, ports.operator, input, now);
    while let Some(found) = tick.next().await? {
        for settled in &found.settled {
            run.count(|counts| counts.add_failure(settled.state.as_str()));
        }
        for batch in found.free.chunks(BATCH) {
            ports.queue.send(run.key(), batch).await?;
            let sent = u32::try_from(batch.len()).unwrap_or(u32::MAX);
            run.count(|counts| counts.hand_out(sent));
        }
    }
    Ok(Ending::Through)
}

#[cfg(test)]
mod tests;
