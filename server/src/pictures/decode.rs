//! Decodes an uploaded picture within bounds and encodes it anew, so that the result holds pixels only.
//!
//! Re-encoding removes Exif and GPS, comments, colour profiles, hidden trailers and whatever else a file can carry. It
//! blocks for a second or two and takes up to 256 MiB: run it on a [`Pool`](crate::pool::Pool) with one thread.

mod colour;
mod jpeg;
mod webp;

use std::io::Cursor;

use image::codecs::jpeg::{JpegDecoder, JpegEncoder};
use image::codecs::png::{PngDecoder, PngEncoder};
use image::codecs::webp::{WebPDecoder, WebPEncoder};
use image::imageops::FilterType;
use image::{DynamicImage, ImageDecoder, ImageError, Limits};

use crate::error::ForeignPicture;
use crate::invalid::Fault;

/// The maximum size of an upload in bytes: a phone's JPEG of 48 megapixels has 10 to 16 million.
pub(crate) const MAX_BYTES: usize = 16 * MIB;
/// The longer side of a stored picture in pixels. Larger pictures are scaled down.
pub(crate) const STORED_SIDE: u32 = 1024;

const MIB: usize = 1024 * 1024;
/// The maximum side and the maximum area in pixels of a picture that is decoded. Current phone cameras make 12, 24, 48
/// and 50 megapixels; none of our decoders can scale down while decoding, so all pixels are in memory at the same time.
const MAX_SIDE: u32 = 8192;
const MAX_PIXELS: u64 = 8192 * 6144;
/// The maximum size of a decoded picture in bytes: the most pixels at three bytes each.
const MAX_PICTURE: u64 = 3 * MAX_PIXELS;
/// The memory that decoding may take in bytes: with the upload and the decoder's copy of it, 256 MiB.
const MAX_MEMORY: u64 = (256 * MIB - 2 * MAX_BYTES) as u64;
/// The bytes that a PNG's chunks (such as a compressed colour profile) may decompress to.
const PNG_CHUNKS: u64 = 16 * MIB as u64;
const JPEG_QUALITY: u8 = 85;

/// A picture ready to be stored and served.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Picture {
    /// `image/png`, `image/jpeg` or `image/webp`.
    pub(crate) content_type: &'static str,
    /// The file.
    pub(crate) bytes: Vec<u8>,
    /// Width in pixels, at most [`STORED_SIDE`].
    pub(crate) width: u32,
    /// Height in pixels, at most [`STORED_SIDE`].
    pub(crate) height: u32,
}

/// Why an upload was rejected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    /// Its content is neither PNG, JPEG nor WebP: 415.
    #[error("only PNG, JPEG and WebP pictures are accepted")]
    Type(ForeignPicture),
    /// Damaged, or too large to decode: 422.
    #[error("{0}")]
    Fault(Fault),
}

/// Damaged, truncated, or inconsistent with its header.
const BROKEN: Refused = Refused::Fault(Fault::BrokenPicture);
/// Decoding it would take too much memory.
const TOO_LARGE: Refused = Refused::Fault(Fault::LargePicture {
    side: MAX_SIDE,
    megapixels: MAX_PIXELS / 1_000_000,
    mib: MAX_BYTES / MIB,
});

impl From<ImageError> for Refused {
    fn from(error: ImageError) -> Self {
        if matches!(error, ImageError::Limits(_)) { TOO_LARGE } else { BROKEN }
    }
}

/// Decodes an upload and re-encodes it in its own format, upright and at most [`STORED_SIDE`] pixels a side.
///
/// The content determines the format, never a name or a header. Only the first frame of an animation is kept.
pub(crate) fn decode(bytes: &[u8]) -> Result<Picture, Refused> {
    let format = Format::of(bytes).ok_or_else(|| Refused::Type(foreign(bytes)))?;
    if bytes.len() > MAX_BYTES {
        return Err(TOO_LARGE);
    }
    let picture = format.read(bytes)?;
    let (width, height) = (picture.width(), picture.height());
    Ok(Picture { content_type: format.content_type(), bytes: format.write(&picture)?, width, height })
}

/// Detects which format it is instead. HEIC and AVIF are files of ISO/IEC 14496-12, whose first box names the brand
/// (§4.3).
fn foreign(bytes: &[u8]) -> ForeignPicture {
    match (bytes.get(4..8), bytes.get(8..12)) {
        (Some(b"ftyp"), Some(b"avif" | b"avis")) => ForeignPicture::Avif,
        (
            Some(b"ftyp"),
            Some(b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"mif1" | b"msf1"),
        ) => ForeignPicture::Heic,
        _ if bytes.starts_with(b"GIF8") => ForeignPicture::Gif,
        _ => ForeignPicture::Other,
    }
}

