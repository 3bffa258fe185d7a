//! Finding an issuer's keys by its name: RFC 8414, or OpenID Connect Discovery 1.0.

use std::{fmt, sync::Arc, time::Duration};

use serde_json::Value;
use tokio::{
    runtime::Handle,
    time::{Instant, sleep},
};

use super::{
    AccessTokens, AccessTokensBuilder, Inner, IssuerError, Outgoing, Source,
    jwks::{Place, Published, Rules},
    outgoing::{Endpoint, Http},
    seconds,
};

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
    /// # async fn example() -> Result<(), portcullis::IssuerError> {
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
        expected.audience.checked()?;
        let place = match &keys.keys_at {
            Some(url) => Place::Known(Endpoint::parse(url)?),
            None => Place::Named(Box::new(WellKnown::of(&keys.issuer)?)),
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

/// The addresses where the metadata of an issuer can be.
pub(super) struct WellKnown {
    issuer: Endpoint,
    places: [Endpoint; 2],
}

impl WellKnown {
    /// # Errors
    /// The issuer is no URL without query and fragment (RFC 8414 §2).
    fn of(issuer: &str) -> Result<Self, IssuerError> {
        let parsed = Endpoint::parse(issuer)?;
        if issuer.contains('?') {
            return Err(IssuerError::new(format!("`{parsed}`: an issuer has no query (RFC 8414 §2)")));
        }
        // Both specifications take a `/` at the end away, which stays in the name itself.
        let base = issuer.strip_suffix('/').unwrap_or(issuer);
        let path = parsed.uri().path().trim_end_matches('/');
        let host = base.strip_suffix(path).unwrap_or(base);
        let places = [
            // RFC 8414 §3.1: between the host and the path.
            Endpoint::parse(&format!("{host}/.well-known/oauth-authorization-server{path}"))?,
            // OpenID Connect Discovery 1.0 §4.1: after the path.
            Endpoint::parse(&format!("{base}/.well-known/openid-configuration"))?,
        ];
        Ok(Self { issuer: parsed, places })
    }

    /// Where the keys are, by the first metadata that can be used and are here by `deadline`.
    pub(super) async fn keys_at(&self, http: &Http, deadline: Instant) -> Result<Endpoint, IssuerError> {
        let mut problems = Vec::new();
        for place in &self.places {
            match self.read(http, place, deadline).await {
                Ok(keys_at) => return Ok(keys_at),
                Err(cause) if cause.is_unreachable() => return Err(cause),
                Err(cause) => problems.push(cause.to_string()),
            }
        }
        Err(IssuerError::new(format!(
            "issuer `{}`: no metadata that can be used: {}. If it publishes none, say `.keys_at(\"https://…\")`",
            self.issuer,
            problems.join("; ")
        )))
    }

    async fn read(&self, http: &Http, place: &Endpoint, deadline: Instant) -> Result<Endpoint, IssuerError> {
        let metadata = http.get(place, deadline).await?.json;
        self.keys_in(&metadata).map_err(|why| IssuerError::new(format!("{place}: {why}")))
    }

    /// Where the keys are, by what an issuer says of itself.
    fn keys_in(&self, metadata: &Value) -> Result<Endpoint, String> {
        let issuer = metadata.get("issuer").and_then(Value::as_str).unwrap_or_default();
        // RFC 8414 §3.3: otherwise one issuer could speak for another.
        if issuer != self.issuer.to_string() {
            let shown: String = issuer.chars().take(200).collect();
            return Err(format!("the issuer calls itself {shown:?}, which must be the same to the byte"));
        }
        let Some(keys_at) = metadata.get("jwks_uri").and_then(Value::as_str) else {
            return Err("there is no `jwks_uri`".to_owned());
        };
        let keys_at = Endpoint::parse(keys_at).map_err(|cause| format!("`jwks_uri`: {cause}"))?;
        // An issuer elsewhere does not lead us to what listens on this machine.
        if keys_at.is_loopback() && !self.issuer.is_loopback() {
            return Err(format!("`jwks_uri`: {keys_at} is on this machine, and the issuer is elsewhere"));
        }
        // By other names and spellings, the address that is connected to will tell.
        Ok(keys_at.named_by(&self.issuer))
    }
}

impl fmt::Debug for WellKnown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WellKnown({})", self.issuer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_places_as_the_specifications_have_them() {
        let cases = [
            (
                "https://a.example",
                "https://a.example/.well-known/oauth-authorization-server",
                "https://a.example/.well-known/openid-configuration",
            ),
            (
                "https://a.example/",
                "https://a.example/.well-known/oauth-authorization-server",
                "https://a.example/.well-known/openid-configuration",
            ),
            (
                "https://a.example:8443/t/1",
                "https://a.example:8443/.well-known/oauth-authorization-server/t/1",
                "https://a.example:8443/t/1/.well-known/openid-configuration",
            ),
            (
                "https://a.example/t/",
                "https://a.example/.well-known/oauth-authorization-server/t",
                "https://a.example/t/.well-known/openid-configuration",
            ),
        ];
        for (issuer, oauth, openid) in cases {
            let known = WellKnown::of(issuer).unwrap();
            assert_eq!(known.places.map(|place| place.to_string()), [oauth, openid]);
            assert_eq!(known.issuer.to_string(), issuer);
        }
        for bad in ["https://a.example?x=1", "https://a.example/#f", "http://a.example", "a.example", ""] {
            assert!(WellKnown::of(bad).is_err(), "{bad}");
        }
    }
    #[test]
    fn g09_an_issuer_elsewhere_does_not_lead_to_this_machine() {
        let keys_in = |issuer: &str, keys_at: &str| {
            let metadata = serde_json::json!({ "issuer": issuer, "jwks_uri": keys_at });
            WellKnown::of(issuer).unwrap().keys_in(&metadata).is_ok()
        };
        assert!(keys_in("https://a.example", "https://keys.example/a"));
        assert!(keys_in("http://localhost:1", "http://127.0.0.1:2/keys"));
        for bad in [
            "http://127.0.0.1/keys",
            "https://localhost/keys",
            "https://[::1]/",
            "http://keys.example/a",
            "/keys",
        ] {
            assert!(!keys_in("https://a.example", bad), "{bad}");
        }
    }
}
