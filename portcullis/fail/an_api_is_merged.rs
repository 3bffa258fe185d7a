//! An `Api` must become a router with `finish` before it is merged into another.

use portcullis::{Api, Json, Public};

async fn greet(_: Public) -> Json<u8> {
    Json(1)
}

fn main() {
    let api = Api::<()>::new("Shop", "1.0").get("/", greet);
    let _: axum::Router = axum::Router::new().merge(api);
}
