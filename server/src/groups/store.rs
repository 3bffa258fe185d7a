//! SQL on groups, their paths and their members.

use super::{GroupId, GroupRole, Member, Membership};
use crate::{
    accounts::AccountId,
    clock::Timestamp,
    db::{Conn, Dialect, execute, fetch_all, fetch_one, fetch_optional},
};

type Result<T> = std::result::Result<T, crate::db::Error>;

/// Whoever changes which group is in which does it alone.
pub(super) async fn lock_tree(conn: Conn<'_>, now: Timestamp) -> Result<()> {
    execute!(conn, "UPDATE locks SET taken_at = $1 WHERE name = 'groups'", now)?;
    Ok(())
}

/// `false` if there is no such group.
pub(super) async fn lock(conn: Conn<'_>, id: GroupId) -> Result<bool> {
    Ok(execute!(conn, "UPDATE groups SET name = name WHERE id = $1", id)? > 0)
}

pub(super) async fn keep(conn: Conn<'_>, id: GroupId) -> Result<bool> {
    let sql = match conn.dialect() {
        Dialect::Sqlite => "SELECT id FROM groups WHERE id = $1",
        Dialect::Postgres => "SELECT id FROM groups WHERE id = $1 FOR KEY SHARE",
    };
    Ok(fetch_optional!(conn, (GroupId,), sql, id)?.is_some())
}

pub(super) async fn insert(
    conn: Conn<'_>,
    id: GroupId,
    kind: &str,
    name: &str,
    parent: Option<GroupId>,
    now: Timestamp,
) -> Result<()> {
    let sql = "INSERT INTO groups (id, kind, name, parent_id, created_at) VALUES ($1, $2, $3, $4, $5)";
    execute!(conn, sql, id, kind, name, parent, now)?;
    Ok(())
}

pub(super) async fn insert_path_to_itself(conn: Conn<'_>, id: GroupId) -> Result<()> {
    let sql = "INSERT INTO group_paths (descendant_id, ancestor_id, distance) VALUES ($1, $1, 0)";
    execute!(conn, sql, id)?;
    Ok(())
}

/// From the group and all that is in it, to the parent and all that this one is in.
pub(super) async fn insert_paths(conn: Conn<'_>, id: GroupId, parent: GroupId) -> Result<()> {
    execute!(
        conn,
        "INSERT INTO group_paths (descendant_id, ancestor_id, distance)
         SELECT below.descendant_id, above.ancestor_id, below.distance + above.distance + 1
         FROM group_paths below, group_paths above
         WHERE below.ancestor_id = $1 AND above.descendant_id = $2",
        id,
        parent
    )?;
    Ok(())
}

/// Those of [`insert_paths`].
pub(super) async fn delete_paths(conn: Conn<'_>, id: GroupId) -> Result<()> {
    execute!(
        conn,
        "DELETE FROM group_paths
         WHERE descendant_id IN (SELECT descendant_id FROM group_paths WHERE ancestor_id = $1)
           AND ancestor_id IN (SELECT ancestor_id FROM group_paths WHERE descendant_id = $1 AND distance > 0)",
        id
    )?;
    Ok(())
}

/// How many groups are above it, itself included. `None` if there is no such group.
pub(super) async fn depth(conn: Conn<'_>, id: GroupId) -> Result<Option<i64>> {
    let sql = "SELECT count(*) FROM group_paths WHERE descendant_id = $1";
    let (depth,) = fetch_one!(conn, (i64,), sql, id)?;
    Ok((depth > 0).then_some(depth))
}

/// How many levels it has, its own included. `None` if there is no such group.
pub(super) async fn height(conn: Conn<'_>, id: GroupId) -> Result<Option<i64>> {
    let sql = "SELECT max(distance) + 1 FROM group_paths WHERE ancestor_id = $1";
    let (height,) = fetch_one!(conn, (Option<i64>,), sql, id)?;
    Ok(height)
}

pub(super) async fn is_in(conn: Conn<'_>, id: GroupId, other: GroupId) -> Result<bool> {
    let sql = "SELECT distance FROM group_paths WHERE descendant_id = $1 AND ancestor_id = $2";
    Ok(fetch_optional!(conn, (i64,), sql, id, other)?.is_some())
}

