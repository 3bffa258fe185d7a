//! The keys that verify tokens. One key, one algorithm (RFC 8725 §3.1).

use std::{
    collections::{HashMap, hash_map::Entry},
    fmt,
    sync::Arc,
};

#[cfg(feature = "aws-lc-rs")]
use aws_lc_rs::signature::{ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ParsedPublicKey};
// Named explicitly: the default provider of `jsonwebtoken` panics if two crates of a program chose different
// backends.
#[cfg(feature = "aws-lc-rs")]
pub(crate) use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER as BACKEND;
#[cfg(all(feature = "rust-crypto", not(feature = "aws-lc-rs")))]
pub(crate) use jsonwebtoken::crypto::rust_crypto::DEFAULT_PROVIDER as BACKEND;
use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse},
};
use serde_json::Value;

use super::{base64url::decoded, header::Header, point};

#[cfg(not(any(feature = "aws-lc-rs", feature = "rust-crypto")))]
compile_error!(
    "portcullis: choose what checks signatures: feature `aws-lc-rs` (the default) or `rust-crypto`"
);

/// The longest `kid` that is looked up, in bytes.
pub(crate) const MAX_KID: usize = 256;
/// The most keys that a published set may have.
pub(crate) const MAX_PUBLISHED: usize = 100;
/// The shortest secret of HS256, in bytes: the length of its hash (RFC 7518 §3.2).
const MIN_SECRET: usize = 32;

/// Keys by their `kid`, and keys without one.
#[derive(Default)]
pub(crate) struct Keys {
    named: HashMap<String, Arc<Key>>,
    nameless: Vec<Arc<Key>>,
}

/// A key and the one algorithm that it is for.
pub(crate) struct Key {
    material: Material,
    /// Microsoft's mark on a key that only signs tokens of certain tenants.
    issuer: Option<String>,
}

enum Material {
    Backend(Algorithm, DecodingKey),
    /// ES512, which `jsonwebtoken` does not support.
    #[cfg(feature = "aws-lc-rs")]
    P521(ParsedPublicKey),
}

