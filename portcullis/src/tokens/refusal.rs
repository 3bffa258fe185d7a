//! Why a token was rejected, for the log only.

use std::fmt;

/// Why a token was rejected. The texts are fixed and contain nothing of the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Not the three parts of a signed token (RFC 7515 §7.1).
    Form,
    /// The header is not base64url of strict JSON, or has no `alg`.
    Header,
    /// RFC 9068 §4.
    Typ,
    /// The token says that it is of another kind than requested.
    OtherTyp,
    /// RFC 7515 §4.1.11.
    Extension,
    /// No `kid`, and not exactly one key fits; or a `kid` that cannot be looked up.
    Kid,
    UnknownKid,
    /// No `kid` matches, and the only key that fits did not make the signature.
    NamelessSignature,
    Algorithm,
    Signature,
    /// The claims are not base64url of strict JSON.
    Claims,
    /// The claim with this name is missing, empty or of a wrong type.
    Claim(&'static str),
    Issuer,
    Audience,
    /// Bound to a key (`cnf`, RFC 7800; RFC 8705 §3, RFC 9449 §6).
    SenderConstrained,
    /// The key is for tokens of another tenant.
    Tenant,
    /// Another kind of token of the issuer, under a `typ` that does not tell.
    NoAccessToken,
    Expired,
    NotYetValid,
    /// See [`TypedTokens`](super::TypedTokens).
    Shape,
    /// The issuer does not call it active (RFC 7662 §2.2).
    Inactive,
    /// `token_type` or `token_use` say so.
    NoBearerToken,
}

impl Refusal {
    /// Logs the reason. At debug level, because anyone can send any amount of junk.
    pub(crate) fn log(self) {
        tracing::debug!(reason = %self, "a token is rejected");
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Form => "not a signed token",
            Self::Header => "header cannot be read",
            Self::Typ => "typ is not at+jwt",
            Self::OtherTyp => "typ is neither missing nor JWT",
            Self::Extension => "header asks for an extension",
            Self::Kid => "no kid that names a key",
            Self::UnknownKid => "unknown kid",
            Self::Algorithm => "alg is not the key's",
            Self::Signature | Self::NamelessSignature => "bad signature",
            Self::Claims => "claims cannot be read",
            Self::Claim(name) => return write!(f, "{name} is missing or of a wrong type"),
            Self::Issuer => "wrong issuer",
            Self::Audience => "wrong audience",
            Self::SenderConstrained => "bound to a key",
            Self::Tenant => "another tenant",
            Self::NoAccessToken => "an ID token, a refresh token or an event",
            Self::Expired => "expired",
            Self::NotYetValid => "not yet valid",
            Self::Shape => "claims of another shape",
            Self::Inactive => "not active",
            Self::NoBearerToken => "not a bearer token",
        })
    }
}
