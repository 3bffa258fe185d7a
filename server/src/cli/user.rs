//! `portcullis user …`: accounts from the command line, by the rules of the server.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};

use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;

use super::out::{Listing, STRONG, moment, or_nothing, say, say_json, styled};
use super::{PasswordSource, UserCommand, UserFilter, WhichAccount, read_new_password};
use crate::{
    access::By,
    accounts::{self, Account, AccountDetails, AccountId, Email, FullName, NewAccount, Role},
    admin::{self, Invitation},
    app::App,
    attributes::{self, AttributeValue, Of},
    client::Client,
    clock::Timestamp,
    config::AttributeReaders,
    error::Error,
    factors, identities,
    invalid::{Fault, Invalid},
    leaving, log,
    mail::lifetime,
    messages::Language,
    passkeys, sessions,
};

/// How many accounts one query reads.
const PAGE: u32 = 500;

/// An account as `--json` prints it.
#[derive(Serialize)]
struct Shown {
    id: AccountId,
    email: String,
    full_name: String,
    role: Role,
    is_active: bool,
    email_verified_at: Option<String>,
    created_at: String,
    deletion_due_at: Option<String>,
    /// Only in `user show`.
    #[serde(skip_serializing_if = "Option::is_none")]
    attributes: Option<BTreeMap<String, AttributeValue>>,
    /// Only in `user show`.
    #[serde(skip_serializing_if = "Option::is_none")]
    sessions: Option<Vec<ShownSession>>,
    /// Only in `user show`.
    #[serde(skip_serializing_if = "Option::is_none")]
    ways_in: Option<ShownWays>,
}

/// What an account has to log in with.
#[derive(Serialize)]
struct ShownWays {
    has_password: bool,
    authenticator_app_since: Option<String>,
    #[serde(skip)]
    since: Option<Timestamp>,
    recovery_codes_left: i64,
    remembered_devices: usize,
    passkeys: Vec<ShownPasskey>,
    identities: Vec<ShownIdentity>,
}

#[derive(Serialize)]
struct ShownPasskey {
    id: String,
    name: String,
    created_at: String,
    last_used_at: Option<String>,
}

#[derive(Serialize)]
struct ShownIdentity {
    provider: String,
    issuer: String,
    email: Option<String>,
    linked_at: String,
    last_used_at: String,
}

/// An active session.
#[derive(Serialize)]
struct ShownSession {
    id: String,
    device: String,
    created_at: String,
    last_seen_at: String,
    expires_at: String,
    address: Option<String>,
}

/// Runs the command and prints the result, or returns one sentence for the operator.
pub(super) async fn run(app: &App, command: UserCommand) -> Result<(), String> {
    match command {
        UserCommand::Add { email, full_name, admin, password } => {
            add(app, &email, full_name.as_deref(), if admin { Role::Admin } else { Role::User }, password)
                .await
        }
        UserCommand::Invite { email, full_name, admin, language } => {
            let role = if admin { Role::Admin } else { Role::User };
            invite(app, &email, full_name.as_deref(), role, &language).await
        }
        UserCommand::List { filter, json } => list(app, &filter, json).await,
        UserCommand::Show { account, json } => show(app, account, json).await,
        UserCommand::Disable { account } => set_active(app, account, false).await,
        UserCommand::Enable { account } => set_active(app, account, true).await,
        UserCommand::SetRole { account, role } => {
            let account = find(app, account).await?;
            let set = admin::set_role(app, account.id, role, By::operator(&operator())).await;
            if matches!(set, Err(Error::Invalid(_))) {
                let roles: Vec<_> = app.scopes().roles().map(|name| format!(", `{name}`")).collect();
                return Err(format!(
                    "the role `{}` is not declared; the roles are `user`, `admin`{}. Declare others in the setting \
                     `admin_roles`",
                    role.name(),
                    roles.concat()
                ));
            }
            let what = match role {
                Role::Admin => "is an administrator".to_owned(),
                Role::User => "is a user".to_owned(),
                Role::Staff(name) => format!("has the role `{name}`"),
            };
            done(set, &account, &what)
        }
        UserCommand::SetPassword { account, password } => {
            let account = find(app, account).await?;
            let name = FullName::parse(&account.full_name).ok();
            let password = new_password(app, password, Some(&account.email), name.as_ref()).await?;
            let set =
                admin::set_password(app, &account, password.expose_secret(), By::operator(&operator())).await;
            done(set, &account, "has a new password; its sessions have ended")
        }
        UserCommand::RemoveFactor { account } => {
            let account = find(app, account).await?;
            let removed = admin::remove_factor(app, account.id, By::operator(&operator())).await;
            if matches!(removed, Err(Error::NotFound)) {
                return Err(format!("{} ({}) does not have a second factor", account.email, account.id));
            }
            done(removed, &account, "no longer has a second factor; its sessions have ended")
        }
        UserCommand::Delete { account, yes } => {
            let account = find(app, account).await?;
            if !yes {
                confirm_deletion(&account)?;
            }
            let deleted = leaving::delete(app, account.id, By::operator(&operator())).await;
            done(deleted, &account, "was deleted")
        }
    }
}

