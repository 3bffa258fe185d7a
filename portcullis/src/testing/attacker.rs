//! The attacker's own keys. They are public, so nothing may trust them.

use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
#[cfg(test)]
use jsonwebtoken::DecodingKey;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

use crate::tokens::keys::BACKEND;

const ED25519: &str = "MC4CAQAwBQYDK2VwBCIEIB5SSLF2mChBVkII+RL8jRsvLB/IibCcdkEjhTOZjoIz";
const P256: &str = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgjyCs4xoGRnIInCr63I8wWihvt3ODFN4YxJ/CV6visk6h\
    RANCAAQDf4U8vja3KodWt8hXDuJU/BV/GwZHDJ8JJhyurSAoxbtI0sncrGIXgueEjlWQ7LE2VoZFaKWIkoGe5gZxoagD";
const RSA: &[u8] = include_bytes!("attacker_rsa.der");
const RSA_MODULUS: &str = "vkgto9kJDPfb3bEsYUCW0Ulwd2Hv60RGKrlz3iZdqXQkCQFYfwacrI6Ydhd-5NBhWN_ibScw2lTCeGezkfKlebX5gawn\
    GZEaUMAsgfHLF7Fk-f9282e2pAqvDRp93ryH3d0B21Mm5vPAKkvdPgeyGCP_IwYPQvgSi2GKlAMVP1k2JEdeNcoLgRh1RvT1mUFbmQMtbfsgf56USB\
    qM1irgPrQa1qPk7m7gumDocQchzZo2lkP1Lp2f6yUA3VEymGngVdyVt_YQo2G_NP8OReifxyxDqa3ecc0V-essb9_ngShfntb44R1LGS4Ah2ZfDPcI\
    X-86l1WO9fBGku-o9tQ9Gw";

/// A signature by the attacker with the algorithm called `alg`, as base64url, and the key's public half. `None` if
/// there is no key for the algorithm.
pub(super) fn sign(alg: &str, message: &str) -> Option<(String, Value)> {
    use Algorithm::{ES256, EdDSA, HS256, HS384, HS512, PS256, PS384, PS512, RS256, RS384, RS512};

    let algorithm = alg.parse().ok()?;
    let der = |base64: &str| BASE64_STANDARD.decode(base64).unwrap_or_default();
    let (key, public) = match algorithm {
        EdDSA => (
            EncodingKey::from_ed_der(&der(ED25519)),
            json!({ "kty": "OKP", "crv": "Ed25519", "x": "U-whfk4q7V2_sZ7CFJBEpUemy7zo_Mwe3YOl13rFvx4" }),
        ),
        ES256 => (
            EncodingKey::from_ec_der(&der(P256)),
            json!({
                "kty": "EC",
                "crv": "P-256",
                "x": "A3-FPL42tyqHVrfIVw7iVPwVfxsGRwyfCSYcrq0gKMU",
                "y": "u0jSydysYheC54SOVZDssTZWhkVopYiSgZ7mBnGhqAM",
            }),
        ),
        RS256 | RS384 | RS512 | PS256 | PS384 | PS512 => {
            (EncodingKey::from_rsa_der(RSA), json!({ "kty": "RSA", "n": RSA_MODULUS, "e": "AQAB" }))
        }
        HS256 | HS384 | HS512 => (
            EncodingKey::from_secret(b"a secret of the attacker's own, long enough"),
            json!({ "kty": "oct", "k": "YSBzZWNyZXQgb2YgdGhlIGF0dGFja2VyJ3Mgb3duLCBsb25nIGVub3VnaA" }),
        ),
        _ => return None,
    };
    Some((signed(algorithm, &key, message)?, public))
}

/// The HMAC of `message` under `secret`, as base64url.
pub(super) fn hmac(alg: Algorithm, secret: &[u8], message: &str) -> Option<String> {
    signed(alg, &EncodingKey::from_secret(secret), message)
}

pub(super) fn signed(algorithm: Algorithm, key: &EncodingKey, message: &str) -> Option<String> {
    let signature = (BACKEND.signer_factory)(&algorithm, key).ok()?.try_sign(message.as_bytes()).ok()?;
    Some(BASE64_URL_SAFE_NO_PAD.encode(signature))
}

/// Whether the signature is valid under the key.
#[cfg(test)]
pub(super) fn is_signed(signature: &str, message: &str, key: &DecodingKey, algorithm: Algorithm) -> bool {
    let verifier = (BACKEND.verifier_factory)(&algorithm, key).unwrap();
    verifier.verify(message.as_bytes(), &BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap()).is_ok()
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::jwk::Jwk;

    use super::*;

    #[test]
    fn t03_each_signature_is_good_under_the_key_that_is_said() {
        for alg in ["EdDSA", "ES256", "RS256", "RS512", "PS256", "HS256", "HS512"] {
            let (signature, public) = sign(alg, "a.b").unwrap();
            let public: Jwk = serde_json::from_value(public).unwrap();
            let key = DecodingKey::from_jwk(&public).unwrap();
            assert!(is_signed(&signature, "a.b", &key, alg.parse().unwrap()), "{alg}");
        }
        assert!(sign("ES384", "a.b").is_none() && sign("none", "a.b").is_none());
    }

    #[test]
    fn t01_an_empty_secret_is_one_too() {
        assert!(hmac(Algorithm::HS256, b"", "a.b").is_some());
    }
}
