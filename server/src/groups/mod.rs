//! Organisations, the teams in them, and who is a member. A grant on a row may be given to a group (see
//! [`policy`](crate::policy)): its members have it, and the members of all groups inside it.
//!
//! Each function takes the caller's own transaction. What must hold for the whole tree is proved under the lock
//! `groups`; what must hold for one account, under that account's row.

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

/// How many groups are above each other, the organisation included.
pub const MOST_DEPTH: i64 = 8;
/// How many groups an account is a direct member of.
pub const MOST_MEMBERSHIPS: i64 = 1000;
/// How many characters a name has.
pub const LONGEST_NAME: usize = 100;

/// A group's id. Never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(Uuid);
crate::db::column!(GroupId, Uuid);

impl GroupId {
    /// The group of this id, if there is one.
    #[must_use]
    pub const fn new(id: Uuid) -> Self {
        Self(id)
    }

    /// Reads an id in a path.
    pub(crate) fn of_path(text: &str) -> Option<Self> {
        Uuid::try_parse(text).ok().map(Self)
    }

    /// As a UUID.
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
    /// What the account is there.
    pub role: GroupRole,
}
crate::db::from_row!(Membership { group_id, name, role });

/// A member of a group.
#[derive(Debug, Clone, Copy)]
pub struct Member {
    /// The account.
    pub account_id: AccountId,
    /// What it is there.
    pub role: GroupRole,
    /// Since when.
    pub created_at: Timestamp,
}
crate::db::from_row!(Member { account_id, role, created_at });

/// An organisation, as one of its members sees it.
#[derive(Debug, Clone)]
pub(crate) struct Organisation {
    pub(crate) id: GroupId,
    pub(crate) name: String,
    pub(crate) created_at: Timestamp,
    /// What the caller is in it.
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
    /// Since when.
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

/// Why somebody who may change an organisation cannot change it so. Each has its sentence for programs and the key of
/// the one for people.
macro_rules! refusals {
    ($($(#[$doc:meta])* $refusal:ident $key:literal $detail:literal;)*) => {
        /// Why somebody who may change an organisation cannot change it so.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Refusal { $($(#[$doc])* $refusal),* }

        impl Refusal {
            /// In English.
            pub(crate) const fn detail(self) -> &'static str {
                match self { $(Self::$refusal => $detail),* }
            }

            /// The key of its text.
            pub(crate) const fn text(self) -> &'static str {
                match self { $(Self::$refusal => $key),* }
            }
        }
    };
}
refusals! {
    /// It would have no owner.
    LastOwner "page.fault.last_owner" "An organisation needs an active owner: hand it over or delete it first";
    /// The account that is to be deleted is its only owner.
    OwnerLeaves "page.fault.owner_leaves"
        "The account is the only owner of an organisation: hand the organisation over or delete it first";
    /// The account has as many organisations as it may.
    TooManyOwned "page.fault.too_many_owned" "You own 50 organisations, which is the maximum";
    /// The organisation has as many teams as it may.
    TooManyTeams "page.fault.too_many_teams" "The organisation has 1000 teams, which is the maximum";
    /// The account is in as many groups as it may.
    TooManyMemberships "page.fault.too_many_memberships"
        "The account is a member of 1000 organisations and teams, which is the maximum";
    /// More groups would be inside each other than a decision asks about.
    TooDeep "page.fault.too_deep" "Teams can be nested 8 levels deep, the organisation included";
    /// Who is invited is a member.
    AlreadyMember "page.fault.already_member" "The account with this email address is already a member";
    /// The organisation has as many open invitations as it may.
    TooManyInvitations "page.fault.too_many_invitations"
        "The organisation has 100 open invitations, which is the maximum";
    /// Nobody has shown that the address of the one who invites is theirs.
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
    /// A name is empty, too long, or has control characters.
    #[error("a group's name has 1 to {LONGEST_NAME} characters and no line breaks")]
    Name,
    /// A group would be inside itself.
    #[error("a group cannot be inside itself")]
    Cycle,
    /// More groups would be inside each other than a decision asks about.
    #[error("groups can be {MOST_DEPTH} levels deep, the organisation included")]
    TooDeep,
    /// A team stays in its organisation, and an organisation is in no other.
    #[error("a team cannot be moved to another organisation")]
    OtherOrganisation,
    /// The account is a member of too many groups.
    #[error("an account can be a member of {MOST_MEMBERSHIPS} groups")]
    TooManyMemberships,
    /// The organisation would have no owner.
    #[error("an organisation needs an owner")]
    LastOwner,
    /// The database did not answer.
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

/// Makes an organisation with its first owner.
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

/// Makes a team in an organisation or in another team.
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

/// Puts a team, with all that is in it, into another group of its organisation.
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

/// Gives a group another name.
///
/// # Errors
/// [`Error::Name`], [`Error::NotFound`].
pub async fn rename(conn: Conn<'_>, id: GroupId, name: &str) -> Result<(), Error> {
    let name = proved_name(name)?;
    if store::rename(conn, id, name).await? { Ok(()) } else { Err(Error::NotFound) }
}

/// Deletes a group with the groups in it, their memberships, and all that was granted to them.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn delete(tx: &mut Tx, id: GroupId, now: Timestamp) -> Result<(), Error> {
    store::lock_tree(tx.conn(), now).await?;
    if store::delete(tx.conn(), id).await? { Ok(()) } else { Err(Error::NotFound) }
}

/// Makes an account a member, or gives a member another role.
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
    // Two owners who step down at the same moment would leave none.
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

/// Ends a membership; that of an organisation also ends those of its teams. The next decision of any instance no longer
/// counts it.
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
    // Whoever leaves an organisation leaves its teams.
    Ok(store::delete_members_below(tx.conn(), group, account).await?)
}

