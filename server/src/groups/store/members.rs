//! SQL on members.

use super::Result;
use crate::{
    accounts::{AccountId, Email},
    clock::Timestamp,
    db::{Conn, execute, fetch_all, fetch_one, fetch_optional},
    groups::{GroupId, GroupRole, Member, Membership, Person},
};

pub(in crate::groups) async fn count_memberships(conn: Conn<'_>, account: AccountId) -> Result<i64> {
    let sql = "SELECT count(*) FROM memberships WHERE account_id = $1";
    fetch_one!(conn, (i64,), sql, account).map(|(count,)| count)
}

pub(in crate::groups) async fn insert_member(
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

/// Whether two accounts are members of one organisation.
pub(in crate::groups) async fn share_organisation(
    conn: Conn<'_>,
    one: AccountId,
    other: AccountId,
) -> Result<bool> {
    let shared = fetch_optional!(
        conn,
        (GroupId,),
        "SELECT g.id FROM memberships m JOIN memberships o ON o.group_id = m.group_id
                JOIN groups g ON g.id = m.group_id
         WHERE m.account_id = $1 AND o.account_id = $2 AND g.kind = 'organisation' LIMIT 1",
        one,
        other
    )?;
    Ok(shared.is_some())
}

pub(in crate::groups) async fn member_role(
    conn: Conn<'_>,
    group: GroupId,
    account: AccountId,
) -> Result<Option<GroupRole>> {
    let sql = "SELECT role FROM memberships WHERE account_id = $1 AND group_id = $2";
    Ok(fetch_optional!(conn, (GroupRole,), sql, account, group)?.map(|(role,)| role))
}

/// The role of a member who is a person, and not a service account.
pub(in crate::groups) async fn person_role(
    conn: Conn<'_>,
    group: GroupId,
    account: AccountId,
) -> Result<Option<GroupRole>> {
    let role = fetch_optional!(
        conn,
        (GroupRole,),
        "SELECT m.role FROM memberships m JOIN accounts a ON a.id = m.account_id
         WHERE m.account_id = $1 AND m.group_id = $2 AND a.organisation_id IS NULL",
        account,
        group
    )?;
    Ok(role.map(|(role,)| role))
}

pub(in crate::groups) async fn set_member_role(
    conn: Conn<'_>,
    group: GroupId,
    account: AccountId,
    role: GroupRole,
) -> Result<()> {
    let sql = "UPDATE memberships SET role = $3 WHERE account_id = $1 AND group_id = $2";
    execute!(conn, sql, account, group, role)?;
    Ok(())
}

pub(in crate::groups) async fn delete_member(
    conn: Conn<'_>,
    group: GroupId,
    account: AccountId,
) -> Result<bool> {
    let sql = "DELETE FROM memberships WHERE account_id = $1 AND group_id = $2
               AND account_id IN (SELECT id FROM accounts WHERE id = $1 AND organisation_id IS NULL)";
    Ok(execute!(conn, sql, account, group)? > 0)
}

pub(in crate::groups) async fn members(
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

pub(in crate::groups) async fn memberships(
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

/// The members of a group with their names, in the order of their accounts.
pub(in crate::groups) async fn people(
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
         WHERE m.group_id = $1 AND m.account_id > $2 AND a.organisation_id IS NULL
         ORDER BY m.account_id LIMIT $3",
        group,
        after,
        at_most
    )
}

/// Ends the memberships of an account in the teams of an organisation.
pub(in crate::groups) async fn delete_members_below(
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

/// The member with this address.
pub(in crate::groups) async fn member_at(
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

/// A member with their name.
pub(in crate::groups) async fn person(
    conn: Conn<'_>,
    group: GroupId,
    account: AccountId,
) -> Result<Option<Person>> {
    fetch_optional!(
        conn,
        Person,
        "SELECT m.account_id, a.full_name, a.email, m.role, m.created_at
         FROM memberships m JOIN accounts a ON a.id = m.account_id
         WHERE m.group_id = $1 AND m.account_id = $2 AND a.organisation_id IS NULL",
        group,
        account
    )
}
