//! Which keys and settings make a verifier, and which are refused with a reason.

use portcullis::tokens::AccessTokensBuilder;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    super::issuer::{AUDIENCE, ISSUER, attacker, base64url, ed25519, jwks, keys, p256, rsa},
    *,
};

fn set(keys: &[Value]) -> String {
    json!({ "keys": keys }).to_string()
}

/// A key's JWK with one member changed (`null` takes it away).
fn but(key: &super::super::issuer::Key, name: &str, value: Value) -> Value {
    let mut jwk = key.jwk.clone();
    match value {
        Value::Null => drop(jwk.as_object_mut().unwrap().remove(name)),
        value => jwk[name] = value,
    }
    jwk
}

fn builder() -> AccessTokensBuilder {
    AccessTokens::issued_by(ISSUER).audience(AUDIENCE)
}

#[test]
fn t15_doubtful_keys_stop_the_start() {
    let cases = [
        (String::new(), "this is no JWK Set"),
        ("not json".to_owned(), "this is no JWK Set"),
        ("[]".to_owned(), "this is no JWK Set"),
        ("{}".to_owned(), "this is no JWK Set"),
        (ed25519().jwk.to_string(), "this is no JWK Set"),
        (ed25519().pem(), "this is no JWK Set"),
        (set(&[but(ed25519(), "kid", json!(null))]), "no `kid`"),
        (set(&[but(ed25519(), "kid", json!(""))]), "no `kid`"),
        (set(&[but(ed25519(), "kid", json!("k".repeat(257)))]), "no `kid`"),
        (set(&[ed25519().jwk.clone(), but(attacker(), "kid", json!("ed"))]), "two keys are called `ed`"),
        (set(&[but(ed25519(), "d", json!(base64url([7; 32])))]), "a key holds its secret"),
        (
            set(&[json!({"kty": "oct", "kid": "s", "alg": "HS256", "k": base64url([1; 32])})]),
            "a key holds its secret",
        ),
        (set(&[but(ed25519(), "alg", json!("HS256"))]), "key `ed`: not one of"),
        (set(&[but(ed25519(), "alg", json!("ES256"))]), "key `ed`: not one of"),
        (set(&[but(ed25519(), "alg", json!("Ed448"))]), "key `ed`: not one of"),
        (set(&[but(ed25519(), "crv", json!("P-256"))]), "key `ed`: not one of"),
        (set(&[but(p256(), "alg", json!("Ed25519"))]), "key `ec`: not one of"),
        (set(&[but(p256(), "alg", json!("ES384"))]), "key `ec`: not one of"),
        (set(&[but(p256(), "crv", json!("P-384"))]), "key `ec`: not one of"),
        (set(&[but(rsa(), "alg", json!(null))]), "key `rsa`: not one of"),
        (set(&[but(rsa(), "alg", json!("RS512"))]), "key `rsa`: not one of"),
        (set(&[but(rsa(), "n", json!(base64url([0xff; 128])))]), "key `rsa`: not one of"),
        (set(&[but(ed25519(), "x", json!(base64url([7; 31])))]), "key `ed`: not one of"),
        (set(&[but(ed25519(), "x", json!("not base64url!"))]), "key `ed`: not one of"),
        (set(&[but(p256(), "y", json!(""))]), "key `ec`: not one of"),
    ];
    for (jwks, reason) in cases {
        let refused = builder().keys(&jwks).expect_err(&jwks).to_string();
        assert!(refused.contains(reason), "{jwks}: {refused}");
    }
}

#[test]
fn t15_a_verifier_without_a_setting_is_not_built() {
    let keys = jwks([ed25519()]);
    let cases = [
        (builder(), "no keys"),
        (builder().keys(&set(&[])).unwrap(), "no keys"),
        (builder().keys(&set(&[but(rsa(), "use", json!("enc"))])).unwrap(), "no keys"),
        (AccessTokens::issued_by(ISSUER).keys(&keys).unwrap(), "no audience"),
        (AccessTokens::issued_by(ISSUER).audience("").keys(&keys).unwrap(), "no audience"),
        (AccessTokens::issued_by("").audience(AUDIENCE).keys(&keys).unwrap(), "the issuer is empty"),
    ];
    for (builder, reason) in cases {
        let refused = builder.build().unwrap_err().to_string();
        assert!(refused.starts_with(reason), "{refused}");
    }
}

#[tokio::test]
async fn keys_of_real_issuers_are_taken() {
    let encryption =
        json!({"kty": "RSA", "kid": "e", "use": "enc", "alg": "RSA-OAEP", "n": rsa().jwk["n"], "e": "AQAB"});
    let signing = but(ed25519(), "use", json!("sig"));
    let clock = || std::time::UNIX_EPOCH + Duration::from_secs(super::super::issuer::NOW);
    let tokens =
        builder().keys(&set(&[encryption, signing])).unwrap().keys(&jwks([p256()])).unwrap().clock(clock);
    let app = app(tokens.build().unwrap());
    assert_eq!(sent_to(&app, &ed25519().good()).await, 200);
    assert_eq!(sent_to(&app, &p256().good()).await, 200, "of the second set");
    assert_eq!(sent_to(&app, &rsa().good()).await, 401);

    let fully_specified = but(ed25519(), "alg", json!("Ed25519"));
    let app = super::app(builder().keys(&set(&[fully_specified])).unwrap().clock(clock).build().unwrap());
    assert_eq!(sent_to(&app, &ed25519().good()).await, 200, "the name of RFC 9864");
}

proptest! {
    #[test]
    fn d07_no_text_for_a_key_set_upsets_the_reader(
        key in 0..4_usize,
        name in prop::sample::select(&["kty", "crv", "alg", "use", "kid", "x", "y", "n", "e", "key_ops", "x5c"][..]),
        value in prop::sample::select(&[
            "null", "1e999", "[]", "{}", "\"\"", "\"=\"", "\"AAAA\"", "\"EC\"", "\"OKP\"", "\"RSA\"", "\"P-256\"", "\"Ed448\"",
            "\"Ed25519\"", "\"PS256\"",
        ][..]),
        text in "\\PC{0,60}",
    ) {
        let key = &keys()[key].jwk;
        let _ = builder().keys(&text);
        let _ = builder().keys(&format!("{{\"keys\":[{}]}}", super::super::issuer::but(key, name, Some(value))));
    }
}

#[test]
fn a_verifier_does_not_print_its_keys() {
    let builder = builder().keys(&jwks([ed25519()])).unwrap();
    let typed = verifier().typed::<()>();
    for (printed, name) in [
        (format!("{builder:?}"), "AccessTokensBuilder {"),
        (format!("{:?}", verifier()), "AccessTokens {"),
        (format!("{typed:?}"), "TypedTokens(AccessTokens {"),
    ] {
        assert!(printed.starts_with(name) && printed.contains(ISSUER), "{printed}");
        assert!(!printed.contains(ed25519().jwk["x"].as_str().unwrap()), "{printed}");
    }
}
