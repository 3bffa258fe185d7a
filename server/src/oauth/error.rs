//! The error of this room: RFC 6749 §5.2 fixes its body, which differs from that of the other routes.

use axum::response::{IntoResponse, Response};
use http::{
    HeaderValue, StatusCode,
    header::{CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE},
};
use portcullis::{
    Json,
    describe::{DescribeResponse, Operation},
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::error::Error;

/// Why no token is issued.
#[derive(Debug)]
pub(crate) enum OAuthError {
    /// A parameter is missing, repeated or too long, or the body is not a form.
    InvalidRequest(&'static str),
    /// The request authenticates a client, which this route does not accept.
    InvalidClient { by_basic: bool },
    /// The grant is invalid: made up, used, expired or revoked.
    InvalidGrant,
    /// The grant type is not supported.
    UnsupportedGrantType,
    /// More was requested than was granted.
    InvalidScope,
    /// Not the client's fault.
    Server(Error),
}

impl<E: Into<Error>> From<E> for OAuthError {
    fn from(error: E) -> Self {
        Self::Server(error.into())
    }
}

/// The body of RFC 6749 §5.2.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "OAuthError")]
struct Body {
    /// The code.
    error: &'static str,
    /// A description in one sentence.
    error_description: &'static str,
}

impl OAuthError {
    fn parts(&self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::InvalidRequest(what) => (StatusCode::BAD_REQUEST, "invalid_request", what),
            Self::InvalidClient { .. } => (
                StatusCode::UNAUTHORIZED,
                "invalid_client",
                "This route does not accept a client; send only the grant",
            ),
            Self::InvalidGrant => (
                StatusCode::BAD_REQUEST,
                "invalid_grant",
                "The token was used, has expired or was revoked; log in again",
            ),
            Self::UnsupportedGrantType => (
                StatusCode::BAD_REQUEST,
                "unsupported_grant_type",
                "The only grant type here is refresh_token",
            ),
            Self::InvalidScope => (
                StatusCode::BAD_REQUEST,
                "invalid_scope",
                "Request the scopes that the session was granted, or fewer",
            ),
            // RFC 6749 §4.1.2.1 has these two; §5.2 has no code for errors that are not the client's fault.
            Self::Server(error) if error.status() == StatusCode::SERVICE_UNAVAILABLE => (
                StatusCode::SERVICE_UNAVAILABLE,
                "temporarily_unavailable",
                "Temporarily unavailable; try again",
            ),
            Self::Server(_) => (StatusCode::INTERNAL_SERVER_ERROR, "server_error", "Internal Server Error"),
        }
    }
}

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        if let Self::Server(error) = &self {
            error.log();
        }
        let (status, error, error_description) = self.parts();
        let mut response = (status, Json(Body { error, error_description })).into_response();
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if matches!(self, Self::InvalidClient { by_basic: true }) {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"portcullis\""));
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

impl DescribeResponse for OAuthError {
    fn describe_response(operation: &mut Operation<'_>) {
        for (status, when) in [
            (
                StatusCode::BAD_REQUEST,
                "The request or the grant is invalid: `error` says which (RFC 6749 §5.2)",
            ),
            (
                StatusCode::UNAUTHORIZED,
                "The request authenticates a client, which this route does not accept",
            ),
            (StatusCode::SERVICE_UNAVAILABLE, "Temporarily unavailable"),
        ] {
            operation.json_response::<Body>(status, when);
        }
        operation.response_header(StatusCode::SERVICE_UNAVAILABLE, "Retry-After", "Seconds to wait");
    }
}
