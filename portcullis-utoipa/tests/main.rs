//! Guarded handlers in a document that utoipa generates.

// Tells clippy that all of it is test code, helper functions too.
#![cfg(test)]

use axum::{Json, Router, body::Body, extract::FromRef, response::Response};
use http::{
    Request,
    header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE},
};
use http_body_util::BodyExt as _;
use portcullis::{
    Api, ApiKey, Basic, Bearer, Granted, Guard, Maybe, Public, Scope, Verdict, Verify, VerifyFailed,
    credential::{ApiKeyPlace, SecurityScheme},
    describe::In,
};
use portcullis_utoipa::{GuardedRoutes as _, guarded};
use serde_json::{Map, Value, json};
use tower::ServiceExt as _;
use utoipa_axum::{router::OpenApiRouter, routes};

#[derive(Clone, FromRef)]
struct App {
    tokens: Tokens,
    robots: Robots,
}

#[derive(Clone)]
struct Tokens;

impl Verify for Tokens {
    type Credential = Bearer;
    type Principal = ();
    const SCHEME: &'static str = "access_token";

    async fn verify(&self, bearer: &Bearer) -> Result<Verdict<()>, VerifyFailed> {
        let known = bearer.token() == "token";
        Ok(if known { Verdict::Accepted((), Granted::none()) } else { Verdict::Refused })
    }
}

/// A scheme with flows, whose scopes utoipa has to keep.
#[derive(Clone)]
struct Robots;

impl Verify for Robots {
    type Credential = Bearer;
    type Principal = ();
    const SCHEME: &'static str = "robot";

    fn scheme() -> SecurityScheme {
        SecurityScheme::oauth2_password("login").described("For robots.")
    }

    async fn verify(&self, bearer: &Bearer) -> Result<Verdict<()>, VerifyFailed> {
        let known = bearer.token() == "robot";
        Ok(if known { Verdict::Accepted((), Granted::parse("read")) } else { Verdict::Refused })
    }
}

struct Read;
impl Scope for Read {
    const NAME: &'static str = "read";
    const DESCRIPTION: &'static str = "Look at things";
}

struct Write;
impl Scope for Write {
    const NAME: &'static str = "write";
    const DESCRIPTION: &'static str = "Change things";
}

#[utoipa::path(
    get, path = "/orders", security(("a lie" = [])),
    responses((status = 200, body = Vec<u64>), (status = 403, description = "In its own words"))
)]
async fn list_orders(_: Guard<Tokens>) -> Json<Vec<u64>> {
    Json(Vec::new())
}

#[utoipa::path(post, path = "/orders", responses((status = 200, body = u64)))]
async fn create_order(_: Guard<Robots, (Read, Write)>, body: String) -> Json<usize> {
    Json(body.len())
}

mod nested {
    use super::*;

    #[utoipa::path(get, path = "/robots", responses((status = 200, body = u64)))]
    pub(super) async fn read_robots(_: Guard<Robots, Read>) -> Json<u64> {
        Json(1)
    }
}

#[utoipa::path(get, path = "/greeting", responses((status = 200, body = bool)))]
async fn greet(who: Maybe<Tokens>) -> Json<bool> {
    Json(who.principal().is_some())
}

#[utoipa::path(get, path = "/health", responses((status = 200)))]
async fn health(_: Public) {}

fn shop() -> (Router, Value) {
    let (router, document) = OpenApiRouter::new()
        .guarded(guarded!(list_orders, create_order, health))
        .unwrap()
        .nest_guarded("/more", OpenApiRouter::new().guarded(guarded!(nested::read_robots, greet)).unwrap())
        .unwrap()
        .split_for_parts();
    (router.with_state(App { tokens: Tokens, robots: Robots }), serde_json::to_value(document).unwrap())
}

