//! What can go wrong with a database.

use std::io;

use rusqlite::ErrorCode;
use tokio_postgres::error::SqlState;

/// Why a statement or a transaction failed. Written for operators: it may name tables, but never holds a value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No connection was free in time.
    #[error("no connection to the database was free in time")]
    Busy,
    /// The server is stopping.
    #[error("the connections to the database are closed")]
    Closed,
    /// The database did not answer a statement in time. Its connection is given up.
    #[error("the database did not answer in time")]
    TimedOut,
    /// A statement failed before, and the transaction with it.
    #[error("the transaction failed before this")]
    Aborted,
    /// A query that gives exactly one row gave none.
    #[error("the query gave no row")]
    NoRow,
    /// A column is missing, or holds something else.
    #[error("the column {0} is not what it should be")]
    Column(&'static str),
    /// SQLite.
    #[error("SQLite: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// PostgreSQL, or the way to it.
    #[error("PostgreSQL: {}", Causes(.0))]
    Postgres(#[from] tokio_postgres::Error),
    /// PostgreSQL's certificate, or ours.
    #[error("TLS to PostgreSQL: {0}")]
    Tls(String),
}

/// The driver's error says what failed; why is in its causes.
struct Causes<'a>(&'a tokio_postgres::Error);

impl std::fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(error) = self.0.as_db_error() {
            return write!(f, "{} ({})", error.message(), error.code().code());
        }
        write!(f, "{}", self.0)?;
        let mut cause = std::error::Error::source(self.0);
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl Error {
    /// Whether a value is there already that may be there once.
    #[must_use]
    pub fn is_unique_violation(&self) -> bool {
        match self {
            Self::Sqlite(rusqlite::Error::SqliteFailure(error, _)) => matches!(
                error.extended_code,
                rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE | rusqlite::ffi::SQLITE_CONSTRAINT_PRIMARYKEY
            ),
            Self::Postgres(error) => error.code() == Some(&SqlState::UNIQUE_VIOLATION),
            _ => false,
        }
    }

    /// Whether the whole transaction may succeed when it is tried again: PostgreSQL ended it in favour of another
    /// (deadlock, serialization), or a pooler without `pgbouncer=true` mixed up prepared statements.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        let Self::Postgres(error) = self else { return false };
        error.code().is_some_and(|code| {
            *code == SqlState::T_R_DEADLOCK_DETECTED
                || *code == SqlState::T_R_SERIALIZATION_FAILURE
                || is_of_a_pooler(code)
        })
    }

    /// Whether somebody else holds a lock: `SQLITE_BUSY`, or PostgreSQL's `lock_not_available`.
    pub(super) fn is_locked(&self) -> bool {
        match self {
            Self::Sqlite(error) => error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy),
            Self::Postgres(error) => error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE),
            _ => false,
        }
    }

    /// Whether a pooler gave the statement to another connection than the one that knows it.
    pub(super) fn is_of_a_pooler(&self) -> bool {
        matches!(self, Self::Postgres(error) if error.code().is_some_and(is_of_a_pooler))
    }

    /// Whether a SQLite connection is to be opened anew: all but what a sound one says of a statement.
    pub(super) fn ends_the_connection(&self) -> bool {
        match self {
            Self::Sqlite(error) => !matches!(
                error.sqlite_error_code(),
                Some(
                    ErrorCode::ConstraintViolation
                        | ErrorCode::DatabaseBusy
                        | ErrorCode::OperationInterrupted
                )
            ),
            _ => false,
        }
    }

    /// Whether PostgreSQL is not there yet, and waiting may help: it cannot be reached, starts, or is a standby.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Busy | Self::TimedOut => true,
            Self::Postgres(error) => match error.code() {
                // "The database system is starting up" and its kind; too many connections.
                Some(code) => code.code().starts_with("57P0") || code.code().starts_with("53"),
                None => error.is_closed() || is_of_the_network(error),
            },
            _ => false,
        }
    }
}

/// Whatever a connection fails with, but for what a certificate or a parameter makes impossible.
fn is_of_the_network(error: &tokio_postgres::Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return !matches!(io.kind(), io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput);
        }
        cause = error.source();
    }
    false
}

fn is_of_a_pooler(code: &SqlState) -> bool {
    *code == SqlState::INVALID_SQL_STATEMENT_NAME || *code == SqlState::DUPLICATE_PSTATEMENT
}
