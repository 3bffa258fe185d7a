//! The keys that an issuer publishes: fetched, kept, and fetched again in time, once for all who wait.
//!
//! The time is the verifier's own clock, looked at when a token comes: without tokens nothing is asked.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::Duration,
};

use bytes::Bytes;
use tokio::{runtime::Handle, sync::watch};

use super::{
    claims::Expected,
    discover::WellKnown,
    health::KeysHealth,
    key_set::{Checked, KeySet},
    keys::Keys,
    outgoing::{Endpoint, Http, IssuerError},
};
use crate::verify::VerifyFailed;

/// How long keys are fresh, in seconds: by default, and what an issuer can say at the least and at the most.
const FRESH: u64 = 5 * 60;
const FRESH_AT_LEAST: u64 = 60;
const FRESH_AT_MOST: u64 = 24 * 60 * 60;
/// Seconds between two looks at the issuer for the sake of unknown keys, or after one that failed.
const AGAIN: u64 = 60;
/// The same while there is no key at all and every request is answered 503.
const AGAIN_WITHOUT_KEYS: u64 = 10;

/// The keys that an issuer publishes. Cheap to clone.
#[derive(Clone)]
pub(super) struct Published(Arc<Shared>);

/// Where the keys are.
pub(super) enum Place {
    /// Here.
    Known(Endpoint),
    /// Where the issuer's metadata say.
    Named(Box<WellKnown>),
}

/// What the application said of the keys; times in seconds.
pub(super) struct Rules {
    pub(super) is_cached: bool,
    pub(super) keep_removed: u64,
    pub(super) max_staleness: u64,
}

struct Shared {
    http: Http,
    place: Place,
    rules: Rules,
    current: RwLock<Option<Current>>,
    asking: Mutex<Asking>,
}

/// The keys as they were fetched last.
#[derive(Clone)]
struct Current {
    keys: Arc<KeySet>,
    bytes: Bytes,
    fetched_at: u64,
    lifetime: u64,
}

/// How it stands between us and the issuer.
#[derive(Default)]
struct Asking {
    /// When the issuer was asked last, well or in vain.
    last: Option<u64>,
    /// Closed as soon as the fetch that is under way has ended, however it ends.
    flight: Option<watch::Receiver<()>>,
    /// Since when it fails, and why it failed last.
    failing: Option<(u64, String)>,
    /// What the metadata said. Forgotten after a failure, for the keys may have moved.
    keys_at: Option<Endpoint>,
    /// The unusable keys that the log knows of already.
    skipped: Vec<String>,
}

struct Fetched {
    keys: Keys,
    skipped: Vec<String>,
    bytes: Bytes,
    lifetime: u64,
    keys_at: Endpoint,
}

impl Published {
    pub(super) fn new(http: Http, place: Place, mut rules: Rules) -> Self {
        rules.max_staleness = rules.max_staleness.max(FRESH_AT_LEAST);
        let (current, asking) = (RwLock::default(), Mutex::default());
        Self(Arc::new(Shared { http, place, rules, current, asking }))
    }

    /// Judges a token at `now`, in seconds since 1970.
    ///
    /// # Errors
    /// There are no keys, or they are too old; or the token names an unknown key and the issuer cannot be asked.
    pub(super) async fn check(
        &self,
        token: &str,
        expected: &Expected,
        now: u64,
    ) -> Result<Checked, VerifyFailed> {
        match self.keys(now).await?.check(token, expected, now) {
            Checked::UnknownKey => {}
            checked => return Ok(checked),
        }
        if let Some(flight) = self.begin(now, AGAIN) {
            landed(flight).await;
        }
        match self.usable(now)?.check(token, expected, now) {
            // The key may be one that was published since we could see the issuer last.
            Checked::UnknownKey => {
                self.0.asking().failing.as_ref().map_or(Ok(Checked::Refused), |(_, why)| {
                    Err(format!(
                        "a token names a key that is not known, and the issuer cannot be asked: {why}"
                    )
                    .into())
                })
            }
            checked => Ok(checked),
        }
    }

