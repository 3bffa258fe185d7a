//! A borrowed connection of either database, and the macros that run one SQL text on it.

use std::sync::Arc;

use super::postgres::{Connection, PostgresTx};
use super::sqlite::{Sqlite, SqliteTx};
use super::{Dialect, Error, FromRow, Value};

/// What a store function takes, inside or outside a transaction.
#[derive(Clone, Copy)]
pub struct Conn<'c>(On<'c>);

#[derive(Clone, Copy)]
enum On<'c> {
    Sqlite(&'c Sqlite),
    SqliteTx(&'c SqliteTx),
    Postgres(&'c Connection),
    PostgresTx(&'c PostgresTx),
}

impl<'c> Conn<'c> {
    /// A connection of PostgreSQL outside a transaction.
    pub(super) fn of(connection: &'c Connection) -> Self {
        Self(On::Postgres(connection))
    }

    /// How this database spells what the two spell differently.
    #[must_use]
    pub fn dialect(self) -> Dialect {
        match self.0 {
            On::Sqlite(_) | On::SqliteTx(_) => Dialect::Sqlite,
            On::Postgres(_) | On::PostgresTx(_) => Dialect::Postgres,
        }
    }

    /// Runs a query, which must bound its rows. `$1` is the first argument.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn fetch_all<T: FromRow + Send + 'static>(
        self,
        sql: &'static str,
        arguments: Vec<Value>,
    ) -> Result<Vec<T>, Error> {
        match self.0 {
            On::Sqlite(sqlite) => sqlite.fetch(sql, arguments).await,
            On::SqliteTx(tx) => tx.fetch(sql, arguments).await,
            On::Postgres(connection) => connection.fetch(sql, &arguments).await,
            On::PostgresTx(tx) => tx.fetch(sql, &arguments).await,
        }
    }

    /// As [`fetch_all`](Self::fetch_all), for none or one row.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn fetch_optional<T: FromRow + Send + 'static>(
        self,
        sql: &'static str,
        arguments: Vec<Value>,
    ) -> Result<Option<T>, Error> {
        Ok(self.fetch_all(sql, arguments).await?.into_iter().next())
    }

    /// As [`fetch_all`](Self::fetch_all), for one row.
    ///
    /// # Errors
    /// [`Error`]; also if there is none.
    pub async fn fetch_one<T: FromRow + Send + 'static>(
        self,
        sql: &'static str,
        arguments: Vec<Value>,
    ) -> Result<T, Error> {
        self.fetch_optional(sql, arguments).await?.ok_or(Error::NoRow)
    }

    /// Runs a statement, and returns how many rows it touched.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn execute(self, sql: &'static str, arguments: Vec<Value>) -> Result<u64, Error> {
        match self.0 {
            On::Sqlite(sqlite) => sqlite.execute(sql, arguments).await,
            On::SqliteTx(tx) => tx.execute(sql, arguments).await,
            On::Postgres(connection) => connection.execute(sql, &arguments).await,
            On::PostgresTx(tx) => tx.execute(sql, &arguments).await,
        }
    }
}

/// For reading outside a transaction; each statement sees what is committed when it begins. On SQLite it cannot write.
pub struct Reader(pub(super) Reading);

pub(super) enum Reading {
    Sqlite(Sqlite),
    Postgres(Arc<Connection>),
}

impl Reader {
    /// The connection, for a store function.
    pub fn conn(&mut self) -> Conn<'_> {
        Conn(match &self.0 {
            Reading::Sqlite(sqlite) => On::Sqlite(sqlite),
            Reading::Postgres(connection) => On::Postgres(connection),
        })
    }
}

/// A transaction: all of it happens, durably, or nothing. Dropped without [`commit`](Self::commit) it rolls back, and
/// so does one of which a statement has failed: the only way on is out. So a conflict that is expected is
/// `ON CONFLICT DO NOTHING RETURNING`, not a failed `INSERT`.
#[must_use = "a transaction that is dropped rolls back"]
pub struct Tx(pub(super) Begun);

pub(super) enum Begun {
    Sqlite(SqliteTx),
    Postgres(Box<PostgresTx>),
}

impl Tx {
    /// The connection, for a store function.
    pub fn conn(&mut self) -> Conn<'_> {
        Conn(match &self.0 {
            Begun::Sqlite(tx) => On::SqliteTx(tx),
            Begun::Postgres(tx) => On::PostgresTx(tx),
        })
    }

    /// Makes the changes durable: when this returns they survive a power cut.
    ///
    /// # Errors
    /// When the database cannot say that they are. They may be, still: a connection can break after the commit.
    pub async fn commit(self) -> Result<(), Error> {
        match self.0 {
            Begun::Sqlite(tx) => tx.commit().await,
            Begun::Postgres(tx) => tx.commit().await,
        }
    }
}

macro_rules! opaque {
    ($($name:ident)+) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(stringify!($name))
            }
        }
    )+};
}
opaque!(Reader Tx);

impl std::fmt::Debug for Conn<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Conn")
    }
}

/// Runs a query that gives exactly one row: `fetch_one!(conn, Row, "SELECT … $1", argument)`. `Row` is a tuple or a
/// struct with `from_row!`. Answers `Result<Row, Error>`.
macro_rules! fetch_one {
    ($($query:tt)*) => { $crate::db::fetch!(fetch_one, $($query)*) };
}

/// As [`fetch_one!`] for none or one row: `Result<Option<Row>, Error>`.
macro_rules! fetch_optional {
    ($($query:tt)*) => { $crate::db::fetch!(fetch_optional, $($query)*) };
}

/// As [`fetch_one!`] for any number of rows, which the query must bound: `Result<Vec<Row>, Error>`.
macro_rules! fetch_all {
    ($($query:tt)*) => { $crate::db::fetch!(fetch_all, $($query)*) };
}

macro_rules! fetch {
    ($fetch:ident, $conn:expr, $row:ty, $sql:expr $(, $argument:expr)* $(,)?) => {
        $crate::db::Conn::$fetch::<$row>($conn, $sql, vec![$($crate::db::Encode::encode(&$argument)),*]).await
    };
}

/// Runs a statement without rows: `execute!(conn, "DELETE … $1", argument)`. Answers how many rows it touched:
/// `Result<u64, Error>`.
macro_rules! execute {
    ($conn:expr, $sql:expr $(, $argument:expr)* $(,)?) => {
        $crate::db::Conn::execute($conn, $sql, vec![$($crate::db::Encode::encode(&$argument)),*]).await
    };
}

pub(crate) use {execute, fetch, fetch_all, fetch_one, fetch_optional};
