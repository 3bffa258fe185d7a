//! SQL on groups: the tree here, the rest by its subject.

mod invitations;
mod members;
mod organisations;
mod services;
mod teams;

pub(super) use self::{
    invitations::{
        SentRow, count_invitations, delete_every_invitation, delete_expired, delete_invitation,
        delete_invitation_to, delete_invitations_by, delete_invitations_to, insert_invitation, invitations,
        invitations_by, invitations_to, look, take_invitation,
    },
    members::{
        count_memberships, delete_member, delete_members_below, insert_member, member_at, member_role,
        members, memberships, people, person, person_role, set_member_role, share_organisation,
    },
    organisations::{
        count_organisations, found, found_by_id, is_last_owner, lock_organisation, next_owner,
        organisation_of, organisations_of, other_owners, owned_by,
    },
    services::{delete_service_from, service, services, services_in},
    teams::{count_teams, team, teams},
};
use super::GroupId;
use crate::{
    accounts::folded,
    clock::Timestamp,
    db::{Conn, Dialect, execute, fetch_one, fetch_optional},
};

type Result<T> = std::result::Result<T, crate::db::Error>;

/// Serializes changes of the tree of groups.
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
    execute!(
        conn,
        "INSERT INTO groups (id, kind, name, folded_name, parent_id, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
        id,
        kind,
        name,
        folded(name),
        parent,
        now
    )?;
    Ok(())
}

pub(super) async fn insert_path_to_itself(conn: Conn<'_>, id: GroupId) -> Result<()> {
    let sql = "INSERT INTO group_paths (descendant_id, ancestor_id, distance) VALUES ($1, $1, 0)";
    execute!(conn, sql, id)?;
    Ok(())
}

/// Inserts the paths from the group and everything in it to the parent and all of its ancestors.
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

/// Deletes the paths that [`insert_paths`] inserts.
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

/// The number of its ancestors, itself included. `None` if there is no such group.
pub(super) async fn depth(conn: Conn<'_>, id: GroupId) -> Result<Option<i64>> {
    let sql = "SELECT count(*) FROM group_paths WHERE descendant_id = $1";
    let (depth,) = fetch_one!(conn, (i64,), sql, id)?;
    Ok((depth > 0).then_some(depth))
}

/// The number of levels below it, its own included. `None` if there is no such group.
pub(super) async fn height(conn: Conn<'_>, id: GroupId) -> Result<Option<i64>> {
    let sql = "SELECT max(distance) + 1 FROM group_paths WHERE ancestor_id = $1";
    let (height,) = fetch_one!(conn, (Option<i64>,), sql, id)?;
    Ok(height)
}

pub(super) async fn is_in(conn: Conn<'_>, id: GroupId, other: GroupId) -> Result<bool> {
    let sql = "SELECT distance FROM group_paths WHERE descendant_id = $1 AND ancestor_id = $2";
    Ok(fetch_optional!(conn, (i64,), sql, id, other)?.is_some())
}

/// Its organisation, which for an organisation is itself. `None` if there is no such group.
pub(super) async fn organisation(conn: Conn<'_>, id: GroupId) -> Result<Option<GroupId>> {
    let sql = "SELECT ancestor_id FROM group_paths WHERE descendant_id = $1 ORDER BY distance DESC LIMIT 1";
    Ok(fetch_optional!(conn, (GroupId,), sql, id)?.map(|(id,)| id))
}

pub(super) async fn set_parent(conn: Conn<'_>, id: GroupId, parent: GroupId) -> Result<()> {
    execute!(conn, "UPDATE groups SET parent_id = $2 WHERE id = $1", id, parent)?;
    Ok(())
}

pub(super) async fn rename(conn: Conn<'_>, id: GroupId, name: &str) -> Result<bool> {
    let sql = "UPDATE groups SET name = $2, folded_name = $3 WHERE id = $1";
    Ok(execute!(conn, sql, id, name, folded(name))? > 0)
}

pub(super) async fn delete(conn: Conn<'_>, id: GroupId) -> Result<bool> {
    Ok(execute!(conn, "DELETE FROM groups WHERE id = $1", id)? > 0)
}

pub(super) async fn name(conn: Conn<'_>, id: GroupId) -> Result<Option<String>> {
    Ok(fetch_optional!(conn, (String,), "SELECT name FROM groups WHERE id = $1", id)?.map(|(name,)| name))
}
