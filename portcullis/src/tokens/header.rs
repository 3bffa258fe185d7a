//! The header of a signed token (RFC 7515 §4), parsed strictly because its signature is not checked yet.

use serde_json::Value;

use super::{base64url::decoded, keys::MAX_KID, refusal::Refusal};
use crate::strict_json;

/// Which key and algorithm a header names.
///
/// `jwk`, `jku`, `x5u` and `x5c` are ignored: a token must not choose the key that verifies it.
#[derive(Clone)]
pub(crate) struct Header {
    /// Optional (RFC 7515 §4.1.4).
    pub(crate) kid: Option<String>,
    pub(crate) algorithm: String,
}

impl Header {
    /// The header, if it is an access token's and demands nothing that we do not support.
    pub(crate) fn read(part: &str, accepts_typ_jwt: bool) -> Result<Self, Refusal> {
        Self::parse(part, |typ| is_access_token(typ, accepts_typ_jwt).then_some(()).ok_or(Refusal::Typ))
    }

    /// The header of a token without a type of its own, such as an ID token.
    pub(crate) fn of_plain(part: &str) -> Result<Self, Refusal> {
        let is_plain = |typ: &Value| media_type(typ).is_some_and(|typ| typ == "jwt");
        Self::parse(part, |typ| typ.is_none_or(is_plain).then_some(()).ok_or(Refusal::OtherTyp))
    }

    fn parse(part: &str, check_typ: impl Fn(Option<&Value>) -> Result<(), Refusal>) -> Result<Self, Refusal> {
        let json = decoded(part).ok_or(Refusal::Header)?;
        let header = strict_json::parse(&json, 8).map_err(|_| Refusal::Header)?;
        check_typ(header.get("typ"))?;
        // RFC 7515 §4.1.11: we support no extensions. `b64` (RFC 7797) changes what is signed; `zip` and `enc` belong
        // to encrypted tokens, which we do not decrypt.
        if ["crit", "b64", "zip", "enc"].iter().any(|name| header.get(name).is_some()) {
            return Err(Refusal::Extension);
        }
        let text = |name: &str| header.get(name).and_then(Value::as_str);
        let kid = match header.get("kid") {
            None => None,
            Some(Value::String(kid)) if !kid.is_empty() && kid.len() <= MAX_KID => Some(kid.clone()),
            Some(_) => return Err(Refusal::Kid),
        };
        let algorithm = text("alg").ok_or(Refusal::Header)?;
        Ok(Self { kid, algorithm: algorithm.to_owned() })
    }
}

/// RFC 9068 §4: anything else that our issuer signs (ID tokens, links) is not an access token.
fn is_access_token(typ: Option<&Value>, accepts_typ_jwt: bool) -> bool {
    match typ {
        Some(typ) => media_type(typ).is_some_and(|typ| typ == "at+jwt" || (accepts_typ_jwt && typ == "jwt")),
        None => accepts_typ_jwt,
    }
}

/// `typ` without the optional prefix `application/`, case-insensitive (RFC 7515 §4.1.9).
fn media_type(typ: &Value) -> Option<String> {
    let typ = typ.as_str()?.to_ascii_lowercase();
    Some(typ.strip_prefix("application/").unwrap_or(&typ).to_owned())
}
