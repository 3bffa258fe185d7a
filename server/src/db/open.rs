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

/// How long a database that cannot be reached yet is waited for, and how often it is tried.
const POSTGRES_BOOT: Duration = Duration::from_mins(1);
const POSTGRES_AGAIN: Duration = Duration::from_millis(500);

/// Why the database cannot be opened, and what to do. Never repeats a password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The SQLite file cannot be made.
    #[error("cannot make the database file {path}: {cause}. Give the server's user a directory that it may write (setting `data_dir`, or `database_url`)", path = path.display())]
    Create {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// The database does not answer, or not to us.
    #[error(
        "cannot use the database {database}: {cause}. See that it runs and can be reached from here, and that name and password in `database_url` are right"
    )]
    Connect {
        /// Its address, without the password.
        database: String,
        /// What the driver said.
        cause: Error,
    },
    /// PostgreSQL did not answer in time.
    #[error(
        "the database {database} did not answer within 60 seconds. See that it runs, and that no firewall drops the packets"
    )]
    Unreachable {
        /// Its address, without the password.
        database: String,
    },
    /// PostgreSQL is older than what we test with.
    #[error(
        "the database {database} is PostgreSQL {version}, and version 15 or later is needed: upgrade it, or name another in `database_url`"
    )]
    TooOld {
        /// Its address, without the password.
        database: String,
        /// What it says of itself.
        version: String,
    },
    /// The tables were made by a newer program.
    #[error(
        "the database has schema version {found}, and this program knows versions up to {known}: run the newer program, or restore the backup made before the upgrade"
    )]
    NewerSchema {
        /// The database's.
        found: i64,
        /// The newest of this program.
        known: i64,
    },
    /// A migration in the database is not the one of that number in this program.
    #[error(
        "schema version {version} in the database is not the one of this program: the tables were made by another build. Run that build, or restore a backup of this one"
    )]
    OtherSchema {
        /// The migration's number.
        version: i64,
    },
    /// Another instance held the lock for too long.
    #[error(
        "waited 60 seconds for another instance to finish changing the tables. If none is starting, end the session that holds the lock, then start again"
    )]
    Locked,
    /// Changing the tables failed; the change was undone.
    #[error(
        "cannot bring the tables up to date: {0}. Nothing was changed. The database's user must own its schema and may need more disk space"
    )]
    Migrate(Error),
    /// The tables refer to rows that are missing.
    #[error(
        "table {table} refers to rows that do not exist: restore a backup, or have the file checked with `PRAGMA foreign_key_check`"
    )]
    BrokenReference {
        /// The table that refers.
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
    // Held until the tables are made: two instances that turn a new file to WAL at once get SQLITE_BUSY without the
    // wait that SQLite grants everywhere else.
    let _lock = lock(path).await?;
    // SQLite would make it readable by all; its log and index files take over the mode of this one.
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
    // What is made up there may refer to accounts that are not.
    let off = sqlite.maintain(|conn| Ok(conn.pragma_update(None, "foreign_keys", "OFF")?)).await;
    off.map_err(failed)?;
    Ok(Db::sqlite(sqlite))
}

/// The lock on a file beside the database, free again when dropped or when the process dies. The database itself is
/// no file to lock: closing it here would end the locks that SQLite holds on it in this process (POSIX `fcntl`).
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

/// At a boot the database may come later than we do, and in a failover it is gone for a moment.
async fn first_connection(connector: &Connector, database: &str) -> Result<Connection, OpenError> {
    let end = Instant::now() + POSTGRES_BOOT;
    let mut is_told = false;
    loop {
        match connector.connect().await {
            Ok(connection) => return Ok(connection),
            Err(cause) if cause.may_pass() && Instant::now() < end => {
                if !is_told {
                    tracing::warn!(%cause, database, "the database cannot be reached yet; trying for 60 seconds");
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
