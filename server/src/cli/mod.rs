//! The command line: what the program `portcullis` can be asked to do. The rooms do it.

mod password;
pub mod serve;
pub mod user;

use std::convert::Infallible;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand};

pub use self::password::{NewPasswordError, read_new_password};
use crate::{accounts::Role, config::Settings};

/// The exit code of a command that could not be done.
pub const FAILED: u8 = 1;
/// The exit code of a command line or configuration that makes no sense. clap's own is the same.
pub const USAGE: u8 = 2;

const EXAMPLES: &str = "\
Examples:
  portcullis                                     serve on http://127.0.0.1:8000, for a first look
  portcullis user add ana@example.com --admin    make an administrator; the password is asked for
  portcullis --config /etc/portcullis.toml       serve with the settings of a file
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
    fn help_names_every_setting_and_the_exit_codes() {
        let help = parse("--help").unwrap_err().to_string();
        for text in ["PORTCULLIS_DATABASE_URL", "--trusted-proxies", "Exit codes", "Examples"] {
            assert!(help.contains(text), "{text} is not in\n{help}");
        }
    }
}
