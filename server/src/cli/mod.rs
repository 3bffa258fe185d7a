//! The command line of the program `portcullis`. The other modules do the work.

mod api_key;
mod attribute;
mod audit;
mod backup;
mod breaches;
mod command;
mod configuration;
mod doctor;
mod keys;
mod out;
mod password;
mod policy;
mod restore;
mod serve;
mod shell;
mod user;
mod webhook;

use std::path::{Path, PathBuf};

pub use self::command::{
    ApiKeyCommand, Assignment, AttributeCommand, AuditCommand, AuditFilter, BreachesCommand, Cli, Command,
    ConfigCommand, Format, KeysCommand, PasswordSource, Trial, UserCommand, UserFilter, WebhookCommand,
    WhichAccount, WhichOwner,
};
pub use self::out::complain;
use self::password::read_new_password;
pub use self::policy::{PolicyCommand, PolicyFile};
use crate::{
    app::App,
    config::{Config, Loaded},
};

/// The exit code of a command that failed.
pub const FAILED: u8 = 1;
/// The exit code of an invalid command line or configuration, the same as clap's.
pub const USAGE: u8 = 2;

/// Runs a command that needs no configuration, so that it works even if the configuration is invalid. `None` for any
/// other command.
///
/// # Errors
/// One sentence for the operator.
#[must_use]
pub fn print(command: &Command) -> Option<Result<(), String>> {
    match command {
        Command::Settings => Some(configuration::describe()),
        Command::Config(ConfigCommand::Default) => Some(configuration::print_default()),
        Command::Completions { shell } => Some(shell::complete(*shell)),
        Command::Man { folder } => Some(shell::man(folder.as_deref())),
        _ => None,
    }
}

/// Runs any other command.
///
/// # Errors
/// One sentence for the operator.
pub async fn run(loaded: Loaded, command: Command) -> Result<(), String> {
    let config = loaded.config.clone();
    match command {
        Command::Serve => Box::pin(serve::run(config)).await,
        Command::Doctor { trial } => Box::pin(doctor::run(config, trial)).await,
        Command::Breaches(command) => breaches::run(&config, command),
        Command::Config(ConfigCommand::Show { json }) => configuration::show(&loaded, json),
        Command::Backup { file, with_secret_key } => backup::run(&config, &file, with_secret_key),
        Command::Restore { file } => restore::run(&config, &file).await,
        Command::User(command) => {
            if !matches!(command, UserCommand::Add { .. }) {
                require_data(&config)?;
            }
            user::run(&open(config).await?, command).await
        }
        Command::Attribute(command) => attribute::run(&open_existing(config).await?, command).await,
        Command::Audit(command) => audit::run(&open_existing(config).await?, command).await,
        Command::ApiKey(command) => api_key::run(&open_existing(config).await?, command).await,
        Command::Keys(command) => keys::run(&open_existing(config).await?, command).await,
        Command::Policy(command) => Box::pin(policy::run(config, command)).await,
        Command::Webhook(command) => webhook::run(&open_existing(config).await?, command).await,
        // `print` has handled them.
        Command::Settings
        | Command::Config(ConfigCommand::Default)
        | Command::Completions { .. }
        | Command::Man { .. } => Ok(()),
    }
}

async fn open_existing(config: Config) -> Result<App, String> {
    require_data(&config)?;
    open(config).await
}

async fn open(config: Config) -> Result<App, String> {
    Box::pin(App::open(config)).await.map_err(|error| error.to_string())
}

/// Fails if the server's data does not exist. Only `serve` and `user add` create a key and a database; any other
/// command that is run in the wrong folder would otherwise create them there and report on an empty server.
fn require_data(config: &Config) -> Result<(), String> {
    let missing = |path: &Path| {
        format!(
            "no Portcullis data in {}: {} does not exist. Name the server's data directory (--data-dir, \
             PORTCULLIS_DATA_DIR) and run this as its user; `portcullis serve` or `portcullis user add` creates a new \
             one",
            std::path::absolute(&config.data_dir).unwrap_or_else(|_| config.data_dir.clone()).display(),
            path.display()
        )
    };
    // If a file cannot be inspected, opening it reports why.
    let is_absent = |path: &&PathBuf| matches!(path.try_exists(), Ok(false));
    let (key, database) = (config.secret_key_file(), config.sqlite_file());
    if is_absent(&&key) && database.as_ref().is_some_and(|file| file.exists()) {
        return Err(format!(
            "the secret key is missing: there is no {} beside an existing database. Restore the file from its \
             backup, or name it (setting `secret_key_file`)",
            key.display()
        ));
    }
    [Some(key), database].iter().flatten().find(is_absent).map_or(Ok(()), |path| Err(missing(path)))
}
