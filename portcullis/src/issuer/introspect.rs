//! A verifier for opaque tokens, which asks their issuer (RFC 7662).

mod flights;

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use axum::extract::FromRef;
use base64::{Engine, engine::general_purpose::STANDARD};
use http::HeaderValue;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::{sync::Semaphore, time::timeout_at};

use self::flights::Flights;
use super::{
    IssuerError, Outgoing,
    introspected::{Found, IntrospectedToken, Wanted},
    outgoing::{Endpoint, Http},
};
use crate::{
    credential::{Bearer, SecurityScheme},
    tokens::{
        Clock, Dangerous, age,
        cache::{Cache, Timely},
        claims::Audience,
        now,
        refusal::Refusal,
        seconds,
    },
    verify::{Verdict, Verify, VerifyFailed},
};

/// How long an issuer's response is cached: by default, and at most.
const BELIEVED: Duration = Duration::from_secs(30);
const BELIEVED_AT_MOST: Duration = Duration::from_mins(5);
/// How long a rejection is cached at most.
const REFUSED: Duration = Duration::from_secs(5);
/// The longest response that is cached, in bytes. Ten thousand responses with their tokens take 100 MB, plus the values
/// that were parsed from them.
const LONGEST_KEPT: usize = 8 * 1024;
/// How many requests are in flight at a time; others wait for their turn.
const AT_ONCE: usize = 64;
/// How many requests wait for their turn; more are not sent.
const WAITING: usize = 1000;
/// How long a request waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);

/// Verifies opaque tokens with their issuer's introspection endpoint. Cheap to clone.
///
/// An active token is cached for thirty seconds ([`IntrospectionBuilder::believed_for`]), never beyond its `exp`: for
/// that long a revoked token can still pass. A rejection is cached for five seconds, never longer than an active token:
/// for that long a token that becomes valid (its `nbf` passes, or the issuer's replicas catch up) is still rejected if
/// it came too early. Ten thousand of each are cached. Tokens of more than 2 KiB and responses of more than 8 KiB are
/// not cached.
///
/// Concurrent requests with one token send a single introspection request. 64 are in flight at a time; up to a thousand
/// more wait, at most five seconds. Requests beyond that get 503. Each new token costs a request, even an invalid one.
/// So that strangers cannot use up the places, limit requests before the guard
/// ([`client_address`](crate::client_address)).
///
/// If the issuer cannot be reached, or its response violates RFC 7662, there is no verdict: 503, neither 401 nor
/// anonymous access, and nothing is cached. A token that is bound to a key (`cnf`) is rejected, because no proof of it
/// is requested. The reason of a rejection is logged at level `debug`, as for [`AccessTokens`](crate::AccessTokens).
///
/// ```
/// use std::time::Duration;
/// use portcullis::{Guard, issuer::Introspection};
///
/// async fn whose(guard: Guard<Introspection>) -> String {
///     guard.principal().subject().unwrap_or_default().to_owned()
/// }
///
/// let introspection = Introspection::at("https://accounts.example/oauth/introspect")
///     .client("shop", "the shop's secret")
///     .audience("shop")
///     .believed_for(Duration::from_secs(10))
///     .build()?;
/// let app: axum::Router =
///     axum::Router::new().route("/", axum::routing::get(whose)).with_state(introspection);
/// # Ok::<(), portcullis::issuer::IssuerError>(())
/// ```
#[derive(Clone)]
pub struct Introspection(Arc<Inner>);

struct Inner {
    http: Http,
    endpoint: Endpoint,
    authorization: HeaderValue,
    wanted: Wanted,
    clock: Clock,
    good: Cache<Believed<IntrospectedToken>>,
    /// Separate, so that invalid tokens evict no valid ones.
    refused: Cache<Believed<Refusal>>,
    believed_for: u64,
    flights: Flights,
    places: Semaphore,
    at_once: Semaphore,
}

/// The result of the issuer's response, and the time in which it is cached.
#[derive(Clone)]
struct Believed<T> {
    said: T,
    since: u64,
    until: u64,
}

