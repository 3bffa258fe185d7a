//! The configuration, given before the server starts and checked as a whole.

mod attributes;
mod brand;
mod choice;
mod email_domain;
mod listen;
mod load;
mod login_with;
mod names;
mod origin;
mod print;
mod public_url;
mod settings;
mod table;
mod value;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

pub(crate) use self::attributes::LONGEST_VALUE;
pub use self::attributes::{
    Attribute, AttributeAtSignUp, AttributeChangers, AttributeKind, AttributeOf, AttributeReaders,
};
pub use self::brand::{Brand, Color, ColorError};
pub use self::choice::{LogFormat, RefreshTokens, SecondFactor, SignUp};
pub use self::email_domain::{EmailDomain, EmailDomainError};
pub use self::listen::{Listen, ListenError};
pub use self::load::{Loaded, Settings, Source};
pub use self::login_with::LoginProvider;
pub(crate) use self::names::service_links;
pub use self::origin::{Origin, OriginError};
pub use self::print::reference;
pub(crate) use self::print::{default_file, describe, show};
pub use self::public_url::{PublicUrl, PublicUrlError};
pub use self::settings::Config;
use self::table::Setting;
use crate::passwords::breaches;
use crate::secret::SecretKey;

/// The default of `data_dir` on the command line.
const DATA_DIR: &str = "portcullis-data";

impl Config {
    /// Whether a login with another provider may create an account.
    pub(crate) fn may_sign_up_with_provider(&self) -> bool {
        self.social_sign_up.unwrap_or(self.sign_up != SignUp::Closed)
    }

    /// Whether people must confirm their address before the first login. Always, if sign-up is quiet: otherwise the
    /// login after sign-up would reveal whether the address was free.
    pub(crate) fn requires_verified_email(&self) -> bool {
        self.require_verified_email || self.sign_up == SignUp::Quiet
    }

    /// The configuration with the port that the system chose for port 0. A public URL that is not set follows it.
    #[must_use]
    pub fn with_bound(mut self, address: SocketAddr) -> Self {
        self.listen = Listen::Tcp(address);
        self
    }

    /// The public URL: the one that is set, or `http://` and the address that the server listens on.
    #[must_use]
    pub fn public_url(&self) -> PublicUrl {
        self.public_url.clone().unwrap_or_else(|| match self.listen {
            Listen::Tcp(address) => PublicUrl::of_listener(address),
            // `check` requires a public URL in this case.
            Listen::Unix(_) => PublicUrl::of_listener(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 80)),
        })
    }

    /// The origins of the server's own pages: the public URL's origin. If it follows from `listen`, also the same port
    /// of `localhost`.
    pub(crate) fn own_origins(&self) -> Vec<String> {
        let url = self.public_url();
        let mut origins = vec![url.origin().to_owned()];
        if self.public_url.is_none() {
            origins.push(url.origin().replacen(url.host(), "localhost", 1));
        }
        origins
    }

    /// The path of the secret key, even if it does not exist yet.
    pub(crate) fn secret_key_file(&self) -> PathBuf {
        self.secret_key_file.clone().unwrap_or_else(|| SecretKey::path_in(&self.data_dir))
    }

    /// The sender of emails.
    fn sender(&self) -> String {
        let from = self.mail.from.as_ref().map(ToString::to_string);
        from.unwrap_or_else(|| format!("{} <no-reply@{}>", self.brand.name, self.public_url().host()))
    }

    /// The path of the list of breached passwords, which may not exist.
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

    /// Rejects values that are out of bounds or unsafe. The program calls this when it loads the settings, and the
    /// server calls it again when it opens.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`], naming the first setting that is wrong.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.public_url.is_none() && !self.listen.is_loopback() {
            return Err(invalid(
                "public_url",
                "is not set, but other computers can connect, and links in emails and the issuer of tokens would be \
                 guesses. Set it to the address that people use, as in https://login.example",
            ));
        }
        login_with::check(&self.login_with)?;
        attributes::check(&self.attributes)
            .map_err(|(setting, problem)| ConfigError::Attribute { setting, problem })?;
        Setting::all()
            .try_for_each(|setting| (setting.check)(self).map_err(|problem| invalid(setting.name, problem)))
    }
}

/// Why the configuration cannot be used, and what to do. The message never repeats a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A value is invalid, or two settings conflict.
    #[error("the setting `{name}` (option --{option}, variable PORTCULLIS_{variable}, or `{name}` in the configuration \
        file) {problem}", option = name.replace('_', "-"), variable = name.to_uppercase())]
    Invalid {
        /// The setting, as the configuration file spells it.
        name: &'static str,
        /// What is wrong, as a phrase that follows the setting's name.
        problem: String,
    },
    /// A setting of a provider that people can log in with is invalid.
    #[error(
        "the setting `{setting}` {problem}. `portcullis help settings` explains the settings of providers"
    )]
    Provider {
        /// The setting, for example `login_with.google.client_id`.
        setting: String,
        /// What is wrong, as a phrase that follows the setting's name.
        problem: String,
    },
    /// The declaration of an attribute is invalid.
    #[error("the setting `{setting}` {problem}. `portcullis help settings` says how attributes are declared")]
    Attribute {
        /// The setting, for example `attributes.company`.
        setting: String,
        /// What is wrong, as a phrase that follows the setting's name.
        problem: String,
    },
    /// An environment variable looks like a setting but is not one.
    #[error("unknown setting in the environment: {name}.{hint} Rename or unset it: a misspelled setting would silently \
        not apply", hint = hint(nearest.as_deref()))]
    UnknownVariable {
        /// The variable.
        name: String,
        /// The most similar setting.
        nearest: Option<String>,
    },
    /// A key of the configuration file is not a setting.
    #[error("unknown setting in {file}, line {line}: {key}.{hint} `portcullis help settings` lists all settings", file = file.display(), hint = hint(nearest.as_deref()))]
    UnknownKey {
        /// The key.
        key: String,
        /// The configuration file.
        file: PathBuf,
        /// The line number, starting at 1.
        line: usize,
        /// The most similar setting.
        nearest: Option<String>,
    },
    /// The configuration file cannot be read.
    #[error("cannot read the configuration file {file}: {cause}. Correct --config or PORTCULLIS_CONFIG, or the file's \
        permissions", file = file.display())]
    Read {
        /// The configuration file.
        file: PathBuf,
        /// The error from the operating system.
        cause: io::Error,
    },
    /// The configuration file is not TOML, or a value has the wrong type.
    #[error("{file}, line {line}: {problem}", file = file.display())]
    Parse {
        /// The configuration file.
        file: PathBuf,
        /// The line number, starting at 1.
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
    use std::time::Duration;

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
