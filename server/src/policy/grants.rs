//! Roles granted on single rows.

use std::fmt;

use uuid::Uuid;

use super::compile::{MOST_DEPTH, column, object_id, table};
use super::rules::Type;
use super::{AccountId, Error, ObjectId, Policy, PolicyError, store};
use crate::{
    accounts,
    clock::Timestamp,
    db::{self, Conn, Encode as _, FromRow, Row},
    error,
    groups::{self, GroupId},
    leaving::{ExportedGrant, ExportedReceiver, GivenGrant},
    random,
};

/// A grant's id. Ids are never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GrantId(Uuid);
crate::db::column!(GrantId, Uuid);

impl GrantId {
    /// Sorts before every other id.
    pub(super) const FIRST: Self = Self(Uuid::nil());

    /// The grant with this id, if it exists.
    #[must_use]
    pub const fn new(id: Uuid) -> Self {
        Self(id)
    }

    /// As a UUID.
    #[must_use]
    pub const fn uuid(self) -> Uuid {
        self.0
    }
}

impl fmt::Display for GrantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The receiver of a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Whom {
    /// One account.
    Account(AccountId),
    /// All members of a group and of the groups in it.
    Group(GroupId),
}

/// A role to be granted on a row.
#[derive(Debug, Clone, Copy)]
pub struct NewGrant<'a> {
    /// The type of the row, as the policy names it.
    pub object_type: &'a str,
    /// Its id.
    pub object: ObjectId,
    /// One of the roles of that type, or of a type contained in it.
    pub role: &'a str,
    /// The receiver.
    pub to: Whom,
    /// The account that grants it; `None` for the application itself.
    pub given_by: Option<AccountId>,
    /// When it expires.
    pub expires_at: Option<Timestamp>,
}

impl<'a> NewGrant<'a> {
    /// A grant by the application itself, which does not expire.
    pub fn of(object_type: &'a str, object: impl Into<ObjectId>, role: &'a str, to: Whom) -> Self {
        Self { object_type, object: object.into(), role, to, given_by: None, expires_at: None }
    }
}

/// A role that was granted on a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Its id.
    pub id: GrantId,
    /// The type of the row.
    pub object_type: String,
    /// The row's id.
    pub object: ObjectId,
    /// The role.
    pub role: String,
    /// The receiver.
    pub to: Whom,
    /// The account that granted it.
    pub given_by: Option<AccountId>,
    /// When it was granted.
    pub created_at: Timestamp,
    /// When it expires.
    pub expires_at: Option<Timestamp>,
}

impl FromRow for Grant {
    fn from_row(row: &Row<'_>) -> Result<Self, db::Error> {
        let object = match (row.named("object_number")?, row.named("object_uuid")?) {
            (Some(number), None) => ObjectId::Number(number),
            (None, Some(id)) => ObjectId::Uuid(id),
            _ => return Err(db::Error::Column("object_number")),
        };
        let to = match (row.named("account_id")?, row.named("group_id")?) {
            (Some(account), None) => Whom::Account(account),
            (None, Some(group)) => Whom::Group(group),
            _ => return Err(db::Error::Column("account_id")),
        };
        Ok(Self {
            id: row.named("id")?,
            object_type: row.named("object_type")?,
            object,
            role: row.named("role")?,
            to,
            given_by: row.named("given_by")?,
            created_at: row.named("created_at")?,
            expires_at: row.named("expires_at")?,
        })
    }
}

impl Policy {
    /// Grants a role. If the receiver already has it, only the expiry is updated. Locks the receiver and the row
    /// against deletion until your transaction ends.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such row, account or group; [`Error::Policy`] if the type does not have the
    /// role.
    pub async fn give(&self, conn: Conn<'_>, new: &NewGrant<'_>) -> Result<GrantId, Error> {
        let of = self.object_type(new.object_type)?;
        if !of.roles.contains(new.role) {
            let known = of.roles.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            let what = format!("{:?} cannot be given on a {}; there are: {known}", new.role, of.name);
            return Err(PolicyError::new(String::new(), what).into());
        }
        let is_there = match new.to {
            Whom::Account(account) => accounts::keep(conn, account).await?,
            Whom::Group(group) => groups::keep(conn, group).await?,
        };
        if !is_there || !self.keep_object(conn, of, new.object).await? {
            return Err(Error::NotFound);
        }
        let now = self.now();
        let id = GrantId(random::uuid_v7(now));
        if let Some(id) = store::insert(conn, id, new, now).await? {
            return Ok(id);
        }
        // Revoked in between: the revocation counts as the later change.
        store::set_expiry(conn, new).await?.ok_or(Error::NotFound)
    }

