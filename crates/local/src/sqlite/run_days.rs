//! Stores the daily history of the runs.

use async_trait::async_trait;
use chrono::NaiveDate;
use hippo_core::run::JobName;
use hippo_core::run::day::{DayKey, RunDay, Square};
use hippo_core::store::{RunDayStore, StoreResult};

use super::row::{StoredRow, json};
use super::{SqliteStore, all, first};

#[async_trait]
impl RunDayStore for SqliteStore {
    async fn upsert_squares(&self, day: &DayKey, squares: &[Square]) -> StoreResult<()> {
        let (key, squares) = (day.clone(), squares.to_vec());
        self.write(move |connection| {
            let date = key.date.to_string();
            let stored: Option<RunDay> = first(
                connection,
                "SELECT * FROM run_day WHERE date = ?1 AND job = ?2 AND label = ?3",
                [&date, key.job.as_str(), key.label.as_str()],
                |row| StoredRow::new("run_day", "date", row).json("day"),
            )?;
            let mut day = stored.unwrap_or_default();
            for square in squares {
                day.upsert(square);
            }
            connection
                .prepare_cached("INSERT OR REPLACE INTO run_day VALUES (?1, ?2, ?3, ?4)")?
                .execute([
                    date.as_str(),
                    key.job.as_str(),
                    key.label.as_str(),
                    &json(&day)?,
                ])?;
            Ok(())
        })
        .await
    }

    async fn run_days(&self, from: NaiveDate, to: NaiveDate) -> StoreResult<Vec<(DayKey, RunDay)>> {
        // A newer version may have stored runs of jobs that this one doesn't know.
        let jobs = json(&JobName::all());
        self.read(move |connection| {
            all(
                connection,
                "SELECT * FROM run_day
                 WHERE date BETWEEN ?1 AND ?2 AND job IN (SELECT value FROM json_each(?3))
                 ORDER BY date, job, label",
                [from.to_string(), to.to_string(), jobs?],
                |row| {
                    let stored = StoredRow::new("run_day", "date", row);
                    let key = DayKey {
                        date: stored.parsed("date")?,
                        job: stored.word("job")?,
                        label: stored.parsed("label")?,
                    };
                    Ok((key, stored.json("day")?))
                },
            )
        })
        .await
    }
}
