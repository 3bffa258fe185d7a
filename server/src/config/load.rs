//! Loads the settings from options, environment variables and one TOML file. An option overrides a variable, and a
//! variable overrides the file.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use clap::builder::ValueParser;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};
use toml::{Spanned, Value as Toml};

use super::attributes::{self, ATTRIBUTES};
use super::login_with::{self, LOGIN_WITH, Place};
use super::names::{check_variables, nearest};
use super::table::Setting;
use super::value::Shape;
use super::{Attribute, Config, ConfigError, DATA_DIR, invalid};

/// The name of the secret key among the credentials of a systemd unit.
const CREDENTIAL: &str = "portcullis.key";
const MAX_FILE_BYTES: u64 = 1024 * 1024;
/// The option that names the file.
const CONFIG: &str = "config";
pub(super) const CONFIG_VARIABLE: &str = "PORTCULLIS_CONFIG";
/// The settings that `--help` shows; `portcullis help settings` shows all.
const SHOWN: [&str; 1] = ["data_dir"];

/// The settings that options and variables give.
#[derive(Clone, Default)]
pub struct Settings {
    file: Option<PathBuf>,
    given: Given,
    /// The value of each `--login-with`.
    providers: Vec<OsString>,
}

/// What the file gives.
#[derive(Default)]
struct InFile {
    given: Given,
    providers: GivenProviders,
    attributes: Vec<(Attribute, Source)>,
}

/// The text of each given setting, by its name.
type Given = BTreeMap<&'static str, (OsString, Source)>;
/// The same for the settings of the providers that people can log in with.
type GivenProviders = BTreeMap<Place, (OsString, Source)>;

/// Where the value of a setting comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The command line.
    Option,
    /// The environment.
    Variable,
    /// The configuration file.
    File {
        /// The file.
        file: PathBuf,
        /// The line number, starting at 1.
        line: usize,
    },
    /// A credential of the systemd unit.
    Credential,
}

impl fmt::Debug for Settings {
    /// Omits the values, which may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let given = self.given.keys();
        f.debug_struct("Settings").field("file", &self.file).field("given", &given).finish_non_exhaustive()
    }
}

/// A configuration, and the source of each value.
#[derive(Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// The source of each given setting, by its name; the others have their defaults.
    pub sources: BTreeMap<&'static str, Source>,
    /// The same for the settings of the providers that people can log in with.
    pub(super) providers: BTreeMap<Place, Source>,
    /// The same for the declared attributes, in their order.
    pub(super) attributes: Vec<Source>,
}

impl Settings {
    /// Builds the configuration from options and variables, then the file, then the defaults.
    ///
    /// # Errors
    /// Returns an error if a variable `PORTCULLIS_…` or a key of the file is not a setting, if the file cannot be read,
    /// or if a value is invalid.
    pub fn load(self) -> Result<Loaded, ConfigError> {
        check_variables(std::env::vars_os())?;
        let mut given = self.given;
        let (mut providers, mut attributes) = (GivenProviders::new(), Vec::new());
        for text in &self.providers {
            let (place, value) = Place::of_option(text).map_err(|problem| invalid(LOGIN_WITH, problem))?;
            providers.insert(place, (value, Source::Option));
        }
        for (name, value) in std::env::vars_os() {
            if let Some(place) = name.to_str().and_then(Place::of_variable) {
                providers.entry(place).or_insert((value, Source::Variable));
            }
        }
        if let Some(path) = &self.file {
            let in_file = read(path)?;
            for (name, value) in in_file.given {
                given.entry(name).or_insert(value);
            }
            for (place, value) in in_file.providers {
                providers.entry(place).or_insert(value);
            }
            attributes = in_file.attributes;
        }
        if let Some(key) = systemd_credential() {
            given.entry("secret_key_file").or_insert((key.into(), Source::Credential));
        }
        let (declared, of_attributes) = attributes.into_iter().unzip();
        let config = configure(&given, &providers, declared)?;
        Ok(Loaded {
            config,
            attributes: of_attributes,
            sources: given.into_iter().map(|(name, (_, source))| (name, source)).collect(),
            providers: providers.into_iter().map(|(place, (_, source))| (place, source)).collect(),
        })
    }

    /// The text that an option or a variable gives.
    #[cfg(test)]
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.given.get(name)?.0.to_str()
    }
}

