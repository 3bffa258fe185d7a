//! An issuer of tokens, honest or not: keys of every kind, and tokens signed on demand.

use std::{
    sync::LazyLock,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    rand::SystemRandom,
    rsa,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING,
        EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384,
        RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding, RsaKeyPair,
        RsaPublicKeyComponents,
    },
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use portcullis::AccessTokens;
use serde_json::{Value, json};

pub(super) const ISSUER: &str = "https://accounts.example";
pub(super) const AUDIENCE: &str = "shop";
/// The verifier's time, in seconds since 1970.
pub(super) const NOW: u64 = 1_800_000_000;

type Sign = Box<dyn Fn(&[u8]) -> Vec<u8> + Send + Sync>;

/// A key pair, and the one algorithm that its JWK states.
pub(super) struct Key {
    pub(super) kid: &'static str,
    pub(super) alg: &'static str,
    /// The public key as a JWK, as raw bytes, and as a `SubjectPublicKeyInfo`.
    pub(super) jwk: Value,
    pub(super) raw: Vec<u8>,
    pub(super) der: Vec<u8>,
    sign: Sign,
}

impl Key {
    pub(super) fn signature(&self, message: &[u8]) -> Vec<u8> {
        (self.sign)(message)
    }

    pub(super) fn pem(&self) -> String {
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----", STANDARD.encode(&self.der))
    }

    /// The header of a valid token.
    pub(super) fn header(&self) -> Value {
        json!({ "typ": "at+jwt", "alg": self.alg, "kid": self.kid })
    }

    /// A token with this header and these claims, which may be invalid JSON.
    pub(super) fn token(&self, header: &str, claims: &str) -> String {
        let signed = format!("{}.{}", base64url(header), base64url(claims));
        let signature = self.signature(signed.as_bytes());
        format!("{signed}.{}", base64url(signature))
    }

    /// A valid token.
    pub(super) fn good(&self) -> String {
        self.token(&self.header().to_string(), &claims().to_string())
    }
}

pub(super) fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The claims of a valid token.
pub(super) fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "ana", "client_id": "web", "jti": "1", "sid": "7",
        "iat": NOW - 60, "nbf": NOW - 60, "exp": NOW + 60, "scope": "read write",
    })
}

/// A valid object with one member replaced by this JSON text (`None` removes it).
pub(super) fn but(object: &Value, name: &str, json: Option<&str>) -> String {
    let mut members: Vec<String> = object
        .as_object()
        .unwrap()
        .iter()
        .filter(|(known, _)| *known != name)
        .map(|(known, value)| format!("{}:{value}", json!(known)))
        .collect();
    members.extend(json.map(|json| format!("{}:{json}", json!(name))));
    format!("{{{}}}", members.join(","))
}

pub(super) fn ed25519() -> &'static Key {
    static KEY: LazyLock<Key> = LazyLock::new(|| ed25519_of("ed", [7; 32]));
    &KEY
}

/// A key that the verifier does not know.
pub(super) fn attacker() -> &'static Key {
    static KEY: LazyLock<Key> = LazyLock::new(|| ed25519_of("attacker", [13; 32]));
    &KEY
}

pub(super) fn p256() -> &'static Key {
    static KEY: LazyLock<Key> =
        LazyLock::new(|| ec_on("ec", "ES256", "P-256", &ECDSA_P256_SHA256_FIXED_SIGNING));
    &KEY
}

pub(super) fn p384() -> &'static Key {
    static KEY: LazyLock<Key> =
        LazyLock::new(|| ec_on("ec384", "ES384", "P-384", &ECDSA_P384_SHA384_FIXED_SIGNING));
    &KEY
}

pub(super) fn p521() -> &'static Key {
    static KEY: LazyLock<Key> =
        LazyLock::new(|| ec_on("ec521", "ES512", "P-521", &ECDSA_P521_SHA512_FIXED_SIGNING));
    &KEY
}

