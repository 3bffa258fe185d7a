//! Logins against a provider that misbehaves. The names after `l…_` are those of the OpenID Foundation's conformance
//! suite for relying parties.

use std::time::Duration;

use serde_json::json;

use self::provider::{CLIENT_ID, CLIENT_SECRET, Canned, Sign, Upstream};
use super::*;

#[path = "../../tests/support/upstream.rs"]
#[allow(dead_code, unreachable_pub, reason = "the tests over HTTP share it")]
pub(super) mod provider;

pub(super) const NOW: i64 = 1_800_000_000;
pub(super) const REDIRECT: &str = "https://login.example/log-in/with/acme/callback";

pub(super) fn clock() -> Clock {
    Clock::fixed(Timestamp::from_secs(NOW))
}

pub(super) fn provider_with(name: &str, change: impl FnOnce(&mut LoginProvider)) -> Provider {
    let mut settings = LoginProvider {
        client_id: CLIENT_ID.to_owned(),
        client_secret: Some(CLIENT_SECRET.into()),
        private_network: true,
        ..LoginProvider::default()
    };
    change(&mut settings);
    settings::provider(name, &settings, &settings::Ways::new(), &clock()).unwrap()
}

/// A fake provider, and its settings.
pub(super) async fn at(name: &str) -> (Upstream, Provider) {
    let upstream = Upstream::start(NOW).await;
    let provider = provider_with(name, |settings| settings.issuer = Some(upstream.url.clone()));
    (upstream, provider)
}

async fn acme() -> (Upstream, Provider) {
    at("acme").await
}

/// A complete login.
pub(super) async fn log_in(upstream: &Upstream, provider: &Provider) -> Result<Proved, UpstreamError> {
    log_in_with(upstream, provider, false, |_| ()).await
}

pub(super) async fn log_in_with(
    upstream: &Upstream,
    provider: &Provider,
    fresh: bool,
    change: impl FnOnce(&mut CallbackParams),
) -> Result<Proved, UpstreamError> {
    let begun = provider.begin(REDIRECT, Ask { fresh }).await?;
    // As read from the row where it was sealed.
    let kept = serde_json::to_string(&begun.kept).unwrap();
    let kept: Kept = serde_json::from_str(&kept).unwrap();
    let mut back = upstream.agree(&begun.url);
    assert_eq!(back["state"], kept.state.expose());
    let mut params = CallbackParams { code: back.remove("code"), ..CallbackParams::default() };
    change(&mut params);
    provider.finish(REDIRECT, &kept, &params).await
}

/// A login that must be rejected as an invalid response, for a reason that contains `word`.
pub(super) async fn refused(upstream: &Upstream, provider: &Provider, word: &str) {
    let error = log_in(upstream, provider).await.unwrap_err();
    assert_eq!(error.kind(), Failure::Invalid, "{error}");
    assert!(error.to_string().contains(word), "{error}");
    check_is_clean(&error);
}

/// The log must not contain secrets.
fn check_is_clean(error: &UpstreamError) {
    for secret in [CLIENT_SECRET, "opaque-access-token", "code-0", "eyJ"] {
        assert!(!error.to_string().contains(secret), "{error}");
    }
}

#[tokio::test]
async fn l01_oidcc_client_test() {
    let (upstream, provider) = acme().await;
    let proved = log_in(&upstream, &provider).await.unwrap();
    assert_eq!(proved.issuer, upstream.url);
    assert_eq!((proved.subject.as_str(), proved.provider.as_str()), ("248289761001", "acme"));
    assert_eq!(proved.email.as_ref().map(Email::as_str), Some("ada@example.com"));
    assert_eq!(proved.name.as_ref().map(FullName::as_str), Some("Ada Lovelace"));
    assert!(!proved.email_is_proved, "nobody said that this issuer is trusted");
    assert_eq!(proved.auth_time, None);
}

