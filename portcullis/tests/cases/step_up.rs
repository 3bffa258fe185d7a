//! Actions that need a recent or a stronger login (RFC 9470).

use std::time::Duration;

use axum::{Router, body::Body, extract::FromRef};
use http::{
    Request,
    header::{AUTHORIZATION, CACHE_CONTROL, WWW_AUTHENTICATE},
};
use http_body_util::BodyExt;
use portcullis::{
    AccessToken, AccessTokens, Api, ApiKey, Bearer, Either, Granted, Guard, May, Maybe, NoContent, Query,
    Scope, Verdict, Verify, VerifyFailed,
    api::post,
    credential::{ApiKeyPlace, Signature, TokenIn, TokenPlace, With},
    describe::In,
    permission::{Decide, Decision, Object, Undecided},
    permissions,
    step_up::{KnowsLogin, Level, Login, StepUp},
    tokens::TypedTokens,
    webhooks::GitHub,
};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::issuer::{NOW, claims, ed25519, verifier};

struct Recent;
impl Level for Recent {
    const MAX_AGE: Option<Duration> = Some(Duration::from_mins(10));
}

struct Strong;
impl Level for Strong {
    const ACR_VALUES: &'static [&'static str] = &["phr", "mfa"];
}

struct Both;
impl Level for Both {
    const ACR_VALUES: &'static [&'static str] = &["mfa"];
    const MAX_AGE: Option<Duration> = Some(Duration::from_secs(90));
}

struct Read;
impl Scope for Read {
    const NAME: &'static str = "read";
    const DESCRIPTION: &'static str = "Look";
}

/// Tokens of another kind, without logins: accepts `robot`.
#[derive(Clone)]
struct Robots;

impl Verify for Robots {
    type Credential = Bearer;
    type Principal = ();
    const SCHEME: &'static str = "robot";

    async fn verify(&self, bearer: &Bearer) -> Result<Verdict<()>, VerifyFailed> {
        Ok(if bearer.token() == "robot" { Verdict::Accepted((), Granted::none()) } else { Verdict::Refused })
    }
}

/// A custom verifier: `weak` has the class `pwd`.
#[derive(Clone)]
struct Own;

impl Verify for Own {
    type Credential = Bearer;
    type Principal = String;
    const SCHEME: &'static str = "own";
    const REALM: Option<&'static str> = Some("shop");

    async fn verify(&self, bearer: &Bearer) -> Result<Verdict<String>, VerifyFailed> {
        Ok(Verdict::Accepted(bearer.token().to_owned(), Granted::none()))
    }
}

impl KnowsLogin for Own {
    fn login(&self, principal: &String) -> Login {
        let acr = if principal == "weak" { "pwd" } else { "mfa" };
        Login { acr: Some(acr.to_owned()), age: None }
    }
}

struct Document;

impl Object for Document {
    const NAME: &'static str = "document";
    type Id = u32;
    type Policy = Documents;
}

permissions! {
    on Document {
        DeleteDocument "write" "Delete a document";
    }
}

#[derive(Clone)]
struct Documents;

impl Decide<DeleteDocument, AccessToken> for Documents {
    async fn decide(self, _: &AccessToken, id: &u32) -> Result<Decision<Document>, Undecided> {
        Ok(if *id == 1 { Decision::Allow(Document) } else { Decision::Hide })
    }
}

#[derive(serde::Deserialize)]
struct Session {
    sid: String,
}

async fn recent(_: Guard<StepUp<AccessTokens, Recent>, Read>) -> NoContent {
    NoContent
}

async fn strong(_: Guard<StepUp<AccessTokens, Strong>>) -> NoContent {
    NoContent
}

async fn both(_: Guard<StepUp<AccessTokens, Both>>) -> NoContent {
    NoContent
}

async fn typed(guard: Guard<StepUp<TypedTokens<Session>, Recent>>) -> String {
    guard.principal().claims().sid.clone()
}

async fn maybe(_: Maybe<StepUp<AccessTokens, Recent>>) -> NoContent {
    NoContent
}

async fn either(_: Guard<Either<StepUp<AccessTokens, Recent>, Robots>>) -> NoContent {
    NoContent
}

