//! Pictures made here, honest and hostile.

use std::time::{Duration, Instant};

use image::{ImageBuffer, ImageEncoder, ImageFormat, Luma, Rgb, RgbImage, Rgba, RgbaImage};

use super::*;

const LIMIT: Duration = Duration::from_secs(1);

/// Left half red, right half blue, so that a rotation shows.
fn halves(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, _| if x < width / 2 { Rgb([250, 0, 0]) } else { Rgb([0, 0, 250]) })
}

fn low(number: u32) -> u8 {
    number.to_le_bytes()[0]
}

fn encoded(picture: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn decoded(picture: &Picture) -> RgbImage {
    image::load_from_memory(&picture.bytes).unwrap().to_rgb8()
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

/// A little-endian Exif block with an orientation, and a text in place of GPS data.
fn exif(orientation: u8) -> Vec<u8> {
    let mut block = b"II*\0\x08\0\0\0\x02\0".to_vec();
    block.extend([0x12, 0x01, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0]);
    // GPSInfo, then the end of the directory.
    block.extend([0x25, 0x88, 4, 0, 1, 0, 0, 0, 38, 0, 0, 0, 0, 0, 0, 0]);
    block.extend(b"GPS-52.5200N-13.4050E");
    block
}

fn with_exif(mut encoder: impl ImageEncoder, picture: &RgbImage, orientation: u8) {
    encoder.set_exif_metadata(exif(orientation)).unwrap();
    encoder.set_icc_profile(b"profile of a camera".to_vec()).unwrap();
    encoder
        .write_image(picture.as_raw(), picture.width(), picture.height(), image::ExtendedColorType::Rgb8)
        .unwrap();
}

#[test]
fn each_format_stays_what_it_is() {
    let cases = [
        (ImageFormat::Png, "image/png"),
        (ImageFormat::Jpeg, "image/jpeg"),
        (ImageFormat::WebP, "image/webp"),
    ];
    for (format, content_type) in cases {
        let picture = decode(&encoded(halves(64, 32), format)).unwrap();
        assert_eq!((picture.content_type, picture.width, picture.height), (content_type, 64, 32));
        assert_eq!(image::guess_format(&picture.bytes).unwrap(), format);
        let pixels = decoded(&picture);
        assert!(pixels.get_pixel(4, 4)[0] > 200 && pixels.get_pixel(60, 4)[2] > 200, "{content_type}");
        assert_eq!(
            decode(&picture.bytes).unwrap().content_type,
            content_type,
            "what was stored is accepted again"
        );
    }
}

#[test]
fn transparency_grey_and_deep_colour_survive() {
    let clear = RgbaImage::from_pixel(8, 8, Rgba([1, 2, 3, 77]));
    for format in [ImageFormat::Png, ImageFormat::WebP] {
        let picture = decode(&encoded(clear.clone(), format)).unwrap();
        assert_eq!(image::load_from_memory(&picture.bytes).unwrap().to_rgba8(), clear);
    }
    let deep: ImageBuffer<Luma<u16>, _> = ImageBuffer::from_pixel(8, 8, Luma([0x8000]));
    let picture = decode(&encoded(deep, ImageFormat::Png)).unwrap();
    let back = image::load_from_memory(&picture.bytes).unwrap();
    assert_eq!(back.as_luma8().unwrap().get_pixel(0, 0)[0], 0x80);
}

#[test]
fn f04_metadata_is_gone_and_the_orientation_applied() {
    // Orientation 6: the camera was turned; once upright, the left side is on top.
    let mut cases: [Vec<u8>; 3] = Default::default();
    let picture = halves(40, 20);
    with_exif(PngEncoder::new(&mut cases[0]), &picture, 6);
    with_exif(JpegEncoder::new_with_quality(&mut cases[1], 95), &picture, 6);
    with_exif(WebPEncoder::new_lossless(&mut cases[2]), &picture, 6);
    for bytes in cases {
        assert!(contains(&bytes, b"GPS-52.5200N"), "the test's own picture has a position");
        let picture = decode(&bytes).unwrap();
        assert_eq!((picture.width, picture.height), (20, 40), "{}", picture.content_type);
        let pixels = decoded(&picture);
        assert!(
            pixels.get_pixel(10, 4)[0] > 200 && pixels.get_pixel(10, 36)[2] > 200,
            "{}",
            picture.content_type
        );
        for trace in [b"GPS".as_slice(), b"Exif", b"EXIF", b"eXIf", b"II*\0", b"iCCP", b"ICC", b"camera"] {
            assert!(!contains(&picture.bytes, trace), "{} in {}", trace.escape_ascii(), picture.content_type);
        }
    }
}

#[test]
fn f03_what_is_appended_is_gone() {
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP] {
        let bytes = [encoded(halves(8, 8), format), b"<html><script>alert(1)</script>".to_vec()].concat();
        assert!(!contains(&decode(&bytes).unwrap().bytes, b"script"));
    }
}

#[test]
fn f03_other_types_are_refused_by_their_content() {
    let picture = encoded(halves(8, 8), ImageFormat::Jpeg);
    let in_pdf = [b"%PDF-1.7\n".as_slice(), &picture].concat();
    let foreign: [&[u8]; 9] = [
        b"",
        b"GIF89a\x01\0\x01\0\0\0\0;",
        b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>",
        b"<!DOCTYPE html><html>",
        b"BM\x1a\0\0\0",
        b"II*\0\x08\0\0\0",
        b"RIFF\x04\0\0\0WAVE",
        b"\x89PNG\r\n",
        &in_pdf,
    ];
    for bytes in foreign {
        assert!(matches!(decode(bytes), Err(Refused::Type(_))), "{}", bytes.escape_ascii());
    }
}

#[test]
fn f03_what_phones_save_and_we_do_not_take_is_called_by_its_name() {
    let boxed = |brand: &[u8]| [b"\0\0\0\x18ftyp", brand, b"\0\0\0\0mif1"].concat();
    for (bytes, foreign) in [
        (boxed(b"heic"), ForeignPicture::Heic),
        (boxed(b"mif1"), ForeignPicture::Heic),
        (boxed(b"avif"), ForeignPicture::Avif),
        (boxed(b"mp42"), ForeignPicture::Other),
        (b"GIF89a\x01\0\x01\0\0\0\0;".to_vec(), ForeignPicture::Gif),
        (b"%PDF-1.7".to_vec(), ForeignPicture::Other),
    ] {
        assert_eq!(decode(&bytes).err(), Some(Refused::Type(foreign)));
    }
}

#[test]
fn the_limits_that_people_read_are_those_that_hold() {
    let sentence = TOO_LARGE.to_string();
    for limit in ["8192 pixels a side", "50 megapixels", "16 MiB"] {
        assert!(sentence.contains(limit), "{sentence}");
    }
    // The page builds its text from the fault; the hint next to the field has its own numbers.
    let files = [
        include_str!("../../messages/en.toml"),
        include_str!("../../messages/de.toml"),
        include_str!("../../messages/es.toml"),
    ];
    for texts in files {
        let hint = texts.lines().find(|line| line.starts_with("picture_hint")).unwrap().to_lowercase();
        assert!(["16 mb", "50 meg"].iter().all(|limit| hint.contains(limit)), "{hint}");
    }
    assert_eq!((MAX_SIDE, MAX_PIXELS / 1_000_000, MAX_BYTES / MIB), (8192, 50, 16));
}

/// A photo like a phone camera's: baseline JPEG, rotated, in Display P3.
#[test]
fn photos_of_todays_phones_are_taken() {
    let p3 = moxcms::ColorProfile::new_display_p3().encode().unwrap();
    for (width, height) in [(5712, 4284), (8064, 6048), (8192, 6144)] {
        let row: Vec<u8> = [200, 100, 50].repeat(usize::try_from(width).unwrap());
        let photo = RgbImage::from_raw(width, height, row.repeat(usize::try_from(height).unwrap())).unwrap();
        let mut bytes = Vec::new();
        let mut encoder = JpegEncoder::new_with_quality(&mut bytes, 90);
        encoder.set_exif_metadata(exif(6)).unwrap();
        encoder.set_icc_profile(p3.clone()).unwrap();
        photo.write_with_encoder(encoder).unwrap();
        drop(photo);
        let begin = Instant::now();
        let picture = decode(&bytes).unwrap();
        assert_eq!((picture.width, picture.height), (768, 1024));
        let pixel = decoded(&picture).get_pixel(9, 9).0;
        assert!(pixel.iter().zip([215, 93, 31]).all(|(one, other)| one.abs_diff(other) < 6), "{pixel:?}");
        // One second in a release build.
        assert!(begin.elapsed() < 8 * LIMIT, "{width} took {:?}", begin.elapsed());
    }
}

#[test]
fn f04_a_picture_cut_short_is_broken() {
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP] {
        let noise = RgbImage::from_fn(64, 64, |x, y| Rgb([low(x * y), low(x * 7 + y), low(x ^ y)]));
        let bytes = encoded(noise, format);
        for part in [12, bytes.len() / 3, bytes.len() / 2, bytes.len() * 9 / 10] {
            assert_eq!(decode(&bytes[..part]).err(), Some(BROKEN), "{format:?} {part} of {}", bytes.len());
        }
    }
}

