//! The definition of the command line: what clap parses and `--help` prints.

use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use uuid::Uuid;

use super::PolicyCommand;
use crate::{
    accounts::{Email, Role},
    config::{self, Settings},
};

const EXAMPLES: &str = "\
Examples:
  portcullis                                     serve on http://127.0.0.1:8000, for a first look
  portcullis user add ana@example.com --admin    create an administrator
  portcullis --config /etc/portcullis.toml       serve with the settings of a file
  portcullis doctor                              check settings, database, keys and email
  PORTCULLIS_PUBLIC_URL=https://login.example portcullis serve --listen 0.0.0.0:8000

Every setting can be an option, a variable, or a key of the file: see `portcullis help settings`.

Exit codes: 0 done, 1 failed (the reason is on standard error), 2 wrong usage or configuration";

const USER_EXAMPLES: &str = "\
Examples:
  portcullis user add ana@example.com --full-name \"Ana Ng\" --admin
  portcullis user list --search ana
  portcullis user set-role 17 user
  portcullis user set-password 17 --password-stdin < new-password
  portcullis user disable ana@example.com
  portcullis user delete 17 --yes

A password is never an argument, because other users of the computer can see arguments. Type it on the terminal, or \
pass it as one line of standard input. Name an account by its email address or its ID.";

const ATTRIBUTE_EXAMPLES: &str = "\
Examples:
  portcullis attribute list ana@example.com
  portcullis attribute set ana@example.com plan=pro \"company=Ng & Daughters\"
  portcullis attribute set 17 plan=
  portcullis attribute set 01890a5d-ac96-774b-bcce-b302099a8057 seats=20

Name an account by its email address or its ID, and an organisation by its ID. The setting `attributes` declares what can \
be set. The audit log records the names of changed attributes, and not their values.";

const AUDIT_EXAMPLES: &str = "\
Examples:
  portcullis audit list --account ana@example.com --since 7d
  portcullis audit list --event session.log_in_failed --limit 500
  portcullis audit list --since 30d --limit 1000000 --csv > audit.csv

BY is `operator` for the command line, or the account that acted on another one. It is `-` if the account itself made \
the request, or nobody was logged in.";

const API_KEY_EXAMPLES: &str = "\
Examples:
  portcullis api-key list --account ana@example.com
  portcullis api-key revoke x2Yt9KfPq0Ab
  gitleaks dir . --report-format json --report-path - | portcullis api-key leaked
  portcullis api-key leaked < report.json

`leaked` reads any text. It finds API keys by their checksum, revokes those of this server, and emails their owners. \
docs/api-keys.md has a rule for gitleaks.";

const DOCTOR_EXAMPLES: &str = "\
Examples:
  portcullis doctor                              check settings, database, keys, folders and the email queue
  portcullis doctor mail ana@example.com         send a test email now, and print each step
  portcullis --config /etc/portcullis.toml doctor

Each line begins with `ok`, `warn` (look at it) or `FAIL` (fix it).

Exit codes: 0 nothing failed, 1 something did, 2 wrong usage or configuration";

const BACKUP_EXAMPLES: &str = "\
Examples:
  portcullis backup /backup/portcullis-2026-11-30.tar
  portcullis backup portcullis.tar --with-secret-key

You can run this while the server runs. The file holds the SQLite database and the profile pictures. Without the \
secret \
key, nobody can log in with it or sign tokens: keep a copy of the key in another place. For PostgreSQL, use pg_dump \
and \
copy the folder `objects` of the data directory.";

const RESTORE_EXAMPLES: &str = "\
Examples:
  portcullis --data-dir /var/lib/portcullis restore portcullis.tar

Stop the server first. Restoring ends all sessions and API keys, invalidates all emailed links and codes, and drops \
waiting emails. The secret key must be in the data directory already (or in `secret_key_file`), unless the backup was \
made with --with-secret-key.";

const BREACHES_EXAMPLES: &str = "\
Examples:
  portcullis breaches import pwned-passwords.txt
  portcullis breaches import --min-count 10 pwned-passwords.txt
  zstd -dc pwned-passwords.txt.zst | portcullis breaches import -