fn configure(
    given: &Given,
    providers: &GivenProviders,
    attributes: Vec<Attribute>,
) -> Result<Config, ConfigError> {
    let data_dir = given.get("data_dir").map_or(OsStr::new(DATA_DIR), |(text, _)| text);
    let mut config = Config::new(data_dir);
    for setting in Setting::all() {
        let Some((text, source)) = given.get(setting.name) else { continue };
        (setting.set)(&mut config, text).and_then(|()| (setting.check)(&config)).map_err(|problem| {
            match source {
                Source::File { file, line } => ConfigError::Parse {
                    file: file.clone(),
                    line: *line,
                    problem: format!("`{}` {problem}", setting.name),
                },
                _ => invalid(setting.name, problem),
            }
        })?;
    }
    for (place, (text, source)) in providers {
        login_with::set(&mut config, place, text).map_err(|problem| match source {
            Source::File { file, line } => ConfigError::Parse {
                file: file.clone(),
                line: *line,
                problem: format!("`{}` {problem}", place.setting()),
            },
            _ => ConfigError::Provider { setting: place.setting(), problem },
        })?;
    }
    config.attributes = attributes;
    config.check()?;
    Ok(config)
}

/// The key that a systemd unit passes with `LoadCredential=portcullis.key:FILE` (systemd.exec(5), "Credentials").
fn systemd_credential() -> Option<PathBuf> {
    let folder = std::env::var_os("CREDENTIALS_DIRECTORY")?;
    Some(Path::new(&folder).join(CREDENTIAL)).filter(|path| path.exists())
}

