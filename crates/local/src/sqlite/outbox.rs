//! Stores the outbox.

use std::sync::Arc;

use async_trait::async_trait;
use hippo_core::ids::FamilyId;
use hippo_core::notice::last_notice::LastNotice;
use hippo_core::outbox::{MailKey, MailKind, MailState, OutboxRecord};
use hippo_core::store::{OutboxCursor, OutboxStore, StoreOrigin, StoreResult};
use rusqlite::{Connection, Row, named_params, params};

use super::fault::Fault;
use super::row::{StoredRow, integer, json, time};
use super::{SqliteStore, all, families, first, meta, page};

#[async_trait]
impl OutboxStore for SqliteStore {
    async fn plan_mail(&self, record: &OutboxRecord) -> StoreResult<bool> {
        let (record, journal) = (record.clone(), Arc::clone(&self.journal));
        self.write(move |connection| {
            if !families::exists(connection, &record.family)? {
                return Err(families::family_not_found(&record.family));
            }
            let is_open = matches!(record.state, MailState::Pending | MailState::Missed);
            let sent = match is_open {
                true => journal.sent_fence(&record.key())?,
                false => None,
            };
            let planned = match sent {
                Some(fence) => record.hold(fence, record.planned_at),
                None => record,
            };
            let inserted = write_record(
                connection,
                "INSERT INTO outbox VALUES
                     (:kind, :family, :date, :state, :revision, :owner, :fence, :lease_until, :not_before,
                      :attempts, :doubts, :events_from, :recipients, :retries, :retry_until,
                      :body_hash, :message_id, :reason, :planned_at, :changed_at, :last_notice, :is_open,
                      :unsubscribe_links)
                 ON CONFLICT DO NOTHING",
                &planned,
                None,
                None,
            )?;
            Ok(inserted > 0 && sent.is_none())
        })
        .await
    }

    async fn mail(&self, key: &MailKey) -> StoreResult<Option<OutboxRecord>> {
        let key = key.clone();
        self.read(move |connection| {
            first(
                connection,
                "SELECT * FROM outbox WHERE kind = ?1 AND family = ?2 AND date = ?3",
                [
                    key.kind.as_str(),
                    key.family.as_str(),
                    &key.date.to_string(),
                ],
                from_row,
            )
        })
        .await
    }

    async fn replace_mail(
        &self,
        expected_revision: u64,
        record: &OutboxRecord,
        last_notice: Option<&LastNotice>,
    ) -> StoreResult<bool> {
        let (record, last_notice) = (record.clone(), last_notice.cloned());
        let journal = Arc::clone(&self.journal);
        self.write(move |connection| {
            let replaced = write_record(
                connection,
                "UPDATE outbox SET state = :state, revision = :revision, owner = :owner,
                     fence = :fence, lease_until = :lease_until, not_before = :not_before,
                     attempts = :attempts, body_hash = :body_hash, message_id = :message_id,
                     reason = :reason, planned_at = :planned_at, changed_at = :changed_at,
                     last_notice = coalesce(:last_notice, last_notice), doubts = :doubts,
                     events_from = :events_from, recipients = :recipients,
                     retries = :retries, retry_until = :retry_until, is_open = :is_open,
                     unsubscribe_links = :unsubscribe_links
                 WHERE kind = :kind AND family = :family AND date = :date AND revision = :read_revision",
                &record,
                last_notice.as_ref(),
                Some(expected_revision),
            )?;
            if replaced > 0 && record.state == MailState::Sending {
                // The journal must be durable before the record: a mail that may be sent is never lost
                // from it.
                journal.record(&record.key(), record.fence)?;
            }
            Ok(replaced > 0)
        })
        .await
    }

    async fn open_mails(
        &self,
        after: Option<&OutboxCursor>,
        limit: usize,
    ) -> StoreResult<Vec<OutboxRecord>> {
        // The empty text sorts before every mail.
        let (date, kind, family) = after
            .map(|after| {
                let (kind, family) = (after.kind.to_string(), after.family.to_string());
                (after.date.to_string(), kind, family)
            })
            .unwrap_or_default();
        self.read(move |connection| {
            page(
                connection,
                // The same condition as the partial index, so that SQLite uses it.
                "SELECT * FROM outbox
                 WHERE is_open
                     AND (date, kind, family) > (?1, ?2, ?3)
                 ORDER BY date, kind, family",
                params![date, kind, family],
                limit,
                from_row,
            )
        })
        .await
    }

    async fn last_sent_notice(&self, family: &FamilyId) -> StoreResult<Option<LastNotice>> {
        let family = family.clone();
        self.read(move |connection| {
            first(
                connection,
                "SELECT family, last_notice FROM outbox
                 WHERE kind = ?1 AND family = ?2 AND state = 'SENT' AND last_notice IS NOT NULL
                 ORDER BY date DESC LIMIT 1",
                [MailKind::DAILY.as_str(), family.as_str()],
                |row| StoredRow::new("outbox", "family", row).json("last_notice"),
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
        self.write(move |connection| meta::add_to_journal(connection, &journal))
            .await
    }

    async fn last_sent_fence(&self, key: &MailKey) -> StoreResult<Option<u64>> {
        let (key, journal) = (key.clone(), Arc::clone(&self.journal));
        self.read(move |_| journal.sent_fence(&key)).await
    }

    async fn recent_mails(
        &self,
        kind: &MailKind,
        family: &FamilyId,
        limit: usize,
    ) -> StoreResult<Vec<OutboxRecord>> {
        let (kind, family) = (kind.clone(), family.clone());
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.read(move |connection| {
            all(
                connection,
                "SELECT * FROM outbox WHERE kind = ?1 AND family = ?2 ORDER BY date DESC LIMIT ?3",
                params![kind.as_str(), family.as_str(), limit],
                from_row,
            )
        })
        .await
    }
}

/// Runs an insert or update with the record's values.
fn write_record(
    connection: &Connection,
    sql: &str,
    record: &OutboxRecord,
    last_notice: Option<&LastNotice>,
    read_revision: Option<u64>,
) -> Result<usize, Fault> {
    let record = record.to_stored();
    let read_revision = read_revision.map(integer).transpose()?;
    let mut statement = connection.prepare_cached(sql)?;
    let last_notice = last_notice.map(json).transpose()?;
    let columns = named_params! {
        ":kind": record.kind.as_str(),
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
        ":last_notice": last_notice,
        ":doubts": record.doubts,
        ":events_from": integer(record.events_from)?,
        ":recipients": json(&record.recipients)?,
        ":retries": record.retries,
        ":retry_until": record.retry_until.map(time),
        ":is_open": !record.is_over(),
        ":unsubscribe_links": json(&record.unsubscribe_links)?,
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

fn from_row(row: &Row<'_>) -> Result<OutboxRecord, Fault> {
    let stored = StoredRow::new("outbox", "family", row);
    Ok(OutboxRecord {
        kind: stored.parsed("kind")?,
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
        events_from: stored.count("events_from")?,
        recipients: stored.json("recipients")?,
        unsubscribe_links: stored.json("unsubscribe_links")?,
        retries: stored.count("retries")?,
        retry_until: stored.optional_parsed("retry_until")?,
        body_hash: stored.optional_text("body_hash")?,
        message_id: stored.optional_text("message_id")?,
        reason: stored.optional_text("reason")?,
        planned_at: stored.parsed("planned_at")?,
        changed_at: stored.parsed("changed_at")?,
    })
}