The list is the public one of Have I Been Pwned: SHA-1 hashes, ordered by hash, in one file of about 40 GB. Download \
it with `haveibeenpwned-downloader pwned-passwords`. The import writes a file of about 3 GB to the data directory, or \
to the path in the setting `breaches_file`. Afterwards you can delete the list. The server keeps using the older file \
until it restarts. A failed import leaves the older file in place.

Exit codes: 0 done, 1 failed, 2 wrong usage or configuration";

const WEBHOOK_EXAMPLES: &str = "\
Examples:
  portcullis webhook add https://shop.example/hooks/accounts
  portcullis webhook list
  portcullis webhook test 019ab3c2-6a3e-7c11-9d2e-3f5a1b2c3d4e

URLs must use HTTPS and resolve to a public address, unless `webhook_private_targets` is on. docs/webhooks.md \
describes the requests and how to verify them.";

/// Accounts and authorization for an API.
#[derive(Debug, Parser)]
#[command(name = "portcullis", version, after_help = EXAMPLES)]
pub struct Cli {
    /// The command; the default is `serve`.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// The settings, before or after the command.
    #[command(flatten)]
    pub settings: Settings,
}

/// What the program can do.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Serve until SIGTERM or Ctrl-C (the default)
    Serve,
    /// Create, show, change and delete accounts
    #[command(subcommand, after_help = USER_EXAMPLES)]
    User(UserCommand),
    /// Show and change attributes of accounts and organisations
    #[command(subcommand, after_help = ATTRIBUTE_EXAMPLES)]
    Attribute(AttributeCommand),
    /// Read the audit log
    #[command(subcommand, after_help = AUDIT_EXAMPLES)]
    Audit(AuditCommand),
    /// Notify applications of what happens to accounts, with signed requests
    #[command(subcommand, after_help = WEBHOOK_EXAMPLES)]
    Webhook(WebhookCommand),
    /// Check, test, explain and compare access to the rows of an application
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// List and revoke the API keys of accounts
    #[command(subcommand, after_help = API_KEY_EXAMPLES)]
    ApiKey(ApiKeyCommand),
    /// Show the keys that sign access tokens
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Save the database and the pictures in one file (SQLite)
    #[command(after_help = BACKUP_EXAMPLES)]
    Backup {
        /// The file to write; it must not exist
        file: PathBuf,
        /// Put the secret key into the file too. Whoever has the file can then issue tokens for every account
        #[arg(long)]
        with_secret_key: bool,
    },
    /// Restore a backup into an empty data directory (SQLite)
    #[command(after_help = RESTORE_EXAMPLES)]
    Restore {
        /// The file that `portcullis backup` wrote
        file: PathBuf,
    },
    /// Reject passwords that are known from data breaches
    #[command(subcommand, after_help = BREACHES_EXAMPLES)]
    Breaches(BreachesCommand),
    /// Check settings, database, keys, folders and email; opens the database as `serve` does
    #[command(after_help = DOCTOR_EXAMPLES)]
    Doctor {
        /// What to try; by default, everything that changes nothing.
        #[command(subcommand)]
        trial: Option<Trial>,
    },
    /// Show the settings that apply, or print a configuration file
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Describe every setting
    #[command(after_help = config::describe())]
    Settings,
    /// Print a completion script for a shell
    #[command(after_help = "Example:\n  portcullis completions bash > /etc/bash_completion.d/portcullis")]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the man page, or write one for each command into a folder
    #[command(
        after_help = "Examples:\n  portcullis man | man -l -\n  portcullis man /usr/local/share/man/man1"
    )]
    Man {
        /// The folder
        folder: Option<PathBuf>,
    },
}

/// What `doctor` tries on demand.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Trial {
    /// Send a test email now, and print each step
    #[command(after_help = DOCTOR_EXAMPLES)]
    Mail {
        /// The recipient
        #[arg(value_parser = address)]
        address: Email,
    },
}

fn address(text: &str) -> Result<Email, &'static str> {
    Email::parse(text).map_err(|_| "not an email address")
}

