//! Changing the email address: requested, confirmed at the new address, and undone from the old one within seven days.
//!
//! | step | the current address | links alive afterwards |
//! |---|---|---|
//! | request | the old one | the new address's confirmation, and the old one's undo if that is verified |
//! | confirmation | the new one | the old one's undo if that was verified; the sessions are revoked |
//! | undo, before or after | the old one | only older undo links; sessions and API keys are revoked |

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    asked,
    links::{self, Purpose},
    store,
};
use crate::{
    access::{Fresh, Principal},
    accounts::{self, AccountId, Email},
    api_keys,
    app::App,
    client::Client,
    clock::Timestamp,
    db::{Conn, retry},
    error::Error,
    events::{self, Event},
    limits::{self, MailFor},
    mail::{self, Message, Recipient},
    sessions,
};

/// Emails a confirmation link to the new address, and an undo link to the current address if that is verified. An
/// unverified address gets neither an email nor the right to be restored, because nobody has shown that they read
/// there. If the new address has an account, its owner is notified instead; the caller and the email to the old address
/// do not learn which.
pub(crate) async fn request_email_change(
    app: &App,
    fresh: Fresh,
    new: &Email,
    client: &Client,
) -> Result<(), Error> {
    retry(|| request(app, fresh, new, client)).await
}

async fn request(app: &App, fresh: Fresh, new: &Email, client: &Client) -> Result<(), Error> {
    let (mut tx, now) = (app.db().begin().await?, app.now());
    let held = accounts::hold_own(&mut tx, fresh, now).await?;
    if held.email == *new {
        return Ok(());
    }
    // Counted for the new address whether or not it has an account, so that over the limit the outcome is the same.
    if !limits::may_change_email(app, &mut tx, &held, now).await?
        || !limits::may_mail(app, &mut tx, MailFor::NewAddress, new, client, now).await?
    {
        return Ok(tx.commit().await?);
    }
    let is_taken = accounts::has_account(tx.conn(), new).await?;
    let is_reserved = links::is_reserved(&mut tx, new, held.id, now).await?;
    // Issued even if it will not be sent, so that the duration does not reveal which addresses have accounts.
    let token = links::issue(&mut tx, &held, Purpose::ConfirmEmail, new, now).await?;
    if !is_taken && !is_reserved {
        let message = Message::ConfirmNewEmail { token };
        mail::enqueue(app, &mut tx, &Recipient::at(new, &held), &message, now).await?;
    } else {
        asked::tell_owner(app, &mut tx, new, client, now).await?;
    }
    if held.email_verified_at.is_some() {
        let undo = links::issue_undo(app, &mut tx, &held, now).await?;
        let message = Message::EmailChangeRequested { new_email: new.as_str().to_owned(), undo };
        mail::enqueue(app, &mut tx, &Recipient::of(&held), &message, now).await?;
    }
    events::record(&mut tx, Event::EmailChangeRequested, Some(held.id), client, now).await?;
    Ok(tx.commit().await?)
}

/// A requested address that is not confirmed yet.
#[derive(Debug)]
pub(crate) struct PendingEmail {
    pub(crate) email: Email,
    /// When its link expires.
    pub(crate) expires_at: Timestamp,
}

/// The requested new address, if a change is pending.
pub(crate) async fn pending_email(app: &App, account: AccountId) -> Result<Option<PendingEmail>, Error> {
    let mut reader = app.db().read().await?;
    let pending = store::pending_email(reader.conn(), account, app.now()).await?;
    Ok(pending.map(|(email, expires_at)| PendingEmail { email, expires_at }))
}

/// A pending change of the email address, for its owner's export.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ExportedEmailChange {
    /// The new address.
    #[schemars(extend("format" = "email"))]
    email: String,
    /// When the link to confirm it expires.
    #[schemars(extend("format" = "date-time"))]
    expires_at: String,
}

/// The pending change of an account's address.
pub(crate) async fn exported(
    conn: Conn<'_>,
    account: AccountId,
    now: Timestamp,
) -> Result<Option<ExportedEmailChange>, Error> {
    let pending = store::pending_email(conn, account, now).await?;
    let view = |(email, expires_at): (Email, Timestamp)| ExportedEmailChange {
        email: email.to_string(),
        expires_at: expires_at.to_rfc3339(),
    };
    Ok(pending.map(view))
}

