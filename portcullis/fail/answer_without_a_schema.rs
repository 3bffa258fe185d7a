//! The response type derives serde's traits but not `JsonSchema`.

use portcullis::{Api, Json, Public};

#[derive(serde::Serialize)]
struct Profile {
    id: u32,
}

async fn read_profile(_: Public) -> Json<Profile> {
    Json(Profile { id: 1 })
}

fn main() {
    let _ = Api::<()>::new("Shop", "1.0").get("/profile", read_profile);
}
