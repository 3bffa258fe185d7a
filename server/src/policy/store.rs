//! The SQL of grants. SQL that depends on a policy is generated in `compile.rs`.

use super::grants::{Grant, GrantId, NewGrant, Whom};
use super::links::{LinkId, ShareLink};
use super::{AccountId, ObjectId};
use crate::{
    clock::Timestamp,
    db::{Conn, execute, fetch_all, fetch_one, fetch_optional},
    groups::GroupId,
};

type Result<T> = std::result::Result<T, crate::db::Error>;

/// The two columns for a grant's object or receiver; one of them is NULL.
fn columns(object: ObjectId) -> (Option<i64>, Option<uuid::Uuid>) {
    match object {
        ObjectId::Number(number) => (Some(number), None),
        ObjectId::Uuid(id) => (None, Some(id)),
    }
}

fn receiver(to: Whom) -> (Option<AccountId>, Option<GroupId>) {
    match to {
        Whom::Account(account) => (Some(account), None),
        Whom::Group(group) => (None, Some(group)),
    }
}

/// `None` if the grant already exists.
pub(super) async fn insert(
    conn: Conn<'_>,
    id: GrantId,
    new: &NewGrant<'_>,
    now: Timestamp,
) -> Result<Option<GrantId>> {
    let ((number, uuid), (account, group)) = (columns(new.object), receiver(new.to));
    let inserted = fetch_optional!(
        conn,
        (GrantId,),
        "INSERT INTO grants (id, object_type, object_number, object_uuid, role, account_id, group_id, given_by,
                             created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING RETURNING id",
        id,
        new.object_type,
        number,
        uuid,
        new.role,
        account,
        group,
        new.given_by,
        now,
        new.expires_at
    )?;
    Ok(inserted.map(|(id,)| id))
}

/// Updates the expiry of an existing grant. `None` if it is gone.
pub(super) async fn set_expiry(conn: Conn<'_>, new: &NewGrant<'_>) -> Result<Option<GrantId>> {
    let ((number, uuid), (account, group)) = (columns(new.object), receiver(new.to));
    let updated = fetch_optional!(
        conn,
        (GrantId,),
        "UPDATE grants SET expires_at = $1
         WHERE object_type = $2 AND (object_number = $3 OR object_uuid = $4) AND role = $5
           AND (account_id = $6 OR group_id = $7)
         RETURNING id",
        new.expires_at,
        new.object_type,
        number,
        uuid,
        new.role,
        account,
        group
    )?;
    Ok(updated.map(|(id,)| id))
}

pub(super) async fn delete(conn: Conn<'_>, id: GrantId) -> Result<bool> {
    Ok(execute!(conn, "DELETE FROM grants WHERE id = $1", id)? > 0)
}

pub(super) async fn delete_on(conn: Conn<'_>, object_type: &str, object: ObjectId) -> Result<u64> {
    let (number, uuid) = columns(object);
    let sql = "DELETE FROM grants WHERE object_type = $1 AND (object_number = $2 OR object_uuid = $3)";
    execute!(conn, sql, object_type, number, uuid)
}

pub(super) async fn delete_expired(conn: Conn<'_>, now: Timestamp, at_most: i64) -> Result<u64> {
    execute!(
        conn,
        "DELETE FROM grants WHERE id IN (SELECT id FROM grants WHERE expires_at <= $1 LIMIT $2)",
        now,
        at_most
    )
}

pub(super) async fn count_on(conn: Conn<'_>, object_type: &str, object: ObjectId) -> Result<i64> {
    let (number, uuid) = columns(object);
    let sql =
        "SELECT count(*) FROM grants WHERE object_type = $1 AND (object_number = $2 OR object_uuid = $3)";
    Ok(fetch_one!(conn, (i64,), sql, object_type, number, uuid)?.0)
}

pub(super) async fn by_id(conn: Conn<'_>, id: GrantId) -> Result<Option<Grant>> {
    fetch_optional!(
        conn,
        Grant,
        "SELECT id, object_type, object_number, object_uuid, role, account_id, group_id, given_by, created_at, expires_at
         FROM grants WHERE id = $1",
        id
    )
}

pub(super) async fn list_on(
    conn: Conn<'_>,
    object_type: &str,
    object: ObjectId,
    after: Option<GrantId>,
    at_most: i64,
) -> Result<Vec<Grant>> {
    let (number, uuid) = columns(object);
    fetch_all!(
        conn,
        Grant,
        "SELECT id, object_type, object_number, object_uuid, role, account_id, group_id, given_by, created_at, expires_at
         FROM grants
         WHERE object_type = $1 AND (object_number = $2 OR object_uuid = $3) AND id > $4 ORDER BY id LIMIT $5",
        object_type,
        number,
        uuid,
        after.unwrap_or(GrantId::FIRST),
        at_most
    )
}

