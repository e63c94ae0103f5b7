//! Reads a picture's size from its header, without decoding it.

use super::PictureFormat;

/// A picture's size in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "width and height")]
pub struct PixelSize {
    pub width: u32,
    pub height: u32,
}

impl PixelSize {
    /// Reads the size; `None` if the header is damaged or of an unknown kind.
    pub fn read(format: PictureFormat, bytes: &[u8]) -> Option<Self> {
        let size = match format {
            PictureFormat::Png => Self {
                width: big_endian(bytes.get(16..20)?),
                height: big_endian(bytes.get(20..24)?),
            },
            PictureFormat::Gif => Self {
                width: little_endian(bytes.get(6..8)?),
                height: little_endian(bytes.get(8..10)?),
            },
            PictureFormat::Jpeg => read_jpeg(bytes)?,
            PictureFormat::WebP => read_webp(bytes)?,
        };
        (size.width > 0 && size.height > 0).then_some(size)
    }
}

fn big_endian(bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .fold(0, |number, byte| (number << 8) | u32::from(*byte))
}

fn little_endian(bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .rev()
        .fold(0, |number, byte| (number << 8) | u32::from(*byte))
}

/// Skips a JPEG's segments up to its frame header.
fn read_jpeg(bytes: &[u8]) -> Option<PixelSize> {
    let mut at = 2;
    loop {
        if *bytes.get(at)? != 0xff {
            return None;
        }
        let marker = *bytes.get(at + 1)?;
        match marker {
            // Fill bytes and markers without a length.
            0xff => at += 1,
            0x01 | 0xd0..=0xd8 => at += 2,
            // Frame headers; three markers in that range mean something else.
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => {
                return Some(PixelSize {
                    height: big_endian(bytes.get(at + 5..at + 7)?),
                    width: big_endian(bytes.get(at + 7..at + 9)?),
                });
            }
            0xd9 | 0xda => return None,
            _ => {
                let length = big_endian(bytes.get(at + 2..at + 4)?);
                at += 2 + usize::try_from(length).ok()?.max(2);
            }
        }
    }
}

/// Reads a WebP's first chunk: lossy, lossless or extended.
fn read_webp(bytes: &[u8]) -> Option<PixelSize> {
    match bytes.get(12..16)? {
        b"VP8 " => Some(PixelSize {
            width: little_endian(bytes.get(26..28)?) & 0x3fff,
            height: little_endian(bytes.get(28..30)?) & 0x3fff,
        }),
        b"VP8L" => {
            let packed = little_endian(bytes.get(21..25)?);
            Some(PixelSize {
                width: (packed & 0x3fff) + 1,
                height: ((packed >> 14) & 0x3fff) + 1,
            })
        }
        b"VP8X" => Some(PixelSize {
            width: little_endian(bytes.get(24..27)?) + 1,
            height: little_endian(bytes.get(27..30)?) + 1,
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    const JPEG: &[u8] = b"\xff\xd8\xff\xe0\0\x04ab\xff\xff\xc2\0\x11\x08\x01\xe0\x02\x80\x03";

    #[rstest]
    #[case(
        PictureFormat::Png,
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x02\x80\0\0\x01\xe0\x08",
        640,
        480
    )]
    #[case(PictureFormat::Gif, b"GIF89a\x80\x02\xe0\x01\0", 640, 480)]
    #[case(PictureFormat::Jpeg, JPEG, 640, 480)]
    #[case(
        PictureFormat::WebP,
        b"RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9d\x01\x2a\x80\x02\xe0\x01",
        640,
        480
    )]
    #[case(
        PictureFormat::WebP,
        b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f\x7f\xc2\x77\0",
        640,
        480
    )]
    #[case(
        PictureFormat::WebP,
        b"RIFF\0\0\0\0WEBPVP8X\0\0\0\0\0\0\0\0\x7f\x02\0\xdf\x01\0",
        640,
        480
    )]
    fn size_is_read_from_the_header(
        #[case] format: PictureFormat,
        #[case] bytes: &[u8],
        #[case] width: u32,
        #[case] height: u32,
    ) {
        let size = PixelSize::read(format, bytes);
        assert_eq!(size, Some(PixelSize { width, height }));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            for format in PictureFormat::ALL {
                let _ = PixelSize::read(format, &bytes);
                let _ = PixelSize::read(format, &[JPEG.get(..8).unwrap(), &bytes].concat());
            }
        }
    }
}
