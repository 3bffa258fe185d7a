//! The URL of a database, parsed once and printed without its password.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use tokio_postgres::Config;
use tokio_postgres::config::{
    ChannelBinding, Host, LoadBalanceHosts, SslMode, SslNegotiation, TargetSessionAttrs,
};

use super::tls::{Checked, Roots};

/// The database of the accounts: an SQLite file or a PostgreSQL database. Never prints a password.
///
/// Parsed from `sqlite://PATH` or `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, with special characters
/// percent-encoded. Several hosts, `HOST:PORT,HOST:PORT`, are possible: the first that accepts writes is used. The
/// usual parameters of libpq follow a `?`. What the URL leaves out comes from the usual `PG…` variables.
/// `pgbouncer=true` is for a pooler that assigns connections per transaction.
#[derive(Clone)]
pub struct DatabaseUrl(Target);

#[derive(Clone)]
pub(super) enum Target {
    Sqlite(PathBuf),
    Postgres(Box<PostgresTarget>),
}

/// A PostgreSQL database, and how to connect to it.
#[derive(Clone)]
pub(super) struct PostgresTarget {
    pub(super) config: Config,
    pub(super) checked: Checked,
    pub(super) roots: Roots,
    /// Our certificate and its key.
    pub(super) client: Option<(PathBuf, PathBuf)>,
    /// Whether a pooler assigns connections per transaction.
    pub(super) is_pooler: bool,
}

impl DatabaseUrl {
    /// An SQLite file. It is created if it does not exist; its directory must exist.
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
            Some(("postgres" | "postgresql", rest)) => postgres(rest),
            _ => Err(says("starts neither with `sqlite://` nor with `postgres://`")),
        }
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let config = match &self.0 {
            Target::Sqlite(path) => return write!(f, "sqlite://{}", path.display()),
            Target::Postgres(target) => &target.config,
        };
        write!(f, "postgres://{}@", config.get_user().unwrap_or_default())?;
        let ports = config.get_ports();
        for (at, host) in config.get_hosts().iter().enumerate() {
            let port = ports.get(at).or(ports.first()).unwrap_or(&5432);
            let comma = if at == 0 { "" } else { "," };
            match host {
                Host::Tcp(name) if name.contains(':') => write!(f, "{comma}[{name}]:{port}")?,
                Host::Tcp(name) => write!(f, "{comma}{name}:{port}")?,
                Host::Unix(folder) => write!(f, "{comma}{}:{port}", folder.display())?,
            }
        }
        write!(f, "/{}", config.get_dbname().unwrap_or_default())
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

/// Text that is not the URL of a database. The message never repeats the text, which may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{said}{parameter}; write `sqlite://PATH` or `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, with every special \
     character of the password percent-encoded (`@` as %40, `:` as %3A, `/` as %2F, `#` as %23, `?` as %3F, `%` as %25)"
)]
pub struct DatabaseUrlError {
    said: &'static str,
    /// A name from our own list.
    parameter: &'static str,
}

fn says(said: &'static str) -> DatabaseUrlError {
    DatabaseUrlError { said, parameter: "" }
}

fn sqlite(path: &str) -> Result<DatabaseUrl, DatabaseUrlError> {
    if path.contains(['?', '#']) {
        return Err(says("has parameters, and an SQLite address takes none"));
    }
    let path = decoded(path)?;
    if path.is_empty() || path.starts_with(':') {
        return Err(says("names no file, and accounts in memory would be lost"));
    }
    Ok(DatabaseUrl::sqlite(Path::new(&path)))
}

fn decoded(text: &str) -> Result<String, DatabaseUrlError> {
    let text = percent_decode_str(text).decode_utf8().map_err(|_| says("is not UTF-8"))?;
    if text.contains('\0') { Err(says("has a NUL character")) } else { Ok(text.into_owned()) }
}

/// An unencoded `/`, `?`, `#` or `@` in the password moves the rest of it into another part of the URL, which is logged
/// or connected to. So each such part is checked.
fn postgres(rest: &str) -> Result<DatabaseUrl, DatabaseUrlError> {
    if rest.contains(['#', ' ']) {
        return Err(says("has a `#` or a space"));
    }
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
    let mut given = Given::of_environment();
    if let Some((user, hosts)) = authority.rsplit_once('@') {
        let (user, password) =
            user.split_once(':').map_or((user, None), |(user, password)| (user, Some(password)));
        if user.contains('@') || password.is_some_and(|password| password.contains([':', '@'])) {
            return Err(says("has an unencoded `@` or `:` in the user's name or password"));
        }
        given.set("user", decoded(user)?);
        if let Some(password) = password {
            given.set("password", decoded(password)?);
        }
        given.set_hosts(hosts)?;
    } else {
        given.set_hosts(authority)?;
    }
    if database.contains(['/', '@', ':']) {
        return Err(says("has a database name with `/`, `@` or `:`"));
    }
    given.set("dbname", decoded(database)?);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) =
            pair.split_once('=').ok_or(says("has a parameter without a value after the `?`"))?;
        given.set_parameter(&decoded(name)?, decoded(value)?)?;
    }
    given.target().map(|target| DatabaseUrl(Target::Postgres(Box::new(target))))
}

