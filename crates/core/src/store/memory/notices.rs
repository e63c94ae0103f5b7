//! The records of the notices.

use async_trait::async_trait;
use chrono::NaiveDate;

use super::MemoryStore;
use crate::ids::FamilyId;
use crate::notice::record::{NoticeRecord, NoticeState};
use crate::notice::told::Told;
use crate::store::{NoticeCursor, NoticeStore, StoreError, StoreResult};

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
        inside.notices.insert(key, (record.clone(), None));
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
        match self.lock().notices.get_mut(&key) {
            Some((stored, stored_told)) if stored.revision == revision => {
                *stored = record.clone();
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
