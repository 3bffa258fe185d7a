//! `portcullis user …`: accounts from the command line, by the rules of the server.

use secrecy::ExposeSecret;

use super::{UserCommand, WhichAccount, read_new_password, say};
use crate::{
    access::By,
    accounts::{self, Account, AccountDetails, AccountId, NewAccount, Role},
    admin,
    app::App,
    client::Client,
    error::Error,
    leaving, sessions,
};

/// How many accounts are read at once.
const PAGE: u32 = 500;

/// Does what the command says and prints what it did.
///
/// # Errors
/// One sentence for the operator.
pub async fn run(app: &App, command: UserCommand) -> Result<(), String> {
    match command {
        UserCommand::Add { email, full_name, admin, password } => {
            let full_name =
                full_name.unwrap_or_else(|| email.split('@').next().unwrap_or_default().to_owned());
            let password = read_new_password(password).map_err(|error| error.to_string())?;
            let new = NewAccount::check(app, &email, &full_name, password.expose_secret()).await;
            let account = match new {
                Ok(new) => admin::create(app, with_role(new, admin), &operator()).await,
                Err(refused) => Err(refused),
            };
            print(&details(app, account.map_err(|error| sentence(&error))?.id).await?)
        }
        UserCommand::List => list(app).await,
        UserCommand::Show { account } => show(app, account).await,
        UserCommand::Disable { account } => set_active(app, account, false).await,
        UserCommand::Enable { account } => set_active(app, account, true).await,
        UserCommand::SetRole { account, role } => {
            let account = find(app, account).await?;
            let set = admin::set_role(app, account.id, role, By::operator(&operator())).await;
            let what = match role {
                Role::Admin => "is an administrator",
                Role::User => "is a user",
            };
            done(set, &account, what)
        }
        UserCommand::SetPassword { account, password } => {
            let account = find(app, account).await?;
            let password = read_new_password(password).map_err(|error| error.to_string())?;
            let set =
                admin::set_password(app, &account, password.expose_secret(), By::operator(&operator())).await;
            done(set, &account, "has a new password; its sessions are ended")
        }
        UserCommand::RemoveFactor { account } => {
            let account = find(app, account).await?;
            let removed = admin::remove_factor(app, account.id, By::operator(&operator())).await;
            if matches!(removed, Err(Error::NotFound)) {
                return Err(format!("{} ({}) has no second factor.", account.email, account.id));
            }
            done(removed, &account, "has no second factor any more; its sessions are ended")
        }
        UserCommand::Delete { account, yes: _ } => {
            let account = find(app, account).await?;
            let deleted = leaving::delete(app, account.id, By::operator(&operator())).await;
            done(deleted, &account, "is deleted")
        }
    }
}

async fn list(app: &App) -> Result<(), String> {
    let mut after = None;
    loop {
        let page = accounts::list(app, None, after, PAGE).await.map_err(|error| sentence(&error))?;
        page.iter().try_for_each(print)?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.account.id);
    }
}

/// The account, and then its living sessions, one a line: name, device, when it was last used, and from where.
async fn show(app: &App, account: WhichAccount) -> Result<(), String> {
    let id = find(app, account).await?.id;
    print(&details(app, id).await?)?;
    let sessions = sessions::list(app, id).await.map_err(|error| sentence(&error))?;
    sessions.iter().try_for_each(|session| {
        let address = session.address.as_deref().unwrap_or("unknown address");
        say(&format!(
            "session\t{}\t{}\t{}\t{address}",
            session.id,
            session.device(),
            session.last_seen_at.to_rfc3339()
        ))
    })
}

async fn details(app: &App, id: AccountId) -> Result<AccountDetails, String> {
    accounts::details(app, id).await.map_err(|error| sentence(&error))
}

fn with_role(new: NewAccount, admin: bool) -> NewAccount {
    if admin { new.with_role(Role::Admin) } else { new }
}

async fn set_active(app: &App, account: WhichAccount, active: bool) -> Result<(), String> {
    let account = find(app, account).await?;
    let set = admin::set_active(app, account.id, active, By::operator(&operator())).await;
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

/// One account a line, with tabs between number, address, name, whether it is disabled, role, and whether the address
/// is confirmed.
fn print(details: &AccountDetails) -> Result<(), String> {
    let account = &details.account;
    let state = if account.is_active { "active" } else { "disabled" };
    let verified = if details.email_verified_at.is_some() { "verified" } else { "unverified" };
    let role = details.role.name();
    say(&format!("{}\t{}\t{}\t{state}\t{role}\t{verified}", account.id, account.email, account.full_name))
}

/// What went wrong, for a person who may know the cause.
fn sentence(error: &Error) -> String {
    match error {
        Error::Invalid(invalid) => invalid.to_string(),
        Error::EmailTaken => "There is an account with this e-mail address already.".to_owned(),
        Error::LastAdmin => {
            "This is the last administrator, and there must be one: make another one first, with \
                             `portcullis user set-role EMAIL admin`."
                .to_owned()
        }
        error => error.to_string(),
    }
}
