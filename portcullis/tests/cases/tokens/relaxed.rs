//! Tokens of issuers that do not follow RFC 9068: each relaxation allows what it says, and nothing else.

use portcullis::tokens::{AccessTokensBuilder, TypedTokens};
use serde_json::{Value, json};

use super::{
    super::issuer::{AUDIENCE, ISSUER, Key, NOW, attacker, but, claims, ed25519, jwks, keys},
    *,
};

fn builder() -> AccessTokensBuilder {
    let clock = || std::time::UNIX_EPOCH + Duration::from_secs(NOW);
    AccessTokens::issued_by(ISSUER).audience(AUDIENCE).clock(clock).keys(&jwks(keys())).unwrap()
}

fn token(key: &Key, header: &[(&str, Option<&str>)], claims: &str) -> String {
    let header = header.iter().fold(key.header(), |all, (name, json)| {
        serde_json::from_str(&super::super::issuer::but(&all, name, *json)).unwrap()
    });
    key.token(&header.to_string(), claims)
}

/// The status with the relaxed verifier and with the strict one.
async fn both(relaxed: &AccessTokens, token: &str) -> (u16, u16) {
    (sent_to(&app(relaxed.clone()), token).await.as_u16(), status(token).await.as_u16())
}

#[tokio::test]
async fn t06_typ_jwt_only_if_asked_for_and_still_no_id_token() {
    let relaxed = builder().dangerous().accept_typ_jwt().build().unwrap();
    let with = |typ: Option<&str>| token(ed25519(), &[("typ", typ)], &claims().to_string());
    for typ in [Some("\"JWT\""), Some("\"jwt\""), Some("\"application/jwt\""), None] {
        assert_eq!(both(&relaxed, &with(typ)).await, (200, 401), "{typ:?}");
    }
    assert_eq!(both(&relaxed, &with(Some("\"at+jwt\""))).await, (200, 200));
    for typ in ["\"logout+jwt\"", "\"dpop+jwt\"", "\"secevent+jwt\"", "\"\"", "null", "7", "[\"JWT\"]"] {
        assert_eq!(both(&relaxed, &with(Some(typ))).await, (401, 401), "{typ}");
    }
    let marks = [
        ("at_hash", "\"x\""),
        ("c_hash", "\"x\""),
        ("s_hash", "\"x\""),
        ("nonce", "\"x\""),
        ("nonce", "null"),
        ("events", "{}"),
        ("typ", "\"ID\""),
        ("typ", "\"id\""),
        ("token_use", "\"id\""),
        ("typ", "\"Refresh\""),
        ("typ", "\"Offline\""),
        ("token_use", "\"refresh\""),
        ("token_use", "\"offline\""),
    ];
    for (name, value) in marks {
        let claims = but(&claims(), name, Some(value));
        let status = sent_to(&app(relaxed.clone()), &token(ed25519(), &[("typ", None)], &claims)).await;
        assert_eq!(status, 401, "{name}: {value}");
    }
    let forged = attacker().token(&json!({ "alg": "EdDSA", "kid": "ed" }).to_string(), &claims().to_string());
    assert_eq!(both(&relaxed, &forged).await, (401, 401));
}

/// Access tokens of issuers whose `typ` does not distinguish them from ID tokens.
#[tokio::test]
async fn t06_what_marks_an_id_token_refuses_no_access_token_of_a_known_issuer() {
    let relaxed = builder().dangerous().accept_typ_jwt().dangerous().without_client_id_and_jti();
    let relaxed = relaxed.build().unwrap();
    let issuers = [
        // Keycloak before version 25 put `nonce` into access tokens too; their claim `typ` says what they are.
        ("Keycloak 24", json!({ "typ": "Bearer", "nonce": "n", "azp": "web", "client_id": null })),
        ("Keycloak 26", json!({ "typ": "Bearer", "azp": "web", "client_id": null, "acr": "1" })),
        // The page and its API share one registration, as is common, so `aud` and `azp` are equal.
        ("Entra", json!({ "azp": AUDIENCE, "client_id": null, "jti": null, "ver": "2.0", "uti": "u" })),
        ("Auth0", json!({ "aud": [AUDIENCE, "https://t.auth0.example/userinfo"], "azp": "web" })),
        ("Cognito", json!({ "token_use": "access", "event_id": "e", "auth_time": 1 })),
    ];
    for (issuer, changes) in issuers {
        let mut claims = claims();
        claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        let token = token(ed25519(), &[("typ", Some("\"JWT\""))], &claims.to_string());
        assert_eq!(both(&relaxed, &token).await, (200, 401), "{issuer}");
    }
}

