//! Stores the pauses of the schedules.

use async_trait::async_trait;
use hippo_core::schedule::Pause;
use hippo_core::store::{PauseStore, StoreResult};
use rusqlite::{Row, named_params};

use super::fault::Fault;
use super::row::{StoredRow, time};
use super::{SqliteStore, all, first};

#[async_trait]
impl PauseStore for SqliteStore {
    async fn pauses(&self) -> StoreResult<Vec<Pause>> {
        self.read(|connection| {
            all(
                connection,
                "SELECT * FROM pause ORDER BY since, label",
                [],
                from_row,
            )
        })
        .await
    }

    async fn replace_pause(&self, before: Option<&Pause>, after: &Pause) -> StoreResult<bool> {
        let (before, after) = (before.cloned(), after.clone());
        self.write(move |connection| {
            let since = time(after.since);
            let stored = first(
                connection,
                "SELECT * FROM pause WHERE since = ?1 AND label = ?2",
                [since.as_str(), label_text(&after)],
                from_row,
            )?;
            if stored != before {
                return Ok(false);
            }
            connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO pause (since, label, until, by, why)
                     VALUES (:since, :label, :until, :by, :why)",
                )?
                .execute(named_params! {
                    ":since": since,
                    ":label": label_text(&after),
                    ":until": after.until.map(time),
                    ":by": after.by,
                    ":why": after.why,
                })?;
            Ok(true)
        })
        .await
    }
}

/// The label's column, which is empty for the pause of all schedules.
fn label_text(pause: &Pause) -> &str {
    pause.label.as_ref().map_or("", |label| label.as_str())
}

fn from_row(row: &Row<'_>) -> Result<Pause, Fault> {
    let stored = StoredRow::new("pause", "label", row);
    let label = stored.text("label")?;
    Ok(Pause {
        label: match label.is_empty() {
            true => None,
            false => Some(stored.parsed("label")?),
        },
        since: stored.parsed("since")?,
        until: stored.optional_parsed("until")?,
        by: stored.text("by")?,
        why: stored.optional_text("why")?,
    })
}
