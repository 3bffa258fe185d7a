//! The configuration: what the server is told before it starts, checked as a whole.

mod brand;
mod listen;
mod names;
mod origin;
mod public_url;
mod settings;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

pub use self::brand::{Brand, Color, ColorError};
pub use self::listen::{Listen, ListenError};
pub(crate) use self::names::service_links;
pub use self::origin::{Origin, OriginError};
pub use self::public_url::{PublicUrl, PublicUrlError};
pub use self::settings::{LogFormat, RefreshTokens, SecondFactor, Settings, SignUp, Switch};
use crate::db::{DatabaseConfig, DatabaseUrl};
use crate::mail::MailConfig;
use crate::passwords::{BreachCheck, HashParameters, breaches};

const TOKEN_TTL_SECS: std::ops::RangeInclusive<u64> = 30..=3600;
const DAY: Duration = Duration::from_hours(24);
const SESSION_TTL: std::ops::RangeInclusive<Duration> = Duration::from_hours(1)..=DAY.saturating_mul(400);
const SESSION_IDLE_TTL: std::ops::RangeInclusive<Duration> = Duration::from_mins(5)..=DAY.saturating_mul(400);
const DELETION_GRACE: std::ops::RangeInclusive<Duration> = Duration::ZERO..=DAY.saturating_mul(90);
const PASSWORD_LENGTH: std::ops::RangeInclusive<usize> = 8..=64;
const AUDIT_TTL: std::ops::RangeInclusive<Duration> = DAY..=DAY.saturating_mul(3650);
const PICTURE_STORAGE: std::ops::RangeInclusive<u64> = 16 << 20..=1 << 50;
const ALLOWED_ORIGINS: usize = 100;
const CONNECTIONS: std::ops::RangeInclusive<u32> = 2..=1000;
const CONNECTIONS_PER_ADDRESS: std::ops::RangeInclusive<u32> = 1..=65_536;
const STOP_DELAY: std::ops::RangeInclusive<Duration> = Duration::ZERO..=Duration::from_mins(1);

/// How the server runs. The program reads it from its [`Settings`]; an application that mounts the server writes it:
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut config = portcullis_server::config::Config::new("portcullis-data");
/// config.public_url = Some("https://shop.example/auth".parse()?);
/// config.check()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own, on or off")]
#[non_exhaustive]
pub struct Config {
    /// Where the program listens: by default port 8000 of this computer, closed to others.
    pub listen: Listen,
    /// Where the secret key, the SQLite file and the pictures lie.
    pub data_dir: PathBuf,
    /// The database: by default the SQLite file `portcullis.db` in the data directory.
    pub database: DatabaseConfig,
    /// The public address, or `None` to take `http://` and [`listen`](Self::listen), which serves this computer only.
    pub public_url: Option<PublicUrl>,
    /// The `aud` of access tokens (RFC 9068 §2.2), or `None` to take the public address.
    pub audience: Option<String>,
    /// How long an access token is good: 30 seconds to one hour, five minutes by default.
    pub access_token_ttl: Duration,
    /// When a log-in also answers a refresh token: by default when the scope `offline_access` is asked for.
    pub refresh_tokens: RefreshTokens,
    /// How long a session that renews itself (by a refresh token or a cookie) lives at most: one hour to 400 days,
    /// 90 days by default.
    pub session_ttl: Duration,
    /// How long it lives without being used: five minutes to 400 days, 14 days by default.
    pub session_idle_ttl: Duration,
    /// Who may sign up. By default everybody.
    pub sign_up: SignUp,
    /// Whether one must confirm the e-mail address before the first log-in. Off by default, and on whatever stands
    /// here where sign-up is quiet.
    pub require_verified_email: bool,
    /// Whether a link or a code that is mailed logs in. Off by default.
    pub log_in_by_mail: bool,
    /// Which accounts need a second factor. None by default.
    pub second_factor: SecondFactor,
    /// How long an account that its owner deletes can be called back: none by default, at most 90 days.
    pub deletion_grace: Duration,
    /// How mail is sent, and by whom. By default it is put into the folder `mail` of the data directory.
    pub mail: MailConfig,
    /// Whether webhooks may call this computer and private networks. Off by default.
    pub webhook_private_targets: bool,
    /// What pages and mails look like.
    pub brand: Brand,
    /// A file with the secret key, or `None` to keep it in the data directory.
    pub secret_key_file: Option<PathBuf>,
    /// The fewest characters of a new password: 8 to 64, 12 by default.
    pub password_min_length: usize,
    /// The list of breached passwords that `portcullis breaches import` made, or `None` to take `breaches.filter` in
    /// the data directory where there is one. A file that is named has to be there.
    pub breaches_file: Option<PathBuf>,
    /// Where else new passwords are looked up as known from a breach. By default nowhere.
    pub breach_check: Option<BreachCheck>,
    /// What a password hash costs. By default the least that is allowed: 19 MiB and two passes of Argon2id. Raised,
    /// each account's hash follows at its next log-in.
    pub hash_parameters: HashParameters,
    /// Whether floods and guessing are slowed down. On; turn it off only to measure.
    pub limits: bool,
    /// The proxies whose `X-Forwarded-For` is believed. By default none.
    pub trusted_proxies: Vec<IpNet>,
    /// How many connections the program takes at once from one address (IPv6: one /64) that is not a trusted proxy: 256
    /// by default. There is no limit while [`limits`](Self::limits) is off.
    pub connections_per_address: u32,
    /// How long the program still serves after it was told to stop, while `/ready` answers 503: not at all by default,
    /// at most one minute.
    pub stop_delay: Duration,
    /// The origins whose pages may call the interface with tokens (CORS), at most 100. By default none.
    pub allowed_origins: Vec<Origin>,
    /// Bytes that all stored pictures together may have: 16 MiB to 1 PiB, 10 GiB by default.
    pub picture_storage: u64,
    /// How long rows of the audit trail are kept: one day to ten years, a year by default.
    pub audit_ttl: Duration,
    /// How log lines look.
    pub log_format: LogFormat,
    /// Which log lines are written: a filter of `tracing`, as in `info,portcullis_server::mail=debug`.
    pub log: String,
}