/// Checks the address and the name before prompting for a password.
async fn add(
    app: &App,
    email: &str,
    full_name: Option<&str>,
    role: Role,
    source: PasswordSource,
) -> Result<(), String> {
    let (address, name) = whose(email, full_name)?;
    match accounts::by_email(app, email).await {
        Ok(_) => return Err(sentence(&Error::EmailTaken)),
        Err(Error::NotFound) => {}
        Err(error) => return Err(sentence(&error)),
    }
    let password = new_password(app, source, Some(&address), Some(&name)).await?;
    let new = NewAccount::check(app, email, name.as_str(), password.expose_secret()).await;
    let new = new.map_err(|error| sentence(&error))?.with_role(role);
    let account = admin::create(app, new, &operator()).await.map_err(|error| sentence(&error))?;
    let what = match role {
        Role::Admin => "administrator",
        Role::User | Role::Staff(_) => "account",
    };
    say(&format!("Created {what} {}: {} ({}).", account.id, account.email, account.full_name))
}

/// The parsed address and name. The name defaults to the part of the address before the `@`.
fn whose(email: &str, full_name: Option<&str>) -> Result<(Email, FullName), String> {
    let address = Email::parse(email)
        .map_err(|_| format!("`{email}` is not an email address; write it as in ana@example.com"))?;
    let name = FullName::parse(full_name.unwrap_or_else(|| address.local_part())).map_err(|_| {
        "the full name must be 1 to 200 characters, without control characters; correct --full-name"
            .to_owned()
    })?;
    Ok((address, name))
}

async fn invite(
    app: &App,
    email: &str,
    full_name: Option<&str>,
    role: Role,
    language: &str,
) -> Result<(), String> {
    let (email, full_name) = whose(email, full_name)?;
    let language = Language::of_known_tag(language).ok_or_else(|| {
        let known: Vec<&str> = Language::ALL.iter().map(|language| language.tag()).collect();
        format!("`{language}` is not a supported language; --language takes one of {}", known.join(", "))
    })?;
    let invitation = Invitation { email, full_name, role, language };
    let invited = admin::invite(app, &invitation, By::operator(&operator())).await;
    let account = invited.map_err(|error| sentence(&error))?.account;
    let (id, email, days) = (account.id, &account.email, lifetime::INVITATION.as_secs() / 86_400);
    say(&format!(
        "Created account {id}: {email}. The server emails a link to choose a password; it works for {days} days."
    ))
}

/// Prompts for the address, so that nobody deletes the wrong account.
fn confirm_deletion(account: &Account) -> Result<(), String> {
    let failed = |cause: io::Error| format!("cannot ask on the terminal: {cause}");
    if !io::stdin().is_terminal() {
        return Err("not confirmed; nothing was deleted. In a script, add --yes".to_owned());
    }
    let mut asked = anstream::stderr();
    let (email, id, name) = (&account.email, account.id, log::escaped(&account.full_name));
    writeln!(
        asked,
        "This deletes account {id}, {email} ({name}), with its sessions and picture. It cannot be undone."
    )
    .and_then(|()| write!(asked, "Type the email address to confirm: "))
    .and_then(|()| asked.flush())
    .map_err(failed)?;
    let mut typed = String::new();
    io::stdin().lock().take(1024).read_line(&mut typed).map_err(failed)?;
    let is_same = Email::parse(typed.trim()).is_ok_and(|typed| typed == *email);
    if is_same { Ok(()) } else { Err("not confirmed; nothing was deleted".to_owned()) }
}

/// Prompts for a password, and reports what is wrong with it before asking to repeat it.
async fn new_password(
    app: &App,
    source: PasswordSource,
    email: Option<&Email>,
    name: Option<&FullName>,
) -> Result<SecretString, String> {
    let least = app.config().password_min_length;
    let prompt = format!("New password (at least {least} characters): ");
    let password = read_new_password(source, &prompt).map_err(|error| error.to_string())?;
    let turn = app.hasher().turn().map_err(|error| sentence(&error.into()))?;
    let checked =
        accounts::acceptable_password(app, &turn, password.first().expose_secret(), email, name).await;
    if let Err(refused) = checked.map_err(|error| sentence(&error))? {
        return Err(fault(&refused));
    }
    password.confirmed().map_err(|error| error.to_string())
}