#[test]
fn f04_nothing_that_is_damaged_makes_the_decoder_panic() {
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP] {
        let bytes = encoded(halves(9, 9), format);
        for at in 0..bytes.len() {
            for value in [0, 0x7f, 0xff] {
                let mut damaged = bytes.clone();
                damaged[at] = value;
                // Either outcome is right, but a picture that is returned must be within its bounds.
                if let Ok(picture) = decode(&damaged) {
                    assert!(picture.width.max(picture.height) <= STORED_SIDE);
                }
            }
        }
    }
}

/// A PNG of a single colour whose header states any size; it has as much data as a decoder could ask for.
fn png(width: u32, height: u32, data: &[u8]) -> Vec<u8> {
    let chunk = |name: &[u8; 4], data: &[u8]| {
        let body = [name.as_slice(), data].concat();
        let size = u32::try_from(data.len()).unwrap().to_be_bytes();
        [size.as_slice(), &body, &crc(&body).to_be_bytes()].concat()
    };
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 6, 0, 0, 0]].concat();
    let signature = b"\x89PNG\r\n\x1a\n".to_vec();
    [signature, chunk(b"IHDR", &header), chunk(b"IDAT", data), chunk(b"IEND", b"")].concat()
}

/// PNG's CRC-32 (ISO 3309), bit by bit.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc: u32, _| {
            (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 }
        })
    })
}

