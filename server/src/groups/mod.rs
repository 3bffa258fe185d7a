//! Organisations, their teams and their members. A grant on a row may be given to a group (see
//! [`policy`](crate::policy)). Its members have the grant, and so do the members of all groups inside it.
//!
//! Each function takes the caller's transaction. Invariants of the whole tree are checked under the lock `groups`;
//! invariants of one account, under the lock of its row.

mod acts;
mod cursors;
pub(crate) mod http;
mod invitations;
mod operators;
pub(crate) mod pages;
mod rules;
mod store;

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub(crate) use self::{
    acts::{ExportedMembership, count, exported, only_owned, refuse_last_owner},
    cursors::Part,
    invitations::{
        ExportedInvitation, exported_invitations, forget_every_invitation, forget_invitations_by,
        forget_invitations_to, sweep,
    },
    operators::{Found, delete_by, details, find, set_role_by},
};
use crate::{
    accounts::{self, AccountId, Email, FullName},
    clock::Timestamp,
    db::{self, Conn, Tx},
    invalid::{Fault, Invalid},
    random,
};

/// The most levels of nested groups, the organisation included.
pub const MOST_DEPTH: i64 = 8;
/// The most groups that an account can be a direct member of.
pub const MOST_MEMBERSHIPS: i64 = 1000;
/// The most characters of a name.
pub const LONGEST_NAME: usize = 100;

/// A group's ID. It is never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(Uuid);
crate::db::column!(GroupId, Uuid);

impl GroupId {
    /// The group ID with this UUID. The group need not exist.
    #[must_use]
    pub const fn new(id: Uuid) -> Self {
        Self(id)
    }

    /// Parses an ID in a path.
    pub(crate) fn of_path(text: &str) -> Option<Self> {
        Uuid::try_parse(text).ok().map(Self)
    }

    /// The ID as a UUID.
    #[must_use]
    pub const fn uuid(self) -> Uuid {
        self.0
    }
}

impl fmt::Display for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a member may do with the group itself; each role may do what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum GroupRole {
    /// Sees it.
    Member,
    /// Also renames it, and manages its teams, members and invitations.
    Admin,
    /// Also changes roles, hands it over and deletes it. An organisation always has an owner.
    Owner,
}

impl GroupRole {
    pub(crate) const ALL: [Self; 3] = [Self::Member, Self::Admin, Self::Owner];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    pub(crate) fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

impl db::Encode for GroupRole {
    const KIND: db::Kind = db::Kind::Text;
    fn encode(&self) -> db::Value {
        self.name().encode()
    }
}

impl db::Decode for GroupRole {
    fn decode(cell: db::Cell<'_>) -> Option<Self> {
        let db::Cell::Text(name) = cell else { return None };
        Self::of_name(name)
    }
}

/// A group that an account is a direct member of.
#[derive(Debug, Clone)]
pub struct Membership {
    /// The group.
    pub group_id: GroupId,
    /// Its name.
    pub name: String,
    /// The account's role in the group.
    pub role: GroupRole,
}
crate::db::from_row!(Membership { group_id, name, role });

/// A member of a group.
#[derive(Debug, Clone, Copy)]
pub struct Member {
    /// The account.
    pub account_id: AccountId,
    /// The account's role in the group.
    pub role: GroupRole,
    /// When it joined.
    pub created_at: Timestamp,
}
crate::db::from_row!(Member { account_id, role, created_at });

/// An organisation, as one of its members sees it.
#[derive(Debug, Clone)]
pub(crate) struct Organisation {
    pub(crate) id: GroupId,
    pub(crate) name: String,
    pub(crate) created_at: Timestamp,
    /// The caller's role in it.
    pub(crate) role: GroupRole,
    /// How many members it has.
    pub(crate) members: i64,
}
crate::db::from_row!(Organisation { id, name, created_at, role, members });

/// A member, as the other members see them.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) account_id: AccountId,
    pub(crate) full_name: FullName,
    pub(crate) email: Email,
    pub(crate) role: GroupRole,
    /// When they joined.
    pub(crate) created_at: Timestamp,
}
crate::db::from_row!(Person { account_id, full_name, email, role, created_at });

