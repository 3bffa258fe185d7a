//! The errors of a database.

use std::io;

use rusqlite::ErrorCode;
use tokio_postgres::error::SqlState;

/// Why a statement or a transaction failed. Written for operators: it may name tables, but never contains a value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No connection was free in time.
    #[error("no connection to the database was free in time")]
    Busy,
    /// The server is stopping.
    #[error("the connections to the database are closed")]
    Closed,
    /// The database did not respond to a statement in time. Its connection is dropped.
    #[error("the database did not respond in time")]
    TimedOut,
    /// An earlier statement failed, and the transaction with it.
    #[error("the transaction failed before this")]
    Aborted,
    /// A query that must return a row returned none.
    #[error("the query gave no row")]
    NoRow,
    /// A column is missing or has another type.
    #[error("the column {0} has an unexpected value")]
    Column(&'static str),
    /// An error from SQLite.
    #[error("SQLite: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// An error from PostgreSQL, or from the connection to it.
    #[error("PostgreSQL: {}", Causes(.0))]
    Postgres(#[from] tokio_postgres::Error),
    /// PostgreSQL's certificate or ours is invalid.
    #[error("TLS to PostgreSQL: {0}")]
    Tls(String),
}

/// The driver's error says what failed; its sources say why.
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
    /// Whether the statement violates a unique constraint.
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

    /// Whether the whole transaction may succeed if it is retried: PostgreSQL rolled it back in favour of another one
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

    /// Whether another session holds a lock: `SQLITE_BUSY`, or PostgreSQL's `lock_not_available`.
    pub(super) fn is_locked(&self) -> bool {
        match self {
            Self::Sqlite(error) => error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy),
            Self::Postgres(error) => error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE),
            _ => false,
        }
    }

    /// Whether a pooler sent the statement over a connection that does not know its prepared name.
    pub(super) fn is_of_a_pooler(&self) -> bool {
        matches!(self, Self::Postgres(error) if error.code().is_some_and(is_of_a_pooler))
    }

    /// Whether a SQLite connection must be reopened: after every error except those that a healthy one returns for a
    /// statement.
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

    /// Whether waiting may help: PostgreSQL cannot be reached, is starting, or is a standby.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Busy | Self::TimedOut => true,
            Self::Postgres(error) => match error.code() {
                // "The database system is starting up" and similar; too many connections.
                Some(code) => code.code().starts_with("57P0") || code.code().starts_with("53"),
                None => error.is_closed() || is_of_the_network(error),
            },
            _ => false,
        }
    }
}

/// Every connection error, except those that an invalid certificate or parameter causes.
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
