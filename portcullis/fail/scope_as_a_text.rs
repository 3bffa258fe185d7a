//! A scope is a type.

use portcullis::{AccessTokens, Guard, Json};

async fn read(_: Guard<AccessTokens, "profile:read">) -> Json<u8> {
    Json(1)
}

fn main() {
    let _ = read;
}
