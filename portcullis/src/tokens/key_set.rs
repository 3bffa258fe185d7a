//! A set of keys and the tokens verified by it: the one place where all parts of a token are checked.

use std::sync::{Arc, OnceLock};

use super::{
    cache::Cache,
    claims::{AccessToken, Expected},
    header::Header,
    keys::{Choice, Key, Keys, MAX_PUBLISHED},
    refusal::Refusal,
};

/// Keys and their cache. New keys start a new set.
pub(crate) struct KeySet {
    keys: Keys,
    /// Keys that the issuer no longer publishes, and until when they are valid, in seconds since 1970.
    retired: Vec<Retired>,
    /// The header of the first valid token. If an issuer signs with one key, all its tokens begin with the same text,
    /// which need not be parsed again.
    usual: OnceLock<(Box<str>, Header)>,
    cache: Option<Cache<AccessToken>>,
}

#[derive(Clone)]
struct Retired {
    kid: String,
    key: Arc<Key>,
    until: u64,
}

/// The result of checking a token.
pub(crate) enum Checked {
    /// Valid in every respect.
    Good(AccessToken),
    /// Invalid. The reason was logged.
    Refused,
    /// The key is unknown, or the token names none and the only fitting key did not make the signature. A newer key
    /// set may have the right key, so nothing is logged yet.
    UnknownKey(Refusal),
}

impl KeySet {
    pub(crate) fn new(keys: Keys, is_cached: bool) -> Self {
        Self { keys, retired: Vec::new(), usual: OnceLock::new(), cache: is_cached.then(Cache::new) }
    }

    /// Checks a token at `now`, in seconds since 1970.
    pub(crate) fn check(&self, token: &str, expected: &Expected, now: u64) -> Checked {
        self.good(token, expected, now).map_or_else(
            |refusal| {
                if matches!(refusal, Refusal::UnknownKid | Refusal::NamelessSignature) {
                    return Checked::UnknownKey(refusal);
                }
                refusal.log();
                Checked::Refused
            },
            Checked::Good,
        )
    }

    fn good(&self, token: &str, expected: &Expected, now: u64) -> Result<AccessToken, Refusal> {
        let Some(cache) = &self.cache else { return Ok(self.good_anew(token, expected, now)?.0) };
        let slot = cache.slot(token);
        if let Some(verified) = slot.find(now) {
            return Ok(verified);
        }
        let (verified, lifetime) = self.good_anew(token, expected, now)?;
        match lifetime {
            Lifetime::Token => slot.keep(&verified, now),
            Lifetime::Key => {}
        }
        Ok(verified)
    }

    fn good_anew(
        &self,
        token: &str,
        expected: &Expected,
        now: u64,
    ) -> Result<(AccessToken, Lifetime), Refusal> {
        let (signed, signature) = token.rsplit_once('.').ok_or(Refusal::Form)?;
        let (head, claims) = signed.split_once('.').ok_or(Refusal::Form)?;
        let read;
        let header = if let Some((_, header)) = self.usual.get().filter(|(usual, _)| **usual == *head) {
            header
        } else {
            read = Header::read(head, expected.accepts_typ_jwt)?;
            &read
        };
        let retired = header.kid.as_deref().and_then(|kid| self.retired(kid, now));
        let (key, lifetime, if_bad) = match (self.keys.choose(header), retired) {
            (Choice::Named(key), _) => (key, Lifetime::Token, Refusal::Signature),
            (Choice::Unclear, _) => return Err(Refusal::Kid),
            (_, Some(key)) => (key, Lifetime::Key, Refusal::Signature),
            (Choice::Only(key), None) => (key, Lifetime::Token, Refusal::NamelessSignature),
            (Choice::Unknown, None) => return Err(Refusal::UnknownKid),
        };
        if !key.is_for(&header.algorithm) {
            return Err(Refusal::Algorithm);
        }
        if !key.verifies(signed, signature) {
            return Err(if_bad);
        }
        self.usual.get_or_init(|| (head.into(), header.clone()));
        Ok((expected.read(claims, key.issuer(), now)?, lifetime))
    }

    #[cfg(test)]
    pub(crate) fn cache(&self) -> Option<&Cache<AccessToken>> {
        self.cache.as_ref()
    }
}

/// What limits a verdict in time. A verdict by a retired key is not cached, because the key's time is not in the
/// token.
enum Lifetime {
    Token,
    Key,
}

impl KeySet {
    /// The set that replaces this one: keys that are missing in `keys` stay valid for `grace` seconds from `now` on.
    pub(crate) fn succeeded_by(&self, keys: Keys, now: u64, grace: u64) -> Self {
        let mut retired: Vec<_> = self.retired.iter().filter(|old| now < old.until).cloned().collect();
        if grace > 0 {
            let newly = self.keys.named().map(|(kid, key)| Retired {
                kid: kid.clone(),
                key: Arc::clone(key),
                until: now.saturating_add(grace),
            });
            retired.extend(newly);
        }
        // A key that is published again is no longer retired; another key with its name has replaced it.
        retired.retain(|old| keys.get(&old.kid).is_none());
        // If an issuer changes all its keys with every fetch, only the latest `MAX_PUBLISHED` retired keys are kept.
        retired.drain(..retired.len().saturating_sub(MAX_PUBLISHED));
        Self { retired, ..Self::new(keys, self.cache.is_some()) }
    }

    /// Whether no token can be valid by this set.
    pub(crate) fn is_empty(&self, now: u64) -> bool {
        self.keys.is_empty() && self.retired.iter().all(|old| now >= old.until)
    }

    /// The number of usable keys that the issuer publishes.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    fn retired(&self, kid: &str, now: u64) -> Option<&Arc<Key>> {
        self.retired.iter().rev().find(|old| old.kid == kid && now < old.until).map(|old| &old.key)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn d06_retired_keys_are_no_more_than_one_set_may_have() {
        let round = |round: u8| {
            let jwk = |number: u8| {
                // One key under many names is enough.
                let x = "U-whfk4q7V2_sZ7CFJBEpUemy7zo_Mwe3YOl13rFvx4";
                json!({ "kty": "OKP", "crv": "Ed25519", "kid": format!("{round}-{number}"), "x": x })
            };
            Keys::published(&json!({ "keys": (0..60).map(jwk).collect::<Vec<_>>() })).unwrap().0
        };
        let mut set = KeySet::new(round(0), false);
        for next in 1..10 {
            set = set.succeeded_by(round(next), 0, 1000);
            assert!(set.retired.len() <= MAX_PUBLISHED);
        }
        assert!(
            (0..60).all(|number| set.retired(&format!("8-{number}"), 0).is_some()),
            "the last are kept whole"
        );
        assert!(set.retired("6-0", 0).is_none());
    }
}