async fn delete_row(_: May<StepUp<AccessTokens, Recent>, DeleteDocument>) -> NoContent {
    NoContent
}

struct Cookie;
impl TokenPlace for Cookie {
    const IN: In = In::Cookie;
    const NAME: &'static str = "__Host-access";
    const SCHEME: &'static str = "access_cookie";
}

struct Gateway;
impl TokenPlace for Gateway {
    const IN: In = In::Header;
    const NAME: &'static str = "X-Gateway-Token";
    const SCHEME: &'static str = "gateway";
}

async fn cookie(_: Guard<StepUp<TokenIn<Cookie>, Recent>, Read>) -> NoContent {
    NoContent
}

async fn gateway(guard: Guard<StepUp<TokenIn<Gateway, TypedTokens<Session>>, Recent>>) -> String {
    guard.principal().claims().sid.clone()
}

async fn either_place(_: Guard<Either<StepUp<TokenIn<Cookie>, Recent>, AccessTokens>>) -> NoContent {
    NoContent
}

async fn own(_: Guard<StepUp<Own, Strong>>) -> NoContent {
    NoContent
}

#[derive(Clone, FromRef)]
struct App {
    tokens: AccessTokens,
    typed: TypedTokens<Session>,
    robots: Robots,
    own: Own,
    documents: Documents,
}

fn api() -> Api<App> {
    Api::new("Shop", "1")
        .get("/recent", recent)
        .get("/strong", strong)
        .get("/both", both)
        .get("/typed", typed)
        .get("/maybe", maybe)
        .get("/either", either)
        .delete("/documents/{id}", delete_row)
        .get("/own", own)
        .post("/cookie", cookie)
        .get("/gateway", gateway)
        .get("/either-place", either_place)
}

fn router() -> Router {
    let (tokens, typed) = (verifier(), verifier().typed());
    let app = App { tokens, typed, robots: Robots, own: Own, documents: Documents };
    api().finish().unwrap().0.with_state(app)
}

/// A valid token with these claims in addition to the usual ones.
fn token(more: &Value) -> String {
    let mut claims = claims();
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    ed25519().token(&ed25519().header().to_string(), &claims.to_string())
}

/// Status, challenge and detail.
async fn call(operation: &str, token: &str) -> (u16, String, String) {
    let (method, path) = operation.split_once(' ').unwrap_or(("GET", operation));
    let mut request = Request::builder().method(method).uri(path);
    if !token.is_empty() {
        request = request.header(AUTHORIZATION, format!("Bearer {token}"));
    }
    let answer = router().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (head, body) = answer.into_parts();
    let body: Value = serde_json::from_slice(&body.collect().await.unwrap().to_bytes()).unwrap_or_default();
    if head.status == 401 {
        assert_eq!(head.headers[CACHE_CONTROL], "no-store");
    }
    let challenge = head.headers.get(WWW_AUTHENTICATE).map_or("", |value| value.to_str().unwrap());
    (head.status.as_u16(), challenge.to_owned(), body["detail"].as_str().unwrap_or_default().to_owned())
}

async fn status(operation: &str, more: Value) -> u16 {
    call(operation, &token(&more)).await.0
}

const MINUTES: u64 = 60;

