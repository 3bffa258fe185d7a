//! Who may call: `Public`, `Guard` and `Maybe` with a verifier that accepts, rejects, fails or panics.
//! In a plain axum router, because a guard enforces wherever it is used.

use std::{
    future::IntoFuture,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{FromRef, State},
    routing::{get, post},
};
use http::{
    HeaderMap, Request, StatusCode,
    header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
};
use portcullis::{
    Api, Bearer, Either, Granted, Guard, Json, Maybe, Public, Scope, Verdict, Verify, VerifyFailed,
};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};
use tower::ServiceExt;

/// Accepts `ok` with scopes (`ok~read~write`), and fails on demand.
#[derive(Clone)]
struct Door;

impl Verify for Door {
    type Credential = Bearer;
    type Principal = String;
    const SCHEME: &'static str = "door";

    async fn verify(&self, bearer: &Bearer) -> Result<Verdict<String>, VerifyFailed> {
        match bearer.token() {
            "down" => Err("cannot reach postgres://door:hunter2@db".into()),
            "panic" => panic!("the verifier has a flaw"),
            token => Ok(match token.strip_prefix("ok") {
                Some(scopes) => {
                    Verdict::Accepted(token.to_owned(), Granted::parse(&scopes.replace('~', " ")))
                }
                None => Verdict::Refused,
            }),
        }
    }
}

struct Read;
impl Scope for Read {
    const NAME: &'static str = "read";
    const DESCRIPTION: &'static str = "Look";
}

struct Change;
impl Scope for Change {
    const NAME: &'static str = "write";
    const DESCRIPTION: &'static str = "Change";
}

struct Delete;
impl Scope for Delete {
    const NAME: &'static str = "delete";
    const DESCRIPTION: &'static str = "Take away";
}

type Write = (Change, Delete);

#[derive(Clone, FromRef)]
struct App {
    door: Door,
    /// Whether a handler's body ran.
    ran: Arc<AtomicBool>,
}

type Ran = State<Arc<AtomicBool>>;

/// Records that it ran. Anyone may call.
async fn handler<A: Send>(_: A, State(ran): Ran) -> &'static str {
    ran.store(true, Ordering::SeqCst);
    "ran"
}

fn app() -> (Router, Arc<AtomicBool>) {
    let ran = Arc::new(AtomicBool::new(false));
    let router = Router::new()
        .route("/public", get(handler::<Public>))
        .route("/guard", get(handler::<Guard<Door>>))
        .route("/maybe", get(handler::<Maybe<Door>>))
        .route("/read", get(handler::<Guard<Door, Read>>))
        .route("/both", get(handler::<Guard<Door, (Read, Write)>>))
        .route("/nested", get(handler::<Guard<Door, (Write, ((), Read))>>))
        .with_state(App { door: Door, ran: ran.clone() });
    (router, ran)
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
    ran: bool,
}

impl Answer {
    fn header(&self, name: impl http::header::AsHeaderName) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

async fn call(uri: &str, authorization: &[&[u8]]) -> Answer {
    let (app, ran) = app();
    let mut request = Request::get(uri);
    for value in authorization {
        request = request.header(AUTHORIZATION, *value);
    }
    let response = app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (head, body) = response.into_parts();
    let body = String::from_utf8(to_bytes(body, 10_000).await.unwrap().to_vec()).unwrap();
    Answer { status: head.status, headers: head.headers, body, ran: ran.load(Ordering::SeqCst) }
}

const BARE: Option<&str> = Some("Bearer");
const INVALID: Option<&str> =
    Some("Bearer error=\"invalid_token\", error_description=\"The token is invalid, expired or revoked\"");
const AMBIGUOUS: Option<&str> = Some("Bearer error=\"invalid_request\"");

/// The path, the `Authorization` headers, and the response: status, `WWW-Authenticate`, `detail`.
type Refusal<'a> = (&'a str, &'a [&'a [u8]], u16, Option<&'a str>, &'a str);