/// The organisation that it is in. `None` for an organisation itself, which is in no other group.
pub(super) async fn organisation(conn: Conn<'_>, id: GroupId) -> Result<Option<GroupId>> {
    let sql = "SELECT ancestor_id FROM group_paths WHERE descendant_id = $1 ORDER BY distance DESC LIMIT 1";
    Ok(fetch_optional!(conn, (GroupId,), sql, id)?.map(|(id,)| id))
}

pub(super) async fn set_parent(conn: Conn<'_>, id: GroupId, parent: GroupId) -> Result<()> {
    execute!(conn, "UPDATE groups SET parent_id = $2 WHERE id = $1", id, parent)?;
    Ok(())
}

pub(super) async fn rename(conn: Conn<'_>, id: GroupId, name: &str) -> Result<bool> {
    Ok(execute!(conn, "UPDATE groups SET name = $2 WHERE id = $1", id, name)? > 0)
}

pub(super) async fn delete(conn: Conn<'_>, id: GroupId) -> Result<bool> {
    Ok(execute!(conn, "DELETE FROM groups WHERE id = $1", id)? > 0)
}

pub(super) async fn count_memberships(conn: Conn<'_>, account: AccountId) -> Result<i64> {
    let sql = "SELECT count(*) FROM memberships WHERE account_id = $1";
    fetch_one!(conn, (i64,), sql, account).map(|(count,)| count)
}

pub(super) async fn insert_member(
    conn: Conn<'_>,
    group: GroupId,
    account: AccountId,
    role: GroupRole,
    now: Timestamp,
) -> Result<()> {
    let sql = "INSERT INTO memberships (account_id, group_id, role, created_at) VALUES ($1, $2, $3, $4)";
    execute!(conn, sql, account, group, role, now)?;
    Ok(())
}

pub(super) async fn member_role(
    conn: Conn<'_>,
    group: GroupId,
    account: AccountId,
) -> Result<Option<GroupRole>> {
    let sql = "SELECT role FROM memberships WHERE account_id = $1 AND group_id = $2";
    Ok(fetch_optional!(conn, (GroupRole,), sql, account, group)?.map(|(role,)| role))
}

pub(super) async fn set_member_role(
    conn: Conn<'_>,
    group: GroupId,
    account: AccountId,
    role: GroupRole,
) -> Result<()> {
    let sql = "UPDATE memberships SET role = $3 WHERE account_id = $1 AND group_id = $2";
    execute!(conn, sql, account, group, role)?;
    Ok(())
}

pub(super) async fn delete_member(conn: Conn<'_>, group: GroupId, account: AccountId) -> Result<bool> {
    let sql = "DELETE FROM memberships WHERE account_id = $1 AND group_id = $2";
    Ok(execute!(conn, sql, account, group)? > 0)
}

/// Whether this account is the only owner of an organisation.
pub(super) async fn is_last_owner(conn: Conn<'_>, group: GroupId, account: AccountId) -> Result<bool> {
    let last = fetch_optional!(
        conn,
        (i64,),
        "SELECT m.account_id FROM memberships m JOIN groups g ON g.id = m.group_id
         WHERE m.account_id = $1 AND m.group_id = $2 AND m.role = 'owner' AND g.kind = 'organisation'
           AND NOT EXISTS (SELECT 1 FROM memberships other
                           WHERE other.group_id = $2 AND other.role = 'owner' AND other.account_id <> $1)",
        account,
        group
    )?;
    Ok(last.is_some())
}

pub(super) async fn members(
    conn: Conn<'_>,
    group: GroupId,
    after: AccountId,
    at_most: i64,
) -> Result<Vec<Member>> {
    fetch_all!(
        conn,
        Member,
        "SELECT account_id, role, created_at FROM memberships
         WHERE group_id = $1 AND account_id > $2 ORDER BY account_id LIMIT $3",
        group,
        after,
        at_most
    )
}

pub(super) async fn memberships(
    conn: Conn<'_>,
    account: AccountId,
    after: GroupId,
    at_most: i64,
) -> Result<Vec<Membership>> {
    fetch_all!(
        conn,
        Membership,
        "SELECT m.group_id, g.name, m.role FROM memberships m JOIN groups g ON g.id = m.group_id
         WHERE m.account_id = $1 AND m.group_id > $2 ORDER BY m.group_id LIMIT $3",
        account,
        after,
        at_most
    )
}
