//! The program `portcullis`: arguments, configuration, and then the rooms do it.

use std::process::ExitCode;

use clap::Parser;
use portcullis_server::{
    App,
    cli::{self, Cli, Command},
    log,
};

/// Measured against the system's allocator: it gives back what a flood of log-ins took.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let config = match cli.settings.load() {
        Ok(config) => config,
        Err(error) => return fail(&error.to_string(), cli::USAGE),
    };
    if let Err(error) = config.check().map_err(|error| error.to_string()) {
        return fail(&error, cli::USAGE);
    }
    let log = match log::init(config.log_format, &config.log) {
        Ok(log) => log,
        Err(error) => return fail(&error.to_string(), cli::FAILED),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("the async runtime does not start: {error}"), cli::FAILED),
    };
    let outcome = runtime.block_on(async {
        match cli.command.unwrap_or(Command::Serve) {
            Command::Serve => Box::pin(cli::serve::run(config)).await,
            Command::Doctor { trial } => Box::pin(cli::doctor::run(config, trial)).await,
            Command::Breaches(command) => cli::breaches::run(&config, command),
            Command::Policy(command) => Box::pin(cli::policy::run(config, command)).await,
            Command::User(command) => {
                if !matches!(command, cli::UserCommand::Add { .. }) {
                    cli::require_data(&config)?;
                }
                let app = App::open(config).await.map_err(|error| error.to_string())?;
                cli::user::run(&app, command).await
            }
            Command::Webhook(command) => {
                cli::require_data(&config)?;
                let app = App::open(config).await.map_err(|error| error.to_string())?;
                cli::webhook::run(&app, command).await
            }
        }
    });
    drop(log);
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => fail(&reason, cli::FAILED),
    }
}

#[expect(clippy::print_stderr, reason = "the reason why the program ends belongs on standard error")]
fn fail(reason: &str, code: u8) -> ExitCode {
    eprintln!("portcullis: {reason}");
    ExitCode::from(code)
}
