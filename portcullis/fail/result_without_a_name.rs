//! What is inside a `Result` has a type with a name, too.

use axum::response::IntoResponse;
use portcullis::{Api, Public};

async fn greet(_: Public) -> Result<impl IntoResponse, std::convert::Infallible> {
    Ok("hello")
}

fn main() {
    let _ = Api::<()>::new("Shop", "1.0").get("/", greet);
}
