//! Relaxations for issuers that do not follow RFC 9068, each by a name that a reviewer can search for.

use super::{AccessTokensBuilder, GivenKeys, KeyError};

/// What `.dangerous()` of a verifier's builder leads to ([`AccessTokensBuilder::dangerous`], and that of
/// `IntrospectionBuilder`). Each relaxation opens something: use the one your issuer forces on you, and no other.
/// Whatever is said here, these stay checked: of a signed token the signature, key, algorithm, `iss`, `exp`, `nbf`,
/// `iat` and `sub`; of an opaque one that its issuer calls it active, and `iss` (if you named it), `exp` and `nbf`.
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
    /// Accepts tokens whose `typ` is `JWT`, or that have none, beside `at+jwt`.
    ///
    /// Opens: whatever else the issuer signs with the same keys and for your audience passes as an access token (RFC
    /// 8725 §3.11, cross-JWT confusion). ID tokens carry their client's id in `aud`, so never let your audience be a
    /// client id: an ID token need not say that it is one. One that does is refused all the same: `nonce` (but for the
    /// access tokens of Keycloak before 25, which have a claim `typ` of `Bearer`), `at_hash`, `c_hash`, `s_hash`, a claim
    /// `typ` or `token_use` of `ID`, `Refresh` or `Offline` in any case (Keycloak, Cognito); and so is a token with `events`, such as a logout token. Ask for scopes where
    /// you can: an ID token has none.
    pub fn accept_typ_jwt(mut self) -> AccessTokensBuilder<K> {
        self.0.expected.accepts_typ_jwt = true;
        self.0
    }

    /// Accepts tokens without `aud`, as AWS Cognito makes them. What a token that has one says still holds: it must name
    /// the audience that [`audience`](AccessTokensBuilder::audience) gave.
    ///
    /// Opens: if the issuer gives tokens without `aud` to other APIs too, those are good at yours, so whoever runs one of
    /// them can replay what callers send to it (RFC 9700 §2.3). Check in your handlers another claim that says whom the
    /// token is for (at Cognito `client_id`, or a scope of your own resource server).
    pub fn accept_absent_audience(mut self) -> AccessTokensBuilder<K> {
        self.0.expected.audience = self.0.expected.audience.or_absent();
        self.0
    }

    /// Accepts tokens whatever their `aud`, or without one; not with one of a wrong type. Where tokens merely lack it,
    /// [`accept_absent_audience`](Self::accept_absent_audience) is enough.
    ///
    /// Opens: a token that the issuer gave out for any other API is good at yours, so whoever runs one of those can
    /// replay what callers send to it (RFC 9700 §2.3). Check in your handlers another claim that says whom the token
    /// is for, or let nobody else use this issuer.
    pub fn without_audience(mut self) -> AccessTokensBuilder<K> {
        self.0.expected.audience = self.0.expected.audience.or_any();
        self.0
    }

    /// Accepts tokens without `client_id` or `jti`. `client_id()` is then the first of `azp`, `cid` and `appid` that the
    /// token has, or empty; `id()` may be empty.
    ///
    /// Opens: a rule "only this client", a list of revoked tokens by `jti`, or an audit trail by either meets an empty
    /// string, and all tokens without one look alike to it.
    pub fn without_client_id_and_jti(mut self) -> AccessTokensBuilder<K> {
        self.0.expected.needs_client_id_and_jti = false;
        self.0
    }

    /// Accepts tokens that are bound to a key (`cnf`: `DPoP`, RFC 9449 §6; a client's certificate, RFC 8705 §3), without
    /// a proof that the caller has it.
    ///
    /// Opens: a token that was stolen is good at yours, which the binding was to prevent. Say it where something before
    /// your application checks the proof, or while clients change over.
    pub fn accept_sender_constrained_as_bearer(mut self) -> AccessTokensBuilder<K> {
        self.0.expected.accepts_sender_constrained = true;
        self.0
    }
}

impl Dangerous<AccessTokensBuilder<GivenKeys>> {
    /// Accepts tokens signed with this secret (HS256), beside those signed with the [`keys`](AccessTokensBuilder::keys).
    /// For issuers that offer nothing else.
    ///
    /// Opens: everyone who can verify a token can issue one, for any user and any scope. Each service with the secret, its
    /// configuration, its logs and its backups are then as good as the issuer. A secret that a person chose can be guessed
    /// offline from a single token, so use at least 32 random bytes. Ask your issuer for a key pair instead: most offer
    /// one by now.
    ///
    /// # Errors
    /// [`KeyError`] if the secret has fewer than 32 bytes (RFC 7518 §3.2).
    pub fn shared_secret(mut self, secret: &[u8]) -> Result<AccessTokensBuilder, KeyError> {
        self.0.keys.keys.add_secret(secret)?;
        Ok(self.0)
    }
}
