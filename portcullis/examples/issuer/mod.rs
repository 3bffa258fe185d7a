//! An issuer of access tokens for the examples: a key created at startup, and tokens as RFC 9068 defines them.

use std::{error::Error, time::UNIX_EPOCH};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{Ed25519KeyPair, KeyPair},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use portcullis::AccessTokens;
use serde_json::json;

/// The address of the examples.
const ISSUER: &str = "http://127.0.0.1:3000";
/// The audience of the tokens.
const AUDIENCE: &str = "example";
/// The lifetime of a token, in seconds.
const LIFETIME: u64 = 15 * 60;

/// Signs tokens and provides their verifier.
#[derive(Clone)]
pub(crate) struct Issuer {
    signs: EncodingKey,
    verifies: AccessTokens,
}

impl Issuer {
    /// An issuer with a new Ed25519 key.
    pub(crate) fn new() -> Result<Self, Box<dyn Error>> {
        let pair = Ed25519KeyPair::generate()?;
        let x = BASE64_URL_SAFE_NO_PAD.encode(pair.public_key());
        let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "kid": "1", "x": x });
        let keys = json!({ "keys": [jwk] }).to_string();
        let verifies = AccessTokens::issued_by(ISSUER).audience(AUDIENCE).keys(&keys)?.build()?;
        Ok(Self { signs: EncodingKey::from_ed_der(pair.to_pkcs8v1()?.as_ref()), verifies })
    }

    /// The verifier for a guard.
    pub(crate) fn tokens(&self) -> &AccessTokens {
        &self.verifies
    }

    /// A token for `subject` with these scopes, separated by spaces.
    #[expect(clippy::disallowed_methods, reason = "an example is a program of one backend")]
    pub(crate) fn token(&self, subject: &str, scope: &str) -> Result<String, Box<dyn Error>> {
        let header =
            Header { typ: Some("at+jwt".into()), kid: Some("1".into()), ..Header::new(Algorithm::EdDSA) };
        let id: [u8; 16] = aws_lc_rs::rand::generate(&SystemRandom::new())?.expose();
        let now = UNIX_EPOCH.elapsed()?.as_secs();
        let claims = json!({
            "iss": ISSUER, "aud": AUDIENCE, "sub": subject, "client_id": "example", "scope": scope,
            "iat": now, "exp": now + LIFETIME, "jti": BASE64_URL_SAFE_NO_PAD.encode(id),
        });
        Ok(encode(&header, &claims, &self.signs)?)
    }
}
