//! The keys that tokens are checked with. One key, one algorithm (RFC 8725 §3.1).

use std::{collections::HashMap, fmt};

// The default provider of `jsonwebtoken` panics where two crates of a program chose different backends.
#[cfg(feature = "aws-lc-rs")]
use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER as BACKEND;
#[cfg(all(feature = "rust-crypto", not(feature = "aws-lc-rs")))]
use jsonwebtoken::crypto::rust_crypto::DEFAULT_PROVIDER as BACKEND;
use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse},
};
use serde_json::Value;

use super::claims::decoded;
use crate::strict_json;

#[cfg(not(any(feature = "aws-lc-rs", feature = "rust-crypto")))]
compile_error!(
    "portcullis: choose what checks signatures: feature `aws-lc-rs` (the default) or `rust-crypto`"
);

/// The longest `kid` that is looked up, in bytes.
const MAX_KID: usize = 256;

/// Keys by their `kid`.
#[derive(Default)]
pub(super) struct Keys(HashMap<String, Key>);

/// A public key and the one algorithm that it is for.
pub(super) struct Key {
    algorithm: Algorithm,
    key: DecodingKey,
}

impl Keys {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes in a JWK Set. Keys for encryption are left aside.
    pub(super) fn add(&mut self, jwks: &str) -> Result<(), KeyError> {
        let no_set = |cause| KeyError(format!("this is no JWK Set: {cause}"));
        let set: Value = serde_json::from_str(jwks).map_err(no_set)?;
        if holds_secret(&set) {
            return Err(KeyError::new("a key holds its secret: a verifier is given public keys only"));
        }
        let set: JwkSet = serde_json::from_value(set).map_err(no_set)?;
        for jwk in &set.keys {
            if jwk.common.public_key_use == Some(PublicKeyUse::Encryption) {
                continue;
            }
            let Some(kid) = jwk.common.key_id.clone().filter(|kid| !kid.is_empty() && kid.len() <= MAX_KID)
            else {
                return Err(KeyError::new(
                    "a key has no `kid` (of at most 256 bytes), so no token can name it",
                ));
            };
            let algorithm = algorithm_of(jwk).ok_or_else(|| {
                KeyError(format!(
                    "key `{kid}`: neither Ed25519, P-256, nor RSA of 2048 to 8192 bits with `alg` RS256 or PS256"
                ))
            })?;
            let key =
                DecodingKey::from_jwk(jwk).map_err(|cause| KeyError(format!("key `{kid}`: {cause}")))?;
            if self.0.insert(kid.clone(), Key { algorithm, key }).is_some() {
                return Err(KeyError(format!("two keys are called `{kid}`")));
            }
        }
        Ok(())
    }

    /// The key that a token's header names, if the header asks for nothing but what we do.
    ///
    /// `jwk`, `jku`, `x5u` and `x5c` are not looked at: a token does not say by which key it is good.
    pub(super) fn for_header(&self, header: &str) -> Option<&Key> {
        let header = strict_json::parse(&decoded(header)?, 8).ok()?;
        let text = |name: &str| header.get(name).and_then(Value::as_str);
        // RFC 9068 §4: anything else our issuer signs (ID tokens, links) is no access token.
        let typ = text("typ")?.to_ascii_lowercase();
        if typ != "at+jwt" && typ != "application/at+jwt" {
            return None;
        }
        // RFC 7515 §4.1.11: we understand no extension. `b64` (RFC 7797) changes what is signed; `zip` and
        // `enc` belong to encrypted tokens, which are not unpacked to be looked at.
        if ["crit", "b64", "zip", "enc"].iter().any(|name| header.get(name).is_some()) {
            return None;
        }
        let key = self.0.get(text("kid").filter(|kid| kid.len() <= MAX_KID)?)?;
        (text("alg")? == name_of(key.algorithm)).then_some(key)
    }
}

impl Key {
    /// Whether `signature` (base64url) is this key's over `signed`.
    pub(super) fn verifies(&self, signed: &str, signature: &str) -> bool {
        let Some(signature) = decoded(signature) else { return false };
        (BACKEND.verifier_factory)(&self.algorithm, &self.key)
            .is_ok_and(|verifier| verifier.verify(signed.as_bytes(), &signature).is_ok())
    }
}

/// Whether some key has a private (`d`) or symmetric (`k`) part (RFC 7518 §6).
fn holds_secret(set: &Value) -> bool {
    let keys = set.get("keys").and_then(Value::as_array);
    keys.into_iter().flatten().any(|key| ["d", "k"].iter().any(|secret| key.get(secret).is_some()))
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

/// The name in a header's `alg`, compared to the byte (RFC 7515 §4.1.1).
fn name_of(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::EdDSA => "EdDSA",
        Algorithm::ES256 => "ES256",
        Algorithm::RS256 => "RS256",
        Algorithm::PS256 => "PS256",
        // `algorithm_of` yields no other, and no token can carry an empty `alg` that equals it and a key.
        _ => "",
    }
}

/// Why a verifier cannot be built from what it was given.
#[derive(Debug)]
#[non_exhaustive]
pub struct KeyError(String);

impl KeyError {
    pub(super) fn new(reason: &str) -> Self {
        Self(reason.to_owned())
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for KeyError {}
