//! Email addresses: one canonical form, made here and nowhere else.

use std::fmt;

use serde::{Deserialize, Serialize};
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use crate::invalid::{Fault, Invalid};

/// The longest address, in bytes (RFC 5321 §4.5.3.1.3 less the angle brackets).
const MAX_ADDRESS: usize = 254;
/// The longest local part, in bytes (RFC 5321 §4.5.3.1.1).
const MAX_LOCAL: usize = 64;

/// An email address in canonical form: the local part folded by ASCII case only, the domain as lower-case A-labels. Two
/// spellings of one mailbox become the same bytes, so a unique column is enough.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Email(String);
crate::db::column!(Email, String);

/// The text is not an email address that we send to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAnEmail;

impl Email {
    /// Parses an address as a person typed it. Surrounding space is removed, because phone keyboards add it.
    ///
    /// # Errors
    /// [`NotAnEmail`] for anything but one plain `local@domain`: lists, comments, quoted local parts,
    /// address literals, control and invisible characters, look-alikes of `@` and `.`
    /// (CVE-2022-35924, CVE-2026-73420), more than 254 bytes.
    pub fn parse(text: &str) -> Result<Self, NotAnEmail> {
        let text = text.trim();
        if text.len() > MAX_ADDRESS {
            return Err(NotAnEmail);
        }
        // Before normalization, which would turn the Kelvin sign into a K: another mailbox.
        if !text.chars().all(is_itself) {
            return Err(NotAnEmail);
        }
        let normal: String = text.nfc().collect();
        let (local, domain) = normal.rsplit_once('@').ok_or(NotAnEmail)?;
        if !is_local_part(local) {
            return Err(NotAnEmail);
        }
        let address = format!("{}@{}", local.to_ascii_lowercase(), a_labels(domain)?);
        if address.len() > MAX_ADDRESS { Err(NotAnEmail) } else { Ok(Self(address)) }
    }

    /// [`parse`](Self::parse) for a field of a request. The error names the field.
    pub(crate) fn of_field(text: &str, field: &'static str) -> Result<Self, Invalid> {
        Self::parse(text).map_err(|NotAnEmail| Invalid::field(field, Fault::NotAnEmail))
    }

    /// The canonical form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the `@`.
    #[must_use]
    pub fn local_part(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(local, _)| local)
    }

    /// The part after the `@`.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

impl fmt::Display for NotAnEmail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this is not an email address that can receive email")
    }
}

impl std::error::Error for NotAnEmail {}

impl From<Email> for String {
    fn from(email: Email) -> Self {
        email.0
    }
}

impl TryFrom<String> for Email {
    type Error = NotAnEmail;