#[tokio::test]
async fn t09_a_login_that_is_too_old_or_too_weak_is_challenged() {
    for (path, detail, demanded) in [
        ("/recent", "Log in again: this requires a login within the last 10 minutes", r#"max_age="600""#),
        ("/strong", "Log in again: this requires a stronger login", r#"acr_values="phr mfa""#),
        (
            "/both",
            "Log in again: this requires a stronger login within the last 90 seconds",
            r#"acr_values="mfa", max_age="90""#,
        ),
    ] {
        let challenge = format!(
            r#"Bearer error="insufficient_user_authentication", error_description="{detail}", {demanded}"#
        );
        // Neither claim is present.
        assert_eq!(call(path, &ed25519().good()).await, (401, challenge, detail.to_owned()), "{path}");
        assert_eq!(call(path, "").await.1, "Bearer", "who sends nothing is not told");
        assert!(call(path, "junk").await.1.contains("invalid_token"));
    }
}

#[tokio::test]
async fn the_age_is_that_of_the_login_and_not_of_the_token() {
    for (auth_time, expected) in [
        (json!(NOW), 204),
        (json!(NOW - 10 * MINUTES), 204),
        (json!(NOW - 10 * MINUTES - 1), 401),
        (json!(0), 401),
        // Clocks may differ by five seconds.
        (json!(NOW + 5), 204),
        (json!(NOW + 6), 401),
        (json!(u64::MAX), 401),
        (json!(-1), 401),
        (json!(NOW.to_string()), 401),
        (json!(null), 401),
    ] {
        assert_eq!(status("/recent", json!({ "auth_time": auth_time })).await, expected, "{auth_time}");
    }
}

#[tokio::test]
async fn the_class_is_one_of_those_that_are_enough() {
    for (acr, expected) in
        [("mfa", 204), ("phr", 204), ("pwd", 401), ("MFA", 401), ("phr mfa", 401), ("", 401), ("mf", 401)]
    {
        assert_eq!(status("/strong", json!({ "acr": acr })).await, expected, "{acr}");
    }
    assert_eq!(status("/strong", json!({ "acr": ["mfa"] })).await, 401, "a claim of a wrong type is none");
    for (acr, age, expected) in [("mfa", 90, 204), ("mfa", 91, 401), ("pwd", 1, 401)] {
        let claims = json!({ "acr": acr, "auth_time": NOW - age });
        assert_eq!(status("/both", claims).await, expected, "{acr} {age}");
    }
}

#[tokio::test]
async fn it_stands_where_a_verifier_stands() {
    let (old, new) = (json!({ "auth_time": 1 }), json!({ "auth_time": NOW }));
    assert_eq!(status("/typed", new.clone()).await, 200);
    assert_eq!(status("/typed", old.clone()).await, 401);

    assert_eq!(call("/maybe", "").await.0, 204, "a stranger has no login that is too old");
    assert_eq!(status("/maybe", new.clone()).await, 204);
    assert!(call("/maybe", &token(&old)).await.1.contains("insufficient_user_authentication"));

    assert_eq!(call("/either", "robot").await.0, 204);
    assert_eq!(status("/either", new.clone()).await, 204);
    let either = call("/either", &token(&old)).await;
    assert!(either.1.contains("insufficient_user_authentication"), "whose token it is decides: {either:?}");

    for (path, claims, expected) in
        [("1", &new, 204), ("2", &new, 404), ("1", &old, 401), ("2", &old, 401), ("x", &old, 401)]
    {
        assert_eq!(status(&format!("DELETE /documents/{path}"), claims.clone()).await, expected, "{path}");
    }
    let mut few = new.clone();
    few["scope"] = "write".into();
    assert_eq!(status("/recent", few).await, 403, "a scope is needed too");

    assert_eq!(call("/own", "good").await.0, 204);
    assert!(call("/own", "weak").await.1.starts_with(r#"Bearer realm="shop", error="insufficient_user"#));
}

/// Takes any credential of this kind, of somebody who logged in just now.
macro_rules! taking_any {
    ($($verifier:ident $name:literal $credential:ty, $forbids:expr;)*) => {$(
        #[derive(Clone)]
        struct $verifier;
        impl Verify for $verifier {
            type Credential = $credential;
            type Principal = Anyone;
            const SCHEME: &'static str = $name;

            async fn verify(&self, sent: &$credential) -> Result<Verdict<Anyone>, VerifyFailed> {
                let forbids: fn(&$credential) -> bool = $forbids;
                Ok(if forbids(sent) { Verdict::Forbidden } else { Verdict::Accepted(Anyone, Granted::parse("write")) })
            }
        }
        impl KnowsLogin for $verifier {
            fn login(&self, _: &Anyone) -> Login {
                Login { acr: None, age: Some(Duration::ZERO) }
            }
        }
    )*};
}

struct Anyone;

struct InQuery;
impl ApiKeyPlace for InQuery {
    const IN: In = In::Query;
    const NAME: &'static str = "key";
}

taking_any! {
    Senders "sender" Signature<GitHub>, |_| false;
    InTheQuery "in_query" ApiKey<InQuery>, |_| false;
    Readers "reader" With<Bearer, http::Method>, |sent| *sent.request() != http::Method::GET;
}

impl Decide<DeleteDocument, Anyone> for Documents {
    async fn decide(self, _: &Anyone, id: &u32) -> Result<Decision<Document>, Undecided> {
        Ok(if *id == 1 { Decision::Allow(Document) } else { Decision::Hide })
    }
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
#[expect(dead_code, reason = "only its schema matters")]
struct Page {
    limit: u8,
}

/// What the verifier needs of the request, `StepUp` and `May` ask for too: the body, the key in the query, the method.
#[tokio::test]
async fn what_the_verifier_needs_is_there() {
    #[derive(Clone, FromRef)]
    struct App {
        senders: Senders,
        in_the_query: InTheQuery,
        readers: Readers,
        documents: Documents,
    }
    async fn signed(_: Guard<StepUp<Senders, Recent>>, body: String) -> String {
        body
    }
    async fn of_a_row(_: May<Senders, DeleteDocument>, body: String) -> String {
        body
    }
    async fn in_query(_: Guard<StepUp<InTheQuery, Recent>>, _: Query<Page>) -> String {
        "page".to_owned()
    }
    async fn reads(_: Guard<StepUp<Readers, Recent>>) -> String {
        "read".to_owned()
    }
    let api = Api::<App>::new("Shop", "1").post("/signed", signed).post("/rows/{id}", of_a_row);
    let api =
        api.get("/query", in_query).route(post("/read", reads).operation_id("writes")).get("/read", reads);
    let (router, document) = api.finish().unwrap();
    let (senders, in_the_query, readers) = (Senders, InTheQuery, Readers);
    let router = router.with_state(App { senders, in_the_query, readers, documents: Documents });
    let ask = async |operation: &str, name: &str, value: &str| {
        let (method, path) = operation.split_once(' ').unwrap();
        let request = Request::builder().method(method).uri(path).header(name, value);
        let request = request.header("content-type", "text/plain").body(Body::from("body")).unwrap();
        router.clone().oneshot(request).await.unwrap().status().as_u16()
    };
    let signature = format!("sha256={}", "ab".repeat(32));
    assert_eq!(ask("POST /signed", "x-hub-signature-256", &signature).await, 200);
    assert_eq!(ask("POST /rows/1", "x-hub-signature-256", &signature).await, 200);
    assert_eq!(ask("POST /rows/2", "x-hub-signature-256", &signature).await, 404);
    assert_eq!(ask("GET /query?key=k&limit=1", "x-a", "b").await, 200);
    assert_eq!(ask("GET /query?key=k&limit=1&more=1", "x-a", "b").await, 422);
    assert_eq!(ask("GET /read", "authorization", "Bearer x").await, 200);
    assert_eq!(ask("POST /read", "authorization", "Bearer x").await, 403);
    let has_403 =
        |path: &str, method: &str| document.value()["paths"][path][method]["responses"].get("403").is_some();
    assert_eq!((has_403("/read", "post"), has_403("/query", "get")), (true, false));
}

/// The status, and the challenge of a 401, for a token in a cookie of our own page or in a gateway's header.
async fn call_with(operation: &str, name: &str, value: &str) -> (u16, String, String) {
    let (method, path) = operation.split_once(' ').unwrap();
    let request = Request::builder().method(method).uri(path).header(name, value);
    let request = request.header("sec-fetch-site", "same-origin").body(Body::empty()).unwrap();
    let (head, body) = router().oneshot(request).await.unwrap().into_parts();
    let body: Value = serde_json::from_slice(&body.collect().await.unwrap().to_bytes()).unwrap_or_default();
    let challenge = head.headers.get(WWW_AUTHENTICATE).map_or("", |value| value.to_str().unwrap());
    (head.status.as_u16(), challenge.to_owned(), body["detail"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn t09_a_login_is_demanded_of_a_token_in_another_place_too() {
    let (old, new) = (token(&json!({ "auth_time": 1 })), token(&json!({ "auth_time": NOW })));
    let again = "Log in again: this requires a login within the last 10 minutes";
    let refused = |challenge: &str, detail: &str| (401, challenge.to_owned(), detail.to_owned());
    for (operation, header, before, good, scheme) in [
        ("POST /cookie", "cookie", "__Host-access=", 204, "Cookie"),
        ("GET /gateway", "x-gateway-token", "", 200, "APIKey"),
    ] {
        let ask = async |token: &str| call_with(operation, header, &format!("{before}{token}")).await;
        assert_eq!(ask(&new).await.0, good, "{operation}");
        assert_eq!(ask(&old).await, refused(scheme, again), "{operation}");
        assert_eq!(ask("junk").await, refused(scheme, "Could not validate credentials"), "{operation}");
        assert_eq!(ask(&ed25519().good()).await, refused(scheme, again), "{operation}");
    }
    let few = token(&json!({ "auth_time": NOW, "scope": "write" }));
    assert_eq!(call_with("POST /cookie", "cookie", &format!("__Host-access={few}")).await.0, 403);
    let bearer = format!("Bearer {new}");
    assert_eq!(call_with("POST /cookie", "authorization", &bearer).await.0, 401, "in another place");

    let either = async |name: &str, value: &str| call_with("GET /either-place", name, value).await.0;
    assert_eq!(either("authorization", &format!("Bearer {old}")).await, 204, "nothing is demanded of it");
    assert_eq!(either("cookie", &format!("__Host-access={old}")).await, 401);
    assert_eq!(either("cookie", &format!("__Host-access={new}")).await, 204);
}

#[test]
fn the_document_says_what_is_demanded() {
    let (_, document) = api().finish().unwrap();
    let of = |path: &str, method: &str| document.value()["paths"][path][method].clone();
    let both = of("/both", "get");
    assert_eq!(both["x-portcullis-step-up"], json!({ "acr_values": ["mfa"], "max_age": 90 }));
    assert_eq!(both["security"], json!([{ "access_token": [] }]));
    let refused = &both["responses"]["401"];
    let description = "No credential, or one that is invalid, expired or revoked\n\nThe login behind the credential is \
                       too old or too weak (RFC 9470)";
    assert_eq!(refused["description"], description);
    let challenges = refused["headers"]["WWW-Authenticate"]["description"].as_str().unwrap();
    assert!(challenges.ends_with(r#"acr_values="mfa", max_age="90"`"#), "{challenges}");
    assert_eq!(of("/recent", "get")["x-portcullis-step-up"], json!({ "max_age": 600 }));
    assert_eq!(of("/recent", "get")["security"], json!([{ "access_token": ["read"] }]));
    assert_eq!(of("/either", "get")["x-portcullis-step-up"], json!({ "max_age": 600 }));
    assert_eq!(of("/either", "get")["security"], json!([{ "access_token": [] }, { "robot": [] }]));
    assert_eq!(of("/cookie", "post")["x-portcullis-step-up"], json!({ "max_age": 600 }));
    assert_eq!(of("/cookie", "post")["security"], json!([{ "access_cookie": ["read"] }]));
    assert!(of("/cookie", "post")["responses"]["403"].is_object());
    let row = of("/documents/{id}", "delete");
    assert_eq!(row["x-portcullis-permission"]["permission"], "write");
    assert_eq!(row["x-portcullis-step-up"], json!({ "max_age": 600 }));
}

#[test]
fn a_level_that_demands_nothing_is_a_defect() {
    struct Nothing;
    impl Level for Nothing {}

    struct Quoted;
    impl Level for Quoted {
        const ACR_VALUES: &'static [&'static str] = &["good", "a b", "\"", ""];
    }

    async fn nothing(_: Guard<StepUp<AccessTokens, Nothing>>) -> NoContent {
        NoContent
    }

    async fn quoted(_: Guard<StepUp<AccessTokens, Quoted>>) -> NoContent {
        NoContent
    }

    let told = Api::<App>::new("", "").get("/a", nothing).get("/b", quoted).finish().unwrap_err().to_string();
    let lines: Vec<_> = told.lines().skip(1).collect();
    let spelling = "is not a value of `acr`, which has no spaces, `\"` or `\\`";
    assert_eq!(
        lines,
        [
            "- get /a: its level of login requires nothing: set `ACR_VALUES` or `MAX_AGE`".to_owned(),
            format!("- get /b: `a b` {spelling}"),
            format!("- get /b: `\"` {spelling}"),
            format!("- get /b: `` {spelling}"),
        ]
    );
}
