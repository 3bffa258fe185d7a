//! An issuer of access tokens for tests.

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, UNIX_EPOCH},
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

use super::attacker::signed;
use crate::tokens::{AccessTokens, AccessTokensBuilder, now};

const ISSUER: &str = "https://issuer.test";
const AUDIENCE: &str = "test";
/// The lifetime of a token.
const LIFETIME: Duration = Duration::from_mins(15);

/// Signs tokens that its own [`tokens`](Self::tokens) accept. Create one with [`issuer`].
#[derive(Clone)]
pub struct Issuer {
    secret: Arc<[u8; 32]>,
    tokens: AccessTokens,
    issued: Arc<AtomicU64>,
}

/// Creates an issuer of access tokens with a new key, to test a guarded handler in this process.
///
/// ```
/// use axum::{body::Body, http::Request};
/// use portcullis::{AccessTokens, Api, Guard, Json, Scope, testing};
/// use tower::ServiceExt;
///
/// struct ProfileRead;
/// impl Scope for ProfileRead {
///     const NAME: &'static str = "profile:read";
///     const DESCRIPTION: &'static str = "Read your profile";
/// }
///
/// async fn whoami(guard: Guard<AccessTokens, ProfileRead>) -> Json<String> {
///     Json(guard.principal().subject().to_owned())
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let issuer = testing::issuer();
/// let (router, _) = Api::new("Shop", "1.0").get("/whoami", whoami).finish()?;
/// let app: axum::Router = router.with_state(issuer.tokens());
///
/// let request = Request::get("/whoami").header("authorization", issuer.bearer("ada", "profile:read"));
/// let response = app.oneshot(request.body(Body::empty())?).await?;
/// assert_eq!(response.status(), 200);
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Its tokens are signed with HS256 and a secret that lives as long as the test. Nothing outside the process can verify
/// them.
///
/// # Panics
/// Never: its settings are constant.
#[must_use]
pub fn issuer() -> Issuer {
    let secret = secret();
    let tokens = AccessTokens::issued_by(ISSUER).audience(AUDIENCE).dangerous().shared_secret(&secret);
    let Ok(tokens) = tokens.and_then(<AccessTokensBuilder>::build) else {
        unreachable!("the secret is long enough, and there is an audience")
    };
    Issuer { secret: Arc::new(secret), tokens, issued: Arc::default() }
}

impl Issuer {
    /// The verifier of its tokens, for the application's state.
    #[must_use]
    pub fn tokens(&self) -> AccessTokens {
        self.tokens.clone()
    }

    /// A token for `subject` with these scopes, separated by spaces. It expires in 15 minutes.
    #[must_use]
    pub fn token(&self, subject: &str, scope: &str) -> String {
        self.token_with(json!({ "sub": subject, "scope": scope }))
    }

    /// The value of `Authorization` with such a token: `Bearer …`.
    #[must_use]
    pub fn bearer(&self, subject: &str, scope: &str) -> String {
        format!("Bearer {}", self.token(subject, scope))
    }

    /// A token with these claims on top of those of a valid one. Use it for claims of your own, or for an `exp` in the
    /// past to test rejection. `null` removes a claim.
    #[must_use]
    pub fn token_with(&self, claims: Value) -> String {
        let now = now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let number = self.issued.fetch_add(1, Ordering::Relaxed);
        let mut all = json!({
            "iss": ISSUER, "aud": AUDIENCE, "sub": "test", "client_id": "test", "jti": number.to_string(),
            "iat": now.as_secs(), "exp": (now + LIFETIME).as_secs(),
        });
        if let (Some(all), Value::Object(claims)) = (all.as_object_mut(), claims) {
            all.extend(claims);
            all.retain(|_, value| !value.is_null());
        }
        let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(&json!({ "typ": "at+jwt", "alg": "HS256" })), part(&all));
        let signature = signed(Algorithm::HS256, &EncodingKey::from_secret(&*self.secret), &message);
        format!("{message}.{}", signature.unwrap_or_default())
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Issuer(…)")
    }
}

/// Taken from the random keys of hash maps, which is enough for a secret that lives as long as the test.
fn secret() -> [u8; 32] {
    let mut secret = [0; 32];
    for eight in secret.chunks_mut(8) {
        eight.copy_from_slice(&RandomState::new().hash_one(0).to_be_bytes());
    }
    secret
}
