//! Refreshes compared with durable transactions of the same database, and the rendering of a page.

use std::{
    net::SocketAddr,
    str::FromStr as _,
    time::{Duration, Instant},
};

use sqlx::{
    PgPool, SqlitePool,
    postgres::PgPoolOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::{
    Failure,
    client::{self, Connection},
    load::{self, CONCURRENCY, Load},
    logins,
    place::{Folder, Place},
    process::Process,
    table::{Table, median, percent, rate},
};

const ROUND: Duration = Duration::from_secs(2);
const FORM: &str = "application/x-www-form-urlencoded";
/// The server's default.
const POSTGRES_CONNECTIONS: u32 = 10;

/// Alternates raw transactions and refreshes, then measures a page.
pub(crate) fn measure(
    place: &Place,
    server: &Process,
    rounds: u16,
    table: &mut Table,
) -> Result<(), Failure> {
    let raw = Raw::new(place)?;
    let mut tokens = log_in(server, &logins::accounts(server)?)?;
    let (mut transactions, mut refreshes) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        transactions.push(raw.rate()?);
        refreshes.push(refresh(server.address(), &mut tokens)?);
    }
    let share = percent(&refreshes, &transactions);
    table.row("raw durable transactions", rate(median(transactions)), "", "one row each, 32 at once");
    table.row("refreshes, each durable", rate(median(refreshes)), "", "32 sessions at once");
    table.row("refreshes of raw", share, "≥ 60 %", "");

    let page = vec![client::get("/account/log-in", None); CONCURRENCY];
    let mut pages = Vec::new();
    for _ in 0..rounds {
        pages.push(load::run(server.address(), &page, ROUND)?);
    }
    let page = Load::median(&pages);
    table.row("the log-in page", rate(page.per_second), "", &page.latency());
    Ok(())
}

/// A refresh token for each account.
fn log_in(server: &Process, accounts: &[logins::Account]) -> Result<Vec<String>, Failure> {
    load::runtime()?.block_on(async {
        let mut connection = Connection::open(server.address()).await?;
        let mut tokens = Vec::new();
        for account in accounts {
            let answer = connection.json(&logins::log_in_for_refresh(account), 200).await?;
            tokens.push(refresh_token(&answer)?);
        }
        Ok(tokens)
    })
}

fn refresh_token(answer: &serde_json::Value) -> Result<String, Failure> {
    Ok(answer.get("refresh_token").and_then(|token| token.as_str()).ok_or("no refresh token")?.to_owned())
}

/// Refreshes per second. Each session exchanges its token for the next as soon as it has it.
fn refresh(address: SocketAddr, tokens: &mut [String]) -> Result<f64, Failure> {
    load::runtime()?.block_on(async {
        let end = Instant::now() + ROUND;
        let sessions: Vec<_> =
            tokens.iter().map(|token| tokio::spawn(exchange(address, token.clone(), end))).collect();
        let mut count = 0.0;
        for (session, token) in sessions.into_iter().zip(tokens) {
            let (exchanged, last) = session.await??;
            count += exchanged;
            *token = last;
        }
        Ok(count / ROUND.as_secs_f64())
    })
}

async fn exchange(address: SocketAddr, mut token: String, end: Instant) -> Result<(f64, String), Failure> {
    let mut connection = Connection::open(address).await?;
    let mut count = 0.0;
    while Instant::now() < end {
        let form = format!("grant_type=refresh_token&refresh_token={token}");
        token = refresh_token(&connection.json(&client::post("/token", FORM, &form), 200).await?)?;
        count += 1.0;
    }
    Ok((count, token))
}

/// The same database without the server: one update per commit.
pub(crate) enum Raw {
    Sqlite { path: String, _folder: Folder },
    Postgres(String),
}

impl Raw {
    pub(crate) fn new(place: &Place) -> Result<Self, Failure> {
        if let Some(url) = place.database_url() {
            return Ok(Self::Postgres(url));
        }
        let folder = Folder::new()?;
        Ok(Self::Sqlite {
            path: format!("sqlite://{}", folder.path().join("raw.db").display()),
            _folder: folder,
        })
    }

    pub(crate) fn rate(&self) -> Result<f64, Failure> {
        load::runtime()?.block_on(async {
            match self {
                Self::Sqlite { path, .. } => {
                    // Same as the server: one writing connection, and every commit is flushed to disk.
                    let options = SqliteConnectOptions::from_str(path)?
                        .create_if_missing(true)
                        .journal_mode(SqliteJournalMode::Wal)
                        .synchronous(SqliteSynchronous::Full);
                    let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await?;
                    sqlx::raw_sql("CREATE TABLE IF NOT EXISTS raw (id INTEGER PRIMARY KEY, digest BLOB)")
                        .execute(&pool)
                        .await?;
                    for id in rows() {
                        sqlx::query("INSERT OR IGNORE INTO raw (id) VALUES ($1)")
                            .bind(id)
                            .execute(&pool)
                            .await?;
                    }
                    let tasks = rows().map(|id| sqlite(pool.clone(), id)).collect();
                    let per_second = count(tasks).await?;
                    pool.close().await;
                    Ok(per_second)
                }
                Self::Postgres(url) => {
                    let pool =
                        PgPoolOptions::new().max_connections(POSTGRES_CONNECTIONS).connect(url).await?;
                    sqlx::raw_sql("CREATE TABLE IF NOT EXISTS raw (id BIGINT PRIMARY KEY, digest BYTEA)")
                        .execute(&pool)
                        .await?;
                    for id in rows() {
                        sqlx::query("INSERT INTO raw (id) VALUES ($1) ON CONFLICT DO NOTHING")
                            .bind(id)
                            .execute(&pool)
                            .await?;
                    }
                    let tasks = rows().map(|id| postgres(pool.clone(), id)).collect();
                    let per_second = count(tasks).await?;
                    pool.close().await;
                    Ok(per_second)
                }
            }
        })
    }
}

fn rows() -> impl Iterator<Item = i64> {
    (1_i64..).take(CONCURRENCY)
}

/// The transactions per second of all tasks together.
async fn count<F>(tasks: Vec<F>) -> Result<f64, Failure>
where
    F: Future<Output = Result<f64, sqlx::Error>> + Send + 'static,
{
    let tasks: Vec<_> = tasks.into_iter().map(tokio::spawn).collect();
    let mut count = 0.0;
    for task in tasks {
        count += task.await??;
    }
    Ok(count / ROUND.as_secs_f64())
}

const UPDATE: &str = "UPDATE raw SET digest = $2 WHERE id = $1";

async fn sqlite(pool: SqlitePool, id: i64) -> Result<f64, sqlx::Error> {
    let (end, mut count) = (Instant::now() + ROUND, 0.0);
    while Instant::now() < end {
        let mut tx = pool.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query(UPDATE).bind(id).bind([7_u8; 32].as_slice()).execute(&mut *tx).await?;
        tx.commit().await?;
        count += 1.0;
    }
    Ok(count)
}

async fn postgres(pool: PgPool, id: i64) -> Result<f64, sqlx::Error> {
    let (end, mut count) = (Instant::now() + ROUND, 0.0);
    while Instant::now() < end {
        let mut tx = pool.begin().await?;
        sqlx::query(UPDATE).bind(id).bind([7_u8; 32].as_slice()).execute(&mut *tx).await?;
        tx.commit().await?;
        count += 1.0;
    }
    Ok(count)
}