/// RFC 7800: a token that is bound to a key is only valid with a proof of possession.
#[tokio::test]
async fn t07_a_token_bound_to_a_key_only_if_asked_for() {
    let relaxed = builder().dangerous().accept_sender_constrained_as_bearer().build().unwrap();
    for cnf in ["{\"jkt\":\"x\"}", "{\"x5t#S256\":\"x\"}", "{\"jwk\":{}}", "{}", "null", "7"] {
        let token = token(ed25519(), &[], &but(&claims(), "cnf", Some(cnf)));
        assert_eq!(both(&relaxed, &token).await, (200, 401), "{cnf}");
    }
    let other = token(ed25519(), &[], &but(&claims(), "aud", Some("\"other\"")));
    assert_eq!(both(&relaxed, &other).await, (401, 401), "one relaxation does not bring another");
}

#[tokio::test]
async fn t07_an_absent_audience_only_if_asked_for() {
    let relaxed = builder().dangerous().accept_absent_audience().build().unwrap();
    let without = token(ed25519(), &[], &but(&claims(), "aud", None));
    assert_eq!(both(&relaxed, &without).await, (200, 401));
    assert_eq!(both(&relaxed, &ed25519().good()).await, (200, 200));
    for aud in ["\"other\"", "[\"other\"]", "[]", "7", "null", "[\"shop\",7]"] {
        let token = token(ed25519(), &[], &but(&claims(), "aud", Some(aud)));
        assert_eq!(both(&relaxed, &token).await, (401, 401), "{aud} is not an absent one");
    }
    let unnamed = AccessTokens::issued_by(ISSUER).keys(&jwks(keys())).unwrap();
    assert!(
        unnamed.dangerous().accept_absent_audience().build().is_err(),
        "tokens that have one name somebody"
    );
}

#[tokio::test]
async fn t07_any_audience_only_if_asked_for() {
    let relaxed = builder().dangerous().without_audience().build().unwrap();
    for aud in [None, Some("\"other\""), Some("[]"), Some("[\"other\"]")] {
        let token = token(ed25519(), &[], &but(&claims(), "aud", aud));
        assert_eq!(both(&relaxed, &token).await, (200, 401), "{aud:?}");
    }
    for aud in ["7", "null", "{}", "[7]", "[\"shop\",7]", "true"] {
        let token = token(ed25519(), &[], &but(&claims(), "aud", Some(aud)));
        assert_eq!(both(&relaxed, &token).await, (401, 401), "{aud} is no audience at all");
    }
    for (name, value) in
        [("iss", Some("\"x\"")), ("exp", None), ("sub", None), ("jti", None), ("client_id", None)]
    {
        let token = token(ed25519(), &[], &but(&claims(), name, value));
        assert_eq!(both(&relaxed, &token).await, (401, 401), "{name}");
    }
    // An audience named afterwards is required again.
    let named = builder().dangerous().without_audience().audience(AUDIENCE).build().unwrap();
    let other = token(ed25519(), &[], &but(&claims(), "aud", Some("\"other\"")));
    assert_eq!(both(&named, &other).await, (401, 401));
    let unnamed = AccessTokens::issued_by(ISSUER).keys(&jwks(keys())).unwrap();
    assert!(unnamed.dangerous().accept_typ_jwt().build().is_err(), "one relaxation does not bring another");
}

