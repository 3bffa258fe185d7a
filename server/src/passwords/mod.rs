//! Passwords: what a person typed, its stored form, and the two checks: is it good enough (`policy`), and is
//! it the right one (`Hasher`).

mod breach;
pub(crate) mod breaches;
mod hasher;
pub(crate) mod policy;

use std::fmt;

use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use crate::invalid::Fault;

pub use breach::BreachCheck;
pub use breaches::BreachesFileError;
pub(crate) use hasher::{HashError, Hasher, Turn, Verdict};
pub use hasher::{HashParameters, ParametersOutOfRange};

/// The maximum length of a typed password in bytes. A longer one is rejected before any work is done with it.
pub(crate) const MAX_BYTES: usize = 1024;

/// A typed password: wiped from memory when dropped, and never printed.
///
/// It is kept in Unicode form NFC, as RFC 8265 §4.2 asks, so that `é` is the same from every keyboard.
/// Nothing else is changed: case, spaces at either end and NUL bytes are part of the password (Argon2 takes a
/// length, so it does not stop at a NUL).
#[derive(Clone)]
pub(crate) struct Password(Zeroizing<String>);

impl Password {
    /// Takes a password as typed, of at most [`MAX_BYTES`] bytes. An empty one is allowed, and then rejected
    /// as wrong.
    pub(crate) fn parse(typed: &str) -> Result<Self, Fault> {
        if typed.len() > MAX_BYTES {
            return Err(Fault::TooManyBytes(MAX_BYTES));
        }
        // NFC makes UTF-8 at most three times longer (Unicode Standard Annex #15 §12); a string that had to
        // grow would leave copies behind.
        let mut normal = Zeroizing::new(String::with_capacity(3 * typed.len()));
        normal.extend(typed.nfc());
        Ok(Self(normal))
    }

    fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// A stored password: a PHC string, `$argon2id$v=19$m=…,t=…,p=…$salt$tag`. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct PasswordHash(String);
crate::db::column!(PasswordHash, String);

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p03_the_limit_counts_bytes_as_typed() {
        assert!(Password::parse(&"a".repeat(1024)).is_ok());
        assert_eq!(Password::parse(&"a".repeat(1025)).unwrap_err(), Fault::TooManyBytes(1024));
        assert_eq!(Password::parse(&"é".repeat(513)).unwrap_err(), Fault::TooManyBytes(1024));
    }

    #[test]
    fn p05_only_the_normal_form_is_made_alike() {
        let same =
            |a: &str, b: &str| Password::parse(a).unwrap().as_str() == Password::parse(b).unwrap().as_str();
        assert!(same("caf\u{e9} noir", "cafe\u{301} noir"));
        assert!(!same(" secret", "secret"));
        assert!(!same("secret ", "secret"));
        assert!(!same("Secret", "secret"));
        assert!(!same("a\0b", "a\0c"));
        assert!(!same("\u{fb01}ne", "fine"), "never NFKC");
    }

    #[test]
    fn normalizing_never_outgrows_its_buffer() {
        // U+1D160 expands most under NFC: one character becomes three.
        let longest = "\u{1d160}".repeat(256);
        let password = Password::parse(&longest).unwrap();
        assert_eq!(password.as_str().len(), 3 * longest.len());
        assert_eq!(password.0.capacity(), 3 * longest.len());
    }

    #[test]
    fn neither_form_is_printed() {
        let password = Password::parse("correct horse").unwrap();
        let hash = PasswordHash("$argon2id$v=19$secret".to_owned());
        let printed = format!("{password:?} {hash:?}");
        assert!(!printed.contains("horse") && !printed.contains("argon2"), "{printed}");
    }
}
