//! A path and axum's own method router, as `Router::route` takes them.

use axum::routing::get;
use portcullis::{Api, Json, Public};

async fn greet(_: Public) -> Json<u8> {
    Json(1)
}

fn main() {
    let _ = Api::<()>::new("Shop", "1.0").route("/", get(greet));
}
