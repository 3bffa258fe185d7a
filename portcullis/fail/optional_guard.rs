//! The rejection is swallowed; `Maybe<…>` is the right type.

use portcullis::{AccessTokens, Api, Guard, Json};

async fn greet(_: Option<Guard<AccessTokens>>) -> Json<&'static str> {
    Json("hello")
}

fn main() {
    let _ = Api::<AccessTokens>::new("Shop", "1.0").get("/", greet);
}
