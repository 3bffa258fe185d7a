//! The middleware of every request and response, in one pass: a request ID, a log line, security headers, a time limit,
//! and a response even if the handler panics.

mod answer;
mod cors;
mod upload;

use std::convert::Infallible;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::{MatchedPath, Request};
use axum::response::Response;
use futures_util::FutureExt as _;
use http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName,
    HeaderValue, REFERRER_POLICY, RETRY_AFTER, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use http::{Method, StatusCode, Version};
use ipnet::IpNet;
use tokio::time::timeout;
use tower::{Layer, Service};
use tracing::Instrument as _;

pub(crate) use self::cors::Cors;
use self::upload::Upload;
use crate::client::{self, RequestId};
use crate::purse::Purse;

/// From a request's head to the head of its response. A client that is still sending then gets 408, one that is waiting
/// for us 503. [`crate::serve::Limits::exchange_time`] bounds the whole exchange.
pub const REQUEST_TIME: Duration = Duration::from_mins(1);
/// The maximum length of a request's target (path and query) in bytes; more is 414.
pub const TARGET_LENGTH: usize = 8 * 1024;
/// The maximum number of header fields of a request; more is 431.
pub const FIELDS: usize = 100;

/// How many bytes are logged of a path that matches no route.
const LOGGED_PATH: usize = 100;
/// The log target of the line for each request, for a filter such as `info,portcullis::request=warn`.
const LOG_TARGET: &str = "portcullis::request";

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Headers of every response, unless its handler sets them.
static CAREFUL: [(HeaderName, HeaderValue); 7] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
];
static HTTPS_ONLY: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Wraps every route of `router` and its 404 and 405. Call it last, and once.
///
/// - Each request gets a [`RequestId`], which the response carries; an incoming `X-Request-Id` is ignored.
/// - Each request is logged in one line at `info`, at `error` for 5xx: method, route (its pattern, or the beginning of
///   the path if no route matches), status, milliseconds, client. Never a query, a header or a body.
/// - `is_https` (the public address's scheme) adds `Strict-Transport-Security`.
/// - Request bodies are limited each (a form without files to 16 KiB), per client and in total; without room the
///   response is 503. Responses that are not read are limited per client and in total.
/// - A panic in a handler gives 500 for its request only; [`crate::log::init`] logs where it was.
/// - An error without a body gets one in the API's format: `{"detail":"Not Found"}`.
/// - The `X-Forwarded-For` of `trusted_proxies` is trusted, see [`crate::client`].
pub fn wrap(router: Router, is_https: bool, trusted_proxies: &[IpNet]) -> Router {
    wrap_for(router, is_https, trusted_proxies, Cors::default())
}

/// Like [`wrap`]; `cors` lists the other origins whose pages may read the response.
pub(crate) fn wrap_for(router: Router, is_https: bool, trusted_proxies: &[IpNet], cors: Cors) -> Router {
    router.layer(Wrap {
        is_https,
        trusted_proxies: trusted_proxies.into(),
        cors,
        uploads: upload::purse(),
        answers: answer::purse(),
    })
}

#[derive(Clone)]
struct Wrap {
    is_https: bool,
    trusted_proxies: Arc<[IpNet]>,
    cors: Cors,
    uploads: Purse,
    answers: Purse,
}

impl<S> Layer<S> for Wrap {
    type Service = Wrapped<S>;

    fn layer(&self, inner: S) -> Wrapped<S> {
        Wrapped { inner, wrap: self.clone() }
    }
}

#[derive(Clone)]
struct Wrapped<S> {
    inner: S,
    wrap: Wrap,
}

