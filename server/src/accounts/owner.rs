//! The owner of an account that may be used, as mail knows them; and what a mailed link changes of the account.

use super::{AccountId, Email, FullName, Held, Locked, store};
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

/// Whether an account has this address.
pub(crate) async fn has_account(conn: Conn<'_>, email: &Email) -> Result<bool, Error> {
    Ok(store::account_by_email(conn, email).await?.is_some())
}

/// Notes that the owner reads mail at the address, if it is the one in force. Doing so again changes nothing.
pub(crate) async fn mark_verified(
    tx: &mut Tx,
    held: &Held,
    email: &Email,
    now: Timestamp,
) -> Result<bool, Error> {
    Ok(store::mark_verified(tx.conn(), held.id, email, now).await?)
}

/// Sets a new hash, whatever the old one is.
pub(crate) async fn set_hash(
    tx: &mut Tx,
    locked: &Locked,
    hash: &PasswordHash,
    now: Timestamp,
) -> Result<(), Error> {
    Ok(store::set_password(tx.conn(), locked.id, hash, now).await?)
}

/// Puts another address into force, which its owner has proved to read.
///
/// # Errors
/// [`Error::EmailTaken`] if another account has it: the unique column decides, also between two instances.
pub(crate) async fn set_email(tx: &mut Tx, held: &Held, email: &Email, now: Timestamp) -> Result<(), Error> {
    match store::set_email(tx.conn(), held.id, email, now).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(Error::EmailTaken),
        Err(cause) if cause.is_unique_violation() => Err(Error::EmailTaken),
        Err(cause) => Err(cause.into()),
    }
}
