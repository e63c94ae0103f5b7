//! Stores the picture of each date: its record, and its bytes in pieces that fit into items.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{NaiveDate, NaiveTime};
use hippo_core::store::{
    FetchedPicture, PICTURE_RETENTION_DAYS, PictureDay, PictureDayState, PictureStore, StoreResult,
};

use super::DynamoDbStore;
use super::expression::Expression;
use super::item::{Item, bytes as blob, number, text};
use super::keys::{Key, PIECES, picture};
use super::table::{Query, WriteOutcome};

/// How many bytes of a picture one item holds. DynamoDB allows 400 KB for the whole item.
const MAX_PIECE_BYTES: usize = 384 * 1024;

#[async_trait]
impl PictureStore for DynamoDbStore {
    async fn picture_day(&self, date: NaiveDate) -> StoreResult<Option<PictureDay>> {
        match self.table.get(&Key::picture(date)).await? {
            Some(item) => item.data().map(Some),
            None => Ok(None),
        }
    }

    /// Writes the bytes first, under their hash, so that a record never refers to other
    /// bytes.
    async fn save_picture_day(
        &self,
        expected_revision: Option<u64>,
        day: &PictureDay,
        bytes: Option<&[u8]>,
    ) -> StoreResult<bool> {
        let until = day.date.and_time(NaiveTime::MIN).and_utc()
            + chrono::Duration::days(i64::from(PICTURE_RETENTION_DAYS));
        let expires_at = number(until.timestamp());
        if let (Some(bytes), PictureDayState::Fetched(fetched)) = (bytes, &day.state) {
            for (index, piece) in bytes.chunks(MAX_PIECE_BYTES).enumerate() {
                let item = Item::new(&Key::piece(day.date, &fetched.hash, index))
                    .with("piece", blob(piece))
                    .with("expires_at", expires_at.clone());
                self.table.put(item, &Expression::default()).await?;
            }
        }
        let item = Item::new(&Key::picture(day.date))
            .with_data(day)?
            .with("revision", number(day.revision))
            .with("size", number(bytes.map_or(0, <[u8]>::len)))
            .with("expires_at", expires_at);
        let condition = expected_revision.map_or_else(Expression::absent, Expression::unchanged);
        let written = self.table.put(item, &condition).await?;
        Ok(matches!(written, WriteOutcome::Done))
    }

    async fn picture_bytes(
        &self,
        date: NaiveDate,
        fetched: &FetchedPicture,
    ) -> StoreResult<Option<Arc<[u8]>>> {
        let Some(record) = self.table.get(&Key::picture(date)).await? else {
            return Ok(None);
        };
        let keys = Expression::new("#pk = :pk AND begins_with(#sk, :piece)")
            .value(":pk", text(picture(date)))
            .value(":piece", text(format!("{PIECES}{}#", fetched.hash)));
        let pieces = self.table.query(&Query::table(keys)).await?;
        let bytes: Vec<u8> = pieces
            .iter()
            .filter_map(|item| item.bytes("piece"))
            .flatten()
            .copied()
            .collect();
        // A piece may have expired.
        let is_whole = record.number("size") == u64::try_from(bytes.len()).ok();
        Ok(is_whole.then(|| bytes.into()))
    }
}
