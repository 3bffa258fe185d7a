//! The shape of an access token of each issuer in `docs/issuers.md`, and the settings of its section. Recorded from the
//! issuers' own documentation; the names are made up, and the keys are ours.

use portcullis::{AccessTokens, tokens::AccessTokensBuilder};
use serde_json::{Value, json};

use super::{
    super::issuer::{Key, NOW, ed25519, jwks, keys, p256, p384, rsa},
    *,
};

struct Shape {
    section: &'static str,
    key: &'static Key,
    typ: Option<&'static str>,
    claims: Value,
    /// The settings of the section.
    settings: fn() -> AccessTokensBuilder,
    /// The expected `client_id()`.
    client: &'static str,
    /// Scopes that `scope()` must contain.
    scope: Option<&'static str>,
}

fn issued_by(issuer: &str) -> AccessTokensBuilder {
    AccessTokens::issued_by(issuer)
}

/// The times that every issuer writes.
fn claims(mut claims: Value) -> Value {
    claims["iat"] = json!(NOW - 60);
    claims["exp"] = json!(NOW + 3600);
    claims
}

const TENANT: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";

#[expect(clippy::too_many_lines, reason = "a table")]
fn shapes() -> Vec<Shape> {
    vec![
        Shape {
            section: "Auth0",
            key: rsa(),
            typ: Some("JWT"),
            claims: claims(json!({
                "iss": "https://shop.eu.auth0.com/", "sub": "auth0|5f7c8ec7c33c6c004bbafe82",
                "aud": ["https://api.shop.example", "https://shop.eu.auth0.com/userinfo"],
                "azp": "my_client_id", "scope": "openid read:orders", "permissions": ["write:orders"],
            })),
            settings: || {
                issued_by("https://shop.eu.auth0.com/")
                    .audience("https://api.shop.example")
                    .scope_claim("scope")
                    .scope_claim("permissions")
                    .dangerous()
                    .accept_typ_jwt()
                    .dangerous()
                    .without_client_id_and_jti()
            },
            client: "my_client_id",
            scope: Some("write:orders"),
        },
        Shape {
            section: "Auth0, RFC 9068 profile",
            key: rsa(),
            typ: Some("at+jwt"),
            claims: claims(json!({
                "iss": "https://shop.eu.auth0.com/", "sub": "auth0|5f7c8ec7c33c6c004bbafe82",
                "aud": "https://api.shop.example", "client_id": "my_client_id", "jti": "uq3yQJ1Ai3w", "scope": "read:orders",
            })),
            settings: || issued_by("https://shop.eu.auth0.com/").audience("https://api.shop.example"),
            client: "my_client_id",
            scope: Some("read:orders"),
        },
        Shape {
            section: "Keycloak",
            key: rsa(),
            typ: Some("JWT"),
            claims: claims(json!({
                "jti": "onrtro:0b1a7fe1", "iss": "https://id.shop.example/realms/shop", "aud": ["shop-api", "account"],
                "sub": "f3b7a3c5-5c8c-4ad8-9c62-9c8d9ef7a2b3", "typ": "Bearer", "azp": "shop-web", "sid": "c2f1",
                "acr": "1", "allowed-origins": ["https://shop.example"], "scope": "email profile",
                "realm_access": { "roles": ["offline_access", "clerk"] },
                "resource_access": { "account": { "roles": ["manage-account"] } }, "preferred_username": "ana",
            })),
            settings: || {
                issued_by("https://id.shop.example/realms/shop")
                    .audience("shop-api")
                    .scope_claim("scope")
                    .scope_claim_at(["realm_access", "roles"])
                    .dangerous()
                    .accept_typ_jwt()
                    .dangerous()
                    .without_client_id_and_jti()
            },
            client: "shop-web",
            scope: Some("clerk"),
        },
        Shape {
            section: "Amazon Cognito",
            key: rsa(),
            typ: None,
            claims: claims(json!({
                "sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "cognito:groups": ["clerks"],
                "iss": "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_example", "client_id": "xxxxxxxxxxxxexample",
                "origin_jti": "a", "jti": "b", "event_id": "c", "token_use": "access", "scope": "shop/read",
                "auth_time": NOW - 60, "username": "ana",
            })),
            settings: || {
                issued_by("https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_example")
                    .audience("shop")
                    .dangerous()
                    .accept_typ_jwt()
                    .dangerous()
                    .accept_absent_audience()
            },
            client: "xxxxxxxxxxxxexample",
            scope: Some("shop/read"),
        },
        Shape {
            section: "Okta",
            key: rsa(),
            typ: None,
            claims: claims(json!({
                "ver": 1, "jti": "AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE",
                "iss": "https://shop.okta.com/oauth2/default", "aud": "api://default", "cid": "nmdP1fcyvdVO11AL7ECm",
                "uid": "00ujmkLgagxeRrAg20g3", "scp": ["openid", "read"], "auth_time": NOW - 60, "sub": "ana@shop.example",
            })),
            settings: || {
                issued_by("https://shop.okta.com/oauth2/default")
                    .audience("api://default")
                    .scope_claim("scp")
                    .dangerous()
                    .accept_typ_jwt()
                    .dangerous()
                    .without_client_id_and_jti()
            },
            client: "nmdP1fcyvdVO11AL7ECm",
            scope: Some("read"),
        },
        Shape {
            section: "Microsoft Entra, v1 tokens",
            key: rsa(),
            typ: Some("JWT"),
            claims: claims(json!({
                "aud": "api://shop", "iss": format!("https://sts.windows.net/{TENANT}/"), "nbf": NOW - 60, "acr": "1",
                "appid": "0f32bdce", "appidacr": "1", "scp": "user_impersonation", "roles": ["Clerk"], "sub": "AAAA",
                "tid": TENANT, "oid": "7f3d", "uti": "u", "ver": "1.0",
            })),
            settings: || {
                issued_by(&format!("https://sts.windows.net/{TENANT}/"))
                    .audience("api://shop")
                    .scope_claim("scp")
                    .scope_claim("roles")
                    .dangerous()
                    .accept_typ_jwt()
                    .dangerous()
                    .without_client_id_and_jti()
            },
            client: "0f32bdce",
            scope: Some("Clerk"),
        },
        Shape {
            section: "Microsoft Entra, v2 tokens",
            key: rsa(),
            typ: Some("JWT"),
            claims: claims(json!({
                "aud": "6e74172b-be56-4843-9ff4-e66a39bb12e3", "nbf": NOW - 60, "azp": "0f32bdce", "azpacr": "0",
                "iss": format!("https://login.microsoftonline.com/{TENANT}/v2.0"), "scp": "access_as_user", "sub": "HKZp",
                "tid": TENANT, "oid": "6902", "uti": "u", "ver": "2.0",
            })),
            settings: || {
                issued_by(&format!("https://login.microsoftonline.com/{TENANT}/v2.0"))
                    .audience("6e74172b-be56-4843-9ff4-e66a39bb12e3")
                    .scope_claim("scp")
                    .scope_claim("roles")
                    .dangerous()
                    .accept_typ_jwt()
                    .dangerous()
                    .without_client_id_and_jti()
            },
            client: "0f32bdce",
            scope: Some("access_as_user"),
        },
        Shape {
            section: "Google",
            key: rsa(),
            typ: Some("JWT"),
            claims: claims(json!({
                "iss": "https://accounts.google.com", "aud": "https://api.shop.example", "azp": "103456789012345678901",
                "sub": "103456789012345678901", "email": "robot@shop.iam.gserviceaccount.com", "email_verified": true,
            })),
            settings: || {
                issued_by("https://accounts.google.com")
                    .audience("https://api.shop.example")
                    .dangerous()
                    .accept_typ_jwt()
                    .dangerous()
                    .without_client_id_and_jti()
            },
            client: "103456789012345678901",
            scope: None,
        },
        Shape {
            section: "Supabase",
            key: p256(),
            typ: Some("JWT"),
            claims: claims(json!({
                "iss": "https://abcdefghijklmnopqrst.supabase.co/auth/v1", "aud": "authenticated", "role": "authenticated",
                "sub": "123e4567-e89b-12d3-a456-426614174000", "email": "ana@shop.example", "aal": "aal1",
                "session_id": "123e4567-e89b-12d3-a456-426614174001", "phone": "", "is_anonymous": false,
                "amr": [{ "method": "password", "timestamp": NOW - 60 }], "app_metadata": { "provider": "email" },
                "user_metadata": {},
            })),
            settings: || {
                issued_by("https://abcdefghijklmnopqrst.supabase.co/auth/v1")
                    .audience("authenticated")
                    .scope_claim("role")
                    .dangerous()
                    .accept_typ_jwt()
                    .dangerous()
                    .without_client_id_and_jti()
            },
            client: "",
            scope: Some("authenticated"),
        },
        Shape {
            section: "Clerk",
            key: rsa(),
            typ: Some("JWT"),
            claims: claims(json!({
                "azp": "https://shop.example", "fva": [0, -1], "iss": "https://clerk.shop.example", "nbf": NOW - 70,
                "sid": "sess_2GaMqUCB3Sc1WNAkWuNzsnYVVEy", "sts": "active", "sub": "user_2GaMqUCB3Sc1WNAkWuNzsnYVVEy", "v": 2,
            })),
            settings: || {
                issued_by("https://clerk.shop.example")
                    .audience("shop")
                    .dangerous()
                    .accept_typ_jwt()
                    .dangerous()
                    .accept_absent_audience()
                    .dangerous()
                    .without_client_id_and_jti()
            },
            client: "https://shop.example",
            scope: None,
        },
        Shape {
            section: "Firebase",
            key: rsa(),
            typ: Some("JWT"),
            claims: claims(json!({
                "iss": "https://securetoken.google.com/shop-1234", "aud": "shop-1234", "auth_time": NOW - 60,
                "user_id": "x9yBbTBq", "sub": "x9yBbTBq", "email": "ana@shop.example", "email_verified": false,
                "firebase": { "identities": { "email": ["ana@shop.example"] }, "sign_in_provider": "password" },
            })),
            settings: || {
                issued_by("https://securetoken.google.com/shop-1234")
                    .audience("shop-1234")
                    .dangerous()
                    .accept_typ_jwt()
                    .dangerous()
                    .without_client_id_and_jti()
            },
            client: "",
            scope: None,
        },
        Shape {
            section: "GitHub Actions",
            key: rsa(),
            typ: Some("JWT"),
            claims: claims(json!({
                "jti": "example-id", "sub": "repo:shop/api:environment:prod", "environment": "prod", "aud": "https://shop.example",
                "ref": "refs/heads/main", "repository": "shop/api", "repository_owner": "shop", "run_id": "1",
                "actor": "ana", "workflow": "deploy", "iss": "https://token.actions.githubusercontent.com", "nbf": NOW - 60,
            })),
            settings: || {
                issued_by("https://token.actions.githubusercontent.com")
                    .audience("https://shop.example")
                    .dangerous()
                    .accept_typ_jwt()
                    .dangerous()
                    .without_client_id_and_jti()
            },
            client: "",
            scope: None,
        },
        Shape {
            section: "Kubernetes",
            key: rsa(),
            typ: None,
            claims: claims(json!({
                "aud": ["https://kubernetes.default.svc", "shop"], "iss": "https://kubernetes.default.svc",
                "jti": "ea28ed49-2e11-4280-9ec5-bc3d1d84661a", "nbf": NOW - 60,
                "kubernetes.io": {
                    "namespace": "shop", "node": { "name": "n1", "uid": "58456cb0" },
                    "pod": { "name": "api-0", "uid": "778a530c" }, "serviceaccount": { "name": "api", "uid": "a087d5a0" },
                },
                "sub": "system:serviceaccount:shop:api",
            })),
            settings: || {
                issued_by("https://kubernetes.default.svc")
                    .audience("shop")
                    .dangerous()
                    .accept_typ_jwt()
                    .dangerous()
                    .without_client_id_and_jti()
            },
            client: "",
            scope: None,
        },
        Shape {
            section: "Duende IdentityServer",
            key: rsa(),
            typ: Some("at+jwt"),
            claims: claims(json!({
                "iss": "https://id.shop.example", "nbf": NOW - 60, "aud": "shop", "scope": ["openid", "shop.read"],
                "amr": ["pwd"], "client_id": "web", "sub": "1", "auth_time": NOW - 60, "idp": "local", "sid": "B9", "jti": "F1",
            })),
            settings: || issued_by("https://id.shop.example").audience("shop").scope_claim("scope"),
            client: "web",
            scope: Some("shop.read"),
        },
        Shape {
            section: "Zitadel",
            key: rsa(),
            typ: Some("at+jwt"),
            claims: claims(json!({
                "iss": "https://shop.zitadel.cloud", "sub": "161249893098423298", "aud": ["161250216684282882", "shop"],
                "nbf": NOW - 60, "jti": "V2_1612", "client_id": "161250216684282882",
                "urn:zitadel:iam:org:project:roles": { "clerk": { "161": "shop.example" } },
            })),
            settings: || issued_by("https://shop.zitadel.cloud").audience("shop"),
            client: "161250216684282882",
            scope: None,
        },
        Shape {
            section: "Logto",
            key: p384(),
            typ: Some("at+jwt"),
            claims: claims(json!({
                "jti": "8tQ", "sub": "ana", "iss": "https://shop.logto.app/oidc", "aud": "https://api.shop.example",
                "client_id": "web", "scope": "read:orders",
            })),
            settings: || issued_by("https://shop.logto.app/oidc").audience("https://api.shop.example"),
            client: "web",
            scope: Some("read:orders"),
        },
        Shape {
            section: "Cloudflare Access",
            key: rsa(),
            typ: Some("JWT"),
            claims: claims(json!({
                "aud": ["4714c1358e65fe4b408ad6d432a5f878f08194bdb4752441fd56faefa9b2b6f2"], "email": "ana@shop.example",
                "nbf": NOW - 60, "iss": "https://shop.cloudflareaccess.com", "type": "app", "identity_nonce": "6ei69kawdKzMIAPF",
                "sub": "7335d417-61da-459d-899c-0a01c76a2f94", "country": "US",
            })),
            settings: || {
                issued_by("https://shop.cloudflareaccess.com")
                    .audience("4714c1358e65fe4b408ad6d432a5f878f08194bdb4752441fd56faefa9b2b6f2")
                    .dangerous()
                    .accept_typ_jwt()
                    .dangerous()
                    .without_client_id_and_jti()
            },
            client: "",
            scope: None,
        },
        Shape {
            section: "Google IAP",
            key: p256(),
            typ: Some("JWT"),
            claims: claims(json!({
                "aud": "/projects/123456789/global/backendServices/987654321", "email": "ana@shop.example",
                "iss": "https://cloud.google.com/iap", "sub": "accounts.google.com:115113151315", "hd": "shop.example",
            })),
            settings: || {
                issued_by("https://cloud.google.com/iap")
                    .audience("/projects/123456789/global/backendServices/987654321")
                    .dangerous()
                    .accept_typ_jwt()
                    .dangerous()
                    .without_client_id_and_jti()
            },
            client: "",
            scope: None,
        },
        Shape {
            section: "Ory Hydra",
            key: rsa(),
            typ: Some("JWT"),
            claims: claims(json!({
                "aud": ["shop"], "client_id": "web", "ext": {}, "iss": "https://id.shop.example/", "jti": "j", "nbf": NOW - 60,
                "scp": ["openid", "read"], "sub": "ana",
            })),
            settings: || {
                issued_by("https://id.shop.example/")
                    .audience("shop")
                    .scope_claim("scp")
                    .dangerous()
                    .accept_typ_jwt()
            },
            client: "web",
            scope: Some("read"),
        },
    ]
}

