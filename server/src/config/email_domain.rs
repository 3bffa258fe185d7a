//! A domain of email addresses.

use std::fmt;
use std::str::FromStr;

use crate::accounts::Email;

/// The part after the `@` of email addresses, in the canonical form of an account's address: `example.com`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmailDomain(String);

impl EmailDomain {
    /// The domain in canonical form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EmailDomain {
    type Err = EmailDomainError;

    fn from_str(text: &str) -> Result<Self, EmailDomainError> {
        // This also rejects a text with an `@`: `a@b@example.com` is not an address.
        let email = Email::parse(&format!("a@{text}")).map_err(|_| EmailDomainError)?;
        Ok(Self(email.domain().to_owned()))
    }
}

impl fmt::Display for EmailDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Text that is not a domain of email addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a domain of email addresses. Write it without an `@`, as in example.com")]
pub struct EmailDomainError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_what_stands_after_the_at() {
        let read = |text: &str| text.parse::<EmailDomain>().map(|domain| domain.to_string());
        assert_eq!(read("Example.COM"), Ok("example.com".to_owned()));
        assert_eq!(read("münchen.example"), Ok("xn--mnchen-3ya.example".to_owned()));
        for text in ["", "@example.com", "a@example.com", "*.example.com", "example", "exa mple.com"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
