//! Stores the daily history of the runs.

use async_trait::async_trait;
use chrono::NaiveDate;
use hippo_core::ids::Label;
use hippo_core::run::JobName;
use hippo_core::run::day::{DayKey, RunDay, Square};
use hippo_core::store::{RunDayStore, StoreResult};

use super::fault::Fault;
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
                |row| read_day(&StoredRow::new("run_day", "date", row)),
            )
        })
        .await
    }

    async fn days_of_label(
        &self,
        job: JobName,
        label: &Label,
        from: NaiveDate,
        to: NaiveDate,
    ) -> StoreResult<Vec<(DayKey, RunDay)>> {
        let dates: Vec<NaiveDate> = dates(from, to).collect();
        let (dates, label) = (json(&dates), label.to_string());
        self.read(move |connection| {
            all(
                connection,
                // The whole key, so that each date is one look-up.
                "SELECT * FROM run_day
                 WHERE date IN (SELECT value FROM json_each(?1)) AND job = ?2 AND label = ?3
                 ORDER BY date",
                [dates?.as_str(), job.as_str(), &label],
                |row| read_day(&StoredRow::new("run_day", "date", row)),
            )
        })
        .await
    }
}

fn dates(from: NaiveDate, to: NaiveDate) -> impl Iterator<Item = NaiveDate> {
    from.iter_days().take_while(move |date| *date <= to)
}

fn read_day(stored: &StoredRow<'_, '_>) -> Result<(DayKey, RunDay), Fault> {
    let key = DayKey {
        date: stored.parsed("date")?,
        job: stored.word("job")?,
        label: stored.parsed("label")?,
    };
    Ok((key, stored.json("day")?))
}
