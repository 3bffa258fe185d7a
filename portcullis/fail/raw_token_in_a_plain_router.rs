//! A handler of a plain router takes an unverified token.

use portcullis::Bearer;

async fn greet(token: Bearer) -> String {
    token.token().to_owned()
}

fn main() {
    let _ = axum::Router::<()>::new().route("/", axum::routing::get(greet));
}