#[tokio::test]
async fn l03_an_issuer_is_trusted_for_email_where_the_operator_says_so() {
    let upstream = Upstream::start(NOW).await;
    let provider = provider_with("acme", |settings| {
        settings.issuer = Some(upstream.url.clone());
        settings.trust_email = true;
    });
    assert!(log_in(&upstream, &provider).await.unwrap().email_is_proved);
    for wrong in [json!(false), json!("true"), json!(1), Value::Null] {
        upstream.claim("email_verified", wrong.clone());
        let proved = log_in(&upstream, &provider).await.unwrap();
        assert!(proved.email.is_some() && !proved.email_is_proved, "{wrong}");
    }
    upstream.claim("email_verified", true);
    for wrong in [json!("not an address"), json!("a@b"), json!(["ada@example.com"]), json!("")] {
        upstream.claim("email", wrong.clone());
        let proved = log_in(&upstream, &provider).await.unwrap();
        assert!(proved.email.is_none() && !proved.email_is_proved, "{wrong}");
    }
}

#[tokio::test]
async fn l04_what_a_browser_is_sent_with() {
    let (_, provider) = acme().await;
    let (one, other) = (
        provider.begin(REDIRECT, Ask { fresh: false }).await.unwrap(),
        provider.begin(REDIRECT, Ask { fresh: true }).await.unwrap(),
    );
    let asked = |begun: &Begun| -> std::collections::HashMap<String, String> {
        Url::parse(&begun.url).unwrap().query_pairs().into_owned().collect()
    };
    let (first, second) = (asked(&one), asked(&other));
    for name in ["state", "nonce", "code_challenge"] {
        assert_eq!(first[name].len(), 43, "256 bits");
        assert_ne!(first[name], second[name]);
    }
    assert_eq!(first["redirect_uri"], REDIRECT);
    assert_eq!(first["scope"], "openid email profile");
    assert_eq!((first.get("max_age"), second["max_age"].as_str()), (None, "0"));
    assert_eq!((first.get("prompt"), second["prompt"].as_str()), (None, "login"));
    assert!(!one.url.contains(CLIENT_SECRET) && !one.url.contains(one.kept.verifier.expose()));
    let shown = format!("{:?}", one.kept);
    assert!(
        !shown.contains(one.kept.verifier.expose()) && !shown.contains(one.kept.nonce.expose()),
        "{shown}"
    );
}

#[tokio::test]
async fn l06_oidcc_client_test_invalid_iss() {
    let (upstream, provider) = acme().await;
    for wrong in [json!("https://evil.example"), json!(format!("{}/", upstream.url)), Value::Null, json!(1)] {
        upstream.claim("iss", wrong);
        refused(&upstream, &provider, "`iss`").await;
    }
}

#[tokio::test]
async fn l06_oidcc_client_test_missing_sub() {
    let (upstream, provider) = acme().await;
    for wrong in [Value::Null, json!(""), json!(7), json!(["a"])] {
        upstream.claim("sub", wrong);
        refused(&upstream, &provider, "`sub`").await;
    }
    upstream.claim("sub", "x".repeat(255));
    assert_eq!(log_in(&upstream, &provider).await.unwrap().subject.len(), 255);
    upstream.claim("sub", "x".repeat(256));
    refused(&upstream, &provider, "255 bytes").await;
    upstream.claim("sub", "a\nb");
    refused(&upstream, &provider, "255 bytes").await;
}

#[tokio::test]
async fn l06_oidcc_client_test_invalid_aud() {
    let (upstream, provider) = acme().await;
    for wrong in [
        json!("another"),
        json!(["another"]),
        json!([]),
        json!([CLIENT_ID, "another"]),
        json!([CLIENT_ID, 1]),
    ] {
        upstream.claim("aud", wrong);
        refused(&upstream, &provider, "`aud`").await;
    }
    upstream.claim("aud", json!([CLIENT_ID]));
    log_in(&upstream, &provider).await.unwrap();
    // Also for others, but issued to us.
    upstream.claim("aud", json!([CLIENT_ID, "another"]));
    upstream.claim("azp", CLIENT_ID);
    log_in(&upstream, &provider).await.unwrap();
    upstream.claim("azp", "another");
    refused(&upstream, &provider, "`azp`").await;
    upstream.claim("aud", CLIENT_ID);
    refused(&upstream, &provider, "`azp`").await;
}

