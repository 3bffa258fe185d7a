//! Whether an owner reads mail at the address of the account.

use super::links::{self, Purpose};
use crate::{
    accounts::{self, AccountId, Owner},
    app::App,
    audit::{self, Event},
    client::Client,
    clock::Timestamp,
    db::Tx,
    error::Error,
    login::throttle,
    mail::{self, Message},
};

/// Mails the owner of a new account a link to confirm the address.
pub(crate) async fn welcome(
    app: &App,
    tx: &mut Tx,
    account: AccountId,
    client: &Client,
    now: Timestamp,
) -> Result<(), Error> {
    match accounts::hold(tx, account).await? {
        Some(owner) => mail_verification(app, tx, &owner, client, now).await,
        None => Ok(()),
    }
}

/// Mails a link to confirm the address in force, unless that is confirmed or too many were asked for.
pub(crate) async fn mail_verification(
    app: &App,
    tx: &mut Tx,
    owner: &Owner,
    client: &Client,
    now: Timestamp,
) -> Result<(), Error> {
    if owner.email_verified_at.is_some() || !throttle::may_mail(app, tx, &owner.email, client, now).await? {
        return Ok(());
    }
    let token = links::issue(tx, owner.id, Purpose::VerifyEmail, &owner.email, now).await?;
    mail::enqueue(app, tx, &owner.recipient(), &Message::VerifyEmail { token }, now).await?;
    audit::record(tx, Event::VerificationRequested, Some(owner.id), client, now).await
}

/// The same for the caller's own account.
pub(crate) async fn request_verification(
    app: &App,
    account: AccountId,
    client: &Client,
) -> Result<(), Error> {
    let (mut tx, now) = (app.db().begin().await?, app.now());
    welcome(app, &mut tx, account, client, now).await?;
    Ok(tx.commit().await?)
}

/// Confirms the address in force.
///
/// # Errors
/// [`Error::DeadLink`], also if the link was mailed to another address than the one in force.
pub(crate) async fn verify_email(app: &App, token: &str, client: &Client) -> Result<(), Error> {
    let (mut tx, now) = (app.db().begin().await?, app.now());
    let link = links::consume(&mut tx, token, Purpose::VerifyEmail, now).await?.ok_or(Error::DeadLink)?;
    if !accounts::mark_verified(&mut tx, link.owner.id, &link.email, now).await? {
        return Err(Error::DeadLink);
    }
    audit::record(&mut tx, Event::EmailVerified, Some(link.owner.id), client, now).await?;
    Ok(tx.commit().await?)
}
