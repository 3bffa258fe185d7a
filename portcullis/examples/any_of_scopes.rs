//! Scopes are types: require one, all of several, or any one of them. The docs page lists each combination.
//! `cargo run -p portcullis --example any_of_scopes`
//!
//! What it needs in a package of your own (with the folder `issuer`):
//!
//!     cargo add portcullis axum tokio aws-lc-rs base64 jsonwebtoken serde_json \
//!         --features jsonwebtoken/aws_lc_rs,tokio/macros,tokio/net,tokio/rt-multi-thread

mod issuer; // creates a key at startup, and signs tokens

use std::error::Error;

use portcullis::{AccessTokens, Api, ApiError, Guard, Json, NoContent, Path, Scope, guard::AnyOf};

struct OrderRead;
impl Scope for OrderRead {
    const NAME: &'static str = "order:read";
    const DESCRIPTION: &'static str = "See orders";
}

struct OrderWrite;
impl Scope for OrderWrite {
    const NAME: &'static str = "order:write";
    const DESCRIPTION: &'static str = "Change orders";
}

struct Admin;
impl Scope for Admin {
    const NAME: &'static str = "admin";
    const DESCRIPTION: &'static str = "Do anything";
}

/// Either scope is sufficient.
async fn read_order(_: Guard<AccessTokens, AnyOf<(OrderRead, Admin)>>, Path(id): Path<u32>) -> Json<String> {
    Json(format!("order {id}"))
}

/// Both are required: a caller who may change orders but not see them cannot know what they change.
async fn change_order(_: Guard<AccessTokens, (OrderRead, OrderWrite)>, Path(_): Path<u32>) -> NoContent {
    NoContent
}

/// They nest.
type Removal = AnyOf<((OrderRead, OrderWrite), Admin)>;

async fn delete_order(guard: Guard<AccessTokens, Removal>, Path(id): Path<u32>) -> Json<String> {
    // The principal has the token's scopes, so you can also check one that the guard does not demand.
    let by = if guard.principal().scope().contains(Admin::NAME) { "an admin" } else { "its owner" };
    Json(format!("order {id} was deleted by {by}"))
}

/// Serves callers with a token of the issuer that `tokens` trusts.
pub fn app(tokens: AccessTokens) -> Result<axum::Router, ApiError> {
    let (router, document) = Api::new("Orders", "1")
        .get("/orders/{id}", read_order)
        .patch("/orders/{id}", change_order)
        .delete("/orders/{id}", delete_order)
        .finish()?;
    Ok(router.merge(document.routes()).with_state(tokens))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    eprintln!("listens on http://{address}");
    let issuer = issuer::Issuer::new()?;
    for scope in ["order:read", "order:read order:write", "order:write", "admin"] {
        eprintln!("{scope}:\n{}\n", issuer.token("ada", scope)?);
    }
    eprintln!("Paste one after Authorize on http://{address}/docs, or as");
    eprintln!("curl -i {address}/orders/1 -H \"Authorization: Bearer $TOKEN\"");
    Ok(axum::serve(listener, app(issuer.tokens().clone())?).await?)
}
