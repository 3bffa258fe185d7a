//! Tokens of issuers that do not follow RFC 9068: each relaxation lets through what it says, and nothing else.

use portcullis::{AccessTokensBuilder, TypedTokens};
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

/// The status under the relaxed verifier and under the strict one.
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
    for name in ["at_hash", "c_hash", "events"] {
        let claims = but(&claims(), name, Some("\"x\""));
        assert_eq!(sent_to(&app(relaxed.clone()), &token(ed25519(), &[("typ", None)], &claims)).await, 401);
    }
    let forged = attacker().token(&json!({ "alg": "EdDSA", "kid": "ed" }).to_string(), &claims().to_string());
    assert_eq!(both(&relaxed, &forged).await, (401, 401));
}

#[tokio::test]
async fn t07_any_audience_only_if_asked_for() {
    let relaxed = builder().dangerous().without_audience().build().unwrap();
    for aud in [None, Some("\"other\""), Some("[]"), Some("7")] {
        let token = token(ed25519(), &[], &but(&claims(), "aud", aud));
        assert_eq!(both(&relaxed, &token).await, (200, 401), "{aud:?}");
    }
    for (name, value) in
        [("iss", Some("\"x\"")), ("exp", None), ("sub", None), ("jti", None), ("client_id", None)]
    {
        let token = token(ed25519(), &[], &but(&claims(), name, value));
        assert_eq!(both(&relaxed, &token).await, (401, 401), "{name}");
    }
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
