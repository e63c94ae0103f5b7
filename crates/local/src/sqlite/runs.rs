//! Stores runs and their work items.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use hippo_core::clock::CLOCK_TOLERANCE;
use hippo_core::ids::Label;
use hippo_core::run::tick_times::TickTimes;
use hippo_core::run::work::WorkItem;
use hippo_core::run::{JobName, Run, RunKey, RunOutcome};
use hippo_core::store::{DamagedRow, RunStart, RunStore, StoreError, StoreResult};
use rusqlite::{Connection, Row, named_params, params};

use super::fault::Fault;
use super::row::{StoredRow, json, time, word};
use super::{SqliteStore, all, first, meta};

#[async_trait]
impl RunStore for SqliteStore {
    async fn start_run(
        &self,
        run: &Run,
        allow_overlap: bool,
        silence: Duration,
    ) -> StoreResult<RunStart> {
        let run = run.clone();
        self.write(move |connection| start(connection, run, allow_overlap, silence))
            .await
    }

    async fn record_run(&self, run: &Run) -> StoreResult<bool> {
        let run = run.clone();
        self.write(move |connection| {
            if by_key(connection, &run.key)?.is_some() {
                return Ok(false);
            }
            upsert(connection, &run)?;
            Ok(true)
        })
        .await
    }

    async fn report_run(&self, run: &Run) -> StoreResult<()> {
        let run = run.clone();
        self.write(move |connection| {
            let reported = connection
                .prepare_cached(
                    "UPDATE run SET reported_at = :reported_at, finished_at = :finished_at,
                         outcome = :outcome, counts = :counts
                     WHERE job = :job AND label = :label AND scheduled_time = :scheduled_time",
                )?
                .execute(named_params! {
                    ":job": run.key.job.as_str(),
                    ":label": run.key.label.as_str(),
                    ":scheduled_time": time(run.key.scheduled_time),
                    ":reported_at": time(run.reported_at),
                    ":finished_at": run.finished_at.map(time),
                    ":outcome": word(&run.outcome)?,
                    ":counts": json(&run.counts)?,
                })?;
            match reported {
                0 => Err(StoreError::NotFound(format!("run {}", run.key)).into()),
                _ => Ok(()),
            }
        })
        .await
    }

    async fn save_work_item(&self, run: &RunKey, work: &WorkItem) -> StoreResult<()> {
        let (run, work) = (run.clone(), work.clone());
        self.write(move |connection| {
            connection
                .prepare_cached("INSERT OR REPLACE INTO work VALUES (?1, ?2, ?3, ?4, ?5)")?
                .execute([
                    run.job.as_str(),
                    run.label.as_str(),
                    &time(run.scheduled_time),
                    &work.item_id,
                    &json(&work.results)?,
                ])?;
            Ok(())
        })
        .await
    }

    async fn work_items(&self, run: &RunKey) -> StoreResult<Vec<WorkItem>> {
        let run = run.clone();
        self.read(move |connection| {
            all(
                connection,
                "SELECT * FROM work WHERE job = ?1 AND label = ?2 AND scheduled_time = ?3
                 ORDER BY item_id",
                [
                    run.job.as_str(),
                    run.label.as_str(),
                    &time(run.scheduled_time),
                ],
                |row| {
                    let stored = StoredRow::new("work", "item_id", row);
                    Ok(WorkItem {
                        item_id: stored.text("item_id")?,
                        results: stored.json("results")?,
                    })
                },
            )
        })
        .await
    }

    async fn tick_times(&self) -> StoreResult<TickTimes> {
        self.read(meta::tick_times).await
    }

    async fn replace_tick_times(&self, before: &TickTimes, after: &TickTimes) -> StoreResult<bool> {
        let (before, after) = (before.clone(), after.clone());
        self.write(move |connection| meta::replace_tick_times(connection, &before, &after))
            .await
    }

    fn damaged_rows(&self) -> Vec<DamagedRow> {
        self.damaged()
    }

    async fn run(&self, key: &RunKey) -> StoreResult<Option<Run>> {
        let key = key.clone();
        self.read(move |connection| by_key(connection, &key)).await
    }

    async fn recent_runs(
        &self,
        job: Option<JobName>,
        label: Option<&Label>,
        limit: usize,
    ) -> StoreResult<Vec<Run>> {
        let label = label.map(ToString::to_string);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        // A newer version may have stored runs of jobs that this one doesn't know.
        let jobs = match job {
            Some(job) => json(&[job]),
            None => json(&JobName::all()),
        };
        self.read(move |connection| {
            all(
                connection,
                "SELECT * FROM run
                 WHERE job IN (SELECT value FROM json_each(?1)) AND (?2 IS NULL OR label = ?2)
                 ORDER BY started_at DESC, scheduled_time DESC LIMIT ?3",
                params![jobs?, label, limit],
                from_row,
            )
        })
        .await
    }

