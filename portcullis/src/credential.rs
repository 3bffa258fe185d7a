//! What a caller presents: how it is read from a request, challenged and described.

use std::fmt;

use http::{HeaderMap, header::AUTHORIZATION, request::Parts};
use serde_json::{Value, json};

/// The longest credential that is looked at, in bytes. A signed token of this size carries some 5 kB of
/// claims; what is longer is refused before any of it is decoded.
const MAX_LENGTH: usize = 8 * 1024;

/// A kind of credential. Sealed: how a credential is parsed is this crate's business, so that there is one
/// parser and it can be attacked by its tests.
pub trait Credential: sealed::Read + fmt::Debug + Sized + Send + Sync + 'static {
    /// How the document describes it.
    fn scheme() -> SecurityScheme;
}

/// A security scheme as the document shows it (OpenAPI 3.1 §4.8.27).
#[derive(Debug, Clone, PartialEq)]
pub struct SecurityScheme(pub(crate) Value);

impl SecurityScheme {
    /// A token in the `Authorization` header (RFC 6750).
    #[must_use]
    pub fn bearer(format: &str) -> Self {
        Self(json!({ "type": "http", "scheme": "bearer", "bearerFormat": format }))
    }

    /// A bearer token that the log-in route at `token_url` hands out for a name and a password
    /// (RFC 6749 §4.3). The docs page offers it behind its Authorize button. A relative URL is resolved
    /// against the document's server.
    #[must_use]
    pub fn oauth2_password(token_url: &str) -> Self {
        Self(json!({ "type": "oauth2", "flows": { "password": { "tokenUrl": token_url, "scopes": {} } } }))
    }

    /// Says in a sentence where a caller gets the credential.
    #[must_use]
    pub fn described(mut self, description: &str) -> Self {
        if let Some(scheme) = self.0.as_object_mut() {
            scheme.insert("description".to_owned(), description.into());
        }
        self
    }
}

/// What a request presents of one kind of credential.
#[derive(Debug)]
pub enum Presented<C> {
    /// Nothing at all.
    Absent,
    /// An `Authorization` of another scheme: no credential of this kind, yet not anonymous either.
    OtherScheme,
    /// Of this kind, and unreadable.
    Malformed,
    /// Two at once: it is not for us to choose (RFC 6750 §3.1, `invalid_request`).
    Ambiguous,
    /// A credential, not verified yet.
    Present(C),
}

/// A bearer token that nobody has verified yet (RFC 6750 §2.1).
///
/// Only a [`Guard`](crate::Guard) makes one, and only a [`Verify`](crate::Verify) gets to see it. It is
/// read from the `Authorization` header alone: never from the query (RFC 9700 §4.3.2) nor the body.
///
/// ```compile_fail
/// // A credential is no extractor: an unverified token cannot reach a handler.
/// fn handler<S: Sync>() where portcullis::Bearer: axum::extract::FromRequestParts<S> {}
/// let _ = handler::<()>;
/// ```
pub struct Bearer(String);

impl Bearer {
    /// The token as it was sent; at most 8 KiB of the characters that RFC 6750 allows.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bearer(…)")
    }
}

impl Credential for Bearer {
    fn scheme() -> SecurityScheme {
        SecurityScheme::bearer("JWT")
    }
}

impl sealed::Read for Bearer {
    const CHALLENGE: &'static str = "Bearer";

    fn read(parts: &Parts) -> Presented<Self> {
        match authorization(&parts.headers, "Bearer") {
            Presented::Present(token) if is_b64token(token) => Presented::Present(Self(token.to_owned())),
            Presented::Present(_) | Presented::Malformed => Presented::Malformed,
            Presented::Absent => Presented::Absent,
            Presented::OtherScheme => Presented::OtherScheme,
            Presented::Ambiguous => Presented::Ambiguous,
        }
    }
}

/// What follows `scheme` and one space in the only `Authorization` header (RFC 9110 §11.6.2). The scheme's
/// case does not matter (§11.1).
fn authorization<'r>(headers: &'r HeaderMap, scheme: &str) -> Presented<&'r str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Presented::Absent };
    if values.next().is_some() {
        return Presented::Ambiguous;
    }
    if value.len() > scheme.len() + 1 + MAX_LENGTH {
        return Presented::Malformed;
    }
    let Ok(value) = value.to_str() else { return Presented::Malformed };
    let (name, credential) = value.split_once(' ').unwrap_or((value, ""));
    if name.eq_ignore_ascii_case(scheme) { Presented::Present(credential) } else { Presented::OtherScheme }
}

/// `b64token = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="` (RFC 6750 §2.1).
fn is_b64token(token: &str) -> bool {
    let body = token.trim_end_matches('=');
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/".contains(&b);
    !body.is_empty() && body.bytes().all(allowed)
}

pub(crate) mod sealed {
    use super::{Parts, Presented};

    /// How a credential is read from a request.
    pub trait Read: Sized {
        /// The scheme's name in `WWW-Authenticate`.
        const CHALLENGE: &'static str;
        /// What the request presents of this kind.
        fn read(parts: &Parts) -> Presented<Self>;
    }
}

#[cfg(test)]
mod tests {
    use super::{sealed::Read, *};

    fn read(values: &[&[u8]]) -> String {
        let mut request = http::Request::builder();
        for value in values {
            request = request.header(AUTHORIZATION, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        match Bearer::read(&parts) {
            Presented::Absent => "absent".to_owned(),
            Presented::OtherScheme => "other".to_owned(),
            Presented::Malformed => "malformed".to_owned(),
            Presented::Ambiguous => "ambiguous".to_owned(),
            Presented::Present(bearer) => format!("token {}", bearer.token()),
        }
    }

    #[test]
    fn t10_one_reading_of_the_header() {
        let cases: &[(&[&[u8]], &str)] = &[
            (&[], "absent"),
            (&[b"Bearer a.b-c_d~e+f/g=="], "token a.b-c_d~e+f/g=="),
            (&[b"bEARER x"], "token x"),
            (&[b"Basic dTpw"], "other"),
            (&[b"Bearerx"], "other"),
            (&[b""], "other"),
            (&[b"Bearer"], "malformed"),
            (&[b"Bearer "], "malformed"),
            (&[b"Bearer  x"], "malformed"),
            (&[b"Bearer\tx"], "other"),
            (&[b"Bearer x y"], "malformed"),
            (&[b"Bearer x,y"], "malformed"),
            (&[b"Bearer =x"], "malformed"),
            (&[b"Bearer \"x\""], "malformed"),
            (&[b"Bearer \xc3\xa9"], "malformed"),
            (&[b"Bearer x", b"Bearer x"], "ambiguous"),
            (&[b"Bearer x", b"Basic dTpw"], "ambiguous"),
        ];
        for (values, expected) in cases {
            assert_eq!(read(values), *expected, "{values:?}");
        }
    }

    #[test]
    fn t11_nothing_longer_than_the_bound_is_looked_at() {
        let at = |length: usize| format!("Bearer {}", "x".repeat(length));
        assert!(read(&[at(MAX_LENGTH).as_bytes()]).starts_with("token"));
        assert_eq!(read(&[at(MAX_LENGTH + 1).as_bytes()]), "malformed");
    }

    #[test]
    fn a_credential_does_not_print_itself() {
        assert_eq!(format!("{:?}", Bearer("secret".to_owned())), "Bearer(…)");
    }
}