    /// Asks the issuer, here and now.
    pub(super) async fn fetch_now(&self, now: u64) -> Result<(), IssuerError> {
        self.0.asking().last = Some(now);
        self.0.fetch(now).await
    }

    pub(super) fn health(&self, now: u64) -> KeysHealth {
        let current = self.0.current();
        let asking = self.0.asking();
        KeysHealth {
            keys: current.as_ref().map_or(0, |current| current.keys.len()),
            can_verify: current.as_ref().is_some_and(|current| self.0.is_usable(current, now)),
            age: current.map(|current| Duration::from_secs(now.saturating_sub(current.fetched_at))),
            failing_for: asking
                .failing
                .as_ref()
                .map(|(since, _)| Duration::from_secs(now.saturating_sub(*since))),
            problem: asking.failing.as_ref().map(|(_, why)| why.clone()),
        }
    }

    /// The keys that hold at `now`, which are fetched if they must be.
    async fn keys(&self, now: u64) -> Result<Arc<KeySet>, VerifyFailed> {
        let is_failing = || self.0.asking().failing.is_some();
        let flight = match self.0.current().filter(|current| !current.keys.is_empty(now)) {
            None => self.begin(now, AGAIN_WITHOUT_KEYS),
            Some(current) => match current.freshness(now) {
                Freshness::Fresh => None,
                // Known keys do not wait for an issuer that did not answer the last time.
                Freshness::Ageing | Freshness::Over if is_failing() => self.begin(now, AGAIN).and(None),
                Freshness::Ageing => self.begin(now, 0).and(None),
                Freshness::Over => self.begin(now, 0),
            },
        };
        if let Some(flight) = flight {
            landed(flight).await;
        }
        self.usable(now)
    }

    /// The keys as they are, if verdicts can be built on them.
    fn usable(&self, now: u64) -> Result<Arc<KeySet>, VerifyFailed> {
        match self.0.current() {
            Some(current) if self.0.is_usable(&current, now) => Ok(current.keys),
            _ => {
                let asking = self.0.asking();
                let why = asking.failing.as_ref().map_or("it was not asked yet", |(_, why)| why);
                Err(format!("there are no keys of the issuer, or they are too old: {why}").into())
            }
        }
    }

    /// The fetch that is under way; or a new one, if `gap` seconds have passed since the last.
    ///
    /// It runs by itself: a caller that goes away does not end it for the others.
    fn begin(&self, now: u64, gap: u64) -> Option<watch::Receiver<()>> {
        let mut asking = self.0.asking();
        // Its sender is gone when it ended, even by a panic or with its runtime.
        if let Some(flight) = asking.flight.as_ref().filter(|flight| flight.has_changed().is_ok()) {
            return Some(flight.clone());
        }
        // A clock that was set back does not stop us from asking.
        if asking.last.is_some_and(|last| last.abs_diff(now) < gap) {
            return None;
        }
        asking.last = Some(now);
        let Ok(runtime) = Handle::try_current() else {
            asking.failing = Some((now, "keys are fetched inside a Tokio runtime only".to_owned()));
            return None;
        };
        let (ended, flight) = watch::channel(());
        asking.flight = Some(flight.clone());
        let shared = Arc::clone(&self.0);
        runtime.spawn(async move {
            // What went wrong is noted and logged inside.
            let _ = shared.fetch(now).await;
            drop(ended);
        });
        Some(flight)
    }
}

