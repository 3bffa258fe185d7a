//! Opens either database with the settings that make an acknowledged write durable and every wait finite.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::postgres::{Connection, Connector, Postgres};
use super::sqlite::Sqlite;
use super::url::{PostgresTarget, Target};
use super::{Conn, DatabaseConfig, Db, Error, fetch_one, migrate, sqlite};
use crate::files;

/// How long to wait for a database that cannot be reached yet, and the time between two attempts.
const POSTGRES_BOOT: Duration = Duration::from_mins(1);
const POSTGRES_AGAIN: Duration = Duration::from_millis(500);

/// Why the database cannot be opened, and what to do. The message never repeats a password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The SQLite file cannot be created.
    #[error("cannot create the database file {path}: {cause}. Give the server's user a directory that it may write \
        (setting `data_dir`, or `database_url`)", path = path.display())]
    Create {
        /// The file.
        path: PathBuf,
        /// The error from the operating system.
        cause: io::Error,
    },
    /// The database does not respond, or rejects the connection.
    #[error(
        "cannot use the database {database}: {cause}. Check that it is running and reachable from here, and that the \
            name and password in `database_url` are correct"
    )]
    Connect {
        /// Its address, without the password.
        database: String,
        /// The error from the driver.
        cause: Error,
    },
    /// PostgreSQL did not respond in time.
    #[error(
        "the database {database} did not respond within 60 seconds. Check that it is running, and that no firewall \
            drops the packets"
    )]
    Unreachable {
        /// Its address, without the password.
        database: String,
    },
    /// PostgreSQL is older than the oldest supported version.
    #[error(
        "the database {database} is PostgreSQL {version}, but version 15 or later is required: upgrade it, or name \
            another in `database_url`"
    )]
    TooOld {
        /// Its address, without the password.
        database: String,
        /// The version that it reports.
        version: String,
    },
    /// A newer version of the program created the tables.
    #[error(
        "the database has schema version {found}, but this program knows versions up to {known}: run the newer \
            program, or restore the backup made before the upgrade"
    )]
    NewerSchema {
        /// The version of the schema in the database.
        found: i64,
        /// The newest version that this program knows.
        known: i64,
    },
    /// A migration in the database differs from this program's migration of the same version.
    #[error(
        "schema version {version} in the database differs from this program's: another build created the tables. Run \
            that build, or restore a backup made by this one"
    )]
    OtherSchema {
        /// The migration's version.
        version: i64,
    },
    /// Another instance held the lock for too long.
    #[error(
        "waited 60 seconds for another instance to finish changing the tables. If none is starting, end the session \
            that holds the lock, then start again"
    )]
    Locked,
    /// Changing the tables failed and was rolled back.
    #[error(
        "cannot bring the tables up to date: {0}. Nothing was changed. The database's user must own its schema and may \
            need more disk space"
    )]
    Migrate(Error),
    /// A table refers to rows that are missing.
    #[error(
        "table {table} refers to rows that do not exist: restore a backup, or have the file checked with `PRAGMA \
            foreign_key_check`"
    )]
    BrokenReference {
        /// The table with the reference.
        table: String,
    },
}

impl From<Error> for OpenError {
    fn from(error: Error) -> Self {
        if error.is_locked() { Self::Locked } else { Self::Migrate(error) }
    }
}

impl From<rusqlite::Error> for OpenError {
    fn from(error: rusqlite::Error) -> Self {
        Error::from(error).into()
    }
}

pub(super) async fn open(config: &DatabaseConfig) -> Result<Db, OpenError> {
    let database = config.url.to_string();
    match config.url.target() {
        Target::Sqlite(path) => open_sqlite(path, database).await,
        Target::Postgres(target) => open_postgres(target, config.connections, database).await,
    }
}

