//! Where a measured server keeps its data: a temporary folder, plus a schema of its own on PostgreSQL.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{self, Command},
    sync::atomic::{AtomicU32, Ordering},
};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::{Failure, load};

/// Deleted when dropped.
pub(crate) struct Place {
    folder: Folder,
    schema: Option<Schema>,
}

struct Schema {
    server: String,
    name: String,
}

impl Place {
    pub(crate) fn new(database_url: Option<&str>) -> Result<Self, Failure> {
        let folder = Folder::new()?;
        let schema = database_url.map(|url| Schema::create(url, folder.path())).transpose()?;
        Ok(Self { folder, schema })
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The database URL, if it is not the file in the folder.
    pub(crate) fn database_url(&self) -> Option<String> {
        self.schema.as_ref().map(Schema::url)
    }

    /// The server's command with this place and no other settings, without rate limits.
    pub(crate) fn program(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("PORTCULLIS_") {
                command.env_remove(name);
            }
        }
        command
            .env("PORTCULLIS_DATA_DIR", self.folder())
            .env("PORTCULLIS_LISTEN", "127.0.0.1:0")
            .env("PORTCULLIS_PUBLIC_URL", crate::comparison::PUBLIC_URL)
            .env("PORTCULLIS_ACCESS_TOKEN_TTL", "1h")
            .env("PORTCULLIS_LIMITS", "off");
        if let Some(url) = self.database_url() {
            command.env("PORTCULLIS_DATABASE_URL", url);
        }
        command
    }
}

/// A folder that is deleted when dropped. (With the crate `tempfile`, the server's dependencies would be built twice.)
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Result<Self, Failure> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("portcullis-bench-{}-{number}", process::id()));
        fs::create_dir(&path)?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // It is among the temporary files. If it stays, the system removes it.
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Schema {
    fn create(server: &str, folder: &Path) -> Result<Self, Failure> {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        let name = name.to_ascii_lowercase().replace('-', "_");
        let schema = Self { server: server.to_owned(), name };
        schema.run(&format!("CREATE SCHEMA \"{}\"", schema.name))?;
        Ok(schema)
    }

    fn url(&self) -> String {
        let sign = if self.server.contains('?') { '&' } else { '?' };
        format!("{}{sign}options=-csearch_path%3D{}", self.server, self.name)
    }

    fn run(&self, sql: &str) -> Result<(), Failure> {
        load::runtime()?.block_on(async {
            let mut connection = PgConnection::connect(&self.server).await?;
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
            Ok(connection.close().await?)
        })
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        // A failure only leaves a schema of measurements behind, and there is nobody to report it to.
        let _ = self.run(&format!("DROP SCHEMA \"{}\" CASCADE", self.name));
    }
}
