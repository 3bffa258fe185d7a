//! The walk: every operation of the live document, called without authorization.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::Ed25519KeyPair;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::Method;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::on_both_databases;
use crate::support::{Call, Client, TestApp, document};

/// A request to this operation. The guard runs before the body is read, so any body will do with an invalid credential.
/// Only the request that must not get through carries a change that would be visible afterwards.
fn sample(client: &Client, method: &Method, path: &str, entry: &Value) -> (Call, String) {
    let call = client.call(method.clone(), &path.replace("{id}", "0192f0c1-2345-7abc-8def-0123456789ab"));
    if (method.as_str(), path) == ("PATCH", "/profile") {
        return (
            call.header("content-type", "application/json"),
            json!({ "full_name": "Changed" }).to_string(),
        );
    }
    let content = entry["requestBody"]["content"].as_object();
    let body = match content.and_then(|content| content.keys().next()).map(String::as_str) {
        None => return (call, String::new()),
        Some("application/json") => ("application/json", "{}"),
        Some("multipart/form-data") => ("multipart/form-data; boundary=x", "--x--"),
        Some(other) => (other, ""),
    };
    (call.header("content-type", body.0), body.1.to_owned())
}

/// A token of our own format with this header and these claims, and the signature of `token`.
fn forged(token: &str, header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{}", part(header), part(claims), token.rsplit('.').next().unwrap())
}

fn parts(token: &str) -> (Value, Value) {
    let part = |at| {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(at).unwrap()).unwrap()).unwrap()
    };
    (part(0), part(1))
}

/// Tokens that must be rejected, each with its name: a valid token of an active session, spoiled.
fn bad_tokens(good: &str, jwks: &Value) -> Vec<(String, String)> {
    let (header, claims) = parts(good);
    let mut bad = vec![
        ("junk".to_owned(), "junk".to_owned()),
        ("dots".to_owned(), ".".repeat(8000)),
        ("64 kB".to_owned(), "x".repeat(65_536)),
        ("unsigned".to_owned(), good.rsplit_once('.').unwrap().0.to_owned() + "."),
    ];
    let algorithms = json!(["none", "nOnE", "", 1, ["EdDSA"], null, "HS256", "ES256", "RS256"]);
    for alg in algorithms.as_array().unwrap() {
        bad.push((format!("t01 alg {alg}"), forged(good, &with(&header, "alg", alg), &claims)));
    }
    let changes = [
        ("typ", json!("JWT")),
        ("typ", json!("logout+jwt")),
        ("kid", json!("../../x")),
        ("kid", json!("x".repeat(10_000))),
        ("crit", json!(["x"])),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
    ];
    for (name, value) in &changes {
        bad.push((format!("header {name}"), forged(good, &with(&header, name, value), &claims)));
    }
    let changes = [
        ("sub", json!("2")),
        ("scope", json!("admin")),
        ("exp", json!(9_999_999_999_u64)),
        ("iss", json!("http://evil.example")),
        ("aud", json!("another-api")),
    ];
    for (name, value) in &changes {
        bad.push((format!("changed {name}"), forged(good, &header, &with(&claims, name, value))));
    }
    bad.extend(signed_by_others(header["kid"].as_str().unwrap(), &claims, &jwks["keys"][0]));
    bad
}

/// The right claims under signatures that an attacker can create.
#[expect(clippy::disallowed_methods, reason = "an attacker's program of one backend")]
fn signed_by_others(kid: &str, claims: &Value, jwk: &Value) -> Vec<(String, String)> {
    let header = |algorithm| {
        let mut header = Header::new(algorithm);
        header.typ = Some("at+jwt".to_owned());
        header.kid = Some(kid.to_owned());
        header
    };
    // t01: the public key as an HMAC secret, in each encoding.
    let x = jwk["x"].as_str().unwrap();
    let public = URL_SAFE_NO_PAD.decode(x).unwrap();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{x}\n-----END PUBLIC KEY-----");
    let secrets = [
        public,
        x.as_bytes().to_vec(),
        pem.clone().into_bytes(),
        (pem + "\n").into_bytes(),
        jwk.to_string().into_bytes(),
        b" ".to_vec(),
    ];
    let hmac = |secret: &Vec<u8>| {
        encode(&header(Algorithm::HS256), claims, &EncodingKey::from_secret(secret)).unwrap()
    };
    let mut signed: Vec<_> = secrets.iter().map(|secret| ("t01 HMAC".to_owned(), hmac(secret))).collect();
    // t03: the attacker's own key, which the header points to.
    let key = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    let mut own = header(Algorithm::EdDSA);
    own.jku = Some("http://127.0.0.1:9/jwks.json".to_owned());
    let token = encode(&own, claims, &EncodingKey::from_ed_der(key.as_ref())).unwrap();
    signed.push(("t03 another key".to_owned(), token));
    signed
}

fn with(value: &Value, name: &str, change: &Value) -> Value {
    let mut value = value.clone();
    value[name] = change.clone();
    value
}

on_both_databases! {
    async fn t13_no_guarded_operation_opens_to_a_bad_credential(database: Database) {
        let app = TestApp::new(database).await;
        let ada = app.as_user("ada").await;
        let jwks = app.stranger().get("/.well-known/jwks.json").send().await.json();
        let ended = app.log_in("ada").await;
        ended.post("/logout").send().await.assert(204);
        let mut tokens = bad_tokens(ada.token(), &jwks);
        tokens.push(("of an ended session".to_owned(), ended.token().to_owned()));

        for (method, path, entry) in document().operations() {
            let guarded = !entry["security"].as_array().unwrap().is_empty();
            let (call, body) = sample(&app.stranger(), &method, path, entry);
            let nothing = call.body(body).await;
            if !guarded {
                assert_ne!(nothing.status.as_u16(), 401, "{method} {path} is public in the document");
                continue;
            }
            // t09: without a credential, the challenge has no error.
            assert_eq!(nothing.assert(401).header("www-authenticate"), "Bearer");
            for (name, token) in &tokens {
                let (call, body) = sample(&app.stranger().with_token(token), &method, path, entry);
                let refused = call.body(body).await;
                assert_eq!(refused.status.as_u16(), 401, "{method} {path}: {name}");
                assert!(refused.header("www-authenticate").starts_with("Bearer error=\"invalid_token\""), "{name}");
            }
            let good = ada.token();
            for header in [format!("bearer  {good}"), format!("Bearer\t{good}"), format!("Basic {good}"), format!("Token {good}"), format!("Bearer {good} x")] {
                let (call, body) = sample(&app.stranger(), &method, path, entry);
                call.header("authorization", &header).body(body).await.assert(401);
            }
            // t10: two credentials, and one in the query.
            let (call, body) = sample(&ada, &method, path, entry);
            call.header("authorization", "Bearer x").body(body).await.assert(400);
            let (_, body) = sample(&app.stranger(), &method, path, entry);
            let path = path.replace("{id}", "1");
            app.stranger().call(method, &format!("{path}?access_token={good}")).body(body).await.assert(401);
        }
        assert_eq!(ada.get("/profile").send().await.assert(200).json()["full_name"], "ada", "a refused call changed something");

        app.advance(301);
        for (method, path, entry) in document().operations() {
            if !entry["security"].as_array().unwrap().is_empty() {
                let (call, body) = sample(&ada, &method, path, entry);
                call.body(body).await.assert(401);
            }
        }
    }
}
