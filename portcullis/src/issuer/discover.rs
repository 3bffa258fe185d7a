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

/// How old keys may get while their issuer cannot be asked.
const MAX_STALENESS: Duration = Duration::from_hours(24);
/// How often it is looked whether the keys are near their end. The last quarter of their lifetime is longer.
const EACH: Duration = Duration::from_secs(10);

/// The keys of an [`AccessTokensBuilder`] are fetched from the issuer.
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
    /// Begins a verifier for the tokens of `issuer`, whose keys are found at `issuer` itself: its metadata (RFC 8414,
    /// or OpenID Connect Discovery) names them, and must name `issuer` to the byte.
    ///
    /// The keys are fetched again before what the issuer says of their age has passed (`Cache-Control: max-age`, else
    /// `Expires`; at least a minute, at most a day, five minutes if nothing is said), in the background, for as long as
    /// the verifier is there. Where that did not come in time (the runtime of [`build`](AccessTokensBuilder::build) is
    /// gone, the machine slept), a token waits for newer keys, half a second at most, and goes by the known ones then. A
    /// token by a key that is not known makes the verifier look again, five times a minute at most and once for each key,
    /// whatever the flood, and waits for what comes of it; when the looks of a minute are used up, a token by a key that
    /// was not looked for gets 503 with `Retry-After`. The metadata are read again once a day, and where a key that a token names is not
    /// found at the address which they gave.
    ///
    /// A key that vanished from the published set is not good any more, at once: to take it away is the only way
    /// an issuer has to revoke it, and a careful one leaves an old key in place until its last token has
    /// ended. [`keep_removed_keys`](AccessTokensBuilder::keep_removed_keys) is for the others.
    ///
    /// While the issuer cannot be asked, known keys stay good for a day
    /// ([`max_staleness`](AccessTokensBuilder::max_staleness)), and [`AccessTokens::health`] tells of it. With no key
    /// at all, a request is answered 503, neither 401 nor as if it were anonymous; so is a token by an unknown key
    /// meanwhile, which may be a new one. [All of this at length](crate::learn::issuers).
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
    /// Where the JWK Set is, for an issuer that publishes no metadata. Nothing is discovered then.
    #[must_use]
    pub fn keys_at(mut self, url: &str) -> Self {
        self.keys.keys_at = Some(url.to_owned());
        self
    }

    /// How the issuer is asked.
    #[must_use]
    pub fn outgoing(mut self, outgoing: Outgoing) -> Self {
        self.keys.outgoing = outgoing;
        self
    }

    /// Builds without asking the issuer: it is asked when the first token comes, or [`AccessTokens::health`] is asked
    /// for the first time. Until it has answered, requests with a token get 503. For a service that has to start before
    /// its issuer, or beside it.
    #[must_use]
    pub fn lazily(mut self) -> Self {
        self.keys.is_lazy = true;
        self
    }

    /// Lets a key be good for `grace` after the issuer stopped to publish it: for an issuer that takes a key away
    /// while its tokens still live. For as long, whoever stole a key that was revoked can use it.
    #[must_use]
    pub fn keep_removed_keys(mut self, grace: Duration) -> Self {
        self.keys.keep_removed = grace;
        self
    }

    /// How old keys may get while their issuer cannot be asked; a day if nothing is said, a minute at
    /// the least. After that: 503. Keys are never older than this, whatever the issuer says of their lifetime.
    #[must_use]
    pub fn max_staleness(mut self, longest: Duration) -> Self {
        self.keys.max_staleness = longest;
        self
    }

    /// The verifier, which has asked the issuer once unless [`lazily`](Self::lazily) was said.
    ///
    /// # Errors
    /// [`IssuerError`] if the audience is missing, an address is none that may be asked, the issuer cannot be reached
    /// or its answer not be used, its metadata name another issuer, or it publishes no key that can be used.
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

/// Renews good keys before their time is over though no token comes, for as long as there is a verifier. Where no task
/// can run, it is left to the tokens.
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