impl Shared {
    /// Asks the issuer for its keys, and takes them or notes why not.
    async fn fetch(&self, now: u64) -> Result<(), IssuerError> {
        let known = self.asking().keys_at.clone();
        let outcome = match self.ask(known).await {
            Ok(fetched) => self.take(fetched, now),
            Err(cause) => Err(cause),
        };
        let mut asking = self.asking();
        match &outcome {
            Ok(()) => {
                if let Some((since, _)) = asking.failing.take() {
                    tracing::info!(
                        seconds = now.saturating_sub(since),
                        "the issuer's keys can be fetched again"
                    );
                }
            }
            Err(cause) => {
                tracing::warn!(%cause, "the issuer's keys could not be fetched");
                let since = asking.failing.as_ref().map_or(now, |(since, _)| *since);
                asking.failing = Some((since, cause.to_string()));
                asking.keys_at = None;
            }
        }
        outcome
    }

    async fn ask(&self, known: Option<Endpoint>) -> Result<Fetched, IssuerError> {
        let keys_at = match (&self.place, known) {
            (Place::Known(keys_at), _) => keys_at.clone(),
            (Place::Named(_), Some(keys_at)) => keys_at,
            (Place::Named(issuer), None) => issuer.keys_at(&self.http).await?,
        };
        let answer = self.http.get(&keys_at).await?;
        let (keys, skipped) =
            Keys::published(&answer.json).map_err(|cause| IssuerError::new(format!("{keys_at}: {cause}")))?;
        let most = FRESH_AT_MOST.min(self.rules.max_staleness);
        let lifetime = answer.max_age.unwrap_or(FRESH).clamp(FRESH_AT_LEAST, most);
        Ok(Fetched { keys, skipped, bytes: answer.bytes, lifetime, keys_at })
    }

    /// Lets the keys hold from now on. A set without a usable key holds too: that is how an issuer revokes all.
    fn take(&self, fetched: Fetched, now: u64) -> Result<(), IssuerError> {
        let Fetched { keys, skipped, bytes, lifetime, keys_at } = fetched;
        let is_unusable = keys.is_empty();
        {
            let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
            let keys = match current.as_ref() {
                // The same set keeps what it remembers of tokens.
                Some(before) if before.bytes == bytes => Arc::clone(&before.keys),
                Some(before) => Arc::new(before.keys.succeeded_by(keys, now, self.rules.keep_removed)),
                None => Arc::new(KeySet::new(keys, self.rules.is_cached)),
            };
            *current = Some(Current { keys, bytes, fetched_at: now, lifetime });
        }
        let unusable = is_unusable.then(|| {
            IssuerError::new(format!(
                "{keys_at}: no key that can be used ({})",
                match skipped.as_slice() {
                    [] => "the set is empty".to_owned(),
                    skipped => skipped.join("; "),
                }
            ))
        });
        let mut asking = self.asking();
        if asking.skipped != skipped {
            tracing::info!(?skipped, "some of the issuer's keys are not used");
            asking.skipped = skipped;
        }
        asking.keys_at = Some(keys_at);
        unusable.map_or(Ok(()), Err)
    }

    fn is_usable(&self, current: &Current, now: u64) -> bool {
        current.age(now) <= self.rules.max_staleness && !current.keys.is_empty(now)
    }

    fn current(&self) -> Option<Current> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn asking(&self) -> MutexGuard<'_, Asking> {
        self.asking.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How far keys are on their way.
enum Freshness {
    Fresh,
    /// The last quarter of their lifetime: time to fetch them again, and none to wait for it.
    Ageing,
    Over,
}

impl Current {
    fn freshness(&self, now: u64) -> Freshness {
        let age = self.age(now);
        if age >= self.lifetime {
            Freshness::Over
        } else if age >= self.lifetime / 4 * 3 {
            Freshness::Ageing
        } else {
            Freshness::Fresh
        }
    }

    /// Seconds since they were fetched. A clock that was set back makes them old, not young for long.
    fn age(&self, now: u64) -> u64 {
        now.abs_diff(self.fetched_at)
    }
}

/// Waits until a fetch has ended. What came of it is seen in the keys.
async fn landed(mut flight: watch::Receiver<()>) {
    while flight.changed().await.is_ok() {}
}
