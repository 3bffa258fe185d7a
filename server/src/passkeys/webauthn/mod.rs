//! The relying party's part of Web Authentication (W3C, <https://www.w3.org/TR/webauthn-3/>): verifies a registration
//! by §7.1 and an assertion by §7.2, step by step in their order.
//!
//! This module knows nothing of databases, HTTP or accounts. It takes what was sent and what is expected, and returns
//! a credential or the first failed step. All input is bounded before it is parsed, and no parser recurses.
//! Attestation is not requested, so only the format `none` is accepted (§8.7).

mod assertion;
mod authenticator_data;
mod client_data;
mod cose;
mod registration;
#[cfg(test)]
mod tests;

pub(crate) use self::{
    assertion::{Assertion, Registered, authenticate},
    client_data::challenge_of,
    registration::{Attestation, Credential, register},
};

/// The maximum size of a credential's id in bytes (§7.1, step 25).
pub(crate) const LONGEST_ID: usize = 1023;
/// The offered signature algorithms in order of preference: `ES256`, `EdDSA`, `RS256` of the IANA registry "COSE
/// Algorithms". Every authenticator supports one of them.
pub(crate) const ALGORITHMS: [i64; 3] = [cose::ES256, cose::EDDSA, cose::RS256];

/// What this relying party expects in every ceremony.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected<'a> {
    /// The RP ID: the host of the public address.
    pub(crate) rp_id: &'a str,
    /// The only origin whose pages may run a ceremony.
    pub(crate) origin: &'a str,
    /// The challenge issued for this ceremony.
    pub(crate) challenge: &'a [u8],
}

/// The first step that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(crate) enum Rejected {
    /// The client data are not JSON with the members of §5.8.1, or too long.
    ClientData,
    /// The client data belong to another type of ceremony.
    Type,
    /// The challenge is a different one.
    Challenge,
    /// A page of another origin ran the ceremony.
    Origin,
    /// It ran in a frame inside another origin's page.
    CrossOrigin,
    /// The attestation object is not what §6.5.4 says, or too long.
    AttestationObject,
    /// The attestation format is not `none`.
    AttestationFormat,
    /// The authenticator data are not what §6.1 says, or too long.
    AuthenticatorData,
    /// The credential is for another RP ID.
    RpId,
    /// The user was not present.
    UserPresence,
    /// The authenticator did not verify the user.
    UserVerification,
    /// The backup flags contradict each other or the registration.
    Backup,
    /// The public key is not a usable COSE key.
    PublicKey,
    /// The algorithm was not offered.
    Algorithm,
    /// The credential's id is too long, or a second id differs from it.
    CredentialId,
    /// No such credential is registered for this user.
    Unknown,
    /// The passkey belongs to another user.
    UserHandle,
    /// The signature was made with another key or over other data.
    Signature,
    /// The signature counter did not increase (§6.1.1): the authenticator may have been copied.
    SignCount,
}

impl Rejected {
    /// What is wrong, to continue "the passkey was not accepted:".
    #[must_use]
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::ClientData => "clientDataJSON is malformed",
            Self::Type => "clientDataJSON belongs to another ceremony",
            Self::Challenge => "the challenge was used, has expired, or belongs to another ceremony",
            Self::Origin => "the origin is not that of this server",
            Self::CrossOrigin => "the page was in a frame of another origin",
            Self::AttestationObject => "attestationObject is malformed",
            Self::AttestationFormat => "the attestation format is not `none`",
            Self::AuthenticatorData => "authenticatorData is malformed",
            Self::RpId => "the RP ID is not that of this server",
            Self::UserPresence => "the user was not present",
            Self::UserVerification => "the user was not verified",
            Self::Backup => "the backup flags contradict each other",
            Self::PublicKey => "the public key is malformed",
            Self::Algorithm => "the algorithm was not offered",
            Self::CredentialId => "the credential ID is too long or ambiguous",
            Self::Unknown => "it is not registered for this account",
            Self::UserHandle => "userHandle is missing or another user's",
            Self::Signature => "the signature is wrong",
            Self::SignCount => "the signature counter did not increase",
        }
    }
}
