//! A ready-made verifier for signed access tokens (RFC 9068), as strict as RFC 8725 recommends.

mod base64url;
pub(crate) mod cache;
pub(crate) mod claims;
mod dangerous;
pub(crate) mod header;
pub(crate) mod key_set;
pub(crate) mod keys;
mod point;
pub(crate) mod refusal;
mod signed;
mod typed;

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::extract::FromRef;

pub use self::{
    claims::AccessToken,
    dangerous::Dangerous,
    keys::KeyError,
    signed::{NotSigned, PublicKeys, Signed},
    typed::{TypedToken, TypedTokens},
};
use self::{
    claims::{Expected, Tenants},
    key_set::{Checked, KeySet},
    keys::Keys,
};
#[cfg(feature = "discovery")]
use crate::issuer::Published;
use crate::{
    credential::{Bearer, SecurityScheme},
    verify::{Verdict, Verify, VerifyFailed},
};

/// The clock leeway in seconds for `exp`, `nbf` and `iat`: the default and the maximum.
pub(crate) const LEEWAY: u64 = 5;
const MAX_LEEWAY: u64 = 60;

/// Verifies RFC 9068 access tokens of one issuer for one audience. Cheap to clone.
///
/// A token is accepted only if
/// - `typ` is `at+jwt`, no critical extension is requested, and no JSON member appears twice;
/// - the key named by `kid` is known (without `kid`, exactly one key fits), and its one algorithm is the header's
///   `alg`: EdDSA, ES256, ES384, ES512, RS256, RS384, RS512, PS256, PS384 or PS512;
/// - the signature is valid, `iss` equals the issuer byte for byte, and `aud` names the audience;
/// - `exp`, `iat`, `sub`, `jti` and `client_id` are present and have the right types;
/// - `exp` is in the future, and `nbf` and `iat` are not (5 s leeway, [or yours](AccessTokensBuilder::leeway));
/// - it is not bound to a key (`cnf`), because we could not check that the caller has it.
///
/// You give it the keys ([`AccessTokens::issued_by`]), and then it never needs the network, or it finds them at the
/// issuer (`AccessTokens::discover`, feature `discovery`). It caches valid tokens, so that a token costs one
/// signature check instead of one per request. Their times are checked at every request. At most 10 000 tokens are
/// cached; when the cache is full, old and new ones alike make room. A token longer than 2 KiB is never cached.
/// [`AccessTokensBuilder::uncached`] turns the cache off.
///
/// The caller never learns why a token was rejected. The log does, at level `debug` of the target `portcullis`: one
/// line with a `reason` from a fixed list (`wrong audience`, `unknown kid`, `expired`), and nothing of the token.
#[derive(Clone)]
pub struct AccessTokens(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) keys: Source,
    pub(crate) expected: Expected,
    pub(crate) clock: Clock,
}

/// Where the keys come from.
pub(crate) enum Source {
    Given(Box<KeySet>),
    #[cfg(feature = "discovery")]
    Published(Published),
}

pub(crate) type Clock = Box<dyn Fn() -> SystemTime + Send + Sync>;

impl AccessTokens {
    /// Starts building a verifier for the tokens of `issuer`: the `iss` claim, compared byte for byte.
    #[must_use]
    pub fn issued_by(issuer: &str) -> AccessTokensBuilder {
        AccessTokensBuilder::new(issuer, GivenKeys::default())
    }

