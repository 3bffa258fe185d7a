//! The response type of this handler does not describe itself.

use axum::response::{IntoResponse, Response};
use portcullis::{Api, Public};

struct Greeting;

impl IntoResponse for Greeting {
    fn into_response(self) -> Response {
        "hello".into_response()
    }
}

async fn greet(_: Public) -> Greeting {
    Greeting
}

fn main() {
    let _ = Api::<()>::new("Shop", "1.0").get("/", greet);
}
