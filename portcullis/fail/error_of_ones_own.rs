//! An error type that implements `IntoResponse` but does not describe itself.

use axum::response::{IntoResponse, Response};
use portcullis::{Api, Json, Public};

struct AppError;

impl IntoResponse for AppError {
    fn into_response(self) -> Response {
        http::StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }
}

async fn greet(_: Public) -> Result<Json<&'static str>, AppError> {
    Err(AppError)
}

fn main() {
    let _ = Api::<()>::new("Shop", "1.0").get("/", greet);
}
