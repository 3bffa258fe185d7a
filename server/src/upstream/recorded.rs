//! Recorded responses of the seven providers: ids and names are changed, the structure is theirs.

use std::collections::HashMap;

use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384};
use serde_json::json;

use super::tests::provider::{CLIENT_ID, Canned, Upstream};
use super::tests::{REDIRECT, at, clock, log_in, log_in_with, provider_with, refused};
use super::*;

const NOW: i64 = super::tests::NOW;
const TENANT: &str = "3338040d-6c67-4c5b-b112-36a304b66dad";
const CONSUMERS: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

fn email(proved: &Proved) -> Option<&str> {
    proved.email.as_ref().map(Email::as_str)
}

fn name(proved: &Proved) -> Option<&str> {
    proved.name.as_ref().map(FullName::as_str)
}

fn asked(url: &str) -> HashMap<String, String> {
    Url::parse(url).unwrap().query_pairs().into_owned().collect()
}

/// Sets all claims that a provider's tokens have besides the standard ones.
fn claims(upstream: &Upstream, claims: &Value) {
    upstream.tell().claims.extend(claims.as_object().unwrap().clone());
}

#[tokio::test]
async fn l03_google() {
    let (upstream, google) = at("google").await;
    claims(
        &upstream,
        &json!({
            "azp": CLIENT_ID, "sub": "110169484474386276334", "hd": "example.com", "email": "ada@example.com",
            "email_verified": true, "picture": "https://lh3.googleusercontent.com/a/x=s96-c", "given_name": "Ada",
            "family_name": "Lovelace", "locale": "en",
        }),
    );
    let proved = log_in(&upstream, &google).await.unwrap();
    assert_eq!((proved.subject.as_str(), email(&proved)), ("110169484474386276334", Some("ada@example.com")));
    assert!(proved.email_is_proved);
    // Someone else's domain, verified once.
    upstream.claim("hd", Value::Null);
    assert!(!log_in(&upstream, &google).await.unwrap().email_is_proved);
    upstream.claim("email", "ada@gmail.com");
    assert!(log_in(&upstream, &google).await.unwrap().email_is_proved);
    assert!(!google.asks_again() && !google.answers_by_form());
}

#[tokio::test]
async fn l01_l03_microsoft() {
    let (upstream, microsoft) = at("microsoft").await;
    upstream
        .tell()
        .metadata
        .insert("issuer".to_owned(), format!("{}/{{tenantid}}/v2.0", upstream.url).into());
    let issuer = format!("{}/{TENANT}/v2.0", upstream.url);
    claims(
        &upstream,
        &json!({
            "ver": "2.0", "iss": issuer, "sub": "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ", "tid": TENANT,
            "oid": "00000000-0000-0000-66f3-3332eca7ea81", "preferred_username": "ada@contoso.example",
            "email": "ceo@victim.example", "email_verified": true, "name": "Ada Lovelace", "uti": "x", "rh": "0.A",
        }),
    );
    let proved = log_in(&upstream, &microsoft).await.unwrap();
    assert_eq!(upstream.got("/common/v2.0/.well-known/openid-configuration").len(), 1);
    // `sub` is different for each application.
    assert_eq!(
        (proved.issuer.as_str(), proved.subject.as_str()),
        (issuer.as_str(), "00000000-0000-0000-66f3-3332eca7ea81")
    );
    assert!(!proved.email_is_proved, "any tenant's administrator can write any address");
    for edov in [json!(true), json!(1), json!("1")] {
        upstream.claim("xms_edov", edov);
        assert!(log_in(&upstream, &microsoft).await.unwrap().email_is_proved);
    }
    // A key marked for another tenant does not sign for this one.
    upstream.tell().keys[0]["issuer"] = format!("{}/{CONSUMERS}/v2.0", upstream.url).into();
    let claimed = upstream.tell().claims.clone();
    let microsoft = provider_with("microsoft", |settings| settings.issuer = Some(upstream.url.clone()));
    refused(&upstream, &microsoft, "`iss`").await;
    upstream.tell().keys[0]["issuer"] = format!("{}/{{tenantid}}/v2.0", upstream.url).into();
    log_in(&upstream, &microsoft).await.unwrap();
    for (claim, wrong) in [
        ("tid", json!(CONSUMERS)),
        ("tid", Value::Null),
        ("tid", json!("../evil")),
        ("oid", Value::Null),
        ("iss", json!(format!("{}/{CONSUMERS}/v2.0", upstream.url))),
        ("iss", json!(format!("{}/{{tenantid}}/v2.0", upstream.url))),
    ] {
        upstream.claim(claim, wrong);
        refused(&upstream, &microsoft, "the ID token").await;
        upstream.tell().claims = claimed.clone();
    }
}