#[tokio::test]
async fn t09_each_refusal_is_exact() {
    let scope = |scopes: &str| Some(format!("Bearer error=\"insufficient_scope\", scope=\"{scopes}\""));
    let (read, both, nested) = (scope("read"), scope("read write delete"), scope("write delete read"));
    let (not_here, bad) = ("Not authenticated", "Could not validate credentials");
    let cases: [Refusal<'_>; 17] = [
        ("/guard", &[], 401, BARE, not_here),
        ("/guard", &[b"Basic dTpw"], 401, BARE, not_here),
        ("/guard", &[b"Digest username=\"ana\""], 401, BARE, not_here),
        ("/guard", &[b"Bearer no"], 401, INVALID, bad),
        ("/guard", &[b"Bearer no\"\\x"], 401, INVALID, bad),
        ("/guard", &[b"Bearer"], 401, INVALID, bad),
        ("/guard", &[b"Bearer ok", b"Bearer ok"], 400, AMBIGUOUS, "More than one credential was sent"),
        ("/guard", &[b"Bearer ok", b"Basic dTpw"], 400, AMBIGUOUS, "More than one credential was sent"),
        ("/maybe", &[b"Basic dTpw"], 401, BARE, not_here),
        ("/maybe", &[b"Bearer no"], 401, INVALID, bad),
        ("/maybe", &[b"Bearer "], 401, INVALID, bad),
        ("/maybe", &[b"Bearer ok", b"Bearer ok"], 400, AMBIGUOUS, "More than one credential was sent"),
        ("/read", &[b"Bearer ok~write"], 403, read.as_deref(), "Not enough permissions"),
        ("/both", &[b"Bearer ok~read~write"], 403, both.as_deref(), "Not enough permissions"),
        ("/both", &[b"Bearer ok~write~delete"], 403, both.as_deref(), "Not enough permissions"),
        ("/nested", &[b"Bearer ok~read"], 403, nested.as_deref(), "Not enough permissions"),
        ("/guard", &[b"Bearer down"], 503, None, "Credentials cannot be checked at the moment"),
    ];
    for (uri, authorization, status, challenge, detail) in cases {
        let answer = call(uri, authorization).await;
        let about = format!("{uri} {:?}", authorization.iter().map(|value| value.escape_ascii().to_string()));
        assert_eq!(answer.status, status, "{about}");
        assert_eq!(answer.header(WWW_AUTHENTICATE), challenge, "{about}");
        assert_eq!(answer.header(RETRY_AFTER), (status == 503).then_some("1"), "{about}");
        assert_eq!(answer.header(CACHE_CONTROL), Some("no-store"), "{about}");
        assert_eq!(answer.header(CONTENT_TYPE), Some("application/json"), "{about}");
        assert_eq!(answer.body, serde_json::json!({ "detail": detail }).to_string(), "{about}");
        assert!(!answer.ran, "{about}");
    }
}

#[tokio::test]
async fn who_may_call_gets_in() {
    let cases: [(&str, &[&[u8]]); 10] = [
        ("/public", &[]),
        ("/public", &[b"Bearer no"]),
        ("/public", &[b"Bearer down", b"x"]),
        ("/guard", &[b"Bearer ok"]),
        ("/guard", &[b"bearer ok~read"]),
        ("/maybe", &[]),
        ("/maybe", &[b"Bearer ok"]),
        ("/read", &[b"Bearer ok~write~read"]),
        ("/both", &[b"Bearer ok~delete~write~read"]),
        ("/nested", &[b"Bearer ok~delete~write~read~more"]),
    ];
    for (uri, authorization) in cases {
        let answer = call(uri, authorization).await;
        assert!(
            answer.status == 200 && answer.body == "ran" && answer.ran,
            "{uri}: {} {}",
            answer.status,
            answer.body
        );
    }
}

#[tokio::test]
async fn the_handler_gets_the_principal_and_nothing_prints_it() {
    async fn tell(guard: Guard<Door>) -> String {
        let printed = format!("{guard:?}");
        format!("{} {} {printed}", guard.principal().clone(), guard.into_principal())
    }
    async fn ask(maybe: Maybe<Door>) -> String {
        let printed = format!("{maybe:?}");
        format!("{:?} {:?} {printed}", maybe.principal().cloned(), maybe.into_principal())
    }
    let app = Router::new().route("/tell", get(tell)).route("/ask", get(ask)).with_state(Door);
    for (uri, token, expected) in [
        ("/tell", Some("ok-ana"), "ok-ana ok-ana Guard(door)"),
        ("/ask", Some("ok-ana"), "Some(\"ok-ana\") Some(\"ok-ana\") Maybe(door, present)"),
        ("/ask", None, "None None Maybe(door, absent)"),
    ] {
        let mut request = Request::get(uri);
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let answer = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(to_bytes(answer.into_body(), 1000).await.unwrap(), expected);
    }
}

