//! Measures the running server, and the limits of its machine for comparison. The figures are in `docs/benchmarks.md`.
//!
//! `cargo run --release -p portcullis-bench` builds the server, starts it as a separate process in a temporary folder,
//! and prints one table. It sets no thresholds: it fails only if something could not be measured.

mod client;
mod comparison;
mod document;
mod factors;
mod hashing;
mod load;
mod logins;
mod micro;
mod place;
mod policy;
mod process;
mod reads;
mod refreshes;
mod small;
mod startup;
mod table;
mod threads;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, ValueEnum};

use crate::{place::Place, table::Table};

/// Same as the server's, so that the allocator does not affect the comparison.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Why something could not be measured.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Measure Portcullis on this machine
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    /// Measure on this PostgreSQL, in a schema of its own, instead of SQLite
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
    /// Measure only these, separated by commas
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Section>,
    /// Measure this server instead of building one
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// How often to take each figure; the median is reported
    #[arg(long, default_value_t = 11, value_parser = clap::value_parser!(u16).range(1..=99))]
    rounds: u16,
    /// How many documents the permissions are measured with
    #[arg(long, default_value_t = policy::DOCUMENTS, value_parser = clap::value_parser!(u32).range(1000..=10_000_000))]
    documents: u32,
    #[command(subcommand)]
    role: Option<Role>,
}

/// Other roles in which this program starts itself.
#[derive(Debug, clap::Subcommand)]
enum Role {
    /// Serve a read with and without a guard
    #[command(hide = true)]
    Unguarded(comparison::Options),
    /// Serve a small handler bare, in an `Api` and behind a guard
    #[command(hide = true)]
    Small(small::Options),
    /// Serve documents with and without a policy
    #[command(hide = true)]
    Permitted(policy::Options),
}

/// A group of figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Section {
    /// The library's guard alone, without a network
    Micro,
    /// The guard on 1, 2, 4 and 8 threads
    Threads,
    /// The library building the document of 1,000 routes
    Document,
    /// A small handler over HTTP: bare, in an `Api`, behind a guard
    Small,
    /// Size of the program, time to be ready
    Startup,
    /// Memory before and after a flood of logins
    Memory,
    /// Logins compared with raw Argon2id
    Logins,
    /// Logins by passkey, and with a code of an app
    Factors,
    /// Guarded reads compared with unguarded ones
    Reads,
    /// Refreshes compared with raw durable transactions, and a page
    Refreshes,
    /// Permissions on rows: checks, lists, explanations, a diff, and reads
    Policy,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.role {
        Some(Role::Unguarded(options)) => comparison::serve(options),
        Some(Role::Small(options)) => small::serve(&options),
        Some(Role::Permitted(options)) => policy::serve(options),
        None => measure(&cli),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => fail(&reason),
    }
}

#[expect(clippy::print_stderr, reason = "the reason why the program ends belongs on standard error")]
fn fail(reason: &Failure) -> ExitCode {
    eprintln!("portcullis-bench: {reason}");
    ExitCode::FAILURE
}

fn measure(cli: &Cli) -> Result<(), Failure> {
    let runs = |section| cli.only.is_empty() || cli.only.contains(&section);
    let mut table = Table::new();
    if runs(Section::Micro) {
        micro::measure(cli.rounds, &mut table)?;
    }
    if runs(Section::Threads) {
        threads::measure(cli.rounds, &mut table)?;
    }
    if runs(Section::Document) {
        document::measure(cli.rounds, &mut table)?;
    }
    if runs(Section::Small) {
        small::measure(cli.rounds, &mut table)?;
    }
    if runs(Section::Policy) {
        let place = Place::new(cli.database_url.as_deref())?;
        policy::measure(&place, cli.documents, cli.rounds, &mut table)?;
    }
    let of_the_server = [
        Section::Startup,
        Section::Memory,
        Section::Logins,
        Section::Factors,
        Section::Reads,
        Section::Refreshes,
    ];
    if of_the_server.into_iter().any(&runs) {
        measure_server(cli, runs, &mut table)?;
    }
    Ok(table.print(cli.database_url.is_some())?)
}

fn measure_server(cli: &Cli, runs: impl Fn(Section) -> bool, table: &mut Table) -> Result<(), Failure> {
    let program = match &cli.binary {
        Some(file) => file.clone(),
        None => process::build()?,
    };
    if runs(Section::Startup) {
        startup::measure(&program, cli.database_url.as_deref(), table)?;
    }
    if [Section::Memory, Section::Logins, Section::Factors, Section::Reads, Section::Refreshes]
        .into_iter()
        .any(&runs)
    {
        let place = Place::new(cli.database_url.as_deref())?;
        let server = process::Process::start(place.program(&program))?;
        if runs(Section::Memory) {
            logins::measure_memory(&server, table)?;
        }
        if runs(Section::Logins) {
            logins::measure(&server, cli.rounds, table)?;
        }
        if runs(Section::Factors) {
            factors::measure(&place, &server, cli.rounds, table)?;
        }
        if runs(Section::Reads) {
            reads::measure(&place, &server, cli.rounds, table)?;
        }
        if runs(Section::Refreshes) {
            refreshes::measure(&place, &server, cli.rounds, table)?;
        }
    }
    Ok(())
}
