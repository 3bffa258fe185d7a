//! A shop that has the account system inside itself: one process, one SQLite file, the same tokens for both.
//!
//! `cargo run -p portcullis-server --example mounted`. The accounts are under `/auth`, the shop beside them.

use std::{error::Error, net::SocketAddr, sync::Arc};

use axum::{
    Router,
    extract::{FromRef, State},
};
use portcullis::{Api, Created, Guard, Json, Public, SecurityScheme};
use portcullis_server::{App, SessionTokens, config::Config};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::RwLock;

/// The shop's own state; the guards find their verifier in it.
#[derive(Clone, FromRef)]
struct Shop {
    tokens: SessionTokens,
    orders: Arc<RwLock<Vec<Order>>>,
}

#[derive(Clone, Serialize, JsonSchema)]
struct Order {
    id: usize,
    /// The account's number, as `/auth/signup` answers it.
    owner: String,
    item: String,
}

#[derive(Deserialize, JsonSchema)]
struct NewOrder {
    #[schemars(length(min = 1, max = 100))]
    item: String,
}

async fn list_goods(_: Public) -> Json<[&'static str; 2]> {
    Json(["lantern", "harbour chart"])
}

/// A token whose session has ended is refused at once: the guard asks the accounts' database.
async fn place_order(
    guard: Guard<SessionTokens>,
    State(shop): State<Shop>,
    Json(new): Json<NewOrder>,
) -> Created<Order> {
    let mut orders = shop.orders.write().await;
    let owner = guard.principal().account.to_string();
    let order = Order { id: orders.len() + 1, owner, item: new.item };
    orders.push(order.clone());
    Created(order)
}

async fn list_orders(guard: Guard<SessionTokens>, State(shop): State<Shop>) -> Json<Vec<Order>> {
    let owner = guard.principal().account.to_string();
    Json(shop.orders.read().await.iter().filter(|order| order.owner == owner).cloned().collect())
}

/// The shop, and the account system inside it.
pub fn app(accounts: &App) -> Result<Router, Box<dyn Error>> {
    // Where the Authorize button of `/docs` sends the password.
    let log_in = SecurityScheme::oauth2_password("auth/login");
    let api = Api::new("Shop", "1.0").scheme::<SessionTokens>(log_in);
    let api = api.get("/goods", list_goods).get("/orders", list_orders).post("/orders", place_order);
    let (router, document) = api.finish()?;
    let shop = Shop { tokens: accounts.session_tokens().clone(), orders: Arc::default() };
    let router = router.merge(document.routes()).with_state(shop);
    Ok(router.nest("/auth", accounts.router()?))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut config = Config::new("./portcullis-data");
    config.public_url = Some("http://localhost:3000/auth".parse()?);
    let accounts = App::open(config).await?;
    eprintln!("Sign up on http://localhost:3000/auth/docs, then order on http://localhost:3000/docs.");
    let router = app(&accounts)?.into_make_service_with_connect_info::<SocketAddr>();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    Ok(axum::serve(listener, router).await?)
}