/// Cancels the change and invalidates the link to the new address. Cancelling twice is not an error.
pub(crate) async fn cancel_email_change(
    app: &App,
    principal: Principal,
    client: &Client,
) -> Result<(), Error> {
    retry(|| async {
        let (mut tx, now) = (app.db().begin().await?, app.now());
        let held = accounts::hold_own(&mut tx, principal, now).await?;
        if store::delete_pending_email(tx.conn(), held.id, &held.email).await? {
            events::record(&mut tx, Event::EmailChangeCancelled, Some(held.id), client, now).await?;
        }
        Ok(tx.commit().await?)
    })
    .await
}

/// Makes the new address the current one and returns it. Every session is revoked, and every link except undo links is
/// invalidated.
///
/// # Errors
/// [`Error::DeadLink`]; [`Error::EmailTaken`] if someone signed up with the address meanwhile.
pub(crate) async fn confirm_email(app: &App, token: &str, client: &Client) -> Result<Email, Error> {
    retry(|| confirm(app, token, client)).await
}

async fn confirm(app: &App, token: &str, client: &Client) -> Result<Email, Error> {
    let (mut tx, now) = (app.db().begin().await?, app.now());
    let link = links::consume(&mut tx, token, Purpose::ConfirmEmail, now).await?.ok_or(Error::DeadLink)?;
    let (held, new) = (link.held, link.email);
    sessions::end_all(&mut tx, &held, now).await?;
    accounts::set_email(&mut tx, &held, &new, now).await?;
    if links::is_reserved(&mut tx, &new, held.id, now).await? {
        return Err(Error::EmailTaken);
    }
    links::forget(&mut tx, &held).await?;
    if held.email_verified_at.is_some() {
        let undo = links::issue_undo(app, &mut tx, &held, now).await?;
        let message = Message::EmailChanged { new_email: new.as_str().to_owned(), undo };
        mail::enqueue(app, &mut tx, &Recipient::of(&held), &message, now).await?;
    }
    events::record(&mut tx, Event::EmailChanged, Some(held.id), client, now).await?;
    tx.commit().await?;
    Ok(new)
}

/// Restores the old address, or cancels the pending change. Every session and API key is revoked, and every link except
/// older undo links is invalidated. With the old address, what a thief may have added since the change was requested is
/// removed: a password, an authenticator app, passkeys, linked accounts, a scheduled deletion.
///
/// # Errors
/// [`Error::DeadLink`]; [`Error::EmailTaken`], which should not occur: nobody can sign up with the address while it can
/// be restored.
pub(crate) async fn undo_email_change(app: &App, token: &str, client: &Client) -> Result<(), Error> {
    retry(|| undo(app, token, client)).await
}

async fn undo(app: &App, token: &str, client: &Client) -> Result<(), Error> {
    let (mut tx, now) = (app.db().begin().await?, app.now());
    let link = links::consume(&mut tx, token, Purpose::UndoEmail, now).await?.ok_or(Error::DeadLink)?;
    sessions::end_all(&mut tx, &link.held, now).await?;
    api_keys::end_all(&mut tx, &link.held).await?;
    accounts::set_email(&mut tx, &link.held, &link.email, now).await?;
    links::forget_later(&mut tx, &link).await?;
    let mut removed = Vec::new();
    // Before the change was confirmed there is nothing of a thief's to undo but the request.
    if link.held.email != link.email {
        removed = store::delete_added_since(tx.conn(), link.held.id, link.created_at).await?;
        if accounts::forget_password_since(&mut tx, &link.held, link.created_at, now).await? {
            removed.push("password");
        }
        if accounts::cancel_deletion(&mut tx, &link.held, now).await? {
            removed.push("scheduled deletion");
        }
        let recipient = Recipient::at(&link.email, &link.held);
        mail::enqueue(app, &mut tx, &recipient, &Message::EmailChangeUndone, now).await?;
    }
    let detail = (!removed.is_empty()).then(|| removed.join(", "));
    let (event, account) = (Event::EmailChangeUndone, Some(link.held.id));
    events::record_detail(&mut tx, event, account, client, detail.as_deref(), now).await?;
    Ok(tx.commit().await?)
}
