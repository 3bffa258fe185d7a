//! Actions on other users' accounts, by the operator on the command line, by a program that mounts the server, and by
//! administrators.

use crate::{
    access::By,
    accounts::{self, Account, AccountDetails, AccountId, Email, FullName, Locked, NewAccount, Role},
    api_keys,
    app::App,
    client::Client,
    clock::Timestamp,
    db::{Tx, retry},
    error::Error,
    events::{self, Event},
    factors, groups,
    invalid::{Fault, Invalid},
    mail::{self, Message, Recipient},
    messages::Language,
    recovery, sessions,
    sign_up::{self, Inserted},
};

/// Creates an account.
///
/// # Errors
/// [`Error::Invalid`] for a declared role; [`Error::EmailTaken`], [`Error::Busy`], [`Error::Database`].
pub async fn create(app: &App, new: NewAccount, client: &Client) -> Result<Account, Error> {
    refuse_staff(new.role)?;
    let hash = app.hasher().turn()?.hash(new.password).await?;
    let now = app.now();
    let mut tx = app.db().begin().await?;
    if new.role == Role::Admin {
        accounts::lock_administrators(&mut tx, now).await?;
    }
    let made = sign_up::insert(&mut tx, &new.email, &new.full_name, Some(&hash), new.role, Language::En, now)
        .await?;
    let Inserted::Made(account) = made else { return Err(Error::EmailTaken) };
    events::record(&mut tx, Event::SignedUp, Some(account.id), client, now).await?;
    if new.role == Role::Admin {
        let role = Some(new.role.name());
        events::record_detail(&mut tx, Event::RoleChanged, Some(account.id), client, role, now).await?;
    }
    tx.commit().await?;
    Ok(account)
}

/// A new account is a user's or an administrator's. A declared role is given to an account that exists.
fn refuse_staff(role: Role) -> Result<(), Error> {
    match role {
        Role::User | Role::Admin => Ok(()),
        Role::Staff(_) => Err(Invalid::field("role", Fault::NotAmong("user, admin".to_owned())).into()),
    }
}

/// An account that an administrator creates for somebody else.
#[derive(Debug)]
pub(crate) struct Invitation {
    pub(crate) email: Email,
    pub(crate) full_name: FullName,
    pub(crate) role: Role,
    /// The language of the emails to its owner.
    pub(crate) language: Language,
}

impl Invitation {
    /// Checks what an administrator typed.
    pub(crate) fn check(email: &str, full_name: &str, role: Role, language: Language) -> Result<Self, Error> {
        refuse_staff(role)?;
        match (Email::of_field(email, "email"), FullName::of_field(full_name)) {
            (Ok(email), Ok(full_name)) => Ok(Self { email, full_name, role, language }),
            (Err(one), Err(other)) => Err(one.and(other).into()),
            (Err(invalid), Ok(_)) | (Ok(_), Err(invalid)) => Err(invalid.into()),
        }
    }
}

/// Creates an account without a password, and emails its owner a link to choose one.
///
/// # Errors
/// [`Error::EmailTaken`], [`Error::Database`]; for an administrator also [`Error::SessionEnded`].
pub(crate) async fn invite(app: &App, invitation: &Invitation, by: By<'_>) -> Result<AccountDetails, Error> {
    let id = retry(|| make_invited(app, invitation, by)).await?;
    accounts::details(app, id).await
}

async fn make_invited(app: &App, invitation: &Invitation, by: By<'_>) -> Result<AccountId, Error> {
    let Invitation { email, full_name, role, language } = invitation;
    let (mut tx, now) = (app.db().begin().await?, app.now());
    if *role == Role::Admin {
        accounts::lock_administrators(&mut tx, now).await?;
    }
    if let Some(administrator) = by.proved() {
        let _proved = accounts::hold_own(&mut tx, administrator, now).await?;
    }
    let made = sign_up::insert(&mut tx, email, full_name, None, *role, *language, now).await?;
    let Inserted::Made(account) = made else { return Err(Error::EmailTaken) };
    events::record(&mut tx, Event::SignedUp, Some(account.id), by.client(), now).await?;
    if *role == Role::Admin {
        let role = Some(role.name());
        events::record_detail(&mut tx, Event::RoleChanged, Some(account.id), by.client(), role, now).await?;
    }
    let held = accounts::hold_new(&mut tx, account.id).await?;
    recovery::mail_invitation(app, &mut tx, &held, now).await?;
    tx.commit().await?;
    Ok(account.id)
}

/// Enables or disables an account. Either ends its sessions and deletes its API keys and links. The owner is notified
/// by email when it is disabled. An account already in that state is left as it is.
///
/// # Errors
/// [`Error::NotFound`], [`Error::LastAdmin`], [`Error::Database`].
pub async fn set_active(app: &App, id: AccountId, active: bool, by: By<'_>) -> Result<(), Error> {
    retry(|| async move { if active { enable(app, id, by).await } else { disable(app, id, by).await } }).await
}

