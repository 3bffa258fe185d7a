//! How the owner of an account proved who they are at a login.

/// One way to prove it: a value of the claim `amr` (OpenID Connect Core §2, RFC 8176).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    /// The password.
    Password,
    /// A link or code that was sent by email. RFC 8176 has no name for it.
    Email,
}

impl Method {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Password => "pwd",
            Self::Email => "email",
        }
    }
}
