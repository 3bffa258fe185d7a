//! What flags, environment variables and one TOML file may say. A flag beats a variable, a variable the file.

use std::fs::File;
use std::io::{self, Read as _};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use secrecy::{ExposeSecret as _, SecretString};

use super::names::{check_variables, names, nearest};
use super::{Config, ConfigError, PublicUrl, invalid};
use crate::db::{DatabaseConfig, DatabaseUrl};

const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// The settings as they were written, each optional. This struct is the only list of them: the flags, the variables,
/// the keys of the file and the names that a misspelling is compared with come from it.
// No default stands here: clap would give it for a flag that is absent, and so beat the file.
#[derive(Clone, Debug, Default, clap::Args, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
#[command(next_help_heading = "Settings")]
pub struct Settings {
    /// A TOML file with settings: the names below without dashes in front, `_` for `-`
    #[arg(long, env = "PORTCULLIS_CONFIG", global = true, value_name = "FILE", hide_env_values = true)]
    #[serde(skip)]
    pub config: Option<PathBuf>,

    /// Where to listen [default: 127.0.0.1:8000, this computer only]
    #[arg(long, env = "PORTCULLIS_LISTEN", global = true, value_name = "IP:PORT", hide_env_values = true)]
    pub listen: Option<SocketAddr>,

    /// Where the secret key, the SQLite file and the pictures are kept [default: ./portcullis-data]
    #[arg(long, env = "PORTCULLIS_DATA_DIR", global = true, value_name = "DIR", hide_env_values = true)]
    pub data_dir: Option<PathBuf>,

    /// `sqlite://PATH` or `postgres://USER:PASSWORD@HOST:PORT/DATABASE` [default: portcullis.db in the data directory].
    /// Give a password by the variable or the file: other users of the computer can see a flag
    #[arg(long, env = "PORTCULLIS_DATABASE_URL", global = true, value_name = "URL", hide_env_values = true)]
    pub database_url: Option<SecretString>,

    /// How many connections to PostgreSQL to hold at most, 1 to 1000 [default: 10]
    #[arg(
        long,
        env = "PORTCULLIS_DATABASE_CONNECTIONS",
        global = true,
        value_name = "N",
        hide_env_values = true
    )]
    pub database_connections: Option<u32>,

    /// The address that people use, as in `https://login.example`; needed unless only this computer can connect
    #[arg(long, env = "PORTCULLIS_PUBLIC_URL", global = true, value_name = "URL", hide_env_values = true)]
    pub public_url: Option<String>,

    /// The `aud` of access tokens [default: the public URL]
    #[arg(long, env = "PORTCULLIS_AUDIENCE", global = true, value_name = "NAME", hide_env_values = true)]
    pub audience: Option<String>,

    /// How long an access token is good, 30s to 1h [default: 5m]
    #[arg(
        long,
        env = "PORTCULLIS_ACCESS_TOKEN_TTL",
        global = true,
        value_name = "TIME",
        hide_env_values = true
    )]
    pub access_token_ttl: Option<String>,

    /// A file with the secret key [default: secret.key in the data directory, made at the first start]
    #[arg(
        long,
        env = "PORTCULLIS_SECRET_KEY_FILE",
        global = true,
        value_name = "FILE",
        hide_env_values = true
    )]
    pub secret_key_file: Option<PathBuf>,

    /// The fewest characters of a new password, 8 to 64 [default: 12]
    #[arg(
        long,
        env = "PORTCULLIS_PASSWORD_MIN_LENGTH",
        global = true,
        value_name = "N",
        hide_env_values = true
    )]
    pub password_min_length: Option<usize>,

    /// The list of breached passwords, made by `portcullis breaches import` [default: breaches.filter in the data
    /// directory, if there is one]
    #[arg(
        long,
        env = "PORTCULLIS_BREACHES_FILE",
        global = true,
        value_name = "FILE",
        hide_env_values = true
    )]
    pub breaches_file: Option<PathBuf>,

    /// Whether floods and guessing are slowed down [default: on]
    #[arg(long, env = "PORTCULLIS_LIMITS", global = true, value_name = "on|off", hide_env_values = true)]
    #[arg(hide_possible_values = true)]
    pub limits: Option<Switch>,

    /// Proxies whose X-Forwarded-For is believed: addresses or networks, by commas [default: none]
    #[arg(
        long,
        env = "PORTCULLIS_TRUSTED_PROXIES",
        global = true,
        value_name = "IP,…",
        hide_env_values = true
    )]
    #[arg(value_delimiter = ',')]
    pub trusted_proxies: Option<Vec<String>>,

    /// How log lines look [default: text]
    #[arg(
        long,
        env = "PORTCULLIS_LOG_FORMAT",
        global = true,
        value_name = "text|json",
        hide_env_values = true
    )]
    #[arg(hide_possible_values = true)]
    pub log_format: Option<LogFormat>,

    /// Which log lines are written, as in `info,sqlx=warn` [default: info]
    #[arg(long, env = "PORTCULLIS_LOG", global = true, value_name = "FILTER", hide_env_values = true)]
    pub log: Option<String>,
}