/// The key that matches a token's header.
pub(crate) enum Choice<'k> {
    /// The key with this name.
    Named(&'k Arc<Key>),
    /// No key has the name, but exactly one key fits.
    Only(&'k Arc<Key>),
    /// The token names no key, and several keys fit, or none.
    Unclear,
    /// The token names a key that is unknown.
    Unknown,
}

impl Keys {
    pub(crate) fn is_empty(&self) -> bool {
        self.named.is_empty() && self.nameless.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.named.len() + self.nameless.len()
    }

    pub(crate) fn get(&self, kid: &str) -> Option<&Arc<Key>> {
        self.named.get(kid)
    }

    pub(crate) fn named(&self) -> impl Iterator<Item = (&String, &Arc<Key>)> {
        self.named.iter()
    }

    /// The key that a token's header means. `kid` is optional (RFC 7515 §4.1.4, RFC 7517 §4.5): if the token or the
    /// key has none, exactly one key must have the algorithm.
    pub(crate) fn choose(&self, header: &Header) -> Choice<'_> {
        fn only<'k>(keys: impl Iterator<Item = &'k Arc<Key>>, algorithm: &str) -> Option<&'k Arc<Key>> {
            let mut fitting = keys.filter(|key| key.is_for(algorithm));
            fitting.next().filter(|_| fitting.next().is_none())
        }
        match &header.kid {
            Some(kid) => match self.named.get(kid) {
                Some(key) => Choice::Named(key),
                None => only(self.nameless.iter(), &header.algorithm).map_or(Choice::Unknown, Choice::Only),
            },
            None => only(self.named.values().chain(&self.nameless), &header.algorithm)
                .map_or(Choice::Unclear, Choice::Only),
        }
    }

    /// Adds a JWK Set, and returns why each skipped key is unusable.
    pub(crate) fn add(&mut self, jwks: &str) -> Result<Vec<String>, KeyError> {
        let set: Value = serde_json::from_str(jwks)
            .map_err(|cause| KeyError(format!("this is not a JWK Set: {cause}")))?;
        self.add_set(&set)
    }

    /// The usable keys of a set, and why each of the others is unusable. A set may hold keys for other purposes or of
    /// newer kinds (RFC 7517 §5: "implementations SHOULD ignore" them).
    pub(crate) fn published(jwks: &Value) -> Result<(Self, Vec<String>), KeyError> {
        let mut keys = Self::default();
        let skipped = keys.add_set(jwks)?;
        Ok((keys, skipped))
    }

    fn add_set(&mut self, jwks: &Value) -> Result<Vec<String>, KeyError> {
        let Some(set) = jwks.get("keys").and_then(Value::as_array) else {
            return Err(KeyError::new("this is not a JWK Set: it has no array `keys`"));
        };
        if set.len() > MAX_PUBLISHED {
            return Err(KeyError(format!(
                "the set has {} keys; {MAX_PUBLISHED} at most are read",
                set.len()
            )));
        }
        let faults = set.iter().filter_map(|jwk| Some((jwk, self.add_key(jwk).err()?)));
        Ok(faults
            .map(|(jwk, why)| {
                let kid = jwk.get("kid").and_then(Value::as_str).unwrap_or_default();
                format!("key {kid:?}: {why}")
            })
            .collect())
    }

    fn add_key(&mut self, jwk: &Value) -> Result<(), String> {
        // RFC 7518 §6: `d` is the private part, `k` a secret.
        if ["d", "k"].iter().any(|secret| jwk.get(secret).is_some()) {
            return Err("symmetric, or given with its secret: whoever reads it could issue tokens".to_owned());
        }
        let kid = match jwk.get("kid") {
            None => None,
            Some(Value::String(kid)) if !kid.is_empty() && kid.len() <= MAX_KID => Some(kid.clone()),
            Some(_) => return Err(format!("its `kid` is not a text of 1 to {MAX_KID} bytes")),
        };
        let issuer = jwk.get("issuer").and_then(Value::as_str).map(str::to_owned);
        let key = Arc::new(Key { material: Material::read(jwk)?, issuer });
        let Some(kid) = kid else {
            self.nameless.push(key);
            return Ok(());
        };
        match self.named.entry(kid) {
            Entry::Occupied(_) => Err("another key has this `kid`".to_owned()),
            Entry::Vacant(place) => {
                place.insert(key);
                Ok(())
            }
        }
    }

    /// Adds the secret of HS256.
    pub(crate) fn add_secret(&mut self, secret: &[u8]) -> Result<(), KeyError> {
        if secret.len() < MIN_SECRET {
            return Err(KeyError(format!(
                "the shared secret has {} bytes; HS256 needs at least {MIN_SECRET} (RFC 7518 §3.2)",
                secret.len()
            )));
        }
        let material = Material::Backend(Algorithm::HS256, DecodingKey::from_secret(secret));
        self.nameless.push(Arc::new(Key { material, issuer: None }));
        Ok(())
    }
}

impl Key {
    /// Whether the key's one algorithm has this name.
    pub(crate) fn is_for(&self, algorithm: &str) -> bool {
        self.material.names().contains(&algorithm)
    }

    /// The `issuer` that the set has next to the key.
    pub(crate) fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// Whether `signature` (base64url) was made by this key over `signed`.
    pub(crate) fn verifies(&self, signed: &str, signature: &str) -> bool {
        let Some(signature) = decoded(signature) else { return false };
        match &self.material {
            Material::Backend(algorithm, key) => (BACKEND.verifier_factory)(algorithm, key)
                .is_ok_and(|verifier| verifier.verify(signed.as_bytes(), &signature).is_ok()),
            #[cfg(feature = "aws-lc-rs")]
            Material::P521(key) => key.verify_sig(signed.as_bytes(), &signature).is_ok(),
        }
    }
}

