//! Service accounts: accounts of an organisation that programs use. Nobody owns one, so nothing that is done to people's
//! accounts finds it: it has no email address, no password and no session, and [`Locked`](super::Locked) cannot be made
//! of it. It has API keys, a membership of its organisation and grants. `groups` decides who manages it.

use uuid::Uuid;

use super::{AccountId, FullName, Owner, held, store};
use crate::{
    access::By,
    clock::Timestamp,
    db::{Conn, Tx},
    error::Error,
    random,
};

/// A service account that this transaction has locked, for somebody who manages its organisation.
#[derive(Debug)]
#[must_use]
pub(crate) struct Service {
    pub(crate) id: AccountId,
    pub(crate) full_name: FullName,
    pub(crate) is_active: bool,
}
crate::db::from_row!(Service { id, full_name, is_active });

/// Creates a service account. Lock the organisation first.
pub(crate) async fn insert(
    tx: &mut Tx,
    organisation: Uuid,
    name: &FullName,
    now: Timestamp,
) -> Result<AccountId, Error> {
    // Unique like an address, and equal to none: `Email::parse` demands an `@`.
    let placeholder = format!("service:{}", random::uuid_v7(now));
    Ok(store::insert_service(tx.conn(), organisation, &placeholder, name, now).await?)
}

/// A service account of this organisation. Lock the organisation first, and verify that the caller manages it.
///
/// # Errors
/// [`Error::NotFound`].
pub(crate) async fn lock(tx: &mut Tx, organisation: Uuid, id: AccountId) -> Result<Service, Error> {
    store::lock_service(tx.conn(), id, Some(organisation)).await?.ok_or(Error::NotFound)
}

/// Enables or disables it.
pub(crate) async fn set_active(
    tx: &mut Tx,
    service: &Service,
    is_active: bool,
    now: Timestamp,
) -> Result<(), Error> {
    Ok(store::set_service_active(tx.conn(), service.id, is_active, now).await?)
}

/// Deletes it. Its keys, memberships and grants are deleted with it (`ON DELETE CASCADE`).
pub(crate) async fn delete(tx: &mut Tx, service: &Service) -> Result<(), Error> {
    Ok(store::delete_service(tx.conn(), service.id).await?)
}

/// How many an organisation has.
pub(crate) async fn count(conn: Conn<'_>, organisation: Uuid) -> Result<i64, Error> {
    Ok(store::count_services(conn, organisation).await?)
}

/// The name of a service account; `None` for a person's account.
pub(crate) async fn name(conn: Conn<'_>, id: AccountId) -> Result<Option<FullName>, Error> {
    Ok(store::service_name(conn, id).await?)
}

/// Those to write to about an account: its owner; for a service account, the owners of its organisation.
pub(crate) async fn responsible(conn: Conn<'_>, id: AccountId) -> Result<Vec<Owner>, Error> {
    Ok(store::responsible(conn, id).await?)
}

/// Locks the account of an API key, a person's or a service account, to remove keys.
///
/// # Errors
/// See [`lock_other`](super::lock_other).
pub(crate) async fn lock_key_owner(
    tx: &mut Tx,
    id: AccountId,
    by: By<'_>,
    now: Timestamp,
) -> Result<(), Error> {
    match held::lock_other(tx, id, by, now).await {
        Err(Error::NotFound) if store::lock_service(tx.conn(), id, None).await?.is_some() => Ok(()),
        locked => locked.map(|_locked| ()),
    }
}
