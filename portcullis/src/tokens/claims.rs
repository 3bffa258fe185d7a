//! The claims of an access token (RFC 9068 §2.2), read strictly.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{base64url::decoded, cache::Timely, keys::KeyError, refusal::Refusal};
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

    /// `client_id`: the application that the token was given to. Empty only after
    /// [`Dangerous::without_client_id_and_jti`](super::Dangerous::without_client_id_and_jti), where neither
    /// `client_id` nor `azp` says it.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.0.client_id
    }

    /// `jti`: the token's own name. Empty only after
    /// [`Dangerous::without_client_id_and_jti`](super::Dangerous::without_client_id_and_jti).
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
    fn timely(&self, now: u64, leeway: u64) -> Result<(), Refusal> {
        timely(self.0.not_before.max(self.0.issued_at), self.0.expires_at, now, leeway)
    }
}

impl Timely for AccessToken {
    fn is_timely(&self, now: u64) -> bool {
        self.timely(now, 0).is_ok()
    }
}

/// Whether `now` lies between two times, all in seconds since 1970, give or take `leeway` seconds.
pub(crate) fn timely(begins_at: u64, expires_at: u64, now: u64, leeway: u64) -> Result<(), Refusal> {
    if now >= expires_at.saturating_add(leeway) {
        return Err(Refusal::Expired);
    }
    if now.saturating_add(leeway) < begins_at {
        return Err(Refusal::NotYetValid);
    }
    Ok(())
}

/// What a token must say to be for us.
#[derive(Debug)]
pub(crate) struct Expected {
    pub(crate) issuer: String,
    pub(crate) audience: Audience,
    /// The claim that holds the scopes, if it is not `scope` as RFC 9068 §2.2.3 has it.
    pub(crate) scope_claim: Option<String>,
    /// See [`Dangerous::accept_typ_jwt`](super::Dangerous::accept_typ_jwt).
    pub(crate) accepts_typ_jwt: bool,
    /// See [`Dangerous::accept_sender_constrained_as_bearer`](super::Dangerous::accept_sender_constrained_as_bearer).
    pub(crate) accepts_sender_constrained: bool,
    /// See [`Dangerous::without_client_id_and_jti`](super::Dangerous::without_client_id_and_jti).
    pub(crate) needs_client_id_and_jti: bool,
}

impl Expected {
    /// All that RFC 9068 asks, of a token of `issuer`.
    pub(crate) fn of(issuer: &str) -> Self {
        Self {
            issuer: issuer.to_owned(),
            audience: Audience::default(),
            scope_claim: None,
            accepts_typ_jwt: false,
            accepts_sender_constrained: false,
            needs_client_id_and_jti: true,
        }
    }

    /// The token that these claims make at `now`, in seconds since 1970; the signature was checked before.
    ///
    /// # Errors
    /// What the token lacks.
    pub(crate) fn read(&self, claims: &str, now: u64, leeway: u64) -> Result<AccessToken, Refusal> {
        let json = decoded(claims).ok_or(Refusal::Claims)?;
        let Ok(Value::Object(claims)) = strict_json::parse(&json, 8) else { return Err(Refusal::Claims) };
        let text = |name| claims.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let time = |name| claims.get(name).and_then(seconds_of).ok_or(Refusal::Claim(name));
        if text("iss") != Some(&self.issuer) {
            return Err(Refusal::Issuer);
        }
        if !self.audience.is_in(claims.get("aud")) {
            return Err(Refusal::Audience);
        }
        // RFC 7800 §3: it is good only together with a proof of a key, and we ask for none. A thief has no such proof.
        if claims.contains_key("cnf") && !self.accepts_sender_constrained {
            return Err(Refusal::SenderConstrained);
        }
        if self.accepts_typ_jwt && is_something_else(&claims) {
            return Err(Refusal::NoAccessToken);
        }
        let (expires_at, issued_at) = (time("exp")?, time("iat")?);
        // These may be left out, but not be of another type.
        let not_before = if claims.contains_key("nbf") { time("nbf")? } else { 0 };
        let optional = |name| match claims.get(name) {
            Some(value) if !value.is_string() => Err(Refusal::Claim(name)),
            _ => Ok(text(name)),
        };
        let needed = |name| match optional(name)? {
            None if self.needs_client_id_and_jti => Err(Refusal::Claim(name)),
            found => Ok(found.map(str::to_owned)),
        };
        let client_id = match needed("client_id")? {
            Some(client_id) => Some(client_id),
            None => optional("azp")?.map(str::to_owned),
        };
        let token = AccessToken(Arc::new(Claims {
            subject: text("sub").ok_or(Refusal::Claim("sub"))?.to_owned(),
            client_id: client_id.unwrap_or_default(),
            id: needed("jti")?.unwrap_or_default(),
            session_id: optional("sid")?.map(str::to_owned),
            scope: self.scope_in(&claims).ok_or(Refusal::Claim("scope"))?,
            issued_at,
            not_before,
            expires_at,
            json: String::from_utf8(json).map_err(|_| Refusal::Claims)?,
        }));
        token.timely(now, leeway)?;
        Ok(token)
    }

