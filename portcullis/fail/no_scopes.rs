//! The type given as scopes does not implement `Scope`.

use portcullis::{AccessTokens, Api, Guard, Json};

struct ProfileRead;

async fn greet(_: Guard<AccessTokens, ProfileRead>) -> Json<&'static str> {
    Json("hello")
}

fn main() {
    let _ = Api::<AccessTokens>::new("Shop", "1.0").get("/", greet);
}
