//! The type in the guard is not a verifier.

use portcullis::{Api, Guard, Json};

#[derive(Clone)]
struct App;

async fn greet(_: Guard<App>) -> Json<&'static str> {
    Json("hello")
}

fn main() {
    let _ = Api::<App>::new("Shop", "1.0").get("/", greet);
}