#[tokio::test]
async fn l06_oidcc_client_test_missing_aud() {
    let (upstream, provider) = acme().await;
    upstream.claim("aud", Value::Null);
    refused(&upstream, &provider, "`aud`").await;
}

#[tokio::test]
async fn l06_oidcc_client_test_missing_iat() {
    let (upstream, provider) = acme().await;
    for (wrong, word) in
        [(Value::Null, "`iat`"), (json!("now"), "number"), (json!(-1), "number"), (json!(NOW + 61), "future")]
    {
        upstream.claim("iat", wrong);
        refused(&upstream, &provider, word).await;
    }
    upstream.claim("iat", NOW + 60);
    log_in(&upstream, &provider).await.unwrap();
    upstream.claim("nbf", NOW + 61);
    refused(&upstream, &provider, "`nbf`").await;
}

#[tokio::test]
async fn l06_an_expired_id_token() {
    let (upstream, provider) = acme().await;
    for (wrong, word) in [(Value::Null, "`exp`"), (json!("soon"), "number"), (json!(NOW - 60), "expired")] {
        upstream.claim("exp", wrong);
        refused(&upstream, &provider, word).await;
    }
    upstream.claim("exp", NOW - 59);
    log_in(&upstream, &provider).await.unwrap();
}

#[tokio::test]
async fn l04_oidcc_client_test_nonce_invalid() {
    let (upstream, provider) = acme().await;
    // Missing is as bad as wrong (CVE-2026-15612).
    for wrong in [json!("another"), Value::Null, json!(""), json!(1)] {
        upstream.claim("nonce", wrong);
        refused(&upstream, &provider, "`nonce`").await;
    }
}

#[tokio::test]
async fn l06_oidcc_client_test_invalid_sig_rs256() {
    let (upstream, provider) = acme().await;
    upstream.tell().sign = Sign::Strange;
    refused(&upstream, &provider, "bad signature").await;
}

#[tokio::test]
async fn l06_oidcc_client_test_idtoken_sig_none() {
    let (upstream, provider) = acme().await;
    upstream.tell().sign = Sign::Nothing;
    for alg in ["none", "None", "NONE", "", "RS256"] {
        upstream.tell().header.insert("alg".to_owned(), alg.into());
        refused(&upstream, &provider, "the ID token").await;
    }
}

#[tokio::test]
async fn l06_oidcc_client_test_invalid_id_token_signature_with_hs256() {
    let (upstream, provider) = acme().await;
    upstream.tell().sign = Sign::Hs256;
    refused(&upstream, &provider, "the ID token").await;
    upstream.tell().header.insert("kid".to_owned(), "rsa".into());
    refused(&upstream, &provider, "alg is not the key's").await;
}

#[tokio::test]
async fn l06_oidcc_client_test_invalid_id_token_signature_with_es256() {
    let (upstream, provider) = acme().await;
    upstream.tell().sign = Sign::Es256;
    log_in(&upstream, &provider).await.unwrap();
    upstream.tell().header.insert("kid".to_owned(), "rsa".into());
    refused(&upstream, &provider, "alg is not the key's").await;
    upstream.tell().sign = Sign::Rs256;
    upstream.tell().header.insert("alg".to_owned(), "ES256".into());
    upstream.tell().header.insert("kid".to_owned(), "ec".into());
    refused(&upstream, &provider, "bad signature").await;
}

#[tokio::test]
async fn l06_oidcc_client_test_invalid_at_hash_in_id_token() {
    let (upstream, provider) = acme().await;
    for (sign, hash) in [
        (Sign::Rs256, &aws_lc_rs::digest::SHA256),
        (Sign::Es256, &aws_lc_rs::digest::SHA256),
        (Sign::EdDsa, &aws_lc_rs::digest::SHA512),
    ] {
        upstream.tell().sign = sign;
        let hash = digest(hash, b"opaque-access-token");
        upstream.claim("at_hash", URL_SAFE_NO_PAD.encode(&hash.as_ref()[..hash.as_ref().len() / 2]));
        log_in(&upstream, &provider).await.unwrap();
        for wrong in [json!(URL_SAFE_NO_PAD.encode(hash)), json!("x"), json!(1)] {
            upstream.claim("at_hash", wrong);
            refused(&upstream, &provider, "`at_hash`").await;
        }
    }
}

