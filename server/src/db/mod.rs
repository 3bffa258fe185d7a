//! The database: SQLite or PostgreSQL behind one small type, with one SQL text for both.
//!
//! Modules keep their SQL in `store.rs`, as functions over [`Conn`], with `$1` placeholders and the macros
//! `fetch_one!`, `fetch_optional!`, `fetch_all!` and `execute!`. The differences between the databases are in their
//! migrations: every integer is 64 bits wide, a time is a number of microseconds, an ID is a UUID.

mod conn;
mod dialect;
mod error;
mod migrate;
mod open;
mod postgres;
mod retry;
mod sqlite;
mod tls;
mod url;
mod value;

use std::fmt;
use std::sync::atomic::AtomicBool;

pub(crate) use self::conn::Single;
use self::conn::{Begun, Reading, Writing};
pub use self::conn::{Conn, Reader, Tx};
pub(crate) use self::conn::{execute, fetch, fetch_all, fetch_one, fetch_optional};
pub use self::dialect::Dialect;
pub use self::error::Error;
pub use self::open::OpenError;
use self::postgres::Postgres;
pub(crate) use self::retry::retry;
use self::sqlite::Sqlite;
pub(crate) use self::sqlite::copy as copy_sqlite;
pub use self::url::{DatabaseUrl, DatabaseUrlError};
pub use self::value::{Cell, Decode, Encode, FromRow, Kind, Row, Value};
pub(crate) use self::value::{column, from_row};
use crate::clock::{Clock, Timestamp};

/// The database, and the number of connections to it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DatabaseConfig {
    /// Its address.
    pub url: DatabaseUrl,
    /// The most connections to PostgreSQL, 2 to 1000, 10 by default. Reads share a third of them, and at most four.
    /// SQLite always has one connection to write and four to read.
    pub connections: u32,
}

impl DatabaseConfig {
    /// A configuration with the default number of connections.
    #[must_use]
    pub const fn new(url: DatabaseUrl) -> Self {
        Self { url, connections: 10 }
    }
}

/// An open database whose tables are up to date with this program. Cheap to clone.
#[derive(Clone)]
pub struct Db(Driver);

#[derive(Clone)]
enum Driver {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

impl Db {
    fn sqlite(sqlite: Sqlite) -> Self {
        Self(Driver::Sqlite(sqlite))
    }

    fn postgres(postgres: Postgres) -> Self {
        Self(Driver::Postgres(postgres))
    }

    /// Connects, and brings the tables up to date. Instances that start together do this one after the other. If
    /// PostgreSQL cannot be reached yet, this retries for 60 seconds.
    ///
    /// # Errors
    /// [`OpenError`], written for the operator.
    pub async fn open(config: &DatabaseConfig) -> Result<Self, OpenError> {
        open::open(config).await
    }

    /// A database in memory with the tables of this program, to test a policy. It is deleted when this is dropped.
    ///
    /// # Errors
    /// See [`open`](Self::open).
    pub(crate) async fn in_memory() -> Result<Self, OpenError> {
        open::in_memory().await
    }

    /// Begins a transaction. On SQLite only one can write at a time, and others wait for it (at most 5 s; on PostgreSQL
    /// 3 s for a free connection), so keep hashing, email and other slow work out of it. PostgreSQL isolates it with
    /// `READ COMMITTED`: decide and change in one statement, or lock the row first.
    ///
    /// # Errors
    /// If no connection is free in time, or the database cannot be reached.
    pub async fn begin(&self) -> Result<Tx, Error> {
        Ok(Tx(match &self.0 {
            Driver::Sqlite(sqlite) => Begun::Sqlite(sqlite.begin().await?),
            Driver::Postgres(postgres) => Begun::Postgres(Box::new(postgres.begin().await?)),
        }))
    }

