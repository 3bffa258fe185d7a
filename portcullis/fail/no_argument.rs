//! The handler has no arguments, so it does not say who may call.

use portcullis::{Api, Json};

async fn greet() -> Json<&'static str> {
    Json("hello")
}

fn main() {
    let _ = Api::<()>::new("Shop", "1.0").get("/", greet);
}
