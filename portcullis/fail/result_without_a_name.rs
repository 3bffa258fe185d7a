//! The type inside a `Result` must be named, too.

use axum::response::IntoResponse;
use portcullis::{Api, Public};

async fn greet(_: Public) -> Result<impl IntoResponse, std::convert::Infallible> {
    Ok("hello")
}

fn main() {
    let _ = Api::<()>::new("Shop", "1.0").get("/", greet);
}
