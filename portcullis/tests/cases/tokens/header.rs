//! What a token's header may ask for: one algorithm, one type, no key, no extension.

use std::{io::ErrorKind, net::TcpListener};

use aws_lc_rs::hmac;
use serde_json::{Value, json};

use super::{
    super::issuer::{Key, attacker, base64url, but, claims, ed25519, keys, p256},
    status,
};

/// A valid token of `key` with one member of the header replaced by this JSON text.
fn with(key: &Key, name: &str, value: Option<&str>) -> String {
    key.token(&but(&key.header(), name, value), &claims().to_string())
}

#[tokio::test]
async fn t01_only_the_keys_own_algorithm_is_an_algorithm() {
    assert_eq!(status(&ed25519().good()).await, 200);
    let algs = [
        None,
        Some("\"none\""),
        Some("\"nOnE\""),
        Some("\"NONE\""),
        Some("\"\""),
        Some("null"),
        Some("42"),
        Some("{}"),
        Some("[\"EdDSA\"]"),
        Some("[\"none\"]"),
        Some("\"eddsa\""),
        Some("\"EdDSA \""),
        Some("\"ed25519\""),
        Some("\"Ed448\""),
    ];
    for alg in algs {
        let signed = with(ed25519(), "alg", alg);
        assert_eq!(status(&signed).await, 401, "{alg:?}");
        let (unsigned, _) = signed.rsplit_once('.').unwrap();
        assert_eq!(status(&format!("{unsigned}.")).await, 401, "{alg:?}, no signature");
        assert_eq!(status(unsigned).await, 401, "{alg:?}, two parts");
    }
}

#[tokio::test]
async fn t02_an_ed25519_key_has_one_algorithm_under_two_names() {
    for key in keys() {
        let renamed = with(key, "alg", Some("\"Ed25519\""));
        assert_eq!(status(&renamed).await, if key.alg == "EdDSA" { 200 } else { 401 }, "{}", key.alg);
    }
}

#[tokio::test]
async fn t01_a_public_key_is_no_shared_secret() {
    for key in keys() {
        let (pem, jwk) = (key.pem(), key.jwk.to_string());
        let jwks = json!({ "keys": [key.jwk] }).to_string();
        let lines = [format!("{pem}\n"), format!("{jwk}\n"), format!("{jwks}\n")];
        let mut secrets: Vec<&[u8]> =
            vec![b"", b"\n", &key.raw, &key.der, pem.as_bytes(), jwk.as_bytes(), jwks.as_bytes()];
        secrets.extend(lines.iter().map(String::as_bytes));
        for secret in secrets {
            let algorithms =
                [("HS256", hmac::HMAC_SHA256), ("HS384", hmac::HMAC_SHA384), ("HS512", hmac::HMAC_SHA512)];
            // With HMAC in the header, and under the key's algorithm.
            for (alg, algorithm) in algorithms.into_iter().chain([(key.alg, hmac::HMAC_SHA256)]) {
                let header = but(&key.header(), "alg", Some(&json!(alg).to_string()));
                let signed = format!("{}.{}", base64url(header), base64url(claims().to_string()));
                let tag = hmac::sign(&hmac::Key::new(algorithm, secret), signed.as_bytes());
                assert_eq!(status(&format!("{signed}.{}", base64url(tag))).await, 401, "{} {alg}", key.kid);
            }
        }
    }
}

#[tokio::test]
async fn t02_a_key_has_one_algorithm() {
    let algs = ["EdDSA", "ES256", "RS256", "PS256", "ES384", "RS384", "RS512", "PS384", "ES256K"];
    // `rsa` and `pss` are the same pair of numbers: only the name in `kid` decides the algorithm.
    for signer in keys() {
        for named in keys() {
            for alg in algs {
                let header = json!({ "typ": "at+jwt", "alg": alg, "kid": named.kid }).to_string();
                let token = signer.token(&header, &claims().to_string());
                let right = signer.kid == named.kid && alg == signer.alg;
                let expected = if right { 200 } else { 401 };
                assert_eq!(status(&token).await, expected, "{} signs, {header}", signer.kid);
            }
        }
    }
}

