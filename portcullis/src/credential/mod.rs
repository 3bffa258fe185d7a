//! Credentials: how they are read from a request, challenged and documented.
//!
//! Digest (RFC 7616) is not offered. For each user the server would have to store the password or a digest that is
//! equivalent to it, so no Argon2. Inside TLS it gains nothing over Basic, and its nonces make it stateful. For a name
//! and a password use [`Basic`] over https, or better a login that issues tokens.

mod api_key;
mod authorization;
mod basic;
mod bearer;
mod challenge;
mod client_certificate;
mod compare;
mod cookie;
mod presented;
mod same_origin;
mod session_cookie;
mod signature;
mod token_in;
mod with;

use std::fmt;

use http::{HeaderMap, header::AUTHORIZATION, request::Parts};
use serde_json::{Map, Value, json};

#[cfg(feature = "api-keys")]
pub use self::api_key::{ApiKeySecret, MintError, StoredApiKey};
#[cfg(feature = "testing")]
pub(crate) use self::same_origin::CROSS_SITE;
pub(crate) use self::{
    api_key::in_query,
    challenge::Challenge,
    presented::{Place, Presented},
    signature::WholeBody,
};
pub use self::{
    api_key::{ApiKey, ApiKeyPlace},
    authorization::{Authorization, AuthorizationScheme},
    basic::Basic,
    bearer::Bearer,
    client_certificate::{ClientCertificate, PeerCertificate},
    same_origin::{OwnOrigins, SameOrigin},
    session_cookie::{CookieSettings, NotACookieValue, SameSite, SessionCookie},
    signature::{Signature, SignatureFormat, Signed},
    token_in::{TokenIn, TokenPlace},
    with::{ClientAddress, NoProxy, PathParameter, PathParameterName, RequestPart, TrustedProxies, With},
};
use crate::{
    describe::{In, Operation},
    scope::Scope,
};

/// The longest credential that is read, in bytes. A signed token of this size carries some 5 kB of claims. A longer one
/// is rejected before any of it is decoded.
const MAX_LENGTH: usize = 8 * 1024;

/// A kind of credential: [`Bearer`], [`Basic`], [`ApiKey`], [`SessionCookie`], [`Authorization`] of another scheme, a
/// [`Signature`] over the body, a [`ClientCertificate`], or one of these [`With`] parts of the request. Sealed: this crate has the only parser
/// of each, and its tests attack it.
///
/// Digest (RFC 7616) is not offered: it forces the server to store the equivalent of the password, and gains nothing
/// inside TLS.
pub trait Credential: sealed::Read + fmt::Debug + Sized + Send + Sync + 'static {
    /// The scheme for the document.
    fn scheme() -> SecurityScheme;
}

/// A security scheme as the document shows it (OpenAPI 3.1 §4.8.27).
///
/// URLs may be relative: they are resolved against the document's server. [`Api::finish`](crate::Api::finish) rejects a
/// scheme that contradicts what the guard reads, such as a key in another place, or Basic for a bearer token.
///
/// ```
/// use portcullis::{credential::SecurityScheme, describe::In};
///
/// let shop = SecurityScheme::api_key(In::Header, "X-API-Key").described("Made on your account's page.");
/// let staff = SecurityScheme::open_id_connect("https://id.example/.well-known/openid-configuration");
/// # let _ = (shop, staff);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SecurityScheme(pub(crate) Value);

impl SecurityScheme {
    /// A token in the `Authorization` header (RFC 6750).
    #[must_use]
    pub fn bearer() -> Self {
        Self(json!({ "type": "http", "scheme": "bearer" }))
    }

    /// A bearer token with a `format` such as `JWT`. The format is a hint for readers and has no effect.
    #[must_use]
    pub fn bearer_format(format: &str) -> Self {
        Self(json!({ "type": "http", "scheme": "bearer", "bearerFormat": format }))
    }

    /// A credential after the name of a `scheme` in the `Authorization` header (RFC 9110 §11.4).
    #[must_use]
    pub fn http(scheme: &str) -> Self {
        Self(json!({ "type": "http", "scheme": scheme }))
    }

    /// A name and a password in the `Authorization` header (RFC 7617).
    #[must_use]
    pub fn basic() -> Self {
        Self(json!({ "type": "http", "scheme": "basic" }))
    }

    /// A key in a header, in the query or in a cookie.
    #[must_use]
    pub fn api_key(place: In, name: &str) -> Self {
        Self(json!({ "type": "apiKey", "in": place.as_str(), "name": name }))
    }

