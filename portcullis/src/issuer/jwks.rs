//! The keys that an issuer publishes: fetched, stored, and renewed in time, once for all callers that wait.
//!
//! Time is the verifier's own clock. It is checked when a token comes, when the keys' health is queried, and every few
//! seconds to renew keys that are about to expire.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    runtime::Handle,
    sync::watch,
    time::{Instant, timeout_at},
};

use super::{
    health::KeysHealth,
    metadata::WellKnown,
    outgoing::{Endpoint, Http, IssuerError},
};
use crate::{
    tokens::{
        claims::Expected,
        header::Header,
        key_set::{Checked, KeySet},
        keys::Keys,
        refusal::Refusal,
    },
    verify::VerifyFailed,
};

/// How long keys are fresh, in seconds: by default, and the least and the most that an issuer can set.
const FRESH: u64 = 5 * 60;
const FRESH_AT_LEAST: u64 = 60;
const FRESH_AT_MOST: u64 = 24 * 60 * 60;
/// Seconds to wait after a failed fetch. Also the time in which at most [`MOST_LOOKS`] are made for unknown keys.
const AGAIN: u64 = 60;
/// Fetches for unknown keys in a minute: more than one, so that a stranger's does not block an honest caller's.
const MOST_LOOKS: usize = 5;
/// Like [`AGAIN`], while no key is valid and every request gets 503.
const AGAIN_WITHOUT_KEYS: u64 = 10;
/// How long the metadata's address of the keys is trusted, in seconds.
const NAMED_FOR: u64 = 24 * 60 * 60;
/// How long callers wait for a fetch, from its start, if known keys are valid: hardly noticeable.
const NEWER_WITHIN: Duration = Duration::from_millis(500);

/// The keys that an issuer publishes. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Published(Arc<Shared>);

/// Where the keys are.
pub(super) enum Place {
    /// At this address.
    Known(Endpoint),
    /// Where the issuer's metadata says.
    Named(Box<WellKnown>),
}

/// The application's settings for the keys; times in seconds.
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

/// The last keys that were fetched.
#[derive(Clone)]
struct Current {
    keys: Arc<KeySet>,
    bytes: Bytes,
    fetched_at: u64,
    lifetime: u64,
}

/// The state of our requests to the issuer.
#[derive(Default)]
struct Asking {
    /// When the issuer was last asked, successfully or not.
    last: Option<u64>,
    /// The fetches for unknown keys in the last minute, with the key of each. If one fails, its key is forgotten.
    looks: Vec<(u64, Option<String>)>,
    /// The fetch that is in flight, or the last one.
    flight: Option<Flight>,
    /// Since when fetches fail, and the last reason.
    failing: Option<(u64, String)>,
    /// What the metadata said. Forgotten after a failure, because the keys may have moved.
    named: Option<Named>,
    /// The unusable keys that were already logged.
    skipped: Vec<String>,
}

/// A fetch that runs by itself.
#[derive(Clone)]
struct Flight {
    began: Instant,
    /// Whether it is for an unknown key, and so also looks up the keys' address again.
    is_look: bool,
    /// When it counts as over in any case.
    overdue: Instant,
    /// Closed when it is over, whether it succeeded, failed or panicked.
    ended: watch::Receiver<()>,
}

/// The address of the keys in the metadata, and when that was read.
#[derive(Clone)]
struct Named {
    keys_at: Endpoint,
    read_at: u64,
}

struct Fetched {
    keys: Keys,
    skipped: Vec<String>,
    bytes: Bytes,
    lifetime: u64,
    from: Named,
}

impl Asking {
    /// Whether a key was looked for in the last minute.
    fn has_looked_for(&self, kid: Option<&str>, now: u64) -> bool {
        let is_so =
            |(time, known): &(u64, Option<String>)| time.abs_diff(now) < AGAIN && known.as_deref() == kid;
        kid.is_some() && self.looks.iter().any(is_so)
    }
}

impl Published {
    pub(super) fn new(http: Http, place: Place, mut rules: Rules) -> Self {
        rules.max_staleness = rules.max_staleness.max(FRESH_AT_LEAST);
        let (current, asking) = (RwLock::default(), Mutex::default());
        Self(Arc::new(Shared { http, place, rules, current, asking }))
    }

