//! The keys that an issuer publishes: fetched, kept, and fetched again in time, once for all who wait.
//!
//! The time is the verifier's own clock, looked at when a token comes or the keys' health is asked about, and every few
//! seconds for the sake of keys that are near their end.

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

/// How long keys are fresh, in seconds: by default, and what an issuer can say at the least and at the most.
const FRESH: u64 = 5 * 60;
const FRESH_AT_LEAST: u64 = 60;
const FRESH_AT_MOST: u64 = 24 * 60 * 60;
/// Seconds after a look at the issuer that failed. In as many, [`MOST_LOOKS`] are made for the sake of unknown keys.
const AGAIN: u64 = 60;
/// Looks for unknown keys in a minute: more than one, so that a stranger's does not stand in the way of an honest one.
const MOST_LOOKS: usize = 5;
/// The same while no key is good and every request is answered 503.
const AGAIN_WITHOUT_KEYS: u64 = 10;
/// How long what metadata said of the keys' place is taken for true, in seconds.
const NAMED_FOR: u64 = 24 * 60 * 60;
/// How long after its begin a fetch is waited for where known keys are good: as long as a caller hardly feels.
const NEWER_WITHIN: Duration = Duration::from_millis(500);

/// The keys that an issuer publishes. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Published(Arc<Shared>);

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
    /// When it was asked for the sake of unknown keys in the last minute, and for which. Of a look that failed, the key is
    /// forgotten.
    looks: Vec<(u64, Option<String>)>,
    /// The fetch that is under way, or was the last.
    flight: Option<Flight>,
    /// Since when it fails, and why it failed last.
    failing: Option<(u64, String)>,
    /// What the metadata said. Forgotten after a failure, for the keys may have moved.
    named: Option<Named>,
    /// The unusable keys that the log knows of already.
    skipped: Vec<String>,
}

/// A fetch that goes on by itself.
#[derive(Clone)]
struct Flight {
    began: Instant,
    /// Whether it is for the sake of an unknown key, and so looks again where the keys are.
    is_look: bool,
    /// When it counts as ended in any case.
    overdue: Instant,
    /// Closed as soon as it has ended, however it ends.
    ended: watch::Receiver<()>,
}

/// Where metadata said that the keys are, and when they were read.
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

    /// Judges a token at `now`, in seconds since 1970.
    ///
    /// # Errors
    /// There are no keys, or they are too old; or the token names an unknown key and the issuer cannot be asked.
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
        // A look for a key without a name is a look too.
        let kid = header.and_then(Result::ok).map(|header| header.kid.unwrap_or_default());
        let came = Instant::now();
        let mut was_looked_for = false;
        let mut unknown = Refusal::UnknownKid;
        // Twice: what was under way may have asked too early, or not where the metadata say by now.
        for _ in 0..2 {
            // Nothing can be said of the token before that, so the wait is for the whole fetch, which has its deadline.
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
        // The key may be one that was published since we could see the issuer last: 401 would make an honest caller
        // throw a good token away.
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

    /// Asks the issuer, here and now.
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

    /// Begins the fetch that is due, waits for nothing, and does nothing where no fetch can run.
    ///
    /// A service that shows itself ready only with good keys gets no token before, so it is not for tokens alone to
    /// bring them about.
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

    /// Begins the fetch of newer keys that is due, where there are good ones.
    pub(super) fn renew_in_time(&self, now: u64) {
        let Some(current) = self.0.usable(now) else { return };
        if self.0.is_failing() || !matches!(current.freshness(now), Freshness::Fresh) {
            self.renew(now);
        }
    }

    /// The keys that hold at `now`, which are fetched if they must be.
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
                        // An issuer that is slow does not make us slow: the known keys are good.
                        let _ = timeout_at(flight.began + NEWER_WITHIN, flight.landed()).await;
                    }
                }
            },
        }
        self.usable(now)
    }

    /// The fetch of newer keys than those that are good; none to wait for if the issuer did not answer the last time.
    fn renew(&self, now: u64) -> Option<Flight> {
        if self.0.is_failing() { self.begin(now, AGAIN, None).and(None) } else { self.begin(now, 0, None) }
    }

    /// The keys as they are, if verdicts can be built on them.
    fn usable(&self, now: u64) -> Result<Arc<KeySet>, VerifyFailed> {
        if let Some(current) = self.0.usable(now) {
            return Ok(current.keys);
        }
        let asking = self.0.asking();
        let why = asking.failing.as_ref().map_or("it was not asked yet", |(_, why)| why);
        Err(format!("there are no keys of the issuer, or they are too old: {why}").into())
    }

    /// The fetch that is under way; or a new one, if `gap` seconds have passed since the last. `wanted` is the unknown
    /// key for whose sake it is begun: then such looks count, at most [`MOST_LOOKS`] in a minute and one for each key, for a
    /// renewal may come right before a new key. While the issuer fails, every fetch counts.
    ///
    /// It runs by itself: a caller that goes away does not end it for the others.
    fn begin(&self, now: u64, gap: u64, wanted: Option<&str>) -> Option<Flight> {
        let mut asking = self.0.asking();
        if let Some(flight) = asking.flight.as_ref().filter(|flight| flight.is_under_way()) {
            return Some(flight.clone());
        }
        // A clock that was set back does not stop us from asking.
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
            // What went wrong is noted and logged inside.
            let _ = shared.fetch(now, wanted.as_deref()).await;
            drop(sender);
        });
        Some(flight)
    }

    /// Waits for the whole of a fetch. One that is overdue is noted as one that failed: no verdict can be built on it.
    async fn wait_for(&self, flight: Flight, now: u64) {
        if timeout_at(flight.overdue, flight.landed()).await.is_err() {
            let why =
                || (now, "the look at the issuer did not end in time: its thread is blocked".to_owned());
            self.0.asking().failing.get_or_insert_with(why);
        }
    }
}