    /// A bearer token from one of these flows. Of two flows of one kind the last counts.
    /// [`Api::finish`](crate::Api::finish) rejects a scheme without a flow.
    ///
    /// ```
    /// use portcullis::credential::{OAuth2Flow, SecurityScheme};
    ///
    /// let people = OAuth2Flow::authorization_code("/authorize", "/token").refreshed_at("/token");
    /// let scheme = SecurityScheme::oauth2([people, OAuth2Flow::client_credentials("/token")]);
    /// # let _ = scheme;
    /// ```
    #[must_use]
    pub fn oauth2(flows: impl IntoIterator<Item = OAuth2Flow>) -> Self {
        let flows: Map<_, _> = flows.into_iter().map(|flow| (flow.name.to_owned(), flow.shown)).collect();
        Self(json!({ "type": "oauth2", "flows": flows }))
    }

    /// [`OAuth2Flow::password`] alone. The docs page asks for a name and a password.
    #[must_use]
    pub fn oauth2_password(token_url: &str) -> Self {
        Self::oauth2([OAuth2Flow::password(token_url)])
    }

    /// [`OAuth2Flow::authorization_code`] alone.
    #[must_use]
    pub fn oauth2_authorization_code(auth_url: &str, token_url: &str) -> Self {
        Self::oauth2([OAuth2Flow::authorization_code(auth_url, token_url)])
    }

    /// [`OAuth2Flow::client_credentials`] alone.
    #[must_use]
    pub fn oauth2_client_credentials(token_url: &str) -> Self {
        Self::oauth2([OAuth2Flow::client_credentials(token_url)])
    }

    /// A bearer token of the `OpenID` provider whose configuration is at `url`
    /// (`…/.well-known/openid-configuration`).
    #[must_use]
    pub fn open_id_connect(url: &str) -> Self {
        Self(json!({ "type": "openIdConnect", "openIdConnectUrl": url }))
    }

    /// A certificate that the client proves in the TLS handshake.
    #[must_use]
    pub fn mutual_tls() -> Self {
        Self(json!({ "type": "mutualTLS" }))
    }

    /// Describes in a sentence where a caller gets the credential.
    #[must_use]
    pub fn described(mut self, description: &str) -> Self {
        if let Some(scheme) = self.0.as_object_mut() {
            scheme.insert("description".to_owned(), description.into());
        }
        self
    }

    /// This scheme with the description of `other` if it has none.
    pub(crate) fn described_like(self, other: &Self) -> Self {
        let description =
            |scheme: &Value| scheme.get("description").and_then(Value::as_str).map(str::to_owned);
        match (description(&self.0), description(&other.0)) {
            (None, Some(description)) => self.described(&description),
            _ => self,
        }
    }

    /// Whether clients send the same with this scheme as with `other`.
    pub(crate) fn is_sent_as(&self, other: &Self) -> bool {
        let Self(this) = self;
        let Self(that) = other;
        // However the token was obtained, it is sent as RFC 6750 says.
        let is_bearer = |scheme: &Value| {
            let says = |key: &str, value: &str| scheme.get(key).is_some_and(|said| said == value);
            says("scheme", "bearer") || says("type", "oauth2") || says("type", "openIdConnect")
        };
        let is_equal = |key: &str| this.get(key) == that.get(key);
        (is_bearer(this) && is_bearer(that)) || ["type", "scheme", "in", "name"].into_iter().all(is_equal)
    }
}

/// A way to get an OAuth2 access token (OpenAPI 3.1 §4.8.30). Its scopes are those that the guards require, and those
/// that it also [offers](Self::offering).
///
/// The implicit flow is not offered: it puts the token into a URL (RFC 9700 §2.1.2).
#[derive(Debug, Clone, PartialEq)]
pub struct OAuth2Flow {
    name: &'static str,
    shown: Value,
}

impl OAuth2Flow {
    /// The login route at `token_url` issues a token for a name and a password (RFC 6749 §4.3).
    #[must_use]
    pub fn password(token_url: &str) -> Self {
        Self { name: "password", shown: json!({ "tokenUrl": token_url, "scopes": {} }) }
    }