    /// The token, if it is valid in every respect.
    #[cfg_attr(
        not(feature = "discovery"),
        expect(clippy::unused_async, reason = "only keys that are fetched are waited for")
    )]
    async fn check(&self, token: &str) -> Result<Option<AccessToken>, VerifyFailed> {
        let now = seconds(&self.0.clock);
        let expected = &self.0.expected;
        let checked = match &self.0.keys {
            Source::Given(keys) => keys.check(token, expected, now),
            #[cfg(feature = "discovery")]
            Source::Published(keys) => keys.check(token, expected, now).await?,
        };
        Ok(match checked {
            Checked::Good(token) => Some(token),
            Checked::Refused => None,
            Checked::UnknownKey(refusal) => {
                refusal.log();
                None
            }
        })
    }

    /// The age of a time in seconds since 1970; `None` if it is in the future by more than the leeway.
    pub(crate) fn age(&self, time: u64) -> Option<Duration> {
        age(time, seconds(&self.0.clock))
    }

    #[cfg(test)]
    fn cache(&self) -> Option<&cache::Cache<AccessToken>> {
        match &self.0.keys {
            Source::Given(keys) => keys.cache(),
            #[cfg(feature = "discovery")]
            Source::Published(_) => None,
        }
    }
}

/// For a state behind an `Arc`, which axum's derive does not support.
impl<S> FromRef<Arc<S>> for AccessTokens
where
    Self: FromRef<S>,
{
    fn from_ref(state: &Arc<S>) -> Self {
        Self::from_ref(&**state)
    }
}

impl Verify for AccessTokens {
    type Credential = Bearer;
    type Principal = AccessToken;
    const SCHEME: &'static str = "access_token";

    fn scheme() -> SecurityScheme {
        SecurityScheme::bearer_format("JWT")
    }