#[derive(Clone, Copy)]
enum Format {
    Png,
    Jpeg,
    WebP,
}

impl Format {
    /// Detects the format by the signature at the very beginning; a file that merely contains a picture does not match.
    fn of(bytes: &[u8]) -> Option<Self> {
        if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
            Some(Self::Png)
        } else if bytes.starts_with(b"\xff\xd8\xff") {
            Some(Self::Jpeg)
        } else if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
            Some(Self::WebP)
        } else {
            None
        }
    }

    const fn content_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::WebP => "image/webp",
        }
    }

    fn read(self, bytes: &[u8]) -> Result<DynamicImage, Refused> {
        match self {
            Self::Png => {
                let mut limits = Limits::default();
                limits.max_image_width = Some(MAX_SIDE);
                limits.max_image_height = Some(MAX_SIDE);
                limits.max_alloc = Some(PNG_CHUNKS);
                let decoder = PngDecoder::with_limits(Cursor::new(bytes), limits)?;
                read(decoder, Cost { per_pixel: 0, flat: PNG_CHUNKS })
            }
            Self::Jpeg => {
                let survey = jpeg::survey(bytes).ok_or(BROKEN)?;
                let cost = Cost { per_pixel: survey.per_pixel(), flat: 0 };
                read(JpegDecoder::new(Cursor::new(bytes))?, cost)
            }
            Self::WebP => {
                let survey = webp::survey(bytes).ok_or(BROKEN)?;
                let cost = Cost { per_pixel: survey.per_pixel(), flat: survey.tables() };
                let decoder = WebPDecoder::new(Cursor::new(survey.file))?;
                let (width, height) = decoder.dimensions();
                // The decoder allocates a frame before it compares that frame's size with the file's.
                if survey.frame.0 > width || survey.frame.1 > height {
                    return Err(BROKEN);
                }
                read(decoder, cost)
            }
        }
    }

    fn write(self, picture: &DynamicImage) -> Result<Vec<u8>, Refused> {
        let mut bytes = Vec::new();
        match self {
            Self::Png => picture.write_with_encoder(PngEncoder::new(&mut bytes))?,
            Self::Jpeg => {
                picture.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY))?;
            }
            Self::WebP => picture.write_with_encoder(WebPEncoder::new_lossless(&mut bytes))?,
        }
        Ok(bytes)
    }
}

/// Bytes that a decoder needs in addition to its output.
#[derive(Clone, Copy)]
struct Cost {
    per_pixel: u64,
    flat: u64,
}

/// Decodes the picture: upright, scaled down, with eight bits per channel. Nothing is allocated for it before its size
/// is known to be acceptable.
fn read(mut decoder: impl ImageDecoder, cost: Cost) -> Result<DynamicImage, Refused> {
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    let picture = decoder.total_bytes();
    let memory = picture.saturating_add(pixels * cost.per_pixel).saturating_add(cost.flat);
    let too_many = width > MAX_SIDE || height > MAX_SIDE || pixels > MAX_PIXELS;
    if too_many || picture > MAX_PICTURE || memory > MAX_MEMORY {
        return Err(TOO_LARGE);
    }
    if pixels == 0 {
        return Err(BROKEN);
    }
    let orientation = decoder.orientation()?;
    // An unreadable profile is treated as missing.
    let profile = decoder.icc_profile().ok().flatten();
    let mut picture = eight_bits(fit(DynamicImage::from_decoder(decoder)?));
    if let Some(profile) = profile {
        colour::to_srgb(&mut picture, &profile);
    }
    picture.apply_orientation(orientation);
    Ok(picture)
}

/// Scales down to [`STORED_SIDE`]. The good filter works in wide floats and is slow, so a large picture is first
/// averaged down to twice the size.
fn fit(mut picture: DynamicImage) -> DynamicImage {
    let (width, height) = (picture.width(), picture.height());
    let longer = width.max(height);
    if longer <= STORED_SIDE {
        return picture;
    }
    let scaled = |side: u32| (side * STORED_SIDE / longer).max(1);
    let (width, height) = (scaled(width), scaled(height));
    if longer > 2 * STORED_SIDE {
        picture = picture.thumbnail_exact(2 * width, 2 * height);
    }
    picture.resize_exact(width, height, FilterType::CatmullRom)
}

fn eight_bits(picture: DynamicImage) -> DynamicImage {
    match picture {
        DynamicImage::ImageLuma16(_) => picture.to_luma8().into(),
        DynamicImage::ImageLumaA16(_) => picture.to_luma_alpha8().into(),
        DynamicImage::ImageRgb16(_) => picture.to_rgb8().into(),
        DynamicImage::ImageRgba16(_) => picture.to_rgba8().into(),
        eight => eight,
    }
}

#[cfg(test)]
mod tests;