/// The parameters, by their names in libpq (<https://www.postgresql.org/docs/current/libpq-connect.html>), and the
/// environment variables that stand in for them.
const PARAMETERS: [(&str, &str); 25] = [
    ("host", "PGHOST"),
    ("hostaddr", "PGHOSTADDR"),
    ("port", "PGPORT"),
    ("user", "PGUSER"),
    ("password", "PGPASSWORD"),
    ("dbname", "PGDATABASE"),
    ("application_name", "PGAPPNAME"),
    ("fallback_application_name", ""),
    ("options", "PGOPTIONS"),
    ("client_encoding", "PGCLIENTENCODING"),
    ("connect_timeout", "PGCONNECT_TIMEOUT"),
    ("tcp_user_timeout", ""),
    ("keepalives", ""),
    ("keepalives_idle", ""),
    ("keepalives_interval", ""),
    ("keepalives_count", ""),
    ("target_session_attrs", "PGTARGETSESSIONATTRS"),
    ("load_balance_hosts", "PGLOADBALANCEHOSTS"),
    ("channel_binding", "PGCHANNELBINDING"),
    ("sslmode", "PGSSLMODE"),
    ("sslnegotiation", "PGSSLNEGOTIATION"),
    ("sslrootcert", "PGSSLROOTCERT"),
    ("sslcert", "PGSSLCERT"),
    ("sslkey", "PGSSLKEY"),
    ("pgbouncer", ""),
];

/// Parameters of libpq that are not supported. The error names them, so that nobody has to guess.
const UNSUPPORTED: [&str; 20] = [
    "gssdelegation",
    "gssencmode",
    "gsslib",
    "krbsrvname",
    "max_protocol_version",
    "min_protocol_version",
    "passfile",
    "replication",
    "require_auth",
    "requirepeer",
    "requiressl",
    "service",
    "ssl_max_protocol_version",
    "ssl_min_protocol_version",
    "sslcertmode",
    "sslcompression",
    "sslcrl",
    "sslcrldir",
    "sslpassword",
    "sslsni",
];

