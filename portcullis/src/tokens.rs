//! A ready verifier for signed access tokens (RFC 9068), strict as RFC 8725 asks.

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

/// How far clocks may be apart, in seconds, for `exp`, `nbf` and `iat`: by default, and at most.
pub(crate) const LEEWAY: u64 = 5;
const MAX_LEEWAY: u64 = 60;

/// Verifies RFC 9068 access tokens of one issuer for one audience. Cheap to clone.
///
/// A token is accepted only if all of this holds: `typ` is `at+jwt`; the key named by `kid` is known (without a `kid`:
/// one key alone fits) and its one algorithm is the header's `alg` (EdDSA, ES256, ES384, ES512, RS256, RS384, RS512, PS256,
/// PS384 or PS512); no critical extension is asked
/// for; no JSON member stands twice; the signature is good; `iss` is the issuer to the byte; `aud` names
/// the audience; `exp`, `iat`, `sub`, `jti` and `client_id` are there with the right types; `exp` lies
/// ahead and neither `nbf` nor `iat` does (5 s leeway, [or yours](AccessTokensBuilder::leeway)); and it is not bound to a key (`cnf`), whose possession we could
/// not check.
///
/// Its keys are given ([`AccessTokens::issued_by`]), and then it never fails for want of a network, or found at the
/// issuer (`AccessTokens::discover`, feature `discovery`). It remembers tokens that it found
/// good, so that a token costs one signature check and not one for each request; its times are looked at whenever it
/// comes. Those are 10 000 at the most: where more are alive, some make room, old or new; a token of more than 2 KiB is
/// never kept and is checked each time. [`AccessTokensBuilder::uncached`] turns that off.
///
/// A caller whose token is refused is never told why. The log is, at the level `debug` of the target `portcullis`: one
/// line with a `reason` of a few fixed words (`wrong audience`, `unknown kid`, `expired`), and nothing of the token.
#[derive(Clone)]
pub struct AccessTokens(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) keys: Source,
    pub(crate) expected: Expected,
    pub(crate) clock: Clock,
}

/// Where the keys are from.
pub(crate) enum Source {
    Given(Box<KeySet>),
    #[cfg(feature = "discovery")]
    Published(Published),
}

pub(crate) type Clock = Box<dyn Fn() -> SystemTime + Send + Sync>;

impl AccessTokens {
    /// Begins a verifier for the tokens of `issuer`: the `iss` claim, compared to the byte.
    #[must_use]
    pub fn issued_by(issuer: &str) -> AccessTokensBuilder {
        AccessTokensBuilder::new(issuer, GivenKeys::default())
    }

    /// The token's claims, if it is good in every respect.
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

    /// How long ago a time was, in seconds since 1970; `None` if it is to come, by more than clocks may be apart.
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

/// For a state behind an `Arc`, which axum's derive does not reach.
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

/// What an [`AccessTokens`] needs to know. There is no default for the issuer, the audience and the keys.
pub struct AccessTokensBuilder<K = GivenKeys> {
    pub(crate) expected: Expected,
    pub(crate) clock: Clock,
    pub(crate) is_cached: bool,
    pub(crate) keys: K,
}

/// The keys of an [`AccessTokensBuilder`] are in the application's hands.
#[derive(Default)]
pub struct GivenKeys {
    pub(crate) keys: Keys,
    /// Why some were left out.
    skipped: Vec<String>,
}

impl<K> AccessTokensBuilder<K> {
    pub(crate) fn new(issuer: &str, keys: K) -> Self {
        Self { expected: Expected::of(issuer), clock: Box::new(now), is_cached: true, keys }
    }

    /// Who we are: the name that must be in `aud` (RFC 9068 §4). A token for another API is rejected. Call it again for
    /// each further name that you go by; a token needs one of them.
    #[must_use]
    pub fn audience(mut self, audience: &str) -> Self {
        self.expected.audience = self.expected.audience.named(audience);
        self
    }

    /// The claim that holds the scopes, if it is not a string `scope`: `scp` or `roles`, say. It is a string with spaces
    /// between the names, or an array of strings. Call it again to read several claims; the token has the scopes of all.
    /// A name with a space in it is not a scope (RFC 6749 §3.3) and is left out: see [`AccessToken::claims`].
    ///
    /// Names of different claims share one list. If a role can be called as a scope is, read one of the two claims.
    #[must_use]
    pub fn scope_claim(self, name: &str) -> Self {
        self.scope_claim_at([name])
    }

    /// As [`scope_claim`](Self::scope_claim), for a claim inside others: `["realm_access", "roles"]` for Keycloak's roles.
    #[must_use]
    pub fn scope_claim_at<'n>(mut self, path: impl IntoIterator<Item = &'n str>) -> Self {
        self.expected.scope_claims.push(path.into_iter().map(str::to_owned).collect());
        self
    }

    /// How far the issuer's clock and yours may be apart: 5 seconds unless you say otherwise, and at most 60. It applies
    /// to `exp`, `nbf` and `iat`.
    #[must_use]
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.expected.leeway = leeway.as_secs() + u64::from(leeway.subsec_nanos() > 0);
        self
    }

    /// Accepts the tokens of these tenants, for an issuer that has a name for each: Microsoft Entra, with users of
    /// several organizations. `template` is the name with `{tenantid}` in it, as the metadata of `common` and
    /// `organizations` write it.
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
    /// `iss` must then be the template with one of the tenants in it, `tid` that tenant if the token has it, and a key
    /// that the issuer marks for one tenant verifies that tenant's tokens only. There is no way to accept every tenant:
    /// anyone can make one. A subject is unique within its tenant, so store it with [`AccessToken::issuer`].
    #[must_use]
    pub fn tenants<T: Into<String>>(mut self, template: &str, tenants: impl IntoIterator<Item = T>) -> Self {
        self.expected.tenants = Some(Tenants::of(template, tenants.into_iter().map(Into::into)));
        self
    }

    /// Leads to the relaxations for issuers that do not follow RFC 9068. Each says what it opens.
    pub fn dangerous(self) -> Dangerous<Self> {
        Dangerous(self)
    }

    /// Another source of time than the system's, for tests.
    #[must_use]
    pub fn clock(mut self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// Verifies each token anew at each request, which takes some fifty times as long.
    #[must_use]
    pub fn uncached(mut self) -> Self {
        self.is_cached = false;
        self
    }
}

impl AccessTokensBuilder {
    /// The issuer's public keys, as a JWK Set (RFC 7517 §5). Call it again to add another set.
    ///
    /// A key that cannot be used is skipped, as it is in a set that was discovered, and the log says why. `kid` may be
    /// missing where one key alone has its algorithm.
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

    /// The verifier.
    ///
    /// # Errors
    /// [`KeyError`] if the issuer or the audience is missing or empty, a setting is out of its bounds, or no key can be
    /// used: such a verifier could only reject, or accept what it must not.
    pub fn build(self) -> Result<AccessTokens, KeyError> {
        let Self { expected, clock, is_cached, keys: GivenKeys { keys, skipped } } = self;
        expected.checked()?;
        if keys.is_empty() {
            return Err(KeyError::new(if skipped.is_empty() {
                "no keys: call `.keys(jwks)` with the issuer's JWK Set".to_owned()
            } else {
                format!("no key that can be used: {}", skipped.join("; "))
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

/// How long before `now` a time was, both in seconds since 1970; `None` if it is later, by more than clocks may be apart.
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
