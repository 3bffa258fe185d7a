//! `portcullis policy …`: who may do what, from the command line.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::{WhichAccount, out::say, require_data};
use crate::{
    accounts::{self, AccountId},
    app::App,
    config::Config,
    error::Error,
    policy::{Declared, Policy},
};

/// The largest policy or test file that is read, in bytes.
const LONGEST_FILE: u64 = 4 << 20;

/// What can be done with a policy.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum PolicyCommand {
    /// Check a policy: names, terms and comparisons
    Check {
        /// The policy.
        #[command(flatten)]
        policy: PolicyFile,
        /// Also check it against the tables in the server's database, and ask for the plan of each statement
        #[arg(long)]
        tables: bool,
    },
    /// Run the tests of a policy on the real SQL, in a database in memory
    Test {
        /// The tests
        #[arg(value_name = "FILE", default_value = "policy.test.toml")]
        tests: PathBuf,
        /// The policy.
        #[command(flatten)]
        policy: PolicyFile,
        /// Also run them on the server's PostgreSQL, in temporary tables and a transaction that is rolled back
        #[arg(long)]
        on_database: bool,
    },
    /// Say why an account may do something with a row, or what would be needed
    Explain {
        /// The policy.
        #[command(flatten)]
        policy: PolicyFile,
        /// The account
        #[arg(long, value_name = "EMAIL|ID")]
        who: WhichAccount,
        /// The permission, such as document:write
        #[arg(long, value_name = "PERMISSION")]
        may: String,
        /// The row, such as document:42
        #[arg(long, value_name = "TYPE:ID")]
        on: String,
    },
    /// List the ids of the rows that an account may do something with
    List {
        /// The policy.
        #[command(flatten)]
        policy: PolicyFile,
        /// The account
        #[arg(long, value_name = "EMAIL|ID")]
        who: WhichAccount,
        /// The permission, such as document:read
        #[arg(long, value_name = "PERMISSION")]
        may: String,
        /// How many at most
        #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        limit: u32,
    },
    /// Compare two policies: who would gain or lose what, over all accounts and rows in the server's database
    Diff {
        /// The policy as it is
        #[arg(value_name = "OLD")]
        old: PathBuf,
        /// The policy as it would be
        #[arg(value_name = "NEW")]
        new: PathBuf,
    },
    /// Write a policy in another language
    Export {
        /// The policy.
        #[command(flatten)]
        policy: PolicyFile,
        /// In Cedar: the files policy.cedarschema and policy.cedar
        #[arg(long, required = true)]
        cedar: bool,
        /// The folder to write to; files of an earlier export are replaced
        #[arg(long, value_name = "FOLDER", default_value = ".")]
        to: PathBuf,
    },
}

/// The policy that a command means.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct PolicyFile {
    /// The policy
    #[arg(long = "policy", value_name = "FILE", default_value = "policy.toml")]
    pub file: PathBuf,
}

/// Runs the command and prints the result.
///
/// # Errors
/// Returns one sentence for the operator, also if a policy or one of its tests fails.
pub(super) async fn run(config: Config, command: PolicyCommand) -> Result<(), String> {
    match command {
        PolicyCommand::Check { policy, tables } => {
            let declared = read_policy(&policy.file)?;
            let checked = declared.check_with(&config.attributes).map_err(|error| error.to_string())?;
            if tables {
                check_tables(&open(config).await?, &declared).await?;
            }
            say(&format!("{} is fine: {checked}.", policy.file.display()))
        }
        PolicyCommand::Test { tests, policy, on_database } => {
            let declared = read_policy(&policy.file)?;
            let (text, name) = (read(&tests)?, tests.display().to_string());
            let outcome = Policy::test(&declared, &text, &name).await.map_err(|error| error.to_string())?;
            report(&outcome, "SQLite")?;
            if on_database {
                if config.sqlite_file().is_some() {
                    return Err("--on-database needs PostgreSQL: set `database_url`".to_owned());
                }
                let app = open(config).await?;
                let outcome = Policy::test_on(app.db(), &declared, &text, &name).await;
                report(&outcome.map_err(|error| error.to_string())?, "PostgreSQL")?;
            }
            Ok(())
        }
        PolicyCommand::Explain { policy, who, may, on } => {
            let (app, policy) = open_policy(config, &policy.file).await?;
            let (who, failed) = (find(&app, &who).await?, |error: crate::policy::Error| error.to_string());
            let (object_type, object) = policy.object_named(&on).map_err(|error| error.to_string())?;
            if let Some((_, _, of)) =
                policy.permissions().find(|(name, _, of)| *name == may && *of != object_type)
            {
                return Err(format!("{may} is a permission on a {of}, not on {on}"));
            }
            let mut reader = app.db().read().await.map_err(|error| error.to_string())?;
            let explanation = policy.explain(reader.conn(), who, &may, object).await.map_err(failed)?;
            say(&explanation.to_string())
        }
        PolicyCommand::List { policy, who, may, limit } => {
            let (app, policy) = open_policy(config, &policy.file).await?;
            let who = find(&app, &who).await?;
            let mut reader = app.db().read().await.map_err(|error| error.to_string())?;
            let ids = policy.ids(reader.conn(), who, &may, limit).await.map_err(|error| error.to_string())?;
            ids.iter().try_for_each(|id| say(&id.to_string()))
        }
        PolicyCommand::Diff { old, new } => {
            let (old, new) = (read_policy(&old)?, read_policy(&new)?);
            diff(&open(config).await?, &old, &new).await
        }
        PolicyCommand::Export { policy, cedar: _, to } => export(&config, &read_policy(&policy.file)?, &to),
    }
}