#[derive(Default)]
struct Given(Vec<(&'static str, String)>);

impl Given {
    #[expect(clippy::disallowed_methods, reason = "these variables are libpq's, not settings of ours")]
    fn of_environment() -> Self {
        let set = |(name, variable): (&'static str, &str)| {
            let value = std::env::var(variable).ok().filter(|value| !value.is_empty())?;
            Some((name, value))
        };
        Self(PARAMETERS.into_iter().filter(|(_, variable)| !variable.is_empty()).filter_map(set).collect())
    }

    /// The last value wins. An empty value counts as left out.
    fn set(&mut self, name: &'static str, value: String) {
        if !value.is_empty() {
            self.0.retain(|(known, _)| *known != name);
            self.0.push((name, value));
        }
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    fn set_parameter(&mut self, name: &str, value: String) -> Result<(), DatabaseUrlError> {
        if let Some(setting) = name.strip_prefix("options[").and_then(|name| name.strip_suffix(']')) {
            let before = self.get("options").map(|options| format!("{options} ")).unwrap_or_default();
            self.set("options", format!("{before}-c {setting}={value}"));
            return Ok(());
        }
        if let Some((name, _)) = PARAMETERS.iter().find(|(known, _)| *known == name) {
            self.set(name, value);
            return Ok(());
        }
        let parameter = UNSUPPORTED.iter().find(|known| **known == name);
        Err(parameter.map_or(says("has an unknown parameter after the `?`"), |parameter| DatabaseUrlError {
            said: "has a parameter of libpq that is not supported; leave it out: ",
            parameter,
        }))
    }

    /// Parses `HOST:PORT,HOST:PORT`. The directory of a Unix socket is percent-encoded.
    fn set_hosts(&mut self, text: &str) -> Result<(), DatabaseUrlError> {
        let (mut hosts, mut ports) = (Vec::new(), Vec::new());
        for place in text.split(',') {
            let (host, port) = match place.strip_prefix('[').map(|v6| v6.split_once(']')) {
                Some(Some((v6, port))) => (v6, port.strip_prefix(':').unwrap_or(port)),
                Some(None) => {
                    return Err(says("has an address that begins with `[` and does not end with `]`"));
                }
                None => place.split_once(':').unwrap_or((place, "")),
            };
            if port.contains(|c: char| !c.is_ascii_digit()) {
                return Err(says("has a port that is not a number"));
            }
            hosts.push(decoded(host)?);
            ports.push(port);
        }
        self.set("host", if hosts.iter().all(String::is_empty) { String::new() } else { hosts.join(",") });
        let ports = if ports.iter().all(|port| port.is_empty()) { String::new() } else { ports.join(",") };
        self.set("port", ports);
        Ok(())
    }

    fn target(&self) -> Result<PostgresTarget, DatabaseUrlError> {
        let mut config = Config::new();
        self.place(&mut config)?;
        self.times(&mut config)?;
        if let Some(user) = self.get("user") {
            config.user(user);
        }
        if let Some(password) = self.get("password") {
            config.password(password);
        }
        if let Some(database) = self.get("dbname") {
            config.dbname(database);
        }
        if let Some(options) = self.get("options") {
            config.options(options);
        }
        if self.get("client_encoding").is_some_and(|name| !matches!(name, "utf8" | "UTF8" | "UTF-8" | "auto"))
        {
            return Err(impossible("client_encoding"));
        }
        let name = self.get("application_name").or(self.get("fallback_application_name"));
        config.application_name(name.unwrap_or("portcullis"));
        // By default, a server that does not accept writes is rejected, even if the URL or a load balancer leads to it.
        config.target_session_attrs(match self.get("target_session_attrs") {
            None | Some("read-write" | "primary") => TargetSessionAttrs::ReadWrite,
            Some("any") => TargetSessionAttrs::Any,
            Some(_) => return Err(impossible("target_session_attrs")),
        });
        let (checked, roots) = self.tls(&mut config)?;
        let client = match (self.get("sslcert"), self.get("sslkey")) {
            (Some(certificate), Some(key)) => Some((certificate.into(), key.into())),
            (None, None) => None,
            _ => return Err(says("has only one of `sslcert` and `sslkey`; set both")),
        };
        let is_pooler = match self.get("pgbouncer") {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => return Err(impossible("pgbouncer")),
        };
        Ok(PostgresTarget { config, checked, roots, client, is_pooler })
    }

    fn place(&self, config: &mut Config) -> Result<(), DatabaseUrlError> {
        for host in self.get("host").unwrap_or("localhost").split(',') {
            config.host(if host.is_empty() { "localhost" } else { host });
        }
        for address in self.get("hostaddr").iter().flat_map(|all| all.split(',')) {
            config.hostaddr(address.parse().map_err(|_| impossible("hostaddr"))?);
        }
        for port in self.get("port").iter().flat_map(|all| all.split(',')) {
            let port = if port.is_empty() { "5432" } else { port };
            config.port(port.parse().map_err(|_| impossible("port"))?);
        }
        let (hosts, ports) = (config.get_hosts().len(), config.get_ports().len());
        if ports > 1 && ports != hosts {
            return Err(impossible("port"));
        }
        if let Some(balance) = self.get("load_balance_hosts") {
            config.load_balance_hosts(match balance {
                "disable" => LoadBalanceHosts::Disable,
                "random" => LoadBalanceHosts::Random,
                _ => return Err(impossible("load_balance_hosts")),
            });
        }
        Ok(())
    }

    fn seconds(&self, name: &'static str, default: u64) -> Result<Duration, DatabaseUrlError> {
        self.get(name).map_or(Ok(default), str::parse).map(Duration::from_secs).map_err(|_| impossible(name))
    }

    /// A peer that silently disappears is noticed within a minute.
    fn times(&self, config: &mut Config) -> Result<(), DatabaseUrlError> {
        config.connect_timeout(self.seconds("connect_timeout", 5)?);
        config.keepalives(self.get("keepalives") != Some("0"));
        config.keepalives_idle(self.seconds("keepalives_idle", 30)?);
        config.keepalives_interval(self.seconds("keepalives_interval", 10)?);
        let count = self.get("keepalives_count").map_or(Ok(3), str::parse);
        config.keepalives_retries(count.map_err(|_| impossible("keepalives_count"))?);
        let milliseconds = self.get("tcp_user_timeout").map_or(Ok(15_000), str::parse);
        let milliseconds = milliseconds.map_err(|_| impossible("tcp_user_timeout"))?;
        config.tcp_user_timeout(Duration::from_millis(milliseconds));
        Ok(())
    }

    fn tls(&self, config: &mut Config) -> Result<(Checked, Roots), DatabaseUrlError> {
        let roots = match self.get("sslrootcert") {
            None | Some("system") => Roots::System,
            Some(path) => Roots::File(path.into()),
        };
        let (mode, checked) = match self.get("sslmode") {
            Some("disable") => (SslMode::Disable, Checked::Nothing),
            None | Some("allow" | "prefer") => (SslMode::Prefer, Checked::Nothing),
            // libpq verifies the chain if a root is given, for compatibility with older versions.
            Some("require") if matches!(roots, Roots::File(_)) => (SslMode::Require, Checked::Chain),
            Some("require") => (SslMode::Require, Checked::Nothing),
            Some("verify-ca") => (SslMode::Require, Checked::Chain),
            Some("verify-full") => (SslMode::Require, Checked::ChainAndName),
            Some(_) => return Err(impossible("sslmode")),
        };
        config.ssl_mode(mode);
        config.ssl_negotiation(match self.get("sslnegotiation") {
            None | Some("postgres") => SslNegotiation::Postgres,
            Some("direct") => SslNegotiation::Direct,
            Some(_) => return Err(impossible("sslnegotiation")),
        });
        config.channel_binding(match self.get("channel_binding") {
            Some("disable") => ChannelBinding::Disable,
            None | Some("prefer") => ChannelBinding::Prefer,
            Some("require") => ChannelBinding::Require,
            Some(_) => return Err(impossible("channel_binding")),
        });
        Ok((checked, roots))
    }
}

fn impossible(parameter: &'static str) -> DatabaseUrlError {
    DatabaseUrlError { said: "has an impossible value for ", parameter }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<DatabaseUrl, DatabaseUrlError> {
        text.parse()
    }

    fn target(text: &str) -> PostgresTarget {
        let Target::Postgres(target) = parse(text).unwrap().0 else { panic!("not PostgreSQL") };
        *target
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
            "postgres://ana:hun@ter@db.example/shop",
            "postgres://ana:hun:ter@db.example/shop",
            "postgres://ana:hunter2@db.example:port/shop",
            "postgres://ana:hunter2@db.example/shop?sslmode=hunter2",
            "postgres://ana:hunter2@db.example/shop?hunter2=1",
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
        let options = |text| target(text).config.get_options().map(str::to_owned);
        let schema = options("postgresql://ana@localhost/shop?options=-csearch_path%3Dtest_1");
        assert_eq!(schema.as_deref(), Some("-csearch_path=test_1"));
        let both = options("postgres://ana@localhost/shop?options[search_path]=a&options%5Bwork_mem%5D=8MB");
        assert_eq!(both.as_deref(), Some("-c search_path=a -c work_mem=8MB"));
    }

    #[test]
    fn several_hosts_sockets_and_addresses() {
        for (text, printed) in [
            ("postgres://ana@a,b:6000/shop", "postgres://ana@a:5432,b:6000/shop"),
            ("postgres://ana@[::1]:6000/shop", "postgres://ana@[::1]:6000/shop"),
            ("postgres://ana@%2Frun%2Fpostgresql/shop", "postgres://ana@/run/postgresql:5432/shop"),
            ("postgres://ana@/shop?host=/run/postgresql", "postgres://ana@/run/postgresql:5432/shop"),
        ] {
            assert_eq!(parse(text).unwrap().to_string(), printed, "{text}");
        }
    }

    /// Formats that the consoles of hosting providers show.
    #[test]
    fn a_hosted_databases_address_is_understood() {
        let neon = target(
            "postgresql://ana:pw@ep-cool.eu-central-1.aws.neon.tech/neondb?sslmode=require&channel_binding=require",
        );
        assert_eq!(neon.config.get_channel_binding(), ChannelBinding::Require);
        assert_eq!((neon.config.get_ssl_mode(), neon.checked), (SslMode::Require, Checked::Nothing));
        let supabase = target(
            "postgres://postgres.ref:pw@aws-0-eu.pooler.supabase.com:6543/postgres?pgbouncer=true&connect_timeout=10",
        );
        assert!(supabase.is_pooler);
        let rds =
            target("postgres://ana:pw@db.rds.example/shop?sslmode=verify-full&sslrootcert=/etc/rds.pem");
        assert_eq!((rds.checked, rds.roots), (Checked::ChainAndName, Roots::File("/etc/rds.pem".into())));
        let azure =
            target("postgres://ana%40srv:pw@srv.example:5432/shop?sslmode=require&sslrootcert=/ca.pem");
        assert_eq!(azure.checked, Checked::Chain);
        assert_eq!(azure.config.get_target_session_attrs(), TargetSessionAttrs::ReadWrite);
        let message = parse("postgres://ana@db.example/shop?gssencmode=disable").unwrap_err().to_string();
        assert!(message.contains("leave it out: gssencmode"), "{message}");
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
