//! The pictures of the day.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::NaiveDate;

use super::MemoryStore;
use crate::store::{FetchedPicture, PictureDay, PictureStore, StoreResult};

#[async_trait]
impl PictureStore for MemoryStore {
    async fn picture_day(&self, date: NaiveDate) -> StoreResult<Option<PictureDay>> {
        Ok(self.read()?.pictures.get(&date).map(|(day, _)| day.clone()))
    }

    async fn save_picture_day(
        &self,
        expected_revision: Option<u64>,
        day: &PictureDay,
        bytes: Option<&[u8]>,
    ) -> StoreResult<bool> {
        let mut state = self.write()?;
        let stored = state.pictures.get(&day.date);
        if stored.map(|(stored, _)| stored.revision) != expected_revision {
            return Ok(false);
        }
        let stored = (day.clone(), bytes.map(Arc::from));
        state.pictures.insert(day.date, stored);
        Ok(true)
    }

    async fn picture_bytes(
        &self,
        date: NaiveDate,
        _picture: &FetchedPicture,
    ) -> StoreResult<Option<Arc<[u8]>>> {
        let state = self.read()?;
        Ok(state
            .pictures
            .get(&date)
            .and_then(|(_, bytes)| bytes.clone()))
    }
}
