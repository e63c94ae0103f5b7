//! `notify-all`: finds the notices to send ([`tick`]) and sends them.

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use futures::StreamExt;

use crate::clock::Clock;
use crate::jobs::notify::restore::{self, RestorePorts};
use crate::jobs::notify::send::{MailResult, NotifyPorts, send_mail};
use crate::jobs::notify::tick::{self, NotifyTick};
use crate::jobs::notify::{NotifyAllInput, clock_doubt};
use crate::jobs::{JobError, RunError};
use crate::outbox::MailKey;
use crate::run::JobName;
use crate::run::job::Job;
use crate::run::ledger::{OpenRun, RunPlan};
use crate::run::work::{WorkItem, WorkOutcome, WorkResult};
use crate::store::RunStore;

/// `notify-all` in this process: plans and sends every due notice.
///
/// Concurrent runs are safe: each notice is sent once.
pub struct NotifyAll<'a> {
    /// The ports for sending notices.
    pub ports: &'a NotifyPorts<'a>,
    /// The ledger of runs, and the times of the ticks.
    pub runs: &'a dyn RunStore,
    /// Called as the run goes on.
    pub on_progress: &'a (dyn Fn(NotifyProgress<'_>) + Send + Sync),
}

#[async_trait]
impl Job for NotifyAll<'_> {
    const NAME: JobName = JobName::NOTIFY_ALL;
    // Each notice is claimed by one of two runs.
    const MAY_OVERLAP: bool = true;
    type Input = NotifyAllInput;
    type Summary = ();

    async fn check_start<'p>(&self, plan: RunPlan<'p>) -> Result<RunPlan<'p>, RunError> {
        let restore = RestorePorts {
            families: self.ports.families,
            outbox: self.ports.outbox,
            runs: self.runs,
            alerts: self.ports.alerts,
        };
        check_tick_start(&restore, self.ports.clock, plan).await
    }

    async fn run(&self, run: &OpenRun<'_>, input: &NotifyAllInput) -> Result<(), JobError> {
        self.send_all(run, input, MAX_CONCURRENCY).await
    }
}

impl NotifyAll<'_> {
    /// Plans and sends every due mail, at most `concurrency` at a time.
    pub(crate) async fn send_all(
        &self,
        run: &OpenRun<'_>,
        input: &NotifyAllInput,
        concurrency: usize,
    ) -> Result<(), JobError> {
        send_all(
            self.ports,
            self.runs,
            input,
            self.on_progress,
            run,
            concurrency,
        )
        .await
    }
}

/// Lets a tick start if its clock can be trusted. The dates of a restored store are held first.
pub(super) async fn check_tick_start<'p>(
    ports: &RestorePorts<'_>,
    clock: &dyn Clock,
    plan: RunPlan<'p>,
) -> Result<RunPlan<'p>, RunError> {
    let plan = clock_doubt::check_clock(ports.runs, clock, plan).await?;
    restore::hold_restored(ports, clock.now()).await?;
    Ok(plan)
}

/// The progress that a run reports.
#[derive(Debug)]
pub enum NotifyProgress<'a> {
    /// The number of notices to send.
    Planned(usize),
    /// The result of one of them.
    Finalised(&'a MailResult),
}

/// How many notices are handled at a time, so that their durable writes share a flush. The mailer's
/// own limit is lower.
const MAX_CONCURRENCY: usize = 16;

/// The least time between two progress reports of a run.
const REPORT_INTERVAL: TimeDelta = TimeDelta::minutes(1);

/// Stores the progress of a run, at most once per [`REPORT_INTERVAL`].
struct ProgressReporter<'a> {
    run: &'a OpenRun<'a>,
    clock: &'a dyn Clock,
    last_report_at: DateTime<Utc>,
}

impl ProgressReporter<'_> {
    /// Reports if the interval is over. A failure is only logged: the mails in progress matter
    /// more.
    async fn report(&mut self) {
        let now = self.clock.now();
        // The clock may have been set forward or back.
        if (now - self.last_report_at).abs() < REPORT_INTERVAL {
            return;
        }
        self.last_report_at = now;
        if let Err(error) = self.run.report().await {
            tracing::warn!(run.id = %self.run.key(), %error, "The progress of a run couldn't be stored.");
        }
    }
}

