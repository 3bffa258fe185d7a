//! Groups, which is in which, and who is in them: changed in the caller's own transaction.

use uuid::Uuid;

use super::{
    Error, GroupId, GroupRole, LONGEST_NAME, MOST_DEPTH, MOST_MEMBERSHIPS, Member, Membership, store,
};
use crate::{
    accounts::{self, AccountId},
    clock::Timestamp,
    db::{self, Conn, Tx},
    random,
};

/// Creates an organisation with its first owner.
///
/// # Errors
/// [`Error::Name`]; [`Error::NotFound`] if there is no such active account; [`Error::TooManyMemberships`].
pub async fn create_organisation(
    tx: &mut Tx,
    name: &str,
    owner: AccountId,
    now: Timestamp,
) -> Result<GroupId, Error> {
    let name = proved_name(name)?;
    hold_for_membership(tx, owner).await?;
    let id = GroupId(random::uuid_v7(now));
    store::insert(tx.conn(), id, "organisation", name, None, now).await?;
    store::insert_path_to_itself(tx.conn(), id).await?;
    store::insert_member(tx.conn(), id, owner, GroupRole::Owner, now).await?;
    Ok(id)
}

/// Creates a team in an organisation or in another team.
///
/// # Errors
/// [`Error::Name`]; [`Error::NotFound`] if there is no such group; [`Error::TooDeep`].
pub async fn create_team(tx: &mut Tx, name: &str, parent: GroupId, now: Timestamp) -> Result<GroupId, Error> {
    let name = proved_name(name)?;
    store::lock_tree(tx.conn(), now).await?;
    let depth = store::depth(tx.conn(), parent).await?.ok_or(Error::NotFound)?;
    if depth >= MOST_DEPTH {
        return Err(Error::TooDeep);
    }
    let id = GroupId(random::uuid_v7(now));
    store::insert(tx.conn(), id, "team", name, Some(parent), now).await?;
    store::insert_path_to_itself(tx.conn(), id).await?;
    store::insert_paths(tx.conn(), id, parent).await?;
    Ok(id)
}

/// Moves a team, with everything in it, to another parent in its organisation.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Cycle`], [`Error::TooDeep`], [`Error::OtherOrganisation`].
pub async fn move_team(tx: &mut Tx, team: GroupId, parent: GroupId, now: Timestamp) -> Result<(), Error> {
    store::lock_tree(tx.conn(), now).await?;
    let depth = store::depth(tx.conn(), parent).await?.ok_or(Error::NotFound)?;
    let height = store::height(tx.conn(), team).await?.ok_or(Error::NotFound)?;
    if store::is_in(tx.conn(), parent, team).await? {
        return Err(Error::Cycle);
    }
    if store::organisation(tx.conn(), parent).await? != store::organisation(tx.conn(), team).await? {
        return Err(Error::OtherOrganisation);
    }
    if depth + height > MOST_DEPTH {
        return Err(Error::TooDeep);
    }
    store::delete_paths(tx.conn(), team).await?;
    store::insert_paths(tx.conn(), team, parent).await?;
    store::set_parent(tx.conn(), team, parent).await?;
    Ok(())
}

/// Renames a group.
///
/// # Errors
/// [`Error::Name`], [`Error::NotFound`].
pub async fn rename(conn: Conn<'_>, id: GroupId, name: &str) -> Result<(), Error> {
    let name = proved_name(name)?;
    if store::rename(conn, id, name).await? { Ok(()) } else { Err(Error::NotFound) }
}

/// Deletes a group with the groups in it, their memberships, and all grants to them.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn delete(tx: &mut Tx, id: GroupId, now: Timestamp) -> Result<(), Error> {
    store::lock_tree(tx.conn(), now).await?;
    if store::delete(tx.conn(), id).await? { Ok(()) } else { Err(Error::NotFound) }
}

/// Adds an account to a group, or changes the role of a member.
///
/// # Errors
/// [`Error::NotFound`] if there is no such group or active account; [`Error::TooManyMemberships`];
/// [`Error::LastOwner`].
pub async fn add_member(
    tx: &mut Tx,
    group: GroupId,
    account: AccountId,
    role: GroupRole,
    now: Timestamp,
) -> Result<(), Error> {
    let memberships = hold_for_membership(tx, account).await;
    // Without the lock, two owners who step down at the same time could leave none.
    if !store::lock(tx.conn(), group).await? {
        return Err(Error::NotFound);
    }
    if let Some(before) = store::person_role(tx.conn(), group, account).await? {
        if role != GroupRole::Owner {
            other_owner(tx, group, account).await?;
        }
        if role < before {
            store::delete_invitations_by(tx.conn(), account, Some(group)).await?;
        }
        store::set_member_role(tx.conn(), group, account, role).await?;
        return Ok(());
    }
    memberships?;
    store::insert_member(tx.conn(), group, account, role, now).await?;
    Ok(())
}

