//! What an account may do beside its own affairs, and that there is always somebody who may do all.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AccountId, By, Held, Locked, held::lock_other, store};
use crate::{
    app::App,
    audit::{self, Event},
    clock::Timestamp,
    db::{Conn, Tx, retry},
    error::Error,
    mail::{self, Message},
};

/// What an account may do beside its own affairs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Nothing.
    User,
    /// Manage all accounts, and read the audit trail.
    Admin,
}

impl Role {
    /// As it is written everywhere: `user` or `admin`.
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

/// Gives an account a role, and tells its owner by mail. It counts from the next request on, on every instance. An
/// account that has it already keeps it.
///
/// # Errors
/// [`Error::NotFound`], [`Error::LastAdmin`], [`Error::Database`].
pub async fn set_role(app: &App, id: AccountId, role: Role, by: By<'_>) -> Result<(), Error> {
    retry(|| async {
        let (mut tx, now) = (app.db().begin().await?, app.now());
        lock_administrators(&mut tx, now).await?;
        let locked = lock_other(&mut tx, id, by, now).await?;
        if locked.role() == role {
            return Ok(());
        }
        if !store::set_role(tx.conn(), id, role, now).await? {
            return Err(Error::LastAdmin);
        }
        let detail = Some(role.name());
        audit::record_detail(&mut tx, Event::RoleChanged, Some(id), by.client(), detail, now).await?;
        tell_owner(app, &mut tx, &locked, role, now).await?;
        Ok(tx.commit().await?)
    })
    .await
}

/// From here to its end, this transaction alone decides who is an administrator.
pub(crate) async fn lock_administrators(tx: &mut Tx, now: Timestamp) -> Result<(), Error> {
    Ok(store::lock_administrators(tx.conn(), now).await?)
}

/// Makes the caller the administrator if there is none, and says whether it did. Lock the administrators first.
pub(crate) async fn make_first_administrator(
    app: &App,
    tx: &mut Tx,
    held: &Held,
    now: Timestamp,
) -> Result<bool, Error> {
    let made = store::make_first_administrator(tx.conn(), held.id, now).await?;
    if made {
        tell_owner(app, tx, held, Role::Admin, now).await?;
    }
    Ok(made)
}

/// Whether there is any account.
pub(crate) async fn is_any(conn: Conn<'_>) -> Result<bool, Error> {
    Ok(store::is_any(conn).await?)
}

async fn tell_owner(
    app: &App,
    tx: &mut Tx,
    locked: &Locked,
    role: Role,
    now: Timestamp,
) -> Result<(), Error> {
    let message = Message::RoleChanged { role: role.name().to_owned() };
    mail::enqueue(app, tx, &locked.recipient(), &message, now).await
}
