//! The command line: what the program `portcullis` can be asked to do. The rooms do it.

pub mod breaches;
pub mod doctor;
mod password;
pub mod serve;
pub mod user;
pub mod webhook;

use std::convert::Infallible;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::{Args, Parser, Subcommand};
use uuid::Uuid;

pub use self::password::{NewPasswordError, read_new_password};
use crate::{
    accounts::{Email, Role},
    config::{Config, Settings},
    secret::SecretKey,
};

/// Refuses to go on without the data of a server: only `serve` and `user add` make a key and a database. A command
/// that is run in the wrong folder would otherwise make them there, and answer for an empty server.
///
/// # Errors
/// One sentence for the operator.
pub fn require_data(config: &Config) -> Result<(), String> {
    let missing = |path: &Path| {
        format!(
            "no Portcullis data in {}: {} does not exist. Name the server's data directory (--data-dir, \
             PORTCULLIS_DATA_DIR) and run this as its user; `portcullis serve` or `portcullis user add` begins a new one",
            std::path::absolute(&config.data_dir).unwrap_or_else(|_| config.data_dir.clone()).display(),
            path.display()
        )
    };
    let key = config.secret_key_file.clone().unwrap_or_else(|| SecretKey::path_in(&config.data_dir));
    // A file that may not be looked at is said by what opens it.
    let is_absent = |path: &&PathBuf| matches!(path.try_exists(), Ok(false));
    [Some(key), config.sqlite_file()]
        .iter()
        .flatten()
        .find(is_absent)
        .map_or(Ok(()), |path| Err(missing(path)))
}

/// Writes a line to standard output. A reader that has seen enough, as in `user list | head -1`, is not an error:
/// the program ends in silence, as others do by SIGPIPE.
pub(crate) fn say(line: &str) -> Result<(), String> {
    match writeln!(io::stdout(), "{line}") {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
        outcome => outcome.map_err(|error| format!("standard output: {error}")),
    }
}

/// The exit code of a command that could not be done.
pub const FAILED: u8 = 1;
/// The exit code of a command line or configuration that makes no sense. clap's own is the same.
pub const USAGE: u8 = 2;

const EXAMPLES: &str = "\
Examples:
  portcullis                                     serve on http://127.0.0.1:8000, for a first look
  portcullis user add ana@example.com --admin    make an administrator; the password is asked for
  portcullis --config /etc/portcullis.toml       serve with the settings of a file
  portcullis doctor                              say what is not as it should be
  PORTCULLIS_PUBLIC_URL=https://login.example portcullis serve --listen 0.0.0.0:8000

Every setting can be a flag, a variable, or a key of the file, in this order of precedence.

Exit codes:
  0  done
  1  failed; the reason is on standard error
  2  wrong usage or configuration";

const USER_EXAMPLES: &str = "\
Examples:
  portcullis user add ana@example.com --full-name \"Ana Ng\" --admin
  portcullis user set-role 17 user
  portcullis user set-password 17 --password-stdin < new-password
  portcullis user disable ana@example.com
  portcullis user delete 17 --yes

A password is never an argument, for other users of the computer can see those: it is asked for twice on the
terminal, or is one line of standard input. An account is named by its e-mail address or its number.

Exit codes: 0 done, 1 failed, 2 wrong usage or configuration";

const DOCTOR_EXAMPLES: &str = "\
Examples:
  portcullis doctor                              check settings, database, keys, folders and the mail queue
  portcullis doctor mail ana@example.com         send a trial mail now, and say each step
  portcullis --config /etc/portcullis.toml doctor

Each line of the answer begins with `ok`, `warn` (look at it) or `FAIL` (it has to be put right).

Exit codes: 0 nothing failed, 1 something did, 2 wrong usage or configuration";

const BREACHES_EXAMPLES: &str = "\
Examples:
  portcullis breaches import pwned-passwords.txt
  portcullis breaches import --min-count 10 pwned-passwords.txt
  zstd -dc pwned-passwords.txt.zst | portcullis breaches import -

