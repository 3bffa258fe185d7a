//! A refusal is swallowed: `Maybe<…>` is what was meant.

use portcullis::{AccessTokens, Api, Guard, Json};

async fn greet(_: Option<Guard<AccessTokens>>) -> Json<&'static str> {
    Json("hello")
}

fn main() {
    let _ = Api::<AccessTokens>::new("Shop", "1.0").get("/", greet);
}
