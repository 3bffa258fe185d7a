//! The rejection that all input extractors share.

use axum::response::{IntoResponse, Response};
use http::StatusCode;

use super::invalid::InvalidInput;
use crate::{
    answer::json,
    denied::Problem,
    describe::{DescribeResponse, Operation},
};

/// Why a request's input was rejected: 400, 413, 415, 422, or 500 if the application's own types are at fault (which is
/// logged). The response is `{"detail": …}` and never repeats what was sent.
///
/// A handler can look at it and pass it on:
///
/// ```
/// use portcullis::{Api, Json, Public, input::InputRejection};
///
/// async fn order(_: Public, sent: Result<Json<u32>, InputRejection>) -> Result<Json<u32>, InputRejection> {
///     let Json(count) = sent.inspect_err(|why| eprintln!("an order was not taken: {}", why.status()))?;
///     Ok(Json(count))
/// }
///
/// let _ = Api::<()>::new("Shop", "1.0").post("/orders", order);
/// ```
#[derive(Debug)]
pub struct InputRejection(Why);

#[derive(Debug)]
enum Why {
    Problem(StatusCode, &'static str),
    Invalid(InvalidInput),
}

impl InputRejection {
    /// The status of the response.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self.0 {
            Why::Problem(status, _) => status,
            Why::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }

    /// The bad fields, if that is the reason.
    #[must_use]
    pub fn invalid(&self) -> Option<&InvalidInput> {
        match &self.0 {
            Why::Invalid(invalid) => Some(invalid),
            Why::Problem(..) => None,
        }
    }

    pub(super) fn bad_request(detail: &'static str) -> Self {
        Self(Why::Problem(StatusCode::BAD_REQUEST, detail))
    }

    pub(super) fn too_large() -> Self {
        Self(Why::Problem(StatusCode::PAYLOAD_TOO_LARGE, "The request body is too large"))
    }

    pub(super) fn unsupported(detail: &'static str) -> Self {
        Self(Why::Problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail))
    }

    /// The application's fault, not the client's. `reason` goes to the log and not into the response.
    pub(super) fn internal(type_name: &'static str, reason: &str) -> Self {
        tracing::error!(
            r#type = type_name,
            reason,
            "input cannot be taken: the application's type is at fault"
        );
        Self(Why::Problem(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"))
    }
}

impl From<InvalidInput> for InputRejection {
    fn from(invalid: InvalidInput) -> Self {
        Self(Why::Invalid(invalid))
    }
}

impl IntoResponse for InputRejection {
    fn into_response(self) -> Response {
        match self.0 {
            Why::Problem(status, detail) => json(status, &Problem { detail: detail.to_owned() }),
            Why::Invalid(invalid) => invalid.into_response(),
        }
    }
}

/// All but 500, which no extractor documents either.
impl DescribeResponse for InputRejection {
    fn describe_response(operation: &mut Operation<'_>) {
        operation.problem(StatusCode::BAD_REQUEST, "The request is malformed");
        operation.problem(StatusCode::PAYLOAD_TOO_LARGE, "The request body is too large");
        operation.problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, "The request body has another content type");
        InvalidInput::describe_response(operation);
    }
}