The list is the public one of Have I Been Pwned, with SHA-1 hashes, ordered by hash, in one file of some 40 GB. Its
own program writes it: `haveibeenpwned-downloader pwned-passwords`. Of a whole list comes a file of some 3 GB, in the
data directory or where the setting `breaches_file` says; then the list can go. The older file stays in use until the
server starts again, and stays in place when the import does not reach its end.

Exit codes: 0 done, 1 failed, 2 wrong usage or configuration";

const WEBHOOK_EXAMPLES: &str = "\
Examples:
  portcullis webhook add https://shop.example/hooks/accounts
  portcullis webhook list
  portcullis webhook test 019ab3c2-6a3e-7c11-9d2e-3f5a1b2c3d4e

A target is called by https, and is no address of this computer or a private network, unless
webhook_private_targets=on. What is sent, and how to verify it, is in docs/webhooks.md.

Exit codes: 0 done, 1 failed, 2 wrong usage or configuration";

/// Accounts and authorization for an API.
#[derive(Debug, Parser)]
#[command(name = "portcullis", version, after_help = EXAMPLES)]
pub struct Cli {
    /// What to do; to serve, when nothing is said.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// The settings, which may stand before or after the command.
    #[command(flatten)]
    pub settings: Settings,
}

/// What the program can do.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Serve until told to stop by SIGTERM or Ctrl-C (the default)
    Serve,
    /// Make, show, change and delete accounts
    #[command(subcommand, after_help = USER_EXAMPLES)]
    User(UserCommand),
    /// Say what is not as it should be; it opens the database as `serve` does
    #[command(after_help = DOCTOR_EXAMPLES)]
    Doctor {
        /// What to try; everything that can be tried without a trace, when nothing is said.
        #[command(subcommand)]
        trial: Option<Trial>,
    },
    /// Refuse passwords that are known from breaches elsewhere
    #[command(subcommand, after_help = BREACHES_EXAMPLES)]
    Breaches(BreachesCommand),
    /// Tell applications what happens to accounts, by signed requests
    #[command(subcommand, after_help = WEBHOOK_EXAMPLES)]
    Webhook(WebhookCommand),
}

/// What `doctor` tries on demand.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Trial {
    /// Send a trial mail now, and say each step
    #[command(after_help = DOCTOR_EXAMPLES)]
    Mail {
        /// Where to
        #[arg(value_parser = address)]
        address: Email,
    },
}

fn address(text: &str) -> Result<Email, &'static str> {
    Email::parse(text).map_err(|_| "that is no e-mail address")
}

/// What can be done with the list of breached passwords.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum BreachesCommand {
    /// Make the file that the server reads, from the public list of hashes
    #[command(after_help = BREACHES_EXAMPLES)]
    Import {
        /// The list: lines `SHA1:COUNT`, ordered by hash; `-` reads standard input
        #[arg(value_name = "FILE|-")]
        list: PathBuf,
        /// Leave out what was seen fewer times
        #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
        min_count: u64,
    },
}

/// What can be done with accounts.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum UserCommand {
    /// Make an account
    Add {
        /// The e-mail address it signs in with
        email: String,
        /// The name to show
        #[arg(long, value_name = "NAME")]
        full_name: Option<String>,
        /// Make it an administrator's
        #[arg(long)]
        admin: bool,
        /// Where its password comes from.
        #[command(flatten)]
        password: PasswordSource,
    },
    /// List all accounts
    List,
    /// Show one account and its sessions
    Show {
        /// Its e-mail address or number
        #[arg(value_name = "EMAIL|ID")]
        account: WhichAccount,
    },
    /// Keep an account from signing in, and end its sessions
    Disable {
        /// Its e-mail address or number
        #[arg(value_name = "EMAIL|ID")]
        account: WhichAccount,
    },
    /// Let a disabled account sign in again
    Enable {
        /// Its e-mail address or number
        #[arg(value_name = "EMAIL|ID")]
        account: WhichAccount,
    },
    /// Make an account an administrator's, or a user's again
    SetRole {
        /// Its e-mail address or number
        #[arg(value_name = "EMAIL|ID")]
        account: WhichAccount,
        /// What it may do beside its own affairs
        #[arg(value_enum)]
        role: Role,
    },
    /// Set a new password, and end all sessions
    SetPassword {
        /// Its e-mail address or number
        #[arg(value_name = "EMAIL|ID")]
        account: WhichAccount,
        /// Where the password comes from.
        #[command(flatten)]
        password: PasswordSource,
    },
    /// Remove the authenticator app and recovery codes of somebody who has lost them, and end all sessions
    RemoveFactor {
        /// Its email address or number
        #[arg(value_name = "EMAIL|ID")]
        account: WhichAccount,
    },
    /// Delete an account with its sessions and picture; there is no way back
    Delete {
        /// Its e-mail address or number
        #[arg(value_name = "EMAIL|ID")]
        account: WhichAccount,
        /// Say that you mean it
        #[arg(long, required = true)]
        yes: bool,
    },
}