    fn try_from(text: String) -> Result<Self, NotAnEmail> {
        Self::parse(&text)
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether no normalization form turns it into another character. Full-width `＠`, the one-dot leader, ligatures and the
/// like are look-alikes.
fn is_itself(c: char) -> bool {
    c.is_ascii() || std::iter::once(c).nfkc().eq(std::iter::once(c))
}

/// A letter, digit or mark beyond ASCII.
fn is_international(c: char) -> bool {
    !c.is_ascii() && (c.is_alphanumeric() || is_combining_mark(c))
}

/// `Dot-string` of RFC 5321 §4.1.2, plus letters and digits beyond ASCII as RFC 6531 §3.3 allows. `%` and `!` are
/// excluded because relays once used them for routing.
fn is_local_part(local: &str) -> bool {
    let allowed =
        |c: char| c.is_ascii_alphanumeric() || "#$&'*+-/=?^_`{|}~".contains(c) || is_international(c);
    local.len() <= MAX_LOCAL && local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(allowed))
}

/// The domain as lower-case A-labels (RFC 5891), with at least two labels: nobody receives email at a bare host name.
fn a_labels(domain: &str) -> Result<String, NotAnEmail> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.' || is_international(c);
    if !domain.chars().all(allowed) {
        return Err(NotAnEmail);
    }
    let ascii = idna::domain_to_ascii_strict(domain).map_err(|_| NotAnEmail)?;
    let labels: Vec<&str> = ascii.split('.').collect();
    let numeric = labels.last().is_some_and(|label| label.bytes().all(|b| b.is_ascii_digit()));
    if labels.len() < 2 || numeric || labels.iter().any(|label| label.is_empty()) {
        return Err(NotAnEmail);
    }
    Ok(ascii)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a03_one_form_for_one_mailbox() {
        for (text, canonical) in [
            ("ada@example.com", "ada@example.com"),
            ("Ada@EXAMPLE.Com", "ada@example.com"),
            ("Ada+tag@example.com", "ada+tag@example.com"),
            ("ada@münchen.de", "ada@xn--mnchen-3ya.de"),
            ("ada@MÜNCHEN.de", "ada@xn--mnchen-3ya.de"),
            ("ada@xn--mnchen-3ya.de", "ada@xn--mnchen-3ya.de"),
            ("zoë@example.com", "zoë@example.com"),
            ("zoe\u{308}@example.com", "zoë@example.com"),
            (" ada@example.com ", "ada@example.com"),
            ("ada@example.com\u{a0}\t\r\n", "ada@example.com"),
        ] {
            assert_eq!(Email::parse(text).map(|email| email.0), Ok(canonical.to_owned()), "{text}");
        }
    }

    #[test]
    fn a03_letters_beyond_ascii_do_not_fold_into_it() {
        let plain = Email::parse("kiss@example.com").unwrap();
        for look_alike in ["\u{212A}iss@example.com", "ki\u{17F}s@example.com", "k\u{131}ss@example.com"] {
            assert_ne!(Email::parse(look_alike).as_ref(), Ok(&plain), "{look_alike}");
        }
    }

    #[test]
    fn a01_a02_nothing_but_one_plain_address() {
        let long = format!("{}@example.com", "x".repeat(65));
        let longer = format!("ada@{}.com", "x.".repeat(126));
        for text in [
            "",
            "ada",
            "@example.com",
            "ada@",
            "ada@localhost",
            "a@x.org, b@y.org",
            "a@x.org;b@y.org",
            "\"e@evil.org\"@x.org",
            "\"ada\"@x.org",
            "a@b@x.org",
            "a@x.org\r\nBcc: b@y.org",
            "a%0d%0aBcc:b@x.org",
            "a%0d%0a@x.org",
            "a!b@x.org",
            "a(comment)@x.org",
            "a@(comment)x.org",
            "<ada@x.org>",
            "Ada <ada@x.org>",
            "a@[127.0.0.1]",
            "a@127.0.0.1",
            "a..b@x.org",
            ".a@x.org",
            "a.@x.org",
            "a b@x.org",
            "a @x.org",
            "a@ x.org",
            "a@x..org",
            "a@.x.org",
            "a@x.org.",
            "a@-x.org",
            "a@x_y.org",
            "a\u{FF20}x.org",
            "a@x\u{3002}org",
            "a@x\u{FF0E}org",
            "a@\u{FF58}.org",
            "a\u{200B}@x.org",
            "a@x\u{200D}.org",
            "a\u{202E}@x.org",
            "a\u{0}@x.org",
            &long,
            &longer,
        ] {
            assert_eq!(Email::parse(text), Err(NotAnEmail), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn canonical_is_a_fixed_point(text in "\\PC{0,40}|[a-zA-Zäß.]{1,8}@[a-zA-Zäß.-]{1,12}\\.[a-z]{2,4}") {
            if let Ok(email) = Email::parse(&text) {
                prop_assert_eq!(Email::parse(email.as_str()), Ok(email.clone()));
                prop_assert!(email.as_str().len() <= MAX_ADDRESS);
            }
        }
    }
}