impl Config {
    /// The defaults, with everything kept in `data_dir`.
    #[must_use]
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        let data_dir = data_dir.into();
        Self {
            listen: Listen::Tcp(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8000)),
            database: DatabaseConfig::new(DatabaseUrl::sqlite(data_dir.join("portcullis.db"))),
            mail: MailConfig::in_folder(data_dir.join("mail")),
            data_dir,
            public_url: None,
            audience: None,
            access_token_ttl: Duration::from_mins(5),
            refresh_tokens: RefreshTokens::OnRequest,
            session_ttl: 90 * DAY,
            session_idle_ttl: 14 * DAY,
            sign_up: SignUp::Open,
            require_verified_email: false,
            log_in_by_mail: false,
            second_factor: SecondFactor::Optional,
            deletion_grace: Duration::ZERO,
            webhook_private_targets: false,
            brand: Brand::default(),
            secret_key_file: None,
            password_min_length: 12,
            breaches_file: None,
            breach_check: None,
            hash_parameters: HashParameters::default(),
            limits: true,
            trusted_proxies: Vec::new(),
            connections_per_address: 256,
            stop_delay: Duration::ZERO,
            allowed_origins: Vec::new(),
            picture_storage: 10 << 30,
            audit_ttl: 365 * DAY,
            log_format: LogFormat::Text,
            log: "info".to_owned(),
        }
    }

    /// Whether one must confirm the address before the first log-in. Where sign-up is quiet always: else the log-in
    /// after it would tell whether the address was free.
    pub(crate) fn requires_verified_email(&self) -> bool {
        self.require_verified_email || self.sign_up == SignUp::Quiet
    }

    /// The same, listening on the port that the system chose where port 0 was asked for; a public address that is
    /// not set follows.
    #[must_use]
    pub fn with_bound(mut self, address: SocketAddr) -> Self {
        self.listen = Listen::Tcp(address);
        self
    }

    /// The public address: the one that is set, or `http://` and where the server listens.
    #[must_use]
    pub fn public_url(&self) -> PublicUrl {
        self.public_url.clone().unwrap_or_else(|| match self.listen {
            Listen::Tcp(address) => PublicUrl::of_listener(address),
            // `check` demands a public address then.
            Listen::Unix(_) => PublicUrl::of_listener(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 80)),
        })
    }

    /// The origins of our own pages: the public address's, or where the server listens, which this computer also calls
    /// `localhost`.
    pub(crate) fn own_origins(&self) -> Vec<String> {
        let url = self.public_url();
        let mut origins = vec![url.origin().to_owned()];
        if self.public_url.is_none() {
            origins.push(url.origin().replacen(url.host(), "localhost", 1));
        }
        origins
    }

    /// Where the list of breached passwords lies, if there is one.
    pub(crate) fn breaches_file(&self) -> PathBuf {
        self.breaches_file.clone().unwrap_or_else(|| self.data_dir.join(breaches::FILE_NAME))
    }

    /// The SQLite file, unless PostgreSQL is used.
    pub(crate) fn sqlite_file(&self) -> Option<PathBuf> {
        self.database.url.to_string().strip_prefix("sqlite://").map(PathBuf::from)
    }

    /// The `aud` of access tokens.
    #[must_use]
    pub fn audience(&self) -> String {
        self.audience.clone().unwrap_or_else(|| self.public_url().as_str().to_owned())
    }

    /// Refuses what is out of bounds or unsafe. The program has done so; an application that mounts the server
    /// leaves it to the server, which asks again when it opens.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`], naming the first setting that is wrong.
    #[expect(clippy::too_many_lines, reason = "a line or two for each setting")]
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.public_url.is_none() && !self.listen.is_loopback() {
            return Err(invalid(
                "public_url",
                "is not set, and the server is reached by more than an address of this computer: links in mails and the issuer of \
                 tokens would be guesses. Set it to the address that people use, as in https://login.example",
            ));
        }
        if !TOKEN_TTL_SECS.contains(&self.access_token_ttl.as_secs())
            || self.access_token_ttl.subsec_nanos() != 0
        {
            return Err(invalid("access_token_ttl", "must be whole seconds, from 30s to 1h"));
        }
        if !SESSION_TTL.contains(&self.session_ttl) {
            return Err(invalid("session_ttl", "must lie between 1h and 400d"));
        }
        if !SESSION_IDLE_TTL.contains(&self.session_idle_ttl) {
            return Err(invalid("session_idle_ttl", "must lie between 5m and 400d"));
        }
        if !DELETION_GRACE.contains(&self.deletion_grace) {
            return Err(invalid("deletion_grace", "must lie between 0s and 90d"));
        }
        self.brand.check().map_err(|problem| invalid("brand_name", problem))?;
        if !PASSWORD_LENGTH.contains(&self.password_min_length) {
            return Err(invalid("password_min_length", "must lie between 8 and 64"));
        }
        if !CONNECTIONS.contains(&self.database.connections) {
            return Err(invalid("database_connections", "must lie between 2 and 1000"));
        }
        if !CONNECTIONS_PER_ADDRESS.contains(&self.connections_per_address) {
            return Err(invalid("connections_per_address", "must lie between 1 and 65536"));
        }
        if !STOP_DELAY.contains(&self.stop_delay) {
            return Err(invalid("stop_delay", "must lie between 0s and 60s"));
        }
        if !AUDIT_TTL.contains(&self.audit_ttl) {
            return Err(invalid("audit_ttl", "must lie between 1d and 3650d"));
        }
        if !PICTURE_STORAGE.contains(&self.picture_storage) {
            return Err(invalid("picture_storage", "must lie between 16MiB and 1024TiB"));
        }
        if self.allowed_origins.len() > ALLOWED_ORIGINS {
            return Err(invalid("allowed_origins", "has more than 100 origins"));
        }
        if self.trusted_proxies.iter().any(|network| network.prefix_len() == 0) {
            return Err(invalid(
                "trusted_proxies",
                "trusts every address, so that anyone could choose the address that limits count: name the proxies",
            ));
        }
        let is_name =
            |text: &String| (1..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        if !self.audience.as_ref().is_none_or(is_name) {
            return Err(invalid("audience", "must be 1 to 255 visible ASCII characters, best a URL"));
        }
        if let Err(error) = tracing_subscriber::EnvFilter::try_new(&self.log) {
            return Err(invalid(
                "log",
                format!(
                    "is no filter ({error}); write for instance `info` or `info,portcullis_server::mail=debug`"
                ),
            ));
        }
        Ok(())
    }
}