#[tokio::test]
async fn t03_a_token_does_not_bring_its_key() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = json!(format!("http://{}/jwks.json", listener.local_addr().unwrap())).to_string();
    let chain = json!([base64_der(attacker())]).to_string();
    let jwk = attacker().jwk.to_string();
    for (name, value) in [("jwk", &jwk), ("jku", &url), ("x5u", &url), ("x5c", &chain)] {
        for kid in [None, Some("\"ed\""), Some("\"attacker\"")] {
            let mut header: Value = serde_json::from_str(&but(&ed25519().header(), "kid", kid)).unwrap();
            header[name] = serde_json::from_str(value).unwrap();
            let (header, claims) = (header.to_string(), claims().to_string());
            assert_eq!(status(&attacker().token(&header, &claims)).await, 401, "{header}");
            // Without a `kid`, the only key of the algorithm is meant.
            let expected = if kid == Some("\"attacker\"") { 401 } else { 200 };
            assert_eq!(status(&ed25519().token(&header, &claims)).await, expected, "{header}");
        }
    }
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "a key was asked for");
}

fn base64_der(key: &Key) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    STANDARD.encode(&key.der)
}

#[tokio::test]
async fn t03_a_kid_is_a_name_and_nothing_else() {
    let long = [json!("k".repeat(300)).to_string(), json!("k".repeat(5000)).to_string()];
    let huge = json!("k".repeat(10_000)).to_string();
    let kids = [
        "\"../../x\"",
        "\"/dev/null\"",
        "\"' OR 1=1 --\"",
        "\"ed' UNION SELECT 'ec\"",
        "\"ED\"",
        "\"ed \"",
        "\"ed\\u0000\"",
        "\"ec\"",
        "\"unknown\"",
        "\"\"",
        "42",
        "null",
        "[\"ed\"]",
        "{\"ed\":1}",
        &long[0],
        &long[1],
        &huge,
    ];
    for kid in kids {
        assert_eq!(status(&with(ed25519(), "kid", Some(kid))).await, 401, "{kid}");
    }
    assert_eq!(status(&with(ed25519(), "kid", None)).await, 200, "one key alone fits");
    assert_eq!(status(&with(attacker(), "kid", None)).await, 401);
}

#[tokio::test]
async fn t04_no_extension_is_understood() {
    let members = [
        ("crit", "[\"exp\"]"),
        ("crit", "[\"b64\"]"),
        ("crit", "[\"bork\"]"),
        ("crit", "[]"),
        ("crit", "null"),
        ("b64", "false"),
        ("b64", "true"),
        ("zip", "\"DEF\""),
        ("enc", "\"A256GCM\""),
    ];
    for (name, value) in members {
        assert_eq!(status(&with(ed25519(), name, Some(value))).await, 401, "{name} {value}");
    }
    let header = but(&ed25519().header(), "cty", Some("\"JWT\""));
    assert_eq!(
        status(&ed25519().token(&header, &claims().to_string())).await,
        200,
        "a member that asks for nothing"
    );
}

