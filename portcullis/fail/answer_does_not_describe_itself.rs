//! What this handler answers, nobody knows.

use portcullis::{Api, Public};

async fn greet(_: Public) -> String {
    "hello".to_owned()
}

fn main() {
    let _ = Api::<()>::new("Shop", "1.0").get("/", greet);
}