/// What can be done with the settings.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum ConfigCommand {
    /// Print the value of each setting and where it comes from; passwords are left out
    Show {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print a configuration file with every setting, commented out
    #[command(after_help = "Example:\n  portcullis config default > /etc/portcullis.toml")]
    Default,
}

/// What can be done with the signing keys.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum KeysCommand {
    /// List the keys, newest first; private keys are never shown
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// What can be done with API keys.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum ApiKeyCommand {
    /// List API keys, newest first; the keys themselves are never shown
    List {
        /// Only keys of this account
        #[arg(long, value_name = "EMAIL|ID")]
        account: Option<WhichAccount>,
        /// The most keys to list
        #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Revoke an API key
    Revoke {
        /// Its ID, as `list` shows it
        id: String,
    },
    /// Find API keys in a text on standard input, revoke them, and email their owners
    #[command(after_help = API_KEY_EXAMPLES)]
    Leaked,
}

/// What can be done with the audit log.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum AuditCommand {
    /// List events, newest first
    #[command(after_help = AUDIT_EXAMPLES)]
    List {
        /// Which events.
        #[command(flatten)]
        filter: AuditFilter,
        /// How they are printed.
        #[command(flatten)]
        format: Format,
    },
}

/// Which events are listed.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct AuditFilter {
    /// Only events of this account, or of what it did to others
    #[arg(long, value_name = "EMAIL|ID")]
    pub account: Option<WhichAccount>,
    /// Only events with this name, such as `session.logged_in`
    #[arg(long, value_name = "NAME")]
    pub event: Option<String>,
    /// Only events of the last hours or days, such as 24h or 7d
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub since: Option<Duration>,
    /// The most events to list
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
}

fn duration(text: &str) -> Result<Duration, &'static str> {
    humantime::parse_duration(text).map_err(|_| "not a duration; write 24h or 7d")
}

/// How a list is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Args)]
pub struct Format {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Print CSV
    #[arg(long, conflicts_with = "json")]
    pub csv: bool,
}

/// What can be done with the list of breached passwords.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum BreachesCommand {
    /// Convert the public list of hashes to the file that the server reads
    #[command(after_help = BREACHES_EXAMPLES)]
    Import {
        /// The list: lines `SHA1:COUNT`, ordered by hash; `-` reads standard input
        #[arg(value_name = "FILE|-")]
        list: PathBuf,
        /// Leave out passwords that were seen fewer times
        #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
        min_count: u64,
    },
}

/// What can be done with accounts.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum UserCommand {
    /// Create an account
    Add {
        /// The email address to log in with
        email: String,
        /// The name to show; by default, the part of the address before the `@`
        #[arg(long, value_name = "NAME")]
        full_name: Option<String>,
        /// Make it an administrator
        #[arg(long)]
        admin: bool,
        /// Where its password comes from.
        #[command(flatten)]
        password: PasswordSource,
    },
    /// Create an account without a password, and email its owner a link to choose one
    Invite {
        /// The email address to log in with
        email: String,
        /// The name to show; by default, the part of the address before the `@`
        #[arg(long, value_name = "NAME")]
        full_name: Option<String>,
        /// Make it an administrator
        #[arg(long)]
        admin: bool,
        /// The language of the emails to the owner: en, de or es
        #[arg(long, value_name = "LANGUAGE", default_value = "en")]
        language: String,
    },
    /// List accounts
    List {
        /// Which accounts.
        #[command(flatten)]
        filter: UserFilter,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show one account and its active sessions
    Show {
        /// Its email address or ID
        #[arg(value_name = "EMAIL|ID")]
        account: WhichAccount,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Prevent an account from logging in, and end its sessions
    Disable {
        /// Its email address or ID
        #[arg(value_name = "EMAIL|ID")]
        account: WhichAccount,
    },
    /// Let a disabled account log in again
    Enable {
        /// Its email address or ID
        #[arg(value_name = "EMAIL|ID")]
        account: WhichAccount,
    },
    /// Make an account an administrator, or a user again, or give it a role of the setting `admin_roles`
    SetRole {
        /// Its email address or ID
        #[arg(value_name = "EMAIL|ID")]
        account: WhichAccount,
        /// `user`, `admin`, or a role of the setting `admin_roles`
        role: Role,
    },
    /// Set a new password, and end all sessions
    SetPassword {
        /// Its email address or ID
        #[arg(value_name = "EMAIL|ID")]
        account: WhichAccount,
        /// Where the password comes from.
        #[command(flatten)]
        password: PasswordSource,
    },
    /// Remove the authenticator app, recovery codes and passkeys of someone who lost them, and end all sessions
    RemoveFactor {
        /// Its email address or ID
        #[arg(value_name = "EMAIL|ID")]
        account: WhichAccount,
    },
    /// Delete an account with its sessions and picture; this cannot be undone
    Delete {
        /// Its email address or ID
        #[arg(value_name = "EMAIL|ID")]
        account: WhichAccount,
        /// Delete without asking, for scripts
        #[arg(long)]
        yes: bool,
    },
}

/// What can be done with attributes.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum AttributeCommand {
    /// List the declared attributes with their values
    List {
        /// The account or organisation
        #[arg(value_name = "EMAIL|ID")]
        owner: WhichOwner,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Change attributes: all of them, or none if one is not allowed
    #[command(after_help = ATTRIBUTE_EXAMPLES)]
    Set {
        /// The account or organisation
        #[arg(value_name = "EMAIL|ID")]
        owner: WhichOwner,
        /// The new values; `NAME=` removes a value
        #[arg(value_name = "NAME=VALUE", required = true)]
        changes: Vec<Assignment>,
    },
}

/// The account or organisation that a command means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WhichOwner {
    /// An account.
    Account(WhichAccount),
    /// An organisation by its ID.
    Organisation(Uuid),
}

