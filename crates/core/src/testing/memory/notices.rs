//! The records of the notices.

use async_trait::async_trait;
use chrono::NaiveDate;

use super::{Inside, MemoryStore};
use crate::ids::FamilyId;
use crate::notice::record::{NoticeRecord, NoticeState};
use crate::notice::told::Told;
use crate::store::{NoticeCursor, NoticeStore, StoreError, StoreOrigin, StoreResult};

#[async_trait]
impl NoticeStore for MemoryStore {
    async fn plan_notice(&self, record: &NoticeRecord) -> StoreResult<bool> {
        let mut inside = self.lock();
        if !inside.families.contains_key(&record.family) {
            return Err(StoreError::NotFound(format!("family “{}”", record.family)));
        }
        let key = (record.date, record.family.clone());
        if inside.notices.contains_key(&key) {
            return Ok(false);
        }
        let is_open = matches!(record.state, NoticeState::Pending | NoticeState::Missed);
        if let Some(fence) = inside.sent.get(&key).copied().filter(|_| is_open) {
            let held = record.hold(fence, record.planned_at);
            inside
                .notices
                .insert(key, (held.to_keep().into_owned(), None));
            return Ok(false);
        }
        inside
            .notices
            .insert(key, (record.to_keep().into_owned(), None));
        Ok(true)
    }

    async fn notice(
        &self,
        family: &FamilyId,
        date: NaiveDate,
    ) -> StoreResult<Option<NoticeRecord>> {
        let key = (date, family.clone());
        Ok(self
            .lock()
            .notices
            .get(&key)
            .map(|(record, _)| record.clone()))
    }

    async fn replace_notice(
        &self,
        revision: u64,
        record: &NoticeRecord,
        told: Option<&Told>,
    ) -> StoreResult<bool> {
        let key = (record.date, record.family.clone());
        let Inside { notices, sent, .. } = &mut *self.lock();
        match notices.get_mut(&key) {
            Some((stored, stored_told)) if stored.revision == revision => {
                if record.state == NoticeState::Sending {
                    sent.insert(key, record.fence);
                }
                *stored = record.to_keep().into_owned();
                if let Some(told) = told {
                    *stored_told = Some(told.clone());
                }
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    async fn open_notices(
        &self,
        after: Option<&NoticeCursor>,
        limit: usize,
    ) -> StoreResult<Vec<NoticeRecord>> {
        Ok(self
            .lock()
            .notices
            .values()
            .map(|(record, _)| record)
            .filter(|record| !record.is_over())
            .filter(|record| after.is_none_or(|after| NoticeCursor::from(*record) > *after))
            .take(limit)
            .cloned()
            .collect())
    }

    async fn last_told(&self, family: &FamilyId) -> StoreResult<Option<Told>> {
        Ok(self
            .lock()
            .notices
            .values()
            .rev()
            .filter(|(record, _)| record.family == *family && record.state == NoticeState::Sent)
            .find_map(|(_, told)| told.clone()))
    }

    async fn origin(&self) -> StoreResult<StoreOrigin> {
        Ok(self.lock().origin.unwrap_or(StoreOrigin::Known))
    }

    async fn end_restore(&self) -> StoreResult<()> {
        self.lock().origin = None;
        Ok(())
    }

    async fn sent_before(&self, family: &FamilyId, date: NaiveDate) -> StoreResult<Option<u64>> {
        let key = (date, family.clone());
        Ok(self.lock().sent.get(&key).copied())
    }

    async fn recent_notices(
        &self,
        family: &FamilyId,
        limit: usize,
    ) -> StoreResult<Vec<NoticeRecord>> {
        Ok(self
            .lock()
            .notices
            .values()
            .rev()
            .filter(|(record, _)| record.family == *family)
            .take(limit)
            .map(|(record, _)| record.clone())
            .collect())
    }
}
