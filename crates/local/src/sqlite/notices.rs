//! The notices.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::NaiveDate;
use hippo_core::ids::FamilyId;
use hippo_core::notice::record::{NoticeRecord, NoticeState};
use hippo_core::notice::told::Told;
use hippo_core::store::{NoticeCursor, NoticeStore, StoreOrigin, StoreResult};
use rusqlite::{Connection, Row, named_params, params};

use super::fault::Fault;
use super::row::{Stored, integer, json, time};
use super::{SqliteStore, all, families, first, meta, page};

#[async_trait]
impl NoticeStore for SqliteStore {
    async fn plan_notice(&self, record: &NoticeRecord) -> StoreResult<bool> {
        let (record, journal) = (record.clone(), Arc::clone(&self.journal));
        self.write(move |connection| {
            if !families::exists(connection, &record.family)? {
                return Err(families::no_family(&record.family));
            }
            let is_open = matches!(record.state, NoticeState::Pending | NoticeState::Missed);
            let sent = match is_open {
                true => journal.sent(&record.family, record.date)?,
                false => None,
            };
            let planned = match sent {
                Some(fence) => record.hold(fence, record.planned_at),
                None => record,
            };
            let put = put(
                connection,
                "INSERT INTO notice VALUES
                     (:family, :date, :state, :revision, :owner, :fence, :lease_until, :not_before,
                      :attempts, :body_hash, :message_id, :reason, :planned_at, :changed_at, :told,
                      :doubts, :evidence_from, :recipients, :retries, :retry_until, :is_open)
                 ON CONFLICT DO NOTHING",
                &planned,
                None,
                None,
            )?;
            Ok(put > 0 && sent.is_none())
        })
        .await
    }

    async fn notice(
        &self,
        family: &FamilyId,
        date: NaiveDate,
    ) -> StoreResult<Option<NoticeRecord>> {
        let family = family.clone();
        self.read(move |connection| {
            first(
                connection,
                "SELECT * FROM notice WHERE family = ?1 AND date = ?2",
                [family.as_str(), &date.to_string()],
                from_row,
            )
        })
        .await
    }

    async fn replace_notice(
        &self,
        revision: u64,
        record: &NoticeRecord,
        told: Option<&Told>,
    ) -> StoreResult<bool> {
        let (record, told) = (record.clone(), told.cloned());
        let journal = Arc::clone(&self.journal);
        self.write(move |connection| {
            let replaced = put(
                connection,
                "UPDATE notice SET state = :state, revision = :revision, owner = :owner,
                     fence = :fence, lease_until = :lease_until, not_before = :not_before,
                     attempts = :attempts, body_hash = :body_hash, message_id = :message_id,
                     reason = :reason, planned_at = :planned_at, changed_at = :changed_at,
                     told = coalesce(:told, told), doubts = :doubts,
                     evidence_from = :evidence_from, recipients = :recipients,
                     retries = :retries, retry_until = :retry_until, is_open = :is_open
                 WHERE family = :family AND date = :date AND revision = :read_revision",
                &record,
                told.as_ref(),
                Some(revision),
            )?;
            if replaced > 0 && record.state == NoticeState::Sending {
                // Durable before the record is: what may leave is known whatever becomes of it.
                journal.put(&record.family, record.date, record.fence)?;
            }
            Ok(replaced > 0)
        })
        .await
    }

    async fn open_notices(
        &self,
        after: Option<&NoticeCursor>,
        limit: usize,
    ) -> StoreResult<Vec<NoticeRecord>> {
        // Before every notice stands the empty text.
        let (date, family) = after
            .map(|after| (after.date.to_string(), after.family.to_string()))
            .unwrap_or_default();
        self.read(move |connection| {
            page(
                connection,
                // The condition of the index, word for word, so that it is used.
                "SELECT * FROM notice
                 WHERE is_open
                     AND (date, family) > (?1, ?2)
                 ORDER BY date, family",
                params![date, family],
                limit,
                from_row,
            )
        })
        .await
    }