    /// Checks a token at `now`, in seconds since 1970.
    ///
    /// # Errors
    /// There are no keys, or they are too old; or the token names an unknown key and the issuer cannot be reached.
    pub(crate) async fn check(
        &self,
        token: &str,
        expected: &Expected,
        now: u64,
    ) -> Result<Checked, VerifyFailed> {
        match self.keys(now).await?.check(token, expected, now) {
            Checked::UnknownKey(_) => {}
            checked => return Ok(checked),
        }
        let header = token.split_once('.').map(|(header, _)| Header::read(header, expected.accepts_typ_jwt));
        // Looking for a key without a name counts, too.
        let kid = header.and_then(Result::ok).map(|header| header.kid.unwrap_or_default());
        let came = Instant::now();
        let mut was_looked_for = false;
        let mut unknown = Refusal::UnknownKid;
        // Twice: the fetch in flight may have asked too early, or not where the metadata points by now.
        for _ in 0..2 {
            // Without the key there is no verdict, so this waits for the whole fetch, which has a deadline.
            if let Some(flight) = self.begin(now, AGAIN, kid.as_deref()) {
                was_looked_for |= flight.is_look && flight.began >= came;
                self.wait_for(flight, now).await;
            }
            match self.usable(now)?.check(token, expected, now) {
                Checked::UnknownKey(refusal) => unknown = refusal,
                checked => return Ok(checked),
            }
            if was_looked_for {
                break;
            }
        }
        // The key may have been published since the issuer was last reachable: a 401 would make an honest caller
        // discard a valid token.
        let asking = self.0.asking();
        if let Some((_, why)) = &asking.failing {
            let why = format!("a token names a key that is not known, and the issuer cannot be asked: {why}");
            return Err(why.into());
        }
        if was_looked_for || asking.has_looked_for(kid.as_deref(), now) {
            return Ok(Checked::UnknownKey(unknown));
        }
        Err("a token names a key that is not known, and too many others were looked for in the last minute"
            .into())
    }

    /// Fetches the keys immediately.
    pub(super) async fn fetch_now(&self, now: u64) -> Result<(), IssuerError> {
        self.0.asking().last = Some(now);
        self.0.fetch(now, None).await
    }

