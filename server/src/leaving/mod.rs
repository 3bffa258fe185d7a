//! Leaving: export an account's data, and delete the account.

mod deletion;
mod export;
pub(crate) mod http;
pub(crate) mod pages;

pub use self::deletion::delete;
use self::deletion::{delete_if_due, delete_own};
pub(crate) use self::export::{ExportedGrant, ExportedLink, ExportedReceiver, GivenGrant};
use crate::{
    access::{Fresh, Principal},
    accounts, api_keys,
    app::App,
    client::Client,
    clock::Timestamp,
    db::retry,
    error::Error,
    events::{self, Event},
    groups,
    mail::{self, Message, Recipient},
    sessions,
};

/// Accounts that one sweep deletes. Each is its own transaction, and the next sweep continues.
const MOST_AT_ONCE: i64 = 500;

/// The outcome of a deletion request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deletion {
    /// The account is deleted.
    Done,
    /// The account will be deleted at this moment unless the owner cancels.
    Due(Timestamp),
}

/// Deletes the caller's account: immediately, or after the grace period if one is configured. Its sessions and
/// API keys are revoked now either way; the owner logs in again to cancel.
pub(crate) async fn leave(app: &App, fresh: Fresh, client: &Client) -> Result<Deletion, Error> {
    if app.config().deletion_grace.is_zero() {
        delete_own(app, fresh, client).await?;
        return Ok(Deletion::Done);
    }
    retry(|| schedule(app, fresh, client)).await.map(Deletion::Due)
}

async fn schedule(app: &App, fresh: Fresh, client: &Client) -> Result<Timestamp, Error> {
    let (mut tx, now) = (app.db().begin().await?, app.now());
    accounts::lock_administrators(&mut tx, now).await?;
    let held = accounts::hold_own(&mut tx, fresh, now).await?;
    groups::refuse_last_owner(&mut tx, &held).await?;
    let due_at = now + app.config().deletion_grace;
    accounts::schedule_deletion(&mut tx, &held, due_at, now).await?;
    sessions::end_all(&mut tx, &held, now).await?;
    api_keys::end_all(&mut tx, &held).await?;
    events::record(&mut tx, Event::DeletionScheduled, Some(held.id), client, now).await?;
    let message = Message::DeletionScheduled { due_at: due_at.as_micros() };
    mail::enqueue(app, &mut tx, &Recipient::of(&held), &message, now).await?;
    tx.commit().await?;
    Ok(due_at)
}

/// Cancels the deletion of the caller's account. [`Error::NotFound`] if none was requested.
pub(crate) async fn stay(app: &App, principal: Principal, client: &Client) -> Result<(), Error> {
    let (mut tx, now) = (app.db().begin().await?, app.now());
    let held = accounts::hold_own(&mut tx, principal, now).await?;
    if !accounts::cancel_deletion(&mut tx, &held, now).await? {
        return Err(Error::NotFound);
    }
    events::record(&mut tx, Event::DeletionCancelled, Some(held.id), client, now).await?;
    Ok(tx.commit().await?)
}

/// Deletes the accounts whose grace period is over. Every instance runs this; each account is deleted once.
pub(crate) async fn sweep(app: &App) -> Result<u64, Error> {
    let client = Client::local("grace period");
    let mut deleted = 0;
    for account in accounts::due_for_deletion(app, MOST_AT_ONCE).await? {
        match delete_if_due(app, account, &client).await {
            Ok(()) => deleted += 1,
            // Another instance was first, or the owner has just cancelled.
            Err(Error::NotFound) => {}
            // An account that cannot be deleted (the last administrator) must not block the others.
            Err(cause) => {
                tracing::warn!(%cause, %account, "an account could not be deleted; the next sweep tries again");
            }
        }
    }
    Ok(deleted)
}
