//! A ready verifier for signed access tokens (RFC 9068), strict as RFC 8725 asks.

mod cache;
mod claims;
mod keys;

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use self::{cache::Cache, claims::Expected, keys::Keys};
pub use self::{claims::AccessToken, keys::KeyError};
use crate::{
    credential::Bearer,
    verify::{Verdict, Verify, VerifyFailed},
};

/// How far clocks may be apart, in seconds, for `exp`, `nbf` and `iat`.
const LEEWAY: u64 = 5;

/// Verifies RFC 9068 access tokens of one issuer for one audience. Cheap to clone.
///
/// A token is accepted only if all of this holds: `typ` is `at+jwt`; the key named by `kid` is known and
/// its one algorithm is the header's `alg` (EdDSA, ES256, RS256 or PS256); no critical extension is asked
/// for; no JSON member stands twice; the signature is good; `iss` is the issuer to the byte; `aud` names
/// the audience; `exp`, `iat`, `sub`, `jti` and `client_id` are there with the right types; `exp` lies
/// ahead and neither `nbf` nor `iat` does (5 s leeway).
///
/// Needs nothing but its keys, so it never fails for want of a network. It remembers the last 10 000 tokens that it
/// found good, so that a token costs one signature check and not one for each request; its times are looked at
/// whenever it comes. [`AccessTokensBuilder::uncached`] turns that off.
#[derive(Clone)]
pub struct AccessTokens(Arc<Inner>);

struct Inner {
    keys: Keys,
    expected: Expected,
    clock: Box<dyn Fn() -> SystemTime + Send + Sync>,
    cache: Option<Cache>,
}

impl AccessTokens {
    /// Begins a verifier for the tokens of `issuer`: the `iss` claim, compared to the byte.
    #[must_use]
    pub fn issued_by(issuer: &str) -> AccessTokensBuilder {
        AccessTokensBuilder {
            issuer: issuer.to_owned(),
            audience: None,
            keys: Keys::default(),
            clock: Box::new(now),
            is_cached: true,
        }
    }

    /// The token's claims, if it is good in every respect.
    fn check(&self, token: &str) -> Option<AccessToken> {
        let now = (self.0.clock)().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
        let Some(cache) = &self.0.cache else { return self.check_anew(token, now) };
        if let Some(verified) = cache.find(token, now) {
            return Some(verified);
        }
        let verified = self.check_anew(token, now)?;
        cache.keep(token, &verified, now);
        Some(verified)
    }

    fn check_anew(&self, token: &str, now: u64) -> Option<AccessToken> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let key = self.0.keys.for_header(header)?;
        if !key.verifies(signed, signature) {
            return None;
        }
        self.0.expected.read(claims, now, LEEWAY)
    }

    #[cfg(test)]
    fn cache(&self) -> Option<&Cache> {
        self.0.cache.as_ref()
    }
}

impl Verify for AccessTokens {
    type Credential = Bearer;
    type Principal = AccessToken;
    const SCHEME: &'static str = "access_token";

    async fn verify(&self, bearer: &Bearer) -> Result<Verdict<AccessToken>, VerifyFailed> {
        Ok(match self.check(bearer.token()) {
            Some(token) => {
                let granted = token.scope().clone();
                Verdict::Accepted(token, granted)
            }
            None => Verdict::Refused,
        })
    }
}

impl fmt::Debug for AccessTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessTokens").field("expected", &self.0.expected).finish_non_exhaustive()
    }
}

/// What an [`AccessTokens`] needs to know. There is no default for any of it.
pub struct AccessTokensBuilder {
    issuer: String,
    audience: Option<String>,
    keys: Keys,
    clock: Box<dyn Fn() -> SystemTime + Send + Sync>,
    is_cached: bool,
}

impl AccessTokensBuilder {
    /// Who we are: the name that must be in `aud` (RFC 9068 §4). A token for another API is refused.
    #[must_use]
    pub fn audience(mut self, audience: &str) -> Self {
        self.audience = Some(audience.to_owned());
        self
    }

    /// The issuer's public keys, as a JWK Set (RFC 7517 §5). Each key needs a `kid`.
    ///
    /// # Errors
    /// [`KeyError`] if the text is no JWK Set, or a key has no `kid`, a doubtful algorithm or a secret.
    pub fn keys(mut self, jwks: &str) -> Result<Self, KeyError> {
        self.keys.add(jwks)?;
        Ok(self)
    }

    /// Another source of time than the system's, for tests.
    #[must_use]
    pub fn clock(mut self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// Verifies each token anew at each request, which takes some ten times as long.
    #[must_use]
    pub fn uncached(mut self) -> Self {
        self.is_cached = false;
        self
    }

    /// The verifier.
    ///
    /// # Errors
    /// [`KeyError`] if the issuer or the audience is missing or empty, or there is no key: such a verifier
    /// could only refuse, or accept what it must not.
    pub fn build(self) -> Result<AccessTokens, KeyError> {
        let Some(audience) = self.audience.filter(|audience| !audience.is_empty()) else {
            return Err(KeyError::new(
                "no audience: say `.audience(\"my-api\")`, the name that tokens for you carry in `aud`",
            ));
        };
        if self.issuer.is_empty() {
            return Err(KeyError::new("the issuer is empty"));
        }
        if self.keys.is_empty() {
            return Err(KeyError::new("no keys: say `.keys(jwks)` with the issuer's JWK Set"));
        }
        let expected = Expected { issuer: self.issuer, audience };
        let cache = self.is_cached.then(Cache::new);
        Ok(AccessTokens(Arc::new(Inner { keys: self.keys, expected, clock: self.clock, cache })))
    }
}

impl fmt::Debug for AccessTokensBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessTokensBuilder").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

#[expect(clippy::disallowed_methods, reason = "the library's one look at the clock; tests replace it")]
fn now() -> SystemTime {
    SystemTime::now()
}
