//! Opens either database with the settings that make an acknowledged write durable and every wait finite.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::migrate::MigrateError;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _};

use super::readers::Readers;
use super::url::Target;
use super::{DatabaseConfig, Db, migrate};
use crate::files;

const SQLITE_WAIT: Duration = Duration::from_secs(5);
const SQLITE_READERS: u32 = 4;
const POSTGRES_WAIT: Duration = Duration::from_secs(3);
const POSTGRES_CONNECT: Duration = Duration::from_secs(10);

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
        cause: sqlx::Error,
    },
    /// PostgreSQL did not answer in time.
    #[error(
        "the database {database} did not answer within 10 seconds. See that it runs, and that no firewall drops the packets"
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
    Migrate(MigrateError),
    /// The tables refer to rows that are missing.
    #[error(
        "table {table} refers to rows that do not exist: restore a backup, or have the file checked with `PRAGMA foreign_key_check`"
    )]
    BrokenReference {
        /// The table that refers.
        table: String,
    },
}

pub(super) async fn open(config: &DatabaseConfig) -> Result<Db, OpenError> {
    let database = config.url.to_string();
    match config.url.target() {
        Target::Sqlite(path) => open_sqlite(path, database).await,
        Target::Postgres(options) => open_postgres(options, config.connections, database).await,
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
    let options = SqliteConnectOptions::new().filename(path).busy_timeout(SQLITE_WAIT).foreign_keys(true);
    let writing = options
        .clone()
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .pragma("secure_delete", "ON");
    migrate::sqlite(&writing, &database).await?;
    Ok(Db::Sqlite {
        write: sqlite_writer().connect_lazy_with(writing),
        read: Readers::new(options, SQLITE_READERS, SQLITE_WAIT),
    })
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

/// Connections to a file do not go stale: they are neither tested nor renewed.
fn sqlite_writer() -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(SQLITE_WAIT)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
}

async fn open_postgres(
    options: &PgConnectOptions,
    connections: u32,
    database: String,
) -> Result<Db, OpenError> {
    let mut options = options.clone();
    if options.get_application_name().is_none() {
        options = options.application_name("portcullis");
    }
    // A connection of its own first: a pool would hide the reason of a failure behind its time-out, and closing
    // the connection gives the migration lock back whatever happens.
    let mut conn = match tokio::time::timeout(POSTGRES_CONNECT, options.connect()).await {
        Ok(connected) => {
            connected.map_err(|cause| OpenError::Connect { database: database.clone(), cause })?
        }
        Err(_) => return Err(OpenError::Unreachable { database }),
    };
    check_version(&mut conn, &database).await?;
    migrate::postgres(&mut conn).await?;
    conn.close().await.map_err(|cause| OpenError::Connect { database, cause })?;
    Ok(Db::Postgres(postgres_pool(connections, options)))
}

async fn check_version(conn: &mut PgConnection, database: &str) -> Result<(), OpenError> {
    let sql = "SELECT current_setting('server_version_num')::int, current_setting('server_version')";
    let (number, version): (i32, String) = sqlx::query_as(sql)
        .fetch_one(conn)
        .await
        .map_err(|cause| OpenError::Connect { database: database.to_owned(), cause })?;
    if number < 150_000 {
        return Err(OpenError::TooOld { database: database.to_owned(), version });
    }
    Ok(())
}

fn postgres_pool(connections: u32, options: PgConnectOptions) -> PgPool {
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(POSTGRES_WAIT)
        .after_connect(|conn, _| Box::pin(prepare(conn)))
        // Testing at each use would cost a round trip: a connection that was busy a moment ago is alive.
        .test_before_acquire(false)
        .before_acquire(|conn, meta| {
            Box::pin(async move { Ok(meta.idle_for < Duration::from_secs(1) || conn.ping().await.is_ok()) })
        })
        .connect_lazy_with(options)
}

/// Statements and forgotten transactions end by themselves, and `COMMIT` answers only when the log is on disk.
/// A stronger setting of the operator (`remote_apply`) is kept.
async fn prepare(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    let sql = "SET statement_timeout = '10s';
        SET idle_in_transaction_session_timeout = '30s';
        SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";
    sqlx::raw_sql(sql).execute(conn).await.map(drop)
}
