//! A cache of verified tokens: further requests with the same token cost no signature check and no introspection.
//!
//! A hit is exactly the same token, compared byte for byte, at a moment when its times still allow it. Rejected
//! tokens are never stored together with valid ones, so they cannot evict them.
//!
//! The comparison is not constant-time, which reveals nothing: it only runs if the hashes are equal, and nobody can
//! steer the hash (`SipHash` under a random key of this process) towards that.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{PoisonError, RwLock},
};

/// A result that is valid for a limited time.
pub(crate) trait Timely: Clone {
    /// Whether it is valid at `now`, in seconds since 1970. There is no leeway here: a token that needs it is
    /// verified anew.
    fn is_timely(&self, now: u64) -> bool;
}

/// The maximum number of cached tokens.
const MOST: usize = 10_000;
/// The number of parts, so that concurrent threads rarely wait for the same lock.
const PARTS: usize = 16;
/// The longest cached token, in bytes. Together with [`MOST`] it bounds the memory to about three times their
/// product, as long as the value comes from the token itself. Values from elsewhere need a bound of their own.
const LONGEST: usize = 2048;
/// If all tokens are still valid, one in this many is evicted.
const SHARE: u64 = 8;

/// Tokens by their hash. A cache belongs to one set of keys; start a new one for other keys.
pub(crate) struct Cache<T> {
    hasher: RandomState,
    parts: [Part<T>; PARTS],
}

/// The tokens whose hashes begin alike. Aligned to two cache lines, so that locks of different parts do not share
/// one.
#[repr(align(128))]
struct Part<T> {
    most: usize,
    kept: RwLock<Kept<T>>,
}

struct Kept<T> {
    by_hash: HashMap<u64, (Box<str>, T)>,
    /// The share to evict next, so that it is not always the same tokens.
    turn: u64,
}

impl<T: Timely> Cache<T> {
    pub(crate) fn new() -> Self {
        Self { hasher: RandomState::new(), parts: std::array::from_fn(|_| Part::new(MOST / PARTS)) }
    }

    /// The slot of `token`, whether it is cached or not.
    pub(crate) fn slot<'a>(&'a self, token: &'a str) -> Slot<'a, T> {
        let hash = self.hasher.hash_one(token);
        let [first, ..] = hash.to_be_bytes();
        #[expect(clippy::indexing_slicing, reason = "four bits are one of sixteen")]
        let part = &self.parts[usize::from(first >> 4)];
        Slot { part, token, hash }
    }
}

impl<T> Part<T> {
    fn new(most: usize) -> Self {
        Self { most, kept: RwLock::new(Kept { by_hash: HashMap::new(), turn: 0 }) }
    }
}

/// The slot of one token. It keeps the hash, which costs as much as the rest of a hit.
pub(crate) struct Slot<'a, T> {
    part: &'a Part<T>,
    token: &'a str,
    hash: u64,
}

impl<T: Timely> Slot<'_, T> {
    /// The cached value, if `now` (seconds since 1970) lies within its times.
    pub(crate) fn find(&self, now: u64) -> Option<T> {
        let kept = self.part.kept.read().unwrap_or_else(PoisonError::into_inner);
        let (text, verified) = kept.by_hash.get(&self.hash)?;
        (**text == *self.token && verified.is_timely(now)).then(|| verified.clone())
    }

    /// Removes the token.
    pub(crate) fn forget(&self) {
        let mut kept = self.part.kept.write().unwrap_or_else(PoisonError::into_inner);
        if kept.by_hash.get(&self.hash).is_some_and(|(text, _)| **text == *self.token) {
            kept.by_hash.remove(&self.hash);
        }
    }

    /// Stores the value of a token that was verified at `now`.
    pub(crate) fn keep(&self, verified: &T, now: u64) {
        if self.token.len() > LONGEST {
            return;
        }
        let most = self.part.most;
        let mut kept = self.part.kept.write().unwrap_or_else(PoisonError::into_inner);
        if kept.by_hash.len() >= most {
            kept.make_room(most, now);
        }
        if kept.by_hash.len() < most {
            kept.by_hash.insert(self.hash, (self.token.into(), verified.clone()));
        }
    }
}