    pub(super) fn health(&self, now: u64) -> KeysHealth {
        self.look_after(now);
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

    /// Starts the fetch that is due, without waiting. Does nothing if no fetch can run.
    ///
    /// A service that reports itself ready only with valid keys gets no token before, so tokens cannot be the only
    /// trigger.
    fn look_after(&self, now: u64) {
        if Handle::try_current().is_err() {
            return;
        }
        if self.0.usable(now).is_none() {
            self.begin(now, AGAIN_WITHOUT_KEYS, None);
        } else {
            self.renew_in_time(now);
        }
    }

    /// Starts the renewal that is due, if there are valid keys.
    pub(super) fn renew_in_time(&self, now: u64) {
        let Some(current) = self.0.usable(now) else { return };
        if self.0.is_failing() || !matches!(current.freshness(now), Freshness::Fresh) {
            self.renew(now);
        }
    }

    /// The keys that are valid at `now`. Fetches them if necessary.
    async fn keys(&self, now: u64) -> Result<Arc<KeySet>, VerifyFailed> {
        match self.0.usable(now) {
            None => {
                if let Some(flight) = self.begin(now, AGAIN_WITHOUT_KEYS, None) {
                    self.wait_for(flight, now).await;
                }
            }
            Some(current) => match current.freshness(now) {
                Freshness::Fresh => return Ok(current.keys),
                Freshness::Ageing => drop(self.renew(now)),
                Freshness::Over => {
                    if let Some(flight) = self.renew(now) {
                        // A slow issuer must not slow us down: the known keys are valid.
                        let _ = timeout_at(flight.began + NEWER_WITHIN, flight.landed()).await;
                    }
                }
            },
        }
        self.usable(now)
    }

    /// Starts a renewal of valid keys. Returns none to wait for if the issuer did not respond last time.
    fn renew(&self, now: u64) -> Option<Flight> {
        if self.0.is_failing() { self.begin(now, AGAIN, None).and(None) } else { self.begin(now, 0, None) }
    }

    /// The current keys, if they can be used.
    fn usable(&self, now: u64) -> Result<Arc<KeySet>, VerifyFailed> {
        if let Some(current) = self.0.usable(now) {
            return Ok(current.keys);
        }
        let asking = self.0.asking();
        let why = asking.failing.as_ref().map_or("it was not asked yet", |(_, why)| why);
        Err(format!("there are no keys of the issuer, or they are too old: {why}").into())
    }

    /// The fetch in flight, or a new one if `gap` seconds have passed since the last. `wanted` is the unknown key that
    /// it is for. Then only such fetches count, at most [`MOST_LOOKS`] a minute and one for each key, because a renewal
    /// may come right before a new key. While the issuer fails, every fetch counts.
    ///
    /// It runs by itself, so a caller that goes away does not cancel it for the others.
    fn begin(&self, now: u64, gap: u64, wanted: Option<&str>) -> Option<Flight> {
        let mut asking = self.0.asking();
        if let Some(flight) = asking.flight.as_ref().filter(|flight| flight.is_under_way()) {
            return Some(flight.clone());
        }
        // A clock that was set back must not stop us from asking.
        let is_recent = |time: u64, gap: u64| time.abs_diff(now) < gap;
        let may_ask = if wanted.is_some() && asking.failing.is_none() {
            asking.looks.retain(|(time, _)| is_recent(*time, AGAIN));
            asking.looks.len() < MOST_LOOKS && !asking.has_looked_for(wanted, now)
        } else {
            !asking.last.is_some_and(|last| is_recent(last, gap))
        };
        if !may_ask {
            return None;
        }
        asking.last = Some(now);
        let is_look = wanted.is_some();
        if is_look {
            asking.looks.retain(|(time, _)| is_recent(*time, AGAIN));
            asking.looks.push((now, wanted.map(str::to_owned)));
        }
        let Ok(runtime) = Handle::try_current() else {
            asking.failing = Some((now, "keys are fetched inside a Tokio runtime only".to_owned()));
            return None;
        };
        let (sender, ended) = watch::channel(());
        let flight = Flight { began: Instant::now(), is_look, overdue: self.0.http.overdue(), ended };
        asking.flight = Some(flight.clone());
        let (shared, wanted) = (Arc::clone(&self.0), wanted.map(str::to_owned));
        runtime.spawn(async move {
            // Errors are recorded and logged inside.
            let _ = shared.fetch(now, wanted.as_deref()).await;
            drop(sender);
        });
        Some(flight)
    }

    /// Waits for the whole fetch. If it is overdue, it counts as failed: no verdict can be based on it.
    async fn wait_for(&self, flight: Flight, now: u64) {
        if timeout_at(flight.overdue, flight.landed()).await.is_err() {
            let why =
                || (now, "the look at the issuer did not end in time: its thread is blocked".to_owned());
            self.0.asking().failing.get_or_insert_with(why);
        }
    }
}

impl Shared {
    /// Fetches the issuer's keys, and stores them or records the error.
    async fn fetch(&self, now: u64, wanted: Option<&str>) -> Result<(), IssuerError> {
        let known = self.asking().named.clone();
        let outcome = match self.ask(known, wanted, now).await {
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
                asking.named = None;
                asking.looks.iter_mut().for_each(|(_, kid)| *kid = None);
            }
        }
        outcome
    }

    /// Fetches the keys, after looking up their address if necessary. One deadline for all of it, because callers wait.
    async fn ask(
        &self,
        known: Option<Named>,
        wanted: Option<&str>,
        now: u64,
    ) -> Result<Fetched, IssuerError> {
        let deadline = self.http.deadline();
        let issuer = match &self.place {
            Place::Known(keys_at) => {
                return self.keys_at(Named { keys_at: keys_at.clone(), read_at: now }, deadline).await;
            }
            Place::Named(issuer) => issuer,
        };
        let named = async || {
            let keys_at = issuer.keys_at(&self.http, deadline).await?;
            Ok::<_, IssuerError>(Named { keys_at, read_at: now })
        };
        let Some(known) = known else { return self.keys_at(named().await?, deadline).await };
        let mut fetched = self.keys_at(known, deadline).await?;
        let is_missed = wanted.is_some_and(|kid| fetched.keys.get(kid).is_none());
        if !is_missed && now.abs_diff(fetched.from.read_at) < NAMED_FOR {
            return Ok(fetched);
        }
        // The old address may go on serving old keys long after the metadata points to another.
        let moved = async {
            let named = named().await?;
            if named.keys_at == fetched.from.keys_at {
                return Ok((named, None));
            }
            let moved = self.keys_at(named.clone(), deadline).await?;
            Ok::<_, IssuerError>((named, Some(moved)))
        };
        match moved.await {
            Ok((_, Some(moved))) => return Ok(moved),
            Ok((named, None)) => fetched.from = named,
            // The keys were found anyway; the next fetch tries again.
            Err(cause) => {
                tracing::warn!(%cause, "the location of the issuer's keys could not be looked up again");
            }
        }
        Ok(fetched)
    }

