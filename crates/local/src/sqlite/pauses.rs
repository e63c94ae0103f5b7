//! Stores the pauses of the schedules.

use async_trait::async_trait;
use hippo_core::ids::Label;
use hippo_core::schedule::Pause;
use hippo_core::store::{PauseStore, StoreResult};
use rusqlite::{Row, named_params};

use super::fault::Fault;
use super::row::{StoredRow, time};
use super::{SqliteStore, all};

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

    async fn replace_pauses(
        &self,
        label: Option<&Label>,
        before: &[Pause],
        after: &[Pause],
    ) -> StoreResult<bool> {
        let label = label_text(label).to_owned();
        let (before, after) = (before.to_vec(), after.to_vec());
        self.write(move |connection| {
            let stored = all(
                connection,
                "SELECT * FROM pause WHERE label = ?1 ORDER BY since",
                [&label],
                from_row,
            )?;
            if stored != before {
                return Ok(false);
            }
            connection
                .prepare_cached("DELETE FROM pause WHERE label = ?1")?
                .execute([&label])?;
            for pause in after {
                connection
                    .prepare_cached(
                        "INSERT INTO pause (since, label, until, by, why)
                         VALUES (:since, :label, :until, :by, :why)",
                    )?
                    .execute(named_params! {
                        ":since": time(pause.since),
                        ":label": label,
                        ":until": pause.until.map(time),
                        ":by": pause.by,
                        ":why": pause.why,
                    })?;
            }
            Ok(true)
        })
        .await
    }
}

/// The label's column, which is empty for the pause of all schedules.
fn label_text(label: Option<&Label>) -> &str {
    label.map_or("", Label::as_str)
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
