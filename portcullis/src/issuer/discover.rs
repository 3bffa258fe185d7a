//! Finding an issuer's keys by its name: RFC 8414, or OpenID Connect Discovery 1.0.

use std::{sync::Arc, time::Duration};

use tokio::{runtime::Handle, time::sleep};

use super::{
    IssuerError, Outgoing,
    jwks::{Place, Published, Rules},
    metadata::WellKnown,
    outgoing::Endpoint,
};
use crate::tokens::{AccessTokens, AccessTokensBuilder, Inner, Source, seconds};

/// How old keys may get while their issuer cannot be reached.
const MAX_STALENESS: Duration = Duration::from_hours(24);
/// How often to check whether the keys are about to expire. The last quarter of their lifetime is longer.
const EACH: Duration = Duration::from_secs(10);

/// For an [`AccessTokensBuilder`] whose keys are fetched from the issuer.
#[derive(Debug)]
pub struct DiscoveredKeys {
    issuer: String,
    keys_at: Option<String>,
    outgoing: Outgoing,
    is_lazy: bool,
    keep_removed: Duration,
    max_staleness: Duration,
}

impl AccessTokens {
    /// Begins a verifier for the tokens of `issuer`. The keys come from `issuer` itself: its metadata (RFC 8414, or
    /// OpenID Connect Discovery) names them, and must name `issuer` byte for byte.
    ///
    /// The keys are fetched again in the background before they expire, as long as the verifier exists. Their lifetime
    /// is what the issuer says (`Cache-Control: max-age`, otherwise `Expires`): at least a minute, at most a day, five
    /// minutes by default. If they were not renewed in time (the runtime of [`build`](AccessTokensBuilder::build) is
    /// gone, the machine slept), a token waits for newer keys, at most half a second, and is then checked with the
    /// known ones. A token with an unknown key triggers a fetch and waits for it. There are at most five of these a
    /// minute and one for each key, whatever the flood; after that, a token with another unknown key gets 503 with
    /// `Retry-After`. The metadata is read again once a day, and whenever a token's key is not found at the address
    /// that it gave.
    ///
    /// A key that disappears from the published set becomes invalid immediately: an issuer has no other way to revoke
    /// it, and a careful one keeps an old key in place until its last token has expired. For other issuers, use
    /// [`keep_removed_keys`](AccessTokensBuilder::keep_removed_keys).
    ///
    /// While the issuer cannot be reached, known keys stay valid for a day
    /// ([`max_staleness`](AccessTokensBuilder::max_staleness)), and [`AccessTokens::health`] reports it. Without any
    /// key, requests get 503, neither 401 nor anonymous access; so does a token with an unknown key meanwhile, which
    /// may be a new one. See [issuers](crate::learn::issuers) for more.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), portcullis::issuer::IssuerError> {
    /// use portcullis::AccessTokens;
    ///
    /// let tokens = AccessTokens::discover("https://accounts.example").audience("my-api").build().await?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn discover(issuer: &str) -> AccessTokensBuilder<DiscoveredKeys> {
        let keys = DiscoveredKeys {
            issuer: issuer.to_owned(),
            keys_at: None,
            outgoing: Outgoing::default(),
            is_lazy: false,
            keep_removed: Duration::ZERO,
            max_staleness: MAX_STALENESS,
        };
        AccessTokensBuilder::new(issuer, keys)
    }
}

impl AccessTokensBuilder<DiscoveredKeys> {
    /// Sets the URL of the JWK Set, for an issuer that publishes no metadata. Nothing is discovered then.
    #[must_use]
    pub fn keys_at(mut self, url: &str) -> Self {
        self.keys.keys_at = Some(url.to_owned());
        self
    }

    /// Sets how requests to the issuer are made.
    #[must_use]
    pub fn outgoing(mut self, outgoing: Outgoing) -> Self {
        self.keys.outgoing = outgoing;
        self
    }

    /// Builds without contacting the issuer, which the first token or the first call of [`AccessTokens::health`] does.
    /// Until the issuer has responded, requests with a token get 503. Use it for a service that must start before its
    /// issuer, or together with it.
    #[must_use]
    pub fn lazily(mut self) -> Self {
        self.keys.is_lazy = true;
        self
    }

    /// Keeps a key valid for `grace` after the issuer stopped publishing it, for an issuer that removes keys while
    /// their tokens are still valid. For that long, a stolen key that was revoked can still be used.
    #[must_use]
    pub fn keep_removed_keys(mut self, grace: Duration) -> Self {
        self.keys.keep_removed = grace;
        self
    }

    /// Sets how old keys may get while their issuer cannot be reached: a day by default, at least a minute. After that:
    /// 503. Keys never get older than this, whatever lifetime the issuer gives them.
    #[must_use]
    pub fn max_staleness(mut self, longest: Duration) -> Self {
        self.keys.max_staleness = longest;
        self
    }

    /// Builds the verifier. Contacts the issuer once, unless [`lazily`](Self::lazily) was called.
    ///
    /// # Errors
    /// [`IssuerError`] if the audience is missing, an address is not allowed, the issuer cannot be reached or its
    /// response cannot be used, its metadata names another issuer, or it publishes no usable key.
    pub async fn build(self) -> Result<AccessTokens, IssuerError> {
        let Self { expected, clock, is_cached, keys } = self;
        expected.checked()?;
        let template = expected.tenants.as_ref().map(|tenants| tenants.template().to_owned());
        let place = match &keys.keys_at {
            Some(url) => Place::Known(Endpoint::parse(url)?),
            None => Place::Named(Box::new(WellKnown::of(&keys.issuer, template)?)),
        };
        let rules = Rules {
            is_cached,
            keep_removed: keys.keep_removed.as_secs(),
            max_staleness: keys.max_staleness.as_secs(),
        };
        let published = Published::new(keys.outgoing.client()?, place, rules);
        if !keys.is_lazy {
            published.fetch_now(seconds(&clock)).await?;
        }
        let inner = Arc::new(Inner { keys: Source::Published(published), expected, clock });
        renew_in_time(&inner);
        Ok(AccessTokens(inner))
    }
}

/// Renews valid keys before they expire, even if no token comes, as long as there is a verifier. Without a runtime,
/// tokens trigger the renewal.
fn renew_in_time(inner: &Arc<Inner>) {
    let Ok(runtime) = Handle::try_current() else { return };
    let inner = Arc::downgrade(inner);
    runtime.spawn(async move {
        loop {
            sleep(EACH).await;
            let Some(inner) = inner.upgrade() else { return };
            if let Source::Published(keys) = &inner.keys {
                keys.renew_in_time(seconds(&inner.clock));
            }
        }
    });
}
