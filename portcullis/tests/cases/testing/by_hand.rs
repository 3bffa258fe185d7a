//! A hand-written guard as people write it, correct except for the requested fault.

use axum::response::{IntoResponse, Response};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE},
};
use jsonwebtoken::{Algorithm, DecodingKey, crypto, jwk::Jwk};
use serde_json::{Value, json};

use super::super::issuer::{AUDIENCE, ISSUER, NOW, ed25519};

/// A fault of a guard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    IgnoresTheGuard,
    SwallowsTheDenial,
    SignatureNotChecked,
    AlgNone,
    PublicKeyAsSecret,
    KeyInTheHeader,
    Expired,
    NotYetValid,
    AnyIssuer,
    AnyAudience,
    ScopeNotChecked,
    FirstScopeOnly,
    ScopeNotNamed,
    ForbiddenInsteadOfUnauthorized,
    NoChallenge,
    ErrorThoughNothingWasSent,
    NoErrorInTheChallenge,
    AnotherChallenge,
    WrongBody,
    WrongContentType,
    TwoHeaders,
    AnyScheme,
    TokenInTheQuery,
    PrefixIsEnough,
    RefusesEverybody,
    ServerError,
    Panics,
}

/// Who may not call, and why.
type Refused = (u16, &'static str);

const INVALID: Refused = (401, "Bearer error=\"invalid_token\"");
const BARE: Refused = (401, "Bearer");

/// Responds with `good` to a token with the scopes.
pub(super) fn answer(
    fault: Fault,
    headers: &HeaderMap,
    query: &str,
    scopes: &[&str],
    good: &Value,
) -> Response {
    let checked = check(fault, headers, query, scopes);
    assert!(fault != Fault::Panics || checked.is_ok(), "the guard has a flaw");
    match checked {
        _ if fault == Fault::IgnoresTheGuard => ok(good),
        Ok(()) if fault == Fault::RefusesEverybody => refusal(fault, INVALID),
        Ok(()) => ok(good),
        Err(INVALID) if fault == Fault::SwallowsTheDenial => ok(good),
        Err(INVALID) if fault == Fault::ServerError => refusal(fault, (500, "")),
        Err((401, challenge)) if fault == Fault::ForbiddenInsteadOfUnauthorized => {
            refusal(fault, (403, challenge))
        }
        Err(BARE) if fault == Fault::ErrorThoughNothingWasSent => refusal(fault, INVALID),
        Err(BARE) if fault == Fault::AnotherChallenge => refusal(fault, (401, "Bearer realm=\"x\"")),
        Err(INVALID) if fault == Fault::NoErrorInTheChallenge => refusal(fault, BARE),
        Err(refused) => refusal(fault, refused),
    }
}

pub(super) fn ok(body: &Value) -> Response {
    ([(CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

pub(super) fn refusal(fault: Fault, (status, challenge): Refused) -> Response {
    let body = if fault == Fault::WrongBody { json!({ "error": "no" }) } else { json!({ "detail": "No" }) };
    let content_type = if fault == Fault::WrongContentType { "text/html" } else { "application/json" };
    let mut answer =
        (StatusCode::from_u16(status).unwrap(), [(CONTENT_TYPE, content_type)], body.to_string())
            .into_response();
    if fault != Fault::NoChallenge && !challenge.is_empty() {
        answer.headers_mut().insert(WWW_AUTHENTICATE, challenge.parse().unwrap());
    }
    answer
}

/// Adds a challenge to a rejection.
pub(super) fn also_ask_for(answer: &mut Response, challenge: &'static str) {
    if answer.status() == 401 {
        answer.headers_mut().append(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
}

fn check(fault: Fault, headers: &HeaderMap, query: &str, scopes: &[&str]) -> Result<(), Refused> {
    let values: Vec<_> = headers.get_all(AUTHORIZATION).iter().map(|value| value.to_str().unwrap()).collect();
    let in_query = query.strip_prefix("access_token=").filter(|_| fault == Fault::TokenInTheQuery);
    let in_query =
        in_query.map(|token| percent_encoding::percent_decode_str(token).decode_utf8_lossy().into_owned());
    let token = match values.as_slice() {
        [] => in_query.ok_or(BARE)?,
        [one] => match one.split_once(' ') {
            Some((word, token)) if word == "Bearer" || fault == Fault::AnyScheme => token.to_owned(),
            _ => return Err(BARE),
        },
        [.., last] if fault == Fault::TwoHeaders => last.split_once(' ').ok_or(BARE)?.1.to_owned(),
        _ => return Err((400, "Bearer error=\"invalid_request\"")),
    };
    let token = if fault == Fault::PrefixIsEnough { token.trim_end_matches('x') } else { &token };
    let claims = verified(fault, token).ok_or(INVALID)?;
    let held: Vec<_> = claims["scope"].as_str().unwrap_or_default().split(' ').collect();
    let needed = if fault == Fault::FirstScopeOnly { &scopes[..1] } else { scopes };
    if fault == Fault::ScopeNotChecked || needed.iter().all(|scope| held.contains(scope)) {
        return Ok(());
    }
    Err(match (fault, scopes) {
        (Fault::ScopeNotNamed, _) => (403, "Bearer error=\"insufficient_scope\""),
        (_, ["read"]) => (403, "Bearer error=\"insufficient_scope\", scope=\"read\""),
        _ => (403, "Bearer error=\"insufficient_scope\", scope=\"read write\""),
    })
}

fn verified(fault: Fault, token: &str) -> Option<Value> {
    let mut parts = token.split('.');
    let (first, second, signature) = (parts.next()?, parts.next()?, parts.next()?);
    let json = |part| serde_json::from_slice::<Value>(&BASE64_URL_SAFE_NO_PAD.decode(part).ok()?).ok();
    let (header, claims) = (json(first)?, json(second)?);
    if parts.next().is_some() || !is_signed(fault, &header, &format!("{first}.{second}"), signature) {
        return None;
    }
    let is_good = (claims["exp"].as_u64().is_some_and(|end| NOW < end) || fault == Fault::Expired)
        && (claims["nbf"].as_u64().is_none_or(|start| start <= NOW) || fault == Fault::NotYetValid)
        && (claims["iss"] == ISSUER || fault == Fault::AnyIssuer)
        && (claims["aud"] == AUDIENCE || fault == Fault::AnyAudience);
    is_good.then_some(claims)
}

#[expect(clippy::disallowed_methods, reason = "it stands for an application's own check")]
fn is_signed(fault: Fault, header: &Value, message: &str, signature: &str) -> bool {
    let by = |key: &DecodingKey, algorithm| {
        crypto::verify(signature, message.as_bytes(), key, algorithm).unwrap_or(false)
    };
    let ours = DecodingKey::from_ed_components(ed25519().jwk["x"].as_str().unwrap()).unwrap();
    match header["alg"].as_str() {
        Some("EdDSA") if fault == Fault::SignatureNotChecked => true,
        Some("EdDSA") if fault == Fault::KeyInTheHeader && header["jwk"].is_object() => {
            let key: Jwk = serde_json::from_value(header["jwk"].clone()).unwrap();
            by(&DecodingKey::from_jwk(&key).unwrap(), Algorithm::EdDSA)
        }
        Some("EdDSA") => by(&ours, Algorithm::EdDSA),
        Some("HS256") if fault == Fault::PublicKeyAsSecret => {
            by(&DecodingKey::from_secret(ed25519().pem().as_bytes()), Algorithm::HS256)
        }
        Some("none") if fault == Fault::AlgNone => signature.is_empty(),
        _ => false,
    }
}
