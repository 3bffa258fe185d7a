//! How the owner of an account proved who they are at a login.

/// One way to prove it: a value of the claim `amr` (OpenID Connect Core §2, RFC 8176).
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
    /// A passkey: proof of possession of a key, whose authenticator has verified its owner. Whether hardware keeps the key
    /// only an attestation could say.
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

    /// Whether it shows two factors at once: a key that one has, and what the authenticator has asked for.
    pub(crate) fn is_two_factors(self) -> bool {
        self == Self::Passkey
    }

    pub(crate) fn of_name(name: &str) -> Option<Self> {
        [Self::Password, Self::Email, Self::Federated, Self::Otp, Self::RecoveryCode, Self::Passkey]
            .into_iter()
            .find(|method| method.name() == name)
    }
}

/// All that was shown at a login that may begin a session. Only `factors` makes one, after it looked whether a second
/// factor is due; a test holds that.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Methods {
    first: Method,
    second: Option<Method>,
}

impl Methods {
    /// A first factor, where no second one is due.
    pub(crate) const fn first(first: Method) -> Self {
        Self { first, second: None }
    }

    /// Both.
    pub(crate) const fn both(first: Method, second: Method) -> Self {
        Self { first, second: Some(second) }
    }

    /// The values of `amr` with spaces between them.
    pub(crate) fn amr(self) -> String {
        match self.second {
            None if self.first.is_two_factors() => with_second("", self.first),
            None => self.first.name().to_owned(),
            Some(second) => with_second(self.first.name(), second),
        }
    }
}

/// The values of `amr` after a second factor was shown in a session that had these.
pub(crate) fn with_second(amr: &str, second: Method) -> String {
    let mut values: Vec<_> = amr.split_whitespace().filter(|value| *value != MFA).collect();
    if !values.contains(&second.name()) {
        values.push(second.name());
    }
    values.push(MFA);
    values.join(" ")
}

/// More than one factor was shown (RFC 8176 §2).
const MFA: &str = "mfa";

/// The claim `acr` for these values of `amr`: the assurance level of NIST SP 800-63B-4 that the login reached.
pub(crate) fn acr(amr: &str) -> &'static str {
    if amr.split_whitespace().any(|value| value == MFA) { "aal2" } else { "aal1" }
}