async fn enable(app: &App, id: AccountId, by: By<'_>) -> Result<(), Error> {
    let (mut tx, now) = (app.db().begin().await?, app.now());
    let locked = accounts::lock_other(&mut tx, id, by, now).await?;
    if locked.is_active() {
        return Ok(());
    }
    accounts::enable(&mut tx, &locked, now).await?;
    // Credentials from before must not become valid again.
    sessions::end_all(&mut tx, &locked, now).await?;
    api_keys::end_all(&mut tx, &locked).await?;
    recovery::forget_links(&mut tx, &locked).await?;
    events::record(&mut tx, Event::Enabled, Some(id), by.client(), now).await?;
    Ok(tx.commit().await?)
}

async fn disable(app: &App, id: AccountId, by: By<'_>) -> Result<(), Error> {
    let (mut tx, now) = (app.db().begin().await?, app.now());
    accounts::lock_administrators(&mut tx, now).await?;
    let locked = accounts::lock_other(&mut tx, id, by, now).await?;
    if !locked.is_active() {
        return Ok(());
    }
    accounts::disable(&mut tx, &locked, now).await?;
    sessions::end_all(&mut tx, &locked, now).await?;
    api_keys::end_all(&mut tx, &locked).await?;
    recovery::forget_links(&mut tx, &locked).await?;
    groups::forget_invitations_by(&mut tx, &locked).await?;
    events::record(&mut tx, Event::Disabled, Some(id), by.client(), now).await?;
    mail::enqueue(app, &mut tx, &Recipient::of(&locked), &Message::Disabled, now).await?;
    Ok(tx.commit().await?)
}

/// Sets a new password, as an operator does. The account's sessions end, its API keys are deleted, and every link that
/// was emailed for it becomes invalid, including those that undo a change of address: only the new owner may use what
/// the operator hands over.
///
/// # Errors
/// [`Error::Invalid`] if the policy rejects the password, [`Error::NotFound`], [`Error::Busy`], [`Error::Database`].
pub async fn set_password(app: &App, account: &Account, text: &str, by: By<'_>) -> Result<(), Error> {
    let full_name = FullName::parse(&account.full_name).ok();
    let turn = app.hasher().turn()?;
    let password =
        accounts::acceptable_password(app, &turn, text, Some(&account.email), full_name.as_ref()).await??;
    let hash = turn.hash(password).await?;
    retry(|| async {
        let (mut tx, now) = (app.db().begin().await?, app.now());
        let locked = accounts::lock_other(&mut tx, account.id, by, now).await?;
        accounts::set_hash(&mut tx, &locked, &hash, now).await?;
        sessions::end_all(&mut tx, &locked, now).await?;
        api_keys::end_all(&mut tx, &locked).await?;
        recovery::forget_links_and_undos(&mut tx, &locked).await?;
        events::record(&mut tx, Event::PasswordSet, Some(account.id), by.client(), now).await?;
        Ok(tx.commit().await?)
    })
    .await
}

/// Removes the authenticator app, the recovery codes and the passkeys of an account whose owner has lost them. The
/// account's sessions end and its owner is notified by email.
///
/// # Errors
/// [`Error::NotFound`] if there is no such account or it has no second factor; [`Error::Database`].
pub async fn remove_factor(app: &App, id: AccountId, by: By<'_>) -> Result<(), Error> {
    factors::remove_lost(app, id, by).await
}

/// Gives an account a role and notifies its owner by email. It takes effect from the next request, on every instance.
/// An account that already has the role is left as it is.
///
/// # Errors
/// [`Error::Invalid`] for a role that is not declared; [`Error::NotFound`], [`Error::LastAdmin`], [`Error::Database`].
pub async fn set_role(app: &App, id: AccountId, role: Role, by: By<'_>) -> Result<(), Error> {
    if role.staff().is_some_and(|name| app.scopes().roles().all(|declared| declared != name)) {
        let names: Vec<_> = ["user".to_owned(), "admin".to_owned()]
            .into_iter()
            .chain(app.scopes().roles().map(|name| name.to_string()))
            .collect();
        return Err(Invalid::field("role", Fault::NotAmong(names.join(", "))).into());
    }
    retry(|| async {
        let (mut tx, now) = (app.db().begin().await?, app.now());
        accounts::lock_administrators(&mut tx, now).await?;
        let locked = accounts::lock_other(&mut tx, id, by, now).await?;
        if locked.role() == role {
            return Ok(());
        }
        accounts::set_role(&mut tx, &locked, role, now).await?;
        factors::uphold_of(app, &mut tx, &locked, role, now).await?;
        let detail = Some(role.name());
        events::record_detail(&mut tx, Event::RoleChanged, Some(id), by.client(), detail, now).await?;
        tell_of_role(app, &mut tx, &locked, role, now).await?;
        Ok(tx.commit().await?)
    })
    .await
}

pub(super) async fn tell_of_role(
    app: &App,
    tx: &mut Tx,
    locked: &Locked,
    role: Role,
    now: Timestamp,
) -> Result<(), Error> {
    let message = Message::RoleChanged { role: role.name().to_owned() };
    mail::enqueue(app, tx, &Recipient::of(locked), &message, now).await
}