impl<T: Timely> Kept<T> {
    /// Removes expired tokens; if that frees too little, one share of the rest.
    fn make_room(&mut self, most: usize, now: u64) {
        self.by_hash.retain(|_, (_, verified)| verified.is_timely(now));
        if self.by_hash.len() > most / 2 {
            let turn = self.turn;
            self.turn = (turn + 1) % SHARE;
            self.by_hash.retain(|hash, _| hash % SHARE != turn);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        hash::{BuildHasherDefault, DefaultHasher},
        sync::{
            Arc,
            atomic::{AtomicU64, Ordering},
        },
        time::{Duration, UNIX_EPOCH},
    };

    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    use futures_util::FutureExt;
    use serde_json::{Value, json};

    use super::*;
    use crate::{AccessToken, AccessTokens};

    const NOW: u64 = 1_000_000;

    struct Issuer(Ed25519KeyPair);

    impl Issuer {
        fn new(seed: u8) -> Self {
            Self(Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap())
        }

        fn jwks(&self) -> String {
            let x = URL_SAFE_NO_PAD.encode(self.0.public_key());
            json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "kid": "1", "x": x }] })
                .to_string()
        }

        fn token(&self, change: &Value) -> String {
            self.headed(&json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": "1" }), change)
        }

        fn headed(&self, header: &Value, change: &Value) -> String {
            let mut claims = json!({
                "iss": "https://issuer.example", "aud": "api", "sub": "7", "jti": "j", "client_id": "c",
                "iat": NOW, "exp": NOW + 300,
            });
            claims.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
            let signed = format!("{}.{}", part(header), part(&claims));
            let signature = URL_SAFE_NO_PAD.encode(self.0.sign(signed.as_bytes()));
            format!("{signed}.{signature}")
        }
    }

    fn checked(verifier: &AccessTokens, token: &str) -> Option<AccessToken> {
        verifier.check(token).now_or_never().unwrap().unwrap()
    }

    /// The slot in this part, whatever the token's hash.
    fn slot<'a, T>(part: &'a Part<T>, token: &'a str) -> Slot<'a, T> {
        Slot { part, token, hash: BuildHasherDefault::<DefaultHasher>::default().hash_one(token) }
    }

    /// A verifier with a cache and one without, on the same clock.
    struct Pair {
        cached: AccessTokens,
        plain: AccessTokens,
        clock: Arc<AtomicU64>,
    }

    impl Pair {
        fn new(issuer: &Issuer) -> Self {
            let clock = Arc::new(AtomicU64::new(NOW));
            let builder = || {
                let clock = Arc::clone(&clock);
                let builder = AccessTokens::issued_by("https://issuer.example").audience("api");
                let builder = builder.keys(&issuer.jwks()).unwrap();
                builder.clock(move || UNIX_EPOCH + Duration::from_secs(clock.load(Ordering::SeqCst)))
            };
            let (cached, plain) = (builder().build().unwrap(), builder().uncached().build().unwrap());
            Self { cached, plain, clock }
        }

        /// The verdict, which must be the same for both.
        fn verdict(&self, token: &str, at: u64) -> bool {
            self.clock.store(at, Ordering::SeqCst);
            let (cached, plain) = (checked(&self.cached, token), checked(&self.plain, token));
            assert_eq!(format!("{cached:?}"), format!("{plain:?}"), "{token} at {at}");
            cached.is_some()
        }

        fn is_kept(&self, token: &str, at: u64) -> bool {
            self.cached.cache().unwrap().slot(token).find(at).is_some()
        }
    }

    #[test]
    fn t12_the_verdict_is_that_of_a_fresh_verification_at_every_moment() {
        let issuer = Issuer::new(1);
        let pair = Pair::new(&issuer);
        let tokens = [
            (issuer.token(&json!({})), true),
            (issuer.token(&json!({ "exp": NOW + 10 })), false),
            (issuer.token(&json!({ "nbf": NOW + 20 })), true),
            (issuer.token(&json!({ "iat": NOW + 20 })), true),
            (issuer.token(&json!({ "aud": "other" })), false),
            (issuer.token(&json!({ "iss": "https://else.example" })), false),
            (issuer.token(&json!({ "sub": 7 })), false),
            (Issuer::new(2).token(&json!({})), false),
            // The first header is remembered; these must not be mistaken for it.
            (issuer.headed(&json!({ "alg": "EdDSA", "typ": "JWT", "kid": "1" }), &json!({})), false),
            (issuer.headed(&json!({ "alg": "none", "typ": "at+jwt", "kid": "1" }), &json!({})), false),
            (issuer.headed(&json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": "2" }), &json!({})), false),
            (
                issuer.headed(&json!({ "alg": "EdDSA", "typ": "AT+JWT", "kid": "1", "x": 1 }), &json!({})),
                true,
            ),
        ];
        // The clock also goes backwards, as real clocks do.
        for at in [0, 10, 4, 5, 6, 14, 15, 9, 16, 20, 25, 304, 305, 299, 300, 306, 3, 20] {
            for (token, _) in &tokens {
                pair.verdict(token, NOW + at);
            }
        }
        for (token, is_good) in &tokens {
            assert_eq!(pair.verdict(token, NOW + 20), *is_good, "{token}");
        }
    }

    #[test]
    fn t12_a_token_that_was_changed_is_no_hit() {
        let issuer = Issuer::new(1);
        let pair = Pair::new(&issuer);
        let good = issuer.token(&json!({}));
        assert!(pair.verdict(&good, NOW) && pair.is_kept(&good, NOW));
        for at in 0..good.len() {
            let mut changed = good.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            assert!(!pair.verdict(&String::from_utf8(changed).unwrap(), NOW), "byte {at}");
        }
        let (front, back) = good.split_at(1);
        for changed in [front, back, "", &format!("{good}A"), &format!("{good}="), &format!(" {good}")] {
            assert!(!pair.verdict(changed, NOW), "{changed}");
        }
        assert!(pair.is_kept(&good, NOW), "refusals push nothing out");
    }

    #[test]
    fn a_hit_ends_with_the_token_and_the_leeway_is_verified_anew() {
        let issuer = Issuer::new(1);
        let pair = Pair::new(&issuer);
        let token = issuer.token(&json!({}));
        assert!(pair.verdict(&token, NOW + 299) && pair.is_kept(&token, NOW + 299));
        assert!(!pair.is_kept(&token, NOW + 300) && pair.verdict(&token, NOW + 300));
        assert!(!pair.is_kept(&token, NOW - 1) && pair.verdict(&token, NOW - 1));
        assert!(!pair.verdict(&token, NOW + 305));
    }

    #[test]
    fn equal_hashes_do_not_make_equal_tokens() {
        let issuer = Issuer::new(1);
        let pair = Pair::new(&issuer);
        let part = Part::new(2);
        let (one, two) = (issuer.token(&json!({ "sub": "1" })), issuer.token(&json!({ "sub": "2" })));
        let [first, second] = [&one, &two].map(|token| Slot { part: &part, token, hash: 7 });
        first.keep(&checked(&pair.plain, &one).unwrap(), NOW);
        assert!(second.find(NOW).is_none());
        assert_eq!(first.find(NOW).unwrap().subject(), "1");
        second.keep(&checked(&pair.plain, &two).unwrap(), NOW);
        assert_eq!(second.find(NOW).unwrap().subject(), "2");
        assert!(first.find(NOW).is_none());
    }

    #[test]
    fn d06_it_is_bounded_and_forgets_what_has_ended_first() {
        let issuer = Issuer::new(1);
        let pair = Pair::new(&issuer);
        let part = Part::new(64);
        let length = || part.kept.read().unwrap().by_hash.len();
        let alive = checked(&pair.plain, &issuer.token(&json!({}))).unwrap();
        let brief = checked(&pair.plain, &issuer.token(&json!({ "exp": NOW + 10 }))).unwrap();
        for number in 0..20 {
            slot(&part, &format!("alive {number}")).keep(&alive, NOW);
        }
        for number in 0..44 {
            slot(&part, &format!("brief {number}")).keep(&brief, NOW);
        }
        assert_eq!(length(), 64);
        slot(&part, "one more").keep(&alive, NOW + 10);
        assert_eq!(length(), 21, "the living are kept");
        for number in 0..1000 {
            slot(&part, &format!("flood {number}")).keep(&alive, NOW + 10);
            assert!(length() <= 64);
        }
        assert!(length() > 32, "what is alive is not forgotten without need");
    }

    /// Valid forever.
    #[derive(Clone)]
    struct Living;

    impl Timely for Living {
        fn is_timely(&self, _: u64) -> bool {
            true
        }
    }

    #[test]
    fn d06_a_full_part_of_living_tokens_makes_room_for_the_next() {
        let part = Part::new(256);
        let tokens: Vec<String> = (0..2000).map(|number| number.to_string()).collect();
        let is_kept = |token: &String| slot(&part, token).find(NOW).is_some();
        for (number, token) in tokens.iter().enumerate() {
            slot(&part, token).keep(&Living, NOW);
            // The last slot stays free if the share to evict next is empty.
            let length = part.kept.read().unwrap().by_hash.len();
            assert!(length <= 256 && (number < 256 || length > 128), "{number}: {length}");
        }
        let newest = tokens.iter().rev().take(8).filter(|token| is_kept(token)).count();
        assert_eq!(newest, 8, "it goes on taking what is new");
        // Each share was evicted in turn, so little is left of the first tokens.
        let oldest = tokens.iter().take(256).filter(|token| is_kept(token)).count();
        assert_eq!(oldest, 0, "of the first 256");
    }

    #[test]
    fn d06_a_part_of_one_holds_one() {
        let part = Part::new(1);
        for number in 0..100 {
            slot(&part, &number.to_string()).keep(&Living, NOW);
            assert_eq!(part.kept.read().unwrap().by_hash.len(), 1, "{number}");
        }
    }

    #[test]
    fn d06_all_parts_together_keep_ten_thousand() {
        let cache = Cache::new();
        let tokens: Vec<String> = (0..30_000).map(|number| number.to_string()).collect();
        for token in &tokens {
            cache.slot(token).keep(&Living, NOW);
        }
        let lengths = cache.parts.each_ref().map(|part| part.kept.read().unwrap().by_hash.len());
        assert!(lengths.iter().all(|length| (300..=625).contains(length)), "{lengths:?}");
        let kept = tokens.iter().filter(|token| cache.slot(token).find(NOW).is_some()).count();
        assert_eq!(kept, lengths.iter().sum::<usize>());
    }

    #[test]
    fn d06_the_longest_token_that_is_kept() {
        let cache = Cache::new();
        let is_kept = [LONGEST, LONGEST + 1].map(|length| {
            let token = "x".repeat(length);
            cache.slot(&token).keep(&Living, NOW);
            cache.slot(&token).find(NOW).is_some()
        });
        assert_eq!(is_kept, [true, false]);
    }

    #[test]
    fn s07_what_is_forgotten_is_that_token_alone() {
        let cache = Cache::new();
        for token in ["one", "other"] {
            cache.slot(token).keep(&Living, NOW);
        }
        cache.slot("unknown").forget();
        cache.slot("one").forget();
        let is_kept = ["one", "other"].map(|token| cache.slot(token).find(NOW).is_some());
        assert_eq!(is_kept, [false, true]);
    }
}