impl clap::Args for Settings {
    fn augment_args(command: Command) -> Command {
        let file = option(CONFIG, CONFIG.to_owned(), CONFIG_VARIABLE.to_owned(), "FILE")
            .help("A TOML file with settings; see `portcullis config default`");
        let settings = Setting::all().map(|setting| {
            option(setting.name, setting.option(), setting.variable(), setting.value_name)
                .action(if setting.shape == Shape::List { ArgAction::Append } else { ArgAction::Set })
                .help(format!("{} [default: {}]", setting.help(), setting.default()).replace('`', ""))
                .hide(!SHOWN.contains(&setting.name))
        });
        let providers = Arg::new(LOGIN_WITH)
            .long("login-with")
            .global(true)
            .hide(true)
            .value_name("NAME.KEY=VALUE")
            .value_parser(ValueParser::os_string())
            .action(ArgAction::Append)
            .help_heading("Settings")
            .help("A setting of a login provider; see `portcullis help settings`");
        command.arg(file).args(settings).arg(providers)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

/// An option that may stand before or after the command and takes any text, which the table of settings parses.
fn option(id: &'static str, long: String, variable: String, value_name: &'static str) -> Arg {
    Arg::new(id)
        .long(long)
        .env(variable)
        .hide_env(true)
        .global(true)
        .value_name(value_name)
        .value_parser(ValueParser::os_string())
        .help_heading("Settings")
}

impl clap::FromArgMatches for Settings {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut settings = Self::default();
        settings.update_from_arg_matches(matches)?;
        Ok(settings)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        let texts = |name: &str| {
            let texts: Vec<&OsStr> = matches.get_many::<OsString>(name)?.map(OsString::as_os_str).collect();
            Some(texts.join(OsStr::new(",")))
        };
        self.file = texts(CONFIG).map(PathBuf::from).or(self.file.take());
        for setting in Setting::all() {
            let Some(text) = texts(setting.name) else { continue };
            let source = match matches.value_source(setting.name) {
                Some(ValueSource::EnvVariable) => Source::Variable,
                _ => Source::Option,
            };
            self.given.insert(setting.name, (text, source));
        }
        if let Some(providers) = matches.get_many::<OsString>(LOGIN_WITH) {
            self.providers = providers.cloned().collect();
        }
        Ok(())
    }
}

fn read(path: &Path) -> Result<InFile, ConfigError> {
    let failed = |cause| ConfigError::Read { file: path.to_owned(), cause };
    let mut text = String::new();
    let length = File::open(path).and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text));
    if length.map_err(failed)? as u64 > MAX_FILE_BYTES {
        return Err(failed(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 1 MiB")));
    }
    parse(&text, path)
}

fn parse(text: &str, path: &Path) -> Result<InFile, ConfigError> {
    let line = |at: usize| 1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count();
    let wrong = |at, problem| ConfigError::Parse { file: path.to_owned(), line: line(at), problem };
    // The full message of `toml` shows the line, which may hold a password.
    let keys: BTreeMap<Spanned<String>, Spanned<Toml>> = toml::from_str(text)
        .map_err(|error| wrong(error.span().map_or(0, |span| span.start), error.message().to_owned()))?;
    let InFile { mut given, mut providers, mut attributes } = InFile::default();
    for (key, value) in keys {
        let at = key.span().start;
        if key.get_ref() == LOGIN_WITH {
            let tables: Tables = toml::from_str(text).map_err(|_| wrong(at, TABLES.to_owned()))?;
            for (provider, settings) in tables.login_with {
                for (key, value) in settings {
                    let at = key.span().start;
                    let place = Place::new(&provider, key.get_ref()).map_err(|problem| wrong(at, problem))?;
                    let value = plain(Shape::Text, value)
                        .map_err(|problem| wrong(at, format!("`{}` {problem}", place.setting())))?;
                    providers.insert(
                        place,
                        (value.into(), Source::File { file: path.to_owned(), line: line(at) }),
                    );
                }
            }
            continue;
        }
        if key.get_ref() == ATTRIBUTES {
            let read = attributes::read(text).map_err(|(at, problem)| wrong(at, problem))?;
            let source = |at| Source::File { file: path.to_owned(), line: line(at) };
            attributes = read.into_iter().map(|(attribute, at)| (attribute, source(at))).collect();
            continue;
        }
        let Some(setting) = Setting::all().find(|setting| setting.name == key.get_ref()) else {
            let names: Vec<_> = Setting::all().map(|setting| setting.name.to_owned()).collect();
            return Err(ConfigError::UnknownKey {
                nearest: nearest(key.get_ref(), names.iter()),
                key: key.into_inner(),
                file: path.to_owned(),
                line: line(at),
            });
        };
        let read = plain(setting.shape, value.into_inner());
        let read = read.map_err(|problem| wrong(at, format!("`{}` {problem}", setting.name)))?;
        let source = Source::File { file: path.to_owned(), line: line(at) };
        given.insert(setting.name, (read.into(), source));
    }
    Ok(InFile { given, providers, attributes })
}

const TABLES: &str = "`login_with` must hold one table for each provider, as in `[login_with.google]`";

/// The providers in the file, each key with its position.
#[derive(serde::Deserialize)]
struct Tables {
    login_with: BTreeMap<String, BTreeMap<Spanned<String>, Toml>>,
}

/// The text of a value, which must have the setting's type.
fn plain(shape: Shape, value: Toml) -> Result<String, &'static str> {
    match (shape, value) {
        (Shape::Text, Toml::String(text)) => Ok(text),
        (Shape::Number, Toml::Integer(number)) => Ok(number.to_string()),
        (Shape::List, Toml::Array(entries)) => {
            let texts = entries.iter().map(Toml::as_str).collect::<Option<Vec<_>>>();
            texts.map(|texts| texts.join(",")).ok_or("must be an array of strings")
        }
        (Shape::Text, _) => Err("must be a string, in quotes"),
        (Shape::Number, _) => Err("must be a whole number, without quotes"),
        (Shape::List, _) => Err("must be an array of strings"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::Parser;

    use super::*;
    use crate::config::EmailDomain;
    use crate::config::{LogFormat, Origin, RefreshTokens, SecondFactor, SignUp};

    #[derive(Parser)]
    struct Flags {
        #[command(flatten)]
        settings: Settings,
    }

    fn flags(flags: &[&str]) -> Settings {
        Flags::try_parse_from(std::iter::once(&"test").chain(flags)).unwrap().settings
    }

    fn file(text: &str) -> Result<Given, String> {
        parse(text, Path::new("p.toml")).map(|read| read.given).map_err(|error| error.to_string())
    }

    /// The configuration that results from the tables in this file.
    fn providers(text: &str) -> Result<Config, String> {
        let read = parse(text, Path::new("p.toml")).map_err(|error| error.to_string())?;
        let attributes = read.attributes.into_iter().map(|(attribute, _)| attribute).collect();
        configure(&read.given, &read.providers, attributes).map_err(|error| error.to_string())
    }

    #[test]
    fn providers_stand_in_tables_of_their_own() {
        let config = providers(
            "log = 'warn'\n[login_with.google]\nclient_id = '1'\nclient_secret = 'hunter2'\n[login_with.acme-staff]\n\
             client_id = '2'\nissuer = 'https://id.acme.example'\ntrust_email = 'on'\n",
        )
        .unwrap();
        assert_eq!(config.login_with.keys().collect::<Vec<_>>(), ["acme-staff", "google"]);
        let acme = &config.login_with["acme-staff"];
        assert_eq!((acme.client_id.as_str(), acme.trust_email), ("2", true));
        assert!(!format!("{config:?}").contains("hunter2"));
        for (text, expected) in [
            ("[login_with.google]\nclient = '1'", "line 2: `client` is not a setting of a provider"),
            (
                "[login_with.google]\n\nclient_id = 1",
                "line 3: `login_with.google.client_id` must be a string",
            ),
            ("[login_with.google]\ntrust_email = 'yes'", "line 2: `login_with.google.trust_email` is `yes`"),
            ("[login_with.Google]\nclient_id = '1'", "line 2: `Google` is not a name for a provider"),
            ("\nlogin_with = 'google'", "line 2: `login_with` must hold one table"),
            ("[login_with]\ngoogle = 'hunter2'", "`login_with` must hold one table"),
        ] {
            let message = providers(text).map(drop).unwrap_err();
            assert!(message.contains(expected) && !message.contains("hunter2"), "{message}");
        }
        let many: Vec<_> = (0..21).map(|n| format!("[login_with.p{n}]\nclient_id = '1'")).collect();
        assert!(providers(&many.join("\n")).map(drop).unwrap_err().contains("one provider too many"));
    }

    #[test]
    fn attributes_stand_in_tables_in_their_order() {
        let plan = "[attributes.plan]\nof = 'account'\ntype = 'string'\n[attributes.age]\nof = 'account'\ntype = 'integer'";
        let config =
            providers(&format!("log = 'warn'\n{plan}\n[login_with.google]\nclient_id = '1'")).unwrap();
        let names: Vec<_> = config.attributes.iter().map(|attribute| attribute.name.as_str()).collect();
        assert_eq!(names, ["plan", "age"]);
        for (text, expected) in [
            ("\n[attributes.plan]\nof = 'team'\ntype = 'string'", "line 3: unknown variant `team`"),
            (
                "\n[attributes.plan]\nof = 'account'\ntype = 'string'\nvalues = []",
                "line 2: `attributes.plan` needs 1 to 64",
            ),
            ("\nattributes = 'plan'", "line 2: "),
        ] {
            let message = providers(text).map(drop).unwrap_err();
            assert!(message.contains(expected), "{message}");
        }
    }

    /// The configuration that results from this file and the settings that override it.
    fn both(settings: Settings, text: &str) -> Config {
        let mut given = settings.given;
        for (name, value) in file(text).unwrap() {
            given.entry(name).or_insert(value);
        }
        configure(&given, &GivenProviders::new(), Vec::new()).unwrap()
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
        social_sign_up = "off"
        social_domains = ["example.com"]
        admin_roles = ["support=accounts:read", "auditor=accounts:read+audit:read"]
        api_key_prefix = "shop"
        require_verified_email = "on"
        log_in_by_mail = "on"
        second_factor = "required_for_admins"
        remember_devices_days = 30
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
        assert!(Setting::all().all(|setting| keys.contains_key(setting.name)), "a key is not tested");
        let config = both(Settings::default(), EVERY_KEY);
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
        assert_eq!(
            (config.second_factor, config.remember_devices_days),
            (SecondFactor::RequiredForAdmins, 30)
        );
        assert_eq!((config.sign_up, config.deletion_grace), (SignUp::Quiet, days(7)));
        let domains: Vec<_> = config.social_domains.iter().map(EmailDomain::as_str).collect();
        assert_eq!((config.social_sign_up, domains), (Some(false), vec!["example.com"]));
        let roles: Vec<_> = config.admin_roles.iter().map(ToString::to_string).collect();
        assert_eq!(roles, ["support=accounts:read", "auditor=accounts:read+audit:read"]);
        assert_eq!(config.api_key_prefix, "shop");
        assert!(config.require_verified_email && config.log_in_by_mail && config.webhook_private_targets);
        assert_eq!(config.mail.transport.to_string(), "smtps://ana@mail.example:465");
        assert!(config.mail.dangerous_plain_text);
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
        assert!(file("config = 'other.toml'").unwrap_err().contains("unknown setting"));
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
        let config = both(flags, EVERY_KEY);
        assert_eq!(config.listen.to_string(), "127.0.0.1:1");
        assert!(config.limits);
        assert_eq!(config.trusted_proxies, ["10.1.1.1/32".parse().unwrap(), "10.2.0.0/16".parse().unwrap()]);
        assert_eq!(config.password_min_length, 15);
        let config = configure(&Given::new(), &GivenProviders::new(), Vec::new()).unwrap();
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
            let message = file(text)
                .and_then(|given| {
                    configure(&given, &GivenProviders::new(), Vec::new()).map_err(|error| error.to_string())
                })
                .unwrap_err();
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
            let error = configure(&file(text).unwrap(), &GivenProviders::new(), Vec::new()).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
        let settings = Settings { given: file(EVERY_KEY).unwrap(), ..Settings::default() };
        assert!(!format!("{settings:?}").contains("hunter2"));
        assert!(!format!("{:?}", both(Settings::default(), EVERY_KEY)).contains("hunter2"));
    }
}