#[tokio::test]
async fn t10_a_token_is_read_from_one_header_alone() {
    for uri in ["/guard?access_token=ok", "/guard?token=ok", "/guard?authorization=Bearer%20ok", "/guard#ok"]
    {
        let answer = call(uri, &[]).await;
        assert_eq!((answer.status.as_u16(), answer.header(WWW_AUTHENTICATE)), (401, BARE), "{uri}");
        assert_eq!(call(uri, &[b"Bearer ok"]).await.status, 200, "{uri}: the header counts");
    }
    let (app, ran) = app();
    let elsewhere = [
        ("cookie", "access_token=ok"),
        ("cookie", "Authorization=Bearer ok"),
        ("proxy-authorization", "Bearer ok"),
        ("x-authorization", "Bearer ok"),
        ("access-token", "ok"),
    ];
    for (name, value) in elsewhere {
        let request = Request::get("/guard").header(name, value).body(Body::empty()).unwrap();
        assert_eq!(app.clone().oneshot(request).await.unwrap().status(), 401, "{name}");
    }
    let body = Request::get("/guard").header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    let body = body.body(Body::from("access_token=ok")).unwrap();
    assert_eq!(app.oneshot(body).await.unwrap().status(), 401);
    assert!(!ran.load(Ordering::SeqCst));
}

#[tokio::test]
async fn t10_one_space_and_no_other_white() {
    assert_eq!(call("/guard", &[b"BEARER ok"]).await.status, 200);
    let forms: [&[u8]; 12] = [
        b"Bearer  ok",
        b" Bearer ok",
        b"Bearer ok ",
        b"Bearer\tok",
        b"Bearer ok\t",
        b"Bearer \tok",
        b"Bearer\xa0ok",
        b"Bearer o k",
        b"Bearerok",
        b"Bearer: ok",
        b"Bearer ok, Bearer ok",
        b"ok",
    ];
    for form in forms {
        let answer = call("/guard", &[form]).await;
        assert!(answer.status == 401 && !answer.ran, "{}", form.escape_ascii());
        assert!(call("/maybe", &[form]).await.status == 401, "{}: not anonymous either", form.escape_ascii());
    }
}

#[tokio::test]
async fn t15_a_verifier_that_fails_lets_nobody_in() {
    for uri in ["/guard", "/maybe", "/read", "/both"] {
        let answer = call(uri, &[b"Bearer down"]).await;
        assert_eq!(answer.status, 503, "{uri}");
        assert!(!answer.ran, "{uri}");
        let said = format!("{:?} {}", answer.headers, answer.body);
        assert!(!said.contains("hunter2") && !said.contains("down"), "{said}");
    }
}

#[tokio::test]
async fn t15_d07_a_verifier_that_panics_lets_nobody_in_and_is_a_503_for_that_request() {
    for uri in ["/guard", "/maybe", "/read", "/both"] {
        let answer = call(uri, &[b"Bearer panic"]).await;
        assert_eq!((answer.status, answer.ran), (StatusCode::SERVICE_UNAVAILABLE, false), "{uri}");
        assert!(!answer.body.contains("flaw"), "{uri}: {}", answer.body);
        assert_eq!(answer.header(WWW_AUTHENTICATE), None);
    }
}