impl<S> Service<Request> for Wrapped<S>
where
    S: Service<Request, Response = Response, Error = Infallible> + Send,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let seen = Seen::note(&mut request, &self.wrap);
        let span = tracing::error_span!("request", id = %seen.id);
        let version = request.version();
        let crossing = self.wrap.cors.look_at(&request);
        let preflight = || crossing.as_ref()?.preflight();
        let answering = if let Some(answer) = refusal(&request).map(bare).or_else(preflight) {
            Err(answer)
        } else {
            let (request, upload) = upload::watch(request, &self.wrap.uploads, seen.address);
            Ok((self.inner.call(request), upload))
        };
        let (purse, address) = (self.wrap.answers.clone(), seen.address);
        let answering = async move {
            let mut response = match answering {
                Ok((answering, upload)) => {
                    let mut response = answer(answering, &upload).await;
                    if upload.ends_connection() && version <= Version::HTTP_11 {
                        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                    }
                    response
                }
                Err(answer) => answer,
            };
            seen.complete(&mut response);
            if let Some(crossing) = crossing {
                crossing.complete(&mut response);
            }
            let response = answer::charge(response, &purse, seen.address).unwrap_or_else(|| {
                tracing::warn!(
                    "responses that clients have not read fill their share of memory; a response was dropped"
                );
                let mut response = unavailable();
                seen.complete(&mut response);
                response
            });
            seen.log(response.status());
            Ok(response)
        };
        Box::pin(client::answering(address, answering.instrument(span)))
    }
}

/// What is known about a request before its response.
struct Seen {
    id: RequestId,
    address: Option<IpAddr>,
    method: Method,
    route: Route,
    began: Instant,
    is_https: bool,
}

impl Seen {
    fn note(request: &mut Request, wrap: &Wrap) -> Self {
        let id = RequestId::random();
        let address = client::address(request.extensions(), request.headers(), &wrap.trusted_proxies);
        let route = Route::of(request);
        request.extensions_mut().insert(client::Found(address));
        request.extensions_mut().insert(id.clone());
        let method = request.method().clone();
        Self { id, address, method, route, began: Instant::now(), is_https: wrap.is_https }
    }

    fn log(&self, status: StatusCode) {
        let method = known_name(&self.method);
        let route = self.route.as_str();
        let client = self.address.map(tracing::field::display);
        let (status, ms) = (status.as_u16(), tenths(self.began.elapsed()));
        if status >= 500 {
            tracing::error!(target: LOG_TARGET, method, route, status, ms, client);
        } else {
            tracing::info!(target: LOG_TARGET, method, route, status, ms, client);
        }
    }

    fn complete(&self, response: &mut Response) {
        let is_error = response.status().is_client_error() || response.status().is_server_error();
        if is_error && self.method != Method::HEAD && is_bare(response) {
            speak(response);
        }
        let headers = response.headers_mut();
        headers.reserve(CAREFUL.len() + 2);
        for (name, value) in &CAREFUL {
            headers.entry(name).or_insert_with(|| value.clone());
        }
        if self.is_https {
            headers.entry(STRICT_TRANSPORT_SECURITY).or_insert_with(|| HTTPS_ONLY.clone());
        }
        headers.insert(REQUEST_ID.clone(), self.id.header());
    }
}

/// The resource's name in the log.
enum Route {
    /// The pattern, as in `/profile/{id}`.
    Pattern(MatchedPath),
    /// The beginning of a path that matches no route, without segments that may be a token of a mistyped link.
    Path(String),
}

impl Route {
    fn of(request: &Request) -> Self {
        if let Some(pattern) = request.extensions().get::<MatchedPath>() {
            return Self::Pattern(pattern.clone());
        }
        let path = request.uri().path();
        let (begin, rest) = path.split_at(path.floor_char_boundary(LOGGED_PATH));
        let words: Vec<_> =
            begin.split('/').map(|segment| if is_word(segment) { segment } else { "…" }).collect();
        let end = if rest.is_empty() { "" } else { "…" };
        Self::Path(words.join("/") + end)
    }

    fn as_str(&self) -> &str {
        match self {
            Self::Pattern(pattern) => pattern.as_str(),
            Self::Path(path) => path,
        }
    }
}

/// Whether a segment of a path is too short and too plain to be a secret.
fn is_word(segment: &str) -> bool {
    segment.len() <= 16 && segment.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'.' | b'_' | b'-' | b'*'))
}

/// Milliseconds, rounded to tenths.
fn tenths(time: Duration) -> f64 {
    (time.as_secs_f64() * 10_000.0).round() / 10.0
}

