//! What the targets share: a request through a router, and types that use every kind of field.

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode},
};
use portcullis::File;
use schemars::JsonSchema;
use serde::Deserialize;
use tower::ServiceExt;

/// The status of the answer. Everything is in memory, so nothing waits.
#[must_use]
pub fn status(router: &Router, request: Request<Body>) -> StatusCode {
    let answer = futures_executor::block_on(router.clone().oneshot(request));
    answer.unwrap_or_else(|never| match never {}).status()
}

/// The status of `POST /` with this body, which must not be the server's fault.
pub fn post(router: &Router, content_type: &str, body: &[u8]) {
    let request = Request::post("/").header("content-type", content_type).body(Body::from(body.to_vec()));
    let status = status(router, request.expect("a request"));
    assert!(!status.is_server_error(), "{status}");
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

/// One of several, told apart by `kind`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(tag = "kind")]
pub enum Tagged {
    A(Inner),
    B { x: Vec<u8> },
}

/// What stands inside.
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
