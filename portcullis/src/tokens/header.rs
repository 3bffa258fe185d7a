//! The header of a signed token (RFC 7515 §4), read strictly and before its signature can be checked.

use serde_json::Value;

use super::claims::decoded;
use crate::strict_json;

/// The longest `kid` that is looked up, in bytes.
pub(super) const MAX_KID: usize = 256;

/// What a header says of the signature: by which key and in which way.
///
/// `jwk`, `jku`, `x5u` and `x5c` are not looked at: a token does not say by which key it is good.
#[derive(Clone)]
pub(super) struct Header {
    pub(super) kid: String,
    pub(super) algorithm: String,
}

impl Header {
    /// The header, if it is an access token's and asks for nothing but what we do.
    pub(super) fn read(part: &str, accepts_typ_jwt: bool) -> Option<Self> {
        let header = strict_json::parse(&decoded(part)?, 8).ok()?;
        if !is_access_token(header.get("typ"), accepts_typ_jwt) {
            return None;
        }
        // RFC 7515 §4.1.11: we understand no extension. `b64` (RFC 7797) changes what is signed; `zip` and
        // `enc` belong to encrypted tokens, which are not unpacked to be looked at.
        if ["crit", "b64", "zip", "enc"].iter().any(|name| header.get(name).is_some()) {
            return None;
        }
        let text = |name: &str| header.get(name).and_then(Value::as_str);
        let kid = text("kid").filter(|kid| kid.len() <= MAX_KID)?;
        Some(Self { kid: kid.to_owned(), algorithm: text("alg")?.to_owned() })
    }
}

/// RFC 9068 §4: anything else our issuer signs (ID tokens, links) is no access token.
fn is_access_token(typ: Option<&Value>, accepts_typ_jwt: bool) -> bool {
    match typ {
        Some(Value::String(typ)) => {
            let typ = typ.to_ascii_lowercase();
            let typ = typ.strip_prefix("application/").unwrap_or(&typ);
            typ == "at+jwt" || (accepts_typ_jwt && typ == "jwt")
        }
        Some(_) => false,
        None => accepts_typ_jwt,
    }
}
