//! Which keys and settings make a verifier, and which are rejected with a reason.

use portcullis::tokens::AccessTokensBuilder;
use proptest::prelude::*;
use serde_json::{Value, json};
use tracing::Level;

use super::{
    super::{
        issuer::{
            AUDIENCE, ISSUER, NOW, attacker, base64url, ed25519, jwks, keys, p256, p384, p521, rsa,
            rsa_others, rsa_pss,
        },
        log::Log,
    },
    *,
};

fn set(keys: &[Value]) -> String {
    json!({ "keys": keys }).to_string()
}

/// A key's JWK with one member changed (`null` removes it).
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

/// The other backend does not support ES512.
const HAS_ES512: bool = cfg!(feature = "aws-lc-rs");

fn clock() -> std::time::SystemTime {
    std::time::UNIX_EPOCH + Duration::from_secs(NOW)
}

#[test]
fn t15_what_is_not_a_key_set_stops_the_start() {
    let other = [
        String::new(),
        "not json".to_owned(),
        "[]".to_owned(),
        "{}".to_owned(),
        ed25519().jwk.to_string(),
        ed25519().pem(),
    ];
    for text in other {
        let rejected = builder().keys(&text).expect_err(&text).to_string();
        assert!(rejected.starts_with("this is not a JWK Set"), "{text}: {rejected}");
    }
}

/// Given and discovered sets are treated alike: an unusable key is skipped, and only prevents the start if it is the
/// only one.
#[tokio::test]
async fn t15_doubtful_keys_are_skipped_and_alone_they_stop_the_start() {
    let off_curve = |key: &super::super::issuer::Key| but(key, "y", key.jwk["x"].clone());
    let cases = [
        (but(ed25519(), "kid", json!("")), "`kid` is not a text"),
        (but(ed25519(), "kid", json!(7)), "`kid` is not a text"),
        (but(ed25519(), "kid", json!("k".repeat(257))), "`kid` is not a text"),
        (but(ed25519(), "d", json!(base64url([7; 32]))), "given with its secret"),
        (json!({"kty": "oct", "kid": "s", "alg": "HS256", "k": base64url([1; 32])}), "given with its secret"),
        (but(ed25519(), "alg", json!("HS256")), "not one of"),
        (but(ed25519(), "alg", json!("ES256")), "not one of"),
        (but(ed25519(), "alg", json!("Ed448")), "not one of"),
        (but(ed25519(), "crv", json!("P-256")), "not one of"),
        (but(p256(), "alg", json!("Ed25519")), "not one of"),
        (but(p256(), "alg", json!("ES384")), "not one of"),
        (but(p256(), "crv", json!("P-384")), "not one of"),
        (but(p256(), "crv", json!("P-521")), "not one of"),
        (but(p384(), "alg", json!("ES256")), "not one of"),
        (but(p384(), "crv", json!("P-256")), "not one of"),
        (but(p521(), "alg", json!("ES384")), "not one of"),
        (but(p521(), "x", json!(base64url([7; 65]))), "not one of"),
        (but(rsa(), "alg", json!("ES256")), "not one of"),
        (but(rsa(), "n", json!(base64url([0xff; 128]))), "not one of"),
        (but(ed25519(), "x", json!(base64url([7; 31]))), "not one of"),
        (but(ed25519(), "x", json!("not base64url!")), "not one of"),
        (but(p256(), "y", json!("")), "not one of"),
        (off_curve(p256()), "not a point of its curve"),
        (off_curve(p384()), "not a point of its curve"),
        (off_curve(p521()), "not a point of its curve"),
        (but(p521(), "use", json!("enc")), "for encryption"),
        (but(rsa(), "use", json!("enc")), "for encryption"),
    ];
    for (jwk, reason) in cases.into_iter().filter(|(jwk, _)| HAS_ES512 || jwk["crv"] != "P-521") {
        let alone = builder().keys(&set(std::slice::from_ref(&jwk))).unwrap().build();
        let rejected = alone.expect_err(reason).to_string();
        assert!(rejected.starts_with("no usable key: key "), "{jwk}: {rejected}");
        assert!(rejected.contains(reason), "{jwk}: {rejected}");
        let good = rsa_pss();
        let beside = builder().keys(&set(&[jwk.clone(), good.jwk.clone()])).unwrap().clock(clock);
        assert_eq!(sent_to(&app(beside.build().unwrap()), &good.good()).await, 200, "{jwk}");
    }
    let twice = builder().keys(&set(&[ed25519().jwk.clone(), but(attacker(), "kid", json!("ed"))])).unwrap();
    let app = app(twice.clock(clock).build().unwrap());
    assert_eq!(sent_to(&app, &ed25519().good()).await, 200, "the first of a name counts");
    let header = json!({ "typ": "at+jwt", "alg": "EdDSA", "kid": "ed" }).to_string();
    let claims = super::super::issuer::claims().to_string();
    assert_eq!(sent_to(&app, &attacker().token(&header, &claims)).await, 401);
}

