//! A small shop in axum. Everybody may order everything, and there is no document.

use std::{error::Error, sync::Arc};

use axum::{
    Json, Router,
    extract::{Path, State},
    routing::{get, post},
};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use tokio::sync::RwLock;

#[derive(Clone, Serialize)]
struct Order {
    id: usize,
    item: String,
}

#[derive(Deserialize)]
struct NewOrder {
    item: String,
}

#[derive(Clone, Default)]
struct Shop {
    orders: Arc<RwLock<Vec<Order>>>,
}

async fn read_order(State(shop): State<Shop>, Path(id): Path<usize>) -> Result<Json<Order>, StatusCode> {
    let order = shop.orders.read().await.get(id).cloned();
    order.map(Json).ok_or(StatusCode::NOT_FOUND)
}

async fn place_order(State(shop): State<Shop>, Json(new): Json<NewOrder>) -> Json<Order> {
    let mut orders = shop.orders.write().await;
    let order = Order { id: orders.len(), item: new.item };
    orders.push(order.clone());
    Json(order)
}

/// The whole application.
pub fn app() -> Router {
    let router = Router::new().route("/orders/{id}", get(read_order)).route("/orders", post(place_order));
    router.with_state(Shop::default())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    eprintln!("listens on http://{address}");
    eprintln!("curl {address}/orders -H 'Content-Type: application/json' -d '{{\"item\": \"lantern\"}}'");
    Ok(axum::serve(listener, app()).await?)
}
