//! Other tokens that an issuer signs: the signature is verified, and nothing else.

use portcullis::tokens::{NotSigned, PublicKeys, Signed};
use serde_json::json;

use super::super::issuer::{Key, attacker, but, ed25519, jwks, keys, p256};

/// An ID token by `key`, with one member of the header changed.
fn id_token(key: &Key, name: &str, value: Option<&str>) -> String {
    let plain = but(&key.header(), "typ", Some("\"JWT\""));
    let header = but(&serde_json::from_str(&plain).unwrap(), name, value);
    key.token(&header, &json!({ "sub": "ada", "nonce": "n" }).to_string())
}

fn open(token: &str) -> Result<Signed, NotSigned> {
    PublicKeys::read(&jwks(keys())).unwrap().open(token)
}

#[test]
fn t01_a_token_is_opened_by_the_key_that_signed_it() {
    for (key, algorithm) in [(ed25519(), "EdDSA"), (p256(), "ES256")] {
        let token = open(&id_token(key, "x", None)).unwrap();
        assert_eq!((token.algorithm(), token.key_issuer()), (algorithm, None));
        assert_eq!((&token.claims()["sub"], token.claims().len()), (&json!("ada"), 2));
        open(&id_token(key, "typ", None)).unwrap();
    }
}

#[test]
fn t07_a_key_says_whose_tokens_it_signs() {
    let mut jwk = ed25519().jwk.clone();
    jwk["issuer"] = json!("https://id.example/{tenantid}");
    let keys = PublicKeys::read(&json!({ "keys": [jwk] }).to_string()).unwrap();
    let signed = keys.open(&id_token(ed25519(), "x", None)).unwrap();
    assert_eq!(signed.key_issuer(), Some("https://id.example/{tenantid}"));
}

#[test]
fn t01_t02_t04_t06_what_nobody_signed_so_is_rejected() {
    let good = id_token(ed25519(), "x", None);
    let (signed, signature) = good.rsplit_once('.').unwrap();
    for (token, reason, is_unknown) in [
        (String::new(), "not a signed token", false),
        (signed.to_owned(), "not a signed token", false),
        (format!("{signed}.x.{signature}"), "not a signed token", false),
        (format!("{signed}."), "bad signature", false),
        (format!("a{good}"), "header cannot be read", false),
        (id_token(ed25519(), "typ", Some("\"at+jwt\"")), "typ is neither missing nor JWT", false),
        (id_token(ed25519(), "typ", Some("1")), "typ is neither missing nor JWT", false),
        (id_token(ed25519(), "alg", Some("\"none\"")), "alg is not the key's", false),
        (id_token(ed25519(), "alg", Some("\"HS256\"")), "alg is not the key's", false),
        (id_token(p256(), "alg", Some("\"EdDSA\"")), "alg is not the key's", false),
        (id_token(ed25519(), "crit", Some("[\"x\"]")), "header asks for an extension", false),
        (id_token(ed25519(), "kid", Some("\"another\"")), "unknown kid", true),
        (id_token(attacker(), "kid", Some("\"ed\"")), "bad signature", false),
        (ed25519().token(&but(&ed25519().header(), "typ", None), "[]"), "claims cannot be read", false),
        (
            ed25519().token(&but(&ed25519().header(), "typ", None), r#"{"a":1,"a":2}"#),
            "claims cannot be read",
            false,
        ),
    ] {
        let error = open(&token).unwrap_err();
        assert_eq!((error.to_string().as_str(), error.is_unknown_key()), (reason, is_unknown), "{token}");
    }
}

#[test]
fn j04_a_set_without_a_key_that_can_be_used_is_none() {
    for set in ["", "{}", r#"{"keys":[]}"#, r#"{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}"#] {
        let problem = PublicKeys::read(set).unwrap_err().to_string();
        assert!(!problem.contains("c2VjcmV0"), "{problem}");
    }
}