async fn list(app: &App, filter: &UserFilter, json: bool) -> Result<(), String> {
    let header = ["ID", "EMAIL", "NAME", "ROLE", "STATUS", "CONFIRMED", "CREATED"];
    let mut listing = Listing::new(header, json);
    let mut after = None;
    loop {
        let page = accounts::list(app, filter.search.as_deref(), after, PAGE).await;
        let page = page.map_err(|error| sentence(&error))?;
        let Some(last) = page.last() else { break };
        after = Some(last.account.id);
        let fitting = page.iter().filter(|details| filter.fits(details));
        listing.page(fitting.map(|details| (shown(details), cells(details))))?;
    }
    listing.end(if filter.is_empty() {
        "No accounts yet; `portcullis user add EMAIL` creates one."
    } else {
        "No accounts match."
    })
}

async fn show(app: &App, account: WhichAccount, json: bool) -> Result<(), String> {
    let id = find(app, account).await?.id;
    let details = accounts::details(app, id).await.map_err(|error| sentence(&error))?;
    let sessions = sessions::list(app, id).await.map_err(|error| sentence(&error))?;
    let ways = ways_in(app, &details).await.map_err(|error| sentence(&error))?;
    let known = attributes::known(app, Of::Account(id), AttributeReaders::Administrators).await;
    let known = known.map_err(|error| sentence(&error))?;
    let attributes: BTreeMap<_, _> =
        known.into_iter().filter_map(|known| Some((known.attribute.name.clone(), known.value?))).collect();
    if json {
        let sessions = sessions.iter().map(|session| ShownSession {
            id: session.id.to_string(),
            device: session.device(),
            created_at: session.created_at.to_rfc3339(),
            last_seen_at: session.last_seen_at.to_rfc3339(),
            expires_at: session.expires_at.to_rfc3339(),
            address: session.address.clone(),
        });
        let sessions = Some(sessions.collect());
        let (attributes, ways_in) = (Some(attributes), Some(ways));
        return say_json(&Shown { attributes, sessions, ways_in, ..shown(&details) });
    }
    let confirmed = details
        .email_verified_at
        .map_or_else(|| "not confirmed".to_owned(), |at| format!("confirmed {}", moment(at)));
    let label = |name: &str, value: &str| say(&format!("{}  {value}", styled(STRONG, &format!("{name:<8}"))));
    label("ID", &id.to_string())?;
    label("Email", &format!("{} ({confirmed})", details.account.email))?;
    label("Name", &details.account.full_name)?;
    label("Role", details.role.name())?;
    label("Status", status(details.account.is_active))?;
    label("Created", &moment(details.created_at))?;
    if let Some(due) = details.deletion_due_at {
        label("Deletion", &format!("due {}; its owner can log in and cancel it", moment(due)))?;
    }
    for (name, value) in &attributes {
        label(name, &log::escaped(&value.text()))?;
    }
    for (name, value) in ways.lines() {
        label(name, &value)?;
    }
    say("")?;
    let mut listing = Listing::new(["SESSION", "DEVICE", "LAST USED", "ADDRESS"], false);
    listing.page(sessions.iter().map(|session| {
        let used = moment(session.last_seen_at);
        ((), [session.id.to_string(), session.device(), used, or_nothing(session.address.clone())])
    }))?;
    listing.end("No active sessions.")
}

async fn ways_in(app: &App, details: &AccountDetails) -> Result<ShownWays, Error> {
    let (id, role) = (details.account.id, details.role);
    let has_password = accounts::has_password(app.db().read().await?.conn(), id).await?;
    let factors = factors::overview(app, id, role).await?;
    let remembered_devices = factors::remembered(app, id).await?.len();
    let passkeys = passkeys::list(app, id).await?.into_iter().map(|passkey| ShownPasskey {
        id: passkey.id.to_string(),
        name: passkey.name,
        created_at: passkey.created_at.to_rfc3339(),
        last_used_at: passkey.last_used_at.map(Timestamp::to_rfc3339),
    });
    let identities = identities::list(app, id).await?.into_iter().map(|identity| ShownIdentity {
        provider: identity.provider,
        issuer: identity.issuer,
        email: identity.email.map(|email| email.to_string()),
        linked_at: identity.linked_at.to_rfc3339(),
        last_used_at: identity.last_used_at.to_rfc3339(),
    });
    Ok(ShownWays {
        has_password,
        authenticator_app_since: factors.totp_since.map(Timestamp::to_rfc3339),
        since: factors.totp_since,
        recovery_codes_left: factors.recovery_codes_left,
        remembered_devices,
        passkeys: passkeys.collect(),
        identities: identities.collect(),
    })
}

