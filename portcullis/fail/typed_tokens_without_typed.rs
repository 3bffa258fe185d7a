//! Typed tokens need `tokens.typed()` in the state.

use axum::extract::FromRef;
use portcullis::{AccessTokens, Api, Guard, Json, tokens::TypedTokens};

#[derive(serde::Deserialize)]
struct Staff {
    tenant: String,
}

#[derive(Clone, FromRef)]
struct App {
    tokens: AccessTokens,
}

async fn tenant(guard: Guard<TypedTokens<Staff>>) -> Json<String> {
    Json(guard.principal().claims().tenant.clone())
}

fn main() {
    let _ = Api::<App>::new("Shop", "1.0").get("/", tenant);
}
