//! Stores runs, and deletes old history.
//!
//! Each label has one item that lists its unfinished runs. A start writes it and the run in one
//! transaction, so that only one of several simultaneous starts succeeds. Together, these items are
//! the list of labels.

use std::sync::PoisonError;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use hippo_core::clock::is_in_future;
use hippo_core::ids::Label;
use hippo_core::run::tick_times::TickTimes;
use hippo_core::run::work::WorkItem;
use hippo_core::run::{JobName, Run, RunKey, RunOutcome};
use hippo_core::store::{DamagedRow, RunStart, RunStore, StoreError, StoreResult};
use uuid::Uuid;

use super::DynamoDbStore;
use super::expression::Expression;
use super::item::{Item, number, text};
use super::keys::{self, Key, list};
use super::table::{
    MAX_ATTEMPTS, Query, TransactionOutcome, TransactionStep, WriteOutcome, too_busy_error,
    wait_before_retry,
};

#[async_trait]
impl RunStore for DynamoDbStore {
    async fn start_run(
        &self,
        run: &Run,
        allow_overlap: bool,
        lost_after: Duration,
    ) -> StoreResult<RunStart> {
        // Distinguishes our own repeated request from a schedule that fired twice.
        let write_id = Uuid::new_v4().to_string();
        for attempt in 0..MAX_ATTEMPTS {
            wait_before_retry(attempt).await?;
            let label = self.read_label(&run.key).await?;
            let mut replaced = None;
            if let Some(item) = &label.requested {
                let stored: Run = item.data()?;
                if !run.may_replace(&stored) {
                    return Ok(RunStart::AlreadyRan(stored));
                }
                replaced = Some(item.revision());
            }
            let condition = replaced.map_or_else(Expression::absent, Expression::unchanged);
            let silent_since = run.started_at - lost_after;
            let (silent, running): (Vec<_>, Vec<_>) =
                label.running.into_iter().partition(|(other, _)| {
                    other.reported_at < silent_since
                        || is_in_future(other.reported_at, run.started_at)
                });
            let mut steps = Vec::new();
            for (other, revision) in silent {
                let lost = Run {
                    outcome: RunOutcome::Lost,
                    finished_at: Some(other.reported_at),
                    ..other
                };
                let item = self.run_item(&lost, revision + 1)?;
                steps.push(TransactionStep::Put(item, Expression::unchanged(revision)));
            }
            let newest = running
                .iter()
                .map(|(run, _)| run)
                .max_by_key(|run| &run.key);
            let (stored, result) = match newest {
                Some(newest) if !allow_overlap => {
                    let skipped = Run {
                        outcome: RunOutcome::SkippedStillRunning,
                        finished_at: Some(run.started_at),
                        ..run.clone()
                    };
                    (skipped, RunStart::StillRunning(newest.clone()))
                }
                _ => {
                    let mut times: Vec<DateTime<Utc>> = running
                        .iter()
                        .map(|(run, _)| run.key.scheduled_time)
                        .collect();
                    times.push(run.key.scheduled_time);
                    steps.push(put_running_list(&run.key, &times, label.revision)?);
                    (run.clone(), RunStart::Started)
                }
            };
            let revision = replaced.map_or(0, |read| read + 1);
            let item = self
                .run_item(&stored, revision)?
                .with_text("write", &write_id);
            let done = if steps.is_empty() {
                match self.table.put(item, &condition).await? {
                    WriteOutcome::Done => true,
                    WriteOutcome::ConditionFailed(Some(other))
                        if other.text("write") == Some(&write_id) =>
                    {
                        true
                    }
                    WriteOutcome::ConditionFailed(_) => false,
                }
            } else {
                steps.push(TransactionStep::Put(item, condition));
                matches!(self.table.transact(&steps).await?, TransactionOutcome::Done)
            };
            if done {
                return Ok(result);
            }
            // Another start or report wrote first, so read again.
        }
        Err(too_busy_error())
    }

    async fn record_run(&self, run: &Run) -> StoreResult<bool> {
        let write_id = Uuid::new_v4().to_string();
        let item = self.run_item(run, 0)?.with_text("write", &write_id);
        let is_put = match self.table.put(item, &Expression::absent()).await? {
            WriteOutcome::Done => true,
            // An earlier attempt at this write succeeded, but its response was lost.
            WriteOutcome::ConditionFailed(Some(other)) => other.text("write") == Some(&write_id),
            WriteOutcome::ConditionFailed(None) => false,
        };
        if is_put {
            // It may be the first run of its label. An existing list stays as it is.
            let running_list = running_list_item(&run.key, &[], 0)?;
            self.table.put(running_list, &Expression::absent()).await?;
        }
        Ok(is_put)
    }

