//! The keys that tokens are checked with. One key, one algorithm (RFC 8725 §3.1).

use std::{
    collections::{HashMap, hash_map::Entry},
    fmt,
    sync::Arc,
};

// The default provider of `jsonwebtoken` panics where two crates of a program chose different backends.
#[cfg(feature = "aws-lc-rs")]
pub(crate) use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER as BACKEND;
#[cfg(all(feature = "rust-crypto", not(feature = "aws-lc-rs")))]
pub(crate) use jsonwebtoken::crypto::rust_crypto::DEFAULT_PROVIDER as BACKEND;
use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse},
};
use serde_json::Value;

use super::{base64url::decoded, point};

#[cfg(not(any(feature = "aws-lc-rs", feature = "rust-crypto")))]
compile_error!(
    "portcullis: choose what checks signatures: feature `aws-lc-rs` (the default) or `rust-crypto`"
);

/// The longest `kid` that is looked up, in bytes.
pub(crate) const MAX_KID: usize = 256;
/// The most keys that a published set may have.
pub(crate) const MAX_PUBLISHED: usize = 100;

/// Keys by their `kid`.
#[derive(Default)]
pub(crate) struct Keys(HashMap<String, Arc<Key>>);

/// A public key and the one algorithm that it is for.
pub(crate) struct Key {
    algorithm: Algorithm,
    key: DecodingKey,
}

impl Keys {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn get(&self, kid: &str) -> Option<&Arc<Key>> {
        self.0.get(kid)
    }

    /// Takes in a JWK Set. Keys for encryption are left aside; any other that cannot be used is an error.
    pub(crate) fn add(&mut self, jwks: &str) -> Result<(), KeyError> {
        let no_set = |cause| KeyError(format!("this is no JWK Set: {cause}"));
        let mut set: Value = serde_json::from_str(jwks).map_err(no_set)?;
        if set.get("keys").and_then(Value::as_array).into_iter().flatten().any(holds_secret) {
            return Err(KeyError::new("a key holds its secret: a verifier is given public keys only"));
        }
        set.get_mut("keys").and_then(Value::as_array_mut).into_iter().flatten().for_each(name_as_known);
        let set: JwkSet = serde_json::from_value(set).map_err(no_set)?;
        set.keys.iter().filter(|jwk| !is_for_encryption(jwk)).try_for_each(|jwk| self.add_key(jwk))
    }

    fn add_key(&mut self, jwk: &Jwk) -> Result<(), KeyError> {
        let Some(kid) = jwk.common.key_id.clone().filter(|kid| !kid.is_empty() && kid.len() <= MAX_KID)
        else {
            return Err(KeyError::new("a key has no `kid` (of at most 256 bytes), so no token can name it"));
        };
        let unfit = |why: &dyn fmt::Display| KeyError(format!("key `{}`: {why}", kid.escape_debug()));
        let algorithm = algorithm_of(jwk).ok_or_else(|| {
            unfit(
                &"not one of Ed25519 (`alg` EdDSA, Ed25519 or none), P-256 (`alg` ES256 or none) and RSA of 2048 to \
                  8192 bits (`alg` RS256 or PS256)",
            )
        })?;
        if let Some(fault) = fault_of(jwk) {
            return Err(unfit(&fault));
        }
        let key = DecodingKey::from_jwk(jwk).map_err(|cause| unfit(&cause))?;
        match self.0.entry(kid) {
            Entry::Occupied(known) => {
                Err(KeyError(format!("two keys are called `{}`", known.key().escape_debug())))
            }
            Entry::Vacant(place) => {
                place.insert(Arc::new(Key { algorithm, key }));
                Ok(())
            }
        }
    }
}

/// What is needed of an issuer that we do not run.
impl Keys {
    /// The usable keys of a set that an issuer published, and why each of the others is not. A set may hold keys
    /// for other purposes and of kinds that came after us (RFC 7517 §5: "implementations SHOULD ignore" them).
    pub(crate) fn published(jwks: &Value) -> Result<(Self, Vec<String>), KeyError> {
        let Some(set) = jwks.get("keys").and_then(Value::as_array) else {
            return Err(KeyError::new("this is no JWK Set: it has no array `keys`"));
        };
        if set.len() > MAX_PUBLISHED {
            return Err(KeyError(format!(
                "the set has {} keys; {MAX_PUBLISHED} at most are read",
                set.len()
            )));
        }
        let (mut keys, mut skipped) = (Self::default(), Vec::new());
        for jwk in set {
            if let Err(why) = keys.add_published(jwk) {
                skipped.push(why.to_string());
            }
        }
        Ok((keys, skipped))
    }