#[tokio::test]
async fn tokens_of_every_algorithm_are_verified() {
    let keys =
        [[p384()].to_vec(), HAS_ES512.then(p521).into_iter().collect(), rsa_others().to_vec()].concat();
    let all = builder().keys(&jwks(keys.iter().copied())).unwrap().clock(clock).build().unwrap();
    let app = app(all);
    for key in &keys {
        assert_eq!(sent_to(&app, &key.good()).await, 200, "{}", key.alg);
        let good = key.good();
        let (signed, _) = good.rsplit_once('.').unwrap();
        let mut signature = key.signature(signed.as_bytes());
        *signature.last_mut().unwrap() ^= 1;
        let forged = format!("{signed}.{}", base64url(signature));
        assert_eq!(sent_to(&app, &forged).await, 401, "{}", key.alg);
        // One key, one algorithm: the same numbers under another name are another key.
        for other in &keys {
            let header = json!({ "typ": "at+jwt", "alg": other.alg, "kid": key.kid }).to_string();
            let token = other.token(&header, &super::super::issuer::claims().to_string());
            let expected = if other.alg == key.alg { 200 } else { 401 };
            assert_eq!(sent_to(&app, &token).await, expected, "{} by {}", key.alg, other.alg);
        }
    }
    // An elliptic curve key's curve determines its algorithm.
    for key in [p256(), p384()].into_iter().chain(HAS_ES512.then(p521)) {
        let app = super::app(
            builder().keys(&set(&[but(key, "alg", json!(null))])).unwrap().clock(clock).build().unwrap(),
        );
        assert_eq!(sent_to(&app, &key.good()).await, 200, "{}", key.alg);
    }
    let app = super::app(
        builder().keys(&set(&[but(rsa(), "alg", json!(null))])).unwrap().clock(clock).build().unwrap(),
    );
    assert_eq!(sent_to(&app, &rsa().good()).await, 200, "RS256 where nothing is said");
    assert_eq!(
        sent_to(
            &app,
            &rsa_others()[0].token(
                &json!({ "typ": "at+jwt", "alg": "RS384", "kid": "rsa" }).to_string(),
                &super::super::issuer::claims().to_string(),
            )
        )
        .await,
        401
    );
}

#[tokio::test]
async fn a_kid_may_be_missing_where_one_key_fits() {
    let nameless = |key: &super::super::issuer::Key| but(key, "kid", json!(null));
    let unnamed = |key: &super::super::issuer::Key| {
        let header = json!({ "typ": "at+jwt", "alg": key.alg }).to_string();
        key.token(&header, &super::super::issuer::claims().to_string())
    };
    let app_of = |keys: &[Value]| app(builder().keys(&set(keys)).unwrap().clock(clock).build().unwrap());

    let app = app_of(&[nameless(ed25519()), p256().jwk.clone()]);
    assert_eq!(sent_to(&app, &ed25519().good()).await, 200, "the token has a name and the key has none");
    assert_eq!(sent_to(&app, &unnamed(ed25519())).await, 200, "neither has one");
    assert_eq!(sent_to(&app, &unnamed(p256())).await, 200, "the key has a name and the token has none");
    assert_eq!(sent_to(&app, &unnamed(attacker())).await, 401);
    assert_eq!(sent_to(&app, &unnamed(rsa())).await, 401, "no key fits");

    // Two keys fit, and we do not try both.
    let app = app_of(&[nameless(ed25519()), attacker().jwk.clone()]);
    assert_eq!(sent_to(&app, &unnamed(ed25519())).await, 401);
    assert_eq!(sent_to(&app, &attacker().good()).await, 200, "its name is known");
    assert_eq!(sent_to(&app, &ed25519().good()).await, 200, "one key without a name fits");
    let app = app_of(&[nameless(ed25519()), nameless(attacker())]);
    assert_eq!(sent_to(&app, &ed25519().good()).await, 401);
}