#[tokio::test]
async fn l06_another_token_in_the_place_of_the_id_token() {
    let (upstream, provider) = acme().await;
    for typ in ["at+jwt", "application/at+jwt", "logout+jwt"] {
        upstream.tell().header.insert("typ".to_owned(), typ.into());
        refused(&upstream, &provider, "typ").await;
    }
    upstream.tell().header.insert("typ".to_owned(), Value::Null);
    log_in(&upstream, &provider).await.unwrap();
    for wrong in [Value::Null, json!(""), json!(7), json!("a.b"), json!("a.b.c"), json!("a.b.c.d.e")] {
        upstream.tell().tokens.insert("id_token".to_owned(), wrong);
        refused(&upstream, &provider, "ID token").await;
    }
}

#[tokio::test]
async fn l06_oidcc_client_test_userinfo_invalid_sub() {
    let (upstream, provider) = acme().await;
    upstream.claim("email", Value::Null);
    for wrong in [
        json!({ "sub": "another", "email": "a@example.com" }),
        json!({ "email": "a@example.com" }),
        json!({}),
        json!([]),
    ] {
        upstream.answers("/userinfo", Canned::json(&wrong));
        refused(&upstream, &provider, "userinfo").await;
    }
}

#[tokio::test]
async fn l06_oidcc_client_test_userinfo_bearer_header_and_scope_userinfo_claims() {
    let (upstream, provider) = acme().await;
    for claim in ["email", "email_verified", "name"] {
        upstream.claim(claim, Value::Null);
    }
    let userinfo = json!({ "sub": "248289761001", "email": "grace@example.com", "name": "Grace", "iss": "https://evil.example" });
    upstream.answers("/userinfo", Canned::json(&userinfo));
    let proved = log_in(&upstream, &provider).await.unwrap();
    assert_eq!(proved.email.as_ref().map(Email::as_str), Some("grace@example.com"));
    assert_eq!((proved.name.as_ref().map(FullName::as_str), &proved.issuer), (Some("Grace"), &upstream.url));
    let got = &upstream.got("/userinfo")[0];
    assert_eq!(got.headers["authorization"], "Bearer opaque-access-token");
    assert_eq!((got.method.as_str(), got.query.as_str()), ("GET", ""));
}

#[tokio::test]
async fn l05_oidcc_client_test_discovery_issuer_mismatch() {
    let (upstream, provider) = acme().await;
    for wrong in [json!("https://evil.example"), json!(format!("{}/", upstream.url)), Value::Null] {
        upstream.tell().metadata.insert("issuer".to_owned(), wrong);
        let error = provider.begin(REDIRECT, Ask { fresh: false }).await.unwrap_err();
        assert_eq!(error.kind(), Failure::Invalid);
        assert!(error.to_string().contains("to the byte"), "{error}");
    }
    assert!(upstream.got("/token").is_empty());
}

#[tokio::test]
async fn l05_oidcc_client_test_discovery_openid_config_and_jwks_uri_keys() {
    let (upstream, provider) = acme().await;
    for _ in 0..3 {
        log_in(&upstream, &provider).await.unwrap();
    }
    assert_eq!(upstream.got("/.well-known/openid-configuration").len(), 1, "for an hour");
    assert_eq!(upstream.got("/keys").len(), 1);
}

#[tokio::test]
async fn l06_oidcc_client_test_idtoken_sig_rs256_and_eddsa() {
    let (upstream, provider) = acme().await;
    for sign in [Sign::Rs256, Sign::EdDsa] {
        upstream.tell().sign = sign;
        log_in(&upstream, &provider).await.unwrap();
    }
}