/// A team of an organisation.
#[derive(Debug, Clone)]
pub(crate) struct Team {
    pub(crate) id: GroupId,
    pub(crate) name: String,
    /// The team that it is in, or its organisation.
    pub(crate) parent_id: GroupId,
    pub(crate) created_at: Timestamp,
    /// How many groups are above it.
    pub(crate) depth: i64,
}
crate::db::from_row!(Team { id, name, parent_id, created_at, depth });

/// Declares why an organisation cannot be changed in a certain way, even by somebody with the right role. Each reason
/// has a sentence for programs and the message key of a text for people.
macro_rules! refusals {
    ($($(#[$doc:meta])* $refusal:ident $key:literal $detail:literal;)*) => {
        /// Why an organisation cannot be changed in this way, even by somebody with the right role.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Refusal { $($(#[$doc])* $refusal),* }

        impl Refusal {
            /// The reason in English.
            pub(crate) const fn detail(self) -> &'static str {
                match self { $(Self::$refusal => $detail),* }
            }

            /// The message key of its text.
            pub(crate) const fn text(self) -> &'static str {
                match self { $(Self::$refusal => $key),* }
            }
        }
    };
}
refusals! {
    /// The organisation would have no owner.
    LastOwner "page.fault.last_owner" "An organisation needs an active owner: hand it over or delete it first";
    /// The account to delete is the organisation's only owner.
    OwnerLeaves "page.fault.owner_leaves"
        "The account is the only owner of an organisation: hand the organisation over or delete it first";
    /// The account owns the maximum number of organisations.
    TooManyOwned "page.fault.too_many_owned" "You own 50 organisations, which is the maximum";
    /// The organisation has the maximum number of teams.
    TooManyTeams "page.fault.too_many_teams" "The organisation has 1000 teams, which is the maximum";
    /// The account is in the maximum number of groups.
    TooManyMemberships "page.fault.too_many_memberships"
        "The account is a member of 1000 organisations and teams, which is the maximum";
    /// The groups would be nested too deeply for a policy decision.
    TooDeep "page.fault.too_deep" "Teams can be nested 8 levels deep, the organisation included";
    /// The invited address belongs to a member.
    AlreadyMember "page.fault.already_member" "The account with this email address is already a member";
    /// The organisation has the maximum number of open invitations.
    TooManyInvitations "page.fault.too_many_invitations"
        "The organisation has 100 open invitations, which is the maximum";
    /// The inviter has not confirmed their own email address.
    Unconfirmed "page.fault.unconfirmed" "Confirm your email address before you invite others";
    /// A team would be inside itself.
    Cycle "page.fault.team_cycle" "A team cannot be inside itself";
}

/// Why a group was not changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no such group, account or member.
    #[error("not found")]
    NotFound,
    /// A name is empty, too long, or contains control characters.
    #[error("a group's name has 1 to {LONGEST_NAME} characters and no line breaks")]
    Name,
    /// A group would be inside itself.
    #[error("a group cannot be inside itself")]
    Cycle,
    /// The groups would be nested too deeply for a policy decision.
    #[error("groups can be {MOST_DEPTH} levels deep, the organisation included")]
    TooDeep,
    /// A team cannot move to another organisation, and an organisation cannot be inside another group.
    #[error("a team cannot be moved to another organisation")]
    OtherOrganisation,
    /// The account is a member of too many groups.
    #[error("an account can be a member of {MOST_MEMBERSHIPS} groups")]
    TooManyMemberships,
    /// The organisation would have no owner.
    #[error("an organisation needs an owner")]
    LastOwner,
    /// The database failed or did not respond.
    #[error("database: {0}")]
    Database(#[from] db::Error),
}

impl From<Error> for crate::error::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound | Error::OtherOrganisation => Self::NotFound,
            Error::Name => Invalid::field("name", Fault::Blank).into(),
            Error::Cycle => Self::Refused(Refusal::Cycle),
            Error::TooDeep => Self::Refused(Refusal::TooDeep),
            Error::TooManyMemberships => Self::Refused(Refusal::TooManyMemberships),
            Error::LastOwner => Self::Refused(Refusal::LastOwner),
            Error::Database(cause) => Self::Database(cause),
        }
    }
}

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
    if let Some(before) = store::member_role(tx.conn(), group, account).await? {
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