/// What can be done with webhooks.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum WebhookCommand {
    /// Add a webhook, and show its secret this once
    Add {
        /// Where events are sent
        url: String,
    },
    /// List all webhooks, with what waits and what failed
    List,
    /// Remove a webhook, and what it was still to be told
    Remove {
        /// Its id, as `list` shows it
        id: Uuid,
    },
    /// Send an event `webhook.test` now, and say what came back
    Test {
        /// Its id, as `list` shows it
        id: Uuid,
    },
    /// Try again what was given up
    Retry {
        /// Its id, as `list` shows it
        id: Uuid,
    },
}

/// Where a new password comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Args)]
pub struct PasswordSource {
    /// Read the password from one line of standard input, as is done when that is no terminal
    #[arg(long)]
    pub password_stdin: bool,
}

/// The account that a command means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WhichAccount {
    /// By its number.
    Id(i64),
    /// By its e-mail address, as it was typed.
    Email(String),
}

impl FromStr for WhichAccount {
    type Err = Infallible;

    /// Digits are a number; anything else, even when no account can have it, is an e-mail address to look for.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        Ok(match text.parse() {
            Ok(id) if digits => Self::Id(id),
            _ => Self::Email(text.to_owned()),
        })
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
            assert_eq!(cli.settings.listen, Some("127.0.0.1:9".parse().unwrap()), "{line}");
        }
        assert_eq!(parse("").unwrap().command, None);
        assert_eq!(parse("serve").unwrap().command, Some(Command::Serve));
    }

    #[test]
    fn accounts_are_named_by_number_or_address() {
        let shown = |account: &str| match parse(&format!("user show {account}")).unwrap().command {
            Some(Command::User(UserCommand::Show { account })) => account,
            other => panic!("{other:?}"),
        };
        assert_eq!(shown("17"), WhichAccount::Id(17));
        assert_eq!(shown("17@example.com"), WhichAccount::Email("17@example.com".to_owned()));
        assert_eq!(shown("+17"), WhichAccount::Email("+17".to_owned()));
        assert_eq!(shown("99999999999999999999"), WhichAccount::Email("99999999999999999999".to_owned()));
    }

    #[test]
    fn a_deletion_must_be_meant_and_a_password_is_no_argument() {
        parse("user delete 17").unwrap_err();
        parse("user delete 17 --yes").unwrap();
        parse("user add ana@example.com --password hunter2").unwrap_err();
        parse("user add ana@example.com hunter2").unwrap_err();
        parse("user add ana@example.com --full-name Ana --admin --password-stdin").unwrap();
        parse("user set-role 17 admin").unwrap();
        parse("user set-role 17 root").unwrap_err();
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
    fn help_names_every_setting_and_the_exit_codes() {
        let help = parse("--help").unwrap_err().to_string();
        for text in ["PORTCULLIS_DATABASE_URL", "--trusted-proxies", "Exit codes", "Examples"] {
            assert!(help.contains(text), "{text} is not in\n{help}");
        }
    }
}
