//! The signature does not say who may call.

use portcullis::{Api, Json, Path};

async fn read_profile(Path(id): Path<u32>) -> Json<u32> {
    Json(id)
}

fn main() {
    let _ = Api::<()>::new("Shop", "1.0").get("/profile/{id}", read_profile);
}
