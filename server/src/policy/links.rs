//! Links that let whoever has one do one thing with one row, without an account.
//!
//! | a link | |
//! |---|---|
//! | allows | what the account that gave it may do with the row, decided anew each time |
//! | ends | when it expires or is removed; when the row, the account or its permission is gone; when the account is disabled; and with the account's API keys |
//!
//! Its token is 256 random bits, of which only the digest is stored.

use std::fmt;

use uuid::Uuid;

use super::{AccountId, Decision, Declare, Error, ObjectId, Policy, Scope, Sharable, store};
use crate::{
    clock::Timestamp,
    db::{self, Conn, FromRow, Row, Tx},
    error,
    leaving::ExportedLink,
    random,
    secret::{SecretText, sha256},
};

/// The most links on one row.
pub(super) const MOST_LINKS: usize = 20;
/// The prefix of a token, so that one in a log or a repository is recognised.
const PREFIX: &str = "pcsl_";
/// The maximum length of a token. Longer text is not hashed.
const LONGEST_TOKEN: usize = 64;

/// A link's id. It opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LinkId(Uuid);
crate::db::column!(LinkId, Uuid);

impl LinkId {
    /// Sorts before every other id.
    pub(super) const FIRST: Self = Self(Uuid::nil());

    pub(super) const fn new(id: Uuid) -> Self {
        Self(id)
    }

    pub(super) const fn uuid(self) -> Uuid {
        self.0
    }
}

impl fmt::Display for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A link, without its token.
#[derive(Debug, Clone)]
pub(super) struct ShareLink {
    pub(super) id: LinkId,
    pub(super) object_type: String,
    pub(super) object: ObjectId,
    pub(super) permission: String,
    pub(super) given_by: AccountId,
    pub(super) created_at: Timestamp,
    pub(super) expires_at: Timestamp,
}

impl FromRow for ShareLink {
    fn from_row(row: &Row<'_>) -> Result<Self, db::Error> {
        let object = match (row.named("object_number")?, row.named("object_uuid")?) {
            (Some(number), None) => ObjectId::Number(number),
            (None, Some(id)) => ObjectId::Uuid(id),
            _ => return Err(db::Error::Column("object_number")),
        };
        Ok(Self {
            id: row.named("id")?,
            object_type: row.named("object_type")?,
            object,
            permission: row.named("permission")?,
            given_by: row.named("given_by")?,
            created_at: row.named("created_at")?,
            expires_at: row.named("expires_at")?,
        })
    }
}

impl Policy {
    /// The row that a link is for, if the link is valid and the account that gave it still may do `P` with the row.
    ///
    /// # Errors
    /// [`Error::NotFound`] for every other token; [`Error::Policy`] if the policy has no such permission;
    /// [`Error::Database`].
    pub async fn open_link<P: Sharable>(&self, conn: Conn<'_>, token: &str) -> Result<P::Object, Error> {
        if token.len() > LONGEST_TOKEN {
            return Err(Error::NotFound);
        }
        let link = store::living_link(conn, &sha256(token), self.now()).await?.ok_or(Error::NotFound)?;
        let (permission, object_type) = (<P as Scope>::NAME, <P::Object as Declare>::TYPE);
        if link.permission != permission || link.object_type != object_type {
            return Err(Error::NotFound);
        }
        match self.load(conn, link.given_by, permission, link.object).await {
            Err(Error::Forbidden(_)) => Err(Error::NotFound),
            loaded => loaded,
        }
    }

    /// Creates a link and its token, for an account that has the permission itself. `None` if the row has
    /// [`MOST_LINKS`]. Hold the account first. Locks the row, so that the links on it can be counted.
    pub(super) async fn create_link(
        &self,
        conn: Conn<'_>,
        who: AccountId,
        permission: &str,
        object: ObjectId,
        expires_at: Timestamp,
    ) -> Result<Option<(ShareLink, SecretText)>, Error> {
        let of = &self.rule(permission)?.of;
        if !self.hold_object(conn, of, object).await? {
            return Err(Error::NotFound);
        }
        match self.decide(conn, who, permission, object).await? {
            Decision::Allow => {}
            Decision::Refuse => return Err(Error::Forbidden(permission.to_owned())),
            Decision::Hide => return Err(Error::NotFound),
        }
        let now = self.now();
        let (token, object_type) = (SecretText::random(PREFIX), of.name.to_string());
        if store::links_on(conn, &object_type, object, now).await?.len() >= MOST_LINKS {
            return Ok(None);
        }
        let link = ShareLink {
            id: LinkId(random::uuid_v7(now)),
            object_type,
            object,
            permission: permission.to_owned(),
            given_by: who,
            created_at: now,
            expires_at,
        };
        store::insert_link(conn, &link, &token.digest()).await?;
        Ok(Some((link, token)))
    }

    /// Up to 100 links that an account has given, after the link `after`, for its owner's export.
    pub(crate) async fn exported_links(
        &self,
        conn: Conn<'_>,
        account: AccountId,
        after: Option<LinkId>,
    ) -> Result<Vec<(LinkId, ExportedLink)>, error::Error> {
        let view = |link: ShareLink| {
            let exported = ExportedLink {
                object: format!("{}:{}", link.object_type, link.object),
                permission: link.permission,
                created_at: link.created_at.to_rfc3339(),
                expires_at: link.expires_at.to_rfc3339(),
            };
            (link.id, exported)
        };
        Ok(store::links_by(conn, account, after, 100).await?.into_iter().map(view).collect())
    }
}

/// Deletes every link after a restore: some may have been removed since the backup was made.
pub(crate) async fn forget_every_link(tx: &mut Tx) -> Result<(), error::Error> {
    Ok(store::delete_every_link(tx.conn()).await?)
}
