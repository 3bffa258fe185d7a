//! Every setting, declared once: name, type, default, bounds and meaning. `docs/settings.md` is generated from it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use super::table::settings;
use super::value::switch;
use super::{
    Attribute, Brand, Color, EmailDomain, Listen, LogFormat, LoginProvider, Origin, PublicUrl, RefreshTokens,
    SecondFactor, SignUp,
};
use crate::access::AdminRole;
use crate::db::{DatabaseConfig, DatabaseUrl};
use crate::mail::{MailConfig, Mailbox, Transport};
use crate::passwords::{BreachCheck, HashParameters};

const DAY: Duration = Duration::from_hours(24);
const ALLOWED_ORIGINS: usize = 100;
const EMAIL_DOMAINS: usize = 100;
const ADMIN_ROLES: usize = 16;

settings! {
    /// How the server runs. The program reads it from its [`Settings`](super::Settings); an application that mounts
    /// the server writes it:
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
    #[non_exhaustive]
    pub struct Config of data_dir;

    "Address" {
        /// Where the server listens: `IP:PORT`, `NAME:PORT`, `:PORT` (every interface) or `unix:/PATH`. By default,
        /// only this computer can connect.
        listen: Listen = Listen::Tcp(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8000)), ("ADDRESS");

        /// The address that people use, as in `https://login.example`. It is the issuer of tokens and the beginning
        /// of every link in an email. Required unless only this computer can connect.
        public_url: Option<PublicUrl> = None,
            ("URL", unset "`http://` and the address in `listen`", example "https://login.example",
            effective |config: &Config| config.public_url().to_string());

        /// The proxies whose `X-Forwarded-For` is trusted, as addresses or networks.
        trusted_proxies: Vec<IpNet> = Vec::new(),
            ("IP,…", check are_proxies, unset "none", example "127.0.0.1,10.0.0.0/8");

        /// The origins whose pages may call the API with tokens (CORS), at most 100.
        allowed_origins: Vec<Origin> = Vec::new(),
            ("ORIGIN,…", check are_few, unset "none", example "https://app.example,http://localhost:5173");

        /// How long the server keeps serving after SIGTERM while `/ready` returns 503, for load balancers; 0s to 60s.
        stop_delay: Duration = Duration::ZERO, ("TIME", between "0s" and "60s");
    }

    "Data" {
        /// The directory of the secret key, the SQLite database and the pictures.
        data_dir: PathBuf = data_dir.clone(), ("DIR");

        /// The database.
        database: DatabaseConfig = DatabaseConfig::new(DatabaseUrl::sqlite(data_dir.join("portcullis.db"))), {
            /// The database: `sqlite://PATH` or `postgres://USER:PASSWORD@HOST:PORT/DATABASE`. Give a password in the
            /// variable or the file: other users of the computer can see options.
            database_url = url: DatabaseUrl,
                ("URL", unset "SQLite: `portcullis.db` in the data directory",
                example "postgres://USER:PASSWORD@db.example/portcullis");

            /// The most connections to PostgreSQL, 2 to 1000.
            database_connections = connections: u32, ("N", between "2" and "1000");
        };

        /// The file of the secret key.
        secret_key_file: Option<PathBuf> = None,
            ("FILE", unset "`secret.key` in the data directory, created at the first start",
            example "/run/secrets/portcullis_key",
            effective |config: &Config| config.secret_key_file().display().to_string());

        /// The most space that all profile pictures together can take, 16MiB to 1024TiB. When it is used up, uploads
        /// are rejected.
        picture_storage: u64 = 10 << 30, ("SIZE", between "16MiB" and "1024TiB");

        /// How long events stay in the audit log, 1d to 3650d.
        audit_ttl: Duration = 365 * DAY, ("TIME", between "1d" and "3650d");
    }

    "Sign-up and passwords" {
        /// Who may sign up. `quiet` does not reveal which addresses have accounts: it needs confirmed addresses, so it
        /// implies `require_verified_email`.
        sign_up: SignUp = SignUp::Open, ("open|quiet|closed");

        /// Whether a login with another provider (`login_with`) may create an account.
        social_sign_up: Option<bool> = None,
            ("on|off", unset "`off` if `sign_up` is `closed`, else `on`", example "on",
            effective |config: &Config| switch(config.may_sign_up_with_provider()));

        /// The email domains for which a login with another provider may create accounts, at most 100.
        social_domains: Vec<EmailDomain> = Vec::new(),
            ("DOMAIN,…", check are_few_domains, unset "all", example "example.com,example.org");

        /// Whether people must confirm their email address before the first login.
        require_verified_email: bool = false,
            ("on|off", effective |config: &Config| switch(config.requires_verified_email()));

        /// The minimum length of a new password in characters, 8 to 64.
        password_min_length: usize = 12, ("N", between "8" and "64");

        /// The list of breached passwords, as `portcullis breaches import` writes it. If you set this, the file must
        /// exist.
        breaches_file: Option<PathBuf> = None,
            ("FILE", unset "`breaches.filter` in the data directory, if it exists",
            example "/var/lib/portcullis/breaches.filter",
            effective |config: &Config| config.breaches_file().display().to_string());

        /// An additional check of new passwords against known breaches.
        breach_check: Option<BreachCheck> = None;

        /// The cost of a password hash. The default is the minimum: 19 MiB and two passes of Argon2id. After you raise
        /// it, each password is rehashed at the account's next login.
        hash_parameters: HashParameters = HashParameters::default();

        /// How long people can restore an account after they delete it, 0s to 90d.
        deletion_grace: Duration = Duration::ZERO, ("TIME", between "0s" and "90d");
    }

    "Attributes" {
        /// Attributes of accounts and organisations, such as "company" or "plan"; at most 32.
        attributes: Vec<Attribute> = Vec::new();
    }

    "Login and sessions" {
        /// Whether people can log in with an emailed link or code.
        log_in_by_mail: bool = false, ("on|off");

        /// The providers that people can log in with, by name: `google`, `microsoft`, `apple`, `github`, `facebook`,
        /// `discord`, `gitlab`, or any other name for an OpenID issuer.
        login_with: BTreeMap<String, LoginProvider> = BTreeMap::new();

        /// Which accounts need a second factor. An account that needs one and has none adds an authenticator app at its
        /// next login.
        second_factor: SecondFactor = SecondFactor::Optional, ("optional|required|required_for_admins");

        /// How many days a browser can be remembered after a code of the app was entered in it, so that it is not asked
        /// again. 0 turns this off. Accounts for which `second_factor` requires one are always asked.
        remember_devices_days: u32 = 0, ("N", between "0" and "90");

        /// The `aud` of access tokens (RFC 9068 §2.2).
        audience: Option<String> = None,
            ("NAME", check is_audience, unset "the public URL", example "https://api.example",
            effective |config: &Config| config.audience());

        /// How long an access token is valid, in whole seconds; 30s to 1h.
        access_token_ttl: Duration = Duration::from_mins(5),
            ("TIME", between "30s" and "1h", check is_whole_seconds);

        /// When a login also returns a refresh token. `on-request`: if it requests the scope `offline_access`.
        refresh_tokens: RefreshTokens = RefreshTokens::OnRequest, ("on-request|always|never");

        /// The maximum lifetime of a session with a cookie or a refresh token, 1h to 400d.
        session_ttl: Duration = 90 * DAY, ("TIME", between "1h" and "400d");

        /// How long such a session can be unused before it expires, 5m to 400d.
        session_idle_ttl: Duration = 14 * DAY, ("TIME", between "5m" and "400d");
    }

    "Roles" {
        /// Read-only roles, for support or auditors, at most 16: `NAME=PERMISSION+PERMISSION`, with the permissions
        /// `accounts:read` and `audit:read`. Assign one with `portcullis user set-role`. An account whose role is no
        /// longer declared is a user.
        admin_roles: Vec<AdminRole> = Vec::new(),
            ("NAME=PERMISSION,…", check are_few_roles, unset "none",
            example "support=accounts:read,auditor=accounts:read+audit:read");
    }

    "API keys" {
        /// The prefix of API keys, by which people and secret scanners recognize them: 1 to 16 lower-case letters and
        /// digits. Existing keys stay valid after a change.
        api_key_prefix: String = "portcullis".to_owned(), ("WORD", check is_key_prefix);
    }

    "Email and webhooks" {
        /// How email is sent, and its sender.
        mail: MailConfig = MailConfig::in_folder(data_dir.join("mail")), {
            /// How email is sent: `smtps://USER:PASSWORD@HOST`, `smtp://HOST` (STARTTLS), `file:///DIR` or `console:`.
            /// Give a password in the variable or the file: other users of the computer can see options.
            mail_url = transport: Transport,
                ("URL", unset "the folder `mail` in the data directory",
                example "smtps://USER:PASSWORD@smtp.example");

            /// The sender of email, as in `Shop <no-reply@shop.example>`.
            mail_from = from: Option<Mailbox>,
                ("ADDRESS", unset "`no-reply` at the host of the public URL",
                example "Shop <no-reply@shop.example>",
                effective |config: &Config| config.sender());

            /// Whether `smtp://HOST` sends email without TLS if the server offers none. Anyone who can read that
            /// traffic can take over accounts with the links in emails.
            mail_dangerous_plain_text = dangerous_plain_text: bool, ("on|off");
        };

        /// Whether webhooks may call this computer and private networks.
        webhook_private_targets: bool = false, ("on|off");
    }

    "Pages" {
        /// How pages and emails look.
        brand: Brand = Brand::default(), {
            /// The name of the service on pages and in emails, at most 60 characters.
            brand_name = name: String, ("NAME", check is_brand_name);

            /// A picture for the pages: SVG or PNG, at most 64 KiB.
            brand_logo = logo: Option<PathBuf>,
                ("FILE", unset "the name as text", example "/etc/portcullis/logo.svg");

            /// The color of buttons and links on the pages. It must be readable on white, and white text on it.
            brand_color = color: Color, ("#RRGGBB");
        };
    }

    "Limits" {
        /// Whether requests and password guessing are rate limited. Turn this off only for load tests.
        limits: bool = true, ("on|off");

        /// The most connections from one address (IPv6: one /64), 1 to 65536. It does not apply to trusted proxies, nor
        /// while `limits` is off.
        connections_per_address: u32 = 256, ("N", between "1" and "65536");
    }

    "Log" {
        /// The format of log lines.
        log_format: LogFormat = LogFormat::Text, ("text|json");

        /// Which log lines are written: a level, alone or per module, as in `info,portcullis_server::mail=debug`.
        log: String = "info".to_owned(), ("FILTER", check is_filter);
    }
}

