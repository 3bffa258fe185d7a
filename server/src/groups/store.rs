//! The SQL of groups, their paths and their members.

use uuid::Uuid;

use super::{
    GroupId, GroupRole, Member, Membership, Organisation, Person, Team,
    invitations::{Invitation, Peeked},
    operators::Found,
};
use crate::{
    accounts::{AccountId, Email, folded},
    clock::Timestamp,
    db::{Conn, Dialect, execute, fetch_all, fetch_one, fetch_optional},
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

/// Whether this account is an owner of the organisation, and no other owner is active and staying.
pub(super) async fn is_last_owner(conn: Conn<'_>, group: GroupId, account: AccountId) -> Result<bool> {
    let last = fetch_optional!(
        conn,
        (i64,),
        "SELECT m.account_id FROM memberships m JOIN groups g ON g.id = m.group_id
         WHERE m.account_id = $1 AND m.group_id = $2 AND m.role = 'owner' AND g.kind = 'organisation'
           AND NOT EXISTS (SELECT 1 FROM memberships other JOIN accounts a ON a.id = other.account_id
                           WHERE other.group_id = $2 AND other.role = 'owner' AND other.account_id <> $1
                             AND a.is_active AND a.deletion_due_at IS NULL)",
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

/// `false` if there is no such organisation.
pub(super) async fn lock_organisation(conn: Conn<'_>, id: GroupId) -> Result<bool> {
    let sql = "UPDATE groups SET name = name WHERE id = $1 AND kind = 'organisation'";
    Ok(execute!(conn, sql, id)? > 0)
}

/// The columns of [`Organisation`].
macro_rules! select_organisations {
    ($which:literal) => {
        concat!(
            "SELECT g.id, g.name, g.created_at, m.role,
                    (SELECT count(*) FROM memberships everybody WHERE everybody.group_id = g.id) AS members
             FROM memberships m JOIN groups g ON g.id = m.group_id
             WHERE g.kind = 'organisation' AND m.account_id = $1 AND ",
            $which
        )
    };
}

/// An organisation that the account is a member of.
pub(super) async fn organisation_of(
    conn: Conn<'_>,
    account: AccountId,
    id: GroupId,
) -> Result<Option<Organisation>> {
    fetch_optional!(conn, Organisation, select_organisations!("g.id = $2"), account, id)
}

/// The organisations that the account is a member of.
pub(super) async fn organisations_of(
    conn: Conn<'_>,
    account: AccountId,
    after: GroupId,
    at_most: i64,
) -> Result<Vec<Organisation>> {
    let sql = select_organisations!("m.group_id > $2 ORDER BY m.group_id LIMIT $3");
    fetch_all!(conn, Organisation, sql, account, after, at_most)
}

/// The organisations that the account owns, in the order of their IDs, in which they are locked.
pub(super) async fn owned_by(conn: Conn<'_>, account: AccountId) -> Result<Vec<GroupId>> {
    let owned = fetch_all!(
        conn,
        (GroupId,),
        "SELECT g.id FROM memberships m JOIN groups g ON g.id = m.group_id
         WHERE m.account_id = $1 AND m.role = 'owner' AND g.kind = 'organisation' ORDER BY g.id",
        account
    )?;
    Ok(owned.into_iter().map(|(id,)| id).collect())
}

/// The members of a group with their names, in the order of their accounts.
pub(super) async fn people(
    conn: Conn<'_>,
    group: GroupId,
    after: AccountId,
    at_most: i64,
) -> Result<Vec<Person>> {
    fetch_all!(
        conn,
        Person,
        "SELECT m.account_id, a.full_name, a.email, m.role, m.created_at
         FROM memberships m JOIN accounts a ON a.id = m.account_id
         WHERE m.group_id = $1 AND m.account_id > $2 ORDER BY m.account_id LIMIT $3",
        group,
        after,
        at_most
    )
}

/// Ends the memberships of an account in the teams of an organisation.
pub(super) async fn delete_members_below(
    conn: Conn<'_>,
    organisation: GroupId,
    account: AccountId,
) -> Result<()> {
    execute!(
        conn,
        "DELETE FROM memberships
         WHERE account_id = $1
           AND group_id IN (SELECT p.descendant_id FROM group_paths p JOIN groups g ON g.id = p.ancestor_id
                            WHERE p.ancestor_id = $2 AND g.kind = 'organisation')",
        account,
        organisation
    )?;
    Ok(())
}

/// The columns of [`Team`].
macro_rules! select_teams {
    ($which:literal) => {
        concat!(
            "SELECT g.id, g.name, g.parent_id, g.created_at, p.distance AS depth
             FROM group_paths p JOIN groups g ON g.id = p.descendant_id
             WHERE p.ancestor_id = $1 AND p.distance > 0 AND ",
            $which
        )
    };
}

/// A team of an organisation.
pub(super) async fn team(conn: Conn<'_>, organisation: GroupId, id: GroupId) -> Result<Option<Team>> {
    fetch_optional!(conn, Team, select_teams!("g.id = $2"), organisation, id)
}

/// The teams of an organisation, in the order of their IDs.
pub(super) async fn teams(
    conn: Conn<'_>,
    organisation: GroupId,
    after: GroupId,
    at_most: i64,
) -> Result<Vec<Team>> {
    let sql = select_teams!("p.descendant_id > $2 ORDER BY p.descendant_id LIMIT $3");
    fetch_all!(conn, Team, sql, organisation, after, at_most)
}

pub(super) async fn count_teams(conn: Conn<'_>, organisation: GroupId) -> Result<i64> {
    let sql = "SELECT count(*) FROM group_paths WHERE ancestor_id = $1 AND distance > 0";
    fetch_one!(conn, (i64,), sql, organisation).map(|(count,)| count)
}

pub(super) async fn name(conn: Conn<'_>, id: GroupId) -> Result<Option<String>> {
    Ok(fetch_optional!(conn, (String,), "SELECT name FROM groups WHERE id = $1", id)?.map(|(name,)| name))
}

/// The owners of an organisation except this account, at most 100.
pub(super) async fn other_owners(
    conn: Conn<'_>,
    organisation: GroupId,
    account: AccountId,
) -> Result<Vec<AccountId>> {
    let owners = fetch_all!(
        conn,
        (AccountId,),
        "SELECT account_id FROM memberships
         WHERE group_id = $1 AND role = 'owner' AND account_id <> $2 ORDER BY account_id LIMIT 100",
        organisation,
        account
    )?;
    Ok(owners.into_iter().map(|(id,)| id).collect())
}

/// The member with this address.
pub(super) async fn member_at(
    conn: Conn<'_>,
    organisation: GroupId,
    email: &Email,
) -> Result<Option<AccountId>> {
    let member = fetch_optional!(
        conn,
        (AccountId,),
        "SELECT m.account_id FROM memberships m JOIN accounts a ON a.id = m.account_id
         WHERE m.group_id = $1 AND a.email = $2",
        organisation,
        email
    )?;
    Ok(member.map(|(id,)| id))
}

pub(super) async fn count_invitations(conn: Conn<'_>, organisation: GroupId, now: Timestamp) -> Result<i64> {
    let sql = "SELECT count(*) FROM invitations WHERE group_id = $1 AND expires_at > $2";
    fetch_one!(conn, (i64,), sql, organisation, now).map(|(count,)| count)
}

pub(super) async fn insert_invitation(
    conn: Conn<'_>,
    organisation: GroupId,
    new: &Invitation,
    digest: &[u8; 32],
) -> Result<()> {
    execute!(
        conn,
        "INSERT INTO invitations (id, digest, group_id, email, role, invited_by, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        new.id,
        digest.as_slice(),
        organisation,
        new.email,
        new.role,
        new.invited_by,
        new.created_at,
        new.expires_at
    )?;
    Ok(())
}

/// The open invitations of an organisation, in the order of their IDs.
pub(super) async fn invitations(
    conn: Conn<'_>,
    organisation: GroupId,
    now: Timestamp,
    after: Uuid,
    at_most: i64,
) -> Result<Vec<Invitation>> {
    fetch_all!(
        conn,
        Invitation,
        "SELECT id, email, role, invited_by, created_at, expires_at FROM invitations
         WHERE group_id = $1 AND expires_at > $2 AND id > $3 ORDER BY id LIMIT $4",
        organisation,
        now,
        after,
        at_most
    )
}

/// The open invitations to the address of an account.
pub(super) async fn invitations_to(
    conn: Conn<'_>,
    account: AccountId,
    now: Timestamp,
) -> Result<Vec<(GroupId, GroupRole, Timestamp)>> {
    fetch_all!(
        conn,
        (GroupId, GroupRole, Timestamp),
        "SELECT i.group_id, i.role, i.expires_at FROM invitations i JOIN accounts a ON a.email = i.email
         WHERE a.id = $1 AND i.expires_at > $2 ORDER BY i.id LIMIT 100",
        account,
        now
    )
}

pub(super) async fn look(conn: Conn<'_>, digest: &[u8; 32], now: Timestamp) -> Result<Option<Peeked>> {
    fetch_optional!(
        conn,
        Peeked,
        "SELECT i.group_id, g.name, a.full_name, i.email, i.role
         FROM invitations i JOIN groups g ON g.id = i.group_id JOIN accounts a ON a.id = i.invited_by
         WHERE i.digest = $1 AND i.expires_at > $2",
        digest.as_slice(),
        now
    )
}

/// Uses an invitation. Of several uses at once, only one deletes the row.
pub(super) async fn take_invitation(
    conn: Conn<'_>,
    digest: &[u8; 32],
    now: Timestamp,
) -> Result<Option<(Email, GroupRole)>> {
    fetch_optional!(
        conn,
        (Email, GroupRole),
        "DELETE FROM invitations WHERE digest = $1 AND expires_at > $2 RETURNING email, role",
        digest.as_slice(),
        now
    )
}

pub(super) async fn delete_invitation(conn: Conn<'_>, organisation: GroupId, id: Uuid) -> Result<bool> {
    let sql = "DELETE FROM invitations WHERE group_id = $1 AND id = $2";
    Ok(execute!(conn, sql, organisation, id)? > 0)
}

pub(super) async fn delete_invitation_to(conn: Conn<'_>, organisation: GroupId, email: &Email) -> Result<()> {
    execute!(conn, "DELETE FROM invitations WHERE group_id = $1 AND email = $2", organisation, email)?;
    Ok(())
}

/// Deletes the invitations that an account has sent for one organisation, or for all.
pub(super) async fn delete_invitations_by(
    conn: Conn<'_>,
    account: AccountId,
    organisation: Option<GroupId>,
) -> Result<()> {
    match organisation {
        Some(id) => {
            let sql = "DELETE FROM invitations WHERE invited_by = $1 AND group_id = $2";
            execute!(conn, sql, account, id)?
        }
        None => execute!(conn, "DELETE FROM invitations WHERE invited_by = $1", account)?,
    };
    Ok(())
}

pub(super) async fn delete_invitations_to(conn: Conn<'_>, email: &Email) -> Result<()> {
    execute!(conn, "DELETE FROM invitations WHERE email = $1", email)?;
    Ok(())
}

pub(super) async fn delete_every_invitation(conn: Conn<'_>) -> Result<()> {
    execute!(conn, "DELETE FROM invitations")?;
    Ok(())
}

pub(super) async fn delete_expired(conn: Conn<'_>, now: Timestamp) -> Result<u64> {
    execute!(conn, "DELETE FROM invitations WHERE expires_at <= $1", now)
}

/// A member with their name.
pub(super) async fn person(conn: Conn<'_>, group: GroupId, account: AccountId) -> Result<Option<Person>> {
    fetch_optional!(
        conn,
        Person,
        "SELECT m.account_id, a.full_name, a.email, m.role, m.created_at
         FROM memberships m JOIN accounts a ON a.id = m.account_id
         WHERE m.group_id = $1 AND m.account_id = $2",
        group,
        account
    )
}

/// How many organisations an account is a member of.
pub(super) async fn count_organisations(conn: Conn<'_>, account: AccountId) -> Result<i64> {
    let sql = "SELECT count(*) FROM memberships m JOIN groups g ON g.id = m.group_id
               WHERE m.account_id = $1 AND g.kind = 'organisation'";
    fetch_one!(conn, (i64,), sql, account).map(|(count,)| count)
}

/// The columns of [`Found`].
macro_rules! select_found {
    ($which:literal) => {
        concat!(
            "SELECT g.id, g.name, g.created_at,
                    (SELECT count(*) FROM memberships everybody WHERE everybody.group_id = g.id) AS members
             FROM groups g WHERE g.kind = 'organisation' AND ",
            $which
        )
    };
}

/// Organisations with this text in their folded name, or with this ID, newest first.
pub(super) async fn found(
    conn: Conn<'_>,
    needle: Option<&str>,
    id: Option<GroupId>,
    before: GroupId,
    at_most: i64,
) -> Result<Vec<Found>> {
    fetch_all!(
        conn,
        Found,
        select_found!(
            "g.id < $1 AND ($2 IS NULL OR COALESCE(g.folded_name, lower(g.name)) LIKE $2 ESCAPE '!' OR g.id = $3)
             ORDER BY g.id DESC LIMIT $4"
        ),
        before,
        needle,
        id,
        at_most
    )
}

pub(super) async fn found_by_id(conn: Conn<'_>, id: GroupId) -> Result<Option<Found>> {
    fetch_optional!(conn, Found, select_found!("g.id = $1"), id)
}
