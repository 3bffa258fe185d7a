//! One connection of either driver, and the macros that run one SQL text on it.

use sqlx::pool::PoolConnection;
use sqlx::postgres::PgConnection;
use sqlx::sqlite::SqliteConnection;
use sqlx::{Postgres, Sqlite, Transaction};

use super::readers::Lent;

/// A borrowed connection: what a store function takes, inside or outside a transaction. For a second statement in
/// one function pass [`reborrow`](Self::reborrow) to the first.
#[derive(Debug)]
pub enum Conn<'c> {
    /// Of SQLite.
    Sqlite(&'c mut SqliteConnection),
    /// Of PostgreSQL.
    Postgres(&'c mut PgConnection),
}

impl Conn<'_> {
    /// The same connection for a shorter time.
    pub fn reborrow(&mut self) -> Conn<'_> {
        match self {
            Self::Sqlite(conn) => Conn::Sqlite(conn),
            Self::Postgres(conn) => Conn::Postgres(conn),
        }
    }
}

/// A connection for reading outside a transaction; each statement sees what is committed when it begins. On SQLite
/// it cannot write.
#[derive(Debug)]
pub struct Reader(pub(super) Pooled);

#[derive(Debug)]
pub(super) enum Pooled {
    Sqlite(Lent),
    Postgres(PoolConnection<Postgres>),
}

impl Reader {
    /// The connection, for a store function.
    pub fn conn(&mut self) -> Conn<'_> {
        match &mut self.0 {
            Pooled::Sqlite(lent) => Conn::Sqlite(lent.conn()),
            Pooled::Postgres(conn) => Conn::Postgres(conn),
        }
    }
}

/// A transaction: all of it happens, durably, or nothing. Dropped without [`commit`](Self::commit) it rolls back.
///
/// After a statement has failed the only way on is out: PostgreSQL refuses every further statement, and answers a
/// commit by rolling back *without an error*. So a conflict that is expected is `ON CONFLICT DO NOTHING RETURNING`,
/// not a failed `INSERT`.
#[derive(Debug)]
#[must_use = "a transaction that is dropped rolls back"]
pub struct Tx(pub(super) Begun);

#[derive(Debug)]
pub(super) enum Begun {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

impl Tx {
    /// The connection, for a store function.
    pub fn conn(&mut self) -> Conn<'_> {
        match &mut self.0 {
            Begun::Sqlite(tx) => Conn::Sqlite(tx),
            Begun::Postgres(tx) => Conn::Postgres(tx),
        }
    }

    /// Makes the changes durable: when this returns they survive a power cut.
    ///
    /// # Errors
    /// When the database cannot say that they are. They may be, still: a connection can break after the commit.
    pub async fn commit(self) -> Result<(), sqlx::Error> {
        match self.0 {
            Begun::Sqlite(tx) => tx.commit().await,
            Begun::Postgres(tx) => tx.commit().await,
        }
    }
}

/// Runs a query that gives exactly one row: `fetch_one!(conn, Row, "SELECT … $1", argument)`. `Row` is a tuple or a
/// struct with `#[derive(sqlx::FromRow)]`. Answers `Result<Row, sqlx::Error>`.
macro_rules! fetch_one {
    ($($query:tt)*) => { $crate::db::fetch!(fetch_one, $($query)*) };
}

/// As [`fetch_one!`] for none or one row: `Result<Option<Row>, sqlx::Error>`.
macro_rules! fetch_optional {
    ($($query:tt)*) => { $crate::db::fetch!(fetch_optional, $($query)*) };
}

/// As [`fetch_one!`] for any number of rows, which the query must bound: `Result<Vec<Row>, sqlx::Error>`.
macro_rules! fetch_all {
    ($($query:tt)*) => { $crate::db::fetch!(fetch_all, $($query)*) };
}

macro_rules! fetch {
    ($fetch:ident, $conn:expr, $row:ty, $sql:expr $(, $argument:expr)* $(,)?) => {
        match $conn {
            $crate::db::Conn::Sqlite(conn) => {
                sqlx::query_as::<sqlx::Sqlite, $row>($sql)$(.bind($argument))*.$fetch(&mut *conn).await
            }
            $crate::db::Conn::Postgres(conn) => {
                sqlx::query_as::<sqlx::Postgres, $row>($sql)$(.bind($argument))*.$fetch(&mut *conn).await
            }
        }
    };
}

/// Runs a statement without rows: `execute!(conn, "DELETE … $1", argument)`. Answers how many rows it touched:
/// `Result<u64, sqlx::Error>`.
macro_rules! execute {
    ($conn:expr, $sql:expr $(, $argument:expr)* $(,)?) => {
        match $conn {
            $crate::db::Conn::Sqlite(conn) => sqlx::query::<sqlx::Sqlite>($sql)$(.bind($argument))*
                .execute(&mut *conn).await.map(|done| done.rows_affected()),
            $crate::db::Conn::Postgres(conn) => sqlx::query::<sqlx::Postgres>($sql)$(.bind($argument))*
                .execute(&mut *conn).await.map(|done| done.rows_affected()),
        }
    };
}

pub(crate) use {execute, fetch, fetch_all, fetch_one, fetch_optional};
