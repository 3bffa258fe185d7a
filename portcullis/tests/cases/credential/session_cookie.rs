//! Session cookies, and pages of other sites.

use std::time::Duration;

use axum::{
    Router,
    extract::FromRef,
    response::{AppendHeaders, IntoResponse},
    routing::{any, post},
};
use http::{
    Method, Request, Version,
    header::{AUTHORIZATION, COOKIE, HOST, ORIGIN, SET_COOKIE},
    request::Builder,
};
use portcullis::{
    AccessTokens, Api, Either, Granted, Guard, Json, Maybe, Public, SessionCookie, Verdict, Verify,
    VerifyFailed,
    credential::{CookieSettings, NotACookieValue, SameOrigin, SameSite},
};
use proptest::prelude::*;
use serde_json::json;

use super::{
    super::issuer::{ed25519, verifier},
    AMBIGUOUS, Answer, INVALID, MISSING, document, send,
};

struct Shop;
impl CookieSettings for Shop {
    const NAME: &'static str = "__Host-shop";
}

struct Bank;
impl CookieSettings for Bank {
    const NAME: &'static str = "__Host-bank";
    const SAME_SITE: SameSite = SameSite::Strict;
    const MAX_AGE: Option<Duration> = Some(Duration::from_mins(15));
}

struct Desk;
impl CookieSettings for Desk {
    const NAME: &'static str = "desk";
    const DANGEROUS_PLAIN_HTTP: bool = true;
}

#[derive(Clone)]
struct Sessions;
#[derive(Clone)]
struct DeskSessions;

macro_rules! sessions {
    ($($verifier:ident, $cookie:ident, $scheme:literal;)*) => {$(
        impl Verify for $verifier {
            type Credential = SessionCookie<$cookie>;
            type Principal = String;
            const SCHEME: &'static str = $scheme;

            async fn verify(&self, cookie: &SessionCookie<$cookie>) -> Result<Verdict<String>, VerifyFailed> {
                let good = cookie.token() == "good";
                let who = || format!("in by {cookie:?}");
                Ok(if good { Verdict::Accepted(who(), Granted::none()) } else { Verdict::Refused })
            }
        }
    )*};
}
sessions! {
    Sessions, Shop, "session";
    DeskSessions, Desk, "desk";
}

#[derive(Clone, FromRef)]
struct App {
    tokens: AccessTokens,
    sessions: Sessions,
    desk: DeskSessions,
}

async fn read(guard: Guard<Sessions>) -> Json<String> {
    Json(guard.into_principal())
}

async fn change(guard: Guard<Sessions>) -> Json<String> {
    Json(guard.into_principal())
}

async fn comment(maybe: Maybe<Sessions>) -> Json<bool> {
    Json(maybe.principal().is_some())
}

async fn both(guard: Guard<Either<AccessTokens, Sessions>>) -> Json<&'static str> {
    Json(match guard.principal() {
        Either::Left(_) => "token",
        Either::Right(_) => "cookie",
    })
}

async fn log_in(_: Public, _: SameOrigin<Shop>) -> Json<()> {
    Json(())
}

fn api() -> Api<App> {
    Api::new("Shop", "1")
        .get("/", read)
        .post("/", change)
        .post("/comments", comment)
        .post("/both", both)
        .post("/login", log_in)
}

fn app() -> Router {
    let (router, _) = api().finish().unwrap();
    // In a plain router, where the guard sees every method.
    let router =
        router.route("/any", any(read)).route("/desk", post(async |_: Guard<DeskSessions>| Json("in")));
    router.with_state(App { tokens: verifier(), sessions: Sessions, desk: DeskSessions })
}

async fn call(request: Builder) -> Answer {
    send(&app(), request).await
}

fn with(method: Method, uri: &str, headers: &[(&str, &str)]) -> Builder {
    let request = Request::builder().method(method).uri(uri);
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))
}

const GOOD: (&str, &str) = ("cookie", "__Host-shop=good");
const HERE: (&str, &str) = ("host", "shop.example");
const OWN_PAGE: (&str, &str) = ("sec-fetch-site", "same-origin");
const IN: &str = "\"in by SessionCookie(…)\"";
const CHALLENGE: Option<&str> = Some("Cookie");
const OTHER_SITE: &str = "This request may come from another site's page";

