//! RFC 9728: how an API tells clients where to get a token.

use axum::{Router, body::Body};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use portcullis::{
    Api, Bearer, Granted, Guard, Json, Maybe, Public, Scope, Verdict, Verify, VerifyFailed,
    api::{ProtectedResource, get},
    guard::AnyOf,
};
use serde_json::{Value, json};
use tower::ServiceExt;

const ROOT: &str = "/.well-known/oauth-protected-resource";

/// A token is the name of its scope, with a dot instead of the colon.
#[derive(Clone)]
struct Tokens;

impl Verify for Tokens {
    type Credential = Bearer;
    type Principal = ();
    const SCHEME: &'static str = "tokens";

    async fn verify(&self, bearer: &Bearer) -> Result<Verdict<()>, VerifyFailed> {
        Ok(match bearer.token().strip_prefix("ok~") {
            Some(scopes) => Verdict::Accepted((), Granted::parse(&scopes.replace('.', ":"))),
            None => Verdict::Refused,
        })
    }
}

macro_rules! scopes {
    ($($scope:ident $name:literal),*) => {$(
        struct $scope;
        impl Scope for $scope {
            const NAME: &'static str = $name;
            const DESCRIPTION: &'static str = $name;
        }
    )*};
}
scopes!(Read "notes:read", Write "notes:write", Admin "admin");

async fn read(_: Guard<Tokens, Read>) -> Json<u8> {
    Json(1)
}

type Change = AnyOf<((Read, Write), Admin)>;

async fn write(_: Guard<Tokens, Change>) -> Json<u8> {
    Json(2)
}

async fn whoami(_: Guard<Tokens>) -> Json<u8> {
    Json(3)
}

async fn maybe(_: Maybe<Tokens>) -> Json<u8> {
    Json(4)
}

async fn open(_: Public) -> Json<u8> {
    Json(5)
}

fn resource(url: &str) -> ProtectedResource {
    ProtectedResource::new(url).authorization_server("https://id.example")
}

