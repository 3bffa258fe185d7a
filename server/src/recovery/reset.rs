//! Password reset: a link is emailed to the current address and sets a new password.

use super::{
    asked::{self, Wanted},
    links::{self, Purpose},
    seizing::{Then, prove_address},
};
use crate::{
    access::By,
    accounts::{self, AccountId, Email, Held, Owner},
    api_keys,
    app::App,
    client::Client,
    clock::Timestamp,
    db::{Tx, retry},
    error::Error,
    events::{self, Event},
    limits,
    mail::{self, Message, Recipient},
    passwords::PasswordHash,
    secret::SecretText,
    sessions,
};

/// Requests a link to set a new password.
pub(crate) async fn request_reset(app: &App, email: &Email, client: &Client) -> Result<(), Error> {
    let (mut tx, now) = (app.db().begin().await?, app.now());
    asked::ask(app, &mut tx, Wanted::NewPassword, email, client, now).await?;
    Ok(tx.commit().await?)
}

/// Emails the link, if the address has an account.
pub(super) async fn answer(
    app: &App,
    tx: &mut Tx,
    held: Option<&Held>,
    client: &Client,
    now: Timestamp,
) -> Result<(), Error> {
    match held {
        Some(held) => {
            let message = |token| Message::ResetPassword { token };
            mail_link(app, tx, held, message, client, now).await
        }
        None => events::record(tx, Event::PasswordResetRequested, None, client, now).await,
    }
}

/// Emails a link to the owner of an account chosen by an administrator.
///
/// # Errors
/// [`Error::NotFound`] if there is no such account, or it is disabled.
pub(crate) async fn start_reset(app: &App, account: AccountId, by: By<'_>) -> Result<(), Error> {
    retry(|| async {
        let (mut tx, now) = (app.db().begin().await?, app.now());
        let locked = accounts::lock_other(&mut tx, account, by, now).await?;
        let held = locked.if_active().ok_or(Error::NotFound)?;
        let message = |token| Message::ResetPassword { token };
        mail_link(app, &mut tx, &held, message, by.client(), now).await?;
        Ok(tx.commit().await?)
    })
    .await
}

/// Emails the link of a password to the address of an account that someone has signed up for again.
pub(super) async fn answer_second_sign_up(
    app: &App,
    tx: &mut Tx,
    held: &Held,
    client: &Client,
    now: Timestamp,
) -> Result<(), Error> {
    mail_link(app, tx, held, |token| Message::SignedUpAgain { token }, client, now).await
}

async fn mail_link(
    app: &App,
    tx: &mut Tx,
    held: &Held,
    message: impl FnOnce(SecretText) -> Message,
    client: &Client,
    now: Timestamp,
) -> Result<(), Error> {
    let token = links::issue(tx, held, Purpose::ResetPassword, &held.email, now).await?;
    mail::enqueue(app, tx, &Recipient::of(held), &message(token), now).await?;
    events::record(tx, Event::PasswordResetRequested, Some(held.id), client, now).await
}

/// Emails the link with which the owner of a new account chooses a password.
pub(crate) async fn mail_invitation(
    app: &App,
    tx: &mut Tx,
    held: &Held,
    now: Timestamp,
) -> Result<(), Error> {
    let token = links::issue(tx, held, Purpose::Invitation, &held.email, now).await?;
    mail::enqueue(app, tx, &Recipient::of(held), &Message::Invited { token }, now).await
}

/// The purpose of a link that sets a password, and the address that it was sent to, if it is alive.
pub(crate) async fn peek_reset(app: &App, token: &str) -> Result<Option<(Purpose, Email)>, Error> {
    Ok(look(app, token).await?.map(|(purpose, _, email)| (purpose, email)))
}

async fn look(app: &App, token: &str) -> Result<Option<(Purpose, Owner, Email)>, Error> {
    let mut reader = app.db().read().await?;
    for purpose in [Purpose::ResetPassword, Purpose::Invitation] {
        if let Some((owner, email)) = links::peek(reader.conn(), token, purpose, app.now()).await? {
            return Ok(Some((purpose, owner, email)));
        }
    }
    Ok(None)
}

/// Sets a new password by an emailed link, and returns the address that it was sent to. Every session, API key and
/// link of the account, except undo links, is invalidated. The address becomes verified: the link was read there.
///
/// # Errors
/// [`Error::DeadLink`]; [`Error::Invalid`] if the policy rejects the password, which leaves the link alive.
pub(crate) async fn reset(app: &App, token: &str, password: &str, client: &Client) -> Result<Email, Error> {
    let turn = app.hasher().turn()?;
    let (purpose, owner, email) = look(app, token).await?.ok_or(Error::DeadLink)?;
    let password =
        accounts::acceptable_password(app, &turn, password, Some(&email), Some(&owner.full_name)).await??;
    let hash = turn.hash(password).await?;
    retry(|| set(app, token, purpose, &hash, client)).await?;
    Ok(email)
}

async fn set(
    app: &App,
    token: &str,
    purpose: Purpose,
    hash: &PasswordHash,
    client: &Client,
) -> Result<(), Error> {
    let (mut tx, now) = (app.db().begin().await?, app.now());
    let link = links::consume(&mut tx, token, purpose, now).await?.ok_or(Error::DeadLink)?;
    let held = link.held;
    limits::end_lock(app, &mut tx, &held, None, now).await?;
    let held = prove_address(app, &mut tx, held, Then::NewPassword, client, now).await?;
    accounts::set_hash(&mut tx, &held, hash, now).await?;
    links::forget(&mut tx, &held).await?;
    sessions::end_all(&mut tx, &held, now).await?;
    api_keys::end_all(&mut tx, &held).await?;
    if purpose != Purpose::Invitation {
        mail::enqueue(app, &mut tx, &Recipient::of(&held), &Message::PasswordChanged, now).await?;
    }
    events::record(&mut tx, Event::PasswordReset, Some(held.id), client, now).await?;
    Ok(tx.commit().await?)
}