fn now() -> std::time::SystemTime {
    std::time::UNIX_EPOCH + Duration::from_secs(NOW)
}

/// `{client_id} {whether the scope is there}` for an accepted caller.
async fn seen(
    tokens: AccessTokens,
    token: &str,
    scope: Option<&'static str>,
) -> Result<(String, bool), StatusCode> {
    let handler = move |guard: Guard<AccessTokens>| async move {
        let token = guard.principal();
        let has = scope.is_some_and(|scope| token.scope().iter().any(|one| one == scope));
        format!("{has} {}", token.client_id())
    };
    let app = Router::new().route("/", get(handler)).with_state(tokens);
    let request = Request::get("/").header(AUTHORIZATION, format!("Bearer {token}"));
    let response = app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    if response.status() != StatusCode::OK {
        return Err(response.status());
    }
    let body = axum::body::to_bytes(response.into_body(), 1000).await.unwrap();
    let body = String::from_utf8(body.to_vec()).unwrap();
    let (has, client) = body.split_once(' ').unwrap();
    Ok((client.to_owned(), has == "true"))
}

#[tokio::test]
async fn t07_the_settings_of_each_issuer_accept_its_tokens() {
    let page = include_str!("../../../docs/issuers.md");
    for Shape { section, key, typ, claims, settings, client, scope } in shapes() {
        let heading = section.split(',').next().unwrap();
        assert!(page.contains(&format!("\n### {heading}")), "docs/issuers.md has no section {heading}");
        let mut header = json!({ "alg": key.alg, "kid": key.kid });
        if let Some(typ) = typ {
            header["typ"] = json!(typ);
        }
        let tokens = settings().clock(now).keys(&jwks([key])).unwrap().build().unwrap();
        let token = key.token(&header.to_string(), &claims.to_string());
        let seen_now = seen(tokens.clone(), &token, scope).await;
        assert_eq!(seen_now, Ok((client.to_owned(), scope.is_some())), "{section}");

        // What the settings do not relax still applies.
        for (name, value) in
            [("iss", json!("https://evil.example")), ("exp", json!(NOW - 60)), ("sub", json!(""))]
        {
            let mut claims = claims.clone();
            claims[name] = value;
            let token = key.token(&header.to_string(), &claims.to_string());
            assert_eq!(
                seen(tokens.clone(), &token, scope).await,
                Err(StatusCode::UNAUTHORIZED),
                "{section}: {name}"
            );
        }
        let mut other = claims.clone();
        other["aud"] = json!("another-api");
        let token = key.token(&header.to_string(), &other.to_string());
        assert_eq!(seen(tokens, &token, scope).await, Err(StatusCode::UNAUTHORIZED), "{section}: aud");
    }
}