fn notes() -> Api<Tokens> {
    Api::new("Notes", "1.0")
        .get("/mcp", read)
        .post("/mcp", write)
        .get("/whoami", whoami)
        .get("/maybe", maybe)
        .get("/open", open)
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

async fn ask(app: &Router, method: &str, path: &str, token: Option<&str>) -> Answer {
    let mut request = Request::builder().method(method).uri(path).header("host", "api.example");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let answer = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (parts, body) = answer.into_parts();
    let body = body.collect().await.unwrap().to_bytes().to_vec();
    Answer { status: parts.status, headers: parts.headers, body }
}

async fn metadata(app: &Router, path: &str) -> Option<Value> {
    let answer = ask(app, "GET", path, None).await;
    if answer.status != 200 {
        return None;
    }
    assert_eq!(answer.headers["content-type"], "application/json");
    assert_eq!(answer.headers["access-control-allow-origin"], "*", "clients in a browser read it");
    Some(serde_json::from_slice(&answer.body).unwrap())
}

async fn challenge(app: &Router, method: &str, path: &str, token: Option<&str>) -> (u16, String) {
    let answer = ask(app, method, path, token).await;
    let header = answer.headers.get("www-authenticate");
    (answer.status.as_u16(), header.map_or_else(String::new, |header| header.to_str().unwrap().to_owned()))
}

#[tokio::test]
async fn the_metadata_is_at_both_places_and_names_what_guards_demand() {
    let known = resource("https://api.example/mcp")
        .documentation("https://docs.example")
        .policy("https://docs.example/policy")
        .terms_of_service("https://docs.example/terms");
    let (router, document) = notes().protected_resource(known).finish().unwrap();
    let app = router.merge(document.routes()).with_state(Tokens);
    let said = json!({
        "resource": "https://api.example/mcp",
        "authorization_servers": ["https://id.example"],
        "bearer_methods_supported": ["header"],
        "scopes_supported": ["admin", "notes:read", "notes:write"],
        "resource_name": "Notes",
        "resource_documentation": "https://docs.example",
        "resource_policy_uri": "https://docs.example/policy",
        "resource_tos_uri": "https://docs.example/terms",
    });
    assert_eq!(metadata(&app, &format!("{ROOT}/mcp")).await, Some(said.clone()));
    assert_eq!(metadata(&app, ROOT).await, Some(said));
    assert_eq!(metadata(&app, &format!("{ROOT}/other")).await, None);
    assert_eq!(ask(&app, "POST", ROOT, None).await.status, 405);
}

#[tokio::test]
async fn challenges_say_where_it_is_and_which_scopes_are_needed() {
    let (router, document) =
        notes().protected_resource(resource("https://api.example/mcp")).finish().unwrap();
    let app = router.with_state(Tokens);
    let at = r#"resource_metadata="https://api.example/.well-known/oauth-protected-resource/mcp""#;
    for (method, path, token, status, expected) in [
        ("GET", "/mcp", None, 401, format!(r#"Bearer {at}, scope="notes:read""#)),
        ("POST", "/mcp", None, 401, format!(r#"Bearer {at}, scope="notes:read notes:write""#)),
        ("GET", "/whoami", None, 401, format!("Bearer {at}")),
        (
            "GET",
            "/mcp",
            Some("bad"),
            401,
            format!(
                r#"Bearer error="invalid_token", error_description="The token is invalid, expired or revoked", {at}, scope="notes:read""#
            ),
        ),
        (
            "GET",
            "/mcp",
            Some("ok~"),
            403,
            format!(r#"Bearer error="insufficient_scope", scope="notes:read", {at}"#),
        ),
        (
            "GET",
            "/maybe",
            Some("bad"),
            401,
            format!(
                r#"Bearer error="invalid_token", error_description="The token is invalid, expired or revoked", {at}"#
            ),
        ),
        ("GET", "/mcp", Some("ok~notes.read"), 200, String::new()),
        ("GET", "/open", None, 200, String::new()),
    ] {
        let found = challenge(&app, method, path, token).await;
        assert_eq!(found, (status, expected.clone()), "{method} {path} {token:?}");
        if status != 200 && path != "/maybe" {
            let operation = &document.value()["paths"][path][method.to_lowercase()];
            let described =
                operation["responses"][status.to_string()]["headers"]["WWW-Authenticate"]["description"]
                    .as_str()
                    .unwrap();
            assert!(described.contains(&format!("`{expected}`")), "{described}\nlacks {expected}");
        }
    }
}

#[tokio::test]
async fn without_a_resource_challenges_are_as_they_were() {
    let (router, _) = notes().finish().unwrap();
    let app = router.with_state(Tokens);
    assert_eq!(challenge(&app, "GET", "/mcp", None).await, (401, "Bearer".to_owned()));
    assert_eq!(metadata(&app, ROOT).await, None);
}

/// Each part's challenges point to its own metadata, wherever the part is nested.
#[tokio::test]
async fn two_resources_of_one_host() {
    let part = |path: &str| {
        Api::<Tokens>::new("Part", "1")
            .protected_resource(resource(&format!("https://api.example/{path}")))
            .route(get("/read", read).operation_id(format!("read_{path}")))
            .with_state::<Tokens>(Tokens)
    };
    let api =
        Api::<Tokens>::new("All", "1").nest("/a", part("a")).nest("/b", part("b")).get("/whoami", whoami);
    let (router, _) = api.finish().unwrap();
    let app = router.with_state(Tokens);
    for path in ["a", "b"] {
        let said = metadata(&app, &format!("{ROOT}/{path}")).await.unwrap();
        assert_eq!(said["resource"], format!("https://api.example/{path}"));
        assert_eq!(said["scopes_supported"], json!(["notes:read"]));
        let (status, text) = challenge(&app, "GET", &format!("/{path}/read"), None).await;
        assert_eq!(status, 401);
        assert!(text.contains(&format!("oauth-protected-resource/{path}\"")), "{text}");
    }
    assert_eq!(metadata(&app, ROOT).await, None, "which of the two it would be is a guess");
    assert_eq!(challenge(&app, "GET", "/whoami", None).await, (401, "Bearer".to_owned()));
}

/// A resource at the host's root is found there, and another one keeps its own path.
#[tokio::test]
async fn a_resource_of_the_whole_host() {
    let mcp =
        Api::<Tokens>::new("MCP", "1").protected_resource(resource("https://api.example/mcp")).get("/", read);
    let api = Api::<Tokens>::new("Shop", "1")
        .protected_resource(resource("https://api.example/"))
        .nest("/mcp", mcp)
        .get("/whoami", whoami);
    let (router, _) = api.finish().unwrap();
    let app = router.with_state(Tokens);
    assert_eq!(metadata(&app, ROOT).await.unwrap()["resource"], "https://api.example/");
    assert_eq!(metadata(&app, &format!("{ROOT}/mcp")).await.unwrap()["resource"], "https://api.example/mcp");
    let (_, of_shop) = challenge(&app, "GET", "/whoami", None).await;
    assert_eq!(
        of_shop,
        r#"Bearer resource_metadata="https://api.example/.well-known/oauth-protected-resource""#
    );
    let (_, of_mcp) = challenge(&app, "GET", "/mcp", None).await;
    assert!(of_mcp.contains("oauth-protected-resource/mcp\""), "{of_mcp}");
}

#[test]
fn a_resource_that_no_client_could_use_is_a_defect() {
    for (api, expected) in [
        (notes().protected_resource(ProtectedResource::new("https://api.example")), "names no issuer"),
        (notes().protected_resource(resource("http://api.example")), "must be https"),
        (notes().protected_resource(resource("https://api.example/mcp?x=1")), "it has a query"),
        (
            notes()
                .protected_resource(ProtectedResource::new("https://a.example").authorization_server("id")),
            "the authorization server `id`: must be https",
        ),
        (
            notes()
                .protected_resource(resource("https://a.example"))
                .protected_resource(resource("https://b.example")),
            "called twice",
        ),
        (
            notes().protected_resource(resource("https://a.example")).get(ROOT, open),
            "`.protected_resource(…)` serves its metadata here",
        ),
        (
            notes().protected_resource(resource("https://a.example/x")).nest(
                "/x",
                Api::new("X", "1").protected_resource(resource("https://a.example/x")).get("/", whoami),
            ),
            "another protected resource",
        ),
    ] {
        let error = api.finish().unwrap_err();
        assert!(error.defects().iter().any(|defect| defect.contains(expected)), "{error}\nlacks {expected}");
    }
}