#[tokio::test]
async fn t07_tokens_without_client_and_id_only_if_asked_for() {
    let relaxed = builder().dangerous().without_client_id_and_jti().build().unwrap();
    for name in ["client_id", "jti"] {
        let without = token(ed25519(), &[], &but(&claims(), name, None));
        assert_eq!(both(&relaxed, &without).await, (200, 401), "{name}");
        let wrong = token(ed25519(), &[], &but(&claims(), name, Some("7")));
        assert_eq!(both(&relaxed, &wrong).await, (401, 401), "{name} of a wrong type is not an absent one");
    }
    for name in ["aud", "iss", "sub", "iat", "exp"] {
        let without = token(ed25519(), &[], &but(&claims(), name, None));
        assert_eq!(both(&relaxed, &without).await, (401, 401), "{name}");
    }
}

#[tokio::test]
async fn the_client_is_the_authorized_party_where_nothing_else_says_it() {
    async fn client(guard: Guard<AccessTokens>) -> String {
        format!("{:?} {:?}", guard.principal().client_id(), guard.principal().id())
    }
    let relaxed = builder().dangerous().without_client_id_and_jti().build().unwrap();
    let app = Router::new().route("/", get(client)).with_state(relaxed);
    let mut claims = claims();
    let mut told = Vec::new();
    for change in [
        json!({}),
        json!({ "azp": "party" }),
        json!({ "client_id": null, "jti": null }),
        json!({ "azp": null }),
    ] {
        for (name, value) in change.as_object().unwrap() {
            match value {
                Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
                value => claims[name] = value.clone(),
            }
        }
        let token = token(ed25519(), &[], &claims.to_string());
        let request = Request::get("/").header(AUTHORIZATION, format!("Bearer {token}"));
        let answer = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        told.push(axum::body::to_bytes(answer.into_body(), 999).await.unwrap());
    }
    assert_eq!(told, ["\"web\" \"1\"", "\"web\" \"1\"", "\"party\" \"\"", "\"\" \"\""]);
}

#[tokio::test]
async fn scopes_can_have_another_name_and_be_a_list() {
    let verifier = builder().scope_claim("scp").build().unwrap();
    let cases = [
        (Some("\"write read\""), 200),
        (Some("[\"write\",\"read\"]"), 200),
        (Some("[\"write\"]"), 403),
        (Some("[\"read write\"]"), 403),
        (None, 403),
        (Some("7"), 401),
        (Some("[7]"), 401),
        (Some("null"), 401),
    ];
    for (scp, expected) in cases {
        let token = token(ed25519(), &[], &but(&claims(), "scp", scp));
        assert_eq!(sent_to(&app(verifier.clone()), &token).await, expected, "{scp:?}");
    }
    let listed = token(ed25519(), &[], &but(&claims(), "scope", Some("[\"read\"]")));
    let verifier = builder().scope_claim("scope").build().unwrap();
    assert_eq!(both(&verifier, &listed).await, (200, 401), "a list is not what RFC 9068 has");
}

#[tokio::test]
async fn t12_claims_of_the_applications_own_shape() {
    #[derive(serde::Deserialize)]
    struct Own {
        tenant: u32,
    }
    async fn tenant(guard: Guard<TypedTokens<Own>, Read>) -> String {
        let token = guard.into_principal();
        format!("{} {}", token.token().subject().to_owned(), token.into_claims().tenant)
    }
    let app = Router::new().route("/", get(tenant)).with_state(verifier().typed::<Own>());
    for (json, expected) in [(Some("7"), 200), (Some("\"7\""), 401), (None, 401)] {
        let token = token(ed25519(), &[], &but(&claims(), "tenant", json));
        assert_eq!(sent_to(&app, &token).await, expected, "{json:?}");
    }
    assert_eq!(sent_to(&app, "junk").await, 401);
}
