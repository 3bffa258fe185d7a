//! What this argument adds to the document, nobody knows.

use axum::extract::Path;
use portcullis::{Api, Json, Public};

async fn read_profile(_: Public, Path(id): Path<u32>) -> Json<u32> {
    Json(id)
}

fn main() {
    let _ = Api::<()>::new("Shop", "1.0").get("/profile/{id}", read_profile);
}
