//! Incoming webhooks: requests that the sender signs with a shared secret.
//!
//! ```
//! use portcullis::{Api, Guard, Json, NoContent, webhooks::{Stripe, Webhooks}};
//!
//! #[derive(serde::Deserialize, schemars::JsonSchema)]
//! #[schemars(extend("additionalProperties" = true))] // Stripe's events have many more members
//! struct Event {
//!     id: String,
//!     r#type: String,
//! }
//!
//! /// The sender tries again after an error, so do an event's work once: remember its id.
//! async fn receive(_: Guard<Webhooks<Stripe>>, Json(event): Json<Event>) -> NoContent {
//!     let _ = (event.id, event.r#type);
//!     NoContent
//! }
//!
//! let stripe = Webhooks::<Stripe>::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")?; // from your settings
//! let (router, document) = Api::new("Shop", "1.0").post("/stripe", receive).finish()?;
//! let app: axum::Router = router.with_state(stripe);
//! # let _ = (app, document);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | sender | format | signs | a replay is rejected |
//! |---|---|---|---|
//! | Stripe | [`Stripe`] | time and body | after 5 minutes |
//! | [Standard Webhooks](https://www.standardwebhooks.com), Svix, Portcullis | [`StandardWebhooks`] | id, time and body
//! | after 5 minutes |
//! | GitHub | [`GitHub`] | body | never: store the ids of processed deliveries |
//! | others | your own [`SignatureFormat`] | | if the format signs a time |
//!
//! Signatures are compared in constant time. The handler gets exactly the bytes that were verified.

use std::{
    error::Error,
    fmt,
    marker::PhantomData,
    sync::Arc,
    time::{Duration, SystemTime},
};

use axum::extract::FromRef;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::HeaderMap;
use jsonwebtoken::{Algorithm, DecodingKey};

use crate::{
    credential::{Signature, SignatureFormat, Signed},
    scope::Granted,
    tokens::{Clock, keys::BACKEND, now, seconds},
    verify::{Verdict, Verify, VerifyFailed},
};

/// The default maximum age of a signature.
const TOLERANCE: Duration = Duration::from_mins(5);
/// The largest maximum age that can be set.
const MOST_TOLERANCE: Duration = Duration::from_hours(1);
/// The shortest key, in bytes: 128 bits. Standard Webhooks demands 24 bytes.
const SHORTEST_KEY: usize = 16;
/// The maximum number of secrets of one sender.
const MOST_SECRETS: usize = 8;

/// Verifies requests signed in the format `F`. Cheap to clone.
///
/// A request is accepted if one of its signatures is valid under one of the secrets. If the format signs a time, it
/// must also be at most five minutes from now ([`tolerance`](Self::tolerance)).
#[must_use]
pub struct Webhooks<F> {
    keys: Arc<[DecodingKey]>,
    tolerance: u64,
    clock: Arc<Clock>,
    format: PhantomData<fn() -> F>,
}

/// A request with a valid signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    id: Option<String>,
    time: Option<u64>,
}

impl Delivery {
    /// The sender's id of the message, if the format signs it. It is the same for each delivery attempt.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// When the request was signed, in seconds since 1970, if the format signs a time.
    #[must_use]
    pub fn time(&self) -> Option<u64> {
        self.time
    }
}

impl<F: SignatureFormat> Webhooks<F> {
    /// A verifier with the secret that the sender gave you.
    ///
    /// # Errors
    /// [`SecretError`] if the secret is malformed for this format or shorter than 16 bytes.
    pub fn new(secret: &str) -> Result<Self, SecretError> {
        let none: Self = Self {
            keys: Arc::new([]),
            tolerance: TOLERANCE.as_secs(),
            clock: Arc::new(Box::new(now)),
            format: PhantomData,
        };
        none.or_secret(secret)
    }

    /// Also accepts another secret, while the sender rotates it. At most eight secrets are accepted.
    ///
    /// # Errors
    /// [`SecretError`], as for [`new`](Self::new), or if there are eight secrets already.
    pub fn or_secret(self, secret: &str) -> Result<Self, SecretError> {
        let key = F::key(secret).ok_or(SecretError("the secret is not in the format of this sender"))?;
        if key.len() < SHORTEST_KEY {
            return Err(SecretError("the secret has fewer than 16 bytes: it could be guessed"));
        }
        if self.keys.len() >= MOST_SECRETS {
            return Err(SecretError("there are eight secrets already"));
        }
        let key = DecodingKey::from_secret(&key);
        Ok(Self { keys: self.keys.iter().cloned().chain([key]).collect(), ..self })
    }

    /// How far the signed time may be from now, in either direction. Defaults to five minutes; at most an hour.
    /// Within that time, anyone who recorded a request can replay it.
    pub fn tolerance(self, tolerance: Duration) -> Self {
        Self { tolerance: tolerance.min(MOST_TOLERANCE).as_secs(), ..self }
    }

    /// Replaces the system clock, for tests.
    pub fn clock(self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self { clock: Arc::new(Box::new(clock)), ..self }
    }

