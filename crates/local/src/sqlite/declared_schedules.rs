//! Stores the declared schedules.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use hippo_core::ids::Label;
use hippo_core::run::JobName;
use hippo_core::schedule::Schedule;
use hippo_core::store::{
    DeclaredScheduleStore, SavedSchedules, ScheduleChanges, StoreResult, StoredSchedule,
};
use rusqlite::{Connection, params};

use super::fault::Fault;
use super::row::{StoredRow, json};
use super::{SqliteStore, all};

#[async_trait]
impl DeclaredScheduleStore for SqliteStore {
    async fn declared_schedules(&self, job: JobName) -> StoreResult<Vec<Schedule>> {
        let stored = self.read(move |connection| stored(connection, job)).await?;
        let known = stored.into_values().flatten();
        Ok(known.map(|stored| stored.schedule).collect())
    }

    async fn save_schedules(
        &self,
        job: JobName,
        schedules: &[Schedule],
        now: DateTime<Utc>,
    ) -> StoreResult<SavedSchedules> {
        let schedules = schedules.to_vec();
        self.write(move |connection| {
            let stored = stored(connection, job)?;
            let changes = ScheduleChanges::between(&stored, &schedules, now);
            let mut upsert = connection.prepare_cached(
                "INSERT INTO declared_schedule (job, label, schedule) VALUES (?1, ?2, ?3) \
                 ON CONFLICT (job, label) DO UPDATE SET schedule = ?3",
            )?;
            for saved in &changes.save {
                let label = saved.schedule.label.as_str();
                upsert.execute(params![job.as_str(), label, json(saved)?])?;
            }
            let mut delete = connection
                .prepare_cached("DELETE FROM declared_schedule WHERE job = ?1 AND label = ?2")?;
            for label in &changes.remove {
                delete.execute([job.as_str(), label.as_str()])?;
            }
            Ok(changes.into_saved())
        })
        .await
    }
}

/// A job's stored schedules; `None` is one that only a newer version can read.
fn stored(
    connection: &Connection,
    job: JobName,
) -> Result<BTreeMap<Label, Option<StoredSchedule>>, Fault> {
    let rows = all(
        connection,
        "SELECT label, schedule FROM declared_schedule WHERE job = ?1 ORDER BY label",
        [job.as_str()],
        |row| {
            let row = StoredRow::new("declared_schedule", "label", row);
            Ok((row.parsed("label")?, row.json("schedule").ok()))
        },
    )?;
    Ok(rows.into_iter().collect())
}
