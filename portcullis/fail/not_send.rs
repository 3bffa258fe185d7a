//! A handler's future must be `Send`.

use std::rc::Rc;

use portcullis::{Api, Json, Public};

async fn greet(_: Public) -> Json<u8> {
    let one = Rc::new(1);
    std::future::ready(()).await;
    Json(*one)
}

fn main() {
    let _ = Api::<()>::new("Shop", "1.0").get("/", greet);
}