#[tokio::test]
async fn t07_only_the_tenants_that_are_named_may_call() {
    let template = "https://login.microsoftonline.com/{tenantid}/v2.0";
    let name = |tenant: &str| template.replace("{tenantid}", tenant);
    let [one, two, stranger] = ["1111-aaaa", "2222-bbbb", "9999-zzzz"];
    let with = |issuer: &str| {
        let mut jwk = ed25519().jwk.clone();
        jwk["issuer"] = json!(issuer);
        json!({ "keys": [jwk] }).to_string()
    };
    let tokens = |jwks: &str| {
        let builder =
            issued_by("https://login.microsoftonline.com/organizations/v2.0").audience("shop").clock(now);
        builder.tenants(template, [one, two]).keys(jwks).unwrap().build().unwrap()
    };
    let token = |issuer: &str, tid: Option<Value>| {
        let mut all =
            claims(json!({ "aud": "shop", "sub": "ana", "client_id": "web", "jti": "1", "iss": issuer }));
        if let Some(tid) = tid {
            all["tid"] = tid;
        }
        ed25519().token(&ed25519().header().to_string(), &all.to_string())
    };
    let any = tokens(&jwks([ed25519()]));
    for (issuer, tid, expected) in [
        (name(one), Some(json!(one)), 200),
        (name(two), Some(json!(two)), 200),
        (name(one), None, 200),
        (name(one), Some(json!(two)), 401),
        (name(one), Some(json!(7)), 401),
        (name(stranger), Some(json!(stranger)), 401),
        (name(stranger), Some(json!(one)), 401),
        (template.to_owned(), None, 401),
        (name(""), None, 401),
        (name("organizations"), None, 401),
        ("https://login.microsoftonline.com/organizations/v2.0".to_owned(), None, 401),
        (name(&one.to_uppercase()), None, 401),
        (name(&format!("{one}/v2.0/../{two}")), None, 401),
    ] {
        let found = seen(any.clone(), &token(&issuer, tid.clone()), None).await;
        assert_eq!(found.map_or_else(|status| status.as_u16(), |_| 200), expected, "{issuer} {tid:?}");
    }
    // A key that the issuer marks for one tenant is not valid for another.
    for (of_key, expected) in
        [(template.to_owned(), 200), (name(one), 200), (name(two), 401), (name(stranger), 401)]
    {
        let found = seen(tokens(&with(&of_key)), &token(&name(one), None), None).await;
        assert_eq!(found.map_or_else(|status| status.as_u16(), |_| 200), expected, "{of_key}");
    }
}

