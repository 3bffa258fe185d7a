//! The one way to act on an account: under its row's lock, by somebody who is proved again after the lock was taken.
//!
//! What a guard saw is the past by the time a transaction runs: a reset of the password may have been committed while
//! it waited for the row. So every act takes a [`Locked`] or a [`Held`], only this file makes them, and each of the
//! functions that do looks *after* the lock, in a statement of its own. On PostgreSQL such a statement has a new
//! snapshot (`READ COMMITTED`) and sees all that was committed before the lock was given; on SQLite a transaction is
//! alone from its beginning.
//!
//! Locks are taken in one order: the administrators' ([`lock_administrators`](super::lock_administrators)), accounts by
//! their numbers, counters, and then sessions, links and the rest.

use std::ops::Deref;

use super::{AccountId, Credentials, Email, Epoch, Owner, Role, store};
use crate::{
    access::{self, Administrator, By, Fresh, Principal},
    clock::Timestamp,
    db::{Conn, Tx},
    error::Error,
};

/// An account, active or not, whose row this transaction has locked for somebody who may act on it.
#[derive(Debug)]
#[must_use]
pub(crate) struct Locked {
    owner: Owner,
    role: Role,
    credential_epoch: Epoch,
    is_active: bool,
    deletion_due_at: Option<Timestamp>,
}
crate::db::from_row!(Locked { role, credential_epoch, is_active, deletion_due_at; owner });

/// The same of an account that is active.
#[derive(Debug)]
#[must_use]
pub(crate) struct Held(Locked);

impl Locked {
    /// What the account may do.
    pub(crate) fn role(&self) -> Role {
        self.role
    }

    /// Whether it may be used.
    pub(crate) fn is_active(&self) -> bool {
        self.is_active
    }

    /// Whether its credentials are still those that were read.
    pub(crate) fn is_in(&self, epoch: Epoch) -> bool {
        self.credential_epoch == epoch
    }

    /// Its credentials as they are now.
    pub(crate) fn epoch(&self) -> Epoch {
        self.credential_epoch
    }

    /// Whether its owner wanted it deleted by then.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.deletion_due_at.is_some_and(|due_at| due_at <= now)
    }

    /// The proof that it is.
    pub(crate) fn if_active(self) -> Option<Held> {
        self.is_active.then_some(Held(self))
    }
}

impl Deref for Locked {
    type Target = Owner;

    fn deref(&self) -> &Owner {
        &self.owner
    }
}

impl Deref for Held {
    type Target = Locked;

    fn deref(&self) -> &Locked {
        &self.0
    }
}

/// Who acts for themselves: a principal, or one whose log-in must be fresh. What the guard saw is proved again.
pub(crate) trait Actor: Copy {
    /// As the guard saw them.
    fn seen(self) -> Principal;
    /// As the session says now.
    fn prove(self, now: Principal, at: Timestamp) -> Result<(), Error>;
}

impl Actor for Principal {
    fn seen(self) -> Principal {
        self
    }

    fn prove(self, now: Principal, _: Timestamp) -> Result<(), Error> {
        // A role that was given meanwhile takes nothing away from them.
        let has_lost = self.role == Role::Admin && now.role != Role::Admin;
        if now.account == self.account && !has_lost { Ok(()) } else { Err(Error::SessionEnded) }
    }
}

impl Actor for Fresh {
    fn seen(self) -> Principal {
        self.principal()
    }

    fn prove(self, now: Principal, at: Timestamp) -> Result<(), Error> {
        self.principal().prove(now, at)?;
        now.fresh(at).map(|_fresh| ())
    }
}

impl Actor for Administrator {
    fn seen(self) -> Principal {
        match self {
            Self::Any(principal) => principal,
            Self::Fresh(fresh) => fresh.principal(),
        }
    }

    fn prove(self, now: Principal, at: Timestamp) -> Result<(), Error> {
        match self {
            Self::Any(principal) => principal.prove(now, at)?,
            Self::Fresh(fresh) => fresh.prove(now, at)?,
        }
        if now.role == Role::Admin { Ok(()) } else { Err(Error::SessionEnded) }
    }
}

/// The caller's own account.
///
/// # Errors
/// [`Error::SessionEnded`] if the session has ended, the account was disabled or deleted, or its role was taken
/// away, while this transaction waited; [`Error::StaleLogIn`].
pub(crate) async fn hold_own(tx: &mut Tx, caller: impl Actor, now: Timestamp) -> Result<Held, Error> {
    let locked = store::lock(tx.conn(), caller.seen().account).await?.ok_or(Error::SessionEnded)?;
    prove(tx, caller, now).await?;
    locked.if_active().ok_or(Error::SessionEnded)
}