    fn add_published(&mut self, jwk: &Value) -> Result<(), KeyError> {
        let kid = jwk.get("kid").and_then(Value::as_str).unwrap_or_default();
        let skipped = |why: &str| KeyError(format!("key {kid:?}: {why}"));
        if holds_secret(jwk) {
            return Err(skipped(
                "symmetric, or published with its secret: whoever reads it could issue tokens",
            ));
        }
        let mut jwk = jwk.clone();
        name_as_known(&mut jwk);
        let mut jwk: Jwk =
            serde_json::from_value(jwk).map_err(|cause| skipped(&format!("not understood: {cause}")))?;
        if is_for_encryption(&jwk) {
            return Err(skipped("for encryption"));
        }
        // Some issuers leave `alg` out. One algorithm all the same: the one that OpenID providers must offer
        // (OpenID Connect Core §15.1).
        if matches!(jwk.algorithm, AlgorithmParameters::RSA(_)) && jwk.common.key_algorithm.is_none() {
            jwk.common.key_algorithm = Some(KeyAlgorithm::RS256);
        }
        self.add_key(&jwk)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&String, &Arc<Key>)> {
        self.0.iter()
    }
}

impl Key {
    /// Whether this is a name of the key's one algorithm.
    pub(crate) fn is_for(&self, algorithm: &str) -> bool {
        names_of(self.algorithm).contains(&algorithm)
    }

    /// Whether `signature` (base64url) is this key's over `signed`.
    pub(crate) fn verifies(&self, signed: &str, signature: &str) -> bool {
        let Some(signature) = decoded(signature) else { return false };
        (BACKEND.verifier_factory)(&self.algorithm, &self.key)
            .is_ok_and(|verifier| verifier.verify(signed.as_bytes(), &signature).is_ok())
    }
}

fn is_for_encryption(jwk: &Jwk) -> bool {
    jwk.common.public_key_use == Some(PublicKeyUse::Encryption)
}

/// Whether a key has a private (`d`) or symmetric (`k`) part (RFC 7518 §6).
fn holds_secret(jwk: &Value) -> bool {
    ["d", "k"].iter().any(|secret| jwk.get(secret).is_some())
}

/// The algorithm of a key, by its own account, its type and its size: with another size no token would ever
/// be good. Symmetric keys have none here: a shared secret would let every verifier issue tokens.
fn algorithm_of(jwk: &Jwk) -> Option<Algorithm> {
    let stated = jwk.common.key_algorithm;
    let bytes = |number: &str| decoded(number).map_or(0, |number| number.len());
    match &jwk.algorithm {
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
            let fits = bytes(&key.x) == 32 && matches!(stated, None | Some(KeyAlgorithm::EdDSA));
            fits.then_some(Algorithm::EdDSA)
        }
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
            let fits = bytes(&key.x) == 32 && bytes(&key.y) == 32;
            (fits && matches!(stated, None | Some(KeyAlgorithm::ES256))).then_some(Algorithm::ES256)
        }
        AlgorithmParameters::RSA(key) if (256..=1024).contains(&bytes(&key.n)) => match stated {
            Some(KeyAlgorithm::RS256) => Some(Algorithm::RS256),
            Some(KeyAlgorithm::PS256) => Some(Algorithm::PS256),
            _ => None,
        },
        _ => None,
    }
}

/// Why nothing that a key verifies could be believed.
fn fault_of(jwk: &Jwk) -> Option<&'static str> {
    let bytes = |number: &str| decoded(number).unwrap_or_default();
    match &jwk.algorithm {
        AlgorithmParameters::OctetKeyPair(key) => point::ed25519_fault(&bytes(&key.x)),
        AlgorithmParameters::EllipticCurve(key) => point::p256_fault(&bytes(&key.x), &bytes(&key.y)),
        AlgorithmParameters::RSA(key) => point::rsa_fault(&bytes(&key.n), &bytes(&key.e)),
        // `algorithm_of` lets no other through.
        _ => None,
    }
}

/// Rewrites the newer name of an algorithm to the one that [`Jwk`] knows: `Ed25519` and `EdDSA` with a key on that
/// curve are one (RFC 9864 §2.2).
fn name_as_known(jwk: &mut Value) {
    let is_ed25519 = |name| jwk.get(name).is_some_and(|value| value == "Ed25519");
    if is_ed25519("alg")
        && is_ed25519("crv")
        && let Some(jwk) = jwk.as_object_mut()
    {
        jwk.insert("alg".to_owned(), "EdDSA".into());
    }
}

/// The names that a header's `alg` can have, compared to the byte (RFC 7515 §4.1.1). The two of an Ed25519 key mean
/// the same signature (RFC 9864 §2.2).
fn names_of(algorithm: Algorithm) -> &'static [&'static str] {
    match algorithm {
        Algorithm::EdDSA => &["EdDSA", "Ed25519"],
        Algorithm::ES256 => &["ES256"],
        Algorithm::RS256 => &["RS256"],
        Algorithm::PS256 => &["PS256"],
        // `algorithm_of` yields no other.
        _ => &[],
    }
}

/// Why a verifier cannot be built from what it was given.
#[derive(Debug)]
#[non_exhaustive]
pub struct KeyError(String);

impl KeyError {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for KeyError {}