#[test]
fn a_guarded_handler_shows_its_padlock_and_its_scheme() {
    let (_, document) = shop();
    let security = |path: &str, method: &str| document["paths"][path][method]["security"].clone();
    assert_eq!(
        security("/orders", "get"),
        json!([{ "access_token": [] }]),
        "what the attribute says is not believed"
    );
    assert_eq!(security("/orders", "post"), json!([{ "robot": ["read", "write"] }]));
    assert_eq!(security("/more/robots", "get"), json!([{ "robot": ["read"] }]));
    assert_eq!(security("/more/greeting", "get"), json!([{ "access_token": [] }, {}]));
    assert_eq!(security("/health", "get"), json!([]));

    let schemes = &document["components"]["securitySchemes"];
    assert_eq!(schemes["access_token"]["type"], "http");
    assert_eq!(schemes["robot"]["flows"]["password"]["tokenUrl"], "login");
    assert_eq!(schemes["robot"]["description"], "For robots.");
    let robot_scopes = json!({ "read": "Look at things", "write": "Change things" });
    assert_eq!(schemes["robot"]["flows"]["password"]["scopes"], robot_scopes);

    let responses = &document["paths"]["/orders"]["get"]["responses"];
    let statuses: Vec<_> = responses.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(statuses, ["200", "400", "401", "403", "503"]);
    assert_eq!(responses["403"]["description"], "In its own words");
    assert!(responses["401"]["headers"]["WWW-Authenticate"].is_object(), "{responses}");
    let schema = &responses["401"]["content"]["application/json"]["schema"];
    assert_eq!(schema["properties"]["detail"]["type"], "string", "{schema}");
    assert!(!document.to_string().contains("#/components/outputs"), "{document}");
}

#[tokio::test]
async fn and_it_is_enforced() {
    let (router, document) = shop();
    for (method, path, credential, status) in [
        ("GET", "/orders", "", 401),
        ("GET", "/orders", "Bearer junk", 401),
        ("GET", "/orders", "Bearer token", 200),
        ("POST", "/orders", "Bearer token", 401),
        ("POST", "/orders", "Bearer robot", 403),
        ("GET", "/more/robots", "Bearer robot", 200),
        ("GET", "/more/greeting", "", 200),
        ("GET", "/more/greeting", "Bearer junk", 401),
        ("GET", "/health", "", 200),
        // utoipa's own `routes!` would serve each method of a list on each of its paths.
        ("POST", "/health", "Bearer robot", 405),
    ] {
        let mut request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        if !credential.is_empty() {
            request.headers_mut().insert(AUTHORIZATION, credential.parse().unwrap());
        }
        let answer = router.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.status(), status, "{method} {path} {credential}");
        assert_eq!(
            answer.headers().contains_key(WWW_AUTHENTICATE),
            [401, 403].contains(&status),
            "{method} {path}"
        );
        if status >= 400 && status != 405 {
            is_documented(path, &document["paths"][path][method.to_lowercase()], answer).await;
        }
    }
}

async fn is_documented(about: &str, entry: &Value, answer: Response) {
    let documented = &entry["responses"][answer.status().as_str()];
    assert!(documented.is_object(), "{about}: {} is not in {entry}", answer.status());
    for name in documented["headers"].as_object().into_iter().flat_map(Map::keys) {
        assert!(answer.headers().contains_key(name.as_str()), "{about}: no header {name}");
    }
    let media_type = answer.headers()[CONTENT_TYPE].to_str().unwrap().to_owned();
    assert!(documented["content"][media_type].is_object(), "{about}: {documented}");
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    assert!(serde_json::from_slice::<Value>(&body).unwrap()["detail"].is_string(), "{about}");
}

#[test]
fn two_schemes_of_one_name_are_refused() {
    #[derive(Clone)]
    struct Others;
    impl Verify for Others {
        type Credential = Bearer;
        type Principal = ();
        const SCHEME: &'static str = "robot";

        async fn verify(&self, _: &Bearer) -> Result<Verdict<()>, VerifyFailed> {
            Ok(Verdict::Refused)
        }
    }
    #[derive(Clone, FromRef)]
    struct Both {
        others: Others,
        robots: Robots,
    }
    #[utoipa::path(get, path = "/a", responses((status = 200)))]
    async fn one(_: Guard<Robots>) {}
    #[utoipa::path(get, path = "/b", responses((status = 200)))]
    async fn other(_: Guard<Others>) {}

    let router = || OpenApiRouter::<Both>::new();
    let sentence = "two different security schemes are called `robot`";
    let at_once = router().guarded(guarded!(one, other)).err().unwrap().to_string();
    let in_turn =
        router().guarded(guarded!(one)).unwrap().guarded(guarded!(other)).err().unwrap().to_string();
    assert!(at_once.contains(sentence) && in_turn.contains(sentence), "{at_once}\n{in_turn}");
    let (one_router, other_router) =
        (|| router().guarded(guarded!(one)).unwrap(), router().guarded(guarded!(other)).unwrap());
    assert!(one_router().nest_guarded("/inner", other_router.clone()).is_err());
    assert!(one_router().merge_guarded(other_router).is_err());
    // And with a scheme that the application described by hand.
    let mut by_hand = router().routes(routes!(one));
    let scheme = utoipa::openapi::security::Http::new(utoipa::openapi::security::HttpAuthScheme::Basic);
    let scheme = utoipa::openapi::security::SecurityScheme::Http(scheme);
    by_hand.get_openapi_mut().components.get_or_insert_default().add_security_scheme("robot", scheme);
    assert!(by_hand.guarded(guarded!(other)).err().unwrap().to_string().contains(sentence));
}

