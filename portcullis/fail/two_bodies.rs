//! A request has only one body.

use portcullis::{Api, Json, Public};

async fn store(_: Public, Json(one): Json<u8>, Json(two): Json<u8>) -> Json<u8> {
    Json(one + two)
}

fn main() {
    let _ = Api::<()>::new("Shop", "1.0").post("/", store);
}
