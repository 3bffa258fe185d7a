//! How the owner of an account proved who they are at a login.

use crate::clock::Timestamp;

/// One authentication method: a value of the claim `amr` (OpenID Connect Core §2, RFC 8176).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    /// The password.
    Password,
    /// A link or code that was sent by email. RFC 8176 has no name for it.
    Email,
    /// A login at another provider. RFC 8176 has no name for it.
    Federated,
    /// A code of an authenticator app.
    Otp,
    /// A recovery code. RFC 8176 has no name for it.
    RecoveryCode,
    /// A passkey: proof of possession of a key whose authenticator has verified its owner. Only an attestation could
    /// say whether hardware keeps the key.
    Passkey,
}

impl Method {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Password => "pwd",
            Self::Email => "email",
            Self::Federated => "federated",
            Self::Otp => "otp",
            Self::RecoveryCode => "recovery",
            Self::Passkey => "pop",
        }
    }

    /// Whether it proves two factors at once: possession of a key, and the user verification of its authenticator.
    pub(crate) fn is_two_factors(self) -> bool {
        self == Self::Passkey
    }

    pub(crate) fn of_name(name: &str) -> Option<Self> {
        [Self::Password, Self::Email, Self::Federated, Self::Otp, Self::RecoveryCode, Self::Passkey]
            .into_iter()
            .find(|method| method.name() == name)
    }
}

/// Every method used in a login that may start a session. Only `factors` constructs one, after checking whether a
/// second factor is required; a test enforces that.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Methods {
    first: Method,
    second: Option<Method>,
    /// When everything that the account asks for was last shown, if that was not now.
    since: Option<Timestamp>,
}

impl Methods {
    /// A first factor, where no second one is required.
    pub(crate) const fn first(first: Method) -> Self {
        Self { first, second: None, since: None }
    }

    /// A first and a second factor.
    pub(crate) const fn both(first: Method, second: Method) -> Self {
        Self { first, second: Some(second), since: None }
    }

    /// A first factor, in a browser where the second one was shown at this time.
    pub(crate) const fn remembered(first: Method, since: Timestamp) -> Self {
        Self { first, second: None, since: Some(since) }
    }

    /// The time of the login: `auth_time` of OpenID Connect.
    pub(crate) fn shown_at(self, now: Timestamp) -> Timestamp {
        self.since.unwrap_or(now)
    }

    /// The values of `amr`, separated by spaces.
    pub(crate) fn amr(self) -> String {
        match self.second {
            None if self.first.is_two_factors() => with_second("", self.first),
            None => self.first.name().to_owned(),
            Some(second) => with_second(self.first.name(), second),
        }
    }
}

/// The values of `amr` after a second factor was verified in a session that had these.
pub(crate) fn with_second(amr: &str, second: Method) -> String {
    let mut values: Vec<_> = amr.split_whitespace().filter(|value| *value != MFA).collect();
    if !values.contains(&second.name()) {
        values.push(second.name());
    }
    values.push(MFA);
    values.join(" ")
}

/// More than one factor was verified (RFC 8176 §2).
const MFA: &str = "mfa";

/// The claim `acr` for these values of `amr`: the assurance level of NIST SP 800-63B-4 that the login reached.
pub(crate) fn acr(amr: &str) -> &'static str {
    if amr.split_whitespace().any(|value| value == MFA) { "aal2" } else { "aal1" }
}