    async fn report_run(&self, run: &Run) -> StoreResult<()> {
        let key = Key::run(&run.key);
        for attempt in 0..MAX_ATTEMPTS {
            wait_before_retry(attempt).await?;
            let Some(item) = self.table.get(&key).await? else {
                return Err(StoreError::NotFound(format!("run {}", run.key)));
            };
            let stored: Run = item.data()?;
            let resumes =
                stored.outcome != RunOutcome::Running && run.outcome == RunOutcome::Running;
            let reported = Run {
                reported_at: run.reported_at,
                finished_at: run.finished_at,
                outcome: run.outcome,
                counts: run.counts.clone(),
                ..stored
            };
            let revision = item.revision();
            let next = self.run_item(&reported, revision + 1)?;
            let unchanged = Expression::unchanged(revision);
            let done = if resumes {
                // The run is resuming, so list it again for the next start.
                let label = self.read_label(&run.key).await?;
                let mut times: Vec<DateTime<Utc>> = label
                    .running
                    .iter()
                    .map(|(run, _)| run.key.scheduled_time)
                    .collect();
                times.push(run.key.scheduled_time);
                let steps = [
                    put_running_list(&run.key, &times, label.revision)?,
                    TransactionStep::Put(next, unchanged),
                ];
                matches!(self.table.transact(&steps).await?, TransactionOutcome::Done)
            } else {
                matches!(self.table.put(next, &unchanged).await?, WriteOutcome::Done)
            };
            if done {
                return Ok(());
            }
        }
        Err(too_busy_error())
    }

    /// Costs one write, of at most two units for a visit of ten cards.
    async fn save_work_item(&self, run: &RunKey, work: &WorkItem) -> StoreResult<()> {
        let item = Item::new(&Key::work(run, &work.item_id))
            .with_data(work)?
            .with("expires_at", self.expiry(run.scheduled_time));
        self.table.put(item, &Expression::default()).await?;
        Ok(())
    }

    /// Costs one query per megabyte (about 2,000 visits).
    async fn work_items(&self, run: &RunKey) -> StoreResult<Vec<WorkItem>> {
        let keys = Expression::new("#pk = :pk").value(":pk", text(keys::work(run)));
        let found = self.table.query(&Query::table(keys)).await?;
        self.read_all_undamaged(&found, Item::data)
    }

    fn damaged_rows(&self) -> Vec<DamagedRow> {
        let damaged = self.damaged.lock().unwrap_or_else(PoisonError::into_inner);
        damaged.iter().cloned().collect()
    }

    async fn clock_skew(&self, now: DateTime<Utc>) -> StoreResult<Option<TimeDelta>> {
        Ok(self.table.clock.skew(now))
    }

    async fn tick_times(&self) -> StoreResult<TickTimes> {
        let found = self.table.get(&Key::tick_times()).await?;
        found.map_or_else(|| Ok(TickTimes::default()), |item| item.data())
    }

    async fn replace_tick_times(&self, before: &TickTimes, after: &TickTimes) -> StoreResult<bool> {
        let item = Item::new(&Key::tick_times()).with_data(after)?;
        let unchanged = Expression::new("attribute_not_exists(#pk) OR #data = :before")
            .value(":before", text(super::item::json(before)?));
        Ok(match self.table.put(item, &unchanged).await? {
            WriteOutcome::Done => true,
            // An earlier attempt at this write succeeded, but its response was lost.
            WriteOutcome::ConditionFailed(Some(item)) => item.data::<TickTimes>()? == *after,
            WriteOutcome::ConditionFailed(None) => false,
        })
    }

    async fn run(&self, key: &RunKey) -> StoreResult<Option<Run>> {
        let found = self.table.get(&Key::run(key)).await?;
        let found = found.map(|item| self.read_undamaged(&item, Item::data));
        Ok(found.transpose()?.flatten())
    }

    async fn recent_runs(
        &self,
        job: Option<JobName>,
        label: Option<&Label>,
        limit: usize,
    ) -> StoreResult<Vec<Run>> {
        let jobs = job.map_or_else(JobName::all, |job| vec![job]);
        let mut runs: Vec<Run> = Vec::new();
        for job in jobs {
            let keys = Expression::new("#listing = :list").value(":list", text(list::runs(job)));
            let filter = match label {
                None => Expression::default(),
                Some(label) => {
                    Expression::new("#pk = :label").value(":label", text(keys::runs(job, label)))
                }
            };
            let found = self
                .table
                .query(&Query {
                    filter,
                    newest_first: true,
                    limit,
                    ..Query::index("listing", keys)
                })
                .await?;
            runs.extend(self.read_all_undamaged::<Run>(&found, Item::data)?);
        }
        runs.sort_by_key(|run| std::cmp::Reverse(run.started_at));
        runs.truncate(limit);
        Ok(runs)
    }

