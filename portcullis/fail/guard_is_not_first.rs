//! The guard is not the first argument, where readers look for it.

use portcullis::{AccessTokens, Api, Guard, Json, Path};

async fn read_profile(Path(id): Path<u32>, _: Guard<AccessTokens>) -> Json<u32> {
    Json(id)
}

fn main() {
    let _ = Api::<AccessTokens>::new("Shop", "1.0").get("/profile/{id}", read_profile);
}
