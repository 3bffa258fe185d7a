//! The program `portcullis`: reads arguments and configuration, then hands over to the rooms.

use std::process::ExitCode;

use clap::Parser;
use portcullis_server::{
    cli::{self, Cli, Command},
    log,
};

/// Chosen by measurement against the system's allocator: it returns the memory that a flood of logins took.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let command = cli.command.unwrap_or(Command::Serve);
    if let Some(printed) = cli::print(&command) {
        return ended(printed);
    }
    let loaded = match cli.settings.load() {
        Ok(loaded) => loaded,
        Err(error) => return fail(&error.to_string(), cli::USAGE),
    };
    let log = match log::init(loaded.config.log_format, &loaded.config.log) {
        Ok(log) => log,
        Err(error) => return fail(&error.to_string(), cli::FAILED),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("cannot start the async runtime: {error}"), cli::FAILED),
    };
    let outcome = runtime.block_on(Box::pin(cli::run(loaded, command)));
    drop(log);
    ended(outcome)
}

fn ended(outcome: Result<(), String>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => fail(&reason, cli::FAILED),
    }
}

/// In the style of clap's own errors.
fn fail(reason: &str, code: u8) -> ExitCode {
    cli::complain(reason);
    ExitCode::from(code)
}
