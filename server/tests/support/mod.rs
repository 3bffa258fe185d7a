//! The base of every test: an account system of its own, with a database of its own.

pub mod authenticator;
mod document;
mod http;
mod mails;
pub mod process;
pub mod remote;
pub mod smtp;
pub mod timing;
#[allow(dead_code, reason = "the tests inside the crate use the rest")]
pub mod upstream;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use portcullis_server::accounts::{self, AccountId};
use portcullis_server::clock::Clock;
use portcullis_server::config::Config;
use portcullis_server::db::DatabaseConfig;
use portcullis_server::{App, random};
use portcullis_server::{By, admin, leaving};
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row, SqliteConnection};
use tempfile::TempDir;

pub use self::document::Document;
pub use self::http::{Answer, Call, Client};
pub use self::mails::Mail;

/// Runs the body of each test once on SQLite and once on PostgreSQL: `async fn name(database: Database) { … }`.
#[macro_export]
macro_rules! on_both_databases {
    ($($(#[$attribute:meta])* async fn $name:ident($database:ident: Database) $body:block)*) => {$(
        $(#[$attribute])*
        mod $name {
            #[allow(unused_imports, reason = "not every test uses all that its file does")]
            use super::*;
            async fn run($database: $crate::support::Database) $body
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() { run($crate::support::Database::Sqlite).await; }
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() { run($crate::support::Database::Postgres).await; }
        }
    )*};
}

/// A password that the policy accepts.
pub const PASSWORD: &str = "violet-harbour-lantern-7";

/// The database that a test runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Database {
    Sqlite,
    Postgres,
}

/// A data directory and a database for one test, removed when it ends.
#[derive(Clone)]
pub struct Place(Arc<Inner>);

struct Inner {
    directory: TempDir,
    database: Option<String>,
}

impl Place {
    pub async fn new(database: Database) -> Self {
        let database = match database {
            Database::Sqlite => None,
            Database::Postgres => Some(new_schema().await),
        };
        Self(Arc::new(Inner { directory: tempfile::tempdir().unwrap(), database }))
    }

    pub fn data_dir(&self) -> &std::path::Path {
        self.0.directory.path()
    }

    /// The URL for PostgreSQL; `None` means the SQLite file in the data directory.
    pub fn database_url(&self) -> Option<&str> {
        self.0.database.as_deref()
    }

    pub fn config(&self) -> Config {
        let mut config = Config::new(self.data_dir());
        config.public_url = Some("http://localhost:8000".parse().unwrap());
        if let Some(url) = self.database_url() {
            config.database = DatabaseConfig::new(url.parse().unwrap());
            config.database.connections = 8;
        }
        config
    }

    /// Runs SQL directly on the database and returns each row's columns as text.
    pub async fn sql(&self, sql: &str) -> Vec<Vec<String>> {
        let sql = AssertSqlSafe(sql.to_owned());
        match self.database_url() {
            None => {
                let file = format!("sqlite://{}", self.data_dir().join("portcullis.db").display());
                let mut connection = SqliteConnection::connect(&file).await.unwrap();
                let rows = connection.fetch_all(sql).await.unwrap();
                let text = |row: &sqlx::sqlite::SqliteRow, at| {
                    row.try_get::<Option<String>, _>(at)
                        .map(Option::unwrap_or_default)
                        .or_else(|_| row.try_get::<i64, _>(at).map(|number| number.to_string()))
                        .or_else(|_| row.try_get::<Vec<u8>, _>(at).map(|bytes| format!("{bytes:?}")))
                        .unwrap()
                };
                rows.iter().map(|row| (0..row.len()).map(|at| text(row, at)).collect()).collect()
            }
            Some(url) => {
                let mut connection = PgConnection::connect(url).await.unwrap();
                let rows = connection.fetch_all(sql).await.unwrap();
                let text = |row: &sqlx::postgres::PgRow, at| {
                    row.try_get::<Option<String>, _>(at)
                        .map(Option::unwrap_or_default)
                        .or_else(|_| row.try_get::<i64, _>(at).map(|number| number.to_string()))
                        .or_else(|_| row.try_get::<bool, _>(at).map(|truth| i64::from(truth).to_string()))
                        .or_else(|_| row.try_get::<uuid::Uuid, _>(at).map(|id| id.to_string()))
                        .or_else(|_| row.try_get::<Vec<u8>, _>(at).map(|bytes| format!("{bytes:?}")))
                        .unwrap()
                };
                rows.iter().map(|row| (0..row.len()).map(|at| text(row, at)).collect()).collect()
            }
        }
    }

    /// The single value of a query.
    pub async fn value(&self, sql: &str) -> String {
        self.sql(sql).await.concat().concat()
    }

    /// The whole content of the database as text, to search in.
    pub async fn dump(&self) -> String {
        let tables = [
            "accounts",
            "sessions",
            "signing_keys",
            "attempts",
            "known_addresses",
            "audit_events",
            "profile_images",
            "links",
            "mails",
            "webhooks",
            "webhook_deliveries",
            "first_admin",
            "totp",
            "totp_enrolments",
            "recovery_codes",
            "logins",
            "identities",
            "social_attempts",
            "link_proofs",
            "groups",
            "memberships",
            "invitations",
            "passkeys",
            "used_passkey_challenges",
            "remembered_devices",
            "api_keys",
            "attribute_values",
            "grants",
            "share_links",
        ];
        let mut dump = Vec::new();
        for table in tables {
            dump.push(format!("{table} {:?}", self.sql(&format!("SELECT * FROM {table}")).await));
        }
        dump.join("\n")
    }
}

/// The PostgreSQL server of `scripts/test`.
pub fn postgres_url() -> String {
    #[expect(clippy::disallowed_methods, reason = "this is how `scripts/test` says where its PostgreSQL is")]
    std::env::var("PORTCULLIS_TEST_POSTGRES_URL")
        .expect("PORTCULLIS_TEST_POSTGRES_URL names no PostgreSQL: run `scripts/test`, which starts one")
}

async fn new_schema() -> String {
    let server = postgres_url();
    let schema = format!("t_{}", uuid::Uuid::from_bytes(random::bytes()).simple());
    let mut connection = PgConnection::connect(&server).await.unwrap();
    connection.execute(AssertSqlSafe(format!("CREATE SCHEMA {schema}"))).await.unwrap();
    format!("{server}?options=-csearch_path%3D{schema}")
}

/// The account system in this process: the real router, with a clock that stands still.
#[derive(Clone)]
pub struct TestApp {
    pub place: Place,
    pub clock: Clock,
    pub app: App,
    router: axum::Router,
}

impl TestApp {
    pub async fn new(database: Database) -> Self {
        Self::with(database, |_| {}).await
    }

    /// With another configuration than the default.
    pub async fn with(database: Database, change: impl FnOnce(&mut Config)) -> Self {
        let place = Place::new(database).await;
        let mut config = place.config();
        change(&mut config);
        Self::open(place, Clock::fixed(Clock::system().now()), config).await
    }

    async fn open(place: Place, clock: Clock, config: Config) -> Self {
        let app = Box::pin(App::open_with(config, clock.clone())).await.unwrap();
        app.start_workers();
        let router = app.router().unwrap();
        Self { place, clock, app, router }
    }

    /// A second instance on the same database with the same secret, or the first one after a restart.
    pub async fn again(&self) -> Self {
        Self::open(self.place.clone(), self.clock.clone(), self.place.config()).await
    }

    /// A second instance with another configuration.
    pub async fn again_with(&self, config: Config) -> Self {
        Self::open(self.place.clone(), self.clock.clone(), config).await
    }

    /// A second instance on a computer whose clock is this many seconds ahead.
    pub async fn again_with_clock_ahead(&self, seconds: i64) -> Self {
        Self::open(self.place.clone(), Clock::wrong_by(seconds * 1_000_000), self.place.config()).await
    }

    /// Disables an account, as the operator does.
    pub async fn disable(&self, account: i64) {
        admin::set_active(&self.app, AccountId::new(account), false, By::operator(&operator()))
            .await
            .unwrap();
    }

    /// Enables an account, as the operator does.
    pub async fn enable(&self, account: i64) {
        admin::set_active(&self.app, AccountId::new(account), true, By::operator(&operator())).await.unwrap();
    }

    /// Sets a password, as the operator does.
    pub async fn set_password(&self, account: i64, password: &str) {
        let account = accounts::by_id(&self.app, AccountId::new(account)).await.unwrap();
        admin::set_password(&self.app, &account, password, By::operator(&operator())).await.unwrap();
    }

    /// Deletes an account, as the operator does.
    pub async fn delete(&self, account: i64) {
        leaving::delete(&self.app, AccountId::new(account), By::operator(&operator())).await.unwrap();
    }

    /// The real router.
    pub fn router(&self) -> axum::Router {
        self.router.clone()
    }

    /// A client without credentials at `address`.
    pub fn stranger_at(&self, address: &str) -> Client {
        Client::new(self.router.clone(), address)
    }

    /// A client without credentials.
    pub fn stranger(&self) -> Client {
        self.stranger_at("192.0.2.1")
    }

    /// Signs `name`@example.com up and returns the account's number.
    pub async fn sign_up(&self, name: &str) -> i64 {
        let body = json!({ "email": email(name), "full_name": name, "password": PASSWORD });
        self.stranger().post("/signup").json(&body).await.assert(201).json()["id"].as_i64().unwrap()
    }

    /// Logs `name`@example.com in and returns a client that sends the token.
    pub async fn log_in(&self, name: &str) -> Client {
        self.stranger().log_in(&email(name)).await
    }

    /// Signs up and logs in.
    pub async fn as_user(&self, name: &str) -> Client {
        self.sign_up(name).await;
        self.log_in(name).await
    }

    pub fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

fn operator() -> portcullis_server::client::Client {
    portcullis_server::client::Client::local("operator")
}

pub fn email(name: &str) -> String {
    format!("{name}@example.com")
}

/// The document of the server under test, parsed once.
pub fn document() -> &'static Document {
    static DOCUMENT: OnceLock<Document> = OnceLock::new();
    DOCUMENT.get_or_init(|| Document::new(App::document().unwrap().value().clone()))
}
