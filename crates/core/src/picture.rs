//! The picture of the day: where it comes from, and what counts as one.
//!
//! A [`PictureSource`] names a picture, or a JSON or RSS document with the picture's address.
//! [`read_document`] reads the document, [`PictureFormat::from_header_and_bytes`] checks the picture's bytes, and a
//! [`PictureFetcher`] gets both. Nothing here knows the network.

mod compose;
mod document;
mod failure;
mod feed;
mod format;
mod json;
mod markup;
mod raw_link;
mod size;
mod source;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::NaiveDate;

pub use compose::{PictureMailInput, compose_picture_mail};
pub use document::{PictureLink, read_document};
pub use failure::{PictureFailure, PictureFailureKind};
pub use format::PictureFormat;
pub use size::PixelSize;
pub use source::{InvalidSource, PictureSource, SourceKind};

/// The most bytes of a picture, and of the document that names it.
pub const MAX_PICTURE_BYTES: usize = 5 * 1024 * 1024;

/// A fetched picture, with its bytes as the source served them.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    /// Its title, if the source has one.
    pub title: Option<String>,
    /// Its author or owner, if the source names them.
    pub credit: Option<String>,
    /// Its format, by header and content.
    pub format: PictureFormat,
    /// Its bytes.
    pub bytes: Arc<[u8]>,
}

impl Picture {
    /// The picture's size, if its header can be read.
    pub fn pixel_size(&self) -> Option<PixelSize> {
        PixelSize::read(self.format, &self.bytes)
    }
}

impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Picture")
            .field("format", &self.format)
            .field("length", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

/// Fetches the picture of the day.
#[async_trait]
pub trait PictureFetcher: Send + Sync {
    /// Fetches the source's picture of a date. `None`: the source has none on that date.
    ///
    /// Tries once, within the limits of the design: 10 seconds, 5 redirects, 5 MB.
    async fn fetch_picture(
        &self,
        source: &PictureSource,
        date: NaiveDate,
    ) -> Result<Option<Picture>, PictureFailure>;
}