/// The direct members of a group, ordered by account, those after `after`. At most 100.
///
/// # Errors
/// [`Error::Database`].
pub async fn members(conn: Conn<'_>, group: GroupId, after: Option<AccountId>) -> Result<Vec<Member>, Error> {
    Ok(store::members(conn, group, after.unwrap_or(AccountId::new(0)), 100).await?)
}

/// The groups that an account is a direct member of, ordered by id, those after `after`. At most 100.
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

/// Makes up a group for a test of a policy.
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

/// Makes up a membership for a test of a policy.
pub(crate) async fn make_up_member(
    conn: Conn<'_>,
    group: GroupId,
    account: AccountId,
) -> Result<(), db::Error> {
    store::insert_member(conn, group, account, GroupRole::Member, Timestamp::from_secs(0)).await
}

/// Keeps a group from being deleted until the transaction ends, if there is one.
pub(crate) async fn keep(conn: Conn<'_>, id: GroupId) -> Result<bool, db::Error> {
    store::keep(conn, id).await
}

/// Locks an active account that may become a member of one more group.
async fn hold_for_membership(tx: &mut Tx, account: AccountId) -> Result<(), Error> {
    if !accounts::hold_active(tx.conn(), account).await? {
        return Err(Error::NotFound);
    }
    if store::count_memberships(tx.conn(), account).await? >= MOST_MEMBERSHIPS {
        return Err(Error::TooManyMemberships);
    }
    Ok(())
}

/// Proves that an organisation has an active owner beside this account who stays, if this one is an owner.
async fn other_owner(tx: &mut Tx, group: GroupId, account: AccountId) -> Result<(), Error> {
    if store::is_last_owner(tx.conn(), group, account).await? { Err(Error::LastOwner) } else { Ok(()) }
}

fn proved_name(name: &str) -> Result<&str, Error> {
    let name = name.trim();
    if accounts::name(name, LONGEST_NAME).is_ok() { Ok(name) } else { Err(Error::Name) }
}
