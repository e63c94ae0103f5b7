//! Stores the picture of each date.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{Days, NaiveDate};
use hippo_core::store::{
    FetchedPicture, PICTURE_RETENTION_DAYS, PictureDay, PictureStore, StoreResult,
};
use rusqlite::{OptionalExtension as _, params};

use super::row::{StoredRow, integer, json};
use super::{SqliteStore, first};

#[async_trait]
impl PictureStore for SqliteStore {
    async fn picture_day(&self, date: NaiveDate) -> StoreResult<Option<PictureDay>> {
        self.read(move |connection| {
            first(
                connection,
                "SELECT date, day FROM picture WHERE date = ?1",
                [date.to_string()],
                |row| StoredRow::new("picture", "date", row).json("day"),
            )
        })
        .await
    }

    async fn save_picture_day(
        &self,
        expected_revision: Option<u64>,
        day: &PictureDay,
        bytes: Option<&[u8]>,
    ) -> StoreResult<bool> {
        let (day, bytes) = (day.clone(), bytes.map(<[u8]>::to_vec));
        let kept_since = day
            .date
            .checked_sub_days(Days::new(PICTURE_RETENTION_DAYS.into()))
            .unwrap_or(day.date);
        self.write(move |connection| {
            connection
                .prepare_cached("UPDATE picture SET bytes = NULL WHERE date < ?1 AND bytes IS NOT NULL")?
                .execute([kept_since.to_string()])?;
            let values = params![
                day.date.to_string(),
                integer(day.revision)?,
                json(&day)?,
                bytes,
                expected_revision.map(integer).transpose()?
            ];
            let saved = match expected_revision {
                None => connection
                    .prepare_cached(
                        "INSERT INTO picture SELECT ?1, ?2, ?3, ?4 WHERE ?5 IS NULL ON CONFLICT DO NOTHING",
                    )?
                    .execute(values)?,
                Some(_) => connection
                    .prepare_cached(
                        "UPDATE picture SET revision = ?2, day = ?3, bytes = ?4
                         WHERE date = ?1 AND revision = ?5",
                    )?
                    .execute(values)?,
            };
            Ok(saved > 0)
        })
        .await
    }

    async fn picture_bytes(
        &self,
        date: NaiveDate,
        _picture: &FetchedPicture,
    ) -> StoreResult<Option<Arc<[u8]>>> {
        self.read(move |connection| {
            let bytes: Option<Option<Vec<u8>>> = connection
                .prepare_cached("SELECT bytes FROM picture WHERE date = ?1")?
                .query_row([date.to_string()], |row| row.get(0))
                .optional()?;
            Ok(bytes.flatten().map(Arc::from))
        })
        .await
    }
}
