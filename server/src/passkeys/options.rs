//! The options that a page passes to `navigator.credentials`, in the JSON that
//! `PublicKeyCredential.parseCreationOptionsFromJSON()` and `parseRequestOptionsFromJSON()` read (WebAuthn §5.1.8,
//! §5.1.9).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use schemars::JsonSchema;
use serde::Serialize;

use super::{RelyingParty, ceremony::LIFETIME, webauthn::ALGORITHMS};
use crate::accounts::{Email, FullName};

/// The argument of `navigator.credentials.create({ publicKey: … })`, to add a passkey.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "PasskeyCreationOptions")]
pub(crate) struct CreationOptions {
    rp: Rp,
    user: User,
    /// base64url. It can be used once, within 5 minutes.
    challenge: String,
    pub_key_cred_params: Vec<Algorithm>,
    /// Milliseconds.
    timeout: u64,
    /// The account's passkeys. An authenticator that has one of them does not create another.
    exclude_credentials: Vec<Descriptor>,
    authenticator_selection: Selection,
    attestation: &'static str,
}

/// The argument of `navigator.credentials.get({ publicKey: … })`, to use a passkey.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "PasskeyRequestOptions")]
pub(crate) struct RequestOptions {
    /// base64url. It can be used once, within 5 minutes.
    challenge: String,
    rp_id: String,
    /// Milliseconds.
    timeout: u64,
    /// Empty for a login: the browser offers the passkeys that it has. For a second factor, those of the account.
    allow_credentials: Vec<Descriptor>,
    user_verification: &'static str,
}

/// This server.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PasskeyRelyingParty")]
struct Rp {
    id: String,
    name: String,
}

/// The account, as the browser shows it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "PasskeyUser")]
pub(super) struct User {
    /// base64url. It does not reveal who the account is.
    id: String,
    name: String,
    display_name: String,
}

impl User {
    pub(super) fn new(user_handle: &[u8], email: &Email, full_name: &FullName) -> Self {
        Self {
            id: URL_SAFE_NO_PAD.encode(user_handle),
            name: email.as_str().to_owned(),
            display_name: full_name.as_str().to_owned(),
        }
    }
}

/// A signature algorithm.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PasskeyAlgorithm")]
struct Algorithm {
    r#type: &'static str,
    /// Its number in the registry "COSE Algorithms".
    alg: i64,
}

/// A passkey.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PasskeyDescriptor")]
pub(super) struct Descriptor {
    r#type: &'static str,
    /// The credential's id in base64url.
    id: String,
}

impl Descriptor {
    pub(super) fn of(credential_id: &[u8]) -> Self {
        Self { r#type: PUBLIC_KEY, id: URL_SAFE_NO_PAD.encode(credential_id) }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "PasskeySelection")]
struct Selection {
    resident_key: &'static str,
    require_resident_key: bool,
    user_verification: &'static str,
}

const PUBLIC_KEY: &str = "public-key";
const REQUIRED: &str = "required";

fn timeout() -> u64 {
    u64::try_from(LIFETIME.as_millis()).unwrap_or(u64::MAX)
}

impl CreationOptions {
    pub(super) fn new(rp: RelyingParty<'_>, user: User, challenge: &[u8], existing: Vec<Descriptor>) -> Self {
        Self {
            rp: Rp { id: rp.id.to_owned(), name: rp.name.to_owned() },
            user,
            challenge: URL_SAFE_NO_PAD.encode(challenge),
            pub_key_cred_params: ALGORITHMS
                .iter()
                .map(|&alg| Algorithm { r#type: PUBLIC_KEY, alg })
                .collect(),
            timeout: timeout(),
            exclude_credentials: existing,
            authenticator_selection: Selection {
                resident_key: REQUIRED,
                require_resident_key: true,
                user_verification: REQUIRED,
            },
            attestation: "none",
        }
    }
}

impl RequestOptions {
    pub(super) fn new(rp: RelyingParty<'_>, challenge: &[u8], allowed: Vec<Descriptor>) -> Self {
        Self {
            challenge: URL_SAFE_NO_PAD.encode(challenge),
            rp_id: rp.id.to_owned(),
            timeout: timeout(),
            allow_credentials: allowed,
            user_verification: REQUIRED,
        }
    }
}