#[tokio::test]
async fn l01_microsoft_keeps_to_its_tenant() {
    for (tenant, path, has_one, has_consumers) in [
        ("organizations", "organizations", true, false),
        ("consumers", "consumers", false, true),
        (TENANT, TENANT, true, false),
    ] {
        let upstream = Upstream::start(NOW).await;
        let microsoft = provider_with("microsoft", |settings| {
            settings.issuer = Some(upstream.url.clone());
            settings.tenant = Some(tenant.to_owned());
        });
        let named = match tenant {
            "organizations" => "{tenantid}",
            "consumers" => CONSUMERS,
            id => id,
        };
        upstream.tell().metadata.insert("issuer".to_owned(), format!("{}/{named}/v2.0", upstream.url).into());
        for (tid, is_in) in [(TENANT, has_one), (CONSUMERS, has_consumers)] {
            claims(
                &upstream,
                &json!({ "iss": format!("{}/{tid}/v2.0", upstream.url), "tid": tid, "oid": "1" }),
            );
            assert_eq!(log_in(&upstream, &microsoft).await.is_ok(), is_in, "{tenant} {tid}");
        }
        assert!(!upstream.got(&format!("/{path}/v2.0/.well-known/openid-configuration")).is_empty());
    }
}

#[test]
fn l01_google_and_apple_spell_their_issuer_in_two_ways() {
    let google = provider_with("google", |_| ());
    let (_folder, apple) = apple_at(None);
    let is =
        |provider: &Provider, issuer: &str| provider.is_token_issuer(issuer, &serde_json::Map::new(), None);
    assert!(is(&google, "https://accounts.google.com") && is(&google, "accounts.google.com"));
    assert!(is(&apple, "https://appleid.apple.com") && is(&apple, "https://account.apple.com"));
    for other in ["", "https://accounts.google.com/", "http://accounts.google.com", "google.com"] {
        assert!(!is(&google, other) && !is(&apple, other), "{other}");
    }
    assert!(!is(&google, "https://account.apple.com") && !is(&apple, "account.apple.com"));
}

fn apple(upstream: &Upstream) -> (tempfile::TempDir, Provider) {
    apple_at(Some(upstream.url.clone()))
}

fn apple_at(issuer: Option<String>) -> (tempfile::TempDir, Provider) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("AuthKey_F6G7H8I9J0.p8");
    std::fs::write(&file, KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap().serialize_pem()).unwrap();
    let provider = provider_with("apple", |settings| {
        settings.client_secret = None;
        settings.issuer = issuer;
        settings.team_id = Some("A1B2C3D4E5".to_owned());
        settings.key_id = Some("F6G7H8I9J0".to_owned());
        settings.key_file = Some(file);
    });
    (folder, provider)
}