async fn send_all(
    ports: &NotifyPorts<'_>,
    runs: &dyn RunStore,
    input: &NotifyAllInput,
    progress: &(dyn Fn(NotifyProgress<'_>) + Send + Sync),
    run: &OpenRun<'_>,
    concurrency: usize,
) -> Result<(), JobError> {
    let stop = run.stop();
    let kinds = ports.composers.kinds();
    let mut free = Vec::new();
    // Only failed notices are listed; the rest are counted.
    let mut failed = Vec::new();
    let mut tick = NotifyTick::new(
        ports.families,
        ports.outbox,
        ports.alerts,
        &kinds,
        input,
        ports.clock,
    )
    .with_mailer(ports.mailer)
    .with_schedules_of(runs, run.key().job);
    let mut fault = None;
    let mut reporter = ProgressReporter {
        run,
        clock: ports.clock,
        last_report_at: run.started_at(),
    };
    loop {
        let found = match tick.next().await {
            Ok(Some(found)) => found,
            Ok(None) => break,
            // The tick did all the rest before it failed; the notices that it found are still sent.
            Err(error) => {
                fault = Some(error);
                break;
            }
        };
        for finalised in &found.finalised {
            run.count(|counts| counts.add_failure(finalised.state.as_str()));
            failed.push(result_of(finalised));
            progress(NotifyProgress::Finalised(finalised));
        }
        free.extend(found.free);
        reporter.report().await;
    }
    run.count(|counts| counts.planned = u32::try_from(free.len()).unwrap_or(u32::MAX));
    progress(NotifyProgress::Planned(free.len()));
    let mut free = free.into_iter();
    // Once a stop is requested, no more notices are begun.
    let begun = std::iter::from_fn(|| free.next().filter(|_| !stop.is_requested()))
        .map(|key| async move { deliver(ports, &key, input.date, input.at_once).await });
    let mut sending = futures::stream::iter(begun).buffer_unordered(concurrency);
    while let Some(result) = sending.next().await {
        match result {
            Ok(Some(result)) => {
                let outcome = WorkOutcome::from(result.state);
                run.count(|counts| counts.add(&outcome));
                if matches!(outcome, WorkOutcome::Failed(_)) {
                    failed.push(result_of(&result));
                }
                progress(NotifyProgress::Finalised(&result));
            }
            // Another worker has it and counts it.
            Ok(None) => run.count(|counts| counts.planned = counts.planned.saturating_sub(1)),
            // One family's error doesn't block the others. The first error is returned at the end.
            Err(error) => {
                run.count(|counts| counts.add_failure("error"));
                if fault.is_some() {
                    tracing::error!(%error, "A notice couldn't be sent.");
                } else {
                    fault = Some(error);
                }
            }
        }
        reporter.report().await;
    }
    if !failed.is_empty() {
        let work = WorkItem {
            item_id: "failed".to_owned(),
            results: failed,
        };
        run.save_work_item(&work).await?;
    }
    match fault {
        Some(fault) => Err(fault),
        None => Ok(()),
    }
}

/// Converts a notice's result for the record of its run.
pub(crate) fn result_of(notice: &MailResult) -> WorkResult {
    WorkResult {
        subject: notice.key().into(),
        outcome: notice.state.into(),
    }
}

/// Sends one notice, or finalises it if its day has passed.
///
/// A notice of the date `requested` is never too late, and a paused one is skipped instead. `at_once` ignores the delay after a refusal.
/// Returns `None` when [`send_mail`] does.
pub async fn deliver(
    ports: &NotifyPorts<'_>,
    key: &MailKey,
    requested: Option<NaiveDate>,
    at_once: bool,
) -> Result<Option<MailResult>, JobError> {
    if requested != Some(key.date) {
        let Some(family) = ports.families.family(&key.family).await? else {
            tracing::warn!(mail.kind = %key.kind, family.id = %key.family, date = %key.date, "The family of a mail no longer exists.");
            return Ok(None);
        };
        let now = ports.clock.now();
        let (outbox, alerts) = (ports.outbox, ports.alerts);
        if !family.is_mail_paused(key.date, now)
            && let Some(expired) = tick::expire(outbox, alerts, &family, key, now).await?
        {
            return Ok(Some(expired));
        }
    }
    send_mail(ports, key, at_once).await
}

#[cfg(test)]
mod tests;
