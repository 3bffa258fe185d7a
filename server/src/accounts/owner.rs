//! The owner of an account that may be used, as mail knows them; and what a mailed link changes of the account.

use super::{AccountId, Credentials, Email, FullName, store};
use crate::{
    clock::Timestamp,
    db::{Conn, Tx},
    error::Error,
    mail::Recipient,
    passwords::PasswordHash,
};

/// The owner of an active account.
#[derive(Debug, Clone)]
pub(crate) struct Owner {
    pub(crate) id: AccountId,
    /// The address that is in force.
    pub(crate) email: Email,
    pub(crate) full_name: FullName,
    pub(crate) language: String,
    pub(crate) email_verified_at: Option<Timestamp>,
}
crate::db::from_row!(Owner { id, email, full_name, language, email_verified_at });

impl Owner {
    /// For mail to the address that is in force.
    pub(crate) fn recipient(&self) -> Recipient {
        self.recipient_at(&self.email)
    }

    /// For mail to another address of the same person.
    pub(crate) fn recipient_at(&self, email: &Email) -> Recipient {
        Recipient {
            account: Some(self.id),
            email: email.as_str().to_owned(),
            full_name: self.full_name.as_str().to_owned(),
            language: self.language.clone(),
        }
    }
}

/// The owner of an account, if it is active.
pub(crate) async fn owner(conn: Conn<'_>, id: AccountId) -> Result<Option<Owner>, Error> {
    Ok(store::owner(conn, id).await?)
}

/// The same, and until the transaction ends nobody else changes the account or what was mailed to it.
pub(crate) async fn hold(tx: &mut Tx, id: AccountId) -> Result<Option<Owner>, Error> {
    Ok(store::hold(tx.conn(), id).await?)
}

/// [`hold`], by the address that is in force.
pub(crate) async fn hold_by_email(tx: &mut Tx, email: &Email) -> Result<Option<Owner>, Error> {
    Ok(store::hold_by_email(tx.conn(), email).await?)
}

/// What a session is begun with, for an account whose owner showed in another way who they are.
pub(crate) async fn credentials_of(conn: Conn<'_>, id: AccountId) -> Result<Option<Credentials>, Error> {
    Ok(store::credentials_of(conn, id).await?)
}

/// Whether an account has this address.
pub(crate) async fn has_account(conn: Conn<'_>, email: &Email) -> Result<bool, Error> {
    Ok(store::account_by_email(conn, email).await?.is_some())
}

/// Notes that the owner reads mail at the address, if it is the one in force. Doing so again changes nothing.
pub(crate) async fn mark_verified(
    tx: &mut Tx,
    id: AccountId,
    email: &Email,
    now: Timestamp,
) -> Result<bool, Error> {
    Ok(store::mark_verified(tx.conn(), id, email, now).await?)
}

/// Sets a new hash, whatever the old one is.
pub(crate) async fn set_hash(
    tx: &mut Tx,
    id: AccountId,
    hash: &PasswordHash,
    now: Timestamp,
) -> Result<bool, Error> {
    Ok(store::set_password(tx.conn(), id, hash, now).await?)
}

/// Puts another address into force, which its owner has proved to read.
///
/// # Errors
/// [`Error::EmailTaken`] if another account has it: the unique column decides, also between two instances.
pub(crate) async fn set_email(
    tx: &mut Tx,
    id: AccountId,
    email: &Email,
    now: Timestamp,
) -> Result<(), Error> {
    match store::set_email(tx.conn(), id, email, now).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(Error::EmailTaken),
        Err(cause) if cause.is_unique_violation() => Err(Error::EmailTaken),
        Err(cause) => Err(cause.into()),
    }
}
