//! Brings the tables up to date: embedded migrations, one lock over all instances, and no way back to an older
//! program.

use std::time::Duration;

use sqlx::error::DatabaseError;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::PgConnection;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};

use super::{Conn, OpenError, fetch_one};

static SQLITE: Migrator = sqlx::migrate!("./migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("./migrations/postgres");

/// How long an instance waits while another changes the tables.
pub(super) const WAIT: Duration = Duration::from_mins(1);

/// The number of the newest migration in this program. The twins have the same numbers.
pub(super) fn latest() -> i64 {
    SQLITE.iter().map(|migration| migration.version).max().unwrap_or(0)
}

/// The number of the newest migration in the database.
pub(super) async fn applied(conn: Conn<'_>) -> Result<Option<i64>, sqlx::Error> {
    let sql = "SELECT max(version) FROM _sqlx_migrations WHERE success";
    fetch_one!(conn, (Option<i64>,), sql).map(|(version,)| version)
}

// `run_direct` is what sqlx's `run` calls; a future of `run` is not `Send` for every lifetime, so it cannot be spawned.

/// All missing migrations in one transaction, which holds SQLite's own write lock from its first moment: instances
/// queue up, and one that is killed leaves the file as it was. References are off meanwhile, because SQLite changes
/// a table by building another in its place (<https://sqlite.org/lang_altertable.html#otheralter>), and are checked
/// before the commit.
pub(super) async fn sqlite(options: &SqliteConnectOptions, database: &str) -> Result<(), OpenError> {
    let failed = |cause| {
        if is_busy(&cause) {
            OpenError::Locked
        } else {
            OpenError::Connect { database: database.to_owned(), cause }
        }
    };
    let mut conn = options.clone().busy_timeout(WAIT).foreign_keys(false).connect().await.map_err(failed)?;
    let mut tx = conn.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
    SQLITE.run_direct(None, &mut *tx, false).await.map_err(explain)?;
    let broken: Option<(String,)> = sqlx::query_as("SELECT \"table\" FROM pragma_foreign_key_check LIMIT 1")
        .fetch_optional(&mut *tx)
        .await
        .map_err(failed)?;
    if let Some((table,)) = broken {
        return Err(OpenError::BrokenReference { table });
    }
    tx.commit().await.map_err(failed)?;
    conn.close().await.map_err(failed)
}

/// Each missing migration in its own transaction, under an advisory lock that ends with the connection.
pub(super) async fn postgres(conn: &mut PgConnection) -> Result<(), OpenError> {
    let settings = "SET lock_timeout = '60s'; SET client_min_messages = warning";
    sqlx::raw_sql(settings).execute(&mut *conn).await.map_err(|error| explain(error.into()))?;
    POSTGRES.run_direct(None, conn, false).await.map_err(explain)
}

fn explain(error: MigrateError) -> OpenError {
    match error {
        MigrateError::VersionMissing(found) if found > latest() => {
            OpenError::NewerSchema { found, known: latest() }
        }
        MigrateError::VersionMissing(version) | MigrateError::VersionMismatch(version) => {
            OpenError::OtherSchema { version }
        }
        MigrateError::Execute(cause) | MigrateError::ExecuteMigration(cause, _) if is_busy(&cause) => {
            OpenError::Locked
        }
        other => OpenError::Migrate(other),
    }
}

/// `SQLITE_BUSY`, or PostgreSQL's `lock_not_available`.
fn is_busy(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(DatabaseError::code);
    matches!(code.as_deref(), Some("5" | "55P03"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Also fails when a migration was added and the program not built anew: the macro reads the folder only then.
    #[test]
    fn each_migration_has_its_twin() {
        let embedded = |migrator: &Migrator| -> Vec<String> {
            migrator
                .iter()
                .map(|one| format!("{:04}_{}.sql", one.version, one.description.replace(' ', "_")))
                .collect()
        };
        let files = |database: &str| -> Vec<String> {
            let folder = format!("{}/migrations/{database}", env!("CARGO_MANIFEST_DIR"));
            let mut names: Vec<_> = std::fs::read_dir(folder)
                .unwrap()
                .map(|file| file.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            names
        };
        assert_eq!(embedded(&SQLITE), files("sqlite"));
        assert_eq!(embedded(&POSTGRES), files("postgres"));
        assert_eq!(embedded(&SQLITE), embedded(&POSTGRES));
    }
}
