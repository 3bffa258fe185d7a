//! A return type that says nothing about the response.

use axum::response::IntoResponse;
use portcullis::{Api, Public};

async fn greet(_: Public) -> impl IntoResponse {
    "hello"
}

fn main() {
    let _ = Api::<()>::new("Shop", "1.0").get("/", greet);
}