/// Over a connection, because the test is about what happens to it.
#[tokio::test]
async fn d07_a_handler_that_panics_is_a_500_for_its_own_request_and_no_other() {
    async fn flawed(_: Public) -> &'static str {
        panic!("the handler has a flaw")
    }
    async fn sound(_: Public) -> &'static str {
        "sound"
    }
    let (router, _) = Api::<()>::new("", "").get("/flawed", flawed).get("/sound", sound).finish().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    tokio::spawn(axum::serve(listener, router).into_future());
    // All on one connection, one after the other.
    let (reader, mut writer) = stream.split();
    let mut reader = BufReader::new(reader);
    for (path, first, last) in [
        ("/sound", "HTTP/1.1 200 OK", "sound"),
        ("/flawed", "HTTP/1.1 500 Internal Server Error", r#"{"detail":"Internal Server Error"}"#),
        ("/sound", "HTTP/1.1 200 OK", "sound"),
    ] {
        writer.write_all(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes()).await.unwrap();
        let mut line = String::new();
        reader.read_line(&mut line).await.unwrap();
        assert_eq!(line.trim_end(), first, "{path}");
        let mut length = 0;
        while line != "\r\n" {
            line.clear();
            reader.read_line(&mut line).await.unwrap();
            let value = line.to_ascii_lowercase().strip_prefix("content-length: ").map(str::to_owned);
            length = value.map_or(length, |value| value.trim_end().parse().unwrap());
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).await.unwrap();
        assert_eq!(String::from_utf8(body).unwrap(), last, "{path}");
    }
}

#[tokio::test]
async fn a_stranger_is_refused_before_the_body_is_read() {
    async fn take(_: Guard<Door>, Json(number): Json<u8>) -> Json<u8> {
        Json(number)
    }
    let app = Router::new().route("/", post(take)).with_state(Door);
    let endless = || Body::from_stream(futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    for (token, body, expected) in [
        ("no", Body::from("300"), 401),
        ("no", endless(), 401),
        ("ok", Body::from("300"), 422),
        ("ok", Body::from("30"), 200),
    ] {
        let request = Request::post("/").header(AUTHORIZATION, format!("Bearer {token}"));
        let request = request.header(CONTENT_TYPE, "application/json").body(body).unwrap();
        let answer = app.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.status(), expected);
        let body: Value = serde_json::from_slice(&to_bytes(answer.into_body(), 1000).await.unwrap()).unwrap();
        assert!(!body.is_null());
    }
}

/// Accepts everything, too often.
#[derive(Clone)]
struct Turnstile<const LIMITED: bool>;

impl<const LIMITED: bool> Verify for Turnstile<LIMITED> {
    type Credential = Bearer;
    type Principal = String;
    const SCHEME: &'static str = "turnstile";
    const LIMITED: bool = LIMITED;

    async fn verify(&self, _: &Bearer) -> Result<Verdict<String>, VerifyFailed> {
        Ok(Verdict::Limited(Duration::from_millis(1500)))
    }
}

#[derive(Clone, FromRef)]
struct Hall {
    door: Door,
    turnstile: Turnstile<true>,
    secret: Turnstile<false>,
}

/// The token is the turnstile's, so the door is not asked. A verifier that does not announce its limit refuses.
#[tokio::test]
async fn a_credential_that_is_used_too_often_gets_429() {
    async fn open<A: Send>(_: A) -> &'static str {
        "open"
    }
    let hall = Hall { door: Door, turnstile: Turnstile, secret: Turnstile };
    let api: Api<Hall> = Api::new("Hall", "1")
        .route(portcullis::api::get("/one", open::<Guard<Turnstile<true>>>).operation_id("one"))
        .route(
            portcullis::api::get("/either", open::<Guard<Either<Turnstile<true>, Door>>>)
                .operation_id("either"),
        )
        .route(portcullis::api::get("/maybe", open::<Maybe<Turnstile<true>>>).operation_id("maybe"))
        .route(portcullis::api::get("/secret", open::<Guard<Turnstile<false>>>).operation_id("secret"));
    let (router, document) = api.finish().unwrap();
    let router = router.with_state(hall);
    for (path, status) in [("/one", 429), ("/either", 429), ("/maybe", 429), ("/secret", 401)] {
        let request = Request::get(path).header(AUTHORIZATION, "Bearer ok").body(Body::empty()).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), status, "{path}");
        assert_eq!(
            response.headers().get(RETRY_AFTER).map(|value| value.to_str().unwrap()),
            (status == 429).then_some("2"),
            "{path}"
        );
        assert_eq!(response.headers().get(WWW_AUTHENTICATE).is_some(), status == 401, "{path}");
        let announced = &document.value()["paths"][path]["get"]["responses"]["429"];
        assert_eq!(announced["headers"]["Retry-After"].is_object(), status == 429, "{path}: {announced}");
    }
}
