//! The one way to act on an account: under the lock of its row, with the actor verified again after the lock is taken.
//!
//! What a guard saw may be outdated by the time a transaction runs: a password reset may have been committed while the
//! transaction waited for the row. So every action takes a [`Locked`] or a [`Held`]. Only this file constructs them,
//! and each function that does so checks *after* taking the lock, in a separate statement. On PostgreSQL that statement
//! has a new snapshot (`READ COMMITTED`) and sees everything committed before the lock was granted; on SQLite a write
//! transaction runs alone from its beginning.
//!
//! Locks are taken in one order: the administrators' ([`lock_administrators`](super::lock_administrators)), accounts by
//! their IDs, counters, and then sessions, links and the rest.

use std::ops::Deref;

use super::{AccountId, Credentials, Email, Epoch, Owner, Role, store};
use crate::{
    access::{self, Administrator, By, Fresh, Living, Principal, Requester},
    clock::Timestamp,
    db::{Conn, Tx},
    error::Error,
};

/// An account, active or not, whose row this transaction has locked for a party that may act on it.
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

/// A [`Locked`] account that is active.
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

    /// Whether its credentials are unchanged since this epoch.
    pub(crate) fn is_in(&self, epoch: Epoch) -> bool {
        self.credential_epoch == epoch
    }

    /// The epoch of its credentials.
    pub(crate) fn epoch(&self) -> Epoch {
        self.credential_epoch
    }

    /// Whether its owner requested its deletion for this time or earlier.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.deletion_due_at.is_some_and(|due_at| due_at <= now)
    }

    /// The account as [`Held`], if it is active.
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

/// A caller that acts on its own account: a principal, a principal with a fresh login, or the holder of an API key.
/// What the guard saw is verified again.
pub(crate) trait Actor: Copy {
    /// The caller as the guard saw it.
    fn seen(self) -> Requester;
    /// Verifies the caller against what its session or key says now.
    fn prove(self, now: Requester, at: Timestamp) -> Result<(), Error>;
}

impl Actor for Requester {
    fn seen(self) -> Requester {
        self
    }

    fn prove(self, now: Requester, _: Timestamp) -> Result<(), Error> {
        // Only losing a role rejects the request; gaining one does not.
        let has_lost = self.role() != Role::User && now.role() != self.role() && now.role() != Role::Admin;
        if now.account() == self.account() && !has_lost { Ok(()) } else { Err(Error::SessionEnded) }
    }
}

impl Actor for Principal {
    fn seen(self) -> Requester {
        self.into()
    }

    fn prove(self, now: Requester, at: Timestamp) -> Result<(), Error> {
        self.seen().prove(now, at)
    }
}

impl Actor for Fresh {
    fn seen(self) -> Requester {
        self.principal().into()
    }

    fn prove(self, now: Requester, at: Timestamp) -> Result<(), Error> {
        self.principal().prove(now, at)?;
        now.principal().ok_or(Error::SessionEnded)?.fresh(at).map(|_fresh| ())
    }
}

impl Actor for Administrator {
    fn seen(self) -> Requester {
        match self {
            Self::Any(principal) => principal.into(),
            Self::Fresh(fresh) => fresh.seen(),
        }
    }

    fn prove(self, now: Requester, at: Timestamp) -> Result<(), Error> {
        match self {
            Self::Any(principal) => principal.prove(now, at)?,
            Self::Fresh(fresh) => fresh.prove(now, at)?,
        }
        if now.role() == Role::Admin { Ok(()) } else { Err(Error::SessionEnded) }
    }
}

/// The caller's own account.
///
/// # Errors
/// [`Error::SessionEnded`] if the session was ended, the account disabled or deleted, or its role taken away, while
/// this transaction waited; [`Error::StaleLogIn`].
pub(crate) async fn hold_own(tx: &mut Tx, caller: impl Actor, now: Timestamp) -> Result<Held, Error> {
    let locked = store::lock(tx.conn(), caller.seen().account()).await?.ok_or(Error::SessionEnded)?;
    prove(tx, caller, now).await?;
    locked.if_active().ok_or(Error::SessionEnded)
}

/// Locks the caller's own account and another that the action concerns, in the order of their IDs. `false` if the other
/// is not active.
///
/// # Errors
/// See [`hold_own`].
pub(crate) async fn hold_own_beside(
    tx: &mut Tx,
    caller: impl Actor,
    other: AccountId,
    now: Timestamp,
) -> Result<(Held, bool), Error> {
    if other >= caller.seen().account() {
        let held = hold_own(tx, caller, now).await?;
        return Ok((held, hold_active(tx.conn(), other).await?));
    }
    let is_active = hold_active(tx.conn(), other).await?;
    Ok((hold_own(tx, caller, now).await?, is_active))
}