fn export(config: &Config, policy: &Declared, folder: &Path) -> Result<(), String> {
    let cedar = policy.to_cedar_with(&config.attributes).map_err(|error| error.to_string())?;
    for (name, text) in [("policy.cedarschema", cedar.schema), ("policy.cedar", cedar.policies)] {
        let file = folder.join(name);
        std::fs::write(&file, text).map_err(|cause| format!("cannot write {}: {cause}", file.display()))?;
        say(&format!("Wrote {}.", file.display()))?;
    }
    Ok(())
}

async fn check_tables(app: &App, declared: &Declared) -> Result<(), String> {
    let policy = Policy::open(app, declared).await.map_err(|error| error.to_string())?;
    let mut reader = app.db().read().await.map_err(|error| error.to_string())?;
    for scan in policy.full_scans(reader.conn()).await.map_err(|error| error.to_string())? {
        let what = if scan.is_list { "list" } else { "check" };
        say(&format!(
            "note: the {what} for {} reads the whole table {} ({}). Give each column that the policy names its own \
                index. PostgreSQL may read a small table whole even so.",
            scan.permission, scan.table, scan.plan
        ))?;
    }
    Ok(())
}

fn report(outcome: &crate::policy::Outcome, database: &str) -> Result<(), String> {
    outcome.failures.iter().try_for_each(|failure| say(failure))?;
    for term in &outcome.uncovered {
        say(&format!("not covered: in no case is {term} the only reason"))?;
    }
    if outcome.is_fine() {
        return say(&format!("{} cases passed on {database}; every term is covered.", outcome.cases));
    }
    let (failed, open) = (outcome.failures.len(), outcome.uncovered.len());
    Err(format!("{failed} of {} cases failed on {database}; {open} terms are not covered", outcome.cases))
}

async fn diff(app: &App, old: &Declared, new: &Declared) -> Result<(), String> {
    let of = |error: crate::policy::PolicyError| error.to_string();
    let (old, new) = (Policy::unproved(app, old).map_err(of)?, Policy::unproved(app, new).map_err(of)?);
    let changes = Policy::diff(&old, &new, app).await.map_err(|error| error.to_string())?;
    if changes.is_empty() {
        return say("No account gains or loses access.");
    }
    for change in changes {
        let verb = if change.is_gain { "gain" } else { "lose" };
        let least = if change.is_more { "at least " } else { "" };
        say(&format!(
            "{} accounts {verb} {} on {least}{} rows of {}",
            change.accounts, change.permission, change.rows, change.table
        ))?;
        for (account, id) in &change.examples {
            say(&format!("  account {account}: {id}"))?;
        }
    }
    Ok(())
}

async fn open_policy(config: Config, file: &Path) -> Result<(App, Policy), String> {
    let declared = read_policy(file)?;
    let app = open(config).await?;
    let policy = Policy::open(&app, &declared).await.map_err(|error| error.to_string())?;
    Ok((app, policy))
}

/// Boxed, because the future of `App::open` is large.
async fn open(config: Config) -> Result<App, String> {
    require_data(&config)?;
    Box::pin(App::open(config)).await.map_err(|error| error.to_string())
}

fn read_policy(file: &Path) -> Result<Declared, String> {
    Declared::from_toml(&read(file)?, &file.display().to_string()).map_err(|error| error.to_string())
}

fn read(file: &Path) -> Result<String, String> {
    let failed = |cause: std::io::Error| format!("cannot read {}: {cause}", file.display());
    let length = std::fs::metadata(file).map_err(failed)?.len();
    if length > LONGEST_FILE {
        return Err(format!("{} is larger than 4 MiB", file.display()));
    }
    std::fs::read_to_string(file).map_err(failed)
}

async fn find(app: &App, which: &WhichAccount) -> Result<AccountId, String> {
    let found = match which {
        WhichAccount::Id(number) => accounts::by_id(app, AccountId::new(*number)).await,
        WhichAccount::Email(email) => accounts::by_email(app, email).await,
    };
    found.map(|account| account.id).map_err(|error| match error {
        Error::NotFound => "There is no such account; `portcullis user list` shows all.".to_owned(),
        error => error.to_string(),
    })
}