    async fn last_told(&self, family: &FamilyId) -> StoreResult<Option<Told>> {
        let family = family.clone();
        self.read(move |connection| {
            first(
                connection,
                "SELECT family, told FROM notice
                 WHERE family = ?1 AND state = 'SENT' AND told IS NOT NULL
                 ORDER BY date DESC LIMIT 1",
                [family.as_str()],
                |row| Stored::new("notice", "family", row).json("told"),
            )
        })
        .await
    }

    async fn origin(&self) -> StoreResult<StoreOrigin> {
        let journal = Arc::clone(&self.journal);
        self.read(move |connection| meta::origin(connection, &journal))
            .await
    }

    async fn end_restore(&self) -> StoreResult<()> {
        let journal = Arc::clone(&self.journal);
        self.write(move |connection| meta::name(connection, &journal))
            .await
    }

    async fn sent_before(&self, family: &FamilyId, date: NaiveDate) -> StoreResult<Option<u64>> {
        let (family, journal) = (family.clone(), Arc::clone(&self.journal));
        self.read(move |_| journal.sent(&family, date)).await
    }

    async fn recent_notices(
        &self,
        family: &FamilyId,
        limit: usize,
    ) -> StoreResult<Vec<NoticeRecord>> {
        let family = family.clone();
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.read(move |connection| {
            all(
                connection,
                "SELECT * FROM notice WHERE family = ?1 ORDER BY date DESC LIMIT ?2",
                params![family.as_str(), limit],
                from_row,
            )
        })
        .await
    }
}

fn put(
    connection: &Connection,
    sql: &str,
    record: &NoticeRecord,
    told: Option<&Told>,
    read_revision: Option<u64>,
) -> Result<usize, Fault> {
    let record = record.to_keep();
    let read_revision = read_revision.map(integer).transpose()?;
    let mut statement = connection.prepare_cached(sql)?;
    let told = told.map(json).transpose()?;
    let columns = named_params! {
        ":family": record.family.as_str(),
        ":date": record.date.to_string(),
        ":state": record.state.as_str(),
        ":revision": integer(record.revision)?,
        ":owner": record.owner.map(|owner| owner.to_string()),
        ":fence": integer(record.fence)?,
        ":lease_until": record.lease_until.map(time),
        ":not_before": record.not_before.map(time),
        ":attempts": record.attempts,
        ":body_hash": record.body_hash,
        ":message_id": record.message_id,
        ":reason": record.reason,
        ":planned_at": time(record.planned_at),
        ":changed_at": time(record.changed_at),
        ":told": told,
        ":doubts": record.doubts,
        ":evidence_from": integer(record.evidence_from)?,
        ":recipients": json(&record.recipients)?,
        ":retries": record.retries,
        ":retry_until": record.retry_until.map(time),
        ":is_open": !record.is_over(),
    };
    for (name, value) in columns {
        let index = statement.parameter_index(name)?;
        if let Some(index) = index {
            statement.raw_bind_parameter(index, value)?;
        }
    }
    if let Some(index) = statement.parameter_index(":read_revision")? {
        statement.raw_bind_parameter(index, read_revision)?;
    }
    Ok(statement.raw_execute()?)
}

fn from_row(row: &Row<'_>) -> Result<NoticeRecord, Fault> {
    let stored = Stored::new("notice", "family", row);
    Ok(NoticeRecord {
        family: stored.parsed("family")?,
        date: stored.parsed("date")?,
        state: stored.word("state")?,
        revision: stored.count("revision")?,
        owner: stored.optional_parsed("owner")?,
        fence: stored.count("fence")?,
        lease_until: stored.optional_parsed("lease_until")?,
        not_before: stored.optional_parsed("not_before")?,
        attempts: stored.count("attempts")?,
        doubts: stored.count("doubts")?,
        evidence_from: stored.count("evidence_from")?,
        recipients: stored.json("recipients")?,
        retries: stored.count("retries")?,
        retry_until: stored.optional_parsed("retry_until")?,
        body_hash: stored.optional_text("body_hash")?,
        message_id: stored.optional_text("message_id")?,
        reason: stored.optional_text("reason")?,
        planned_at: stored.parsed("planned_at")?,
        changed_at: stored.parsed("changed_at")?,
    })
}
