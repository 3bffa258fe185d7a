//! API keys for customers: created by the operator, shown once, stored as digests in SQLite, revoked immediately.
//!
//! `cargo run -p portcullis --features api-keys --example api_keys`
//!
//! What it needs in a package of your own:
//!
//!     cargo add portcullis axum schemars@1 serde sqlx tokio \
//!         --features axum/macros,portcullis/api-keys,serde/derive,sqlx/runtime-tokio,sqlx/sqlite,tokio/macros,tokio/net,tokio/rt-multi-thread

use std::error::Error;

use axum::extract::{FromRef, State};
use portcullis::{
    Answer, Api, ApiKey, Basic, Created, Granted, Guard, Json, NoContent, Path, Verdict, Verify,
    VerifyFailed,
    credential::{ApiKeyPlace, ApiKeySecret, StoredApiKey},
    describe::In,
};
use schemars::JsonSchema;
use serde::Serialize;
use sqlx::SqlitePool;

const TABLE: &str = "CREATE TABLE IF NOT EXISTS keys
    (id TEXT PRIMARY KEY, digest BLOB NOT NULL, customer TEXT NOT NULL) STRICT";

#[derive(Clone, FromRef)]
struct Shop {
    operator: Operator,
    keys: Keys,
}

/// The operator's password, from the configuration. Compared in constant time.
#[derive(Clone)]
struct Operator(String);

impl Verify for Operator {
    type Credential = Basic;
    type Principal = ();
    const SCHEME: &'static str = "operator";

    async fn verify(&self, basic: &Basic) -> Result<Verdict<()>, VerifyFailed> {
        let good = basic.user_id_is("operator") & basic.password_is(&self.0);
        Ok(if good { Verdict::Accepted((), Granted::none()) } else { Verdict::Refused })
    }
}

struct KeyHeader;
impl ApiKeyPlace for KeyHeader {
    const IN: In = In::Header;
    const NAME: &'static str = "X-API-Key";
}

/// The customers' keys. The principal is the customer's name.
#[derive(Clone)]
struct Keys(SqlitePool);

impl Verify for Keys {
    type Credential = ApiKey<KeyHeader>;
    type Principal = String;
    const SCHEME: &'static str = "customer";

    async fn verify(&self, sent: &ApiKey<KeyHeader>) -> Result<Verdict<String>, VerifyFailed> {
        let Some(key) = ApiKeySecret::parse(sent.key()) else { return Ok(Verdict::Refused) };
        // `?` becomes 503: while the database is down, the key is neither valid nor invalid.
        let query = sqlx::query_as("SELECT customer, digest FROM keys WHERE id = $1").bind(key.id());
        let row: Option<(String, Vec<u8>)> = query.fetch_optional(&self.0).await?;
        let Some((customer, digest)) = row else { return Ok(Verdict::Refused) };
        let stored = StoredApiKey { id: key.id().to_owned(), digest: digest.as_slice().try_into()? };
        let good = stored.matches(&key);
        Ok(if good { Verdict::Accepted(customer, Granted::none()) } else { Verdict::Refused })
    }
}

#[derive(Serialize, JsonSchema)]
struct NewKey {
    /// Shown only once.
    key: String,
}

type Outcome<T> = Result<T, Answer<503, &'static str>>;

async fn mint_key(
    _: Guard<Operator>,
    State(keys): State<Keys>,
    Path(name): Path<String>,
) -> Outcome<Created<NewKey>> {
    let key = ApiKeySecret::mint("shop").map_err(|_| Answer("no random bytes"))?;
    let StoredApiKey { id, digest } = key.stored();
    let insert = sqlx::query("INSERT INTO keys (id, digest, customer) VALUES ($1, $2, $3)");
    let inserted = insert.bind(id).bind(digest.as_slice()).bind(name).execute(&keys.0).await;
    inserted.map_err(|_| Answer("no database"))?;
    Ok(Created(NewKey { key: key.text().to_owned() }))
}

async fn delete_key(
    _: Guard<Operator>,
    State(keys): State<Keys>,
    Path(id): Path<String>,
) -> Outcome<NoContent> {
    let deleted = sqlx::query("DELETE FROM keys WHERE id = $1").bind(id).execute(&keys.0).await;
    deleted.map(|_| NoContent).map_err(|_| Answer("no database"))
}

async fn read_stock(guard: Guard<Keys>) -> Json<String> {
    Json(format!("12 lanterns are left, {}", guard.principal()))
}

/// The whole application, with its keys in `database`.
pub async fn app(database: SqlitePool, operator: &str) -> Result<axum::Router, Box<dyn Error>> {
    sqlx::query(TABLE).execute(&database).await?;
    let api = Api::new("Keys", "1").post("/customers/{name}/keys", mint_key).delete("/keys/{id}", delete_key);
    let (router, document) = api.get("/stock", read_stock).finish()?;
    let shop = Shop { operator: Operator(operator.to_owned()), keys: Keys(database) };
    Ok(router.merge(document.routes()).with_state(shop))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let password = ApiKeySecret::mint("operator")?; // read it from the configuration in production
    let file = format!("sqlite://{}/api_keys.db?mode=rwc", std::env::temp_dir().display());
    let app = app(SqlitePool::connect(&file).await?, password.text()).await?;
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    eprintln!("listens on http://{address}");
    eprintln!("curl -X POST {address}/customers/ada/keys -u operator:{}", password.text());
    eprintln!("curl {address}/stock -H 'X-API-Key: shop_…'       (or on http://{address}/docs)");
    Ok(axum::serve(listener, app).await?)
}
