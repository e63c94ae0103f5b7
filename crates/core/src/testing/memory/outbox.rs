//! The outbox.

use async_trait::async_trait;

use super::{MemoryStore, State};
use crate::ids::FamilyId;
use crate::notice::last_notice::LastNotice;
use crate::outbox::{MailKey, MailKind, MailState, OutboxRecord};
use crate::store::{OutboxCursor, OutboxStore, StoreError, StoreOrigin, StoreResult};

#[async_trait]
impl OutboxStore for MemoryStore {
    async fn plan_mail(&self, record: &OutboxRecord) -> StoreResult<bool> {
        let mut state = self.write()?;
        if !state.families.contains_key(&record.family) {
            return Err(StoreError::NotFound(format!("family “{}”", record.family)));
        }
        let cursor = OutboxCursor::from(record);
        if state.outbox.contains_key(&cursor) {
            return Ok(false);
        }
        let is_open = matches!(record.state, MailState::Pending | MailState::Missed);
        let sent = state.sent.get(&record.key()).copied();
        if let Some(fence) = sent.filter(|_| is_open) {
            let held = record.hold(fence, record.planned_at);
            state
                .outbox
                .insert(cursor, (held.to_stored().into_owned(), None));
            return Ok(false);
        }
        state
            .outbox
            .insert(cursor, (record.to_stored().into_owned(), None));
        Ok(true)
    }

    async fn mail(&self, key: &MailKey) -> StoreResult<Option<OutboxRecord>> {
        let state = self.read()?;
        let found = state.outbox.get(&OutboxCursor::from(key));
        Ok(found.map(|(record, _)| record.clone()))
    }

    async fn replace_mail(
        &self,
        expected_revision: u64,
        record: &OutboxRecord,
        last_notice: Option<&LastNotice>,
    ) -> StoreResult<bool> {
        let State { outbox, sent, .. } = &mut *self.write()?;
        match outbox.get_mut(&OutboxCursor::from(record)) {
            Some((stored, stored_notice)) if stored.revision == expected_revision => {
                if record.state == MailState::Sending {
                    sent.insert(record.key(), record.fence);
                }
                *stored = record.to_stored().into_owned();
                if let Some(last_notice) = last_notice {
                    *stored_notice = Some(last_notice.clone());
                }
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    async fn open_mails(
        &self,
        after: Option<&OutboxCursor>,
        limit: usize,
    ) -> StoreResult<Vec<OutboxRecord>> {
        Ok(self
            .read()?
            .outbox
            .values()
            .map(|(record, _)| record)
            .filter(|record| !record.is_over())
            .filter(|record| after.is_none_or(|after| OutboxCursor::from(*record) > *after))
            .take(limit)
            .cloned()
            .collect())
    }

    async fn last_sent_notice(&self, family: &FamilyId) -> StoreResult<Option<LastNotice>> {
        let is_sent_notice = |record: &OutboxRecord| {
            record.kind == MailKind::DAILY
                && record.family == *family
                && record.state == MailState::Sent
        };
        Ok(self
            .read()?
            .outbox
            .values()
            .rev()
            .filter(|(record, _)| is_sent_notice(record))
            .find_map(|(_, last_notice)| last_notice.clone()))
    }

    async fn origin(&self) -> StoreResult<StoreOrigin> {
        Ok(self.read()?.origin.unwrap_or(StoreOrigin::Known))
    }

    async fn end_restore(&self) -> StoreResult<()> {
        self.write()?.origin = None;
        Ok(())
    }

    async fn last_sent_fence(&self, key: &MailKey) -> StoreResult<Option<u64>> {
        Ok(self.read()?.sent.get(key).copied())
    }

    async fn recent_mails(
        &self,
        kind: &MailKind,
        family: &FamilyId,
        limit: usize,
    ) -> StoreResult<Vec<OutboxRecord>> {
        Ok(self
            .read()?
            .outbox
            .values()
            .rev()
            .map(|(record, _)| record)
            .filter(|record| record.kind == *kind && record.family == *family)
            .take(limit)
            .cloned()
            .collect())
    }
}