/// The grants of an account, in the order of their IDs. Those of its groups are not among them.
pub(super) async fn list_to(
    conn: Conn<'_>,
    account: AccountId,
    after: Option<GrantId>,
    at_most: i64,
) -> Result<Vec<Grant>> {
    fetch_all!(
        conn,
        Grant,
        "SELECT id, object_type, object_number, object_uuid, role, account_id, group_id, given_by, created_at, expires_at
         FROM grants WHERE account_id = $1 AND id > $2 ORDER BY id LIMIT $3",
        account,
        after.unwrap_or(GrantId::FIRST),
        at_most
    )
}

/// The grants that an account has given, in the order of their IDs.
pub(super) async fn list_by(
    conn: Conn<'_>,
    account: AccountId,
    after: Option<GrantId>,
    at_most: i64,
) -> Result<Vec<Grant>> {
    fetch_all!(
        conn,
        Grant,
        "SELECT id, object_type, object_number, object_uuid, role, account_id, group_id, given_by, created_at, expires_at
         FROM grants WHERE given_by = $1 AND id > $2 ORDER BY id LIMIT $3",
        account,
        after.unwrap_or(GrantId::FIRST),
        at_most
    )
}

pub(super) async fn insert_link(conn: Conn<'_>, link: &ShareLink, digest: &[u8; 32]) -> Result<()> {
    let (number, uuid) = columns(link.object);
    execute!(
        conn,
        "INSERT INTO share_links (id, digest, object_type, object_number, object_uuid, permission, given_by, created_at,
                                  expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        link.id,
        digest.as_slice(),
        link.object_type,
        number,
        uuid,
        link.permission,
        link.given_by,
        link.created_at,
        link.expires_at
    )?;
    Ok(())
}

/// The link with this digest, if it has not expired and the account that gave it is active.
pub(super) async fn living_link(
    conn: Conn<'_>,
    digest: &[u8; 32],
    now: Timestamp,
) -> Result<Option<ShareLink>> {
    fetch_optional!(
        conn,
        ShareLink,
        "SELECT l.id, l.object_type, l.object_number, l.object_uuid, l.permission, l.given_by, l.created_at, l.expires_at
         FROM share_links l JOIN accounts a ON a.id = l.given_by
         WHERE l.digest = $1 AND l.expires_at > $2 AND a.is_active",
        digest.as_slice(),
        now
    )
}

/// The links on a row that have not expired, oldest first.
pub(super) async fn links_on(
    conn: Conn<'_>,
    object_type: &str,
    object: ObjectId,
    now: Timestamp,
) -> Result<Vec<ShareLink>> {
    let (number, uuid) = columns(object);
    fetch_all!(
        conn,
        ShareLink,
        "SELECT id, object_type, object_number, object_uuid, permission, given_by, created_at, expires_at
         FROM share_links WHERE object_type = $1 AND (object_number = $2 OR object_uuid = $3) AND expires_at > $4
         ORDER BY id",
        object_type,
        number,
        uuid,
        now
    )
}

/// The links that an account has given, in the order of their IDs.
pub(super) async fn links_by(
    conn: Conn<'_>,
    account: AccountId,
    after: Option<LinkId>,
    at_most: i64,
) -> Result<Vec<ShareLink>> {
    fetch_all!(
        conn,
        ShareLink,
        "SELECT id, object_type, object_number, object_uuid, permission, given_by, created_at, expires_at
         FROM share_links WHERE given_by = $1 AND id > $2 ORDER BY id LIMIT $3",
        account,
        after.unwrap_or(LinkId::FIRST),
        at_most
    )
}

/// Deletes a link on this row and returns it.
pub(super) async fn delete_link(
    conn: Conn<'_>,
    id: LinkId,
    object_type: &str,
    object: ObjectId,
) -> Result<Option<ShareLink>> {
    let (number, uuid) = columns(object);
    fetch_optional!(
        conn,
        ShareLink,
        "DELETE FROM share_links
         WHERE id = $1 AND object_type = $2 AND (object_number = $3 OR object_uuid = $4)
         RETURNING id, object_type, object_number, object_uuid, permission, given_by, created_at, expires_at",
        id,
        object_type,
        number,
        uuid
    )
}

pub(super) async fn delete_links_on(conn: Conn<'_>, object_type: &str, object: ObjectId) -> Result<u64> {
    let (number, uuid) = columns(object);
    let sql = "DELETE FROM share_links WHERE object_type = $1 AND (object_number = $2 OR object_uuid = $3)";
    execute!(conn, sql, object_type, number, uuid)
}

pub(super) async fn delete_expired_links(conn: Conn<'_>, now: Timestamp, at_most: i64) -> Result<u64> {
    execute!(
        conn,
        "DELETE FROM share_links WHERE id IN (SELECT id FROM share_links WHERE expires_at <= $1 LIMIT $2)",
        now,
        at_most
    )
}

pub(super) async fn delete_every_link(conn: Conn<'_>) -> Result<()> {
    execute!(conn, "DELETE FROM share_links")?;
    Ok(())
}

/// Serializes changes to which row is inside which.
pub(super) async fn lock_trees(conn: Conn<'_>, now: Timestamp) -> Result<()> {
    execute!(conn, "UPDATE locks SET taken_at = $1 WHERE name = 'object_trees'", now)?;
    Ok(())
}