#[tokio::test]
async fn scopes_come_from_every_claim_that_is_named() {
    let tokens =
        || issued_by(super::super::issuer::ISSUER).audience("shop").clock(now).keys(&jwks(keys())).unwrap();
    let settings = [
        tokens().scope_claim("scp").scope_claim("roles"),
        tokens().scope_claim_at(["a", "b", "c"]),
        tokens().scope_claim_at(["resource_access", "shop.api", "roles"]),
    ]
    .map(|builder| builder.build().unwrap());
    for (which, more, expected) in [
        (0, json!({ "scp": "x", "roles": ["read"] }), Ok(true)),
        (0, json!({ "scp": "read x" }), Ok(true)),
        (0, json!({ "roles": ["read"] }), Ok(true)),
        (0, json!({ "scope": "read" }), Ok(false)),
        (0, json!({}), Ok(false)),
        (0, json!({ "scp": "read", "roles": 7 }), Err(401)),
        (0, json!({ "scp": ["read", 7] }), Err(401)),
        (0, json!({ "scp": { "read": true } }), Err(401)),
        (1, json!({ "a": { "b": { "c": "read" } } }), Ok(true)),
        (1, json!({ "a": { "b": {} } }), Ok(false)),
        (1, json!({ "a": {} }), Ok(false)),
        (1, json!({ "a": { "b": "c" } }), Err(401)),
        (1, json!({ "a": [{ "b": { "c": "read" } }] }), Err(401)),
        (1, json!({ "a.b.c": "read" }), Ok(false)),
        (2, json!({ "resource_access": { "shop.api": { "roles": ["read"] } } }), Ok(true)),
    ] {
        let mut all = super::super::issuer::claims();
        all.as_object_mut().unwrap().remove("scope");
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let token = ed25519().token(&ed25519().header().to_string(), &all.to_string());
        let found = seen(settings[which].clone(), &token, Some("read")).await;
        assert_eq!(found.map(|(_, has)| has).map_err(|status| status.as_u16()), expected, "{more}");
    }
}
