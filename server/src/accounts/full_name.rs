//! A person's name.

use unicode_normalization::UnicodeNormalization;

use crate::invalid::{Fault, Invalid};

/// The longest full name, in code points.
const MAX_FULL_NAME: usize = 200;

/// A person's name as they write it: 1 to 200 code points after trimming, no control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FullName(String);
crate::db::column!(FullName, String);

impl FullName {
    /// Parses a name as a person typed it.
    ///
    /// # Errors
    /// Returns what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        name(text, MAX_FULL_NAME).map(Self)
    }

    /// [`parse`](Self::parse) for a field of a request. The error names the field.
    pub(crate) fn of_field(text: &str) -> Result<Self, Invalid> {
        Self::parse(text).map_err(|fault| Invalid::field("full_name", fault))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A name as people write it: 1 to `most` code points after trimming, no control characters.
pub(crate) fn name(text: &str, most: usize) -> Result<String, Fault> {
    let name: String = text.trim().nfc().collect();
    if name.is_empty() {
        Err(Fault::Blank)
    } else if name.chars().count() > most {
        Err(Fault::TooManyCharacters(most))
    } else if name.chars().any(is_disguise) {
        Err(Fault::ControlCharacters)
    } else {
        Ok(name)
    }
}

/// Characters that make a name look like another one in a list, a log or an email: control characters, and those that
/// change the direction of the text.
fn is_disguise(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a04_a_name_is_text_without_disguise() {
        for name in ["Ada", "  Ada Lovelace ", "李小龙", "<script>alert(1)</script>", "{{7*7}}", "O'Brien"]
        {
            assert!(FullName::parse(name).is_ok(), "{name:?}");
        }
        for name in
            ["", "   ", "a\0b", "a\r\nBcc: b", "\u{1b}[31mred", "evil\u{202E}gpj.exe", &"x".repeat(201)]
        {
            assert!(FullName::parse(name).is_err(), "{name:?}");
        }
        assert!(FullName::parse(&"é".repeat(200)).is_ok());
    }
}
