//! Stores who changed what.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use hippo_core::audit::{AUDIT_RETENTION, AuditEntry};
use hippo_core::ids::FamilyId;
use hippo_core::store::{AuditStore, StoreResult};
use rusqlite::params;

use super::row::{StoredRow, json, time};
use super::{SqliteStore, page};

#[async_trait]
impl AuditStore for SqliteStore {
    async fn add_audit_entry(&self, entry: &AuditEntry) -> StoreResult<()> {
        let entry = entry.clone();
        self.write(move |connection| {
            connection
                .prepare_cached("DELETE FROM audit WHERE at < ?1")?
                .execute([time(entry.at - AUDIT_RETENTION)])?;
            connection
                .prepare_cached("INSERT OR REPLACE INTO audit VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![
                    time(entry.at),
                    entry.id.to_string(),
                    entry.family.as_ref().map(FamilyId::as_str),
                    json(&entry)?
                ])?;
            Ok(())
        })
        .await
    }

    async fn recent_audit_entries(
        &self,
        family: Option<&FamilyId>,
        since: DateTime<Utc>,
        limit: usize,
    ) -> StoreResult<Vec<AuditEntry>> {
        let family = family.cloned();
        self.read(move |connection| {
            let family = family.as_ref().map(FamilyId::as_str);
            let sql = match family {
                Some(_) => {
                    "SELECT id, entry FROM audit WHERE family = ?2 AND at >= ?1
                     ORDER BY at DESC, id DESC"
                }
                None => {
                    "SELECT id, entry FROM audit WHERE at >= ?1 AND ?2 IS NULL
                     ORDER BY at DESC, id DESC"
                }
            };
            page(
                connection,
                sql,
                params![time(since), family],
                limit,
                |row| StoredRow::new("audit", "id", row).json("entry"),
            )
        })
        .await
    }
}
