//! An `Api` must become a router with `finish` before it is served.

use portcullis::{Api, Json, Public};

async fn greet(_: Public) -> Json<u8> {
    Json(1)
}

async fn serve(listener: tokio::net::TcpListener) {
    let api = Api::<()>::new("Shop", "1.0").get("/", greet);
    let _ = axum::serve(listener, api).await;
}

fn main() {
    let _ = serve;
}