impl Shared {
    /// Asks the issuer for its keys, and takes them or notes why not.
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

    /// Asks for the keys, and first or again for their place: all of it by one deadline, for callers wait.
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
        // The old address can go on to answer, with old keys, long after the metadata name another.
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
            // Keys were found all the same; the next look asks again.
            Err(cause) => {
                tracing::warn!(%cause, "the place of the issuer's keys could not be looked up again");
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

    /// Lets the keys hold from now on. A set without a usable key holds too: that is how an issuer revokes all.
    fn take(&self, fetched: Fetched, now: u64) -> Result<(), IssuerError> {
        let Fetched { keys, skipped, bytes, lifetime, from } = fetched;
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
                "{}: no key that can be used ({})",
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

    /// The keys as they were fetched last, if verdicts can be built on them.
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

impl Flight {
    /// Its sender is gone when it ended, even by a panic or with its runtime.
    fn is_under_way(&self) -> bool {
        self.ended.has_changed().is_ok() && Instant::now() < self.overdue
    }

    /// Waits until it has ended. What came of it is seen in the keys.
    async fn landed(mut self) {
        while self.ended.changed().await.is_ok() {}
    }
}

#[cfg(test)]
mod tests {
    use super::{super::outgoing::Outgoing, *};

    /// Verdicts would be the same without: it is for what a renewal costs.
    #[test]
    fn the_same_set_fetched_again_keeps_what_it_remembers_of_tokens() {
        let place = || Endpoint::parse("https://accounts.example/keys").unwrap();
        let rules = Rules { is_cached: true, keep_removed: 0, max_staleness: FRESH };
        let published = Published::new(Outgoing::default().client().unwrap(), Place::Known(place()), rules);
        let keys_after = |bytes: &'static str, now| {
            let bytes = Bytes::from_static(bytes.as_bytes());
            let (keys, skipped) = Keys::published(&serde_json::from_slice(&bytes).unwrap()).unwrap();
            let from = Named { keys_at: place(), read_at: 0 };
            // Without a key it is taken all the same.
            let _ = published.0.take(Fetched { keys, skipped, bytes, lifetime: FRESH, from }, now);
            published.0.current().unwrap().keys
        };
        let first = keys_after(r#"{"keys":[]}"#, 0);
        assert!(Arc::ptr_eq(&first, &keys_after(r#"{"keys":[]}"#, 1)));
        assert!(!Arc::ptr_eq(&first, &keys_after(r#"{ "keys": [] }"#, 2)));
    }
}
