//! An answer of which the signature tells nothing.

use axum::response::IntoResponse;
use portcullis::{Api, Public};

async fn greet(_: Public) -> impl IntoResponse {
    "hello"
}

fn main() {
    let _ = Api::<()>::new("Shop", "1.0").get("/", greet);
}
