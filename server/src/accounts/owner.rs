//! The owner of an active account, as emails address them, and the changes that an emailed link makes to the account.

use super::{AccountId, Email, FullName, Held, Locked, store};
use crate::{
    app::App,
    clock::Timestamp,
    db::{Conn, Tx},
    error::Error,
    passwords::PasswordHash,
};

/// The owner of an active account.
#[derive(Debug, Clone)]
pub(crate) struct Owner {
    pub(crate) id: AccountId,
    /// The current address, not one that awaits confirmation.
    pub(crate) email: Email,
    pub(crate) full_name: FullName,
    pub(crate) language: String,
    pub(crate) email_verified_at: Option<Timestamp>,
}
crate::db::from_row!(Owner { id, email, full_name, language, email_verified_at });

/// The owner of an account, if it is active.
pub(crate) async fn owner(conn: Conn<'_>, id: AccountId) -> Result<Option<Owner>, Error> {
    Ok(store::owner(conn, id).await?)
}

/// Whether an account has this address.
pub(crate) async fn has_account(conn: Conn<'_>, email: &Email) -> Result<bool, Error> {
    Ok(store::account_by_email(conn, email).await?.is_some())
}

/// Whether the account with this address is active; `None` if there is none.
pub(crate) async fn is_active_at(conn: Conn<'_>, email: &Email) -> Result<Option<bool>, Error> {
    Ok(store::account_by_email(conn, email).await?.map(|account| account.is_active))
}

/// Records that the owner reads email at the address, if it is the current one. Repeating it changes nothing.
pub(crate) async fn mark_verified(
    tx: &mut Tx,
    held: &Held,
    email: &Email,
    now: Timestamp,
) -> Result<bool, Error> {
    Ok(store::mark_verified(tx.conn(), held.id, email, now).await?)
}

/// Records a login of the owner.
pub(crate) async fn note_login(tx: &mut Tx, held: &Held, now: Timestamp) -> Result<(), Error> {
    Ok(store::set_last_login(tx.conn(), held.id, now).await?)
}

/// Whether somebody has ever logged in.
pub(crate) async fn was_used(tx: &mut Tx, held: &Held) -> Result<bool, Error> {
    Ok(store::was_used(tx.conn(), held.id).await?)
}

/// Sets a new password, whatever the old one is.
pub(crate) async fn set_hash(
    tx: &mut Tx,
    locked: &Locked,
    hash: &PasswordHash,
    now: Timestamp,
) -> Result<(), Error> {
    Ok(store::set_password(tx.conn(), locked.id, hash, now).await?)
}

/// The login methods of an account.
#[derive(Debug)]
pub(crate) struct Ways {
    pub(crate) has_password: bool,
    pub(crate) passkeys: i64,
    /// Linked accounts at other providers.
    pub(crate) identities: i64,
    /// An authenticator app, which counts only after one of the others.
    pub(crate) has_app: bool,
}
crate::db::from_row!(Ways { has_password, passkeys, identities, has_app });

impl Ways {
    /// Whether the account has a login method other than an emailed link.
    pub(crate) fn is_any(&self) -> bool {
        self.has_password || self.passkeys > 0 || self.identities > 0
    }
}

/// The account's login methods besides emailed links. The account's lock keeps others from removing one meanwhile.
pub(crate) async fn ways(tx: &mut Tx, locked: &Locked) -> Result<Ways, Error> {
    Ok(store::ways(tx.conn(), locked.id).await?)
}

/// Removes the password and cancels a scheduled deletion, because somebody else may have set them. Returns whether
/// there was a password.
pub(crate) async fn forget_password(tx: &mut Tx, held: &Held, now: Timestamp) -> Result<bool, Error> {
    Ok(store::forget_password(tx.conn(), held.id, now).await?)
}

/// Removes the password if it was set after `since`. Returns whether it was.
pub(crate) async fn forget_password_since(
    tx: &mut Tx,
    held: &Held,
    since: Timestamp,
    now: Timestamp,
) -> Result<bool, Error> {
    Ok(store::forget_password_since(tx.conn(), held.id, since, now).await?)
}

/// Whether the account has a password.
pub(crate) async fn has_password(conn: Conn<'_>, id: AccountId) -> Result<bool, Error> {
    Ok(store::has_password(conn, id).await?)
}

/// Records that another credential of the account was changed: what was proved before cannot start a session.
pub(crate) async fn raise_epoch(tx: &mut Tx, locked: &Locked, now: Timestamp) -> Result<(), Error> {
    Ok(store::raise_epoch(tx.conn(), locked.id, now).await?)
}

/// Stores another hash of the same password.
pub(crate) async fn rehash(tx: &mut Tx, held: &Held, hash: &PasswordHash) -> Result<(), Error> {
    Ok(store::replace_hash(tx.conn(), held.id, hash).await?)
}

/// Sets a new address, which its owner has proved to read. A login that began with the old one cannot end.
///
/// # Errors
/// [`Error::EmailTaken`] if another account has it. The unique column decides, even between two instances.
pub(crate) async fn set_email(tx: &mut Tx, held: &Held, email: &Email, now: Timestamp) -> Result<(), Error> {
    match store::set_email(tx.conn(), held.id, email, now).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(Error::EmailTaken),
        Err(cause) if cause.is_unique_violation() => Err(Error::EmailTaken),
        Err(cause) => Err(cause.into()),
    }
}

/// Sets the name.
pub(crate) async fn set_full_name(
    tx: &mut Tx,
    held: &Held,
    full_name: &FullName,
    now: Timestamp,
) -> Result<(), Error> {
    Ok(store::set_full_name(tx.conn(), held.id, full_name, now).await?)
}

/// Sets the language of emails.
pub(crate) async fn set_language(tx: &mut Tx, held: &Held, tag: &str) -> Result<(), Error> {
    Ok(store::set_language(tx.conn(), held.id, tag).await?)
}

/// Schedules the deletion of the account for `due_at`, at its owner's request. Lock the administrators first.
///
/// # Errors
/// [`Error::LastAdmin`] for the last administrator's account.
pub(crate) async fn schedule_deletion(
    tx: &mut Tx,
    held: &Held,
    due_at: Timestamp,
    now: Timestamp,
) -> Result<(), Error> {
    let is_scheduled = store::schedule_deletion(tx.conn(), held.id, due_at, now).await?;
    if is_scheduled { Ok(()) } else { Err(Error::LastAdmin) }
}

/// Cancels a scheduled deletion. `false` if none was scheduled.
pub(crate) async fn cancel_deletion(tx: &mut Tx, held: &Held, now: Timestamp) -> Result<bool, Error> {
    Ok(store::cancel_deletion(tx.conn(), held.id, now).await?)
}

/// Accounts whose grace period is over, at most `limit`.
pub(crate) async fn due_for_deletion(app: &App, limit: i64) -> Result<Vec<AccountId>, Error> {
    let mut reader = app.db().read().await?;
    Ok(store::due_for_deletion(reader.conn(), app.now(), limit).await?)
}

/// Deletes the row. Lock the administrators first.
///
/// # Errors
/// [`Error::LastAdmin`] for the last administrator's account.
pub(crate) async fn delete(tx: &mut Tx, locked: &Locked) -> Result<(), Error> {
    if store::delete_account(tx.conn(), locked.id).await? { Ok(()) } else { Err(Error::LastAdmin) }
}
