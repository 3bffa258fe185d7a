//! The same in a plain axum router.

use portcullis::{AccessTokens, Guard};

#[derive(Clone)]
struct App;

async fn greet(_: Guard<AccessTokens>) -> &'static str {
    "hello"
}

fn main() {
    let _ = axum::Router::<App>::new().route("/", axum::routing::get(greet));
}