    async fn newest_runs_by_label(&self, job: JobName, limit: usize) -> StoreResult<Vec<Run>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.read(move |connection| {
            all(
                connection,
                "SELECT * FROM (
                     SELECT *, row_number() OVER (
                         PARTITION BY label ORDER BY started_at DESC, scheduled_time DESC) AS place
                     FROM run WHERE job = ?1)
                 WHERE place <= ?2 ORDER BY label, place",
                params![job.as_str(), limit],
                from_row,
            )
        })
        .await
    }

    async fn delete_history_before(&self, before: DateTime<Utc>) -> StoreResult<()> {
        let journal = Arc::clone(&self.journal);
        self.write(move |connection| {
            journal.delete_before(before.date_naive())?;
            connection
                .prepare_cached("DELETE FROM run_day WHERE date < ?1")?
                .execute([before.date_naive().to_string()])?;
            connection
                .prepare_cached("DELETE FROM picture WHERE date < ?1")?
                .execute([before.date_naive().to_string()])?;
            let before = time(before);
            connection
                .prepare_cached("DELETE FROM run WHERE started_at < ?1")?
                .execute([&before])?;
            connection
                .prepare_cached(
                    "DELETE FROM work WHERE NOT EXISTS (
                         SELECT 1 FROM run WHERE run.job = work.job AND run.label = work.label
                             AND run.scheduled_time = work.scheduled_time)",
                )?
                .execute([])?;
            connection
                .prepare_cached(
                    "DELETE FROM outbox WHERE planned_at < ?1
                         AND NOT is_open",
                )?
                .execute([&before])?;
            connection
                .prepare_cached("DELETE FROM pause WHERE until < ?1")?
                .execute([&before])?;
            connection
                .prepare_cached("DELETE FROM alert WHERE last_seen < ?1")?
                .execute([&before])?;
            Ok(())
        })
        .await
    }
}

fn start(
    connection: &Connection,
    mut run: Run,
    allow_overlap: bool,
    silence: Duration,
) -> Result<RunStart, Fault> {
    let existing = by_key(connection, &run.key)?;
    if let Some(existing) = existing.filter(|existing| !run.may_replace(existing)) {
        return Ok(RunStart::AlreadyRan(existing));
    }
    let silent_before = TimeDelta::from_std(silence)
        .ok()
        .and_then(|silence| run.started_at.checked_sub_signed(silence))
        .unwrap_or(DateTime::<Utc>::MIN_UTC);
    connection
        .prepare_cached(
            "UPDATE run SET outcome = 'lost', finished_at = reported_at
             WHERE job = ?1 AND label = ?2 AND outcome = 'running'
                 AND (reported_at < ?3 OR reported_at > ?4)",
        )?
        .execute([
            run.key.job.as_str(),
            run.key.label.as_str(),
            &time(silent_before),
            &time(run.started_at + CLOCK_TOLERANCE),
        ])?;
    let running = first(
        connection,
        "SELECT * FROM run WHERE job = ?1 AND label = ?2 AND outcome = 'running'
         ORDER BY started_at DESC LIMIT 1",
        [run.key.job.as_str(), run.key.label.as_str()],
        from_row,
    )?;
    let answer = match running {
        Some(running) if !allow_overlap => {
            run.outcome = RunOutcome::SkippedStillRunning;
            run.finished_at = Some(run.started_at);
            RunStart::StillRunning(running)
        }
        _ => RunStart::Started,
    };
    upsert(connection, &run)?;
    Ok(answer)
}

fn upsert(connection: &Connection, run: &Run) -> Result<(), Fault> {
    connection
        .prepare_cached(
            // Replaces only a row with this key that can't be read, or whose run never started.
            "INSERT OR REPLACE INTO run VALUES
                 (:job, :label, :scheduled_time, :started_by, :input, :started_at, :reported_at,
                  :finished_at, :outcome, :counts)",
        )?
        .execute(named_params! {
            ":job": run.key.job.as_str(),
            ":label": run.key.label.as_str(),
            ":scheduled_time": time(run.key.scheduled_time),
            ":started_by": word(&run.trigger)?,
            ":input": json(&run.input)?,
            ":started_at": time(run.started_at),
            ":reported_at": time(run.reported_at),
            ":finished_at": run.finished_at.map(time),
            ":outcome": word(&run.outcome)?,
            ":counts": json(&run.counts)?,
        })?;
    Ok(())
}

fn by_key(connection: &Connection, key: &RunKey) -> Result<Option<Run>, Fault> {
    first(
        connection,
        "SELECT * FROM run WHERE job = ?1 AND label = ?2 AND scheduled_time = ?3",
        [
            key.job.as_str(),
            key.label.as_str(),
            &time(key.scheduled_time),
        ],
        from_row,
    )
}

fn from_row(row: &Row<'_>) -> Result<Run, Fault> {
    let stored = StoredRow::new("run", "scheduled_time", row);
    Ok(Run {
        key: RunKey {
            job: stored.word("job")?,
            label: stored.parsed("label")?,
            scheduled_time: stored.parsed("scheduled_time")?,
        },
        trigger: stored.word("started_by")?,
        input: stored.json("input")?,
        started_at: stored.parsed("started_at")?,
        reported_at: stored.parsed("reported_at")?,
        finished_at: stored.optional_parsed("finished_at")?,
        outcome: stored.word("outcome")?,
        counts: stored.json("counts")?,
    })
}
