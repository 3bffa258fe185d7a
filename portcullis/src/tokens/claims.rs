//! The claims of an access token (RFC 9068 §2.2), read strictly.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{scope::Granted, strict_json};

/// An access token that was verified. There is no way to make one but by [`AccessTokens`](super::AccessTokens)
/// accepting it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct AccessToken(Arc<Claims>);

#[derive(Debug)]
struct Claims {
    subject: String,
    client_id: String,
    id: String,
    session_id: Option<String>,
    scope: Granted,
    issued_at: u64,
    not_before: u64,
    expires_at: u64,
    json: String,
}

impl AccessToken {
    /// `sub`: whom the token stands for, in the issuer's own words.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.0.subject
    }

    /// `client_id`: the application that the token was given to.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.0.client_id
    }

    /// `jti`: the token's own name.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// `sid`: the session that the token belongs to, where the issuer says it.
    #[must_use]
    pub fn session_id(&self) -> Option<&str> {
        self.0.session_id.as_deref()
    }

    /// `scope`: what the token allows.
    #[must_use]
    pub fn scope(&self) -> &Granted {
        &self.0.scope
    }

    /// `iat`, in seconds since 1970.
    #[must_use]
    pub fn issued_at(&self) -> u64 {
        self.0.issued_at
    }

    /// `exp`, in seconds since 1970.
    #[must_use]
    pub fn expires_at(&self) -> u64 {
        self.0.expires_at
    }

    /// All claims as a type of your own.
    ///
    /// # Errors
    /// The claims do not have that shape.
    pub fn claims<C: DeserializeOwned>(&self) -> Result<C, serde_json::Error> {
        serde_json::from_str(&self.0.json)
    }

    /// Whether `now`, in seconds since 1970, lies within `exp`, `nbf` and `iat`, give or take `leeway` seconds.
    pub(super) fn is_timely(&self, now: u64, leeway: u64) -> bool {
        let begins_at = self.0.not_before.max(self.0.issued_at);
        now < self.0.expires_at.saturating_add(leeway) && now.saturating_add(leeway) >= begins_at
    }
}

/// What a token must say to be for us.
#[derive(Debug)]
pub(super) struct Expected {
    pub(super) issuer: String,
    pub(super) audience: String,
}

impl Expected {
    /// The token that these claims make at `now`, in seconds since 1970; the signature was checked before.
    pub(super) fn read(&self, claims: &str, now: u64, leeway: u64) -> Option<AccessToken> {
        let json = decoded(claims)?;
        let Ok(Value::Object(claims)) = strict_json::parse(&json, 8) else { return None };
        let text = |name: &str| claims.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        if text("iss")? != self.issuer || !self.is_audience(claims.get("aud")?) {
            return None;
        }
        let expires_at = seconds(claims.get("exp")?)?;
        let issued_at = seconds(claims.get("iat")?)?;
        let not_before = claims.get("nbf").map_or(Some(0), seconds)?;
        // These may be left out, but not be of another type.
        let optional = |name: &str| claims.get(name).is_none_or(Value::is_string).then(|| text(name));
        let (scope, session_id) = (optional("scope")?, optional("sid")?);
        let token = AccessToken(Arc::new(Claims {
            subject: text("sub")?.to_owned(),
            client_id: text("client_id")?.to_owned(),
            id: text("jti")?.to_owned(),
            session_id: session_id.map(str::to_owned),
            scope: Granted::parse(scope.unwrap_or_default()),
            issued_at,
            not_before,
            expires_at,
            json: String::from_utf8(json).ok()?,
        }));
        token.is_timely(now, leeway).then_some(token)
    }

    /// `aud` is a string or an array of strings (RFC 7519 §4.1.3).
    fn is_audience(&self, aud: &Value) -> bool {
        match aud {
            Value::String(name) => *name == self.audience,
            Value::Array(names) => {
                names.iter().all(Value::is_string) && names.iter().any(|name| *name == *self.audience)
            }
            _ => false,
        }
    }
}

/// Base64url without padding, and nothing else (RFC 7515 §2).
pub(super) fn decoded(part: &str) -> Option<Vec<u8>> {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    URL_SAFE_NO_PAD.decode(part).ok()
}

/// A `NumericDate` (RFC 7519 §2) in whole seconds. A wrong type is a refusal, never "absent".
fn seconds(value: &Value) -> Option<u64> {
    value.as_u64().filter(|seconds| *seconds < 1 << 53)
}