    fn scope_in(&self, claims: &Map<String, Value>) -> Option<Granted> {
        let Some(name) = &self.scope_claim else { return scope(claims.get("scope")) };
        match claims.get(name) {
            Some(Value::Array(scopes)) => scopes.iter().map(|one| one.as_str().map(str::to_owned)).collect(),
            claim => scope(claim),
        }
    }
}

/// Where `typ` does not tell them apart: what an ID token (OpenID Connect Core §2, §3.1.3.6, §3.3.2.11; `s_hash` is
/// FAPI's) or a security event such as a logout token (RFC 8417 §2.2) says still does, and so do the claims by which
/// Keycloak (`typ`) and Cognito (`token_use`) name their ID tokens and refresh tokens (`Refresh`, `Offline`).
///
/// That `aud` and `azp` are equal tells nothing: where a page and its API share one registration, access tokens of
/// Entra and Keycloak look so too.
fn is_something_else(claims: &Map<String, Value>) -> bool {
    let says = |name: &str, word: &str| {
        claims.get(name).and_then(Value::as_str).is_some_and(|said| said.eq_ignore_ascii_case(word))
    };
    // Keycloak before version 25 put `nonce` into access tokens too.
    let is_asked_for_by_nonce = claims.contains_key("nonce") && !says("typ", "Bearer");
    is_asked_for_by_nonce
        || ["at_hash", "c_hash", "s_hash", "events"].iter().any(|name| claims.contains_key(*name))
        || ["typ", "token_use"]
            .iter()
            .any(|name| ["id", "refresh", "offline"].iter().any(|other| says(name, other)))
}

/// Whom tokens must be for, by their `aud`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Audience {
    /// Who we are. If the application forgot it, nothing can be built.
    name: Option<String>,
    /// See [`Dangerous::accept_absent_audience`](super::Dangerous::accept_absent_audience).
    may_be_absent: bool,
    /// See [`Dangerous::without_audience`](super::Dangerous::without_audience).
    may_be_any: bool,
}

impl Audience {
    /// We are `name`, and tokens that say whom they are for must say so.
    pub(crate) fn named(&self, name: &str) -> Self {
        Self { name: Some(name.to_owned()), may_be_any: false, ..*self }
    }

    pub(crate) fn or_absent(self) -> Self {
        Self { may_be_absent: true, ..self }
    }

    pub(crate) fn or_any(self) -> Self {
        Self { may_be_any: true, ..self }
    }

    /// `aud` is a string or an array of strings (RFC 7519 §4.1.3). A wrong type is a refusal, never "absent" or "any".
    pub(crate) fn is_in(&self, aud: Option<&Value>) -> bool {
        let is_ours = |aud: &Value| aud.as_str().is_some_and(|aud| Some(aud) == self.name.as_deref());
        match aud {
            None => self.may_be_absent || self.may_be_any,
            Some(aud @ Value::String(_)) => self.may_be_any || is_ours(aud),
            Some(Value::Array(names)) => {
                names.iter().all(Value::is_string) && (self.may_be_any || names.iter().any(is_ours))
            }
            Some(_) => false,
        }
    }

    /// # Errors
    /// Nobody said who we are.
    pub(crate) fn checked(&self) -> Result<(), KeyError> {
        let is_named = self.name.as_ref().is_some_and(|name| !name.is_empty());
        (is_named || self.may_be_any).then_some(()).ok_or_else(|| {
            KeyError::new(
                "no audience: say `.audience(\"my-api\")`, the name that tokens for you carry in `aud`",
            )
        })
    }
}

/// A `scope` is one string (RFC 8693 §4.2).
pub(crate) fn scope(claim: Option<&Value>) -> Option<Granted> {
    claim.map_or(Some(Granted::none()), |scope| scope.as_str().map(Granted::parse))
}

/// A `NumericDate` (RFC 7519 §2) in whole seconds. A wrong type is a refusal, never "absent".
pub(crate) fn seconds_of(value: &Value) -> Option<u64> {
    value.as_u64().filter(|seconds| *seconds < 1 << 53)
}
