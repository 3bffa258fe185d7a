//! What flags, environment variables and one TOML file may say. A flag beats a variable, a variable the file.

use std::fs::File;
use std::io::{self, Read as _};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use secrecy::{ExposeSecret as _, SecretString};

use super::names::{check_variables, names, nearest};
use super::{Config, ConfigError, Listen, Origin, PublicUrl, invalid};
use crate::db::{DatabaseConfig, DatabaseUrl};

/// The name of the secret key among the credentials of a systemd unit.
const CREDENTIAL: &str = "portcullis.key";
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

    /// Where to listen: `IP:PORT`, `NAME:PORT`, `:PORT` (every interface) or `unix:/PATH` [default: 127.0.0.1:8000,
    /// this computer only]
    #[arg(long, env = "PORTCULLIS_LISTEN", global = true, value_name = "ADDRESS", hide_env_values = true)]
    pub listen: Option<Listen>,

    /// Where the secret key, the SQLite file and the pictures are kept [default: ./portcullis-data]
    #[arg(long, env = "PORTCULLIS_DATA_DIR", global = true, value_name = "DIR", hide_env_values = true)]
    pub data_dir: Option<PathBuf>,

    /// `sqlite://PATH` or `postgres://USER:PASSWORD@HOST:PORT/DATABASE` [default: portcullis.db in the data directory].
    /// Give a password by the variable or the file: other users of the computer can see a flag
    #[arg(long, env = "PORTCULLIS_DATABASE_URL", global = true, value_name = "URL", hide_env_values = true)]
    pub database_url: Option<SecretString>,

    /// How many connections to PostgreSQL to hold at most, 2 to 1000 [default: 10]
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

    /// When a log-in also answers a refresh token; on request means by the scope `offline_access` [default: on-request]
    #[arg(
        long,
        env = "PORTCULLIS_REFRESH_TOKENS",
        global = true,
        value_name = "on-request|always|never",
        hide_env_values = true
    )]
    #[arg(hide_possible_values = true)]
    pub refresh_tokens: Option<RefreshTokens>,

    /// How long a session that renews itself lives at most, 1h to 400d [default: 90d]
    #[arg(long, env = "PORTCULLIS_SESSION_TTL", global = true, value_name = "TIME", hide_env_values = true)]
    pub session_ttl: Option<String>,

    /// How long it lives without being used, 5m to 400d [default: 14d]
    #[arg(
        long,
        env = "PORTCULLIS_SESSION_IDLE_TTL",
        global = true,
        value_name = "TIME",
        hide_env_values = true
    )]
    pub session_idle_ttl: Option<String>,

    /// Who may sign up, and whether that tells which addresses have accounts; `quiet` does not [default: open]
    #[arg(
        long,
        env = "PORTCULLIS_SIGN_UP",
        global = true,
        value_name = "open|quiet|closed",
        hide_env_values = true
    )]
    #[arg(hide_possible_values = true)]
    pub sign_up: Option<SignUp>,

    /// Whether one must confirm the e-mail address before the first log-in [default: off]
    #[arg(
        long,
        env = "PORTCULLIS_REQUIRE_VERIFIED_EMAIL",
        global = true,
        value_name = "on|off",
        hide_env_values = true
    )]
    pub require_verified_email: Option<Switch>,

    /// Whether a link or a code that is mailed logs in [default: off]
    #[arg(
        long,
        env = "PORTCULLIS_LOG_IN_BY_MAIL",
        global = true,
        value_name = "on|off",
        hide_env_values = true
    )]
    pub log_in_by_mail: Option<Switch>,

    /// Whether accounts need a second factor, an authenticator app; those that lack one enrol it at their next login
    /// [default: optional]
    #[arg(
        long,
        env = "PORTCULLIS_SECOND_FACTOR",
        global = true,
        value_name = "optional|required|required_for_admins",
        hide_env_values = true
    )]
    #[arg(hide_possible_values = true)]
    pub second_factor: Option<SecondFactor>,

    /// How long an account that its owner deletes can be called back, 0s to 90d [default: 0s]
    #[arg(
        long,
        env = "PORTCULLIS_DELETION_GRACE",
        global = true,
        value_name = "TIME",
        hide_env_values = true
    )]
    pub deletion_grace: Option<String>,

    /// How mail is sent: `smtps://USER:PASSWORD@HOST`, `smtp://HOST` (STARTTLS), `file:///DIR`, or `console:` [default:
    /// the folder `mail` in the data directory]. Give a password by the variable or the file
    #[arg(long, env = "PORTCULLIS_MAIL_URL", global = true, value_name = "URL", hide_env_values = true)]
    pub mail_url: Option<SecretString>,

    /// Whether `smtp://HOST` sends mail without TLS when the server offers none: then anyone who can read the network
    /// to it can take over accounts by the links in mails [default: off]
    #[arg(
        long,
        env = "PORTCULLIS_MAIL_DANGEROUS_PLAIN_TEXT",
        global = true,
        value_name = "on|off",
        hide_env_values = true
    )]
    #[arg(hide_possible_values = true)]
    pub mail_dangerous_plain_text: Option<Switch>,

    /// The sender of mail, as in `Shop <no-reply@shop.example>` [default: no-reply at the public URL's host]
    #[arg(long, env = "PORTCULLIS_MAIL_FROM", global = true, value_name = "ADDRESS", hide_env_values = true)]
    pub mail_from: Option<String>,

    /// Whether webhooks may call this computer and private networks [default: off]
    #[arg(
        long,
        env = "PORTCULLIS_WEBHOOK_PRIVATE_TARGETS",
        global = true,
        value_name = "on|off",
        hide_env_values = true
    )]
    pub webhook_private_targets: Option<Switch>,

    /// What pages and mails call this service [default: Portcullis]
    #[arg(long, env = "PORTCULLIS_BRAND_NAME", global = true, value_name = "NAME", hide_env_values = true)]
    pub brand_name: Option<String>,

    /// A picture for the pages, SVG or PNG of at most 64 KiB [default: the name in letters]
    #[arg(long, env = "PORTCULLIS_BRAND_LOGO", global = true, value_name = "FILE", hide_env_values = true)]
    pub brand_logo: Option<PathBuf>,

    /// The colour of buttons and links on the pages; must be readable on white and under white letters; without it `#2f5d50`
    #[arg(
        long,
        env = "PORTCULLIS_BRAND_COLOR",
        global = true,
        value_name = "#RRGGBB",
        hide_env_values = true
    )]
    pub brand_color: Option<String>,
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

    /// How many connections one address (IPv6: one /64) may have at once, 1 to 65536; not for trusted proxies, nor with
    /// `limits` off [default: 256]
    #[arg(
        long,
        env = "PORTCULLIS_CONNECTIONS_PER_ADDRESS",
        global = true,
        value_name = "N",
        hide_env_values = true
    )]
    pub connections_per_address: Option<u32>,

    /// How long to go on serving after SIGTERM while `/ready` answers 503, for load balancers, 0s to 60s [default: 0s]
    #[arg(long, env = "PORTCULLIS_STOP_DELAY", global = true, value_name = "TIME", hide_env_values = true)]
    pub stop_delay: Option<String>,
    /// Origins whose pages may call the API with tokens (CORS), separated by commas, as in
    /// `https://app.example` [default: none]
    #[arg(
        long,
        env = "PORTCULLIS_ALLOWED_ORIGINS",
        global = true,
        value_name = "ORIGIN,…",
        hide_env_values = true
    )]
    #[arg(value_delimiter = ',')]
    pub allowed_origins: Option<Vec<String>>,

    /// How much all stored pictures together may take, 16MiB to 1024TiB; uploads are then refused [default: 10GiB]
    #[arg(
        long,
        env = "PORTCULLIS_PICTURE_STORAGE",
        global = true,
        value_name = "SIZE",
        hide_env_values = true
    )]
    pub picture_storage: Option<String>,

    /// How long the rows of the audit trail are kept, 1d to 3650d [default: 365d]
    #[arg(long, env = "PORTCULLIS_AUDIT_TTL", global = true, value_name = "TIME", hide_env_values = true)]
    pub audit_ttl: Option<String>,

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

    /// Which log lines are written, as in `info,portcullis_server::mail=debug` [default: info]
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

