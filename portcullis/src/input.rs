//! Input that is bounded and validated: [`Json`], [`Form`], [`Query`], [`Path`], [`Multipart`].
//!
//! The published schema is the check, so exactly what the document says is accepted. A rejection names every bad field
//! in one response, in FastAPI's words. What was sent is never repeated: a password would end up in logs.

mod aside;
mod body;
mod check;
mod dialect;
mod document;
mod file;
mod form;
mod gather;
mod headers;
mod invalid;
mod json;
mod multipart;
mod optional;
mod part;
mod path;
mod query;
mod rejection;
mod up_to;

pub(crate) use document::axum_path;
#[cfg(any(feature = "axum-full", feature = "axum-extra"))]
pub(crate) use document::{check_pairs, query_parameters};
pub use file::File;
pub use form::Form;
pub use headers::Headers;
pub use invalid::{FieldError, InvalidInput, Loc};
pub use json::Json;
pub use multipart::Multipart;
pub use path::Path;
pub use query::Query;
pub use rejection::InputRejection;
pub use up_to::UpTo;

/// Reads the whole body, for a guard that needs it.
pub(crate) async fn whole_body(body: axum::body::Body, limit: usize) -> Result<bytes::Bytes, InputRejection> {
    body::read(body, limit).await
}

/// Documents the rejections of a body that cannot be read to its end.
pub(crate) fn describe_whole_body(operation: &mut crate::describe::Operation<'_>) {
    operation.problem(http::StatusCode::BAD_REQUEST, "The request is malformed");
    operation.problem(http::StatusCode::PAYLOAD_TOO_LARGE, "The request body is too large");
}