/// RSA with the longer hashes.
pub(super) fn rsa_others() -> [&'static Key; 4] {
    static KEYS: LazyLock<[Key; 4]> = LazyLock::new(|| {
        [
            rsa_for("rs384", "RS384", &RSA_PKCS1_SHA384),
            rsa_for("rs512", "RS512", &RSA_PKCS1_SHA512),
            rsa_for("ps384", "PS384", &RSA_PSS_SHA384),
            rsa_for("ps512", "PS512", &RSA_PSS_SHA512),
        ]
    });
    KEYS.each_ref()
}

pub(super) fn rsa() -> &'static Key {
    static KEY: LazyLock<Key> = LazyLock::new(|| rsa_for("rsa", "RS256", &RSA_PKCS1_SHA256));
    &KEY
}

/// The same pair as [`rsa`], under another name and for the other algorithm.
pub(super) fn rsa_pss() -> &'static Key {
    static KEY: LazyLock<Key> = LazyLock::new(|| rsa_for("pss", "PS256", &RSA_PSS_SHA256));
    &KEY
}

pub(super) fn keys() -> [&'static Key; 4] {
    [ed25519(), p256(), rsa(), rsa_pss()]
}

pub(super) fn jwks<'k>(keys: impl IntoIterator<Item = &'k Key>) -> String {
    json!({ "keys": keys.into_iter().map(|key| key.jwk.clone()).collect::<Vec<_>>() }).to_string()
}

/// A verifier that knows [`keys`], at [`NOW`].
pub(super) fn verifier() -> AccessTokens {
    verifier_at(Duration::from_secs(NOW))
}

pub(super) fn verifier_at(since_1970: Duration) -> AccessTokens {
    let clock = move || -> SystemTime { UNIX_EPOCH + since_1970 };
    let builder = AccessTokens::issued_by(ISSUER).audience(AUDIENCE).clock(clock);
    builder.keys(&jwks(keys())).unwrap().build().unwrap()
}

fn ed25519_of(kid: &'static str, seed: [u8; 32]) -> Key {
    let pair = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
    let raw = pair.public_key().as_ref().to_vec();
    Key {
        kid,
        alg: "EdDSA",
        jwk: json!({ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "kid": kid, "x": base64url(&raw) }),
        der: AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()).unwrap().as_ref().to_vec(),
        raw,
        sign: Box::new(move |message| pair.sign(message).as_ref().to_vec()),
    }
}

fn ec_on(kid: &'static str, alg: &'static str, curve: &str, signing: &'static EcdsaSigningAlgorithm) -> Key {
    let pair = EcdsaKeyPair::generate(signing).unwrap();
    let point = pair.public_key().as_ref().to_vec();
    let (x, y) = point[1..].split_at(point.len() / 2);
    Key {
        kid,
        alg,
        jwk: json!({ "kty": "EC", "crv": curve, "alg": alg, "kid": kid, "x": base64url(x), "y": base64url(y) }),
        der: AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()).unwrap().as_ref().to_vec(),
        raw: point,
        sign: Box::new(move |message| pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec()),
    }
}

fn rsa_for(kid: &'static str, alg: &'static str, encoding: &'static dyn RsaEncoding) -> Key {
    static PAIR: LazyLock<RsaKeyPair> =
        LazyLock::new(|| RsaKeyPair::generate(rsa::KeySize::Rsa2048).unwrap());
    let public = PAIR.public_key();
    let numbers = RsaPublicKeyComponents::<Vec<u8>>::from(public);
    let (n, e) = (base64url(numbers.n), base64url(numbers.e));
    Key {
        kid,
        alg,
        jwk: json!({ "kty": "RSA", "alg": alg, "kid": kid, "n": n, "e": e }),
        raw: public.as_ref().to_vec(),
        der: AsDer::<PublicKeyX509Der<'_>>::as_der(public).unwrap().as_ref().to_vec(),
        sign: Box::new(move |message| {
            let mut signature = vec![0; PAIR.public_modulus_len()];
            PAIR.sign(encoding, &SystemRandom::new(), message, &mut signature).unwrap();
            signature
        }),
    }
}