#[tokio::test]
async fn t04_b64_false_does_not_change_what_is_signed() {
    let header = base64url(r#"{"typ":"at+jwt","alg":"EdDSA","kid":"ed","b64":false,"crit":["b64"]}"#);
    let detached = format!("{header}.{}", claims());
    let signature = base64url(ed25519().signature(detached.as_bytes()));
    let token = format!("{header}.{}.{signature}", base64url(claims().to_string()));
    assert_eq!(status(&token).await, 401);
    assert_eq!(status(&format!("{header}..{signature}")).await, 401);
}

#[tokio::test]
async fn t04_no_member_stands_twice() {
    let (header, claims) = (ed25519().header().to_string(), claims().to_string());
    let again = |object: &str, member: &str| {
        let inside = object.strip_suffix('}').unwrap();
        [format!("{inside},{member}}}"), format!("{{{member},{}", object.strip_prefix('{').unwrap())]
    };
    for member in [r#""alg":"EdDSA""#, r#""alg":"none""#, r#""kid":"ed""#, r#""\u0061lg":"EdDSA""#] {
        for header in again(&header, member) {
            assert_eq!(status(&ed25519().token(&header, &claims)).await, 401, "{header}");
        }
    }
    for member in [r#""sub":"ana""#, r#""sub":"root""#, r#""\u0073ub":"root""#, r#""exp":9999999999"#] {
        for claims in again(&claims, member) {
            assert_eq!(status(&ed25519().token(&header, &claims)).await, 401, "{claims}");
        }
    }
    let nested = but(&super::super::issuer::claims(), "cnf", Some(r#"{"jkt":"a","jkt":"b"}"#));
    assert_eq!(status(&ed25519().token(&header, &nested)).await, 401, "{nested}");
}

#[tokio::test]
async fn t04_three_parts_in_compact_form_and_no_other() {
    let good = ed25519().good();
    let [header, payload, signature] = good.split('.').collect::<Vec<_>>().try_into().unwrap();
    let flat = json!({ "protected": header, "payload": payload, "signature": signature }).to_string();
    let general =
        json!({ "payload": payload, "signatures": [{ "protected": header, "signature": signature }] })
            .to_string();
    let jwe = base64url(r#"{"typ":"at+jwt","alg":"dir","enc":"A256GCM","zip":"DEF","kid":"ed"}"#);
    let tokens = [
        flat.clone(),
        base64url(&flat),
        general.clone(),
        base64url(&general),
        format!("{jwe}..{header}.{payload}.{signature}"),
        format!("{jwe}.{header}.{payload}.{signature}.{signature}"),
        format!("{header}.{payload}.{signature}.{signature}.{signature}"),
        format!("{good}.{signature}"),
        format!("{header}.{good}"),
        format!("{good}."),
        format!(".{good}"),
        format!("{header}.{payload}"),
        format!("{header}..{signature}"),
        format!(".{payload}.{signature}"),
        header.to_owned(),
        "..".to_owned(),
        "....".to_owned(),
    ];
    for token in tokens {
        assert_eq!(status(&token).await, 401, "{token}");
    }
    let not_objects = ["", "null", "[]", "\"at+jwt\"", "1", "{", "\u{feff}{}", "[{\"typ\":\"at+jwt\"}]"];
    for text in not_objects {
        assert_eq!(status(&ed25519().token(text, &claims().to_string())).await, 401, "{text}");
        assert_eq!(status(&ed25519().token(&ed25519().header().to_string(), text)).await, 401, "{text}");
    }
}

#[tokio::test]
async fn t06_only_an_access_token_is_an_access_token() {
    for typ in ["at+jwt", "AT+JWT", "At+Jwt", "application/at+jwt", "APPLICATION/at+JWT"] {
        for key in [ed25519(), p256()] {
            assert_eq!(status(&with(key, "typ", Some(&json!(typ).to_string()))).await, 200, "{typ}");
        }
    }
    let others = [
        "\"JWT\"",
        "\"jwt\"",
        "\"id_token\"",
        "\"logout+jwt\"",
        "\"secevent+jwt\"",
        "\"dpop+jwt\"",
        "\"client-authentication+jwt\"",
        "\"state+jwt\"",
        "\"email-link+jwt\"",
        "\"at+jwt;x=1\"",
        "\" at+jwt\"",
        "\"at jwt\"",
        "\"application/application/at+jwt\"",
        "\"\"",
        "null",
        "1",
        "[\"at+jwt\"]",
    ];
    for typ in others {
        assert_eq!(status(&with(ed25519(), "typ", Some(typ))).await, 401, "{typ}");
    }
    assert_eq!(status(&with(ed25519(), "typ", None)).await, 401);
}

#[tokio::test]
async fn t06_another_token_of_our_issuer_is_no_access_token() {
    // It has every claim of an access token too; only its type differs.
    for (typ, name, value) in [
        ("JWT", "nonce", json!("n")),
        ("logout+jwt", "events", json!({ "http://schemas.openid.net/event/backchannel-logout": {} })),
        ("dpop+jwt", "htm", json!("GET")),
    ] {
        let header = but(&ed25519().header(), "typ", Some(&json!(typ).to_string()));
        let claims = but(&claims(), name, Some(&value.to_string()));
        assert_eq!(status(&ed25519().token(&header, &claims)).await, 401, "{typ}");
    }
}
