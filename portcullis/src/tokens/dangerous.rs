//! Relaxations for issuers that do not follow RFC 9068. Each has a name that a reviewer can search for.

use super::{AccessTokensBuilder, GivenKeys, KeyError};

/// Returned by `.dangerous()` of a verifier's builder ([`AccessTokensBuilder::dangerous`], and that of
/// `IntrospectionBuilder`). Each relaxation opens something: use only the one that your issuer requires. These are
/// always checked: for a signed token the signature, key, algorithm, `iss`, `exp`, `nbf`, `iat` and `sub`; for an
/// opaque one that its issuer calls it active, `iss` (if you set it), `exp` and `nbf`.
///
/// ```
/// # let jwks = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","kid":"1","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
/// let tokens = portcullis::AccessTokens::issued_by("https://issuer.example/tenant/v2.0")
///     .audience("api://shop")
///     .scope_claim("scp")
///     .dangerous().accept_typ_jwt()
///     .dangerous().without_client_id_and_jti()
///     .keys(jwks)?
///     .build()?;
/// # Ok::<(), portcullis::tokens::KeyError>(())
/// ```
#[derive(Debug)]
#[must_use = "say which relaxation"]
pub struct Dangerous<B>(pub(crate) B);

impl<K> Dangerous<AccessTokensBuilder<K>> {
    /// Accepts tokens whose `typ` is `JWT` or missing, in addition to `at+jwt`.
    ///
    /// Opens: anything else that the issuer signs with the same keys for your audience passes as an access token (RFC
    /// 8725 §3.11, cross-JWT confusion). ID tokens carry their client's id in `aud`, so never use a client id as your
    /// audience: an ID token need not identify itself. Tokens that do identify themselves are still rejected: by
    /// `nonce` (except access tokens of Keycloak before 25, which have a claim `typ` of `Bearer`), `at_hash`,
    /// `c_hash` or `s_hash`; by a claim `typ` or `token_use` of `ID`, `Refresh` or `Offline` in any case (Keycloak,
    /// Cognito); or by `events`, as in a logout token. Demand scopes where you can: an ID token has none.
    pub fn accept_typ_jwt(mut self) -> AccessTokensBuilder<K> {
        self.0.expected.accepts_typ_jwt = true;
        self.0
    }

    /// Accepts tokens without `aud`, such as those of AWS Cognito. If a token has an `aud`, it must still name the
    /// audience given to [`audience`](AccessTokensBuilder::audience).
    ///
    /// Opens: if the issuer gives tokens without `aud` to other APIs too, those are valid at yours, so whoever runs
    /// such an API can replay the tokens its callers send (RFC 9700 §2.3). In your handlers, check another claim that
    /// says whom the token is for (for Cognito `client_id`, or a scope of your own resource server).
    pub fn accept_absent_audience(mut self) -> AccessTokensBuilder<K> {
        self.0.expected.audience = self.0.expected.audience.or_absent();
        self.0
    }

    /// Accepts tokens with any `aud` or none, but not with one of a wrong type. If tokens merely lack it,
    /// [`accept_absent_audience`](Self::accept_absent_audience) is enough.
    ///
    /// Opens: a token that the issuer issued for any other API is valid at yours, so whoever runs such an API can
    /// replay the tokens its callers send (RFC 9700 §2.3). In your handlers, check another claim that says whom the
    /// token is for, or let nobody else use this issuer.
    pub fn without_audience(mut self) -> AccessTokensBuilder<K> {
        self.0.expected.audience = self.0.expected.audience.or_any();
        self.0
    }

    /// Accepts tokens without `client_id` or `jti`. `client_id()` is then the first of `azp`, `cid` and `appid` that
    /// the token has, or empty; `id()` may be empty.
    ///
    /// Opens: code that relies on either may get an empty string, such as an "only this client" rule, a `jti`
    /// revocation list or an audit trail. To such code, all tokens without one look the same.
    pub fn without_client_id_and_jti(mut self) -> AccessTokensBuilder<K> {
        self.0.expected.needs_client_id_and_jti = false;
        self.0
    }

    /// Accepts tokens that are bound to a key (`cnf`: `DPoP`, RFC 9449 §6; a client certificate, RFC 8705 §3) without
    /// proof that the caller holds it.
    ///
    /// Opens: a stolen token is valid at your API, which the binding is meant to prevent. Use it if something in
    /// front of your application checks the proof, or while clients migrate.
    pub fn accept_sender_constrained_as_bearer(mut self) -> AccessTokensBuilder<K> {
        self.0.expected.accepts_sender_constrained = true;
        self.0
    }
}

impl Dangerous<AccessTokensBuilder<GivenKeys>> {
    /// Accepts tokens signed with this secret (HS256), in addition to those signed with the
    /// [`keys`](AccessTokensBuilder::keys). For issuers that offer nothing else.
    ///
    /// Opens: everyone who can verify a token can issue one, for any user and any scope. Every service that has the
    /// secret, its configuration, logs and backups become as sensitive as the issuer. A secret chosen by a person can
    /// be guessed offline from a single token, so use at least 32 random bytes. Prefer asking your issuer for a key
    /// pair: most offer one by now.
    ///
    /// # Errors
    /// [`KeyError`] if the secret has fewer than 32 bytes (RFC 7518 §3.2).
    pub fn shared_secret(mut self, secret: &[u8]) -> Result<AccessTokensBuilder, KeyError> {
        self.0.keys.keys.add_secret(secret)?;
        Ok(self.0)
    }
}
