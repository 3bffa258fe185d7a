//! Time-based one-time passwords (RFC 6238): HMAC-SHA-1, six digits, steps of 30 seconds. Every authenticator app
//! supports these parameters; many ignore any others in a QR code.

use aws_lc_rs::{constant_time, hmac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use zeroize::Zeroizing;

use crate::{accounts::AccountId, app::App, clock::Timestamp, error::Error, random};

/// Bytes of a key: 160 bits, as RFC 4226 §4 (R6) recommends.
const KEY: usize = 20;
/// Seconds of a step.
const STEP: i64 = 30;
/// A code has six digits.
const CODES: u32 = 1_000_000;
/// The purpose that keys are sealed for.
const PURPOSE: &str = "TOTP key";
/// The alphabet of RFC 4648 §6.
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// The characters that must be escaped in a URI, all but the unreserved ones (RFC 3986 §2.3).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The secret that an authenticator app and this server share. It has no `Debug`.
pub(super) struct Key(Zeroizing<[u8; KEY]>);

impl Key {
    pub(super) fn random() -> Self {
        Self(Zeroizing::new(random::bytes()))
    }

    /// The key as stored. It is sealed with the account's ID, so it cannot be opened after being copied to another
    /// account's row.
    pub(super) fn seal(&self, app: &App, account: AccountId) -> Vec<u8> {
        let plain = Zeroizing::new([account.number().to_be_bytes().as_slice(), self.0.as_slice()].concat());
        app.secret().seal(PURPOSE, &plain)
    }

    pub(super) fn open(app: &App, account: AccountId, sealed: &[u8]) -> Result<Self, Error> {
        let plain = app
            .secret()
            .open(PURPOSE, sealed)
            .map_err(|cause| Error::Internal(format!("the TOTP key of account {account}: {cause}")))?;
        let key = plain.strip_prefix(account.number().to_be_bytes().as_slice());
        let key = key.and_then(|key| <[u8; KEY]>::try_from(key).ok());
        key.map(|key| Self(Zeroizing::new(key))).ok_or_else(|| {
            Error::Internal(format!("the TOTP key of account {account} was sealed for another account"))
        })
    }

    /// The key in base 32, as people type it into an app.
    pub(super) fn text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(KEY * 8 / 5));
        for five in self.0.chunks(5) {
            let bits = five.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
            let symbols = (0..8).rev().filter_map(|at| BASE32.get((bits >> (at * 5) & 31) as usize));
            symbols.for_each(|symbol| text.push(char::from(*symbol)));
        }
        text
    }

    /// The URI in the QR code
    /// (<https://github.com/google/google-authenticator/wiki/Key-Uri-Format>).
    pub(super) fn uri(&self, service: &str, account: &str) -> Zeroizing<String> {
        let escaped = |text| utf8_percent_encode(text, ESCAPED);
        let (service, account) = (escaped(service), escaped(account));
        let key = self.text();
        Zeroizing::new(format!("otpauth://totp/{service}:{account}?secret={}&issuer={service}", key.as_str()))
    }

    /// The step that `code` belongs to: the current one, the one before or the one after it, if it is later than `last`
    /// (RFC 6238 §5.2).
    pub(super) fn step_of(&self, code: &str, now: Timestamp, last: i64) -> Option<i64> {
        let current = now.as_secs().div_euclid(STEP);
        (current - 1..=current + 1).filter(|step| *step > last).find(|step| {
            constant_time::verify_slices_are_equal(self.code(*step).as_bytes(), code.as_bytes()).is_ok()
        })
    }

    /// The code of a step (RFC 4226 §5.3).
    fn code(&self, step: i64) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, self.0.as_slice());
        let mac = hmac::sign(&key, &step.to_be_bytes());
        let offset = usize::from(mac.as_ref().last().copied().unwrap_or_default() & 15);
        let four = mac.as_ref().iter().skip(offset).take(4);
        let number = four.fold(0_u32, |number, byte| number << 8 | u32::from(*byte)) & 0x7fff_ffff;
        format!("{:06}", number % CODES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAST: i64 = 0;

    /// RFC 6238, appendix B; the last six of its eight digits.
    #[test]
    fn the_codes_are_those_of_rfc_6238() {
        let key = Key(Zeroizing::new(*b"12345678901234567890"));
        for (second, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(key.code(second / STEP), code);
            assert_eq!(key.step_of(code, Timestamp::from_secs(second), LAST), Some(second / STEP));
        }
        assert_eq!(key.text().as_str(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    }

    #[test]
    fn one_step_before_and_after_counts_and_no_step_twice() {
        let key = Key::random();
        let at = |step: i64| Timestamp::from_secs(step * STEP);
        let code = key.code(1000);
        for step in [999, 1000, 1001] {
            assert_eq!(key.step_of(&code, at(step), 999), Some(1000));
        }
        for step in [997, 998, 1002, 1003] {
            assert_ne!(key.step_of(&code, at(step), LAST), Some(1000), "{step}");
        }
        assert_ne!(key.step_of(&code, at(1000), 1000), Some(1000));
        for wrong in ["", "12345", &format!("{code}0"), "１２３４５６"] {
            assert_eq!(key.step_of(wrong, at(1000), LAST), None, "{wrong}");
        }
    }

    #[test]
    fn a_uri_has_no_place_for_what_people_wrote() {
        let uri = Key::random().uri("A&B: C", "ada+x@example.com");
        assert!(uri.starts_with("otpauth://totp/A%26B%3A%20C:ada%2Bx%40example.com?secret="), "{}", *uri);
        assert!(uri.ends_with("&issuer=A%26B%3A%20C"), "{}", *uri);
    }
}
