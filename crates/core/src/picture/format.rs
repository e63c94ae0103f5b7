//! The formats of pictures that mail programs show.

use serde::{Deserialize, Serialize};

use super::{PictureFailure, PictureFailureKind};

/// A format of pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names of formats")]
pub enum PictureFormat {
    Jpeg,
    Png,
    Gif,
    WebP,
}

impl PictureFormat {
    /// Every format.
    pub const ALL: [Self; 4] = [Self::Jpeg, Self::Png, Self::Gif, Self::WebP];

    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Gif => "image/gif",
            Self::WebP => "image/webp",
        }
    }

    /// Its file extension, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Gif => "gif",
            Self::WebP => "webp",
        }
    }

    /// The format of a `Content-Type`.
    ///
    /// # Errors
    /// [`PictureFailureKind::NotAPicture`] for anything but these formats, so that nothing else is
    /// read to its end.
    pub fn from_content_type(header: Option<&str>) -> Result<Self, PictureFailure> {
        let refused =
            |detail: &str| Err(PictureFailure::new(PictureFailureKind::NotAPicture, detail));
        let media_type = header.unwrap_or_default();
        let media_type = media_type.split(';').next().unwrap_or_default().trim();
        match media_type.to_ascii_lowercase().as_str() {
            "image/jpeg" | "image/jpg" | "image/pjpeg" => Ok(Self::Jpeg),
            "image/png" | "image/x-png" => Ok(Self::Png),
            "image/gif" => Ok(Self::Gif),
            "image/webp" => Ok(Self::WebP),
            "" => refused("the response has no Content-Type"),
            "text/html" | "application/xhtml+xml" => {
                refused("the response is a web page, not a picture")
            }
            other if other.starts_with("image/") => {
                refused("the response is a picture, but not a JPEG, PNG, GIF or WebP")
            }
            _ => refused("the response's Content-Type isn't a picture's"),
        }
    }

    /// The format of a file, by its first bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let starts = |magic: &[u8]| bytes.starts_with(magic);
        if starts(b"\xff\xd8\xff") {
            Some(Self::Jpeg)
        } else if starts(b"\x89PNG\r\n\x1a\n") {
            Some(Self::Png)
        } else if starts(b"GIF87a") || starts(b"GIF89a") {
            Some(Self::Gif)
        } else if starts(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
            Some(Self::WebP)
        } else {
            None
        }
    }

    /// The format of a picture whose header and bytes agree.
    ///
    /// # Errors
    /// [`PictureFailureKind::NotAPicture`] by the header, or [`PictureFailureKind::WrongType`] if the
    /// bytes are something else.
    pub fn from_header_and_bytes(
        content_type: Option<&str>,
        bytes: &[u8],
    ) -> Result<Self, PictureFailure> {
        let declared = Self::from_content_type(content_type)?;
        let detail = match Self::from_bytes(bytes) {
            Some(found) if found == declared => return Ok(declared),
            Some(found) => format!(
                "the header says {}, but the picture is {}",
                declared.media_type(),
                found.media_type()
            ),
            None => format!(
                "the header says {}, but the content isn't one",
                declared.media_type()
            ),
        };
        Err(PictureFailure::new(PictureFailureKind::WrongType, detail))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const JPEG: &[u8] = b"\xff\xd8\xff\xe0\0\x10JFIF";
    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    const WEBP: &[u8] = b"RIFF\x10\0\0\0WEBPVP8 ";

    #[rstest]
    #[case("image/jpeg", JPEG, PictureFormat::Jpeg)]
    #[case("Image/JPG; charset=binary", JPEG, PictureFormat::Jpeg)]
    #[case("image/png", PNG, PictureFormat::Png)]
    #[case("image/gif", b"GIF89a\x01\0", PictureFormat::Gif)]
    #[case("image/webp", WEBP, PictureFormat::WebP)]
    fn picture_whose_header_and_bytes_agree_is_accepted(
        #[case] header: &str,
        #[case] bytes: &[u8],
        #[case] format: PictureFormat,
    ) {
        assert_eq!(
            PictureFormat::from_header_and_bytes(Some(header), bytes),
            Ok(format)
        );
    }

    #[rstest]
    #[case(None, JPEG, "not_a_picture")]
    #[case(Some("text/html; charset=utf-8"), JPEG, "not_a_picture")]
    #[case(Some("image/svg+xml"), b"<svg>", "not_a_picture")]
    #[case(Some("application/octet-stream"), JPEG, "not_a_picture")]
    #[case(Some("image/jpeg"), PNG, "wrong_type")]
    #[case(Some("image/png"), b"<!DOCTYPE html>", "wrong_type")]
    #[case(Some("image/webp"), b"RIFF\x10\0\0\0WAVE", "wrong_type")]
    #[case(Some("image/gif"), b"", "wrong_type")]
    fn anything_else_is_refused(
        #[case] header: Option<&str>,
        #[case] bytes: &[u8],
        #[case] kind: &str,
    ) {
        let failure = PictureFormat::from_header_and_bytes(header, bytes).unwrap_err();
        assert_eq!(failure.kind.as_str(), kind);
    }
}