/// A setting that is on or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Switch {
    /// On.
    On,
    /// Off.
    Off,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For a person to read.
    Text,
    /// One JSON object on each line.
    Json,
}

impl Settings {
    /// The configuration: these settings, which hold the flags and variables, then the file's, then the defaults.
    ///
    /// # Errors
    /// When a variable `PORTCULLIS_…` or a key of the file is no setting, when the file cannot be read, and when a
    /// value is wrong.
    pub fn load(self) -> Result<Config, ConfigError> {
        check_variables(std::env::vars_os().map(|(name, _)| name))?;
        let file = match &self.config {
            Some(path) => read(path)?,
            None => Self::default(),
        };
        self.or(file).into_config()
    }

    fn or(self, other: Self) -> Self {
        Self {
            config: self.config.or(other.config),
            listen: self.listen.or(other.listen),
            data_dir: self.data_dir.or(other.data_dir),
            database_url: self.database_url.or(other.database_url),
            database_connections: self.database_connections.or(other.database_connections),
            public_url: self.public_url.or(other.public_url),
            audience: self.audience.or(other.audience),
            access_token_ttl: self.access_token_ttl.or(other.access_token_ttl),
            secret_key_file: self.secret_key_file.or(other.secret_key_file),
            password_min_length: self.password_min_length.or(other.password_min_length),
            breaches_file: self.breaches_file.or(other.breaches_file),
            limits: self.limits.or(other.limits),
            trusted_proxies: self.trusted_proxies.or(other.trusted_proxies),
            log_format: self.log_format.or(other.log_format),
            log: self.log.or(other.log),
        }
    }

    fn into_config(self) -> Result<Config, ConfigError> {
        let mut config = Config::new(self.data_dir.unwrap_or_else(|| PathBuf::from("portcullis-data")));
        if let Some(url) = self.database_url {
            let url: DatabaseUrl = url
                .expose_secret()
                .parse()
                .map_err(|problem| invalid("database_url", format!("{problem}")))?;
            config.database = DatabaseConfig::new(url);
        }
        if let Some(url) = self.public_url {
            let url: PublicUrl =
                url.parse().map_err(|problem| invalid("public_url", format!("{problem}")))?;
            config.public_url = Some(url);
        }
        if let Some(time) = self.access_token_ttl {
            config.access_token_ttl = duration(&time)?;
        }
        if let Some(networks) = self.trusted_proxies {
            config.trusted_proxies = networks.iter().map(|text| network(text)).collect::<Result<_, _>>()?;
        }
        config.database.connections = self.database_connections.unwrap_or(config.database.connections);
        config.password_min_length = self.password_min_length.unwrap_or(config.password_min_length);
        config.limits = self.limits.map_or(config.limits, |switch| switch == Switch::On);
        config.listen = self.listen.unwrap_or(config.listen);
        config.log_format = self.log_format.unwrap_or(config.log_format);
        config.log = self.log.unwrap_or(config.log);
        config.audience = self.audience;
        config.secret_key_file = self.secret_key_file;
        config.breaches_file = self.breaches_file;
        config.check()?;
        Ok(config)
    }
}

fn duration(text: &str) -> Result<Duration, ConfigError> {
    humantime::parse_duration(text).map_err(|_| {
        invalid("access_token_ttl", format!("is no time (`{text}`): write for instance `300s` or `5m`"))
    })
}

fn network(text: &str) -> Result<IpNet, ConfigError> {
    let text = text.trim();
    text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).map_err(|_| {
        let problem = format!(
            "holds `{text}`, which is no address or network: write for instance 10.0.0.7 or 10.0.0.0/8"
        );
        invalid("trusted_proxies", problem)
    })
}

