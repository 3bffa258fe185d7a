//! The public keys, for applications that verify our tokens themselves.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header::CACHE_CONTROL, header::CONTENT_TYPE};
use portcullis::{
    Public,
    describe::{DescribeResponse, Operation},
};
use serde_json::json;

use crate::app::App;

/// How long verifiers may cache the keys.
const CACHED: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// A JWK Set (RFC 7517 §5).
#[derive(Debug)]
pub(crate) struct KeySet(String);

impl IntoResponse for KeySet {
    fn into_response(self) -> Response {
        let content_type = HeaderValue::from_static("application/jwk-set+json");
        ([(CONTENT_TYPE, content_type), (CACHE_CONTROL, CACHED)], self.0).into_response()
    }
}

impl DescribeResponse for KeySet {
    fn describe_response(operation: &mut Operation<'_>) {
        let schema = json!({
            "type": "object",
            "required": ["keys"],
            "properties": { "keys": { "type": "array", "items": { "type": "object" } } },
        });
        let description = "A JWK Set (RFC 7517 §5): public keys only";
        operation.content_response(StatusCode::OK, description, "application/jwk-set+json", schema);
    }
}

pub(crate) async fn read_keys(_: Public, State(app): State<App>) -> KeySet {
    KeySet(app.signing_keys().jwks().to_owned())
}