#[tokio::test]
async fn l06_oidcc_client_test_kid_absent_single_jwks() {
    let (upstream, provider) = acme().await;
    upstream.tell().keys.truncate(1);
    upstream.tell().header.insert("kid".to_owned(), Value::Null);
    log_in(&upstream, &provider).await.unwrap();
}

#[tokio::test]
async fn l06_oidcc_client_test_kid_absent_multiple_jwks() {
    let (upstream, provider) = acme().await;
    upstream.tell().header.insert("kid".to_owned(), Value::Null);
    // Only one key has the algorithm.
    log_in(&upstream, &provider).await.unwrap();
    let (upstream, provider) = acme().await;
    let mut second = upstream.tell().keys[0].clone();
    second["kid"] = "second".into();
    upstream.tell().keys.push(second);
    upstream.tell().header.insert("kid".to_owned(), Value::Null);
    refused(&upstream, &provider, "no kid that names a key").await;
}

#[tokio::test]
async fn l06_oidcc_client_test_signing_key_rotation() {
    let (upstream, provider) = acme().await;
    log_in(&upstream, &provider).await.unwrap();
    upstream.rotate_keys();
    log_in(&upstream, &provider).await.unwrap();
    assert_eq!(upstream.got("/keys").len(), 2);
    // A key that is not published at all costs one fetch per login.
    upstream.tell().header.insert("kid".to_owned(), "unknown".into());
    refused(&upstream, &provider, "unknown kid").await;
    assert_eq!(upstream.got("/keys").len(), 3);
}

#[tokio::test]
async fn l06_oidcc_client_test_signing_key_rotation_just_before_signing() {
    let (upstream, provider) = acme().await;
    log_in(&upstream, &provider).await.unwrap();
    let begun = provider.begin(REDIRECT, Ask { fresh: false }).await.unwrap();
    let code = upstream.agree(&begun.url).remove("code");
    upstream.rotate_keys();
    let params = CallbackParams { code, ..CallbackParams::default() };
    provider.finish(REDIRECT, &begun.kept, &params).await.unwrap();
}

#[tokio::test]
async fn l04_oidcc_client_test_client_secret_basic_and_post() {
    let (upstream, provider) = acme().await;
    log_in(&upstream, &provider).await.unwrap();
    let got = upstream.got("/token").remove(0);
    assert!(got.headers["authorization"].to_str().unwrap().starts_with("Basic "));
    assert!(!got.form.contains_key("client_secret") && got.form["code_verifier"].len() == 43);
    let (upstream, provider) = acme().await;
    let methods = json!(["client_secret_post", "private_key_jwt"]);
    upstream.tell().metadata.insert("token_endpoint_auth_methods_supported".to_owned(), methods);
    log_in(&upstream, &provider).await.unwrap();
    let got = upstream.got("/token").remove(0);
    assert!(!got.headers.contains_key("authorization") && got.form["client_secret"] == CLIENT_SECRET);
}

#[tokio::test]
async fn l05_iss_in_the_response_is_compared_and_demanded_where_it_is_announced() {
    let (upstream, provider) = acme().await;
    let own = upstream.url.clone();
    log_in_with(&upstream, &provider, false, |params| params.iss = Some(own)).await.unwrap();
    let error = log_in_with(&upstream, &provider, false, |params| {
        params.iss = Some("https://evil.example".to_owned());
    });
    assert!(error.await.unwrap_err().to_string().contains("another provider"));
    let (upstream, provider) = acme().await;
    upstream.tell().metadata.insert("authorization_response_iss_parameter_supported".to_owned(), true.into());
    refused(&upstream, &provider, "does not name the provider").await;
    assert!(upstream.got("/token").is_empty(), "the code went nowhere");
    let own = upstream.url.clone();
    log_in_with(&upstream, &provider, false, |params| params.iss = Some(own)).await.unwrap();
}