fn read(path: &Path) -> Result<Settings, ConfigError> {
    let failed = |cause| ConfigError::Read { file: path.to_owned(), cause };
    let mut text = String::new();
    let length = File::open(path).and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text));
    if length.map_err(failed)? as u64 > MAX_FILE_BYTES {
        return Err(failed(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 1 MiB")));
    }
    parse(&text, path)
}

fn parse(text: &str, path: &Path) -> Result<Settings, ConfigError> {
    // toml's own message shows the line, which may hold a password.
    let failed = |error: toml::de::Error| ConfigError::Parse {
        file: path.to_owned(),
        line: 1 + text
            .bytes()
            .take(error.span().map_or(0, |span| span.start))
            .filter(|byte| *byte == b'\n')
            .count(),
        problem: error.message().to_owned(),
    };
    let table: toml::Table = text.parse().map_err(failed)?;
    let names: Vec<String> = names().map(|name| name.key).filter(|key| key != "config").collect();
    if let Some(key) = table.keys().find(|key| !names.contains(key)) {
        let nearest = nearest(key, names.iter());
        return Err(ConfigError::UnknownKey { key: key.clone(), file: path.to_owned(), nearest });
    }
    toml::from_str(text).map_err(failed)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Flags {
        #[command(flatten)]
        settings: Settings,
    }

    fn flags(flags: &[&str]) -> Settings {
        Flags::try_parse_from(std::iter::once(&"test").chain(flags)).unwrap().settings
    }

    fn file(text: &str) -> Result<Settings, String> {
        parse(text, Path::new("p.toml")).map_err(|error| error.to_string())
    }

    const EVERY_KEY: &str = r#"
        listen = "[::1]:9000"
        data_dir = "/srv/portcullis"
        database_url = "postgres://ana:hunter2@db.example/shop"
        database_connections = 7
        public_url = "https://login.example/"
        audience = "https://api.example"
        access_token_ttl = "90s"
        secret_key_file = "/run/secrets/key"
        password_min_length = 15
        breaches_file = "/srv/breaches"
        limits = "off"
        trusted_proxies = ["10.0.0.7", "fd00::/8"]
        log_format = "json"
        log = "warn"
    "#;

    #[test]
    fn the_file_sets_everything_but_itself() {
        let keys: toml::Table = EVERY_KEY.parse().unwrap();
        assert!(
            names().all(|name| name.key == "config" || keys.contains_key(&name.key)),
            "a key is not tested"
        );
        let config = Settings::default().or(file(EVERY_KEY).unwrap()).into_config().unwrap();
        assert_eq!(config.listen, "[::1]:9000".parse().unwrap());
        assert_eq!(config.data_dir, Path::new("/srv/portcullis"));
        assert_eq!(config.database.url.to_string(), "postgres://ana@db.example:5432/shop");
        assert_eq!(config.database.connections, 7);
        assert_eq!(config.public_url().as_str(), "https://login.example");
        assert_eq!(config.audience(), "https://api.example");
        assert_eq!(config.access_token_ttl, Duration::from_secs(90));
        assert_eq!(config.secret_key_file.as_deref(), Some(Path::new("/run/secrets/key")));
        assert_eq!(config.password_min_length, 15);
        assert_eq!(config.breaches_file.as_deref(), Some(Path::new("/srv/breaches")));
        assert!(!config.limits);
        assert_eq!(config.trusted_proxies, ["10.0.0.7/32".parse().unwrap(), "fd00::/8".parse().unwrap()]);
        assert_eq!((config.log_format, config.log.as_str()), (LogFormat::Json, "warn"));
        assert!(file("config = 'other.toml'").unwrap_err().contains("no setting"));
    }

    #[test]
    fn a_flag_beats_the_file_and_the_file_a_default() {
        let flags = flags(&[
            "--listen",
            "127.0.0.1:1",
            "--limits",
            "on",
            "--trusted-proxies",
            "10.1.1.1,10.2.0.0/16",
        ]);
        let config = flags.or(file(EVERY_KEY).unwrap()).into_config().unwrap();
        assert_eq!(config.listen, "127.0.0.1:1".parse().unwrap());
        assert!(config.limits);
        assert_eq!(config.trusted_proxies, ["10.1.1.1/32".parse().unwrap(), "10.2.0.0/16".parse().unwrap()]);
        assert_eq!(config.password_min_length, 15);
        let config = Settings::default().into_config().unwrap();
        assert_eq!(config.database.url.to_string(), "sqlite://portcullis-data/portcullis.db");
        assert_eq!(config.password_min_length, 12);
    }

    #[test]
    fn a_misspelt_key_is_refused_with_the_nearest_name() {
        assert!(file("lisen = '127.0.0.1:1'").unwrap_err().contains("Did you mean listen?"));
        assert!(file("trusted-proxies = []").unwrap_err().contains("Did you mean trusted_proxies?"));
        assert!(!file("zzz = 1").unwrap_err().contains("Did you mean"));
    }

    #[test]
    fn a_mistake_in_the_file_names_its_line_and_no_password() {
        let unclosed =
            "listen = '127.0.0.1:1'\ndatabase_url = \"postgres://ana:hunter2@db.example/shop\nlog = 1";
        for (text, line) in
            [(unclosed, "line 2"), ("\n\nlisten = 'here'", "line 3"), ("limits = true", "line 1")]
        {
            let message = file(text).unwrap_err();
            assert!(message.contains(line) && !message.contains("hunter2"), "{message}");
        }
    }

    #[test]
    fn wrong_values_are_refused_without_a_password() {
        for text in [
            "database_url = 'postgres://ana:hunter2@db.example:port/shop'",
            "database_url = 'mysql://ana:hunter2@db.example/shop'",
            "public_url = 'https://ana:hunter2@login.example'",
            "access_token_ttl = 'soon'",
            "access_token_ttl = '2h'",
            "trusted_proxies = ['proxy.example']",
            "trusted_proxies = ['0.0.0.0/0']",
            "listen = '0.0.0.0:8000'",
        ] {
            let error = file(text).unwrap().into_config().unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
        assert!(!format!("{:?}", file(EVERY_KEY).unwrap()).contains("hunter2"));
        assert!(!format!("{:?}", file(EVERY_KEY).unwrap().into_config().unwrap()).contains("hunter2"));
    }
}