    /// Revokes a grant. The next statement of any instance ignores it. Returns `false` if it did not exist.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn take(&self, conn: Conn<'_>, id: GrantId) -> Result<bool, Error> {
        Ok(store::delete(conn, id).await?)
    }

    /// The grants on one row, ordered by id, starting after `after`. At most 100.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn grants_on(
        &self,
        conn: Conn<'_>,
        object_type: &str,
        object: ObjectId,
        after: Option<GrantId>,
    ) -> Result<Vec<Grant>, Error> {
        Ok(store::list_on(conn, object_type, object, after, 100).await?)
    }

    /// Up to 100 grants of an account after the grant `after`, for its owner's export. Without a policy there are grants
    /// of an application that ran before, and they are exported as well.
    pub(crate) async fn exported(
        &self,
        conn: Conn<'_>,
        account: AccountId,
        after: Option<GrantId>,
    ) -> Result<Vec<(GrantId, ExportedGrant)>, error::Error> {
        let view = |grant: Grant| {
            let exported = ExportedGrant {
                object: format!("{}:{}", grant.object_type, grant.object),
                role: grant.role,
                given_by: grant.given_by,
                created_at: grant.created_at.to_rfc3339(),
                expires_at: grant.expires_at.map(Timestamp::to_rfc3339),
            };
            (grant.id, exported)
        };
        Ok(store::list_to(conn, account, after, 100).await?.into_iter().map(view).collect())
    }

    /// Up to 100 grants that an account has given, after the grant `after`, for its owner's export.
    pub(crate) async fn exported_given(
        &self,
        conn: Conn<'_>,
        account: AccountId,
        after: Option<GrantId>,
    ) -> Result<Vec<(GrantId, GivenGrant)>, error::Error> {
        let view = |grant: Grant| {
            let exported = GivenGrant {
                object: format!("{}:{}", grant.object_type, grant.object),
                role: grant.role,
                to: match grant.to {
                    Whom::Account(account) => ExportedReceiver::Account(account),
                    Whom::Group(group) => ExportedReceiver::Group(group.uuid()),
                },
                created_at: grant.created_at.to_rfc3339(),
                expires_at: grant.expires_at.map(Timestamp::to_rfc3339),
            };
            (grant.id, exported)
        };
        Ok(store::list_by(conn, account, after, 100).await?.into_iter().map(view).collect())
    }

    /// Removes all grants on a row, and the links to it. Call it in the transaction that deletes the row, after the deletion: grants that
    /// another transaction was adding at that moment are then visible here. Returns how many grants there were.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn forget(&self, conn: Conn<'_>, object_type: &str, object: ObjectId) -> Result<u64, Error> {
        store::delete_links_on(conn, object_type, object).await?;
        Ok(store::delete_on(conn, object_type, object).await?)
    }

    /// Removes expired grants and links, and those on rows that were deleted without [`forget`](Self::forget), up to
    /// `at_most` of each kind. Run it periodically.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn sweep(&self, conn: Conn<'_>, at_most: u32) -> Result<u64, Error> {
        let at_most = i64::from(at_most);
        let mut swept = store::delete_expired(conn, self.now(), at_most).await?;
        swept += store::delete_expired_links(conn, self.now(), at_most).await?;
        for (of, rows) in self.0.types.values().flat_map(|of| [(of, "grants"), (of, "share_links")]) {
            let sql = self.0.queries.get(rows, of.name.as_str(), 1, || {
                let (table, id) = (table(of), object_id(of.kind));
                Ok(format!(
                    "DELETE FROM {rows} WHERE id IN (SELECT _g.id FROM {rows} _g WHERE _g.object_type = '{}' \
                     AND NOT EXISTS (SELECT 1 FROM {table} WHERE {} = _g.{id}) LIMIT $1)",
                    of.name,
                    column(&table, &of.id)
                ))
            })?;
            swept += conn.execute(sql.text(), vec![at_most.encode()]).await?;
        }
        Ok(swept)
    }

    /// Proves that a row may be placed in another one of the same type: that it would not contain itself, and that at
    /// most 32 rows would be nested. Call it in the transaction that changes the column, before the change. `id` is
    /// `None` for a row that does not exist yet. Other calls wait until your transaction ends.
    ///
    /// # Errors
    /// [`Error::Cycle`], [`Error::TooDeep`]; [`Error::NotFound`] if there is no such parent.
    pub async fn check_parent(
        &self,
        conn: Conn<'_>,
        object_type: &str,
        id: Option<ObjectId>,
        parent: ObjectId,
    ) -> Result<(), Error> {
        let of = self.object_type(object_type)?;
        let Some(above) = &of.inside_itself else {
            return Err(
                PolicyError::new(String::new(), format!("a {object_type} is not inside another")).into()
            );
        };
        store::lock_trees(conn, self.now()).await?;
        if !self.keep_object(conn, of, parent).await? {
            return Err(Error::NotFound);
        }
        let (rows, inside, key) = (table(of), column("_x", above), column("_x", &of.id));
        // One row more than allowed, which is enough to detect too many rows or a cycle.
        let most = MOST_DEPTH + 1;
        let up = self.0.queries.get("up", object_type, 2, || {
            Ok(format!(
                "WITH RECURSIVE _up(id, n) AS (SELECT {key}, 1 FROM {rows} _x WHERE {key} = $1 UNION SELECT \
                 (SELECT {inside} FROM {rows} _x WHERE {key} = _up.id), _up.n + 1 FROM _up \
                 WHERE _up.n < {most} AND _up.id IS NOT NULL) \
                 SELECT count(*), COALESCE(sum(CASE WHEN id = $2 THEN 1 ELSE 0 END), 0) FROM _up WHERE id IS NOT NULL"
            ))
        })?;
        let down = self.0.queries.get("down", object_type, 1, || {
            Ok(format!(
                "WITH RECURSIVE _down(id, n) AS (SELECT {key}, 1 FROM {rows} _x WHERE {key} = $1 UNION SELECT {key}, \
                 _down.n + 1 FROM _down JOIN {rows} _x ON {inside} = _down.id WHERE _down.n < {most}) \
                 SELECT COALESCE(max(n), 1) FROM _down"
            ))
        })?;
        // A row that does not exist yet cannot contain its parent.
        let own = id.unwrap_or(parent);
        let (above, rings) =
            conn.fetch_one::<(i64, i64)>(up.text(), vec![parent.value(), own.value()]).await?;
        if id.is_some() && rings > 0 {
            return Err(Error::Cycle);
        }
        let below = match id {
            Some(id) => conn.fetch_one::<(i64,)>(down.text(), vec![id.value()]).await?.0,
            None => 1,
        };
        let most = i64::try_from(MOST_DEPTH).unwrap_or(i64::MAX);
        if above + below > most { Err(Error::TooDeep) } else { Ok(()) }
    }

    /// Keeps the row, if it exists, from being deleted until the transaction ends.
    async fn keep_object(&self, conn: Conn<'_>, of: &Type, id: ObjectId) -> Result<bool, Error> {
        self.lock_object(conn, of, id, "keep", self.0.dialect.kept()).await
    }

    /// Locks the row, if it exists, for something that is counted on it.
    pub(super) async fn hold_object(&self, conn: Conn<'_>, of: &Type, id: ObjectId) -> Result<bool, Error> {
        self.lock_object(conn, of, id, "hold", self.0.dialect.held()).await
    }

    async fn lock_object(
        &self,
        conn: Conn<'_>,
        of: &Type,
        id: ObjectId,
        what: &'static str,
        lock: &str,
    ) -> Result<bool, Error> {
        if id.kind() != of.kind {
            return Ok(false);
        }
        let sql = self.0.queries.get(what, of.name.as_str(), 1, || {
            let table = table(of);
            Ok(format!("SELECT 1 FROM {table} WHERE {} = $1{lock}", column(&table, &of.id)))
        })?;
        Ok(conn.fetch_optional::<(i64,)>(sql.text(), vec![id.value()]).await?.is_some())
    }
}