#[test]
fn the_scopes_of_routers_that_are_put_together_are_all_there() {
    #[utoipa::path(get, path = "/write", responses((status = 200)))]
    async fn write(_: Guard<Robots, Write>) {}
    #[utoipa::path(get, path = "/read", responses((status = 200)))]
    async fn read(_: Guard<Robots, Read>) {}
    let router = || OpenApiRouter::<App>::new();
    let (reads, writes) =
        (router().guarded(guarded!(read)).unwrap(), router().guarded(guarded!(write)).unwrap());
    let nested = reads.clone().nest_guarded("/inner", writes.clone()).unwrap();
    for both in [nested, reads.merge_guarded(writes).unwrap()] {
        let document = serde_json::to_value(both.get_openapi()).unwrap();
        let scopes = &document["components"]["securitySchemes"]["robot"]["flows"]["password"]["scopes"];
        assert_eq!(*scopes, json!({ "read": "Look at things", "write": "Change things" }));
    }
}

#[test]
fn every_scheme_of_ours_has_its_place_in_utoipas_types() {
    macro_rules! keeps {
        ($($name:ident $credential:ty = $scheme:expr;)*) => {$({
            #[derive(Clone)]
            struct Kept;
            impl Verify for Kept {
                type Credential = $credential;
                type Principal = ();
                const SCHEME: &'static str = stringify!($name);

                fn scheme() -> SecurityScheme {
                    $scheme
                }

                async fn verify(&self, _: &$credential) -> Result<Verdict<()>, VerifyFailed> {
                    Ok(Verdict::Refused)
                }
            }
            #[utoipa::path(get, path = "/", responses((status = 200)))]
            async fn kept(_: Guard<Kept>) {}
            let (_, document) = OpenApiRouter::<Kept>::new().guarded(guarded!(kept)).unwrap().split_for_parts();
            let ours = Api::<Kept>::new("", "").get("/", kept).finish().unwrap().1;
            assert_eq!(
                serde_json::to_value(document).unwrap()["components"]["securitySchemes"],
                ours.value()["components"]["securitySchemes"]
            );
        })*};
    }
    struct Key<const PLACE: u8>;
    macro_rules! places {
        ($($number:literal $place:ident $name:literal),*) => {$(
            impl ApiKeyPlace for Key<$number> {
                const IN: In = In::$place;
                const NAME: &'static str = $name;
            }
        )*};
    }
    places!(0 Header "key", 1 Query "key", 2 Cookie "__Host-key");
    keeps!(
        bearer Bearer = SecurityScheme::bearer_format("JWT").described("A token.");
        basic Basic = SecurityScheme::basic();
        key_in_header ApiKey<Key<0>> = SecurityScheme::api_key(In::Header, "key");
        key_in_query ApiKey<Key<1>> = SecurityScheme::api_key(In::Query, "key");
        key_in_cookie ApiKey<Key<2>> = SecurityScheme::api_key(In::Cookie, "__Host-key").described("A cookie.");
        password Bearer = SecurityScheme::oauth2_password("login");
        code Bearer = SecurityScheme::oauth2_authorization_code("/authorize", "/token");
        client Bearer = SecurityScheme::oauth2_client_credentials("/token");
        discovered Bearer =
            SecurityScheme::open_id_connect("https://a.example/.well-known/openid-configuration");
    );
}

#[test]
fn a_scheme_that_its_guard_does_not_look_for_is_refused_here_too() {
    #[derive(Clone)]
    struct Told;
    impl Verify for Told {
        type Credential = Bearer;
        type Principal = ();
        const SCHEME: &'static str = "told";
        fn scheme() -> SecurityScheme {
            SecurityScheme::basic()
        }
        async fn verify(&self, _: &Bearer) -> Result<Verdict<()>, VerifyFailed> {
            Ok(Verdict::Refused)
        }
    }
    #[utoipa::path(get, path = "/", responses((status = 200)))]
    async fn look(_: Guard<Told>) {}
    let refused = OpenApiRouter::<Told>::new().guarded(guarded!(look)).map(drop).unwrap_err().to_string();
    assert!(refused.contains("`told` would be shown as"), "{refused}");
}