impl FromStr for WhichOwner {
    type Err = Infallible;

    /// Only an ID with hyphens is an organisation: 32 digits without them could be an account's.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match Uuid::try_parse(text) {
            Ok(id) if text.contains('-') => Ok(Self::Organisation(id)),
            _ => text.parse().map(Self::Account),
        }
    }
}

/// A new value for an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The attribute's name.
    pub name: String,
    /// As a person types it; empty to remove the value.
    pub value: String,
}

impl FromStr for Assignment {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, value) = text.split_once('=').ok_or("write NAME=VALUE, or NAME= to remove a value")?;
        Ok(Self { name: name.to_owned(), value: value.to_owned() })
    }
}

/// Which accounts are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct UserFilter {
    /// Only accounts whose email address or name contains this
    #[arg(long, value_name = "TEXT")]
    pub search: Option<String>,
    /// Only administrators
    #[arg(long)]
    pub admins: bool,
    /// Only disabled accounts
    #[arg(long)]
    pub disabled: bool,
    /// Only accounts whose email address is not confirmed
    #[arg(long)]
    pub unconfirmed: bool,
}

/// What can be done with webhooks.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum WebhookCommand {
    /// Add a webhook, and show its secret once
    Add {
        /// Where events are sent
        url: String,
    },
    /// List webhooks, with pending and failed deliveries
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove a webhook and its pending deliveries
    Remove {
        /// Its ID, as `list` shows it
        id: Uuid,
    },
    /// Send an event `webhook.test` now, and print the response
    Test {
        /// Its ID, as `list` shows it
        id: Uuid,
    },
    /// Retry failed deliveries
    Retry {
        /// Its ID, as `list` shows it
        id: Uuid,
    },
}

/// Where a new password comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Args)]
pub struct PasswordSource {
    /// Read the password from one line of standard input, which is the default if that is not a terminal
    #[arg(long)]
    pub password_stdin: bool,
}

/// The account that a command means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WhichAccount {
    /// By its ID.
    Id(i64),
    /// By its email address, as typed.
    Email(String),
}

impl FromStr for WhichAccount {
    type Err = Infallible;

    /// Digits are an ID. Anything else is an email address, even if no account can have it.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        Ok(match text.parse() {
            Ok(id) if digits => Self::Id(id),
            _ => Self::Email(text.to_owned()),
        })
    }
}