#[test]
fn c01_the_cookie_that_is_set() {
    let set = |(name, value): (http::HeaderName, http::HeaderValue)| {
        assert_eq!(name, SET_COOKIE);
        assert!(value.is_sensitive(), "logs of headers do not show it");
        value.to_str().unwrap().to_owned()
    };
    assert_eq!(
        set(SessionCookie::<Shop>::set("abc.d=").unwrap()),
        "__Host-shop=abc.d=; Path=/; Secure; HttpOnly; SameSite=Lax"
    );
    assert_eq!(
        set(SessionCookie::<Bank>::set("x").unwrap()),
        "__Host-bank=x; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=900"
    );
    assert_eq!(set(SessionCookie::<Desk>::set("x").unwrap()), "desk=x; Path=/; HttpOnly; SameSite=Lax");
    assert_eq!(
        set(SessionCookie::<Bank>::clear()),
        "__Host-bank=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0"
    );
    assert_eq!(
        set(SessionCookie::<Shop>::clear()),
        "__Host-shop=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0"
    );
    let long = "x".repeat(3801);
    for token in ["", "a b", "a;b", "a; Domain=evil", "a,b", "a\"", "a\\", "a\r\nx: y", "é", "\0", &long] {
        assert_eq!(SessionCookie::<Shop>::set(token).unwrap_err(), NotACookieValue, "{token:?}");
    }
}

#[tokio::test]
async fn c01_what_was_set_comes_back() {
    async fn log_in(_: Public) -> impl IntoResponse {
        AppendHeaders([SessionCookie::<Shop>::set("good").unwrap(), SessionCookie::<Bank>::clear()])
    }
    let log_in = Router::new().route("/", post(log_in));
    let answer = send(&log_in, Request::post("/")).await;
    let set: Vec<_> =
        answer.headers.get_all(SET_COOKIE).iter().map(|cookie| cookie.to_str().unwrap()).collect();
    assert_eq!(set.len(), 2, "{set:?}");
    let (pair, _) = set[0].split_once(';').unwrap();
    call(Request::get("/").header(COOKIE, pair)).await.is_answer(IN, "good");
}

#[tokio::test]
async fn c01_exactly_one_cookie() {
    let of = |cookies: &[&str]| {
        cookies.iter().fold(Request::get("/"), |request, cookie| request.header(COOKIE, *cookie))
    };
    let long = format!("__Host-shop={}", "x".repeat(3801));
    let cases: [(&[&str], u16, &str); 13] = [
        (&[], 401, MISSING),
        (&["shop=good; __host-shop=good; Host-shop=good; a=__Host-shop=good"], 401, MISSING),
        (&["__Host-shop"], 401, MISSING),
        (&["__Host-shop="], 401, INVALID),
        (&["__Host-shop=bad"], 401, INVALID),
        (&["__Host-shop=\"good\""], 401, INVALID),
        (&["__Host-shop=go od"], 401, INVALID),
        (&["__Host-shop=good,x"], 401, INVALID),
        (&["__Host-shop=good%20"], 401, INVALID),
        (&[&long], 401, INVALID),
        (&["__Host-shop=good; __Host-shop=good"], 400, AMBIGUOUS),
        (&["__Host-shop=good", "__Host-shop=bad"], 400, AMBIGUOUS),
        (&["__Host-shop=; a=b; __Host-shop=good"], 400, AMBIGUOUS),
    ];
    for (cookies, status, detail) in cases {
        call(of(cookies)).await.is_refusal(status, CHALLENGE, detail, &format!("{cookies:?}"));
    }
    call(of(&["a=b; __Host-shop=good ; c=d"])).await.is_answer(IN, "one among others");
    call(of(&["a=b", "__Host-shop=good"])).await.is_answer(IN, "HTTP/2 may split them");
    let request =
        Request::post("/comments").header(COOKIE, "__Host-shop=bad").header("sec-fetch-site", "none");
    call(request).await.is_refusal(401, CHALLENGE, INVALID, "a bad cookie is not anonymous");
}

