//! Input that is bounded, checked and named: [`Json`], [`Form`], [`Query`], [`Path`], [`Multipart`].
//!
//! The schema that the document publishes is the check. It names every bad field in one answer (in
//! FastAPI's words), so clients see what the document says and nothing else is accepted. What was sent is
//! never repeated: a password would end in logs.

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

/// The whole body, for a guard that must see it.
pub(crate) async fn whole_body(body: axum::body::Body, limit: usize) -> Result<bytes::Bytes, InputRejection> {
    body::read(body, limit).await
}

/// What a client gets whose body cannot be read to its end.
pub(crate) fn describe_whole_body(operation: &mut crate::describe::Operation<'_>) {
    operation.problem(http::StatusCode::BAD_REQUEST, "The request is malformed");
    operation.problem(http::StatusCode::PAYLOAD_TOO_LARGE, "The request body is too large");
}