/// Why the configuration cannot be used, and what to do. Never repeats a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A value is wrong, or two do not go together.
    #[error("the setting `{name}` (flag --{flag}, variable PORTCULLIS_{variable}, or `{name}` in the configuration file) {problem}", flag = name.replace('_', "-"), variable = name.to_uppercase())]
    Invalid {
        /// The setting, as the configuration file spells it.
        name: &'static str,
        /// What is wrong, to follow the setting's name.
        problem: String,
    },
    /// An environment variable looks like a setting and is none.
    #[error("unknown setting in the environment: {name}.{hint} Unset it: a misspelt setting would silently not apply", hint = hint(nearest.as_deref()))]
    UnknownVariable {
        /// The variable.
        name: String,
        /// The setting it resembles.
        nearest: Option<String>,
    },
    /// A key of the configuration file is no setting.
    #[error("the key `{key}` in {file} is no setting.{hint} `portcullis --help` lists the settings", file = file.display(), hint = hint(nearest.as_deref()))]
    UnknownKey {
        /// The key.
        key: String,
        /// The configuration file.
        file: PathBuf,
        /// The setting it resembles.
        nearest: Option<String>,
    },
    /// The configuration file cannot be read.
    #[error("cannot read the configuration file {file}: {cause}. Correct --config or PORTCULLIS_CONFIG, or the file's permissions", file = file.display())]
    Read {
        /// The configuration file.
        file: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// The configuration file is not TOML, or a value has the wrong type.
    #[error("{file}, line {line}: {problem}", file = file.display())]
    Parse {
        /// The configuration file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong there.
        problem: String,
    },
}

