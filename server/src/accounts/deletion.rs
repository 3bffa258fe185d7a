//! The end of an account: at once, or when its grace period is over.

use super::{AccountId, Email, lock_administrators, recipient, store};
use crate::{
    app::App,
    audit::{self, Event},
    client::Client,
    clock::Timestamp,
    db::Tx,
    error::Error,
    login::throttle,
    mail::{self, Message, Recipient},
    pictures,
};

/// Deletes an account with all that is its own; the audit trail keeps its number. Its owner is told by mail.
///
/// # Errors
/// [`Error::NotFound`], [`Error::LastAdmin`], [`Error::Database`].
pub async fn delete(app: &App, id: AccountId, client: &Client) -> Result<(), Error> {
    delete_where(app, id, None, client).await
}

/// The same if the owner asked for it and the grace period is over.
pub(crate) async fn delete_if_due(app: &App, id: AccountId, client: &Client) -> Result<(), Error> {
    delete_where(app, id, Some(app.now()), client).await
}

async fn delete_where(
    app: &App,
    id: AccountId,
    due_by: Option<Timestamp>,
    client: &Client,
) -> Result<(), Error> {
    let now = app.now();
    let mut tx = app.db().begin().await?;
    lock_administrators(&mut tx, now).await?;
    let details = store::details(tx.conn(), id).await?.ok_or(Error::NotFound)?;
    if due_by.is_some_and(|due_by| details.deletion_due_at.is_none_or(|due_at| due_at > due_by)) {
        return Err(Error::NotFound);
    }
    let owner = recipient(tx.conn(), id).await?.ok_or(Error::NotFound)?;
    let picture = pictures::take(&mut tx, id, now).await?;
    if !store::delete_account(tx.conn(), id, due_by).await? {
        return Err(Error::LastAdmin);
    }
    if let Ok(email) = Email::parse(&owner.email) {
        throttle::forget(app, &mut tx, &email).await?;
    }
    audit::record(&mut tx, Event::Deleted, Some(id), client, now).await?;
    // It must outlive the account.
    mail::enqueue(app, &mut tx, &Recipient { account: None, ..owner }, &Message::Deleted, now).await?;
    tx.commit().await?;
    pictures::discard(app, picture).await;
    app.db().scrub().await;
    Ok(())
}

/// Notes that the owner wants the account deleted at `due_at`. `false` if there is no such account;
/// [`Error::LastAdmin`] for the last administrator's.
pub(crate) async fn schedule_deletion(
    tx: &mut Tx,
    id: AccountId,
    due_at: Timestamp,
    now: Timestamp,
) -> Result<bool, Error> {
    lock_administrators(tx, now).await?;
    if store::schedule_deletion(tx.conn(), id, due_at, now).await? {
        return Ok(true);
    }
    match store::details(tx.conn(), id).await? {
        Some(_) => Err(Error::LastAdmin),
        None => Ok(false),
    }
}

/// Takes that back. `false` if nobody wanted it.
pub(crate) async fn cancel_deletion(tx: &mut Tx, id: AccountId, now: Timestamp) -> Result<bool, Error> {
    Ok(store::cancel_deletion(tx.conn(), id, now).await?)
}

/// Accounts whose grace period is over, at most `limit`.
pub(crate) async fn due_for_deletion(app: &App, limit: i64) -> Result<Vec<AccountId>, Error> {
    let mut reader = app.db().read().await?;
    Ok(store::due_for_deletion(reader.conn(), app.now(), limit).await?)
}
