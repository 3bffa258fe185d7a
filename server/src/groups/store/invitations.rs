//! SQL on invitations.

use super::Result;
use uuid::Uuid;

use crate::{
    accounts::{AccountId, Email},
    clock::Timestamp,
    db::{Conn, execute, fetch_all, fetch_one, fetch_optional},
    groups::{
        GroupId, GroupRole,
        invitations::{Invitation, Peeked},
    },
};

pub(in crate::groups) async fn count_invitations(
    conn: Conn<'_>,
    organisation: GroupId,
    now: Timestamp,
) -> Result<i64> {
    let sql = "SELECT count(*) FROM invitations WHERE group_id = $1 AND expires_at > $2";
    fetch_one!(conn, (i64,), sql, organisation, now).map(|(count,)| count)
}

pub(in crate::groups) async fn insert_invitation(
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
pub(in crate::groups) async fn invitations(
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
pub(in crate::groups) async fn invitations_to(
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

/// An invitation, as the account that has sent it exports it.
pub(in crate::groups) struct SentRow {
    pub(in crate::groups) id: Uuid,
    pub(in crate::groups) group_id: GroupId,
    pub(in crate::groups) email: Email,
    pub(in crate::groups) role: GroupRole,
    pub(in crate::groups) created_at: Timestamp,
    pub(in crate::groups) expires_at: Timestamp,
}
crate::db::from_row!(SentRow { id, group_id, email, role, created_at, expires_at });

/// The open invitations that an account has sent, in the order of their IDs.
pub(in crate::groups) async fn invitations_by(
    conn: Conn<'_>,
    account: AccountId,
    now: Timestamp,
    after: Uuid,
) -> Result<Vec<SentRow>> {
    fetch_all!(
        conn,
        SentRow,
        "SELECT id, group_id, email, role, created_at, expires_at FROM invitations
         WHERE invited_by = $1 AND expires_at > $2 AND id > $3 ORDER BY id LIMIT 100",
        account,
        now,
        after
    )
}

pub(in crate::groups) async fn look(
    conn: Conn<'_>,
    digest: &[u8; 32],
    now: Timestamp,
) -> Result<Option<Peeked>> {
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
pub(in crate::groups) async fn take_invitation(
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

pub(in crate::groups) async fn delete_invitation(
    conn: Conn<'_>,
    organisation: GroupId,
    id: Uuid,
) -> Result<bool> {
    let sql = "DELETE FROM invitations WHERE group_id = $1 AND id = $2";
    Ok(execute!(conn, sql, organisation, id)? > 0)
}

pub(in crate::groups) async fn delete_invitation_to(
    conn: Conn<'_>,
    organisation: GroupId,
    email: &Email,
) -> Result<()> {
    execute!(conn, "DELETE FROM invitations WHERE group_id = $1 AND email = $2", organisation, email)?;
    Ok(())
}

/// Deletes the invitations that an account has sent for one organisation, or for all.
pub(in crate::groups) async fn delete_invitations_by(
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

pub(in crate::groups) async fn delete_invitations_to(conn: Conn<'_>, email: &Email) -> Result<()> {
    execute!(conn, "DELETE FROM invitations WHERE email = $1", email)?;
    Ok(())
}

pub(in crate::groups) async fn delete_every_invitation(conn: Conn<'_>) -> Result<()> {
    execute!(conn, "DELETE FROM invitations")?;
    Ok(())
}

pub(in crate::groups) async fn delete_expired(conn: Conn<'_>, now: Timestamp) -> Result<u64> {
    execute!(conn, "DELETE FROM invitations WHERE expires_at <= $1", now)
}