/// The caller's own account, and that of another which the act is about, in the order of their numbers. `false` if the
/// other is not active.
///
/// # Errors
/// Those of [`hold_own`].
pub(crate) async fn hold_own_beside(
    tx: &mut Tx,
    caller: impl Actor,
    other: AccountId,
    now: Timestamp,
) -> Result<(Held, bool), Error> {
    if other >= caller.seen().account {
        let held = hold_own(tx, caller, now).await?;
        return Ok((held, hold_active(tx.conn(), other).await?));
    }
    let is_active = hold_active(tx.conn(), other).await?;
    Ok((hold_own(tx, caller, now).await?, is_active))
}

/// The account of a mailed link: the caller takes the link's row afterwards.
pub(crate) async fn hold_of_link(tx: &mut Tx, id: AccountId) -> Result<Option<Held>, Error> {
    Ok(store::lock(tx.conn(), id).await?.and_then(Locked::if_active))
}

/// Locks an account that is active, for a room whose rows refer to it. `false` if there is none.
pub(crate) async fn hold_active(conn: Conn<'_>, id: AccountId) -> Result<bool, crate::db::Error> {
    Ok(store::lock(conn, id).await?.is_some_and(|locked| locked.is_active))
}

/// The account of a login that waits for its second factor: the caller reads the login's row afterwards.
pub(crate) async fn hold_of_login(tx: &mut Tx, id: AccountId) -> Result<Option<Held>, Error> {
    hold_of_link(tx, id).await
}

/// The account of a passkey: the caller reads the passkey's row afterwards.
pub(crate) async fn hold_of_passkey(tx: &mut Tx, id: AccountId) -> Result<Option<Held>, Error> {
    hold_of_link(tx, id).await
}

/// The account of a refresh token that came again: to end its session and tell its owner.
pub(crate) async fn hold_of_session(tx: &mut Tx, id: AccountId) -> Result<Option<Held>, Error> {
    hold_of_link(tx, id).await
}

/// The account with this address: to mail its owner, who alone reads there, or to try a mailed code.
pub(crate) async fn hold_by_email(tx: &mut Tx, email: &Email) -> Result<Option<Held>, Error> {
    Ok(store::lock_by_email(tx.conn(), email).await?.and_then(Locked::if_active))
}

/// The account whose password was verified, if its credentials are still the same.
pub(crate) async fn hold_verified(tx: &mut Tx, verified: &Credentials) -> Result<Option<Held>, Error> {
    let locked = store::lock(tx.conn(), verified.id).await?;
    Ok(locked.filter(|locked| locked.is_in(verified.epoch)).and_then(Locked::if_active))
}

/// An account that this transaction has made.
pub(crate) async fn hold_new(tx: &mut Tx, id: AccountId) -> Result<Held, Error> {
    store::lock(tx.conn(), id).await?.and_then(Locked::if_active).ok_or(Error::NotFound)
}

/// The same account as this transaction has changed it.
pub(crate) async fn hold_again(tx: &mut Tx, held: Held) -> Result<Held, Error> {
    hold_new(tx, held.id).await
}

/// An account whose grace period is over.
pub(crate) async fn lock_due(tx: &mut Tx, id: AccountId, now: Timestamp) -> Result<Option<Locked>, Error> {
    Ok(store::lock(tx.conn(), id).await?.filter(|locked| locked.is_due(now)))
}

/// The account of another, for the operator or for an administrator, who is proved again.
///
/// # Errors
/// [`Error::NotFound`] if there is no such account; of an administrator those of [`hold_own`].
pub(crate) async fn lock_other(
    tx: &mut Tx,
    id: AccountId,
    by: By<'_>,
    now: Timestamp,
) -> Result<Locked, Error> {
    let Some(administrator) = by.proved() else {
        return store::lock(tx.conn(), id).await?.ok_or(Error::NotFound);
    };
    let own = administrator.seen().account;
    // In the order of their numbers: two administrators who act on each other wait, and never in a ring.
    if own < id {
        store::lock(tx.conn(), own).await?;
    }
    let locked = store::lock(tx.conn(), id).await?;
    if own > id {
        store::lock(tx.conn(), own).await?;
    }
    prove(tx, administrator, now).await?;
    locked.ok_or(Error::NotFound)
}

async fn prove(tx: &mut Tx, caller: impl Actor, now: Timestamp) -> Result<(), Error> {
    let living = access::living(tx.conn(), caller.seen().session, now).await?;
    caller.prove(living.ok_or(Error::SessionEnded)?.principal(), now)
}