/// Adds a service account to a team of its organisation. Lock the account first.
///
/// # Errors
/// [`Error::NotFound`] if there is no such team; [`Error::TooManyMemberships`].
pub(super) async fn add_service(
    tx: &mut Tx,
    team: GroupId,
    service: AccountId,
    now: Timestamp,
) -> Result<(), Error> {
    if store::count_memberships(tx.conn(), service).await? >= MOST_MEMBERSHIPS {
        return Err(Error::TooManyMemberships);
    }
    if !store::lock(tx.conn(), team).await? {
        return Err(Error::NotFound);
    }
    Ok(store::insert_member(tx.conn(), team, service, GroupRole::Member, now).await?)
}

/// Removes a service account from a team. Lock the account first.
///
/// # Errors
/// [`Error::NotFound`] if it is not in the team.
pub(super) async fn remove_service(tx: &mut Tx, team: GroupId, service: AccountId) -> Result<(), Error> {
    if store::delete_service_from(tx.conn(), team, service).await? { Ok(()) } else { Err(Error::NotFound) }
}

/// Ends a membership. If the group is an organisation, also ends the memberships in its teams. Takes effect from the
/// next decision, on every instance.
///
/// # Errors
/// [`Error::NotFound`] if the account is not a direct member; [`Error::LastOwner`].
pub async fn remove_member(tx: &mut Tx, group: GroupId, account: AccountId) -> Result<(), Error> {
    if !store::lock(tx.conn(), group).await? {
        return Err(Error::NotFound);
    }
    other_owner(tx, group, account).await?;
    if !store::delete_member(tx.conn(), group, account).await? {
        return Err(Error::NotFound);
    }
    store::delete_invitations_by(tx.conn(), account, Some(group)).await?;
    // A member who leaves an organisation also leaves its teams.
    Ok(store::delete_members_below(tx.conn(), group, account).await?)
}

/// The direct members of a group after `after`, ordered by account. At most 100.
///
/// # Errors
/// [`Error::Database`].
pub async fn members(conn: Conn<'_>, group: GroupId, after: Option<AccountId>) -> Result<Vec<Member>, Error> {
    Ok(store::members(conn, group, after.unwrap_or(AccountId::new(0)), 100).await?)
}

/// The groups after `after` that an account is a direct member of, ordered by ID. At most 100.
///
/// # Errors
/// [`Error::Database`].
pub async fn memberships(
    conn: Conn<'_>,
    account: AccountId,
    after: Option<GroupId>,
) -> Result<Vec<Membership>, Error> {
    Ok(store::memberships(conn, account, after.unwrap_or(GroupId(Uuid::nil())), 100).await?)
}

/// Inserts a group for the test of a policy.
pub(crate) async fn make_up(
    conn: Conn<'_>,
    id: GroupId,
    name: &str,
    parent: Option<GroupId>,
) -> Result<(), db::Error> {
    let kind = if parent.is_some() { "team" } else { "organisation" };
    store::insert(conn, id, kind, name, parent, Timestamp::from_secs(0)).await?;
    store::insert_path_to_itself(conn, id).await?;
    if let Some(parent) = parent {
        store::insert_paths(conn, id, parent).await?;
    }
    Ok(())
}

/// Inserts a membership for the test of a policy.
pub(crate) async fn make_up_member(
    conn: Conn<'_>,
    group: GroupId,
    account: AccountId,
) -> Result<(), db::Error> {
    store::insert_member(conn, group, account, GroupRole::Member, Timestamp::from_secs(0)).await
}

/// Keeps a group from being deleted until the transaction ends. `false` if there is none.
pub(crate) async fn keep(conn: Conn<'_>, id: GroupId) -> Result<bool, db::Error> {
    store::keep(conn, id).await
}

/// Locks an active account and checks that it may join one more group.
async fn hold_for_membership(tx: &mut Tx, account: AccountId) -> Result<(), Error> {
    if !accounts::hold_active(tx.conn(), account).await? {
        return Err(Error::NotFound);
    }
    if store::count_memberships(tx.conn(), account).await? >= MOST_MEMBERSHIPS {
        return Err(Error::TooManyMemberships);
    }
    Ok(())
}

/// Checks that, if this account is an owner of the organisation, another active owner remains.
async fn other_owner(tx: &mut Tx, group: GroupId, account: AccountId) -> Result<(), Error> {
    if store::is_last_owner(tx.conn(), group, account).await? { Err(Error::LastOwner) } else { Ok(()) }
}

fn proved_name(name: &str) -> Result<&str, Error> {
    let name = name.trim();
    if accounts::name(name, LONGEST_NAME).is_ok() { Ok(name) } else { Err(Error::Name) }
}
