//! The same shop: who orders has a token, an order is its owner's, and `/docs` shows all of it.
//!
//! What it needs in a package of your own (with the folder `issuer`):
//!
//!     cargo add portcullis axum http schemars@1 serde tokio aws-lc-rs base64 jsonwebtoken serde_json \
//!         --features axum/macros,jsonwebtoken/aws_lc_rs,serde/derive,tokio/macros,tokio/net,tokio/rt-multi-thread,tokio/sync

#[path = "../issuer/mod.rs"]
mod issuer;

use std::{error::Error, sync::Arc};

use axum::{
    Router,
    extract::{FromRef, State},
};
use http::StatusCode;
use portcullis::{AccessTokens, Api, ApiError, Guard, Json, Path};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::RwLock;

#[derive(Clone, Serialize, JsonSchema)]
struct Order {
    id: usize,
    item: String,
    owner: String,
}

#[derive(Deserialize, JsonSchema)]
struct NewOrder {
    #[schemars(length(min = 1, max = 100))]
    item: String,
}

#[derive(Clone, FromRef)]
struct Shop {
    orders: Arc<RwLock<Vec<Order>>>,
    tokens: AccessTokens,
}

async fn read_order(
    guard: Guard<AccessTokens>,
    State(shop): State<Shop>,
    Path(id): Path<usize>,
) -> Result<Json<Order>, StatusCode> {
    let order = shop.orders.read().await.get(id).cloned();
    let order = order.filter(|order| order.owner == guard.principal().subject());
    order.map(Json).ok_or(StatusCode::NOT_FOUND)
}

async fn place_order(
    guard: Guard<AccessTokens>,
    State(shop): State<Shop>,
    Json(new): Json<NewOrder>,
) -> Json<Order> {
    let mut orders = shop.orders.write().await;
    let owner = guard.principal().subject().to_owned();
    let order = Order { id: orders.len(), item: new.item, owner };
    orders.push(order.clone());
    Json(order)
}

/// The whole application.
pub fn app(tokens: AccessTokens) -> Result<Router, ApiError> {
    let api = Api::new("Shop", "1.0").get("/orders/{id}", read_order).post("/orders", place_order);
    let (router, document) = api.finish()?;
    let router = router.merge(document.routes());
    Ok(router.with_state(Shop { orders: Arc::default(), tokens }))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    eprintln!("listens on http://{address}");
    let issuer = issuer::Issuer::new()?;
    eprintln!("A token for http://{address}/docs: {}", issuer.token("ada", "")?);
    Ok(axum::serve(listener, app(issuer.tokens().clone())?).await?)
}
