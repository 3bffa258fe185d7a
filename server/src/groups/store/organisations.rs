//! SQL on organisations and their owners.

use super::Result;
use crate::{
    accounts::AccountId,
    db::{Conn, execute, fetch_all, fetch_one, fetch_optional},
    groups::{GroupId, Organisation, operators::Found},
};

/// Whether this account is an owner of the organisation, and no other owner is active and staying.
pub(in crate::groups) async fn is_last_owner(
    conn: Conn<'_>,
    group: GroupId,
    account: AccountId,
) -> Result<bool> {
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

/// `false` if there is no such organisation.
pub(in crate::groups) async fn lock_organisation(conn: Conn<'_>, id: GroupId) -> Result<bool> {
    let sql = "UPDATE groups SET name = name WHERE id = $1 AND kind = 'organisation'";
    Ok(execute!(conn, sql, id)? > 0)
}

/// The columns of [`Organisation`].
macro_rules! select_organisations {
    ($which:literal) => {
        concat!(
            "SELECT g.id, g.name, g.created_at, m.role,
                    (SELECT count(*) FROM memberships everybody WHERE everybody.group_id = g.id)
                    - (SELECT count(*) FROM accounts s WHERE s.organisation_id = g.id) AS members
             FROM memberships m JOIN groups g ON g.id = m.group_id
             WHERE g.kind = 'organisation' AND m.account_id = $1 AND ",
            $which
        )
    };
}

/// An organisation that the account is a member of.
pub(in crate::groups) async fn organisation_of(
    conn: Conn<'_>,
    account: AccountId,
    id: GroupId,
) -> Result<Option<Organisation>> {
    fetch_optional!(conn, Organisation, select_organisations!("g.id = $2"), account, id)
}

/// The organisations that the account is a member of.
pub(in crate::groups) async fn organisations_of(
    conn: Conn<'_>,
    account: AccountId,
    after: GroupId,
    at_most: i64,
) -> Result<Vec<Organisation>> {
    let sql = select_organisations!("m.group_id > $2 ORDER BY m.group_id LIMIT $3");
    fetch_all!(conn, Organisation, sql, account, after, at_most)
}

/// The organisations that the account owns, in the order of their IDs, in which they are locked.
pub(in crate::groups) async fn owned_by(conn: Conn<'_>, account: AccountId) -> Result<Vec<GroupId>> {
    let owned = fetch_all!(
        conn,
        (GroupId,),
        "SELECT g.id FROM memberships m JOIN groups g ON g.id = m.group_id
         WHERE m.account_id = $1 AND m.role = 'owner' AND g.kind = 'organisation' ORDER BY g.id",
        account
    )?;
    Ok(owned.into_iter().map(|(id,)| id).collect())
}

/// The owners of an organisation except this account, at most 100.
pub(in crate::groups) async fn other_owners(
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

/// Who owns the organisation once this account has left: a person who is active and stays, if there is one, with the
/// highest role, and who has been there longest.
pub(in crate::groups) async fn next_owner(
    conn: Conn<'_>,
    organisation: GroupId,
    leaving: AccountId,
) -> Result<Option<AccountId>> {
    let next = fetch_optional!(
        conn,
        (AccountId,),
        "SELECT m.account_id FROM memberships m JOIN accounts a ON a.id = m.account_id
         WHERE m.group_id = $1 AND m.account_id <> $2 AND a.organisation_id IS NULL
         ORDER BY CASE WHEN a.is_active AND a.deletion_due_at IS NULL THEN 0 ELSE 1 END,
                  CASE m.role WHEN 'owner' THEN 0 WHEN 'admin' THEN 1 ELSE 2 END, m.created_at, m.account_id
         LIMIT 1",
        organisation,
        leaving
    )?;
    Ok(next.map(|(account,)| account))
}

/// How many organisations an account is a member of.
pub(in crate::groups) async fn count_organisations(conn: Conn<'_>, account: AccountId) -> Result<i64> {
    let sql = "SELECT count(*) FROM memberships m JOIN groups g ON g.id = m.group_id
               WHERE m.account_id = $1 AND g.kind = 'organisation'";
    fetch_one!(conn, (i64,), sql, account).map(|(count,)| count)
}

/// The columns of [`Found`].
macro_rules! select_found {
    ($which:literal) => {
        concat!(
            "SELECT g.id, g.name, g.created_at,
                    (SELECT count(*) FROM memberships everybody WHERE everybody.group_id = g.id)
                    - (SELECT count(*) FROM accounts s WHERE s.organisation_id = g.id) AS members
             FROM groups g WHERE g.kind = 'organisation' AND ",
            $which
        )
    };
}

/// Organisations with this text in their folded name, or with this ID, newest first.
pub(in crate::groups) async fn found(
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

pub(in crate::groups) async fn found_by_id(conn: Conn<'_>, id: GroupId) -> Result<Option<Found>> {
    fetch_optional!(conn, Found, select_found!("g.id = $1"), id)
}
