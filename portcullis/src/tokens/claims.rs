//! The claims of an access token (RFC 9068 §2.2), parsed strictly.

use std::{collections::HashMap, sync::Arc};

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{LEEWAY, MAX_LEEWAY, base64url::decoded, cache::Timely, keys::KeyError, refusal::Refusal};
use crate::{scope::Granted, strict_json};

/// A verified access token. Only [`AccessTokens`](super::AccessTokens) creates one, by accepting it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct AccessToken(Arc<Claims>);

#[derive(Debug)]
struct Claims {
    issuer: String,
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
    /// `iss`: the issuer of the token. It varies between tokens only with
    /// [`tenants`](super::AccessTokensBuilder::tenants).
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.0.issuer
    }

    /// `sub`: the subject of the token, as the issuer names it.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.0.subject
    }

    /// `client_id`: the application that the token was issued to. With
    /// [`Dangerous::without_client_id_and_jti`](super::Dangerous::without_client_id_and_jti) it is the first of
    /// `client_id`, `azp`, `cid` (Okta) and `appid` (Entra v1) that the token has, or empty.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.0.client_id
    }

    /// `jti`: the token's id. Empty only with
    /// [`Dangerous::without_client_id_and_jti`](super::Dangerous::without_client_id_and_jti).
    #[must_use]
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// `sid`: the session that the token belongs to, if the issuer includes it.
    #[must_use]
    pub fn session_id(&self) -> Option<&str> {
        self.0.session_id.as_deref()
    }

    /// `scope`: the scopes of the token.
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

    /// All claims, as a type of your own.
    ///
    /// # Errors
    /// An error if the claims do not have that shape.
    pub fn claims<C: DeserializeOwned>(&self) -> Result<C, serde_json::Error> {
        serde_json::from_str(&self.0.json)
    }

    /// Whether `now`, in seconds since 1970, lies within `exp`, `nbf` and `iat`, give or take `leeway` seconds.
    fn timely(&self, now: u64, leeway: u64) -> Result<(), Refusal> {
        timely(self.0.not_before, self.0.expires_at, now, leeway)
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

/// What a token must say to be accepted.
#[derive(Debug)]
pub(crate) struct Expected {
    pub(crate) issuer: String,
    /// The tenants of an issuer that has one name per tenant.
    pub(crate) tenants: Option<Tenants>,
    pub(crate) audience: Audience,
    /// The clock leeway, in seconds.
    pub(crate) leeway: u64,
    /// Where the scopes are, if not in `scope` (RFC 9068 §2.2.3): paths of claim names, outermost first.
    pub(crate) scope_claims: Vec<Vec<String>>,
    /// See [`Dangerous::accept_typ_jwt`](super::Dangerous::accept_typ_jwt).
    pub(crate) accepts_typ_jwt: bool,
    /// See [`Dangerous::accept_sender_constrained_as_bearer`](super::Dangerous::accept_sender_constrained_as_bearer).
    pub(crate) accepts_sender_constrained: bool,
    /// See [`Dangerous::without_client_id_and_jti`](super::Dangerous::without_client_id_and_jti).
    pub(crate) needs_client_id_and_jti: bool,
}

impl Expected {
    /// All that RFC 9068 demands of a token of `issuer`.
    pub(crate) fn of(issuer: &str) -> Self {
        Self {
            issuer: issuer.to_owned(),
            tenants: None,
            audience: Audience::default(),
            leeway: LEEWAY,
            scope_claims: Vec::new(),
            accepts_typ_jwt: false,
            accepts_sender_constrained: false,
            needs_client_id_and_jti: true,
        }
    }

    /// # Errors
    /// A setting is missing or out of bounds.
    pub(crate) fn checked(&self) -> Result<(), KeyError> {
        self.audience.checked()?;
        if self.issuer.is_empty() {
            return Err(KeyError::new("the issuer is empty"));
        }
        if self.leeway > MAX_LEEWAY {
            return Err(KeyError::new(format!(
                "the leeway is at most {MAX_LEEWAY} seconds; synchronize the clocks instead"
            )));
        }
        if self.scope_claims.iter().any(Vec::is_empty) {
            return Err(KeyError::new("the path to a claim with scopes is empty"));
        }
        self.tenants.as_ref().map_or(Ok(()), Tenants::checked)
    }

    /// The token with these claims at `now`, in seconds since 1970. Its signature was already verified, by a key
    /// whose `issuer` in the set is `key_issuer`.
    ///
    /// # Errors
    /// What is wrong with the token.
    pub(crate) fn read(
        &self,
        claims: &str,
        key_issuer: Option<&str>,
        now: u64,
    ) -> Result<AccessToken, Refusal> {
        let json = decoded(claims).ok_or(Refusal::Claims)?;
        let Ok(Value::Object(claims)) = strict_json::parse(&json, 8) else { return Err(Refusal::Claims) };
        let text = |name| claims.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let time = |name| claims.get(name).and_then(seconds_of).ok_or(Refusal::Claim(name));
        let begin = |name| claims.get(name).and_then(whole_seconds_of).ok_or(Refusal::Claim(name));
        let issuer = text("iss").ok_or(Refusal::Issuer)?;
        match &self.tenants {
            None if issuer == self.issuer => {}
            None => return Err(Refusal::Issuer),
            Some(tenants) => tenants.check(issuer, claims.get("tid"), key_issuer)?,
        }
        if !self.audience.is_in(claims.get("aud")) {
            return Err(Refusal::Audience);
        }
        // RFC 7800 §3: it is valid only with a proof of possession, which we do not check. A thief has no such proof.
        if claims.contains_key("cnf") && !self.accepts_sender_constrained {
            return Err(Refusal::SenderConstrained);
        }
        if self.accepts_typ_jwt && is_something_else(&claims) {
            return Err(Refusal::NoAccessToken);
        }
        let (expires_at, issued_at) = (time("exp")?, time("iat")?);
        // These may be missing, but must not have another type.
        let not_before = if claims.contains_key("nbf") { begin("nbf")? } else { 0 };
        let optional = |name| match claims.get(name) {
            Some(value) if !value.is_string() => Err(Refusal::Claim(name)),
            _ => Ok(text(name)),
        };
        let needed = |name| match optional(name)? {
            None if self.needs_client_id_and_jti => Err(Refusal::Claim(name)),
            found => Ok(found.map(str::to_owned)),
        };
        let mut client_id = needed("client_id")?;
        for other in ["azp", "cid", "appid"] {
            if client_id.is_none() {
                client_id = optional(other)?.map(str::to_owned);
            }
        }
        let token = AccessToken(Arc::new(Claims {
            issuer: issuer.to_owned(),
            subject: text("sub").ok_or(Refusal::Claim("sub"))?.to_owned(),
            client_id: client_id.unwrap_or_default(),
            id: needed("jti")?.unwrap_or_default(),
            session_id: optional("sid")?.map(str::to_owned),
            scope: self.scope_in(&claims).ok_or(Refusal::Claim("scope"))?,
            issued_at,
            not_before: not_before.max(begin("iat")?),
            expires_at,
            json: String::from_utf8(json).map_err(|_| Refusal::Claims)?,
        }));
        token.timely(now, self.leeway)?;
        Ok(token)
    }

    /// The scopes of all configured claims. A missing claim grants nothing; one of a wrong type is an error.
    fn scope_in(&self, claims: &Map<String, Value>) -> Option<Granted> {
        if self.scope_claims.is_empty() {
            return scope(claims.get("scope"));
        }
        let mut all = Vec::new();
        for path in &self.scope_claims {
            match claim_at(claims, path).ok()? {
                None => {}
                Some(Value::String(names)) => all.extend(names.split(' ').map(str::to_owned)),
                Some(Value::Array(names)) => {
                    for name in names {
                        all.push(name.as_str()?.to_owned());
                    }
                }
                Some(_) => return None,
            }
        }
        Some(all.into_iter().collect())
    }
}

/// The value at the end of a path of names.
///
/// # Errors
/// A value on the path is not an object.
fn claim_at<'c>(claims: &'c Map<String, Value>, path: &[String]) -> Result<Option<&'c Value>, Refusal> {
    let Some((last, outer)) = path.split_last() else { return Ok(None) };
    let mut members = claims;
    for name in outer {
        match members.get(name) {
            None => return Ok(None),
            Some(Value::Object(inner)) => members = inner,
            Some(_) => return Err(Refusal::Claim("scope")),
        }
    }
    Ok(members.get(last))
}

