//! A single status without the comma that makes it a tuple.

use axum::response::{IntoResponse, Response};
use portcullis::{failures, describe::DescribeResponse};

struct Error;

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        http::StatusCode::NOT_FOUND.into_response()
    }
}

failures! {
    struct Failed(Error);

    /// It does not exist
    NotFound = 404,
}

fn is_described<A: DescribeResponse>() {}

fn main() {
    is_described::<Failed<NotFound>>();
}
