//! `CollectedClientData` (§5.8.1): what the browser reports about the page that ran a ceremony.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, de::IgnoredAny};

use super::{Expected, Rejected};

/// The maximum size in bytes. Browsers send about 150, and unknown members must be tolerated.
const LONGEST: usize = 4096;

/// The type of ceremony in client data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Create,
    Get,
}

impl Type {
    const fn name(self) -> &'static str {
        match self {
            Self::Create => "webauthn.create",
            Self::Get => "webauthn.get",
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientData {
    r#type: String,
    challenge: String,
    origin: String,
    #[serde(default)]
    cross_origin: bool,
    /// Present only in a frame of another origin.
    top_origin: Option<IgnoredAny>,
}

fn parse(json: &[u8]) -> Result<ClientData, Rejected> {
    if json.len() > LONGEST {
        return Err(Rejected::ClientData);
    }
    serde_json::from_slice(json).map_err(|_| Rejected::ClientData)
}

/// The challenge that a ceremony was run with, to look up what it was issued for.
///
/// # Errors
/// [`Rejected::ClientData`]; [`Rejected::Challenge`] if it is not base64url.
pub(crate) fn challenge_of(json: &[u8]) -> Result<Vec<u8>, Rejected> {
    URL_SAFE_NO_PAD.decode(parse(json)?.challenge).map_err(|_| Rejected::Challenge)
}

/// Steps 7 to 12 of §7.1, and 10 to 14 of §7.2.
pub(super) fn check(json: &[u8], of: Type, expected: &Expected<'_>) -> Result<(), Rejected> {
    let client_data = parse(json)?;
    if client_data.r#type != of.name() {
        return Err(Rejected::Type);
    }
    if client_data.challenge != URL_SAFE_NO_PAD.encode(expected.challenge) {
        return Err(Rejected::Challenge);
    }
    if client_data.origin != expected.origin {
        return Err(Rejected::Origin);
    }
    if client_data.cross_origin || client_data.top_origin.is_some() {
        return Err(Rejected::CrossOrigin);
    }
    Ok(())
}
