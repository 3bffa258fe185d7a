//! Converts a camera's colours to sRGB, which every browser assumes for a picture without a profile.
//!
//! Phones save pictures in Display P3. Without its profile such a picture looks pale.

use image::DynamicImage;
use moxcms::{ColorProfile, Layout, TransformOptions};

/// The maximum size of a profile that is read, in bytes. Cameras' profiles have about 500; printers' have
/// megabytes.
const LARGEST: usize = 64 * 1024;

/// Converts a picture with this ICC profile to sRGB. Only profiles of three primaries and curves are supported,
/// which are those of cameras and screens. Any other picture stays as it is, including greyscale ones.
pub(super) fn to_srgb(picture: &mut DynamicImage, profile: &[u8]) {
    if profile.len() > LARGEST {
        return;
    }
    let Ok(mut profile) = ColorProfile::new_from_slice(profile) else { return };
    if !profile.is_matrix_shaper() {
        return;
    }
    // Profiles with tables beside the curves are for printers.
    (profile.lut_a_to_b_perceptual, profile.lut_a_to_b_colorimetric, profile.lut_a_to_b_saturation) =
        (None, None, None);
    let converted = |layout, pixels: &[u8]| {
        let srgb = ColorProfile::new_srgb();
        let transform =
            profile.create_transform_8bit(layout, &srgb, layout, TransformOptions::default()).ok()?;
        let mut converted = vec![0; pixels.len()];
        transform.transform(pixels, &mut converted).ok()?;
        Some(converted)
    };
    match picture {
        DynamicImage::ImageRgb8(pixels) => {
            if let Some(converted) = converted(Layout::Rgb, pixels) {
                pixels.copy_from_slice(&converted);
            }
        }
        DynamicImage::ImageRgba8(pixels) => {
            if let Some(converted) = converted(Layout::Rgba, pixels) {
                pixels.copy_from_slice(&converted);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage, Rgba, RgbaImage};

    use super::*;

    #[test]
    fn wide_colours_become_srgb_and_transparency_stays() {
        let p3 = ColorProfile::new_display_p3().encode().unwrap();
        // By the matrices of SMPTE EG 432-1 and IEC 61966-2-1.
        for (from, to) in
            [([200, 100, 50], [215, 93, 31]), ([100, 150, 100], [83, 152, 95]), ([128; 3], [128; 3])]
        {
            let mut picture = RgbImage::from_pixel(3, 3, Rgb(from)).into();
            to_srgb(&mut picture, &p3);
            let near = |pixel: &[u8]| pixel.iter().zip(to).all(|(one, other)| one.abs_diff(other) <= 2);
            assert!(picture.as_rgb8().unwrap().pixels().all(|pixel| near(&pixel.0)), "{from:?} {picture:?}");

            let [red, green, blue] = from;
            let mut picture = RgbaImage::from_pixel(3, 3, Rgba([red, green, blue, 77])).into();
            to_srgb(&mut picture, &p3);
            let pixels = picture.as_rgba8().unwrap();
            assert!(
                pixels.pixels().all(|pixel| near(&pixel.0[..3]) && pixel.0[3] == 77),
                "{from:?} {picture:?}"
            );
        }
    }

    #[test]
    fn a_profile_that_cannot_be_followed_changes_nothing() {
        let p3 = ColorProfile::new_display_p3().encode().unwrap();
        let cut = &p3[..p3.len() / 2];
        let long = [p3.as_slice(), &vec![0; LARGEST]].concat();
        for profile in [&b""[..], b"profile of a camera", cut, &long] {
            let before: DynamicImage = RgbImage::from_pixel(3, 3, Rgb([200, 100, 50])).into();
            let mut picture = before.clone();
            to_srgb(&mut picture, profile);
            assert_eq!(picture, before);
        }
    }

    #[test]
    fn nothing_that_is_damaged_makes_the_parser_panic() {
        let p3 = ColorProfile::new_display_p3().encode().unwrap();
        for at in 0..p3.len() {
            for value in [0, 0x7f, 0xff] {
                let mut damaged = p3.clone();
                damaged[at] = value;
                to_srgb(&mut RgbImage::new(1, 1).into(), &damaged);
            }
        }
    }
}
