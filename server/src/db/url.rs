//! The address of a database, read once and printed without its password.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use sqlx::ConnectOptions as _;
use sqlx::postgres::PgConnectOptions;
use url::Url;

/// Where the accounts are kept: an SQLite file or a PostgreSQL database. Never prints a password.
///
/// Parsed from `sqlite://PATH` or `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, where special characters are
/// percent-encoded. What a PostgreSQL address leaves out comes from the usual `PG…` variables.
#[derive(Clone)]
pub struct DatabaseUrl(Target);

#[derive(Clone)]
pub(super) enum Target {
    Sqlite(PathBuf),
    Postgres(Box<PgConnectOptions>),
}

impl DatabaseUrl {
    /// An SQLite file. It is made when it is missing; its directory must exist.
    #[must_use]
    pub fn sqlite(path: impl Into<PathBuf>) -> Self {
        Self(Target::Sqlite(path.into()))
    }

    pub(super) fn target(&self) -> &Target {
        &self.0
    }
}

impl FromStr for DatabaseUrl {
    type Err = DatabaseUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once("://") {
            Some(("sqlite", path)) => sqlite(path),
            Some(("postgres" | "postgresql", _)) => postgres(text),
            _ => Err(DatabaseUrlError("starts neither with `sqlite://` nor with `postgres://`")),
        }
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Target::Sqlite(path) => write!(f, "sqlite://{}", path.display()),
            Target::Postgres(options) => {
                write!(f, "postgres://{}@", options.get_username())?;
                match options.get_socket() {
                    Some(directory) => write!(f, "{}", directory.display())?,
                    None => f.write_str(options.get_host())?,
                }
                write!(f, ":{}/{}", options.get_port(), options.get_database().unwrap_or_default())
            }
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

/// Text that is no address of a database. The message never repeats the text: it may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0}; write `sqlite://PATH` or `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, with every special character of \
     the password percent-encoded (`@` as %40, `:` as %3A, `/` as %2F, `#` as %23, `?` as %3F, `%` as %25)"
)]
pub struct DatabaseUrlError(&'static str);

fn sqlite(path: &str) -> Result<DatabaseUrl, DatabaseUrlError> {
    if path.contains(['?', '#']) {
        return Err(DatabaseUrlError("has parameters, and an SQLite address takes none"));
    }
    let path = percent_decode_str(path).decode_utf8().map_err(|_| DatabaseUrlError("is not UTF-8"))?;
    if path.is_empty() || path.starts_with(':') {
        return Err(DatabaseUrlError("names no file, and accounts in memory would be lost"));
    }
    Ok(DatabaseUrl::sqlite(Path::new(path.as_ref())))
}

/// An unencoded `/`, `?`, `#` or `@` in the password moves the rest of it into another part of the address, whence
/// sqlx would connect elsewhere or log it: each such part is checked first.
fn postgres(text: &str) -> Result<DatabaseUrl, DatabaseUrlError> {
    let url = Url::parse(text).map_err(|_| DatabaseUrlError("is not a well-formed address"))?;
    if url.fragment().is_some() {
        return Err(DatabaseUrlError("has a `#`"));
    }
    if url.path().trim_start_matches('/').contains(['/', '@', ':']) {
        return Err(DatabaseUrlError("has a database name with `/`, `@` or `:`"));
    }
    if url.query_pairs().any(|(name, _)| !is_parameter(&name)) {
        return Err(DatabaseUrlError("has an unknown parameter after the `?`"));
    }
    let options = PgConnectOptions::from_url(&url)
        .map_err(|_| DatabaseUrlError("has a parameter with an impossible value after the `?`"))?;
    Ok(DatabaseUrl(Target::Postgres(Box::new(options))))
}

/// The parameters that sqlx understands. It logs the name and value of any other.
fn is_parameter(name: &str) -> bool {
    const KNOWN: [&str; 17] = [
        "application_name",
        "dbname",
        "host",
        "hostaddr",
        "options",
        "password",
        "port",
        "ssl-ca",
        "ssl-cert",
        "ssl-key",
        "ssl-mode",
        "sslcert",
        "sslkey",
        "sslmode",
        "sslrootcert",
        "statement-cache-capacity",
        "user",
    ];
    KNOWN.contains(&name) || (name.starts_with("options[") && name.ends_with(']'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<DatabaseUrl, DatabaseUrlError> {
        text.parse()
    }

    #[test]
    fn a_password_is_never_printed() {
        let url =
            parse("postgres://ana:s3cr%40t%2F%23@db.example:6543/shop?password=s3cret2&sslmode=require")
                .unwrap();
        assert_eq!(url.to_string(), "postgres://ana@db.example:6543/shop");
        assert_eq!(format!("{url:?}"), "DatabaseUrl(postgres://ana@db.example:6543/shop)");
    }

    #[test]
    fn a_password_that_is_not_encoded_is_refused_and_not_repeated() {
        for text in [
            "postgres://ana:1/hunter@db.example/shop",
            "postgres://ana:hu/nter@db.example/shop",
            "postgres://ana:1?hunter@db.example/shop",
            "postgres://ana:1#hunter@db.example/shop",
            "postgres://ana:hunter2@db.example:port/shop",
            "postgres://ana:hunter2@db.example/shop?sslmode=hunter2",
            "postgres:ana:hunter2@db.example/shop",
            "mysql://ana:hunter2@db.example/shop",
        ] {
            let message = parse(text).unwrap_err().to_string();
            assert!(!message.contains("nter"), "{text}: {message}");
            assert!(message.contains("percent-encoded"), "{message}");
        }
    }

    #[test]
    fn options_reach_the_driver() {
        let url = parse("postgresql://ana@localhost/shop?options=-csearch_path%3Dtest_1").unwrap();
        let Target::Postgres(options) = url.target() else { panic!("not PostgreSQL") };
        assert_eq!(options.get_options(), Some("-csearch_path=test_1"));
    }

    #[test]
    fn sqlite_takes_a_relative_or_absolute_file_only() {
        assert_eq!(parse("sqlite://data/p.db").unwrap().to_string(), "sqlite://data/p.db");
        assert_eq!(parse("sqlite:///srv/a%3Fb.db").unwrap().to_string(), "sqlite:///srv/a?b.db");
        for text in ["sqlite://", "sqlite://:memory:", "sqlite::memory:", "sqlite://p.db?mode=ro"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