fn invalid(name: &'static str, problem: impl Into<String>) -> ConfigError {
    ConfigError::Invalid { name, problem: problem.into() }
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map(|name| format!(" Did you mean {name}?")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_derived_address_follows_the_bound_port() {
        let config = Config::new("data").with_bound("127.0.0.1:4711".parse().unwrap());
        assert_eq!(config.public_url().as_str(), "http://127.0.0.1:4711");
        assert_eq!(config.audience(), "http://127.0.0.1:4711");
        assert_eq!(config.own_origins(), ["http://127.0.0.1:4711", "http://localhost:4711"]);
        let config = Config::new("data").with_bound("[::1]:80".parse().unwrap());
        assert_eq!(config.public_url().as_str(), "http://[::1]");
        assert_eq!(config.own_origins(), ["http://[::1]", "http://localhost"]);
    }

    #[test]
    fn a_server_for_others_needs_its_address() {
        let mut config = Config::new("data").with_bound("0.0.0.0:8000".parse().unwrap());
        let message = config.check().unwrap_err().to_string();
        assert!(message.contains("PORTCULLIS_PUBLIC_URL") && message.contains("--public-url"), "{message}");
        config.public_url = Some("https://login.example".parse().unwrap());
        config.check().unwrap();
        assert_eq!(config.audience(), "https://login.example");
        assert_eq!(config.own_origins(), ["https://login.example"]);
    }

    #[test]
    fn bounds_hold() {
        let check = |change: fn(&mut Config)| {
            let mut config = Config::new("data");
            change(&mut config);
            config.check().map_err(|error| error.to_string())
        };
        check(|_| ()).unwrap();
        check(|config| config.access_token_ttl = Duration::from_secs(30)).unwrap();
        check(|config| config.access_token_ttl = Duration::from_hours(1)).unwrap();
        check(|config| config.password_min_length = 8).unwrap();
        check(|config| config.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()]).unwrap();
        for change in [
            (|config| config.access_token_ttl = Duration::from_secs(29)) as fn(&mut Config),
            |config| config.access_token_ttl = Duration::from_secs(3601),
            |config| config.access_token_ttl = Duration::from_millis(30_500),
            |config| config.password_min_length = 7,
            |config| config.password_min_length = 65,
            |config| config.database.connections = 0,
            |config| config.connections_per_address = 0,
            |config| config.stop_delay = Duration::from_secs(61),
            |config| config.trusted_proxies = vec!["::/0".parse().unwrap()],
            |config| config.audit_ttl = Duration::from_hours(23),
            |config| config.picture_storage = (16 << 20) - 1,
            |config| config.allowed_origins = vec!["https://a.example".parse().unwrap(); 101],
            |config| config.audience = Some(String::new()),
            |config| config.audience = Some("two words".to_owned()),
            |config| config.log = "portcullis=loud".to_owned(),
        ] {
            check(change).unwrap_err();
        }
    }
}