impl Material {
    /// # Errors
    /// The key is of an unknown kind, or so weak or malformed that nothing it verifies could be trusted.
    fn read(jwk: &Value) -> Result<Self, String> {
        if jwk.get("crv").is_some_and(|curve| curve == "P-521") {
            return Self::p521(jwk);
        }
        let mut jwk = jwk.clone();
        name_as_known(&mut jwk);
        let jwk: Jwk = serde_json::from_value(jwk).map_err(|cause| format!("not understood: {cause}"))?;
        if jwk.common.public_key_use == Some(PublicKeyUse::Encryption) {
            return Err("for encryption".to_owned());
        }
        let algorithm = algorithm_of(&jwk).ok_or(KNOWN)?;
        if let Some(fault) = fault_of(&jwk) {
            return Err(fault.to_owned());
        }
        let key = DecodingKey::from_jwk(&jwk).map_err(|cause| cause.to_string())?;
        (BACKEND.verifier_factory)(&algorithm, &key).map_err(|_| NOT_A_POINT)?;
        Ok(Self::Backend(algorithm, key))
    }

    #[cfg(feature = "aws-lc-rs")]
    fn p521(jwk: &Value) -> Result<Self, String> {
        let says = |name: &str, word: &str| jwk.get(name).is_none_or(|said| said == word);
        if !says("kty", "EC") || !says("alg", "ES512") {
            return Err(KNOWN.to_owned());
        }
        if !says("use", "sig") {
            return Err("for encryption".to_owned());
        }
        let number = |name| jwk.get(name).and_then(Value::as_str).and_then(decoded).unwrap_or_default();
        let point = point_of(&number("x"), &number("y"), 66).ok_or(KNOWN)?;
        let key = ParsedPublicKey::new(&ECDSA_P521_SHA512_FIXED, point);
        key.map(Self::P521).map_err(|_| NOT_A_POINT.to_owned())
    }

    #[cfg(not(feature = "aws-lc-rs"))]
    fn p521(_: &Value) -> Result<Self, String> {
        Err("ES512 needs the feature `aws-lc-rs`".to_owned())
    }

    /// The names of the algorithm in a header's `alg`, compared byte for byte (RFC 7515 §4.1.1). Both names of
    /// Ed25519 mean the same signature (RFC 9864 §2.2).
    fn names(&self) -> &'static [&'static str] {
        match self {
            Self::Backend(Algorithm::EdDSA, _) => &["EdDSA", "Ed25519"],
            Self::Backend(Algorithm::ES256, _) => &["ES256"],
            Self::Backend(Algorithm::ES384, _) => &["ES384"],
            Self::Backend(Algorithm::RS256, _) => &["RS256"],
            Self::Backend(Algorithm::RS384, _) => &["RS384"],
            Self::Backend(Algorithm::RS512, _) => &["RS512"],
            Self::Backend(Algorithm::PS256, _) => &["PS256"],
            Self::Backend(Algorithm::PS384, _) => &["PS384"],
            Self::Backend(Algorithm::PS512, _) => &["PS512"],
            Self::Backend(Algorithm::HS256, _) => &["HS256"],
            // No key is built with any other algorithm.
            Self::Backend(..) => &[],
            #[cfg(feature = "aws-lc-rs")]
            Self::P521(_) => &["ES512"],
        }
    }
}

const KNOWN: &str = "not one of Ed25519 (`alg` EdDSA, Ed25519 or none), P-256, P-384 and P-521 (`alg` ES256, ES384 or \
                     ES512, or none) and RSA of 2048 to 8192 bits (`alg` RS256 to RS512 or PS256 to PS512, or none, \
                     which is RS256)";
const NOT_A_POINT: &str = "not a point of its curve";