    /// `token_url` issues a token for the code that the user brings back from `auth_url` (RFC 6749 §4.1, with PKCE as
    /// RFC 9700 §2.1.1 requires).
    #[must_use]
    pub fn authorization_code(auth_url: &str, token_url: &str) -> Self {
        let shown = json!({ "authorizationUrl": auth_url, "tokenUrl": token_url, "scopes": {} });
        Self { name: "authorizationCode", shown }
    }

    /// `token_url` issues a token to a program in its own name (RFC 6749 §4.4).
    #[must_use]
    pub fn client_credentials(token_url: &str) -> Self {
        Self { name: "clientCredentials", shown: json!({ "tokenUrl": token_url, "scopes": {} }) }
    }

    /// Also offers a scope that no guard requires, such as `offline_access`, which requests a refresh token (`OpenID`
    /// Connect Core §11). The docs page requests that one on its own.
    #[must_use]
    pub fn offering<S: Scope>(mut self) -> Self {
        if let Some(scopes) = self.shown.get_mut("scopes").and_then(Value::as_object_mut) {
            scopes.insert(S::NAME.to_owned(), S::DESCRIPTION.into());
        }
        self
    }

    /// Documents where a client uses its refresh token (RFC 6749 §6).
    #[must_use]
    pub fn refreshed_at(mut self, refresh_url: &str) -> Self {
        if let Some(shown) = self.shown.as_object_mut() {
            shown.insert("refreshUrl".to_owned(), refresh_url.into());
        }
        self
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
    // The name decides: what follows another scheme is not ours to parse.
    let value = value.as_bytes();
    let (name, credential) = match value.iter().position(|byte| *byte == b' ') {
        Some(space) => (value.get(..space), value.get(space + 1..)),
        None => (Some(value), None),
    };
    if !name.is_some_and(|name| name.eq_ignore_ascii_case(scheme.as_bytes())) {
        return Presented::OtherScheme;
    }
    let credential = credential.unwrap_or_default();
    match std::str::from_utf8(credential) {
        Ok(text) if text.len() <= MAX_LENGTH && text.is_ascii() => Presented::Present(text),
        _ => Presented::Malformed,
    }
}

/// `token = 1*tchar` (RFC 9110 §5.6.2). A cookie's name is one, too (RFC 6265 §4.1.1).
const fn is_token(text: &str) -> bool {
    let mut bytes = text.as_bytes();
    while let [byte, rest @ ..] = bytes {
        if !(byte.is_ascii_alphanumeric()
            || matches!(
                *byte,
                b'!' | b'#'
                    | b'$'
                    | b'%'
                    | b'&'
                    | b'\''
                    | b'*'
                    | b'+'
                    | b'-'
                    | b'.'
                    | b'^'
                    | b'_'
                    | b'`'
                    | b'|'
                    | b'~'
            ))
        {
            return false;
        }
        bytes = rest;
    }
    !text.is_empty()
}

/// A body that a guard must see, of at most `limit` bytes. It is read only if the request has one of these headers.
#[derive(Debug, Clone)]
pub struct WantedBody {
    pub(crate) limit: usize,
    pub(crate) headers: Vec<&'static str>,
}

impl WantedBody {
    /// What two guards want.
    pub(crate) fn both(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        match (one, other) {
            (Some(one), Some(other)) => Some(Self {
                limit: one.limit.max(other.limit),
                headers: [one.headers, other.headers].concat(),
            }),
            (one, other) => one.or(other),
        }
    }
}

pub(crate) mod sealed {
    use super::{Challenge, Operation, Parts, Place, Presented, WantedBody};

    /// How a credential is read from a request.
    pub trait Read: Sized {
        /// The challenge in `WWW-Authenticate` if it is missing.
        const CHALLENGE: Challenge;
        /// Where it is looked for.
        const PLACE: Place;
        /// Whether its verifier sees more of the request than the credential.
        const SEES_REQUEST: bool = false;
        /// What the request presents of this kind.
        fn read(parts: &Parts) -> Presented<Self>;
        /// The body that must be read before it can be verified.
        fn body() -> Option<WantedBody> {
            None
        }
        /// Documents what it requires besides its scheme.
        fn describe(_: &mut Operation<'_>) {}
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::is_token;

    #[test]
    fn a_token_is_what_may_name_a_header() {
        for code in 0..=u8::MAX {
            let text = char::from(code).to_string();
            for text in [text.clone(), format!("a{text}"), format!("{text}a")] {
                assert_eq!(is_token(&text), HeaderName::try_from(&text).is_ok(), "{text:?}");
            }
        }
        assert!(!is_token(""));
    }
}
