//! A handler must be `async`.

use portcullis::{Api, Json, Public};

fn greet(_: Public) -> Json<u8> {
    Json(1)
}

fn main() {
    let _ = Api::<()>::new("Shop", "1.0").get("/", greet);
}
