//! A token in the `Authorization` header (RFC 6750).

use std::fmt;

use http::request::Parts;

use super::{Challenge, Credential, MAX_LENGTH, Place, Presented, SecurityScheme, authorization, sealed};

/// A bearer token, not verified yet (RFC 6750 §2.1).
///
/// Only a [`Guard`](crate::Guard) makes one, and only a [`Verify`](crate::Verify) sees it. It is read from the
/// `Authorization` header, or with [`TokenIn`](crate::credential::TokenIn) from another header or a cookie; never from
/// the query (RFC 9700 §4.3.2) or the body.
///
/// See [its page](crate::learn::schemes::bearer) for a complete verifier, the entry in the document, and the use in
/// `/docs`.
///
/// ```compile_fail
/// // A credential is not an extractor: no handler receives an unverified token.
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

impl Bearer {
    /// A token of at most 8 KiB, as RFC 6750 §2.1 allows it.
    pub(crate) fn of_bytes(token: &[u8]) -> Option<Self> {
        let token = std::str::from_utf8(token).ok().filter(|token| token.len() <= MAX_LENGTH)?;
        is_b64token(token).then(|| Self(token.to_owned()))
    }
}

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bearer(…)")
    }
}

impl Credential for Bearer {
    fn scheme() -> SecurityScheme {
        SecurityScheme::bearer()
    }
}

impl sealed::Read for Bearer {
    const CHALLENGE: Challenge = Challenge::scheme("Bearer").telling_errors();
    const PLACE: Place = Place::Authorization("Bearer");

    fn read(parts: &Parts) -> Presented<Self> {
        authorization(&parts.headers, "Bearer")
            .and_then(|token| is_b64token(token).then(|| Self(token.to_owned())))
    }
}

/// `b64token = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="` (RFC 6750 §2.1).
fn is_b64token(token: &str) -> bool {
    let body = token.trim_end_matches('=');
    let allowed = |byte: u8| {
        byte.is_ascii_alphanumeric() | matches!(byte, b'-' | b'.' | b'_' | b'~') | matches!(byte, b'+' | b'/')
    };
    // No early exit, so that the compiler can check many bytes at a time.
    !body.is_empty() && body.bytes().fold(true, |all, byte| all & allowed(byte))
}

#[cfg(test)]
mod tests {
    use http::header::AUTHORIZATION;

    use super::{super::sealed::Read, *};

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
            Presented::CrossSite | Presented::Fault(_) => unreachable!("no browser adds a token on its own"),
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
        assert_eq!(MAX_LENGTH, 8192, "as the documentation says");
        assert!(read(&[at(MAX_LENGTH).as_bytes()]).starts_with("token"));
        assert_eq!(read(&[at(MAX_LENGTH + 1).as_bytes()]), "malformed");
    }

    #[test]
    fn a_credential_does_not_print_itself() {
        assert_eq!(format!("{:?}", Bearer("secret".to_owned())), "Bearer(…)");
    }
}
