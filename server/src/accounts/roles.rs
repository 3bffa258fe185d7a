//! What an account may do beyond its own data. There is always at least one administrator.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Held, Locked, store};
use crate::{
    clock::Timestamp,
    db::{Conn, Tx},
    error::Error,
};

/// What an account may do beyond itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Nothing.
    User,
    /// Manage all accounts, and read the audit log.
    Admin,
}

impl Role {
    /// The role with this name.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        [Self::User, Self::Admin].into_iter().find(|role| role.name() == name)
    }

    /// Its name in the database, the API and on the command line: `user` or `admin`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Admin => "admin",
        }
    }
}

impl crate::db::Encode for Role {
    const KIND: crate::db::Kind = crate::db::Kind::Text;
    fn encode(&self) -> crate::db::Value {
        self.name().encode()
    }
}

impl crate::db::Decode for Role {
    fn decode(cell: crate::db::Cell<'_>) -> Option<Self> {
        match cell {
            crate::db::Cell::Text("user") => Some(Self::User),
            crate::db::Cell::Text("admin") => Some(Self::Admin),
            _ => None,
        }
    }
}

/// Locks the set of administrators: until it ends, only this transaction can change it.
pub(crate) async fn lock_administrators(tx: &mut Tx, now: Timestamp) -> Result<(), Error> {
    Ok(store::lock_administrators(tx.conn(), now).await?)
}

/// Whether there is any account.
pub(crate) async fn is_any(conn: Conn<'_>) -> Result<bool, Error> {
    Ok(store::is_any(conn).await?)
}

/// Gives an account another role. Lock the administrators first.
///
/// # Errors
/// [`Error::LastAdmin`] if no administrator would be left.
pub(crate) async fn set_role(tx: &mut Tx, locked: &Locked, role: Role, now: Timestamp) -> Result<(), Error> {
    let is_set = store::set_role(tx.conn(), locked.id, role, now).await?;
    if is_set { Ok(()) } else { Err(Error::LastAdmin) }
}

/// Makes the caller the administrator if there is none, and returns whether it did. Lock the administrators first.
pub(crate) async fn make_first_administrator(
    tx: &mut Tx,
    held: &Held,
    now: Timestamp,
) -> Result<bool, Error> {
    Ok(store::make_first_administrator(tx.conn(), held.id, now).await?)
}

/// Enables an account.
pub(crate) async fn enable(tx: &mut Tx, locked: &Locked, now: Timestamp) -> Result<(), Error> {
    Ok(store::enable(tx.conn(), locked.id, now).await?)
}

/// Disables an account. Lock the administrators first.
///
/// # Errors
/// [`Error::LastAdmin`] for the last administrator's account.
pub(crate) async fn disable(tx: &mut Tx, locked: &Locked, now: Timestamp) -> Result<(), Error> {
    let is_disabled = store::disable(tx.conn(), locked.id, now).await?;
    if is_disabled { Ok(()) } else { Err(Error::LastAdmin) }
}
