//! Brings the tables up to date with embedded migrations. All missing ones run in one transaction, by one instance at a
//! time. An older program cannot use the tables afterwards.
//!
//! Not a crate, because most of this file is specific: one transaction for all migrations, foreign keys off on SQLite
//! and checked before the commit, a lock that a pooler cannot lose, rejection of a newer schema. The rest is a loop.

use std::time::Duration;

use aws_lc_rs::digest::{SHA384, digest};
use rusqlite::Connection;

use super::postgres::Connector;
use super::{Conn, Encode as _, Error, OpenError, fetch_one};

struct Migration {
    /// The file name in both folders.
    name: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

macro_rules! migrations {
    ($($name:literal),+ $(,)?) => {
        &[$(Migration {
            name: $name,
            sqlite: include_str!(concat!("../../migrations/sqlite/", $name, ".sql")),
            postgres: include_str!(concat!("../../migrations/postgres/", $name, ".sql")),
        }),+]
    };
}

/// In the order of their versions.
const MIGRATIONS: &[Migration] = migrations![
    "0001_accounts",
    "0002_account_life",
    "0003_folds_and_sizes",
    "0004_ways_in",
    "0005_factors",
    "0006_last_logins",
    "0010_policy",
    "0011_identities",
    "0012_passkeys",
    "0013_api_keys",
    "0014_organisations",
    "0015_remembered_devices",
    "0016_service_accounts",
    "0018_staff_roles",
    "0020_used_challenges",
    "0021_bounds",
    "0022_attributes",
    "0023_share_links",
    "0024_looks",
    "0025_given_grants",
];

/// How long an instance waits while another one changes the tables.
pub(super) const WAIT: Duration = Duration::from_mins(1);

impl Migration {
    fn version(&self) -> i64 {
        self.name.split('_').next().and_then(|number| number.parse().ok()).unwrap_or(0)
    }
}

/// The version of the newest migration in this program.
pub(super) fn latest() -> i64 {
    MIGRATIONS.last().map_or(0, Migration::version)
}

/// The version of the newest migration in the database.
pub(super) async fn applied(conn: Conn<'_>) -> Result<Option<i64>, Error> {
    let sql = "SELECT max(version) FROM schema_migrations";
    fetch_one!(conn, (Option<i64>,), sql).map(|(version,)| version)
}

/// The migrations that the database lacks. It is an error if the database has other ones.
fn missing(
    applied: &[(i64, Vec<u8>)],
    text: impl Fn(&Migration) -> &'static str,
) -> Result<&'static [Migration], OpenError> {
    for (at, (version, checksum)) in applied.iter().enumerate() {
        match MIGRATIONS.get(at) {
            None => return Err(OpenError::NewerSchema { found: *version, known: latest() }),
            Some(known) if known.version() == *version && *checksum == sum(text(known)) => {}
            Some(_) if *version > latest() => {
                return Err(OpenError::NewerSchema { found: *version, known: latest() });
            }
            Some(_) => return Err(OpenError::OtherSchema { version: *version }),
        }
    }
    Ok(MIGRATIONS.get(applied.len()..).unwrap_or_default())
}

fn sum(sql: &str) -> Vec<u8> {
    digest(&SHA384, sql.as_bytes()).as_ref().to_vec()
}

const APPLIED: &str = "SELECT version, checksum FROM schema_migrations ORDER BY version";
const NOTE: &str = "INSERT INTO schema_migrations (version, name, checksum) VALUES ($1, $2, $3)";
/// Converts the list that the first builds kept under another name.
const TAKE_OVER: &str = "INSERT INTO schema_migrations (version, name, checksum)
    SELECT version, description, checksum FROM _sqlx_migrations WHERE success; DROP TABLE _sqlx_migrations";

/// The transaction holds SQLite's write lock from the start: instances queue up, and one that is killed leaves the file
/// unchanged. Foreign keys are off meanwhile, because SQLite changes a table by building another in its place
/// (<https://sqlite.org/lang_altertable.html#otheralter>), and are checked before the commit.
pub(super) fn sqlite(conn: &mut Connection) -> Result<(), OpenError> {
    conn.busy_timeout(WAIT)?;
    conn.pragma_update(None, "foreign_keys", "OFF")?;
    let tx = conn.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    tx.execute_batch(
        "CREATE TABLE IF NOT EXISTS schema_migrations (
             version INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum BLOB NOT NULL
         ) STRICT",
    )?;
    if tx.table_exists(None, "_sqlx_migrations")? {
        tx.execute_batch(TAKE_OVER)?;
    }
    let applied = {
        let mut query = tx.prepare(APPLIED)?;
        let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect::<Result<Vec<_>, _>>()?
    };
    for migration in missing(&applied, |migration| migration.sqlite)? {
        tx.execute_batch(migration.sqlite)?;
        tx.execute(NOTE, (migration.version(), migration.name, sum(migration.sqlite)))?;
    }
    let mut broken = tx.prepare("SELECT \"table\" FROM pragma_foreign_key_check LIMIT 1")?;
    if let Some(row) = broken.query([])?.next()? {
        return Err(OpenError::BrokenReference { table: row.get(0)? });
    }
    drop(broken);
    tx.commit()?;
    conn.pragma_update(None, "foreign_keys", "ON")?;
    Ok(conn.busy_timeout(super::sqlite::WAIT)?)
}

/// Takes a lock that ends with the transaction, so that a pooler cannot pass it to another one.
pub(super) async fn postgres(connector: &Connector) -> Result<(), OpenError> {
    let conn = connector.connect().await?;
    conn.unhurried(
        "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
         SET LOCAL statement_timeout = 0;
         SET LOCAL lock_timeout = '60s';
         SET LOCAL client_min_messages = warning;
         SELECT pg_advisory_xact_lock(hashtext('portcullis ' || current_database() || '.' || current_schema()));
         CREATE TABLE IF NOT EXISTS schema_migrations (
             version BIGINT PRIMARY KEY, name TEXT NOT NULL, checksum BYTEA NOT NULL
         )",
    )
    .await?;
    let (older,) =
        fetch_one!(Conn::of(&conn), (bool,), "SELECT to_regclass('_sqlx_migrations') IS NOT NULL")?;
    if older {
        conn.unhurried(TAKE_OVER).await?;
    }
    let applied = conn.fetch::<(i64, Vec<u8>)>(APPLIED, &[]).await?;
    for migration in missing(&applied, |migration| migration.postgres)? {
        conn.unhurried(migration.postgres).await?;
        let row = [migration.version().encode(), migration.name.encode(), sum(migration.postgres).encode()];
        conn.execute(NOTE, &row).await?;
    }
    Ok(conn.unhurried("COMMIT").await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_migration_has_its_twin_and_is_embedded() {
        let embedded: Vec<_> = MIGRATIONS.iter().map(|one| format!("{}.sql", one.name)).collect();
        for database in ["sqlite", "postgres"] {
            let folder = format!("{}/migrations/{database}", env!("CARGO_MANIFEST_DIR"));
            let mut files: Vec<_> = std::fs::read_dir(folder)
                .unwrap()
                .map(|file| file.unwrap().file_name().into_string().unwrap())
                .collect();
            files.sort();
            assert_eq!(embedded, files, "{database}");
        }
        let numbers: Vec<_> = MIGRATIONS.iter().map(Migration::version).collect();
        assert!(numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
    }
}