/// When a log-in also answers a refresh token (RFC 6749 §1.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefreshTokens {
    /// When the scope `offline_access` is asked for.
    OnRequest,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Who may sign up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignUp {
    /// Everybody; an address that has an account is answered 409, as in the guide.
    Open,
    /// Everybody; one answer for every address, and the rest by mail (ASVS 6.3.8).
    Quiet,
    /// Nobody but the operator and administrators.
    Closed,
}

/// Which accounts need a second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum SecondFactor {
    /// None: their owners may enrol one.
    Optional,
    /// All.
    Required,
    /// Those of administrators.
    RequiredForAdmins,
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
        check_variables(std::env::vars_os())?;
        let file = match &self.config {
            Some(path) => read(path)?,
            None => Self::default(),
        };
        let mut config = self.or(file).into_config()?;
        config.secret_key_file = config.secret_key_file.or_else(systemd_credential);
        Ok(config)
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
            refresh_tokens: self.refresh_tokens.or(other.refresh_tokens),
            session_ttl: self.session_ttl.or(other.session_ttl),
            session_idle_ttl: self.session_idle_ttl.or(other.session_idle_ttl),
            sign_up: self.sign_up.or(other.sign_up),
            require_verified_email: self.require_verified_email.or(other.require_verified_email),
            log_in_by_mail: self.log_in_by_mail.or(other.log_in_by_mail),
            second_factor: self.second_factor.or(other.second_factor),
            deletion_grace: self.deletion_grace.or(other.deletion_grace),
            mail_url: self.mail_url.or(other.mail_url),
            mail_dangerous_plain_text: self.mail_dangerous_plain_text.or(other.mail_dangerous_plain_text),
            mail_from: self.mail_from.or(other.mail_from),
            webhook_private_targets: self.webhook_private_targets.or(other.webhook_private_targets),
            brand_name: self.brand_name.or(other.brand_name),
            brand_logo: self.brand_logo.or(other.brand_logo),
            brand_color: self.brand_color.or(other.brand_color),
            breaches_file: self.breaches_file.or(other.breaches_file),
            limits: self.limits.or(other.limits),
            trusted_proxies: self.trusted_proxies.or(other.trusted_proxies),
            connections_per_address: self.connections_per_address.or(other.connections_per_address),
            stop_delay: self.stop_delay.or(other.stop_delay),
            allowed_origins: self.allowed_origins.or(other.allowed_origins),
            picture_storage: self.picture_storage.or(other.picture_storage),
            audit_ttl: self.audit_ttl.or(other.audit_ttl),
            log_format: self.log_format.or(other.log_format),
            log: self.log.or(other.log),
        }
    }

    #[expect(clippy::too_many_lines, reason = "a line or two for each setting")]
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
        for (name, time, setting) in [
            ("access_token_ttl", self.access_token_ttl, &mut config.access_token_ttl),
            ("session_ttl", self.session_ttl, &mut config.session_ttl),
            ("session_idle_ttl", self.session_idle_ttl, &mut config.session_idle_ttl),
            ("deletion_grace", self.deletion_grace, &mut config.deletion_grace),
            ("stop_delay", self.stop_delay, &mut config.stop_delay),
            ("audit_ttl", self.audit_ttl, &mut config.audit_ttl),
        ] {
            if let Some(time) = time {
                *setting = duration(name, &time)?;
            }
        }
        for (switch, setting) in [
            (self.limits, &mut config.limits),
            (self.require_verified_email, &mut config.require_verified_email),
            (self.log_in_by_mail, &mut config.log_in_by_mail),
            (self.webhook_private_targets, &mut config.webhook_private_targets),
        ] {
            *setting = switch.map_or(*setting, |switch| switch == Switch::On);
        }
        if let Some(url) = self.mail_url {
            let transport = url.expose_secret().parse();
            config.mail.transport = transport.map_err(|problem| invalid("mail_url", format!("{problem}")))?;
        }
        if self.mail_dangerous_plain_text == Some(Switch::On) {
            config.mail.transport = config.mail.transport.dangerous_plain_text();
        }
        if let Some(sender) = self.mail_from {
            let sender = sender.parse().map_err(|problem| invalid("mail_from", format!("{problem}")))?;
            config.mail.from = Some(sender);
        }
        if let Some(color) = self.brand_color {
            config.brand.color =
                color.parse().map_err(|problem| invalid("brand_color", format!("{problem}")))?;
        }
        config.brand.name = self.brand_name.unwrap_or(config.brand.name);
        config.brand.logo = self.brand_logo;
        config.refresh_tokens = self.refresh_tokens.unwrap_or(config.refresh_tokens);
        config.sign_up = self.sign_up.unwrap_or(config.sign_up);
        config.second_factor = self.second_factor.unwrap_or(config.second_factor);
        if let Some(networks) = self.trusted_proxies {
            config.trusted_proxies = networks.iter().map(|text| network(text)).collect::<Result<_, _>>()?;
        }
        config.connections_per_address =
            self.connections_per_address.unwrap_or(config.connections_per_address);
        if let Some(origins) = self.allowed_origins {
            config.allowed_origins = origins.iter().enumerate().map(origin).collect::<Result<_, _>>()?;
        }
        if let Some(size) = self.picture_storage {
            config.picture_storage = bytes("picture_storage", &size)?;
        }
        config.database.connections = self.database_connections.unwrap_or(config.database.connections);
        config.password_min_length = self.password_min_length.unwrap_or(config.password_min_length);
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