fn are_proxies(networks: &[IpNet]) -> Result<(), String> {
    if networks.iter().any(|network| network.prefix_len() == 0) {
        return Err(
            "trusts every address, so anyone could choose the address that limits count; name the proxies"
                .to_owned(),
        );
    }
    Ok(())
}

fn are_few_domains(domains: &[EmailDomain]) -> Result<(), String> {
    if domains.len() > EMAIL_DOMAINS { Err("has more than 100 domains".to_owned()) } else { Ok(()) }
}

fn are_few_roles(roles: &[AdminRole]) -> Result<(), String> {
    if roles.len() > ADMIN_ROLES {
        return Err("has more than 16 roles".to_owned());
    }
    let names: BTreeSet<_> = roles.iter().map(AdminRole::name).collect();
    if names.len() == roles.len() { Ok(()) } else { Err("has two roles with the same name".to_owned()) }
}

fn are_few(origins: &[Origin]) -> Result<(), String> {
    if origins.len() > ALLOWED_ORIGINS { Err("has more than 100 origins".to_owned()) } else { Ok(()) }
}

#[expect(clippy::ref_option, reason = "the field is passed as it is")]
fn is_audience(audience: &Option<String>) -> Result<(), String> {
    let is_name =
        |text: &String| (1..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    if audience.as_ref().is_none_or(is_name) {
        Ok(())
    } else {
        Err("must be 1 to 255 visible ASCII characters, preferably a URL".to_owned())
    }
}

fn is_whole_seconds(time: &Duration) -> Result<(), String> {
    if time.subsec_nanos() == 0 { Ok(()) } else { Err("must be whole seconds".to_owned()) }
}

fn is_brand_name(name: &str) -> Result<(), String> {
    let length = name.chars().count();
    if !(1..=60).contains(&length) || name.chars().any(char::is_control) {
        return Err("must be 1 to 60 characters, none of them a control character".to_owned());
    }
    Ok(())
}

fn is_key_prefix(prefix: &str) -> Result<(), String> {
    let is_word = prefix.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    if is_word && (1..=16).contains(&prefix.len()) {
        Ok(())
    } else {
        Err("must be 1 to 16 lower-case letters and digits".to_owned())
    }
}

fn is_filter(filter: &str) -> Result<(), String> {
    let problem =
        |error| format!("is not a filter ({error}); write `info` or `info,portcullis_server::mail=debug`");
    tracing_subscriber::EnvFilter::try_new(filter).map(drop).map_err(problem)
}
