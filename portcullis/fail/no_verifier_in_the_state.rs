//! The router's state has no verifier for the token.

use portcullis::{AccessTokens, Api, Guard, Json};

#[derive(Clone)]
struct App;

async fn greet(_: Guard<AccessTokens>) -> Json<&'static str> {
    Json("hello")
}

fn main() {
    let _ = Api::<App>::new("Shop", "1.0").get("/", greet);
}