impl Introspection {
    /// Begins a verifier that uses the endpoint at `url`.
    #[must_use]
    pub fn at(url: &str) -> IntrospectionBuilder {
        IntrospectionBuilder {
            endpoint: url.to_owned(),
            client: None,
            issuer: None,
            audience: Audience::default(),
            accepts_sender_constrained: false,
            outgoing: Outgoing::default(),
            believed_for: BELIEVED,
            clock: Box::new(now),
        }
    }

    /// How long ago a time was, in seconds since 1970; `None` if it is in the future.
    pub(crate) fn age(&self, time: u64) -> Option<Duration> {
        age(time, seconds(&self.0.clock))
    }

    /// What the issuer says about a token; `None` if it is not valid for us.
    async fn check(&self, token: &str) -> Result<Option<IntrospectedToken>, VerifyFailed> {
        let now = seconds(&self.0.clock);
        let found = if let Some(found) = self.remembered(token, now) {
            found
        } else {
            let joined = self.0.flights.join(token, || self.ask(token, now));
            let overdue = self.0.http.overdue() + PATIENCE;
            timeout_at(overdue, joined)
                .await
                .map_err(|_| "another's question about the token did not end")??
        };
        Ok(found.inspect_err(|refusal| refusal.log()).ok())
    }

    fn remembered(&self, token: &str, now: u64) -> Option<Found> {
        if let Some(believed) = self.0.good.slot(token).find(now) {
            return Some(Ok(believed.said));
        }
        self.0.refused.slot(token).find(now).map(|believed| Err(believed.said))
    }

    fn remember(&self, token: &str, found: &Found, now: u64) {
        let until = |longest: u64| now.saturating_add(longest);
        let believed_for = self.0.believed_for;
        match found {
            Ok(verified) if verified.length() > LONGEST_KEPT => {}
            Ok(verified) => {
                let until = until(believed_for).min(verified.expires_at().unwrap_or(u64::MAX));
                self.0.good.slot(token).keep(&Believed { said: verified.clone(), since: now, until }, now);
            }
            Err(refusal) => {
                // It might become timely again if the clock is set back; the issuer's last word counts.
                self.0.good.slot(token).forget();
                let until = until(believed_for.min(REFUSED.as_secs()));
                self.0.refused.slot(token).keep(&Believed { said: *refusal, since: now, until }, now);
            }
        }
    }

    async fn ask(&self, token: &str, now: u64) -> Result<Found, String> {
        let Inner { http, endpoint, authorization, wanted, places, at_once, .. } = &*self.0;
        let Ok(_place) = places.try_acquire() else {
            return Err(format!("{endpoint}: {WAITING} questions were waiting already"));
        };
        let form = format!("token={}&token_type_hint=access_token", form_encoded(token));
        let Ok(turn) = tokio::time::timeout(PATIENCE, at_once.acquire()).await else {
            return Err(format!("{endpoint}: {AT_ONCE} questions were under way for {PATIENCE:?}"));
        };
        let answer = http.post(endpoint, form, authorization).await.map_err(|cause| cause.to_string())?;
        drop(turn);
        let found = wanted.read(&answer.json, now).map_err(|why| format!("{endpoint}: {why}"))?;
        self.remember(token, &found, now);
        Ok(found)
    }
}

impl<T: Clone> Timely for Believed<T> {
    fn is_timely(&self, now: u64) -> bool {
        (self.since..self.until).contains(&now)
    }
}

/// For a state behind an `Arc`.
impl<S> FromRef<Arc<S>> for Introspection
where
    Self: FromRef<S>,
{
    fn from_ref(state: &Arc<S>) -> Self {
        Self::from_ref(&**state)
    }
}

impl Verify for Introspection {
    type Credential = Bearer;
    type Principal = IntrospectedToken;
    const SCHEME: &'static str = "opaque_token";

    fn scheme() -> SecurityScheme {
        SecurityScheme::bearer_format("opaque")
            .described("A token that the server checks with its issuer (RFC 7662)")
    }

