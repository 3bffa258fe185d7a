//! Shared by the targets: a request through a router, a guard that accepts every parsed credential, and types with
//! every kind of field.

use std::marker::PhantomData;

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode},
    routing::get,
};
use portcullis::{Granted, Guard, Verdict, Verify, VerifyFailed, credential::Credential, input::File};
use schemars::JsonSchema;
use serde::Deserialize;
use tower::ServiceExt;

/// The status of the response. Everything is in memory, so nothing waits.
#[must_use]
pub fn status(router: &Router, request: Request<Body>) -> StatusCode {
    let answer = futures_executor::block_on(router.clone().oneshot(request));
    answer.unwrap_or_else(|never| match never {}).status()
}

/// The status of `POST /` with this body, which must not be a server error.
pub fn post(router: &Router, content_type: &str, body: &[u8]) {
    let request = Request::post("/").header("content-type", content_type).body(Body::from(body.to_vec()));
    let status = status(router, request.expect("a request"));
    assert!(!status.is_server_error(), "{status}");
}

/// Each line of `data` as a field with this name, or `None` if one of them is not a valid value.
#[must_use]
pub fn fields(name: &'static str, data: &[u8]) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n') {
        headers.append(HeaderName::from_static(name), HeaderValue::from_bytes(line).ok()?);
    }
    Some(headers)
}

/// Accepts every credential that the parser accepts.
pub struct Anyone<C>(PhantomData<fn() -> C>);

impl<C> Default for Anyone<C> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<C> Clone for Anyone<C> {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl<C: Credential> Verify for Anyone<C> {
    type Credential = C;
    type Principal = ();
    const SCHEME: &'static str = "anyone";

    async fn verify(&self, _: &C) -> Result<Verdict<()>, VerifyFailed> {
        Ok(Verdict::Accepted((), Granted::none()))
    }
}

/// `GET` and `POST /`, for callers that present a `C`.
#[must_use]
pub fn guarded<C: Credential>() -> Router {
    async fn enter<C: Credential>(_: Guard<Anyone<C>>) -> &'static str {
        "in"
    }
    Router::new().route("/", get(enter::<C>).post(enter::<C>)).with_state(Anyone::default())
}

/// Fields of every kind, flat and nested.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Mixed {
    #[schemars(email, length(max = 254))]
    pub a: Option<String>,
    pub b: Option<u64>,
    pub c: Option<f32>,
    #[serde(default)]
    pub x: Vec<i32>,
    #[serde(flatten)]
    pub tagged: Option<Tagged>,
}

/// One of several, distinguished by `kind`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(tag = "kind")]
pub enum Tagged {
    A(Inner),
    B { x: Vec<u8> },
}

/// A nested type.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Inner {
    pub a: Option<i8>,
    pub b: Vec<Option<bool>>,
}

/// Text, a number and a file.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Upload {
    pub a: Option<String>,
    pub b: Option<File<1000>>,
    pub n: Option<u8>,
}
