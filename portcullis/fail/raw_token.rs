//! A handler takes an unverified token.

use portcullis::{Api, Bearer, Json, Public};

async fn greet(_: Public, token: Bearer) -> Json<String> {
    Json(token.token().to_owned())
}

fn main() {
    let _ = Api::<()>::new("Shop", "1.0").get("/", greet);
}