/// The key that a unit gives with `LoadCredential=portcullis.key:FILE` (systemd.exec(5), "Credentials").
fn systemd_credential() -> Option<PathBuf> {
    let folder = std::env::var_os("CREDENTIALS_DIRECTORY")?;
    Some(Path::new(&folder).join(CREDENTIAL)).filter(|path| path.exists())
}

fn duration(name: &'static str, text: &str) -> Result<Duration, ConfigError> {
    humantime::parse_duration(text).map_err(|_| {
        invalid(name, format!("is no time (`{text}`): write for instance `300s`, `5m` or `14d`"))
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

/// The message names the entry by its place: a URL may hold a password.
fn origin((at, text): (usize, &String)) -> Result<Origin, ConfigError> {
    let named =
        |problem| invalid("allowed_origins", format!("has an entry (number {}) that {problem}", at + 1));
    text.trim().parse().map_err(named)
}

/// A whole number and a unit of 1024 to some power.
fn bytes(name: &'static str, text: &str) -> Result<u64, ConfigError> {
    let read = || {
        let (number, shift) = [("MiB", 20), ("GiB", 30), ("TiB", 40)]
            .into_iter()
            .find_map(|(unit, shift)| Some((text.strip_suffix(unit)?, shift)))?;
        number.trim().parse::<u64>().ok()?.checked_mul(1 << shift)
    };
    read().ok_or_else(|| {
        invalid(name, format!("is not a size (`{text}`): write for instance `512MiB` or `10GiB`"))
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

    const EVERY_KEY: &str = r##"
        listen = "[::1]:9000"
        data_dir = "/srv/portcullis"
        database_url = "postgres://ana:hunter2@db.example/shop"
        database_connections = 7
        public_url = "https://login.example/"
        audience = "https://api.example"
        access_token_ttl = "90s"
        secret_key_file = "/run/secrets/key"
        password_min_length = 15
        refresh_tokens = "always"
        session_ttl = "30d"
        session_idle_ttl = "1d"
        sign_up = "quiet"
        second_factor = "required_for_admins"
        require_verified_email = "on"
        log_in_by_mail = "on"
        deletion_grace = "7d"
        mail_url = "smtps://ana:hunter2@mail.example"
        mail_dangerous_plain_text = "on"
        mail_from = "Shop <no-reply@shop.example>"
        webhook_private_targets = "on"
        brand_name = "Shop"
        brand_logo = "/srv/logo.svg"
        brand_color = "#112233"
        breaches_file = "/srv/breaches"
        limits = "off"
        trusted_proxies = ["10.0.0.7", "fd00::/8"]
        connections_per_address = 100
        stop_delay = "5s"
        allowed_origins = ["https://app.example", "http://localhost:5173"]
        picture_storage = "512MiB"
        audit_ttl = "90d"
        log_format = "json"
        log = "warn"
    "##;

    #[test]
    fn the_file_sets_everything_but_itself() {
        let keys: toml::Table = EVERY_KEY.parse().unwrap();
        assert!(
            names().all(|name| name.key == "config" || keys.contains_key(&name.key)),
            "a key is not tested"
        );
        let config = Settings::default().or(file(EVERY_KEY).unwrap()).into_config().unwrap();
        assert_eq!(config.listen.to_string(), "[::1]:9000");
        assert_eq!(config.data_dir, Path::new("/srv/portcullis"));
        assert_eq!(config.database.url.to_string(), "postgres://ana@db.example:5432/shop");
        assert_eq!(config.database.connections, 7);
        assert_eq!(config.public_url().as_str(), "https://login.example");
        assert_eq!(config.audience(), "https://api.example");
        assert_eq!(config.access_token_ttl, Duration::from_secs(90));
        assert_eq!(config.secret_key_file.as_deref(), Some(Path::new("/run/secrets/key")));
        assert_eq!(config.password_min_length, 15);
        assert_eq!(config.refresh_tokens, RefreshTokens::Always);
        let days = |days: u64| Duration::from_hours(24 * days);
        assert_eq!((config.session_ttl, config.session_idle_ttl), (days(30), days(1)));
        assert_eq!(config.second_factor, SecondFactor::RequiredForAdmins);
        assert_eq!((config.sign_up, config.deletion_grace), (SignUp::Quiet, days(7)));
        assert!(config.require_verified_email && config.log_in_by_mail && config.webhook_private_targets);
        assert_eq!(config.mail.transport.to_string(), "smtps://ana@mail.example:465");
        assert_eq!(
            config.mail.from.as_ref().map(ToString::to_string).as_deref(),
            Some("Shop <no-reply@shop.example>")
        );
        assert_eq!(config.brand.name, "Shop");
        assert_eq!(config.brand.logo.as_deref(), Some(Path::new("/srv/logo.svg")));
        assert_eq!(config.brand.color.to_string(), "#112233");
        assert_eq!(config.breaches_file.as_deref(), Some(Path::new("/srv/breaches")));
        assert!(!config.limits);
        assert_eq!(config.trusted_proxies, ["10.0.0.7/32".parse().unwrap(), "fd00::/8".parse().unwrap()]);
        assert_eq!((config.connections_per_address, config.stop_delay), (100, Duration::from_secs(5)));
        let origins: Vec<_> = config.allowed_origins.iter().map(Origin::as_str).collect();
        assert_eq!(origins, ["https://app.example", "http://localhost:5173"]);
        assert_eq!((config.picture_storage, config.audit_ttl), (512 << 20, days(90)));
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
        assert_eq!(config.listen.to_string(), "127.0.0.1:1");
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
            "session_ttl = '401d'",
            "session_idle_ttl = '1m'",
            "deletion_grace = '91d'",
            "stop_delay = '61s'",
            "connections_per_address = 0",
            "mail_url = 'smtp://ana:hunter2@'",
            "mail_from = 'nobody'",
            "brand_color = 'yellow'",
            "trusted_proxies = ['proxy.example']",
            "trusted_proxies = ['0.0.0.0/0']",
            "allowed_origins = ['*']",
            "allowed_origins = ['https://app.example', 'https://ana:hunter2@app.example']",
            "picture_storage = '10'",
            "picture_storage = '15MiB'",
            "picture_storage = '99999999999999999999TiB'",
            "audit_ttl = '1h'",
            "listen = '0.0.0.0:8000'",
        ] {
            let error = file(text).unwrap().into_config().unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
        assert!(!format!("{:?}", file(EVERY_KEY).unwrap()).contains("hunter2"));
        assert!(!format!("{:?}", file(EVERY_KEY).unwrap().into_config().unwrap()).contains("hunter2"));
    }
}
