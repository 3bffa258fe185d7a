//! A case without a mistake. If it failed too, the other cases would prove nothing.

use axum::extract::FromRef;
use portcullis::{AccessTokens, Api, Guard, Json, Maybe, Path, Public};

#[derive(Clone)]
struct App(AccessTokens);

impl FromRef<App> for AccessTokens {
    fn from_ref(app: &App) -> Self {
        app.0.clone()
    }
}

async fn greet(_: Public) -> Json<&'static str> {
    Json("hello")
}

async fn read_profile(_: Guard<AccessTokens>, Path(id): Path<u32>) -> Json<u32> {
    Json(id)
}

async fn look(_: Maybe<AccessTokens>) -> Json<serde_json::Value> {
    Json(serde_json::Value::Null)
}

fn main() {
    let _ = Api::<App>::new("Shop", "1.0").get("/", greet).get("/profile/{id}", read_profile).get("/look", look);
    let _: http::Method = http::Method::GET;
    let _ = axum::Router::<App>::new().route("/", axum::routing::get(look));
}
