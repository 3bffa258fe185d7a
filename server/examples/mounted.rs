//! A shop with the account system inside: one process, one SQLite file, the same tokens for both.
//!
//! `cargo run -p portcullis-server --example mounted`. The accounts are under `/auth`, next to the shop. Optional
//! arguments: the address to listen on, and the data folder.

use std::{error::Error, net::SocketAddr, path::PathBuf};

use axum::{
    Router,
    extract::{FromRef, State},
};
use portcullis::{Answer, Api, Created, Guard, Json, Public, credential::SecurityScheme};
use portcullis_server::{App, SessionTokens, config::Config};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::{
    FromRow, Row, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteRow},
};

/// A table of the shop's own, next to those of the accounts, whose migrations do not touch it.
const TABLE: &str = "CREATE TABLE IF NOT EXISTS shop_orders
    (id INTEGER PRIMARY KEY, owner TEXT NOT NULL, item TEXT NOT NULL) STRICT";

/// The shop's own state. The guards find their verifier in it.
#[derive(Clone, FromRef)]
struct Shop {
    tokens: SessionTokens,
    orders: SqlitePool,
}

#[derive(Serialize, JsonSchema)]
struct Order {
    id: i64,
    /// The account's number, as `/auth/signup` returns it.
    owner: String,
    item: String,
}

// What sqlx's feature `derive` would generate.
impl FromRow<'_, SqliteRow> for Order {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        Ok(Self { id: row.try_get("id")?, owner: row.try_get("owner")?, item: row.try_get("item")? })
    }
}

#[derive(Deserialize, JsonSchema)]
struct NewOrder {
    #[schemars(length(min = 1, max = 100))]
    item: String,
}

async fn list_goods(_: Public) -> Json<[&'static str; 2]> {
    Json(["lantern", "harbour chart"])
}

type Outcome<T> = Result<T, Answer<503, &'static str>>;

/// A token whose session was revoked is rejected immediately, because the guard checks the accounts' database.
async fn place_order(
    guard: Guard<SessionTokens>,
    State(shop): State<Shop>,
    Json(new): Json<NewOrder>,
) -> Outcome<Created<Order>> {
    let sql = "INSERT INTO shop_orders (owner, item) VALUES ($1, $2) RETURNING id, owner, item";
    let insert = sqlx::query_as(sql).bind(guard.principal().account.to_string()).bind(new.item);
    insert.fetch_one(&shop.orders).await.map(Created).map_err(|_| Answer("no database"))
}

/// The caller's newest hundred orders.
async fn list_orders(guard: Guard<SessionTokens>, State(shop): State<Shop>) -> Outcome<Json<Vec<Order>>> {
    let sql = "SELECT id, owner, item FROM shop_orders WHERE owner = $1 ORDER BY id DESC LIMIT 100";
    let query = sqlx::query_as(sql).bind(guard.principal().account.to_string());
    query.fetch_all(&shop.orders).await.map(Json).map_err(|_| Answer("no database"))
}

/// The shop, with the account system inside. The orders are in `database`.
pub async fn app(accounts: &App, database: SqlitePool) -> Result<Router, Box<dyn Error>> {
    sqlx::query(TABLE).execute(&database).await?;
    // The Authorize button of `/docs` sends the password here.
    let log_in = SecurityScheme::oauth2_password("auth/login");
    let api = Api::new("Shop", "1.0").scheme::<SessionTokens>(log_in);
    let api = api.get("/goods", list_goods).get("/orders", list_orders).post("/orders", place_order);
    let (router, document) = api.finish()?;
    let shop = Shop { tokens: accounts.session_tokens().clone(), orders: database };
    let router = router.merge(document.routes()).with_state(shop);
    Ok(router.nest("/auth", accounts.router()?))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    let data = PathBuf::from(arguments.next().unwrap_or_else(|| "./portcullis-data".to_owned()));
    let listener = tokio::net::TcpListener::bind(address).await?;
    let address = listener.local_addr()?;

    let url = format!("http://localhost:{}", address.port());
    let mut config = Config::new(&data);
    config.public_url = Some(format!("{url}/auth").parse()?);
    let accounts = App::open(config).await?; // creates the file
    accounts.start_workers(); // emails, webhooks, scheduled deletions
    let file = SqliteConnectOptions::new().filename(data.join("portcullis.db"));
    let router = app(&accounts, SqlitePool::connect_with(file).await?).await?;
    eprintln!("listens on http://{address}");
    eprintln!("Sign up on {url}/auth/docs, then order on {url}/docs.");
    Ok(axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>()).await?)
}