#[tokio::test]
async fn l03_apple() {
    let upstream = Upstream::start(NOW).await;
    upstream
        .tell()
        .metadata
        .insert("token_endpoint_auth_methods_supported".to_owned(), json!(["client_secret_post"]));
    let (_folder, apple) = apple(&upstream);
    assert!(apple.answers_by_form());
    let begun = apple.begin(REDIRECT, Ask { fresh: false }).await.unwrap();
    let sent = asked(&begun.url);
    assert_eq!((sent["response_mode"].as_str(), sent["scope"].as_str()), ("form_post", "name email"));
    claims(
        &upstream,
        &json!({
            "sub": "001234.5678abcd.0123", "c_hash": "x", "email": "x7k@privaterelay.appleid.com", "email_verified": "true",
            "is_private_email": "true", "auth_time": NOW, "nonce_supported": true, "name": null,
        }),
    );
    let user =
        r#"{"name":{"firstName":"Ada","middleName":"","lastName":"Lovelace"},"email":"victim@example.com"}"#;
    let proved =
        log_in_with(&upstream, &apple, false, |params| params.user = Some(user.to_owned())).await.unwrap();
    assert_eq!((name(&proved), email(&proved)), (Some("Ada Lovelace"), Some("x7k@privaterelay.appleid.com")));
    assert!(proved.email_is_proved);
    for (user, expected) in [
        (None, None),
        (Some("{}".to_owned()), None),
        (Some("nonsense".to_owned()), None),
        (Some(r#"{"name":{"firstName":7,"lastName":"L"}}"#.to_owned()), Some("L")),
        (Some(json!({ "name": { "firstName": "x".repeat(5000) } }).to_string()), None),
        (Some(json!({ "name": { "firstName": "evil\u{202e}" } }).to_string()), None),
    ] {
        let proved = log_in_with(&upstream, &apple, false, |params| params.user = user).await.unwrap();
        assert_eq!(name(&proved), expected);
    }
    upstream.claim("email_verified", "false");
    assert!(!log_in(&upstream, &apple).await.unwrap().email_is_proved);
    // The client secret is created for this request: a token signed by the team's key.
    let got = upstream.got("/token").remove(0);
    let secret: Vec<Value> = got.form["client_secret"]
        .split('.')
        .take(2)
        .map(|part| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap())
        .collect();
    assert_eq!(secret[0], json!({ "alg": "ES256", "kid": "F6G7H8I9J0" }));
    let expected =
        json!({ "iss": "A1B2C3D4E5", "iat": NOW, "exp": NOW + 300, "aud": upstream.url, "sub": CLIENT_ID });
    assert_eq!(secret[1], expected);
}

#[test]
fn a_key_that_is_not_apples_stops_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.p8");
    let of = |text: &str| {
        std::fs::write(&file, text).unwrap();
        let settings = LoginProvider {
            client_id: CLIENT_ID.to_owned(),
            team_id: Some("A1B2C3D4E5".to_owned()),
            key_id: Some("F6G7H8I9J0".to_owned()),
            key_file: Some(file.clone()),
            ..LoginProvider::default()
        };
        settings::provider("apple", &settings, &settings::Ways::new(), &clock()).map(drop)
    };
    of(&KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap().serialize_pem()).unwrap();
    for wrong in [
        "",
        "secret",
        &KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap().serialize_pem(),
        &"x".repeat(70_000),
    ] {
        let problem = of(wrong).unwrap_err().to_string();
        assert!(problem.contains("login_with.apple.key_file") && !problem.contains("secret"), "{problem}");
    }
}

#[tokio::test]
async fn l01_l03_github() {
    let (upstream, github) = at("github").await;
    upstream.tell().tokens = json!({
        "access_token": "gho_16C7e42F292c6912E7710c838347Ae178B4a", "scope": "read:user,user:email", "token_type": "bearer",
        "id_token": null,
    }).as_object().unwrap().clone();
    let user = json!({
        "login": "octocat", "id": 583_231, "node_id": "MDQ6VXNlcjE=", "type": "User", "site_admin": false,
        "name": "The Octocat", "email": "shown@example.com", "two_factor_authentication": true,
    });
    let emails = json!([
        { "email": "old@example.com", "primary": false, "verified": true, "visibility": null },
        { "email": "octocat@example.com", "primary": true, "verified": true, "visibility": "private" },
    ]);
    upstream.answers("/api/v3/user", Canned::json(&user));
    upstream.answers("/api/v3/user/emails", Canned::json(&emails));
    let proved = log_in(&upstream, &github).await.unwrap();
    assert_eq!((proved.issuer.as_str(), proved.subject.as_str()), (upstream.url.as_str(), "583231"));
    assert_eq!((email(&proved), name(&proved)), (Some("octocat@example.com"), Some("The Octocat")));
    assert!(proved.email_is_proved);
    let got = upstream.got("/api/v3/user").remove(0);
    assert!(got.headers.contains_key("user-agent"));
    assert_eq!(upstream.got("/login/oauth/access_token")[0].headers["accept"], "application/json");
    // GitHub added `iss` in 2026, as an address below the host.
    let iss = Some(format!("{}/login/oauth", upstream.url));
    log_in_with(&upstream, &github, false, |params| params.iss = iss).await.unwrap();
    let other =
        log_in_with(&upstream, &github, false, |params| params.iss = Some("https://github.com".to_owned()));
    assert!(other.await.is_err());
    // Not verified, not primary, not allowed: no address.
    for emails in [
        Canned::json(&json!([{ "email": "a@example.com", "primary": true, "verified": false }])),
        Canned::json(&json!([{ "email": "a@example.com", "primary": false, "verified": true }])),
        Canned::json(&json!([{ "email": "a@example.com", "primary": "true", "verified": "true" }])),
        Canned::json(&json!([])),
        Canned::json(&json!({ "message": "Not Found" })),
        Canned::new(404, "application/json", r#"{"message":"Not Found"}"#),
        Canned::new(403, "application/json", r#"{"message":"Forbidden"}"#),
    ] {
        upstream.answers("/api/v3/user/emails", emails);
        let proved = log_in(&upstream, &github).await.unwrap();
        assert!(proved.email.is_none() && !proved.email_is_proved);
    }
    upstream.answers("/api/v3/user/emails", Canned::new(500, "text/html", ""));
    assert!(log_in(&upstream, &github).await.is_err());
}

#[tokio::test]
async fn l03_discord() {
    let (upstream, discord) = at("discord").await;
    let mut user = json!({
        "id": "80351110224678912", "username": "nelly", "discriminator": "0", "global_name": "Nelly", "avatar": "8342729096",
        "verified": true, "email": "nelly@example.com", "flags": 64, "premium_type": 1, "locale": "en-US", "mfa_enabled": true,
    });
    upstream.answers("/api/users/@me", Canned::json(&user));
    let proved = log_in(&upstream, &discord).await.unwrap();
    assert_eq!(
        (proved.subject.as_str(), email(&proved), name(&proved)),
        ("80351110224678912", Some("nelly@example.com"), Some("Nelly"))
    );
    assert!(proved.email_is_proved);
    user["verified"] = json!(false);
    user["global_name"] = Value::Null;
    upstream.answers("/api/users/@me", Canned::json(&user));
    let proved = log_in(&upstream, &discord).await.unwrap();
    assert!(!proved.email_is_proved && name(&proved) == Some("nelly"));
    user["email"] = Value::Null;
    user["verified"] = json!(true);
    upstream.answers("/api/users/@me", Canned::json(&user));
    let proved = log_in(&upstream, &discord).await.unwrap();
    assert!(proved.email.is_none() && !proved.email_is_proved);
}

#[tokio::test]
async fn l03_facebook() {
    let (upstream, facebook) = at("facebook").await;
    let user =
        json!({ "id": "10158112233445566", "name": "Ada Lovelace", "email": "ada\u{0040}example.com" });
    upstream.answers("/me", Canned::json(&user));
    let proved = log_in(&upstream, &facebook).await.unwrap();
    assert_eq!((proved.subject.as_str(), email(&proved)), ("10158112233445566", Some("ada@example.com")));
    assert!(!proved.email_is_proved, "Facebook does not say whether it is");
    let got = upstream.got("/me").remove(0);
    let (_, proof) = got.query.split_once("appsecret_proof=").unwrap();
    assert!(proof.len() == 64 && !got.query.contains("opaque"), "{}", got.query);
    upstream.answers("/me", Canned::json(&json!({ "id": "10158112233445566", "name": "Ada" })));
    assert_eq!(log_in(&upstream, &facebook).await.unwrap().email, None);
}

#[tokio::test]
async fn l03_gitlab() {
    let (upstream, gitlab) = at("gitlab").await;
    claims(
        &upstream,
        &json!({
            "sub": "42", "sub_legacy": "a1b2", "auth_time": NOW - 900, "nickname": "ada", "preferred_username": "ada",
            "profile": "https://gitlab.com/ada", "groups_direct": [],
        }),
    );
    let proved = log_in(&upstream, &gitlab).await.unwrap();
    assert_eq!((proved.subject.as_str(), email(&proved)), ("42", Some("ada@example.com")));
    assert!(!proved.email_is_proved, "unless the operator says so");
    assert_eq!(proved.auth_time, Some(Timestamp::from_secs(NOW - 900)));
    assert!(gitlab.asks_again());
}

/// GHSA-5hvv-9cqv-894r: with the error profile of another product, all users became one account.
#[tokio::test]
async fn l06_an_empty_a_null_or_an_error_profile_is_nobody() {
    for (provider, path) in [("github", "/api/v3/user"), ("discord", "/api/users/@me"), ("facebook", "/me")] {
        let (upstream, provider) = at(provider).await;
        upstream.answers("/api/v3/user/emails", Canned::json(&json!([])));
        for canned in [
            Canned::json(&json!({})),
            Canned::json(&json!(null)),
            Canned::json(&json!([])),
            Canned::json(&json!({ "id": null })),
            Canned::json(&json!({ "id": "" })),
            Canned::json(&json!({ "id": 0 })),
            Canned::json(&json!({ "id": "0" })),
            Canned::json(&json!({ "id": "undefined" })),
            Canned::json(&json!({ "id": { "a": 1 } })),
            Canned::json(&json!({ "error": { "message": "x", "type": "OAuthException", "code": 190 } })),
            Canned::json(&json!({ "message": "Bad credentials" })),
            Canned::new(200, "text/html", "<html>"),
            Canned::new(200, "application/json", ""),
            Canned::new(401, "application/json", r#"{"id":"1"}"#),
            Canned::new(404, "application/json", r#"{"id":"1"}"#),
            Canned::new(302, "application/json", r#"{"id":"1"}"#),
        ] {
            upstream.answers(path, canned.clone());
            let outcome = log_in(&upstream, &provider).await;
            assert!(outcome.is_err(), "{provider:?} {canned:?} {outcome:?}");
        }
    }
}

#[test]
fn the_settings_of_a_provider_are_checked() {
    let open = |name: &str, change: fn(&mut LoginProvider)| {
        let mut settings = LoginProvider {
            client_id: CLIENT_ID.to_owned(),
            client_secret: Some("hunter2-secret".into()),
            ..LoginProvider::default()
        };
        change(&mut settings);
        settings::provider(name, &settings, &settings::Ways::new(), &clock())
            .map(|provider| provider.issuer)
            .map_err(|error| error.to_string())
    };
    for (name, change, expected) in [
        ("google", (|_| ()) as fn(&mut LoginProvider), Ok("https://accounts.google.com")),
        (
            "github",
            |p| p.issuer = Some("https://git.acme.example/".to_owned()),
            Ok("https://git.acme.example"),
        ),
        ("acme", |p| p.issuer = Some("https://id.acme.example/".to_owned()), Ok("https://id.acme.example/")),
        (
            "acme",
            |p| (p.issuer, p.client_secret) = (Some("https://id.acme.example".to_owned()), None),
            Ok("https://id.acme.example"),
        ),
        ("google", |p| p.client_id.clear(), Err("login_with.google.client_id")),
        ("google", |p| p.client_secret = None, Err("login_with.google.client_secret")),
        ("google", |p| p.client_secret_file = Some("/x".into()), Err("remove one of them")),
        ("google", |p| p.client_secret = Some("two words".into()), Err("visible ASCII")),
        (
            "google",
            |p| (p.client_secret, p.client_secret_file) = (None, Some("/absent/x".into())),
            Err("cannot be read"),
        ),
        ("google", |p| p.tenant = Some("common".to_owned()), Err("login_with.google.tenant")),
        ("google", |p| p.trust_email = true, Err("login_with.google.trust_email")),
        ("google", |p| p.scopes = Some("email".to_owned()), Err("`openid`")),
        ("google", |p| p.label = Some(String::new()), Err("login_with.google.label")),
        ("microsoft", |p| p.tenant = Some("contoso".to_owned()), Err("login_with.microsoft.tenant")),
        ("apple", |_| (), Err("login_with.apple.client_secret")),
        ("apple", |p| p.client_secret = None, Err("login_with.apple.team_id")),
        ("acme", |_| (), Err("login_with.acme.issuer")),
        ("acme", |p| p.issuer = Some("http://id.acme.example".to_owned()), Err("https")),
        ("acme", |p| p.issuer = Some("https://10.0.0.1".to_owned()), Err("private_network")),
        ("acme", |p| p.issuer = Some("https://id.acme.example?x=1".to_owned()), Err("query")),
        ("acme", |p| p.issuer = Some("https://169.254.169.254".to_owned()), Err("never called")),
    ] {
        let outcome = open(name, change);
        match (&outcome, expected) {
            (Ok(issuer), Ok(expected)) => assert_eq!(issuer, expected),
            (Err(problem), Err(expected)) => {
                assert!(problem.contains(expected) && !problem.contains("hunter2"), "{problem}");
            }
            _ => panic!("{name}: {outcome:?}, not {expected:?}"),
        }
    }
}

#[test]
fn buttons_stand_in_the_order_of_the_table() {
    let settings = LoginProvider {
        client_id: CLIENT_ID.to_owned(),
        client_secret: Some("secret".into()),
        issuer: None,
        ..LoginProvider::default()
    };
    let acme = LoginProvider { issuer: Some("https://id.acme.example".to_owned()), ..settings.clone() };
    let named =
        |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), settings.clone())).collect::<Vec<_>>();
    let mut all: BTreeMap<_, _> = named(&["gitlab", "discord", "google", "github"]).into_iter().collect();
    all.insert("acme".to_owned(), LoginProvider { label: Some("Acme".to_owned()), ..acme.clone() });
    all.insert("zeta".to_owned(), acme);
    let providers = Providers::open(&all, &clock()).unwrap();
    let labels: Vec<_> = providers.iter().map(Provider::label).collect();
    assert_eq!(labels, ["Google", "GitHub", "Discord", "GitLab", "Acme", "zeta"]);
    assert!(providers.get("acme").is_some() && providers.get("apple").is_none());
    assert_eq!(format!("{:?}", providers.get("acme").unwrap()), "Provider(acme)");
}