/// The methods of RFC 9110 §9.3 and RFC 5789. Any other name is made up by the client and may be of any length.
fn known_name(method: &Method) -> &str {
    match method.as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS" | "CONNECT" | "TRACE") => {
            known
        }
        _ => "other",
    }
}

/// RFC 9110 §15.5.15, RFC 6585 §5. (HTTP/1 requests with more fields never get this far.)
fn refusal(request: &Request) -> Option<StatusCode> {
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    if target > TARGET_LENGTH {
        Some(StatusCode::URI_TOO_LONG)
    } else if request.headers().len() > FIELDS {
        Some(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE)
    } else {
        None
    }
}

async fn answer(answering: impl Future<Output = Result<Response, Infallible>>, upload: &Upload) -> Response {
    // Nothing sees what a panic left half done: the request's own state is dropped with it, and state shared between
    // requests tolerates a task that ends at any point.
    match AssertUnwindSafe(timeout(REQUEST_TIME, answering)).catch_unwind().await {
        _ if upload.is_turned_away() => {
            tracing::warn!("request bodies fill their share of memory; a request was rejected");
            unavailable()
        }
        _ if upload.is_late() => bare(StatusCode::REQUEST_TIMEOUT),
        Ok(Ok(Ok(response))) => response,
        Ok(Err(_)) if upload.is_arriving() => bare(StatusCode::REQUEST_TIMEOUT),
        Ok(Err(_)) => {
            tracing::error!("no response in time");
            unavailable()
        }
        Err(_) => bare(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

fn unavailable() -> Response {
    let mut response = bare(StatusCode::SERVICE_UNAVAILABLE);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

fn bare(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

fn is_bare(response: &Response) -> bool {
    response.body().size_hint().exact() == Some(0) && !response.headers().contains_key(CONTENT_TYPE)
}

/// Gives an error without a body the words of its status, which need no escaping in JSON.
fn speak(response: &mut Response) {
    let words = response.status().canonical_reason().unwrap_or("Error");
    *response.body_mut() = Body::from(format!(r#"{{"detail":"{words}"}}"#));
    response.headers_mut().remove(CONTENT_LENGTH);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::extract::ConnectInfo;
    use axum::routing::{get, post};
    use bytes::Bytes;
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    use super::*;
    use crate::client::Client;

    fn router() -> Router {
        let router =
            Router::new()
                .route(
                    "/",
                    get(|client: Client| async move {
                        format!("{:?} {:?}", client.address(), client.request_id())
                    }),
                )
                .route("/panic/{id}", get(async || -> () { panic!("canary") }))
                .route("/read", post(|body: Bytes| async move { body.len().to_string() }))
                .route("/stuck", get(std::future::pending::<()>))
                .route("/own", get(|| async { ([(CACHE_CONTROL, "max-age=60")], StatusCode::FORBIDDEN) }))
                .route("/worded", get(|| async { (StatusCode::NOT_FOUND, "") }));
        wrap(router, true, &["10.0.0.0/8".parse().unwrap()])
    }

    async fn send(method: &str, target: &str) -> (http::response::Parts, String) {
        send_with(Request::builder().method(method).uri(target).body(Body::empty()).unwrap()).await
    }

    async fn send_with(request: Request) -> (http::response::Parts, String) {
        let (parts, body) = router().oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (parts, String::from_utf8(body.to_vec()).unwrap())
    }

    fn field<'a>(parts: &'a http::response::Parts, name: &str) -> &'a str {
        parts.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    #[tokio::test]
    async fn c04_every_answer_is_careful() {
        for target in ["/", "/panic/1", "/absent", "/own"] {
            let (parts, _) = send("GET", target).await;
            for (name, value) in &CAREFUL[..6] {
                assert_eq!(parts.headers.get_all(name).iter().collect::<Vec<_>>(), [value], "{target}");
            }
            assert_eq!(field(&parts, "strict-transport-security"), "max-age=31536000");
        }
        assert_eq!(field(&send("GET", "/own").await.0, "cache-control"), "max-age=60");
        assert_eq!(field(&send("GET", "/absent").await.0, "cache-control"), "no-store");
    }

    #[tokio::test]
    async fn errors_without_words_speak_the_one_dialect() {
        for (method, target, status, body) in [
            ("GET", "/absent", 404, r#"{"detail":"Not Found"}"#),
            ("DELETE", "/read", 405, r#"{"detail":"Method Not Allowed"}"#),
            ("GET", "/own", 403, r#"{"detail":"Forbidden"}"#),
            ("GET", "/panic/1", 500, r#"{"detail":"Internal Server Error"}"#),
            ("HEAD", "/absent", 404, ""),
            ("GET", "/worded", 404, ""),
        ] {
            let (parts, text) = send(method, target).await;
            assert_eq!((parts.status.as_u16(), text.as_str()), (status, body), "{method} {target}");
            let length = field(&parts, "content-length");
            assert!(length.is_empty() || length == body.len().to_string(), "{method} {target}: {length}");
        }
        let (parts, _) = send("DELETE", "/read").await;
        assert_eq!((field(&parts, "allow"), field(&parts, "content-type")), ("POST", "application/json"));
    }

    #[test]
    fn the_log_names_a_pattern_or_the_beginning_of_a_path_without_its_query() {
        let route = |target: &str| {
            Route::of(&Request::builder().uri(target).body(Body::empty()).unwrap()).as_str().to_owned()
        };
        assert_eq!(route("/nowhere?token=canary"), "/nowhere");
        let long = format!("/{}abcd", "abcd/".repeat(19));
        assert_eq!(route(&long), long, "at the bound");
        assert_eq!(route(&format!("{long}/efghi")), format!("{long}…"));
        for secret in ["pcmf_AbC", "1234", "a%20b", "aaaaaaaaaaaaaaaaa", "ABCD-EFGH"] {
            assert_eq!(route(&format!("/account/{secret}/wp-login.php")), "/account/…/wp-login.php");
        }
        assert_eq!(route("*"), "*");
        let written = tenths(Duration::from_nanos(930_371)).to_string();
        assert_eq!(written, "0.9");
    }

    #[tokio::test]
    async fn a_name_from_outside_is_not_believed() {
        let mut request = Request::builder().header("x-request-id", "theirs").body(Body::empty()).unwrap();
        request.headers_mut().insert("x-forwarded-for", HeaderValue::from_static("192.0.2.7"));
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([10, 0, 0, 1], 9))));
        let (parts, body) = send_with(request).await;
        let id = field(&parts, "x-request-id");
        assert_eq!(id.len(), 36);
        assert_eq!(
            body,
            format!("Some(192.0.2.7) Some({id:?})"),
            "the handler sees what the log and the client see"
        );
        assert_ne!(id, field(&send("GET", "/").await.0, "x-request-id"));
    }

    #[tokio::test]
    async fn d01_a_target_and_fields_are_bounded() {
        let path = |length: usize| format!("/{}", "a".repeat(length - 1));
        assert_eq!(send("GET", &path(TARGET_LENGTH)).await.0.status, StatusCode::NOT_FOUND);
        assert_eq!(send("GET", &path(TARGET_LENGTH + 1)).await.0.status, StatusCode::URI_TOO_LONG);

        let with_fields = |count: usize| {
            let request = Request::builder().uri("/absent");
            let request = (0..count).fold(request, |request, _| request.header("x", "y"));
            send_with(request.body(Body::empty()).unwrap())
        };
        assert_eq!(with_fields(FIELDS).await.0.status, StatusCode::NOT_FOUND);
        let (parts, body) = with_fields(FIELDS + 1).await;
        assert_eq!(parts.status, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
        assert_eq!(body, r#"{"detail":"Request Header Fields Too Large"}"#);
    }

    #[tokio::test(start_paused = true)]
    async fn d02_who_was_slow_is_told() {
        let (stuck, _) = send("GET", "/stuck").await;
        assert_eq!((stuck.status, field(&stuck, "retry-after")), (StatusCode::SERVICE_UNAVAILABLE, "1"));

        let endless = Body::from_stream(futures_util::stream::pending::<Result<Bytes, Infallible>>());
        let request = Request::builder().method("POST").uri("/read").body(endless).unwrap();
        assert_eq!(send_with(request).await.0.status, StatusCode::REQUEST_TIMEOUT);
    }
}
