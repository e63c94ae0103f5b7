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
        before: Option<u64>,
        day: &PictureDay,
        bytes: Option<&[u8]>,
    ) -> StoreResult<bool> {
        let mut inside = self.write()?;
        let stored = inside.pictures.get(&day.date);
        if stored.map(|(stored, _)| stored.revision) != before {
            return Ok(false);
        }
        let stored = (day.clone(), bytes.map(Arc::from));
        inside.pictures.insert(day.date, stored);
        Ok(true)
    }

    async fn picture_bytes(
        &self,
        date: NaiveDate,
        _picture: &FetchedPicture,
    ) -> StoreResult<Option<Arc<[u8]>>> {
        let inside = self.read()?;
        Ok(inside
            .pictures
            .get(&date)
            .and_then(|(_, bytes)| bytes.clone()))
    }
}