#[tokio::test]
async fn c02_its_own_pages_may_change_things() {
    let cases: [&[(&str, &str)]; 10] = [
        &[OWN_PAGE],
        &[("sec-fetch-site", "none")],
        &[OWN_PAGE, ("origin", "https://shop.example"), HERE],
        // A browser from before 2023.
        &[("origin", "https://shop.example"), HERE],
        &[("origin", "https://shop.example"), ("host", "SHOP.example")],
        &[("origin", "https://shop.example"), ("host", "shop.example:443")],
        &[("origin", "https://shop.example:8443"), ("host", "shop.example:8443")],
        &[("origin", "https://[2001:db8::1]"), ("host", "[2001:db8::1]")],
        &[("origin", "https://shop.example"), HERE, ("x-forwarded-host", "evil.example")],
        &[OWN_PAGE, ("content-type", "text/plain")],
    ];
    for headers in cases {
        let request = with(Method::POST, "/", &[&[GOOD], headers].concat());
        call(request).await.is_answer(IN, &format!("{headers:?}"));
    }
    let http2 = with(Method::POST, "https://shop.example/", &[GOOD, ("origin", "https://shop.example")]);
    call(http2.version(Version::HTTP_2)).await.is_answer(IN, ":authority");
}

#[tokio::test]
async fn c02_other_sites_may_not() {
    let cases: [&[(&str, &str)]; 31] = [
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "")],
        &[("sec-fetch-site", "Same-Origin")],
        &[("sec-fetch-site", "same-origin, cross-site")],
        &[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "same-origin")],
        // What the browser says about the site decides, even if everything else looks right.
        &[("sec-fetch-site", "cross-site"), ("origin", "https://shop.example"), HERE],
        &[HERE],
        &[("origin", "https://shop.example")],
        &[("origin", "null"), HERE],
        &[("origin", ""), HERE],
        &[("origin", "https://"), ("host", "")],
        &[("origin", "null"), ("host", "null")],
        &[("origin", "https://evil.example"), HERE],
        &[("origin", "https://shop.example.evil.example"), HERE],
        &[("origin", "https://evilshop.example"), HERE],
        &[("origin", "https://sub.shop.example"), HERE],
        &[("origin", "http://shop.example"), HERE],
        &[("origin", "HTTPS://shop.example"), HERE],
        &[("origin", "https://shop.example:8443"), HERE],
        &[("origin", "https://shop.example"), ("host", "shop.example:8443")],
        &[("origin", "https://shop.example"), ("host", "shop.example:80")],
        &[("origin", "https://shop.example/"), HERE],
        &[("origin", "https://shop.example https://evil.example"), HERE],
        &[("origin", "https://shop.example"), ("origin", "https://evil.example"), HERE],
        &[("origin", "https://shop.example"), HERE, ("host", "evil.example")],
        &[("origin", "https://evil.example"), HERE, ("x-forwarded-host", "evil.example")],
        &[("origin", "https://evil.example"), HERE, ("forwarded", "host=evil.example")],
        &[("origin", "https://evil.example"), HERE, ("x-requested-with", "XMLHttpRequest")],
        &[("referer", "https://shop.example/"), HERE],
    ];
    for headers in cases {
        for uri in ["/", "/comments", "/both", "/login"] {
            let about = format!("{uri} {headers:?}");
            let request = with(Method::POST, uri, &[&[GOOD], headers].concat());
            call(request).await.is_refusal(403, None, OTHER_SITE, &about);
        }
    }
    // HTTP/2 with a `Host` that differs from `:authority`.
    let http2 = with(Method::POST, "https://shop.example/", &[GOOD, ("origin", "https://evil.example")]);
    let http2 = http2.version(Version::HTTP_2).header(HOST, "evil.example");
    call(http2).await.is_refusal(403, None, OTHER_SITE, "two hosts");
}