    fn is_good(&self, signed: &Signed) -> bool {
        let is_timely = signed.time.is_none_or(|time| time.abs_diff(seconds(&self.clock)) <= self.tolerance);
        // The backends compare a MAC in constant time.
        let is_good = |key: &DecodingKey, mac: &[u8; 32]| {
            (BACKEND.verifier_factory)(&Algorithm::HS256, key)
                .is_ok_and(|verifier| verifier.verify(&signed.message, &mac.to_vec()).is_ok())
        };
        is_timely && self.keys.iter().any(|key| signed.signatures.iter().any(|mac| is_good(key, mac)))
    }
}

/// For a state behind an `Arc`.
impl<F: SignatureFormat, S> FromRef<Arc<S>> for Webhooks<F>
where
    Self: FromRef<S>,
{
    fn from_ref(state: &Arc<S>) -> Self {
        Self::from_ref(&**state)
    }
}

impl<F: SignatureFormat> Verify for Webhooks<F> {
    type Credential = Signature<F>;
    type Principal = Delivery;
    const SCHEME: &'static str = F::SCHEME;

    async fn verify(&self, signature: &Signature<F>) -> Result<Verdict<Delivery>, VerifyFailed> {
        let signed = &signature.signed;
        Ok(if self.is_good(signed) {
            Verdict::Accepted(Delivery { id: signed.id.clone(), time: signed.time }, Granted::none())
        } else {
            Verdict::Refused
        })
    }
}

impl<F> Clone for Webhooks<F> {
    fn clone(&self) -> Self {
        let Self { keys, tolerance, clock, format } = self;
        Self { keys: keys.clone(), tolerance: *tolerance, clock: clock.clone(), format: *format }
    }
}

impl<F: SignatureFormat> fmt::Debug for Webhooks<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Webhooks({})", F::SCHEME)
    }
}

/// A secret that cannot be used to verify anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretError(&'static str);

impl fmt::Display for SecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for SecretError {}

/// Stripe's format: `Stripe-Signature: t=TIME,v1=HEX`. The secret begins with `whsec_`, which is part of the key.
#[derive(Debug, Clone, Copy)]
pub struct Stripe;

impl SignatureFormat for Stripe {
    const HEADER: &'static str = "Stripe-Signature";
    const SCHEME: &'static str = "stripe";

    fn read(headers: &HeaderMap, body: &[u8]) -> Option<Signed> {
        let members = || text(headers, Self::HEADER).into_iter().flat_map(|value| value.split(','));
        let named = |name: &'static str| {
            members()
                .filter_map(move |member| member.trim().split_once('='))
                .filter(move |(key, _)| *key == name)
        };
        let (_, time) = named("t").next()?;
        // Other versions are for tests (`v0`) or not known yet.
        let signed = Signed::over([time.as_bytes(), b".", body]).at(time.parse().ok()?);
        Some(named("v1").fold(signed, |signed, (_, signature)| signed.hex(signature)))
    }
}

/// GitHub's format: `X-Hub-Signature-256: sha256=HEX`. Neither the time nor `X-GitHub-Delivery` is signed, so a
/// replay looks like the original delivery.
#[derive(Debug, Clone, Copy)]
pub struct GitHub;

impl SignatureFormat for GitHub {
    const HEADER: &'static str = "X-Hub-Signature-256";
    const SCHEME: &'static str = "github";

    fn read(headers: &HeaderMap, body: &[u8]) -> Option<Signed> {
        Some(Signed::over([body]).hex(text(headers, Self::HEADER)?.strip_prefix("sha256=")?))
    }
}

/// The format of Standard Webhooks 1.0.0, which `portcullis-server` uses too: `webhook-id`, `webhook-timestamp`, and
/// `webhook-signature: v1,BASE64`. The secret is base64 after `whsec_`.
#[derive(Debug, Clone, Copy)]
pub struct StandardWebhooks;

impl SignatureFormat for StandardWebhooks {
    const HEADER: &'static str = "webhook-signature";
    const SCHEME: &'static str = "standard_webhooks";

    fn read(headers: &HeaderMap, body: &[u8]) -> Option<Signed> {
        let (id, time) = (text(headers, "webhook-id")?, text(headers, "webhook-timestamp")?);
        // With a dot in the id, one message could be read as another.
        if id.is_empty() || id.contains('.') {
            return None;
        }
        let signed =
            Signed::over([id.as_bytes(), b".", time.as_bytes(), b".", body]).at(time.parse().ok()?).id(id);
        let signatures = text(headers, Self::HEADER)?.split(' ').filter_map(|one| one.strip_prefix("v1,"));
        Some(signatures.fold(signed, Signed::base64))
    }

    fn key(secret: &str) -> Option<Vec<u8>> {
        BASE64_STANDARD.decode(secret.strip_prefix("whsec_").unwrap_or(secret)).ok()
    }
}

/// The header with this name, if there is exactly one and it has at most 4 KiB.
fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    value.to_str().ok().filter(|text| text.len() <= 4096)
}