/// The allowed tenants of an issuer that has one name per tenant, such as Microsoft Entra.
#[derive(Debug)]
pub(crate) struct Tenants {
    template: String,
    /// Each tenant by its issuer name.
    known: HashMap<String, String>,
}

/// The placeholder for the tenant in an issuer name.
const TENANT: &str = "{tenantid}";

impl Tenants {
    pub(crate) fn of(template: &str, tenants: impl IntoIterator<Item = String>) -> Self {
        let named = |tenant: String| (template.replace(TENANT, &tenant), tenant);
        Self { template: template.to_owned(), known: tenants.into_iter().map(named).collect() }
    }

    /// # Errors
    /// They could let in a tenant that was not named.
    pub(crate) fn checked(&self) -> Result<(), KeyError> {
        let is_plain = |tenant: &String| {
            !tenant.is_empty()
                && tenant.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
        };
        if self.template.matches(TENANT).count() != 1 {
            return Err(KeyError::new(format!(
                "`{}` must contain `{TENANT}` once, in place of the tenant",
                self.template.escape_debug()
            )));
        }
        if self.known.is_empty() {
            return Err(KeyError::new("no tenants: list those whose users may call"));
        }
        match self.known.values().find(|tenant| !is_plain(tenant)) {
            None => Ok(()),
            Some(tenant) => Err(KeyError::new(format!("`{}` is not a tenant's id", tenant.escape_debug()))),
        }
    }

