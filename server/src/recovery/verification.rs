//! Verifies that an owner reads email at the account's address.

use super::links::{self, Purpose};
use crate::{
    access::Principal,
    accounts::{self, Held},
    app::App,
    client::Client,
    clock::Timestamp,
    db::{Tx, retry},
    error::Error,
    events::{self, Event},
    limits::{self, MailFor},
    mail::{self, Message, Recipient},
};

/// Emails a link to verify the current address, unless it is verified or too many emails were requested.
pub(crate) async fn mail_verification(
    app: &App,
    tx: &mut Tx,
    held: &Held,
    client: &Client,
    now: Timestamp,
) -> Result<(), Error> {
    if held.email_verified_at.is_some()
        || !limits::may_mail(app, tx, MailFor::Verification, &held.email, client, now).await?
    {
        return Ok(());
    }
    let token = links::issue(tx, held, Purpose::VerifyEmail, &held.email, now).await?;
    mail::enqueue(app, tx, &Recipient::of(held), &Message::VerifyEmail { token }, now).await?;
    events::record(tx, Event::VerificationRequested, Some(held.id), client, now).await
}

/// Like [`mail_verification`], for the caller's own account.
pub(crate) async fn request_verification(
    app: &App,
    principal: Principal,
    client: &Client,
) -> Result<(), Error> {
    retry(|| async {
        let (mut tx, now) = (app.db().begin().await?, app.now());
        let held = accounts::hold_own(&mut tx, principal, now).await?;
        mail_verification(app, &mut tx, &held, client, now).await?;
        Ok(tx.commit().await?)
    })
    .await
}

/// Verifies the current address.
///
/// # Errors
/// [`Error::DeadLink`], also if the link was sent to an address that is no longer the account's.
pub(crate) async fn verify_email(app: &App, token: &str, client: &Client) -> Result<(), Error> {
    let (mut tx, now) = (app.db().begin().await?, app.now());
    let link = links::consume(&mut tx, token, Purpose::VerifyEmail, now).await?.ok_or(Error::DeadLink)?;
    if !accounts::mark_verified(&mut tx, &link.held, &link.email, now).await? {
        return Err(Error::DeadLink);
    }
    events::record(&mut tx, Event::EmailVerified, Some(link.held.id), client, now).await?;
    Ok(tx.commit().await?)
}
