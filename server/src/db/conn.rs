//! A borrowed connection to either database, and the macros that run one SQL text on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::postgres::{Connection, Postgres, PostgresTx};
use super::sqlite::{Sqlite, SqliteTx};
use super::{Dialect, Error, FromRow, Value};

/// The connection that a store function takes, inside or outside a transaction.
#[derive(Clone, Copy)]
pub struct Conn<'c>(On<'c>);

#[derive(Clone, Copy)]
enum On<'c> {
    Sqlite(&'c Sqlite),
    SqliteTx(&'c SqliteTx),
    Postgres(&'c Connection),
    PostgresTx(&'c PostgresTx),
    Single(&'c Single),
}

impl<'c> Conn<'c> {
    /// A connection to PostgreSQL outside a transaction.
    pub(super) fn of(connection: &'c Connection) -> Self {
        Self(On::Postgres(connection))
    }

    /// The SQL dialect of this database.
    #[must_use]
    pub fn dialect(self) -> Dialect {
        match self.0 {
            On::Sqlite(_) | On::SqliteTx(_) => Dialect::Sqlite,
            On::Postgres(_) | On::PostgresTx(_) => Dialect::Postgres,
            On::Single(single) => single.dialect(),
        }
    }

    /// Runs a query, which must limit its number of rows. `$1` is the first argument.
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
            // Boxed, because it is rare and would make every other future larger.
            On::Single(single) => Box::pin(single.fetch(sql, arguments)).await,
        }
    }

    /// [`fetch_all`](Self::fetch_all) for at most one row.
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

    /// [`fetch_all`](Self::fetch_all) for exactly one row.
    ///
    /// # Errors
    /// [`Error`], also if there is no row.
    pub async fn fetch_one<T: FromRow + Send + 'static>(
        self,
        sql: &'static str,
        arguments: Vec<Value>,
    ) -> Result<T, Error> {
        self.fetch_optional(sql, arguments).await?.ok_or(Error::NoRow)
    }

    /// Runs a statement, and returns how many rows it changed.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn execute(self, sql: &'static str, arguments: Vec<Value>) -> Result<u64, Error> {
        match self.0 {
            On::Sqlite(sqlite) => sqlite.execute(sql, arguments).await,
            On::SqliteTx(tx) => tx.execute(sql, arguments).await,
            On::Postgres(connection) => connection.execute(sql, &arguments).await,
            On::PostgresTx(tx) => tx.execute(sql, &arguments).await,
            On::Single(single) => Box::pin(single.execute(sql, arguments)).await,
        }
    }
}

/// For reads outside a transaction. Each statement sees what is committed when it starts. On SQLite it cannot write.
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

/// A transaction: all of its changes take effect, durably, or none. It rolls back if it is dropped without
/// [`commit`](Self::commit), or as soon as one of its statements fails; nothing more can be done with it then. So write
/// an expected conflict as `ON CONFLICT DO NOTHING RETURNING`, not as an `INSERT` that fails.
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

    /// Makes the changes durable: after this returns, they survive a power failure.
    ///
    /// # Errors
    /// If the database does not confirm that they are durable. They may be nevertheless: a connection can break after
    /// the commit.
    pub async fn commit(self) -> Result<(), Error> {
        match self.0 {
            Begun::Sqlite(tx) => tx.commit().await,
            Begun::Postgres(tx) => tx.commit().await,
        }
    }
}

/// One statement that is a transaction of its own: when it returns, its changes are durable. It saves the round trips of
/// the beginning and the end. A second statement is an error.
pub(crate) struct Single {
    pub(super) on: Writing,
    pub(super) is_used: AtomicBool,
}

pub(super) enum Writing {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

impl Single {
    /// The connection, for a store function that runs one statement.
    pub(crate) fn conn(&mut self) -> Conn<'_> {
        Conn(On::Single(self))
    }

    fn dialect(&self) -> Dialect {
        match self.on {
            Writing::Sqlite(_) => Dialect::Sqlite,
            Writing::Postgres(_) => Dialect::Postgres,
        }
    }

    fn take(&self) -> Result<&Writing, Error> {
        if self.is_used.swap(true, Ordering::Relaxed) { Err(Error::Aborted) } else { Ok(&self.on) }
    }

    async fn fetch<T: FromRow + Send + 'static>(
        &self,
        sql: &'static str,
        arguments: Vec<Value>,
    ) -> Result<Vec<T>, Error> {
        match self.take()? {
            Writing::Sqlite(sqlite) => sqlite.fetch_single(sql, arguments).await,
            Writing::Postgres(postgres) => {
                postgres.single(async |connection| connection.fetch(sql, &arguments).await).await
            }
        }
    }

    async fn execute(&self, sql: &'static str, arguments: Vec<Value>) -> Result<u64, Error> {
        match self.take()? {
            Writing::Sqlite(sqlite) => sqlite.execute_single(sql, arguments).await,
            Writing::Postgres(postgres) => {
                postgres.single(async |connection| connection.execute(sql, &arguments).await).await
            }
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
opaque!(Reader Tx Single);

impl std::fmt::Debug for Conn<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Conn")
    }
}

/// Runs a query that returns exactly one row: `fetch_one!(conn, Row, "SELECT … $1", argument)`. `Row` is a tuple or a
/// struct with `from_row!`. Returns `Result<Row, Error>`.
macro_rules! fetch_one {
    ($($query:tt)*) => { $crate::db::fetch!(fetch_one, $($query)*) };
}

/// [`fetch_one!`] for at most one row. Returns `Result<Option<Row>, Error>`.
macro_rules! fetch_optional {
    ($($query:tt)*) => { $crate::db::fetch!(fetch_optional, $($query)*) };
}

/// [`fetch_one!`] for any number of rows, which the query must limit. Returns `Result<Vec<Row>, Error>`.
macro_rules! fetch_all {
    ($($query:tt)*) => { $crate::db::fetch!(fetch_all, $($query)*) };
}

macro_rules! fetch {
    ($fetch:ident, $conn:expr, $row:ty, $sql:expr $(, $argument:expr)* $(,)?) => {
        $crate::db::Conn::$fetch::<$row>($conn, $sql, vec![$($crate::db::Encode::encode(&$argument)),*]).await
    };
}

/// Runs a statement without result rows: `execute!(conn, "DELETE … $1", argument)`. Returns how many rows it changed,
/// as `Result<u64, Error>`.
macro_rules! execute {
    ($conn:expr, $sql:expr $(, $argument:expr)* $(,)?) => {
        $crate::db::Conn::execute($conn, $sql, vec![$($crate::db::Encode::encode(&$argument)),*]).await
    };
}

pub(crate) use {execute, fetch, fetch_all, fetch_one, fetch_optional};
