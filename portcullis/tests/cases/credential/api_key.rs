//! A key in a header, in the query or in a cookie.

use axum::{Router, extract::FromRef};
use http::{Request, header::AUTHORIZATION, request::Builder};
use portcullis::{
    Api, ApiKey, Granted, Guard, Json, Maybe, Verdict, Verify, VerifyFailed, credential::ApiKeyPlace,
    describe::In,
};
use serde_json::json;

use super::{AMBIGUOUS, Answer, INVALID, MISSING, document, send};

struct Header;
impl ApiKeyPlace for Header {
    const IN: In = In::Header;
    const NAME: &'static str = "X-API-Key";
}

struct Query;
impl ApiKeyPlace for Query {
    const IN: In = In::Query;
    const NAME: &'static str = "key";
}

struct Cookie;
impl ApiKeyPlace for Cookie {
    const IN: In = In::Cookie;
    const NAME: &'static str = "__Host-key";
}

/// A key as existing clients already send it.
struct OldCookie;
impl ApiKeyPlace for OldCookie {
    const IN: In = In::Cookie;
    const NAME: &'static str = "key";
    const DANGEROUS_PLANTABLE_COOKIE: bool = true;
}

#[derive(Clone)]
struct HeaderKeys;
#[derive(Clone)]
struct QueryKeys;
#[derive(Clone)]
struct CookieKeys;
#[derive(Clone)]
struct OldKeys;

macro_rules! keys {
    ($($verifier:ident, $place:ident, $scheme:literal, $realm:expr;)*) => {$(
        impl Verify for $verifier {
            type Credential = ApiKey<$place>;
            type Principal = String;
            const SCHEME: &'static str = $scheme;
            const REALM: Option<&'static str> = $realm;

            async fn verify(&self, key: &ApiKey<$place>) -> Result<Verdict<String>, VerifyFailed> {
                let good = key.key_is("k+e/y=");
                assert_eq!(good, key.key() == "k+e/y=");
                Ok(if good { Verdict::Accepted(format!("{key:?}"), Granted::none()) } else { Verdict::Refused })
            }
        }
    )*};
}
keys! {
    HeaderKeys, Header, "by_header", None;
    QueryKeys, Query, "by_query", Some("till");
    CookieKeys, Cookie, "by_cookie", None;
    OldKeys, OldCookie, "by_old_cookie", None;
}

#[derive(Clone, FromRef)]
struct App {
    header: HeaderKeys,
    query: QueryKeys,
    cookie: CookieKeys,
}

async fn header(guard: Guard<HeaderKeys>) -> Json<String> {
    Json(guard.into_principal())
}
async fn maybe_header(maybe: Maybe<HeaderKeys>) -> Json<bool> {
    Json(maybe.principal().is_some())
}
async fn query(guard: Guard<QueryKeys>) -> Json<String> {
    Json(guard.into_principal())
}
async fn maybe_query(maybe: Maybe<QueryKeys>) -> Json<bool> {
    Json(maybe.principal().is_some())
}
async fn cookie(guard: Guard<CookieKeys>) -> Json<String> {
    Json(guard.into_principal())
}
async fn change(guard: Guard<CookieKeys>) -> Json<String> {
    Json(guard.into_principal())
}

fn api() -> Api<App> {
    Api::new("Shop", "1")
        .get("/header", header)
        .get("/header/maybe", maybe_header)
        .get("/query", query)
        .get("/query/maybe", maybe_query)
        .get("/cookie", cookie)
        .post("/cookie", change)
}

fn app() -> Router {
    api().finish().unwrap().0.with_state(App { header: HeaderKeys, query: QueryKeys, cookie: CookieKeys })
}

async fn call(request: Builder) -> Answer {
    send(&app(), request).await
}

const BARE: Option<&str> = Some("APIKey");
const IN: &str = "\"ApiKey(…)\"";

#[tokio::test]
async fn t10_exactly_one_header() {
    let of = |values: &[&[u8]]| {
        values.iter().fold(Request::get("/header"), |request, value| request.header("x-api-KEY", *value))
    };
    call(of(&[b"k+e/y="])).await.is_answer(IN, "good");
    let long = "k".repeat(513);
    let malformed: [&[u8]; 9] = [
        b"",
        b"wrong",
        b"k+e/y= ",
        b"k e",
        b"k+e/y=, k+e/y=",
        b"K+e/y=",
        b"k\xc3\xa9y",
        b"k\ty",
        long.as_bytes(),
    ];
    for value in malformed {
        call(of(&[value])).await.is_refusal(401, BARE, INVALID, &value.escape_ascii().to_string());
    }
    call(of(&[])).await.is_refusal(401, BARE, MISSING, "none");
    call(of(&[b"k+e/y=", b"k+e/y="])).await.is_refusal(400, BARE, AMBIGUOUS, "twice");
    call(of(&[b"k+e/y=", b""])).await.is_refusal(400, BARE, AMBIGUOUS, "and an empty one");
    for elsewhere in ["/header?X-API-Key=k%2Be/y%3D", "/header?x-api-key=k+e/y="] {
        call(Request::get(elsewhere).header("cookie", "X-API-Key=k+e/y="))
            .await
            .is_refusal(401, BARE, MISSING, elsewhere);
    }
    call(Request::get("/header/maybe")).await.is_answer("false", "nobody");
    call(Request::get("/header/maybe").header("x-api-key", "k+e/y=")).await.is_answer("true", "maybe");
    call(Request::get("/header/maybe").header("x-api-key", "no")).await.is_refusal(401, BARE, INVALID, "bad");
}