#[tokio::test]
async fn c02_only_reading_is_free_for_all_sites() {
    const EVIL: (&str, &str) = ("sec-fetch-site", "cross-site");
    for method in ["GET", "HEAD", "OPTIONS"] {
        let answer = call(with(method.parse().unwrap(), "/any", &[GOOD, EVIL])).await;
        assert_eq!(answer.status, 200, "{method}");
    }
    for method in ["POST", "PUT", "PATCH", "DELETE", "CONNECT", "TRACE", "PROPFIND", "get"] {
        let answer = call(with(method.parse().unwrap(), "/any", &[GOOD, EVIL])).await;
        assert_eq!(answer.status, 403, "{method}");
        let answer = call(with(method.parse().unwrap(), "/any", &[GOOD, OWN_PAGE])).await;
        assert_eq!(answer.status, 200, "{method}");
    }
    // A WebSocket begins with a GET, and its responses can be read.
    for upgrade in ["websocket", "WebSocket", "h2c, websocket"] {
        let socket = |site| with(Method::GET, "/any", &[GOOD, ("upgrade", upgrade), site]);
        assert_eq!(call(socket(EVIL)).await.status, 403, "{upgrade}");
        assert_eq!(call(socket(OWN_PAGE)).await.status, 200, "{upgrade}");
    }
    assert_eq!(call(with(Method::GET, "/any", &[GOOD, EVIL, ("upgrade", "h2c")])).await.status, 200);
    // Chromium does not name the site of a socket on plain HTTP, not even to the same machine.
    for (origin, status) in [("http://localhost:3000", 200), ("http://localhost:4000", 403)] {
        let headers = [GOOD, ("upgrade", "websocket"), ("host", "localhost:3000"), ("origin", origin)];
        assert_eq!(call(with(Method::GET, "/any", &headers)).await.status, status, "{origin}");
    }
    // Without a cookie there is nothing to abuse.
    call(with(Method::POST, "/", &[EVIL])).await.is_refusal(401, CHALLENGE, MISSING, "a stranger");
    call(with(Method::POST, "/comments", &[EVIL])).await.is_answer("false", "an anonymous comment");
}

#[tokio::test]
async fn c02_a_bearer_request_never_falls_back_to_the_cookie() {
    for value in ["Bearer bad", "Bearer", "Basic dTpw", "x", ""] {
        for uri in ["/", "/comments"] {
            let request = with(Method::POST, uri, &[GOOD, OWN_PAGE]).header(AUTHORIZATION, value);
            call(request).await.is_refusal(401, CHALLENGE, MISSING, &format!("{uri} {value}"));
        }
        let either = with(Method::POST, "/both", &[GOOD, OWN_PAGE]).header(AUTHORIZATION, value);
        assert_eq!(call(either).await.status, 401, "{value}");
    }
    let token = format!("Bearer {}", ed25519().good());
    let either = |headers: &[(&str, &str)]| with(Method::POST, "/both", headers);
    // Browsers do not add tokens by themselves, so the request's origin does not matter.
    call(either(&[GOOD, ("sec-fetch-site", "cross-site"), ("authorization", &token)]))
        .await
        .is_answer("\"token\"", "both");
    call(either(&[GOOD, OWN_PAGE])).await.is_answer("\"cookie\"", "the cookie alone");
}

#[tokio::test]
async fn c01_plain_http_is_for_development_and_has_its_own_origin() {
    let desk = |origin: &str| {
        let headers = [("cookie", "desk=good"), ("host", "192.0.2.7:3000"), ("origin", origin)];
        with(Method::POST, "/desk", &headers)
    };
    call(desk("http://192.0.2.7:3000")).await.is_answer("\"in\"", "its own page");
    for origin in ["https://192.0.2.7:3000", "http://192.0.2.7", "http://192.0.2.7:4000"] {
        call(desk(origin)).await.is_refusal(403, None, OTHER_SITE, origin);
    }
}

#[test]
fn the_document_says_which_cookie() {
    let document = document(api());
    assert_eq!(
        document["components"]["securitySchemes"]["session"],
        json!({ "type": "apiKey", "in": "cookie", "name": "__Host-shop" })
    );
    for path in ["/", "/comments", "/both", "/login"] {
        let refusals = &document["paths"][path]["post"]["responses"];
        assert!(
            refusals["403"]["description"].as_str().unwrap().contains("another site"),
            "{path}: {refusals}"
        );
    }
    assert_eq!(document["paths"]["/"]["post"]["security"], json!([{ "session": [] }]));
}

proptest! {
    #[test]
    fn c02_only_the_very_origin_is_its_own(origin in "(https?://)?(shop|evil)?\\.?example(:[0-9]{1,4})?|\\PC{0,20}") {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let Ok(value) = http::HeaderValue::from_str(&origin) else { return Ok(()) };
        let request = with(Method::POST, "/", &[GOOD, HERE]).header(ORIGIN, value);
        let expected = if origin.eq_ignore_ascii_case("https://shop.example") { 200 } else { 403 };
        prop_assert_eq!(runtime.block_on(call(request)).status, expected);
    }
}