impl ShownWays {
    /// One line for each kind.
    fn lines(&self) -> [(&'static str, String); 4] {
        let or_none =
            |names: Vec<String>| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        let factor = match self.since {
            Some(since) => format!(
                "authenticator app since {}, {} recovery codes left, {} remembered devices",
                moment(since),
                self.recovery_codes_left,
                self.remembered_devices
            ),
            None => "none".to_owned(),
        };
        let passkeys = self.passkeys.iter().map(|passkey| passkey.name.clone()).collect();
        let identities = self.identities.iter().map(|identity| match &identity.email {
            Some(email) => format!("{} ({email})", identity.provider),
            None => identity.provider.clone(),
        });
        [
            ("Password", if self.has_password { "set" } else { "not set" }.to_owned()),
            ("Factor", factor),
            ("Passkeys", or_none(passkeys)),
            ("Linked", or_none(identities.collect())),
        ]
    }
}

fn shown(details: &AccountDetails) -> Shown {
    Shown {
        id: details.account.id,
        email: details.account.email.to_string(),
        full_name: details.account.full_name.clone(),
        role: details.role,
        is_active: details.account.is_active,
        email_verified_at: details.email_verified_at.map(Timestamp::to_rfc3339),
        created_at: details.created_at.to_rfc3339(),
        deletion_due_at: details.deletion_due_at.map(Timestamp::to_rfc3339),
        attributes: None,
        sessions: None,
        ways_in: None,
    }
}

fn cells(details: &AccountDetails) -> [String; 7] {
    let account = &details.account;
    [
        account.id.to_string(),
        account.email.to_string(),
        account.full_name.clone(),
        details.role.name().to_owned(),
        status(account.is_active).to_owned(),
        if details.email_verified_at.is_some() { "yes" } else { "no" }.to_owned(),
        moment(details.created_at),
    ]
}

fn status(is_active: bool) -> &'static str {
    if is_active { "active" } else { "disabled" }
}

impl UserFilter {
    fn is_empty(&self) -> bool {
        self.search.is_none() && !self.admins && !self.disabled && !self.unconfirmed
    }

    fn fits(&self, details: &AccountDetails) -> bool {
        (!self.admins || details.role == Role::Admin)
            && (!self.disabled || !details.account.is_active)
            && (!self.unconfirmed || details.email_verified_at.is_none())
    }
}

async fn set_active(app: &App, account: WhichAccount, active: bool) -> Result<(), String> {
    let account = find(app, account).await?;
    let set = admin::set_active(app, account.id, active, By::operator(&operator())).await;
    done(set, &account, if active { "can log in again" } else { "cannot log in; its sessions have ended" })
}

pub(super) async fn find(app: &App, which: WhichAccount) -> Result<Account, String> {
    let found = match &which {
        WhichAccount::Id(number) => accounts::by_id(app, AccountId::new(*number)).await,
        WhichAccount::Email(email) => accounts::by_email(app, email).await,
    };
    found.map_err(|error| match error {
        Error::NotFound => format!("no account {which}; `portcullis user list` shows all accounts"),
        error => sentence(&error),
    })
}

/// The client that the audit log names for actions on the command line.
pub(super) fn operator() -> Client {
    Client::local("operator")
}

fn done(outcome: Result<(), Error>, account: &Account, what: &str) -> Result<(), String> {
    outcome.map_err(|error| sentence(&error))?;
    say(&format!("{} ({}) {what}.", account.email, account.id))
}

/// The error in words for an operator.
pub(super) fn sentence(error: &Error) -> String {
    match error {
        Error::Invalid(invalid) => invalid.to_string(),
        Error::EmailTaken => {
            "this email address already has an account; `portcullis user show EMAIL` shows it".to_owned()
        }
        Error::LastAdmin => "this is the last administrator; make another one first with \
                             `portcullis user set-role EMAIL admin`"
            .to_owned(),
        error => error.to_string(),
    }
}

/// Why a password was rejected.
fn fault(refused: &Invalid) -> String {
    let words = refused.fields().map(|(_, fault)| match fault {
        Fault::TooFewCharacters(least) => {
            format!("the password is too short; use at least {least} characters")
        }
        Fault::TooManyBytes(most) => format!("the password is too long; use at most {most} bytes"),
        // Without pydantic's prefix for a validator's own messages.
        other => format!("unsuitable password: {}", other.to_string().trim_start_matches("Value error, ")),
    });
    words.collect::<Vec<_>>().join("; ")
}
