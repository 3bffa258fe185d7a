//! The handler receives the rejection, and could ignore it.

use portcullis::{AccessTokens, Api, Guard, Json, guard::Denied};

async fn greet(_: Result<Guard<AccessTokens>, Denied>) -> Json<&'static str> {
    Json("hello")
}

fn main() {
    let _ = Api::<AccessTokens>::new("Shop", "1.0").get("/", greet);
}
