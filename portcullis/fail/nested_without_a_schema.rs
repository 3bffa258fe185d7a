//! A nested type needs a schema too.

use portcullis::{Api, Json, Public};

#[derive(serde::Serialize)]
struct Inner {
    id: u32,
}

async fn list(_: Public) -> Json<Vec<Inner>> {
    Json(vec![Inner { id: 1 }])
}

fn main() {
    let _ = Api::<()>::new("Shop", "1.0").get("/", list);
}
