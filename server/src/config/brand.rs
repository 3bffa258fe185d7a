//! The appearance of pages and emails.

use std::{fmt, path::PathBuf, str::FromStr};

/// The minimum contrast of readable text (WCAG 2.2, 1.4.3).
const READABLE: f64 = 4.5;

/// The name and appearance of the service.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Brand {
    /// Its name, 1 to 60 characters.
    pub name: String,
    /// A picture for the pages, SVG or PNG of at most 64 KiB; `None` shows the name instead.
    pub logo: Option<PathBuf>,
    /// The colour of buttons and links.
    pub color: Color,
}

impl Default for Brand {
    fn default() -> Self {
        Self {
            name: "Portcullis".to_owned(),
            logo: None,
            color: Color { red: 0x2f, green: 0x5d, blue: 0x50 },
        }
    }
}

/// A color, `#rrggbb` in the sRGB space, on which white text is readable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Color {
    red: u8,
    green: u8,
    blue: u8,
}

impl Color {
    /// The contrast with white, 1 to 21 (WCAG 2.2, "contrast ratio").
    fn contrast_to_white(self) -> f64 {
        let linear = |channel: u8| {
            let value = f64::from(channel) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        let luminance = 0.2126 * linear(self.red) + 0.7152 * linear(self.green) + 0.0722 * linear(self.blue);
        1.05 / (luminance + 0.05)
    }
}

impl FromStr for Color {
    type Err = ColorError;

    fn from_str(text: &str) -> Result<Self, ColorError> {
        let digits =
            text.strip_prefix('#').filter(|digits| digits.len() == 6).ok_or(ColorError::Malformed)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(ColorError::Malformed);
        }
        let [_, red, green, blue] =
            u32::from_str_radix(digits, 16).map_err(|_| ColorError::Malformed)?.to_be_bytes();
        let color = Self { red, green, blue };
        if color.contrast_to_white() < READABLE { Err(ColorError::Pale) } else { Ok(color) }
    }
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.red, self.green, self.blue)
    }
}

/// Why a text is not a [`Color`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ColorError {
    /// Not six hexadecimal digits.
    #[error("is not a color; write `#` and six hexadecimal digits, as in #2f5d50")]
    Malformed,
    /// White text on it would not be readable.
    #[error("is too pale: white text on it has a contrast below 4.5. Choose a darker one")]
    Pale,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_is_six_digits_and_dark_enough() {
        for good in ["#2f5d50", "#000000", "#112233", "#767676"] {
            assert_eq!(good.parse::<Color>().unwrap().to_string(), good);
        }
        for bad in ["", "2f5d50", "#2f5d5", "#2f5d500", "#+f5d50", "#zzzzzz", "red", "#é23456"] {
            assert_eq!(bad.parse::<Color>(), Err(ColorError::Malformed), "{bad}");
        }
        for pale in ["#ffffff", "#777777", "#ffff00"] {
            assert_eq!(pale.parse::<Color>(), Err(ColorError::Pale), "{pale}");
        }
    }
}