#[tokio::test]
async fn t10_exactly_one_in_the_query() {
    let challenge = Some("APIKey realm=\"till\"");
    for uri in [
        "/query?key=k+e/y=",
        "/query?key=k%2Be/y%3D",
        "/query?a=b&key=k%2be%2Fy%3d&c",
        "/query?&&%6bey=k+e/y=&",
        "/query?Key=other&key=k+e/y=&keys=other",
    ] {
        call(Request::get(uri)).await.is_answer(IN, uri);
    }
    for uri in [
        "/query",
        "/query?",
        "/query?KEY=k+e/y=",
        "/query?a=key=k+e/y=",
        "/query?a;key=k+e/y=",
        "/query?key[]=k+e/y=",
    ] {
        call(Request::get(uri).header("key", "k+e/y=")).await.is_refusal(401, challenge, MISSING, uri);
    }
    let long = format!("/query?key={}", "k".repeat(513));
    for uri in [
        "/query?key",
        "/query?key=",
        "/query?key=no",
        "/query?key=k%00",
        "/query?key=k%20e",
        "/query?key=%C3%A9",
        &long,
    ] {
        call(Request::get(uri)).await.is_refusal(401, challenge, INVALID, uri);
    }
    for uri in ["/query?key=k+e/y=&key=k+e/y=", "/query?key=k+e/y=&%6b%65%79=", "/query?key&key"] {
        call(Request::get(uri)).await.is_refusal(400, challenge, AMBIGUOUS, uri);
    }
    call(Request::get("/query/maybe")).await.is_answer("false", "nobody");
    call(Request::get("/query/maybe?key=no")).await.is_refusal(401, challenge, INVALID, "bad");
}

#[tokio::test]
async fn an_authorization_beside_a_key_is_none_of_its_business() {
    for uri in ["/header/maybe", "/query/maybe"] {
        for value in ["Bearer x", "Basic dTpw", ""] {
            call(Request::get(uri).header(AUTHORIZATION, value)).await.is_answer("false", "no key");
        }
    }
    let both = Request::get("/header").header(AUTHORIZATION, "Basic dTpw").header("x-api-key", "k+e/y=");
    call(both).await.is_answer(IN, "a proxy's own password does not matter");
}

#[tokio::test]
async fn c02_a_key_in_a_cookie_is_kept_from_other_sites() {
    let get = |cookie: &str| Request::get("/cookie").header("cookie", cookie);
    call(get("a=b; __Host-key=k+e/y=")).await.is_answer(IN, "reading");
    call(get("a=b")).await.is_refusal(401, BARE, MISSING, "none");
    call(get("__Host-key=no")).await.is_refusal(401, BARE, INVALID, "bad");
    call(get("__Host-key=k+e/y=; __Host-key=no")).await.is_refusal(400, BARE, AMBIGUOUS, "two");
    call(get("__Host-key=k+e/y=").header(AUTHORIZATION, "Bearer x")).await.is_refusal(
        401,
        BARE,
        MISSING,
        "no falling back",
    );
    let post =
        || Request::post("/cookie").header("cookie", "__Host-key=k+e/y=").header("host", "shop.example");
    call(post().header("sec-fetch-site", "same-origin")).await.is_answer(IN, "its own page");
    call(post().header("origin", "https://shop.example")).await.is_answer(IN, "its own page, an old browser");
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("origin", "https://evil.example"),
        ("origin", "http://shop.example"),
        ("x-nothing", ""),
    ] {
        let answer = call(post().header(name, value)).await;
        assert_eq!((answer.status.as_u16(), answer.challenge()), (403, None), "{name}: {value}");
    }
}

#[tokio::test]
async fn a_cookie_of_another_name_is_taken_where_that_is_said() {
    async fn old(guard: Guard<OldKeys>) -> Json<String> {
        Json(guard.into_principal())
    }
    let (router, _) = Api::<OldKeys>::new("Shop", "1").get("/", old).finish().unwrap();
    let request = Request::get("/").header("cookie", "key=k+e/y=; __Host-key=no");
    send(&router.with_state(OldKeys), request).await.is_answer(IN, "its own name");
}

#[test]
fn the_document_says_where_the_key_is() {
    let document = document(api());
    let schemes = &document["components"]["securitySchemes"];
    assert_eq!(schemes["by_header"], json!({ "type": "apiKey", "in": "header", "name": "X-API-Key" }));
    assert_eq!(schemes["by_query"], json!({ "type": "apiKey", "in": "query", "name": "key" }));
    assert_eq!(schemes["by_cookie"], json!({ "type": "apiKey", "in": "cookie", "name": "__Host-key" }));
    let statuses = |path: &str, method: &str| {
        let operation = &document["paths"][path][method];
        operation["responses"].as_object().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(statuses("/header", "get"), ["200", "400", "401", "503"]);
    assert_eq!(statuses("/cookie", "post"), ["200", "400", "401", "403", "503"]);
}