    /// Costs one query for the labels, and one for each label.
    async fn newest_runs_by_label(&self, job: JobName, limit: usize) -> StoreResult<Vec<Run>> {
        let keys = Expression::new("#listing = :list").value(":list", text(list::labels(job)));
        let labels = self.table.query(&Query::index("listing", keys)).await?;
        let mut found = Vec::new();
        for item in &labels {
            let label: Label = item
                .text("listing_order")
                .and_then(|label| label.parse().ok())
                .ok_or_else(|| item.unreadable("listing_order"))?;
            let keys = Expression::new("#pk = :pk AND #sk < :state")
                .value(":pk", text(keys::runs(job, &label)))
                .value(":state", text(keys::STATE));
            let newest = Query {
                newest_first: true,
                limit,
                ..Query::table(keys)
            };
            let newest = self.table.query(&newest).await?;
            let mut runs: Vec<Run> = self.read_all_undamaged(&newest, Item::data)?;
            // The query returns them by scheduled time.
            runs.sort_by_key(|run| std::cmp::Reverse(run.started_at));
            found.extend(runs);
        }
        Ok(found)
    }

    /// Costs a query per list, a query per shard of run days, one for the pauses, and a write per item
    /// that is still there. Usually the table's time to live has already deleted them.
    async fn delete_history_before(&self, before: DateTime<Utc>) -> StoreResult<()> {
        let mut lists: Vec<String> = JobName::all().into_iter().map(list::runs).collect();
        lists
            .extend([list::FINAL_MAILS, list::ALERTS, list::PENDING_ALERTS].map(ToOwned::to_owned));
        for partition in lists {
            let keys = Expression::new("#listing = :list AND #listing_order < :before")
                .value(":list", text(partition))
                .value(":before", text(keys::time(before)));
            let found = self.table.query(&Query::index("listing", keys)).await?;
            let keys: Vec<Key> = found.iter().filter_map(Item::key).collect();
            self.table.delete_all(&keys).await?;
        }
        self.delete_ended_pauses(before).await?;
        self.delete_days_before(before.date_naive()).await
    }
}

/// The stored state of one label.
struct LabelState {
    /// The run with the requested key.
    requested: Option<Item>,
    /// The unfinished runs, with their revisions.
    running: Vec<(Run, u64)>,
    /// The revision of the list of unfinished runs. `None`: there is none yet.
    revision: Option<u64>,
}

impl DynamoDbStore {
    async fn read_label(&self, key: &RunKey) -> StoreResult<LabelState> {
        let list_key = Key::running(key.job, &key.label);
        let run_key = Key::run(key);
        let found = self
            .table
            .get_all(vec![list_key.clone(), run_key.clone()])
            .await?;
        let running_list = found.iter().find(|item| item.is(&list_key));
        let times: Vec<DateTime<Utc>> = match running_list {
            Some(item) => self.read_undamaged(item, Item::data)?.unwrap_or_default(),
            None => Vec::new(),
        };
        let keys = times
            .into_iter()
            .filter(|time| *time != key.scheduled_time)
            .map(|scheduled_time| {
                Key::run(&RunKey {
                    scheduled_time,
                    ..key.clone()
                })
            })
            .collect();
        let mut running = Vec::new();
        for item in self.table.get_all(keys).await? {
            let run: Option<Run> = self.read_undamaged(&item, Item::data)?;
            if let Some(run) = run.filter(|run| run.outcome == RunOutcome::Running) {
                running.push((run, item.revision()));
            }
        }
        Ok(LabelState {
            requested: found.iter().find(|item| item.is(&run_key)).cloned(),
            revision: running_list.map(Item::revision),
            running,
        })
    }

    fn run_item(&self, run: &Run, revision: u64) -> StoreResult<Item> {
        let RunKey {
            job,
            label,
            scheduled_time,
        } = &run.key;
        let order = format!(
            "{}#{label}#{}",
            keys::time(run.started_at),
            keys::time(*scheduled_time)
        );
        Ok(Item::new(&Key::run(&run.key))
            .with_data(run)?
            .with("revision", number(revision))
            .with("expires_at", self.expiry(run.started_at))
            .listed(list::runs(*job), order))
    }
}

/// The step that writes a label's list of unfinished runs, unless it changed since it was read.
fn put_running_list(
    key: &RunKey,
    times: &[DateTime<Utc>],
    revision: Option<u64>,
) -> StoreResult<TransactionStep> {
    let item = running_list_item(key, times, revision.map_or(0, |read| read + 1))?;
    let condition = revision.map_or_else(Expression::absent, Expression::unchanged);
    Ok(TransactionStep::Put(item, condition))
}

/// Builds the list of a label's unfinished runs, which also puts the label into the list of labels.
fn running_list_item(key: &RunKey, times: &[DateTime<Utc>], revision: u64) -> StoreResult<Item> {
    Ok(Item::new(&Key::running(key.job, &key.label))
        .with_data(&times)?
        .with("revision", number(revision))
        .listed(list::labels(key.job), key.label.as_str()))
}
