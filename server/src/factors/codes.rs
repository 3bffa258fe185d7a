//! Recovery codes: a set of ten, shown once. Each can be used once instead of a code of the authenticator app.

use zeroize::Zeroizing;

use crate::{
    random,
    secret::{SecretText, sha256},
};

/// Codes in a set.
const CODES: usize = 10;
/// Symbols of a code: 80 bits, so its digest needs neither a salt nor a slow hash.
const SYMBOLS: usize = 16;
/// Symbols between two hyphens.
const GROUP: usize = 4;
/// Digits and letters without those that look like others (Crockford's base 32).
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// A set of codes, to be shown to their owner once.
#[derive(Debug)]
pub(crate) struct RecoveryCodes(Vec<SecretText>);

impl RecoveryCodes {
    pub(super) fn random() -> Self {
        Self((0..CODES).map(|_| random_code()).collect())
    }

    /// The codes as people read them: `7K2M-0XJ4-9TQW-3HV8`.
    pub(crate) fn shown(&self) -> &[SecretText] {
        &self.0
    }

    pub(super) fn into_shown(self) -> Vec<SecretText> {
        self.0
    }

    pub(super) fn digests(&self) -> impl Iterator<Item = [u8; 32]> {
        self.0.iter().map(|code| sha256(&plain(code.expose())))
    }
}

fn random_code() -> SecretText {
    let bytes = Zeroizing::new(random::bytes::<SYMBOLS>());
    let mut text = String::with_capacity(SYMBOLS + SYMBOLS / GROUP);
    for (at, byte) in bytes.iter().enumerate() {
        if at > 0 && at % GROUP == 0 {
            text.push('-');
        }
        text.extend(ALPHABET.get(usize::from(byte % 32)).map(|symbol| char::from(*symbol)));
    }
    SecretText::new(text)
}

/// A code without spaces and hyphens, and with easily confused symbols replaced.
fn plain(text: &str) -> Zeroizing<String> {
    let symbols = text.chars().filter(|char| !char.is_whitespace() && *char != '-');
    let symbols = symbols.map(|char| match char.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        char => char,
    });
    Zeroizing::new(symbols.collect())
}

/// A second factor as typed.
pub(super) enum Typed {
    /// Six digits of the authenticator app.
    OfApp(Zeroizing<String>),
    /// The digest of a recovery code.
    Recovery([u8; 32]),
    /// Neither.
    Other,
}

impl Typed {
    pub(super) fn of(text: &str) -> Self {
        let plain = plain(text);
        if plain.len() == 6 && plain.bytes().all(|byte| byte.is_ascii_digit()) {
            return Self::OfApp(plain);
        }
        let is_code = plain.len() == SYMBOLS && plain.bytes().all(|byte| ALPHABET.contains(&byte));
        if is_code { Self::Recovery(sha256(&plain)) } else { Self::Other }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m05_a_code_has_80_bits_and_is_read_as_people_type_it() {
        let codes = RecoveryCodes::random();
        assert_eq!(codes.shown().len(), CODES);
        let digests: Vec<_> = codes.digests().collect();
        assert!((1..CODES).all(|at| !digests[..at].contains(&digests[at])));
        let shown = codes.shown()[0].expose();
        assert_eq!((shown.len(), shown.matches('-').count()), (19, 3));
        let sloppy = shown.to_lowercase().replace('-', " ").replace('0', "o").replace('1', "l");
        for typed in [shown, &sloppy, &format!(" {} ", shown.replace('-', ""))] {
            assert!(matches!(Typed::of(typed), Typed::Recovery(digest) if digest == digests[0]), "{typed}");
        }
    }

    #[test]
    fn what_is_typed_is_a_code_of_either_kind_or_nothing() {
        assert!(matches!(Typed::of(" 123 456 "), Typed::OfApp(code) if *code == "123456"));
        for other in [
            "",
            "12345",
            "1234567",
            "7K2M-0XJ4-9TQW-3HV",
            "7K2M-0XJ4-9TQW-3HV88",
            "１２３４５６",
            "UUUU-UUUU-UUUU-UUUU",
        ] {
            assert!(matches!(Typed::of(other), Typed::Other), "{other}");
        }
    }
}