impl fmt::Display for WhichAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Email(email) => email.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(std::iter::once("portcullis").chain(line.split_whitespace()))
    }

    #[test]
    fn the_definition_is_sound() {
        use clap::CommandFactory as _;
        Cli::command().debug_assert();
    }

    #[test]
    fn settings_stand_before_or_after_any_command() {
        for line in [
            "--listen 127.0.0.1:9",
            "serve --listen 127.0.0.1:9",
            "--listen 127.0.0.1:9 serve",
            "user list --listen 127.0.0.1:9",
            "--listen 127.0.0.1:9 user list",
        ] {
            let cli = parse(line).unwrap();
            assert_eq!(cli.settings.text("listen"), Some("127.0.0.1:9"), "{line}");
        }
        assert_eq!(parse("").unwrap().command, None);
        assert_eq!(parse("serve").unwrap().command, Some(Command::Serve));
    }

    #[test]
    fn accounts_are_named_by_number_or_address() {
        let shown = |account: &str| match parse(&format!("user show {account}")).unwrap().command {
            Some(Command::User(UserCommand::Show { account, .. })) => account,
            other => panic!("{other:?}"),
        };
        assert_eq!(shown("17"), WhichAccount::Id(17));
        assert_eq!(shown("17@example.com"), WhichAccount::Email("17@example.com".to_owned()));
        assert_eq!(shown("+17"), WhichAccount::Email("+17".to_owned()));
        assert_eq!(shown("99999999999999999999"), WhichAccount::Email("99999999999999999999".to_owned()));
    }

    #[test]
    fn attributes_are_of_an_account_or_an_organisation() {
        let owner = |text: &str| text.parse::<WhichOwner>().unwrap();
        let id = "01890a5d-ac96-774b-bcce-b302099a8057";
        assert_eq!(owner(id), WhichOwner::Organisation(id.parse().unwrap()));
        assert_eq!(owner("17"), WhichOwner::Account(WhichAccount::Id(17)));
        assert!(matches!(owner(&id.replace('-', "")), WhichOwner::Account(_)));
        parse("attribute set 17 plan=pro company=").unwrap();
        parse("attribute set 17 plan").unwrap_err();
        parse("attribute set 17").unwrap_err();
    }

    #[test]
    fn a_password_is_no_argument() {
        parse("user delete 17").unwrap();
        parse("user delete 17 --yes").unwrap();
        parse("user add ana@example.com --password hunter2").unwrap_err();
        parse("user add ana@example.com hunter2").unwrap_err();
        parse("user add ana@example.com --full-name Ana --admin --password-stdin").unwrap();
        parse("user set-role 17 admin").unwrap();
        parse("user set-role 17 Root!").unwrap_err();
    }

    #[test]
    fn a_list_is_imported_from_a_file_or_standard_input() {
        let import = |list: &str, min_count| {
            Some(Command::Breaches(BreachesCommand::Import { list: list.into(), min_count }))
        };
        assert_eq!(parse("breaches import list.txt").unwrap().command, import("list.txt", 1));
        assert_eq!(parse("breaches import --min-count 5 -").unwrap().command, import("-", 5));
        parse("breaches import list.txt --min-count 0").unwrap_err();
        parse("breaches import").unwrap_err();
        let help = parse("breaches import --help").unwrap_err().to_string();
        assert!(help.contains("haveibeenpwned-downloader") && help.contains("Exit codes"), "{help}");
    }

    #[test]
    fn help_is_short_and_the_settings_have_a_page() {
        for line in ["--help", "user list --help", "serve --help"] {
            let help = parse(line).unwrap_err().to_string();
            assert!(help.lines().count() < 60, "{help}");
            assert!(help.contains("--config") && help.contains("--data-dir"), "{help}");
            assert!(!help.contains("--trusted-proxies"), "{help}");
        }
        let help = parse("--help").unwrap_err().to_string();
        assert!(help.contains("Exit codes") && help.contains("portcullis help settings"), "{help}");
        for line in ["help settings", "settings --help"] {
            let help = parse(line).unwrap_err().to_string();
            assert!(help.contains("trusted_proxies") && help.contains("256"), "{help}");
        }
    }
}
