//! All checks of an ID token in OpenID Connect Core §3.1.3.7.

use aws_lc_rs::digest;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use portcullis::tokens::Signed;
use serde_json::{Map, Value};

use crate::clock::Timestamp;

/// The tolerated clock difference in seconds.
pub(super) const LEEWAY: i64 = 60;

/// The values that an ID token must have.
pub(super) struct Expected<'a> {
    /// Whether `iss` names the provider: step 2.
    pub(super) is_issuer: &'a (dyn Fn(&str, &Map<String, Value>) -> bool + Sync),
    pub(super) client_id: &'a str,
    pub(super) nonce: &'a str,
    /// The access token issued with it.
    pub(super) access_token: &'a str,
    /// When a fresh login was requested.
    pub(super) fresh_since: Option<Timestamp>,
    pub(super) now: Timestamp,
}

/// Checks the claims of a token whose signature was verified (steps 6 to 8: with one of the issuer's own public keys,
/// each of which has one algorithm, never `none` or a shared secret). Returns `auth_time`.
///
/// # Errors
/// What is wrong, in words that contain nothing of the token.
pub(super) fn check(token: &Signed, expected: &Expected<'_>) -> Result<Option<Timestamp>, &'static str> {
    let claims = token.claims();
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let (now, leeway) = (expected.now.as_secs(), LEEWAY);
    // 2.
    let issuer = text("iss").ok_or("has no `iss`")?;
    if !(expected.is_issuer)(issuer, claims) {
        return Err("is from another issuer (`iss`)");
    }
    // 3, 4 and 5.
    check_audience(claims, expected.client_id)?;
    // 9.
    if time(claims, "exp")?.ok_or("has no `exp`")? <= now - leeway {
        return Err("has expired (`exp`); check this computer's clock");
    }
    // 10, and RFC 7519 §4.1.5.
    if time(claims, "iat")?.ok_or("has no `iat`")? > now + leeway
        || time(claims, "nbf")?.is_some_and(|begin| begin > now + leeway)
    {
        return Err("is from the future (`iat`, `nbf`); check this computer's clock");
    }
    // 11. A missing one is as bad as a wrong one (CVE-2026-15612).
    if text("nonce") != Some(expected.nonce) {
        return Err("is not for this login (`nonce`)");
    }
    // 12 is about `acr`, which was not requested. 13:
    let auth_time = time(claims, "auth_time")?.map(Timestamp::from_secs);
    if let Some(since) = expected.fresh_since {
        let at = auth_time.ok_or("does not say when the person logged in (`auth_time`)")?;
        if at.as_secs() < since.as_secs() - leeway || at.as_secs() > now + leeway {
            return Err("is of an older login than the one that was asked for (`auth_time`)");
        }
    }
    // §3.1.3.8.
    if let Some(at_hash) = claims.get("at_hash")
        && at_hash.as_str() != left_half(token.algorithm(), expected.access_token).as_deref()
    {
        return Err("is not the access token's (`at_hash`)");
    }
    Ok(auth_time)
}

/// The token must be for us. If it is also for others, it must have been issued to us, as stated by `azp`.
fn check_audience(claims: &Map<String, Value>, client_id: &str) -> Result<(), &'static str> {
    const OTHER: &str = "is for another application (`aud`, `azp`); check `client_id`";
    let is_ours = |value: &Value| value.as_str() == Some(client_id);
    let is_alone = match claims.get("aud") {
        None => return Err("has no `aud`"),
        Some(Value::Array(all)) if all.iter().any(is_ours) && all.iter().all(Value::is_string) => {
            all.iter().all(is_ours)
        }
        Some(one) if is_ours(one) => true,
        Some(_) => return Err(OTHER),
    };
    match claims.get("azp") {
        Some(azp) if !is_ours(azp) => Err(OTHER),
        None if !is_alone => Err(OTHER),
        _ => Ok(()),
    }
}

/// A `NumericDate` (RFC 7519 §2), which may have a fraction. A value of the wrong type is never treated as missing.
fn time(claims: &Map<String, Value>, name: &str) -> Result<Option<i64>, &'static str> {
    /// The end of the year 9999; the bound also applies to fractions.
    const END: f64 = 253_402_300_800.0;
    let Some(value) = claims.get(name) else { return Ok(None) };
    let seconds = value.as_f64().filter(|seconds| (0.0..END).contains(seconds));
    #[expect(clippy::cast_possible_truncation, reason = "it is bounded")]
    seconds.map(|seconds| Some(seconds.floor() as i64)).ok_or("has a time that is not a number of seconds")
}

/// The left half of the token's hash, with the hash function of the signature's algorithm.
fn left_half(algorithm: &str, token: &str) -> Option<String> {
    let hash = match algorithm {
        "RS256" | "PS256" | "ES256" => &digest::SHA256,
        "RS384" | "PS384" | "ES384" => &digest::SHA384,
        // Ed25519 hashes with SHA-512 (RFC 8032 §5.1).
        "RS512" | "PS512" | "ES512" | "EdDSA" | "Ed25519" => &digest::SHA512,
        _ => return None,
    };
    let hash = digest::digest(hash, token.as_bytes());
    let (left, _) = hash.as_ref().split_at_checked(hash.as_ref().len() / 2)?;
    Some(URL_SAFE_NO_PAD.encode(left))
}