/// A name of more than 256 bytes is not a name: neither a key nor a token has one.
#[tokio::test]
async fn t03_a_kid_has_256_bytes_at_most() {
    let log = Log::here();
    for (length, expected) in [(1, 200), (255, 200), (256, 200), (257, 401)] {
        let kid = json!("k".repeat(length));
        let set = set(&[but(ed25519(), "kid", kid.clone()), rsa().jwk.clone()]);
        let app = app(builder().keys(&set).unwrap().clock(clock).build().unwrap());
        let header = json!({ "typ": "at+jwt", "alg": "EdDSA", "kid": kid }).to_string();
        let token = ed25519().token(&header, &super::super::issuer::claims().to_string());
        assert_eq!(sent_to(&app, &token).await, expected, "{length}");
    }
    drop(log.taken(Level::DEBUG));
    // The reasons differ: a name that is too long is not looked for at the issuer.
    for (length, reason) in
        [(0, "no kid that names a key"), (256, "unknown kid"), (257, "no kid that names a key")]
    {
        let header = json!({ "typ": "at+jwt", "alg": "EdDSA", "kid": "x".repeat(length) }).to_string();
        let token = ed25519().token(&header, &super::super::issuer::claims().to_string());
        assert_eq!(status(&token).await, 401);
        assert_eq!(log.taken(Level::DEBUG), [format!("reason={reason}")], "{length}");
    }
}

#[tokio::test]
async fn a_shared_secret_is_dangerous_and_long() {
    let secret = [7_u8; 32];
    let signed = |alg: &str, secret: &[u8]| {
        use aws_lc_rs::hmac;
        let header = base64url(json!({ "typ": "at+jwt", "alg": alg }).to_string());
        let signed = format!("{header}.{}", base64url(super::super::issuer::claims().to_string()));
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes());
        format!("{signed}.{}", base64url(tag))
    };
    let short = builder().dangerous().shared_secret(&secret[1..]).unwrap_err().to_string();
    assert!(short.contains("31 bytes") && short.contains("at least 32"), "{short}");

    let tokens = builder().keys(&jwks([ed25519()])).unwrap().dangerous().shared_secret(&secret).unwrap();
    let app = app(tokens.clock(clock).build().unwrap());
    assert_eq!(sent_to(&app, &signed("HS256", &secret)).await, 200);
    assert_eq!(sent_to(&app, &ed25519().good()).await, 200);
    for (alg, other) in
        [("HS256", [8; 32]), ("HS384", secret), ("HS512", secret), ("EdDSA", secret), ("none", secret)]
    {
        assert_eq!(sent_to(&app, &signed(alg, &other)).await, 401, "{alg}");
    }
    // Using a public key as a secret (CVE-2015-9235) still fails.
    for public in [ed25519().raw.clone(), ed25519().pem().into_bytes(), ed25519().der.clone()] {
        assert_eq!(sent_to(&app, &signed("HS256", &public)).await, 401);
    }
}

#[test]
fn t15_a_verifier_without_a_setting_is_not_built() {
    let keys = jwks([ed25519()]);
    let cases = [
        (builder(), "no keys"),
        (builder().keys(&set(&[])).unwrap(), "no keys"),
        (AccessTokens::issued_by(ISSUER).keys(&keys).unwrap(), "no audience"),
        (AccessTokens::issued_by(ISSUER).audience("").keys(&keys).unwrap(), "no audience"),
        (AccessTokens::issued_by("").audience(AUDIENCE).keys(&keys).unwrap(), "the issuer is empty"),
        (builder().audience("").keys(&keys).unwrap(), "no audience"),
        (
            builder().leeway(Duration::from_millis(60_001)).keys(&keys).unwrap(),
            "the leeway is at most 60 seconds",
        ),
        (builder().scope_claim_at([]).keys(&keys).unwrap(), "the path to a claim with scopes is empty"),
        (
            builder().tenants("https://x.example/v2", ["a"]).keys(&keys).unwrap(),
            "`https://x.example/v2` must contain",
        ),
        (
            builder().tenants("https://{tenantid}.example/{tenantid}", ["a"]).keys(&keys).unwrap(),
            "`https://{tenantid}.example/{tenantid}` must contain",
        ),
        (builder().tenants("https://x.example/{tenantid}", [""; 0]).keys(&keys).unwrap(), "no tenants"),
        (
            builder().tenants("https://x.example/{tenantid}", [""]).keys(&keys).unwrap(),
            "`` is not a tenant's id",
        ),
        (builder().tenants("https://x.example/{tenantid}", ["a/b"]).keys(&keys).unwrap(), "`a/b` is not"),
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
