//! The picture of each date: how far its fetching got, and its bytes.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::StoreResult;
use crate::picture::{Picture, PictureFailure, PictureFormat};

/// How many days a picture's bytes are kept. A store may delete them later.
pub const PICTURE_RETENTION_DAYS: u32 = 3;

/// How far the fetching of a date's picture got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PictureDay {
    /// The local date, of every family.
    pub date: NaiveDate,
    /// Increases with every write; a write replaces only the revision that was read.
    pub revision: u64,
    /// The number of tries, with the one that goes on.
    pub tries: u32,
    /// When it entered this state.
    pub changed_at: DateTime<Utc>,
    /// Its state.
    pub state: PictureDayState,
}

/// The state of a date's picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum PictureDayState {
    /// A worker fetches it, or stopped while it did.
    Trying,
    /// It is there.
    Fetched(FetchedPicture),
    /// The source has none on that date.
    NoneToday {
        /// The hash of the last date's picture, if the source still had that one.
        repeated: Option<String>,
    },
    /// The last try failed.
    Failed {
        /// Why.
        failure: PictureFailure,
    },
}

impl PictureDayState {
    /// The hash of the picture that the source had, if it had one.
    pub fn hash(&self) -> Option<&str> {
        match self {
            Self::Fetched(picture) => Some(&picture.hash),
            Self::NoneToday { repeated } => repeated.as_deref(),
            Self::Trying | Self::Failed { .. } => None,
        }
    }
}

/// A fetched picture without its bytes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchedPicture {
    /// Its title.
    pub title: Option<String>,
    /// Its author or owner.
    pub credit: Option<String>,
    /// Its format.
    pub format: PictureFormat,
    /// SHA-256 of its bytes, in hexadecimal.
    pub hash: String,
}

impl std::fmt::Debug for FetchedPicture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FetchedPicture")
            .field("format", &self.format)
            .finish_non_exhaustive()
    }
}

impl FetchedPicture {
    /// The picture with these bytes.
    pub fn with_bytes(self, bytes: Arc<[u8]>) -> Picture {
        Picture {
            title: self.title,
            credit: self.credit,
            format: self.format,
            bytes,
        }
    }
}

/// Keeps the picture of each date.
#[async_trait]
pub trait PictureStore: Send + Sync {
    /// Returns how far a date's picture got; `None` before the first try.
    async fn picture_day(&self, date: NaiveDate) -> StoreResult<Option<PictureDay>>;

    /// Saves a date's record if the stored one still has the revision `expected_revision`; `None`: if there is
    /// none. False if another worker changed it.
    ///
    /// `bytes` are those of a fetched picture, at most [`crate::picture::MAX_PICTURE_BYTES`]. They
    /// are stored with the record, and kept for [`PICTURE_RETENTION_DAYS`].
    async fn save_picture_day(
        &self,
        expected_revision: Option<u64>,
        day: &PictureDay,
        bytes: Option<&[u8]>,
    ) -> StoreResult<bool>;

    /// Returns the bytes of a fetched picture; `None`: they are gone.
    async fn picture_bytes(
        &self,
        date: NaiveDate,
        picture: &FetchedPicture,
    ) -> StoreResult<Option<Arc<[u8]>>>;
}
