//! Responses whose type states their status, so that the document knows it. [`Json`](crate::Json) as a response is 200.

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{
    HeaderValue, StatusCode,
    header::{CONTENT_LENGTH, CONTENT_TYPE},
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::describe::{DescribeResponse, Operation, Statuses};

/// 201 with a JSON body.
#[derive(Debug, Clone, Copy)]
pub struct Created<T>(pub T);

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        json(StatusCode::CREATED, &self.0)
    }
}

impl<T: JsonSchema> DescribeResponse for Created<T> {
    fn describe_response(operation: &mut Operation<'_>) {
        operation.json_response::<T>(StatusCode::CREATED, "Created");
    }
}

/// 204 without a body.
#[derive(Debug, Clone, Copy)]
pub struct NoContent;

impl IntoResponse for NoContent {
    fn into_response(self) -> Response {
        StatusCode::NO_CONTENT.into_response()
    }
}

impl DescribeResponse for NoContent {
    fn describe_response(operation: &mut Operation<'_>) {
        operation.empty_response(StatusCode::NO_CONTENT, "Done");
    }
}

/// Any response, sent with the status in its type: `Answer<202, Json<Receipt>>`.
///
/// ```
/// use axum::response::Html;
/// use portcullis::{Answer, Json, Public};
///
/// async fn order(_: Public) -> Answer<202, Json<u64>> {
///     Answer(Json(7))
/// }
///
/// async fn teapot(_: Public) -> Answer<418, Html<&'static str>> {
///     Answer(Html("<p>short and stout"))
/// }
/// ```
/// The status replaces that of the inner response. A status without content (204, 205, 304) drops the body, too. A
/// status that is not final (below 200, above 599) does not compile:
///
/// ```compile_fail
/// # use axum::response::IntoResponse as _;
/// let _ = portcullis::Answer::<99, _>("soon").into_response();
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Answer<const STATUS: u16, T>(pub T);

impl<const STATUS: u16, T: IntoResponse> IntoResponse for Answer<STATUS, T> {
    fn into_response(self) -> Response {
        let status = final_status::<STATUS>();
        let mut response = self.0.into_response();
        *response.status_mut() = status;
        if Statuses::One(status).is_bodiless() {
            *response.body_mut() = Body::empty();
            response.headers_mut().remove(CONTENT_TYPE);
            response.headers_mut().remove(CONTENT_LENGTH);
        }
        response
    }
}

impl<const STATUS: u16, T: DescribeResponse> DescribeResponse for Answer<STATUS, T> {
    fn describe_response(operation: &mut Operation<'_>) {
        let status = final_status::<STATUS>();
        let reason = status.canonical_reason().unwrap_or("Answer");
        operation.restated(status, reason, T::describe_response);
    }
}

/// A final status, checked at compile time.
pub(crate) fn final_status<const STATUS: u16>() -> StatusCode {
    const {
        assert!(
            STATUS >= 200 && STATUS <= 599,
            "the status of an answer must be in 200..=599 (RFC 9110 §15)"
        );
    }
    StatusCode::from_u16(STATUS).unwrap_or_default()
}

/// A JSON response. A value that does not serialize is the server's fault: 500, with the cause in the log.
pub(crate) fn json<T: Serialize>(status: StatusCode, value: &T) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => {
            (status, [(CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response()
        }
        Err(cause) => {
            tracing::error!(%cause, "an answer could not be serialized");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