#[tokio::test]
async fn l05_a_code_never_goes_to_another_provider() {
    let ((upstream, provider), (_, other)) = (acme().await, at("other").await);
    let begun = provider.begin(REDIRECT, Ask { fresh: false }).await.unwrap();
    let params =
        CallbackParams { code: upstream.agree(&begun.url).remove("code"), ..CallbackParams::default() };
    let error = other.finish(REDIRECT, &begun.kept, &params).await.unwrap_err();
    assert!(error.to_string().contains("another provider"), "{error}");
}

#[tokio::test]
async fn l06_the_person_says_no() {
    let (upstream, provider) = acme().await;
    for (code, kind) in [
        ("access_denied", Failure::Denied),
        ("user_cancelled_authorize", Failure::Denied),
        ("login_required", Failure::Denied),
        ("temporarily_unavailable", Failure::Unavailable),
        ("server_error", Failure::Unavailable),
        ("invalid_scope", Failure::Invalid),
        ("x\u{1b}[31m\r\ny", Failure::Invalid),
    ] {
        let error = log_in_with(&upstream, &provider, false, |params| {
            params.code = None;
            params.error = Some(code.to_owned());
            params.error_description = Some("d".repeat(9999));
        });
        let error = error.await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        let text = error.to_string();
        assert!(text.len() < 1000 && !text.chars().any(char::is_control), "{text:?}");
    }
    assert!(upstream.got("/token").is_empty());
    for code in [None, Some(String::new()), Some("x".repeat(LONGEST + 1))] {
        let error = log_in_with(&upstream, &provider, false, |params| params.code = code).await.unwrap_err();
        assert!(error.to_string().contains("no code"), "{error}");
    }
}