async fn open_sqlite(path: &Path, database: String) -> Result<Db, OpenError> {
    // Held until the tables are migrated. If two instances switch a new file to WAL at the same time, one gets
    // SQLITE_BUSY without the usual wait.
    let _lock = lock(path).await?;
    // SQLite would make the file readable by all. Its log and index files copy this file's mode.
    match files::create_private_file(path) {
        Err(cause) if cause.kind() != io::ErrorKind::AlreadyExists => return Err(cannot_create(path)(cause)),
        _ => {}
    }
    let sqlite = Sqlite::new(path).map_err(cannot_create(path))?;
    let migrated = sqlite.maintain(|conn| Ok(migrate::sqlite(conn))).await;
    migrated.map_err(|cause| OpenError::Connect { database, cause })??;
    Ok(Db::sqlite(sqlite))
}

pub(super) async fn in_memory() -> Result<Db, OpenError> {
    let path = sqlite::memory();
    let sqlite = Sqlite::new(&path).map_err(cannot_create(&path))?;
    let migrated = sqlite.maintain(|conn| Ok(migrate::sqlite(conn))).await;
    let failed = |cause| OpenError::Connect { database: "memory".to_owned(), cause };
    migrated.map_err(failed)??;
    // Test data may refer to accounts that do not exist.
    let off = sqlite.maintain(|conn| Ok(conn.pragma_update(None, "foreign_keys", "OFF")?)).await;
    off.map_err(failed)?;
    Ok(Db::sqlite(sqlite))
}

/// Locks a file next to the database, until it is dropped or the process dies. The database file itself must not be
/// used: closing it here would release the locks that SQLite holds on it in this process (POSIX `fcntl`).
async fn lock(database: &Path) -> Result<File, OpenError> {
    let mut name = database.as_os_str().to_owned();
    name.push(".lock");
    let path = PathBuf::from(name);
    let file = match files::create_private_file(&path) {
        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => File::open(&path),
        outcome => outcome,
    };
    let file = file.map_err(cannot_create(&path))?;
    let acquired = tokio::time::timeout(migrate::WAIT, async {
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(()),
                Err(TryLockError::WouldBlock) => tokio::time::sleep(Duration::from_millis(20)).await,
                Err(TryLockError::Error(cause)) => return Err(cannot_create(&path)(cause)),
            }
        }
    });
    acquired.await.unwrap_or(Err(OpenError::Locked))?;
    Ok(file)
}

fn cannot_create(path: &Path) -> impl FnOnce(io::Error) -> OpenError {
    move |cause| OpenError::Create { path: path.to_owned(), cause }
}

async fn open_postgres(target: &PostgresTarget, connections: u32, database: String) -> Result<Db, OpenError> {
    let connect = |cause| OpenError::Connect { database: database.clone(), cause };
    let connector = Connector::new(target).map_err(connect)?;
    let conn = first_connection(&connector, &database).await?;
    check_version(&conn, &database).await?;
    drop(conn);
    migrate::postgres(&connector).await?;
    Ok(Db::postgres(Postgres::new(connector, connections).map_err(connect)?))
}

/// After a reboot the database may start later than this server, and during a failover it is briefly unreachable.
async fn first_connection(connector: &Connector, database: &str) -> Result<Connection, OpenError> {
    let end = Instant::now() + POSTGRES_BOOT;
    let mut is_told = false;
    loop {
        match connector.connect().await {
            Ok(connection) => return Ok(connection),
            Err(cause) if cause.may_pass() && Instant::now() < end => {
                if !is_told {
                    tracing::warn!(%cause, database, "the database cannot be reached yet; retrying for up to 60 \
                        seconds");
                    is_told = true;
                }
                tokio::time::sleep(POSTGRES_AGAIN).await;
            }
            Err(Error::TimedOut) => return Err(OpenError::Unreachable { database: database.to_owned() }),
            Err(cause) => return Err(OpenError::Connect { database: database.to_owned(), cause }),
        }
    }
}

async fn check_version(conn: &Connection, database: &str) -> Result<(), OpenError> {
    let sql = "SELECT current_setting('server_version_num')::int, current_setting('server_version')";
    let (number, version) = fetch_one!(Conn::of(conn), (i64, String), sql)
        .map_err(|cause| OpenError::Connect { database: database.to_owned(), cause })?;
    if number < 150_000 {
        return Err(OpenError::TooOld { database: database.to_owned(), version });
    }
    Ok(())
}
