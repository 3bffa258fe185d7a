//! The body must be the last argument.

use axum::extract::State;
use portcullis::{Api, Json, Public};

async fn store(_: Public, Json(one): Json<u8>, State(two): State<u8>) -> Json<u8> {
    Json(one + two)
}

fn main() {
    let _ = Api::<u8>::new("Shop", "1.0").post("/", store);
}