    /// A transaction of a single statement, which begins and ends with it. It waits for its turn like [`begin`](Self::begin).
    pub(crate) fn single(&self) -> Single {
        let on = match &self.0 {
            Driver::Sqlite(sqlite) => Writing::Sqlite(sqlite.clone()),
            Driver::Postgres(postgres) => Writing::Postgres(postgres.clone()),
        };
        Single { on, is_used: AtomicBool::new(false) }
    }

    /// Returns a connection for reading, which may be shared with others.
    ///
    /// # Errors
    /// See [`begin`](Self::begin).
    pub async fn read(&self) -> Result<Reader, Error> {
        Ok(Reader(match &self.0 {
            Driver::Sqlite(sqlite) => Reading::Sqlite(sqlite.clone()),
            Driver::Postgres(postgres) => Reading::Postgres(postgres.reader().await?),
        }))
    }

    /// Sets `clock` by the clock of PostgreSQL, which several computers may share. Returns by how many microseconds it
    /// moved.
    ///
    /// # Errors
    /// See [`begin`](Self::begin).
    pub(crate) async fn set_clock(&self, clock: &Clock) -> Result<i64, Error> {
        let Driver::Postgres(postgres) = &self.0 else { return Ok(0) };
        let connection = postgres.reader().await?;
        let asked = clock.now();
        let sql = "SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::BIGINT";
        let (theirs,) = fetch_one!(Conn::of(&connection), (Timestamp,), sql)?;
        Ok(clock.set(theirs, asked, clock.now()))
    }

    /// The SQL dialect of this database.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        match &self.0 {
            Driver::Sqlite(_) => Dialect::Sqlite,
            Driver::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Makes deleted data unreadable in the files. SQLite overwrites deleted rows (`secure_delete`), but old pages
    /// remain in its write-ahead log until a checkpoint. On PostgreSQL, `VACUUM` does this at its own pace.
    pub async fn scrub(&self) {
        if let Driver::Sqlite(sqlite) = &self.0 {
            sqlite.scrub().await;
        }
    }

    /// Whether the database responds, accepts writes, and has at least the tables of this program. A newer instance may
    /// have added tables meanwhile; this one keeps working.
    pub async fn ready(&self) -> bool {
        let ready = async {
            let applied = migrate::applied(self.read().await?.conn()).await?;
            match &self.0 {
                Driver::Sqlite(sqlite) => sqlite.can_write().await?,
                // Connecting already fails if the server does not accept writes.
                Driver::Postgres(_) => {}
            }
            Ok::<_, Error>(applied >= Some(migrate::latest()))
        };
        ready.await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the database is not ready");
            false
        })
    }

    /// Keeps every thread that reads from SQLite busy until the returned value is dropped.
    #[cfg(test)]
    pub(crate) fn hold_readers(&self) -> impl Drop + use<> {
        match &self.0 {
            Driver::Sqlite(sqlite) => sqlite.hold_readers(),
            Driver::Postgres(_) => panic!("a test of SQLite"),
        }
    }

    /// Closes every connection. SQLite first finishes the current transaction, then checkpoints its log into the file.
    pub async fn close(&self) {
        match &self.0 {
            Driver::Sqlite(sqlite) => sqlite.close().await,
            Driver::Postgres(postgres) => postgres.close(),
        }
    }
}

impl fmt::Debug for Db {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Driver::Sqlite(_) => "Db::Sqlite",
            Driver::Postgres(_) => "Db::Postgres",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;
    use std::path::Path;

    use uuid::Uuid;

    use super::*;

    #[derive(Debug, PartialEq)]
    struct Session {
        id: Uuid,
        created_at: Timestamp,
        ended_at: Option<Timestamp>,
    }
    from_row!(Session { id, created_at, ended_at });

    async fn open(path: &Path) -> Result<Db, OpenError> {
        Db::open(&DatabaseConfig::new(DatabaseUrl::sqlite(path))).await
    }