    /// The issuer name with the placeholder, as the issuer's metadata may have it.
    pub(crate) fn template(&self) -> &str {
        &self.template
    }

    fn check(&self, issuer: &str, tid: Option<&Value>, key_issuer: Option<&str>) -> Result<(), Refusal> {
        let tenant = self.known.get(issuer).ok_or(Refusal::Issuer)?;
        let is_same = tid.is_none_or(|tid| tid.as_str() == Some(tenant));
        // A key for one tenant's tokens must not sign those of another.
        let is_for_it = key_issuer.is_none_or(|of_key| of_key.replace(TENANT, tenant) == issuer);
        (is_same && is_for_it).then_some(()).ok_or(Refusal::Tenant)
    }
}

/// Detects other kinds of tokens where `typ` does not tell. ID tokens (OpenID Connect Core §2, §3.1.3.6, §3.3.2.11;
/// `s_hash` is FAPI's) and security events such as logout tokens (RFC 8417 §2.2) have claims of their own. Keycloak
/// (`typ`) and Cognito (`token_use`) name their ID tokens and refresh tokens (`Refresh`, `Offline`) in a claim.
///
/// Equal `aud` and `azp` prove nothing: if a page and its API share one registration, access tokens of Entra and
/// Keycloak have them too.
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

/// The audiences that a token may have.
#[derive(Debug, Clone, Default)]
pub(crate) struct Audience {
    /// One of these names. If the application sets none, the verifier cannot be built.
    names: Vec<String>,
    /// See [`Dangerous::accept_absent_audience`](super::Dangerous::accept_absent_audience).
    may_be_absent: bool,
    /// See [`Dangerous::without_audience`](super::Dangerous::without_audience).
    may_be_any: bool,
}

impl Audience {
    /// Adds `name` to our names. A token with an `aud` must name one of them.
    pub(crate) fn named(mut self, name: &str) -> Self {
        self.names.push(name.to_owned());
        Self { may_be_any: false, ..self }
    }

    pub(crate) fn or_absent(self) -> Self {
        Self { may_be_absent: true, ..self }
    }

    pub(crate) fn or_any(self) -> Self {
        Self { may_be_any: true, ..self }
    }

    /// `aud` is a string or an array of strings (RFC 7519 §4.1.3). A wrong type is an error, never "absent" or "any".
    pub(crate) fn is_in(&self, aud: Option<&Value>) -> bool {
        let is_ours = |aud: &Value| aud.as_str().is_some_and(|aud| self.names.iter().any(|name| name == aud));
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
    /// No audience was set.
    pub(crate) fn checked(&self) -> Result<(), KeyError> {
        let is_named = !self.names.is_empty() && self.names.iter().all(|name| !name.is_empty());
        (is_named || self.may_be_any).then_some(()).ok_or_else(|| {
            KeyError::new(
                "no audience: call `.audience(\"my-api\")` with the name that tokens for you have in `aud`",
            )
        })
    }
}

/// A `scope` is a single string (RFC 8693 §4.2).
pub(crate) fn scope(claim: Option<&Value>) -> Option<Granted> {
    claim.map_or(Some(Granted::none()), |scope| scope.as_str().map(Granted::parse))
}

/// A `NumericDate` (RFC 7519 §2), rounded down, as it may have a fraction. A wrong type is an error, never "absent".
pub(crate) fn seconds_of(value: &Value) -> Option<u64> {
    date(value, f64::floor)
}

/// The same rounded up, for the time at which a token becomes valid.
pub(crate) fn whole_seconds_of(value: &Value) -> Option<u64> {
    date(value, f64::ceil)
}

fn date(value: &Value, round: fn(f64) -> f64) -> Option<u64> {
    /// From here on, `f64` is not exact.
    const END: u64 = 1 << 53;
    let seconds = value.as_u64().or_else(|| {
        let rounded = value.as_f64().filter(|seconds| seconds.is_sign_positive()).map(round)?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "whole, positive, and bounded"
        )]
        #[expect(clippy::cast_precision_loss, reason = "a power of two has none")]
        (rounded < END as f64).then_some(rounded as u64)
    });
    seconds.filter(|seconds| *seconds < END)
}