#[tokio::test]
async fn l06_whatever_a_provider_answers_is_no_login() {
    let html = "<html><body>Log in to the hotel's network</body></html>";
    let large = json!({ "x": "y".repeat(10 << 20) }).to_string();
    let redirect = Canned {
        headers: vec![("location", "https://evil.example".to_owned())],
        ..Canned::new(302, "text/html", "")
    };
    for (canned, word, kind) in [
        (Canned::json(&json!({})), "access token", Failure::Invalid),
        (Canned::json(&json!(null)), "access token", Failure::Invalid),
        (Canned::json(&json!([])), "access token", Failure::Invalid),
        (Canned::json(&json!({ "access_token": "" })), "access token", Failure::Invalid),
        (Canned::json(&json!({ "access_token": null, "id_token": null })), "access token", Failure::Invalid),
        (Canned::json(&json!({ "access_token": "x", "token_type": "mac" })), "bearer", Failure::Invalid),
        (Canned::json(&json!({ "access_token": "x" })), "no ID token", Failure::Invalid),
        (
            Canned::json(&json!({ "error": "bad_verification_code" })),
            "bad_verification_code",
            Failure::Invalid,
        ),
        (Canned::json(&json!({ "error": { "type": "OAuthException" } })), "OAuthException", Failure::Invalid),
        (
            Canned::new(400, "application/json", r#"{"error":"invalid_client"}"#),
            "may have expired",
            Failure::Invalid,
        ),
        (Canned::new(503, "application/json", r#"{"error":"x"}"#), "503", Failure::Unavailable),
        (Canned::new(429, "text/plain", ""), "429", Failure::Unavailable),
        (Canned::new(500, "text/html", html), "500", Failure::Unavailable),
        (Canned::new(200, "text/html", html), "text/html instead of JSON", Failure::Invalid),
        (Canned::new(401, "text/plain", "no"), "401", Failure::Invalid),
        (redirect, "redirects", Failure::Invalid),
        (Canned::new(200, "application/json", large), "longer than 1 MiB", Failure::Invalid),
    ] {
        for path in ["/token", "/keys", "/.well-known/openid-configuration"] {
            let (upstream, provider) = acme().await;
            let word =
                if path == "/token" || canned.status != 200 && canned.status != 400 { word } else { "" };
            upstream.answers(path, canned.clone());
            let error = log_in(&upstream, &provider).await.unwrap_err();
            if path == "/token" {
                assert_eq!(error.kind(), kind, "{path} {error}");
            }
            assert!(word == "may have expired" || error.to_string().contains(word), "{path} {error}");
            check_is_clean(&error);
        }
    }
}

#[tokio::test]
async fn l06_what_a_provider_repeats_of_our_secrets_is_not_logged() {
    let (upstream, provider) = acme().await;
    let echo = json!({ "error": "invalid_grant", "error_description": format!("code-0\n {CLIENT_SECRET} AADSTS7000215: x") });
    upstream.answers("/token", Canned::new(400, "application/json", echo.to_string()));
    let begun = provider.begin(REDIRECT, Ask { fresh: false }).await.unwrap();
    let params = CallbackParams { code: Some("code-that-is-long".to_owned()), ..CallbackParams::default() };
    let error = provider.finish(REDIRECT, &begun.kept, &params).await.unwrap_err().to_string();
    assert!(error.contains("AADSTS7000215") && !error.contains(CLIENT_SECRET), "{error}");
}

#[tokio::test]
async fn l06_silence_ends_after_ten_seconds_for_all_requests_of_a_login() {
    let (upstream, provider) = acme().await;
    provider.begin(REDIRECT, Ask { fresh: false }).await.unwrap();
    let silent = |seconds| Canned { silence: Duration::from_secs(seconds), ..Canned::json(&json!({})) };
    let begun = provider.begin(REDIRECT, Ask { fresh: false }).await.unwrap();
    upstream.answers("/token", silent(60));
    tokio::time::pause();
    let start = tokio::time::Instant::now();
    let params = CallbackParams { code: Some("code".to_owned()), ..CallbackParams::default() };
    let error = provider.finish(REDIRECT, &begun.kept, &params).await.unwrap_err();
    assert_eq!(error.kind(), Failure::Unavailable, "{error}");
    let took = start.elapsed();
    assert!((Duration::from_secs(10)..Duration::from_secs(11)).contains(&took), "{took:?}");
}

#[tokio::test]
async fn l06_nobody_listens() {
    let provider = provider_with("acme", |settings| settings.issuer = Some("http://127.0.0.1:1".to_owned()));
    let error = provider.begin(REDIRECT, Ask { fresh: false }).await.unwrap_err();
    assert_eq!(error.kind(), Failure::Unavailable, "{error}");
}

#[tokio::test]
async fn l05_metadata_do_not_lead_to_where_the_settings_do_not() {
    let upstream = Upstream::start(NOW).await;
    let public = LoginProvider {
        client_id: CLIENT_ID.to_owned(),
        client_secret: Some(CLIENT_SECRET.into()),
        issuer: Some(upstream.url.clone()),
        ..LoginProvider::default()
    };
    let open =
        |settings: &LoginProvider| settings::provider("acme", settings, &settings::Ways::new(), &clock());
    let problem = open(&public).unwrap_err().to_string();
    assert!(problem.contains("login_with.acme.issuer") && problem.contains("private_network"), "{problem}");
    let (upstream, provider) = acme().await;
    for wrong in ["http://169.254.169.254/token", "file:///etc/passwd", "/token", "http://1.1.1.1/", ""] {
        upstream.tell().metadata.insert("token_endpoint".to_owned(), wrong.into());
        let error = provider.begin(REDIRECT, Ask { fresh: false }).await.unwrap_err();
        assert!(error.to_string().contains("token_endpoint"), "{error}");
    }
}

#[tokio::test]
async fn l07_a_fresh_login_has_the_time_of_it() {
    let (upstream, provider) = acme().await;
    assert!(provider.asks_again());
    let proved = log_in_with(&upstream, &provider, true, |_| ()).await.unwrap();
    assert_eq!(proved.auth_time, Some(Timestamp::from_secs(NOW)));
    for wrong in [Value::Null, json!(NOW - 61), json!(NOW + 61), json!("now")] {
        upstream.claim("auth_time", wrong);
        let error = log_in_with(&upstream, &provider, true, |_| ()).await.unwrap_err();
        assert!(error.to_string().contains("`auth_time`") || error.to_string().contains("number"), "{error}");
    }
}