/// The algorithm of a key, by its `alg`, type and size: with another size, no token would ever be valid. Symmetric
/// keys have none here, because with a shared secret every verifier could issue tokens.
fn algorithm_of(jwk: &Jwk) -> Option<Algorithm> {
    let stated = jwk.common.key_algorithm;
    let bytes = |number: &str| decoded(number).map_or(0, |number| number.len());
    let only = |algorithm: KeyAlgorithm| stated.is_none_or(|stated| stated == algorithm);
    match &jwk.algorithm {
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
            (bytes(&key.x) == 32 && only(KeyAlgorithm::EdDSA)).then_some(Algorithm::EdDSA)
        }
        AlgorithmParameters::EllipticCurve(key) => {
            let (size, name, algorithm) = match key.curve {
                EllipticCurve::P256 => (32, KeyAlgorithm::ES256, Algorithm::ES256),
                EllipticCurve::P384 => (48, KeyAlgorithm::ES384, Algorithm::ES384),
                _ => return None,
            };
            (bytes(&key.x) == size && bytes(&key.y) == size && only(name)).then_some(algorithm)
        }
        AlgorithmParameters::RSA(key) if (256..=1024).contains(&bytes(&key.n)) => match stated {
            // Some issuers leave `alg` out. The key still gets one algorithm: the one that OpenID providers must
            // support (OpenID Connect Core §15.1).
            None | Some(KeyAlgorithm::RS256) => Some(Algorithm::RS256),
            Some(KeyAlgorithm::RS384) => Some(Algorithm::RS384),
            Some(KeyAlgorithm::RS512) => Some(Algorithm::RS512),
            Some(KeyAlgorithm::PS256) => Some(Algorithm::PS256),
            Some(KeyAlgorithm::PS384) => Some(Algorithm::PS384),
            Some(KeyAlgorithm::PS512) => Some(Algorithm::PS512),
            Some(_) => None,
        },
        _ => None,
    }
}

/// Why nothing that a key verifies could be trusted.
fn fault_of(jwk: &Jwk) -> Option<&'static str> {
    let bytes = |number: &str| decoded(number).unwrap_or_default();
    match &jwk.algorithm {
        AlgorithmParameters::OctetKeyPair(key) => point::ed25519_fault(&bytes(&key.x)),
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P384 => {
            p384_fault(&bytes(&key.x), &bytes(&key.y))
        }
        AlgorithmParameters::EllipticCurve(key) => point::p256_fault(&bytes(&key.x), &bytes(&key.y)),
        AlgorithmParameters::RSA(key) => point::rsa_fault(&bytes(&key.n), &bytes(&key.e)),
        // `algorithm_of` rejects all other kinds.
        _ => None,
    }
}

#[cfg(feature = "aws-lc-rs")]
fn p384_fault(x: &[u8], y: &[u8]) -> Option<&'static str> {
    let is_point =
        point_of(x, y, 48).is_some_and(|point| ParsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point).is_ok());
    (!is_point).then_some(NOT_A_POINT)
}

/// The other backend checks the point when it reads the key.
#[cfg(not(feature = "aws-lc-rs"))]
fn p384_fault(_: &[u8], _: &[u8]) -> Option<&'static str> {
    None
}

/// An uncompressed point (SEC 1 §2.3.3).
#[cfg(feature = "aws-lc-rs")]
fn point_of(x: &[u8], y: &[u8], size: usize) -> Option<Vec<u8>> {
    (x.len() == size && y.len() == size).then(|| [&[4], x, y].concat())
}

/// Rewrites the algorithm name `Ed25519` to `EdDSA`, which [`Jwk`] supports. With a key on that curve, both mean the
/// same (RFC 9864 §2.2).
fn name_as_known(jwk: &mut Value) {
    let is_ed25519 = |name| jwk.get(name).is_some_and(|value| value == "Ed25519");
    if is_ed25519("alg")
        && is_ed25519("crv")
        && let Some(jwk) = jwk.as_object_mut()
    {
        jwk.insert("alg".to_owned(), "EdDSA".into());
    }
}

/// Why a verifier cannot be built from its settings or keys.
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