    async fn keys_at(&self, from: Named, deadline: Instant) -> Result<Fetched, IssuerError> {
        let answer = self.http.get(&from.keys_at, deadline).await?;
        let (keys, skipped) = Keys::published(&answer.json)
            .map_err(|cause| IssuerError::new(format!("{}: {cause}", from.keys_at)))?;
        let most = FRESH_AT_MOST.min(self.rules.max_staleness);
        let lifetime = answer.fresh_for.unwrap_or(FRESH).clamp(FRESH_AT_LEAST, most);
        Ok(Fetched { keys, skipped, bytes: answer.bytes, lifetime, from })
    }

    /// Puts the keys into effect. So does a set without a usable key: that is how an issuer revokes all of them.
    fn take(&self, fetched: Fetched, now: u64) -> Result<(), IssuerError> {
        let Fetched { keys, skipped, bytes, lifetime, from } = fetched;
        let is_unusable = keys.is_empty();
        {
            let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
            let keys = match current.as_ref() {
                // The same set keeps its cache of tokens.
                Some(before) if before.bytes == bytes => Arc::clone(&before.keys),
                Some(before) => Arc::new(before.keys.succeeded_by(keys, now, self.rules.keep_removed)),
                None => Arc::new(KeySet::new(keys, self.rules.is_cached)),
            };
            *current = Some(Current { keys, bytes, fetched_at: now, lifetime });
        }
        let unusable = is_unusable.then(|| {
            IssuerError::new(format!(
                "{}: no usable key ({})",
                from.keys_at,
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
        asking.named = Some(from);
        unusable.map_or(Ok(()), Err)
    }

    /// The last keys that were fetched, if they can be used.
    fn usable(&self, now: u64) -> Option<Current> {
        self.current().filter(|current| self.is_usable(current, now))
    }

    fn is_failing(&self) -> bool {
        self.asking().failing.is_some()
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

/// How close keys are to their expiry.
enum Freshness {
    Fresh,
    /// In the last quarter of their lifetime: time to renew them, but not to wait for it.
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

    /// Seconds since they were fetched. A clock that was set back makes them older, so that they do not stay young for
    /// long.
    fn age(&self, now: u64) -> u64 {
        now.abs_diff(self.fetched_at)
    }
}

impl Flight {
    /// Its sender is dropped when it is over, even by a panic or with its runtime.
    fn is_under_way(&self) -> bool {
        self.ended.has_changed().is_ok() && Instant::now() < self.overdue
    }

    /// Waits until it is over. The outcome is visible in the keys.
    async fn landed(mut self) {
        while self.ended.changed().await.is_ok() {}
    }
}

#[cfg(test)]
mod tests {
    use super::{super::outgoing::Outgoing, *};

    /// Verdicts would be the same without it, but a renewal would cost more.
    #[test]
    fn the_same_set_fetched_again_keeps_what_it_remembers_of_tokens() {
        let place = || Endpoint::parse("https://accounts.example/keys").unwrap();
        let rules = Rules { is_cached: true, keep_removed: 0, max_staleness: FRESH };
        let published = Published::new(Outgoing::default().client().unwrap(), Place::Known(place()), rules);
        let keys_after = |bytes: &'static str, now| {
            let bytes = Bytes::from_static(bytes.as_bytes());
            let (keys, skipped) = Keys::published(&serde_json::from_slice(&bytes).unwrap()).unwrap();
            let from = Named { keys_at: place(), read_at: 0 };
            // A set without keys returns an error, but takes effect.
            let _ = published.0.take(Fetched { keys, skipped, bytes, lifetime: FRESH, from }, now);
            published.0.current().unwrap().keys
        };
        let first = keys_after(r#"{"keys":[]}"#, 0);
        assert!(Arc::ptr_eq(&first, &keys_after(r#"{"keys":[]}"#, 1)));
        assert!(!Arc::ptr_eq(&first, &keys_after(r#"{ "keys": [] }"#, 2)));
    }
}
