//! A set of keys and the tokens that were found good by it: the one place where a token's parts are judged.

#[cfg(feature = "discovery")]
use std::sync::Arc;

#[cfg(feature = "discovery")]
use super::keys::Key;
use super::{
    LEEWAY,
    cache::Cache,
    claims::{AccessToken, Expected},
    header::Header,
    keys::Keys,
};

/// Keys, with the cache that belongs to them. With other keys begins another set.
pub(super) struct KeySet {
    keys: Keys,
    /// Keys that the issuer published no more, and until when they are good, in seconds since 1970.
    #[cfg(feature = "discovery")]
    retired: Vec<Retired>,
    cache: Option<Cache<AccessToken>>,
}

#[cfg(feature = "discovery")]
#[derive(Clone)]
struct Retired {
    kid: String,
    key: Arc<Key>,
    until: u64,
}

/// What was found about a token.
pub(super) enum Checked {
    /// Good in every respect.
    Good(AccessToken),
    /// Not good.
    Refused,
    /// An access token's header that names a key which is not here.
    UnknownKey,
}

impl KeySet {
    pub(super) fn new(keys: Keys, is_cached: bool) -> Self {
        Self {
            keys,
            #[cfg(feature = "discovery")]
            retired: Vec::new(),
            cache: is_cached.then(Cache::new),
        }
    }

    /// Judges a token at `now`, in seconds since 1970.
    pub(super) fn check(&self, token: &str, expected: &Expected, now: u64) -> Checked {
        let Some(cache) = &self.cache else { return self.check_anew(token, expected, now).0 };
        if let Some(verified) = cache.find(token, now) {
            return Checked::Good(verified);
        }
        match self.check_anew(token, expected, now) {
            (Checked::Good(verified), Lifetime::Token) => {
                cache.keep(token, &verified, now);
                Checked::Good(verified)
            }
            (checked, _) => checked,
        }
    }

    fn check_anew(&self, token: &str, expected: &Expected, now: u64) -> (Checked, Lifetime) {
        let refused = (Checked::Refused, Lifetime::Token);
        let Some((signed, signature)) = token.rsplit_once('.') else { return refused };
        let Some((header, claims)) = signed.split_once('.') else { return refused };
        let Some(header) = Header::read(header, expected.accepts_typ_jwt) else { return refused };
        let (key, lifetime) = match self.keys.get(&header.kid) {
            Some(key) => (key, Lifetime::Token),
            #[cfg(feature = "discovery")]
            None => match self.retired(&header.kid, now) {
                Some(key) => (key, Lifetime::Key),
                None => return (Checked::UnknownKey, Lifetime::Token),
            },
            #[cfg(not(feature = "discovery"))]
            None => return (Checked::UnknownKey, Lifetime::Token),
        };
        if !key.is_for(&header.algorithm) || !key.verifies(signed, signature) {
            return refused;
        }
        (expected.read(claims, now, LEEWAY).map_or(Checked::Refused, Checked::Good), lifetime)
    }

    #[cfg(test)]
    pub(super) fn cache(&self) -> Option<&Cache<AccessToken>> {
        self.cache.as_ref()
    }
}

/// What ends a verdict first. One by a retired key is not remembered: the key's time is not in the token.
enum Lifetime {
    Token,
    #[cfg(feature = "discovery")]
    Key,
}

#[cfg(feature = "discovery")]
impl KeySet {
    /// The set that follows this one: what `keys` lacks is good for another `grace` seconds from `now` on.
    pub(super) fn succeeded_by(&self, keys: Keys, now: u64, grace: u64) -> Self {
        let mut retired: Vec<_> = self.retired.iter().filter(|old| now < old.until).cloned().collect();
        if grace > 0 {
            let newly = self.keys.iter().map(|(kid, key)| Retired {
                kid: kid.clone(),
                key: Arc::clone(key),
                until: now.saturating_add(grace),
            });
            retired.extend(newly);
        }
        // A key that came back under its name is no longer retired; another key of that name has replaced it.
        retired.retain(|old| keys.get(&old.kid).is_none());
        Self { retired, ..Self::new(keys, self.cache.is_some()) }
    }

    /// Whether no token can be good by this set.
    pub(super) fn is_empty(&self, now: u64) -> bool {
        self.keys.is_empty() && self.retired.iter().all(|old| now >= old.until)
    }

    /// How many keys the issuer publishes that we can use.
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    fn retired(&self, kid: &str, now: u64) -> Option<&Arc<Key>> {
        self.retired.iter().rev().find(|old| old.kid == kid && now < old.until).map(|old| &old.key)
    }
}
