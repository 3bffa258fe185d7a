//! An access token as sent; or a header and claims, separated by a NUL, that the right key signs.
#![no_main]

use std::{
    sync::LazyLock,
    time::{Duration, UNIX_EPOCH},
};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use axum::{Router, body::Body, http::Request, routing::get};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use libfuzzer_sys::fuzz_target;
use portcullis::{AccessTokens, Guard};
use serde_json::{Value, json};

const NOW: u64 = 1_800_000_000;

static PAIR: LazyLock<Ed25519KeyPair> =
    LazyLock::new(|| Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("a key"));

static ROUTER: LazyLock<Router> = LazyLock::new(|| {
    let x = URL_SAFE_NO_PAD.encode(PAIR.public_key());
    let jwks = json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "kid": "1", "x": x }] });
    let builder = AccessTokens::issued_by("i").audience("a").clock(|| UNIX_EPOCH + Duration::from_secs(NOW));
    let tokens = builder.keys(&jwks.to_string()).and_then(|builder| builder.build()).expect("a verifier");
    Router::new().route("/", get(async |_: Guard<AccessTokens>| "in")).with_state(tokens)
});

fn status(token: &str) -> u16 {
    let request = Request::get("/").header("authorization", format!("Bearer {token}")).body(Body::empty());
    request.map_or(401, |request| portcullis_fuzz::status(&ROUTER, request).as_u16())
}

/// Whether an independent parser would accept these claims.
fn is_plausible(claims: &[u8]) -> bool {
    let Ok(claims) = serde_json::from_slice::<Value>(claims) else { return false };
    let text = |name: &str| claims[name].as_str().is_some_and(|text| !text.is_empty());
    let for_us =
        claims["aud"] == "a" || claims["aud"].as_array().is_some_and(|list| list.contains(&json!("a")));
    claims["iss"] == "i"
        && for_us
        && claims["exp"].as_f64().is_some_and(|exp| exp + 5.0 > NOW as f64)
        && claims["iat"].as_f64().is_some_and(|iat| iat <= NOW as f64 + 5.0)
        && ["sub", "jti", "client_id"].into_iter().all(text)
}

fuzz_target!(|data: &[u8]| {
    let Some((header, claims)) = data.iter().position(|byte| *byte == 0).map(|at| data.split_at(at)) else {
        if let Ok(token) = std::str::from_utf8(data) {
            assert_eq!(status(token), 401);
        }
        return;
    };
    let (header, claims) = (
        if header.is_empty() { br#"{"typ":"at+jwt","alg":"EdDSA","kid":"1"}"# } else { header },
        &claims[1..],
    );
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = URL_SAFE_NO_PAD.encode(PAIR.sign(signed.as_bytes()));
    match status(&format!("{signed}.{signature}")) {
        200 => assert!(is_plausible(claims)),
        other => assert_eq!(other, 401),
    }
});