    async fn verify(&self, bearer: &Bearer) -> Result<Verdict<IntrospectedToken>, VerifyFailed> {
        Ok(match self.check(bearer.token()).await? {
            Some(token) => {
                let granted = token.scope().clone();
                Verdict::Accepted(token, granted)
            }
            None => Verdict::Refused,
        })
    }
}

impl fmt::Debug for Introspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Introspection({})", self.0.endpoint)
    }
}

/// Settings of an [`Introspection`]. The client and the audience have no default.
pub struct IntrospectionBuilder {
    endpoint: String,
    client: Option<HeaderValue>,
    issuer: Option<String>,
    pub(super) audience: Audience,
    pub(super) accepts_sender_constrained: bool,
    outgoing: Outgoing,
    believed_for: Duration,
    clock: Clock,
}

impl IntrospectionBuilder {
    /// Sets our credentials at the issuer (RFC 7662 §2.1), sent as in RFC 6749 §2.3.1: HTTP Basic.
    #[must_use]
    pub fn client(mut self, id: &str, secret: &str) -> Self {
        let both = STANDARD.encode(format!("{}:{}", form_encoded(id), form_encoded(secret)));
        // Base64 always fits into a header.
        self.client = HeaderValue::try_from(format!("Basic {both}")).ok().map(|mut value| {
            value.set_sensitive(true);
            value
        });
        self
    }

    /// Sets our name in `aud`, which the issuer's response must contain. A token for another API is rejected. Call it
    /// again for each further name.
    #[must_use]
    pub fn audience(mut self, audience: &str) -> Self {
        self.audience = self.audience.named(audience);
        self
    }

    /// Leads to relaxations for issuers whose responses say less than they should. Each says what it opens.
    pub fn dangerous(self) -> Dangerous<Self> {
        Dangerous(self)
    }

    /// Sets the issuer that the response must name in `iss`. By default `iss` is ignored, and whoever responds at the
    /// endpoint is trusted.
    #[must_use]
    pub fn issuer(mut self, issuer: &str) -> Self {
        self.issuer = Some(issuer.to_owned());
        self
    }

    /// Sets for how long a response is cached, which is how long a revoked token may pass: thirty seconds by default,
    /// at most five minutes; zero asks each time. A rejection is cached as long, but at most five seconds.
    #[must_use]
    pub fn believed_for(mut self, longest: Duration) -> Self {
        self.believed_for = longest.min(BELIEVED_AT_MOST);
        self
    }

    /// Sets how requests to the issuer are made.
    #[must_use]
    pub fn outgoing(mut self, outgoing: Outgoing) -> Self {
        self.outgoing = outgoing;
        self
    }

    /// Replaces the system's clock, for tests.
    #[must_use]
    pub fn clock(mut self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// Builds the verifier. It does not contact the issuer yet: there is no token to ask about.
    ///
    /// # Errors
    /// [`IssuerError`] if the client or the audience is missing, or the address is not allowed.
    pub fn build(self) -> Result<Introspection, IssuerError> {
        let endpoint = Endpoint::parse(&self.endpoint)?;
        let Some(authorization) = self.client else {
            return Err(IssuerError::new(
                "no client: call `.client(id, secret)`; an introspection endpoint only answers clients that it knows",
            ));
        };
        self.audience.checked()?;
        Ok(Introspection(Arc::new(Inner {
            http: self.outgoing.client()?,
            endpoint,
            authorization,
            wanted: Wanted {
                issuer: self.issuer,
                audience: self.audience,
                accepts_sender_constrained: self.accepts_sender_constrained,
            },
            clock: self.clock,
            good: Cache::new(),
            refused: Cache::new(),
            believed_for: self.believed_for.as_secs(),
            flights: Flights::default(),
            places: Semaphore::new(AT_ONCE + WAITING),
            at_once: Semaphore::new(AT_ONCE),
        })))
    }
}

impl fmt::Debug for IntrospectionBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IntrospectionBuilder").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

/// Encodes for `application/x-www-form-urlencoded`. It encodes more characters than necessary, which is allowed.
fn form_encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}