    async fn verify(&self, bearer: &Bearer) -> Result<Verdict<AccessToken>, VerifyFailed> {
        Ok(match self.check(bearer.token()).await? {
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

/// Builder of an [`AccessTokens`]. The issuer, the audience and the keys have no defaults.
pub struct AccessTokensBuilder<K = GivenKeys> {
    pub(crate) expected: Expected,
    pub(crate) clock: Clock,
    pub(crate) is_cached: bool,
    pub(crate) keys: K,
}

/// The keys of an [`AccessTokensBuilder`] that the application supplies.
#[derive(Default)]
pub struct GivenKeys {
    pub(crate) keys: Keys,
    /// Why some keys were skipped.
    skipped: Vec<String>,
}

impl<K> AccessTokensBuilder<K> {
    pub(crate) fn new(issuer: &str, keys: K) -> Self {
        Self { expected: Expected::of(issuer), clock: Box::new(now), is_cached: true, keys }
    }

    /// Your API's name, which must be in `aud` (RFC 9068 §4). A token for another API is rejected. Call it again for
    /// each additional name; a token needs one of them.
    #[must_use]
    pub fn audience(mut self, audience: &str) -> Self {
        self.expected.audience = self.expected.audience.named(audience);
        self
    }

    /// The claim that holds the scopes, if it is not a string `scope`, such as `scp` or `roles`. It is a string of
    /// names separated by spaces, or an array of strings. Call it again to read several claims; the token has the
    /// scopes of all. A name with a space in it is not a scope (RFC 6749 §3.3) and is left out: see
    /// [`AccessToken::claims`].
    ///
    /// Names from different claims share one list. If a role can have the same name as a scope, read only one of the
    /// two claims.
    #[must_use]
    pub fn scope_claim(self, name: &str) -> Self {
        self.scope_claim_at([name])
    }

    /// Like [`scope_claim`](Self::scope_claim), for a nested claim: `["realm_access", "roles"]` for Keycloak's roles.
    #[must_use]
    pub fn scope_claim_at<'n>(mut self, path: impl IntoIterator<Item = &'n str>) -> Self {
        self.expected.scope_claims.push(path.into_iter().map(str::to_owned).collect());
        self
    }

    /// The clock leeway for `exp`, `nbf` and `iat`. Defaults to 5 seconds; at most 60.
    #[must_use]
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.expected.leeway = leeway.as_secs() + u64::from(leeway.subsec_nanos() > 0);
        self
    }

    /// Accepts the tokens of these tenants. Use it for an issuer that has one name per tenant, such as Microsoft
    /// Entra with users of several organizations. `template` is the name with `{tenantid}` in it, as in the metadata
    /// of `common` and `organizations`.
    ///
    /// ```
    /// # #[cfg(feature = "discovery")]
    /// # {
    /// use portcullis::AccessTokens;
    ///
    /// let builder = AccessTokens::discover("https://login.microsoftonline.com/organizations/v2.0")
    ///     .tenants(
    ///         "https://login.microsoftonline.com/{tenantid}/v2.0",
    ///         ["72f988bf-86f1-41af-91ab-2d7cd011db47", "9122040d-6c67-4c5b-b112-36a304b66dad"],
    ///     )
    ///     .audience("api://shop");
    /// # let _ = builder;
    /// # }
    /// ```
    /// `iss` must then be the template with one of the tenants in it, `tid` must be that tenant if the token has it,
    /// and a key that the issuer marks for one tenant verifies only that tenant's tokens. There is no way to accept
    /// every tenant, because anyone can create one. A subject is unique only within its tenant, so store it with
    /// [`AccessToken::issuer`].
    #[must_use]
    pub fn tenants<T: Into<String>>(mut self, template: &str, tenants: impl IntoIterator<Item = T>) -> Self {
        self.expected.tenants = Some(Tenants::of(template, tenants.into_iter().map(Into::into)));
        self
    }

    /// Relaxations for issuers that do not follow RFC 9068. Each documents what it opens.
    pub fn dangerous(self) -> Dangerous<Self> {
        Dangerous(self)
    }

    /// Replaces the system clock, for tests.
    #[must_use]
    pub fn clock(mut self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// Turns the token cache off: every request verifies its token anew, which takes about fifty times as long.
    #[must_use]
    pub fn uncached(mut self) -> Self {
        self.is_cached = false;
        self
    }
}

impl AccessTokensBuilder {
    /// The issuer's public keys, as a JWK Set (RFC 7517 §5). Call it again to add another set.
    ///
    /// An unusable key is skipped, as in a discovered set, and the log says why. `kid` may be missing if only one key
    /// has its algorithm.
    ///
    /// # Errors
    /// [`KeyError`] if the text is not a JWK Set.
    pub fn keys(mut self, jwks: &str) -> Result<Self, KeyError> {
        let skipped = self.keys.keys.add(jwks)?;
        if !skipped.is_empty() {
            tracing::warn!(?skipped, "some of the given keys are not used");
            self.keys.skipped.extend(skipped);
        }
        Ok(self)
    }

    /// Builds the verifier.
    ///
    /// # Errors
    /// [`KeyError`] if the issuer or the audience is missing or empty, a setting is out of bounds, or no key is
    /// usable.
    pub fn build(self) -> Result<AccessTokens, KeyError> {
        let Self { expected, clock, is_cached, keys: GivenKeys { keys, skipped } } = self;
        expected.checked()?;
        if keys.is_empty() {
            return Err(KeyError::new(if skipped.is_empty() {
                "no keys: call `.keys(jwks)` with the issuer's JWK Set".to_owned()
            } else {
                format!("no usable key: {}", skipped.join("; "))
            }));
        }
        let keys = Source::Given(Box::new(KeySet::new(keys, is_cached)));
        Ok(AccessTokens(Arc::new(Inner { keys, expected, clock })))
    }
}

impl<K> fmt::Debug for AccessTokensBuilder<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessTokensBuilder").field("expected", &self.expected).finish_non_exhaustive()
    }
}

impl fmt::Debug for GivenKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GivenKeys(…)")
    }
}

/// The seconds from a time to `now`, both in seconds since 1970; `None` if it is later by more than the leeway.
pub(crate) fn age(time: u64, now: u64) -> Option<Duration> {
    (time <= now.saturating_add(LEEWAY)).then(|| Duration::from_secs(now.saturating_sub(time)))
}

/// A clock's time in seconds since 1970.
pub(crate) fn seconds(clock: &Clock) -> u64 {
    clock().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
}

#[expect(clippy::disallowed_methods, reason = "the library's one look at the clock; tests replace it")]
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}