    async fn insert_account(conn: Conn<'_>, email: &str) -> Result<i64, Error> {
        let sql = "INSERT INTO accounts (email, full_name, password_hash, is_active, created_at, updated_at) \
                   VALUES ($1, '', '', $2, $3, $3) RETURNING id";
        fetch_one!(conn, (i64,), sql, email, true, Timestamp::from_secs(1)).map(|(id,)| id)
    }

    async fn emails(db: &Db) -> Vec<(String, bool)> {
        let sql = "SELECT email, is_active FROM accounts ORDER BY id LIMIT 100";
        fetch_all!(db.read().await.unwrap().conn(), (String, bool), sql).unwrap()
    }

    #[tokio::test]
    async fn a_commit_stays_and_a_dropped_transaction_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let db = open(&dir.path().join("p.db")).await.unwrap();
        let mut tx = db.begin().await.unwrap();
        let id = insert_account(tx.conn(), "ana@example.com").await.unwrap();
        let session = Session { id: Uuid::from_u128(7), created_at: Timestamp::from_secs(2), ended_at: None };
        let sql = "INSERT INTO sessions (id, account_id, created_at, expires_at) VALUES ($1, $2, $3, $4)";
        let rows =
            execute!(tx.conn(), sql, session.id, id, session.created_at, Timestamp::from_secs(9)).unwrap();
        assert_eq!(rows, 1);
        tx.commit().await.unwrap();
        let mut tx = db.begin().await.unwrap();
        insert_account(tx.conn(), "ben@example.com").await.unwrap();
        drop(tx);
        assert_eq!(emails(&db).await, [("ana@example.com".to_owned(), true)]);

