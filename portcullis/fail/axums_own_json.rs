//! axum's own `Json`, without the feature `axum-full`. Its type has a schema.

use portcullis::{Api, Public};

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct NewOrder {
    item: String,
}

async fn place_order(_: Public, axum::Json(new): axum::Json<NewOrder>) -> String {
    new.item
}

fn main() {
    let _ = Api::<()>::new("Shop", "1.0").post("/orders", place_order);
}
