//! Answers that say their status in their type, so that the document knows it.
//! ([`Json`](crate::Json) as an answer is 200.)

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header::CONTENT_TYPE};
use schemars::JsonSchema;
use serde::Serialize;

use crate::describe::{DescribeResponse, Operation};

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

/// 204: done, and there is nothing to say about it.
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

/// A JSON answer. A value that does not serialize is our fault: 500, and the cause goes to the log.
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
