//! Tokens that were found good a moment ago: a client's next request then costs no signature check.
//!
//! A hit is the very same token, compared to the last byte, at a moment when its own times still allow it. What was
//! refused is not kept, so refusals cost the same each time and push nothing out.
//!
//! The comparison stops at the first byte that differs, and its time tells a stranger nothing: it takes place only
//! under an equal hash, and the hash (`SipHash` under a random key of this process) cannot be steered towards one.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{PoisonError, RwLock},
};

/// Something verified that is true for a time.
pub(super) trait Timely: Clone {
    /// Whether it still, and already, holds at `now`, in seconds since 1970. There is no leeway here: what needs
    /// one is verified anew.
    fn is_timely(&self, now: u64) -> bool;
}

/// How many tokens are kept.
const MOST: usize = 10_000;
/// The longest token that is kept, in bytes. With [`MOST`] it bounds the memory: about three times their product.
const LONGEST: usize = 2048;
/// When all are alive, one in this many makes room.
const SHARE: u64 = 8;

/// Tokens by their hash. It belongs to one set of keys: with other keys, begin another.
pub(super) struct Cache<T> {
    most: usize,
    hasher: RandomState,
    kept: RwLock<Kept<T>>,
}

struct Kept<T> {
    by_hash: HashMap<u64, (Box<str>, T)>,
    /// Which share makes room next, so that it is not always the same tokens.
    turn: u64,
}

impl<T: Timely> Cache<T> {
    pub(super) fn new() -> Self {
        let kept = Kept { by_hash: HashMap::new(), turn: 0 };
        Self { most: MOST, hasher: RandomState::new(), kept: RwLock::new(kept) }
    }

    /// What `token` says, if it was kept and `now` (seconds since 1970) lies within its times.
    pub(super) fn find(&self, token: &str, now: u64) -> Option<T> {
        self.find_at(self.hasher.hash_one(token), token, now)
    }

    /// Keeps what a token says that was verified at `now`.
    pub(super) fn keep(&self, token: &str, verified: &T, now: u64) {
        if token.len() <= LONGEST {
            self.keep_at(self.hasher.hash_one(token), token, verified, now);
        }
    }

    fn find_at(&self, hash: u64, token: &str, now: u64) -> Option<T> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        let (text, verified) = kept.by_hash.get(&hash)?;
        (**text == *token && verified.is_timely(now)).then(|| verified.clone())
    }

    fn keep_at(&self, hash: u64, token: &str, verified: &T, now: u64) {
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        if kept.by_hash.len() >= self.most {
            kept.make_room(self.most, now);
        }
        if kept.by_hash.len() < self.most {
            kept.by_hash.insert(hash, (token.into(), verified.clone()));
        }
    }
}

impl<T: Timely> Kept<T> {
    /// Forgets what has ended; if that is too little, a share of the rest.
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
            let mut claims = json!({
                "iss": "https://issuer.example", "aud": "api", "sub": "7", "jti": "j", "client_id": "c",
                "iat": NOW, "exp": NOW + 300,
            });
            claims.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
            let header = json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": "1" });
            let signed = format!("{}.{}", part(&header), part(&claims));
            let signature = URL_SAFE_NO_PAD.encode(self.0.sign(signed.as_bytes()));
            format!("{signed}.{signature}")
        }
    }

    fn checked(verifier: &AccessTokens, token: &str) -> Option<AccessToken> {
        verifier.check(token).now_or_never().unwrap().unwrap()
    }

    /// A verifier with a cache and one without, by one clock.
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

        /// The verdict, which must be one.
        fn verdict(&self, token: &str, at: u64) -> bool {
            self.clock.store(at, Ordering::SeqCst);
            let (cached, plain) = (checked(&self.cached, token), checked(&self.plain, token));
            assert_eq!(format!("{cached:?}"), format!("{plain:?}"), "{token} at {at}");
            cached.is_some()
        }

        fn is_kept(&self, token: &str, at: u64) -> bool {
            self.cached.cache().unwrap().find(token, at).is_some()
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
        ];
        // The clock also goes back, as clocks do.
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
        let cache = Cache::new();
        let (one, two) = (issuer.token(&json!({ "sub": "1" })), issuer.token(&json!({ "sub": "2" })));
        cache.keep_at(7, &one, &checked(&pair.plain, &one).unwrap(), NOW);
        assert!(cache.find_at(7, &two, NOW).is_none());
        assert_eq!(cache.find_at(7, &one, NOW).unwrap().subject(), "1");
        cache.keep_at(7, &two, &checked(&pair.plain, &two).unwrap(), NOW);
        assert_eq!(cache.find_at(7, &two, NOW).unwrap().subject(), "2");
        assert!(cache.find_at(7, &one, NOW).is_none());
    }

    #[test]
    fn d06_it_is_bounded_and_forgets_what_has_ended_first() {
        let issuer = Issuer::new(1);
        let pair = Pair::new(&issuer);
        let cache = Cache { most: 64, ..Cache::new() };
        let length = || cache.kept.read().unwrap().by_hash.len();
        let alive = checked(&pair.plain, &issuer.token(&json!({}))).unwrap();
        let brief = checked(&pair.plain, &issuer.token(&json!({ "exp": NOW + 10 }))).unwrap();
        for number in 0..20 {
            cache.keep(&format!("alive {number}"), &alive, NOW);
        }
        for number in 0..44 {
            cache.keep(&format!("brief {number}"), &brief, NOW);
        }
        assert_eq!(length(), 64);
        cache.keep("one more", &alive, NOW + 10);
        assert_eq!(length(), 21, "the living are kept");
        for number in 0..1000 {
            cache.keep(&format!("flood {number}"), &alive, NOW + 10);
            assert!(length() <= 64);
        }
        assert!(length() > 32, "what is alive is not forgotten without need");
        cache.keep(&"x".repeat(LONGEST + 1), &alive, NOW + 10);
        assert!(cache.find(&"x".repeat(LONGEST + 1), NOW + 10).is_none());
    }
}