/// Verifies a caller who acts on something other than an account, under the lock of the caller's own account. It may be
/// a service account.
///
/// # Errors
/// See [`hold_own`].
pub(crate) async fn prove_under_lock(tx: &mut Tx, caller: Requester, now: Timestamp) -> Result<(), Error> {
    match caller {
        Requester::Key(holder) if holder.is_service => {
            let _locked =
                store::lock_service(tx.conn(), holder.account, None).await?.ok_or(Error::SessionEnded)?;
            prove(tx, caller, now).await
        }
        Requester::Key(_) | Requester::Session(_) => hold_own(tx, caller, now).await.map(|_held| ()),
    }
}

/// The account of an emailed link. The caller locks the link's row afterwards.
pub(crate) async fn hold_of_link(tx: &mut Tx, id: AccountId) -> Result<Option<Held>, Error> {
    Ok(store::lock(tx.conn(), id).await?.and_then(Locked::if_active))
}

/// Locks an active account for a module whose rows refer to it. `false` if there is none.
pub(crate) async fn hold_active(conn: Conn<'_>, id: AccountId) -> Result<bool, crate::db::Error> {
    Ok(store::lock(conn, id).await?.is_some_and(|locked| locked.is_active))
}

/// The account of a login that waits for its second factor. The caller reads the login's row afterwards.
pub(crate) async fn hold_of_login(tx: &mut Tx, id: AccountId) -> Result<Option<Held>, Error> {
    hold_of_link(tx, id).await
}

/// The account of a passkey. The caller reads the passkey's row afterwards.
pub(crate) async fn hold_of_passkey(tx: &mut Tx, id: AccountId) -> Result<Option<Held>, Error> {
    hold_of_link(tx, id).await
}

/// The account of a refresh token that was used twice, to end its session and notify its owner.
pub(crate) async fn hold_of_session(tx: &mut Tx, id: AccountId) -> Result<Option<Held>, Error> {
    hold_of_link(tx, id).await
}

/// The account with this address, to email its owner, the only reader of that mailbox, or to check an emailed code.
pub(crate) async fn hold_by_email(tx: &mut Tx, email: &Email) -> Result<Option<Held>, Error> {
    Ok(store::lock_by_email(tx.conn(), email).await?.and_then(Locked::if_active))
}

/// The account whose password was verified, if its credentials are unchanged.
pub(crate) async fn hold_verified(tx: &mut Tx, verified: &Credentials) -> Result<Option<Held>, Error> {
    let locked = store::lock(tx.conn(), verified.id).await?;
    Ok(locked.filter(|locked| locked.is_in(verified.epoch)).and_then(Locked::if_active))
}

/// An account that this transaction has created.
pub(crate) async fn hold_new(tx: &mut Tx, id: AccountId) -> Result<Held, Error> {
    store::lock(tx.conn(), id).await?.and_then(Locked::if_active).ok_or(Error::NotFound)
}

/// The same account, read again after this transaction changed it.
pub(crate) async fn hold_again(tx: &mut Tx, held: Held) -> Result<Held, Error> {
    hold_new(tx, held.id).await
}

/// An account whose grace period for deletion is over.
pub(crate) async fn lock_due(tx: &mut Tx, id: AccountId, now: Timestamp) -> Result<Option<Locked>, Error> {
    Ok(store::lock(tx.conn(), id).await?.filter(|locked| locked.is_due(now)))
}

/// Another user's account, for the operator or for an administrator, who is verified again.
///
/// # Errors
/// [`Error::NotFound`] if there is no such account; for an administrator also those of [`hold_own`].
pub(crate) async fn lock_other(
    tx: &mut Tx,
    id: AccountId,
    by: By<'_>,
    now: Timestamp,
) -> Result<Locked, Error> {
    let Some(administrator) = by.proved() else {
        return store::lock(tx.conn(), id).await?.ok_or(Error::NotFound);
    };
    let own = administrator.seen().account();
    // In the order of their IDs: two administrators who act on each other must not deadlock.
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
    let living = match caller.seen() {
        Requester::Session(seen) => {
            let living = access::living(tx.conn(), seen.session, now).await?;
            living.map(Living::principal).map(Requester::Session)
        }
        Requester::Key(seen) => {
            let living = access::living_key(tx.conn(), seen.key, now).await?;
            living.map(|living| Requester::Key(living.holder))
        }
    };
    caller.prove(living.ok_or(Error::SessionEnded)?, now)
}