        let sql = "SELECT id, created_at, ended_at FROM sessions WHERE account_id = $1";
        let mut reader = db.read().await.unwrap();
        assert_eq!(fetch_optional!(reader.conn(), Session, sql, id).unwrap(), Some(session));
        assert_eq!(fetch_optional!(reader.conn(), Session, sql, id + 1).unwrap(), None);
        assert!(insert_account(reader.conn(), "eve@example.com").await.is_err(), "a reader cannot write");
    }

    #[tokio::test]
    async fn sqlite_is_durable_private_and_checks_references() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("p.db");
        let db = open(&path).await.unwrap();
        let mut tx = db.begin().await.unwrap();
        for (pragma, value) in [("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 5000)] {
            let sql = String::leak(format!("SELECT * FROM pragma_{pragma}"));
            assert_eq!(fetch_one!(tx.conn(), (i64,), sql).unwrap(), (value,), "{pragma}");
        }
        let (mode,) = fetch_one!(tx.conn(), (String,), "SELECT * FROM pragma_journal_mode").unwrap();
        assert_eq!(mode, "wal");
        let sql = "INSERT INTO sessions (id, account_id, created_at, expires_at) VALUES ($1, 404, 1, 2)";
        assert!(execute!(tx.conn(), sql, Uuid::nil()).is_err());
        for file in std::fs::read_dir(dir.path()).unwrap() {
            let file = file.unwrap();
            assert_eq!(file.metadata().unwrap().mode() & 0o777, 0o600, "{:?}", file.path());
        }
    }

    /// `SQLITE_FULL` makes SQLite roll back without the driver's knowledge, as do other disk errors.
    #[tokio::test]
    async fn n04_a_full_disk_is_over_when_it_has_room_again() {
        let dir = tempfile::tempdir().unwrap();
        let db = open(&dir.path().join("p.db")).await.unwrap();
        let Driver::Sqlite(sqlite) = &db.0 else { panic!("not SQLite") };
        for round in 0..3 {
            let limit = |conn: &mut rusqlite::Connection| {
                let pages: i64 = conn.query_row("PRAGMA page_count", [], |row| row.get(0))?;
                conn.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))?;
                Ok(())
            };
            sqlite.maintain(limit).await.unwrap();
            let mut tx = db.begin().await.unwrap();
            let long = format!("{}@example.com", "x".repeat(9000));
            let error = insert_account(tx.conn(), &long).await.unwrap_err();
            assert!(error.to_string().contains("full"), "{error}");
            // The transaction stays failed: nothing more of it is committed.
            assert!(matches!(insert_account(tx.conn(), "eve@example.com").await, Err(Error::Aborted)));
            assert!(matches!(tx.commit().await, Err(Error::Aborted)));
            // The page limit belonged to the old connection, so inserting a long row proves that a new one is used.
            let mut tx = db.begin().await.unwrap();
            let long = format!("{}{round}@example.com", "y".repeat(9000));
            insert_account(tx.conn(), &long).await.unwrap();
            tx.commit().await.unwrap();
            assert!(db.ready().await);
        }
        assert_eq!(emails(&db).await.len(), 3);
    }

    /// A backup or a shell reads for a long time. Writes go on meanwhile, and the log is checkpointed afterwards.
    #[tokio::test]
    async fn a_long_reader_holds_up_no_writes_and_the_log_is_folded_after_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("p.db");
        let db = open(&path).await.unwrap();
        let insert = async |email: &str| {
            let mut tx = db.begin().await.unwrap();
            insert_account(tx.conn(), email).await.unwrap();
            tx.commit().await.unwrap();
        };
        insert("a@example.com").await;
        let mut reader = rusqlite::Connection::open(&path).unwrap();
        let reading = reader.transaction().unwrap();
        reading.query_row("SELECT count(*) FROM accounts", [], |row| row.get::<_, i64>(0)).unwrap();
        insert("b@example.com").await;
        let began = std::time::Instant::now();
        for number in 0..5 {
            db.scrub().await;
            insert(&format!("{number}@example.com")).await;
        }
        assert!(began.elapsed() < std::time::Duration::from_secs(1), "{:?}", began.elapsed());
        let log = || std::fs::metadata(dir.path().join("p.db-wal")).unwrap().len();
        assert_ne!(log(), 0);
        drop(reading);
        for _ in 0..100 {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            if log() == 0 {
                return;
            }
        }
        panic!("the log was not folded");
    }

    #[tokio::test]
    async fn readiness_ends_with_the_connections() {
        let dir = tempfile::tempdir().unwrap();
        let db = open(&dir.path().join("p.db")).await.unwrap();
        assert!(db.ready().await);
        db.close().await;
        assert!(!db.ready().await);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn instances_that_start_together_make_the_tables_once() {
        let dir = tempfile::tempdir().unwrap();
        for round in 0..10 {
            let path = dir.path().join(format!("{round}.db"));
            let opening: Vec<_> = (0..8)
                .map(|_| {
                    let path = path.clone();
                    tokio::spawn(async move { open(&path).await })
                })
                .collect();
            for opened in opening {
                assert!(opened.await.unwrap().unwrap().ready().await);
            }
        }
    }

    #[tokio::test]
    async fn a_newer_or_another_schema_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        for (sql, expected) in [
            (
                "UPDATE schema_migrations SET version = 9999 WHERE version = (SELECT max(version) FROM schema_migrations)",
                "schema version 9999",
            ),
            ("UPDATE schema_migrations SET checksum = x'00'", "another build created the tables"),
        ] {
            let path = dir.path().join("p.db");
            let db = open(&path).await.unwrap();
            let mut tx = db.begin().await.unwrap();
            execute!(tx.conn(), sql).unwrap();
            tx.commit().await.unwrap();
            db.close().await;
            let message = open(&path).await.unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
            std::fs::remove_file(path).unwrap();
        }
    }

    #[tokio::test]
    async fn what_is_no_database_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("p.db");
        std::fs::write(&path, "a letter, rather long, that is certainly no database ".repeat(20)).unwrap();
        let message = open(&path).await.unwrap_err().to_string();
        assert!(message.contains("not a database"), "{message}");
        let message = open(&dir.path().join("absent/p.db")).await.unwrap_err().to_string();
        assert!(message.contains("data_dir"), "{message}");
    }
}