#[test]
fn f04_bombs_are_refused_in_time() {
    let zeros = encoded(RgbaImage::new(256, 256), ImageFormat::Png);
    let lossy_in_small_canvas = {
        let vp8x = [b"VP8X\x0a\0\0\0\0\0\0\0".as_slice(), &[15, 0, 0, 15, 0, 0]].concat();
        let vp8 = [b"VP8 \x0a\0\0\0\x10\0\0\x9d\x01\x2a".as_slice(), &[0xff, 0x3f, 0xff, 0x3f]].concat();
        let chunks = [b"WEBP".to_vec(), vp8x, vp8].concat();
        [b"RIFF".as_slice(), &u32::try_from(chunks.len()).unwrap().to_le_bytes(), &chunks].concat()
    };
    let lossless_of_tables = {
        let data = [b"\x2f\x0f\xc0\x03\0".to_vec(), vec![0x55; 1 << 20]].concat();
        let chunk = [b"WEBPVP8L".as_slice(), &u32::try_from(data.len()).unwrap().to_le_bytes(), &data, b"\0"]
            .concat();
        [b"RIFF".as_slice(), &u32::try_from(chunk.len()).unwrap().to_le_bytes(), &chunk].concat()
    };
    let mut jpeg = encoded(halves(8, 8), ImageFormat::Jpeg);
    let frame = jpeg.windows(2).position(|pair| pair == b"\xff\xc0").unwrap();
    jpeg[frame + 5..frame + 9].fill(0xff);
    let bombs = [
        ("a header of 65 535 pixels a side", png(65_535, 65_535, &zeros), TOO_LARGE),
        ("a header of 2³¹ pixels a side", png(1 << 31, 1 << 31, &zeros), TOO_LARGE),
        ("more pixels than we decode", encoded(RgbImage::new(8192, 6145), ImageFormat::Png), TOO_LARGE),
        ("a side longer than we decode", encoded(RgbImage::new(8193, 1), ImageFormat::Png), TOO_LARGE),
        ("data for another size", png(3000, 3000, &[0x78, 0x9c, 0x03, 0, 0, 0, 0, 1]), BROKEN),
        ("a JPEG header of 65 535 pixels a side", jpeg, TOO_LARGE),
        ("a lossy frame larger than its canvas", lossy_in_small_canvas, BROKEN),
        ("a megabyte of Huffman tables", lossless_of_tables, TOO_LARGE),
        ("an upload of seventeen megabytes", [zeros, vec![0; 17 << 20]].concat(), TOO_LARGE),
    ];
    for (name, bytes, refused) in bombs {
        let begin = Instant::now();
        assert_eq!(decode(&bytes).err(), Some(refused), "{name}");
        assert!(begin.elapsed() < LIMIT, "{name} took {:?}", begin.elapsed());
    }
}

#[test]
fn the_largest_accepted_pictures_are_scaled_down_in_time() {
    let row: Vec<u8> = (0..4160 * 3).map(|at| low((at / 7) ^ at)).collect();
    let photo = RgbImage::from_raw(4160, 3120, row.repeat(3120)).unwrap();
    for format in [ImageFormat::Jpeg, ImageFormat::Png] {
        let bytes = encoded(photo.clone(), format);
        let begin = Instant::now();
        let picture = decode(&bytes).unwrap();
        assert_eq!((picture.width, picture.height), (1024, 768));
        // One second in a release build with a core of its own.
        assert!(begin.elapsed() < 5 * LIMIT, "{format:?} took {:?}", begin.elapsed());
    }
    let thin = decode(&encoded(RgbImage::new(8192, 1), ImageFormat::Png)).unwrap();
    assert_eq!((thin.width, thin.height), (1024, 1));
}
