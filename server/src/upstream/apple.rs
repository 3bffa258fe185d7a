//! Apple's specialities: a client secret that is a signed token, and a name that arrives through the browser.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, crypto::aws_lc::DEFAULT_PROVIDER as BACKEND};
use serde_json::{Value, json};

use crate::clock::Timestamp;

/// How long a client secret is valid. Each request gets its own, so none expires unnoticed.
const LIFETIME: Duration = Duration::from_mins(5);
/// The maximum length of the name from the browser, in bytes of JSON.
const USER: usize = 4096;

/// The key of a team (`.p8`).
pub(super) struct AppleKey {
    pub(super) team_id: String,
    pub(super) key_id: String,
    pub(super) key: EncodingKey,
}

impl AppleKey {
    /// Parses the key, and signs with it once to check that it works with ES256.
    ///
    /// # Errors
    /// What is wrong, to follow the file's name.
    pub(super) fn new(team_id: String, key_id: String, pem: &[u8]) -> Result<Self, &'static str> {
        let key = EncodingKey::from_ec_pem(pem).map_err(|_| NOT_A_KEY)?;
        let key = Self { team_id, key_id, key };
        key.client_secret("trial", "https://appleid.apple.com", Timestamp::from_secs(0)).ok_or(NOT_A_KEY)?;
        Ok(key)
    }

    /// A client secret for one request.
    pub(super) fn client_secret(&self, client_id: &str, audience: &str, now: Timestamp) -> Option<String> {
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let header = part(json!({ "alg": "ES256", "kid": self.key_id }));
        let claims = part(json!({
            "iss": self.team_id, "iat": now.as_secs(), "exp": (now + LIFETIME).as_secs(), "aud": audience,
            "sub": client_id,
        }));
        let message = format!("{header}.{claims}");
        let signer = (BACKEND.signer_factory)(&Algorithm::ES256, &self.key).ok()?;
        let signature = signer.try_sign(message.as_bytes()).ok()?;
        Some(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

const NOT_A_KEY: &str =
    "is not the key that Apple gave you: a file `AuthKey_….p8` with `BEGIN PRIVATE KEY`, for ES256";

/// The name in the field `user`, which Apple sends once and through the browser, so the person may have forged it.
/// Its email address is ignored for the same reason.
pub(super) fn name_in(user: &str) -> Option<String> {
    if user.len() > USER {
        return None;
    }
    let user: Value = serde_json::from_str(user).ok()?;
    let part = |name| user.get("name").and_then(|names| names.get(name)).and_then(Value::as_str);
    let name = [part("firstName"), part("lastName")].into_iter().flatten().collect::<Vec<_>>().join(" ");
    (!name.trim().is_empty()).then_some(name)
}
