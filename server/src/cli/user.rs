//! `portcullis user …`: accounts from the command line, by the rules of the server.

use std::io::{self, Write};

use secrecy::ExposeSecret;

use super::{UserCommand, WhichAccount, read_new_password};
use crate::{
    accounts::{self, Account, AccountId, NewAccount},
    app::App,
    client::Client,
    error::Error,
};

/// How many accounts are read at once.
const PAGE: u32 = 500;

/// Does what the command says and prints what it did.
///
/// # Errors
/// One sentence for the operator.
pub async fn run(app: &App, command: UserCommand) -> Result<(), String> {
    match command {
        UserCommand::Add { email, full_name, password } => {
            let full_name =
                full_name.unwrap_or_else(|| email.split('@').next().unwrap_or_default().to_owned());
            let password = read_new_password(password).map_err(|error| error.to_string())?;
            let new = NewAccount::check(app, &email, &full_name, password.expose_secret()).await;
            let account = match new {
                Ok(new) => accounts::create(app, new, &operator()).await,
                Err(refused) => Err(refused),
            };
            print(&[account.map_err(|error| sentence(&error))?])
        }
        UserCommand::List => list(app).await,
        UserCommand::Show { account } => print(&[find(app, account).await?]),
        UserCommand::Disable { account } => set_active(app, account, false).await,
        UserCommand::Enable { account } => set_active(app, account, true).await,
        UserCommand::SetPassword { account, password } => {
            let account = find(app, account).await?;
            let password = read_new_password(password).map_err(|error| error.to_string())?;
            let set = accounts::set_password(app, &account, password.expose_secret(), &operator()).await;
            done(set, &account, "has a new password; its sessions are ended")
        }
        UserCommand::Delete { account, yes: _ } => {
            let account = find(app, account).await?;
            let deleted = accounts::delete(app, account.id, &operator()).await;
            done(deleted, &account, "is deleted")
        }
    }
}

async fn list(app: &App) -> Result<(), String> {
    let mut after = None;
    loop {
        let page = accounts::list(app, after, PAGE).await.map_err(|error| sentence(&error))?;
        print(&page)?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.id);
    }
}

async fn set_active(app: &App, account: WhichAccount, active: bool) -> Result<(), String> {
    let account = find(app, account).await?;
    let set = accounts::set_active(app, account.id, active, &operator()).await;
    done(set, &account, if active { "may log in again" } else { "may not log in; its sessions are ended" })
}

async fn find(app: &App, which: WhichAccount) -> Result<Account, String> {
    let found = match &which {
        WhichAccount::Id(number) => accounts::by_id(app, AccountId::new(*number)).await,
        WhichAccount::Email(email) => accounts::by_email(app, email).await,
    };
    found.map_err(|error| match error {
        Error::NotFound => "There is no such account; `portcullis user list` shows all.".to_owned(),
        error => sentence(&error),
    })
}

/// In the audit trail, what is done here is done by the operator.
fn operator() -> Client {
    Client::local("operator")
}

fn done(outcome: Result<(), Error>, account: &Account, what: &str) -> Result<(), String> {
    outcome.map_err(|error| sentence(&error))?;
    say(&format!("{} ({}) {what}.", account.email, account.id))
}

/// One account a line: number, address, name, and whether it is disabled, with tabs between them.
fn print(accounts: &[Account]) -> Result<(), String> {
    accounts.iter().try_for_each(|account| {
        let state = if account.is_active { "active" } else { "disabled" };
        say(&format!("{}\t{}\t{}\t{state}", account.id, account.email, account.full_name))
    })
}

fn say(line: &str) -> Result<(), String> {
    writeln!(io::stdout(), "{line}").map_err(|error| format!("standard output: {error}"))
}

/// What went wrong, for a person who may know the cause.
fn sentence(error: &Error) -> String {
    match error {
        Error::Invalid(invalid) => invalid.to_string(),
        Error::EmailTaken => "There is an account with this e-mail address already.".to_owned(),
        error => error.to_string(),
    }
}
