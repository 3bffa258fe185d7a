//! Organisations, their teams and their members. A grant on a row may be given to a group (see
//! [`policy`](crate::policy)). Its members have the grant, and so do the members of all groups inside it.
//!
//! Each function takes the caller's transaction. Invariants of the whole tree are checked under the lock `groups`;
//! invariants of one account, under the lock of its row.

mod attributes;
mod cursors;
pub(crate) mod http;
mod invitations;
mod members;
mod operators;
mod organisations;
pub(crate) mod pages;
mod refusals;
mod rules;
mod services;
mod standing;
mod store;
mod teams;
mod tree;

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub(crate) use self::{
    attributes::{attributes_of, set_attributes_by},
    cursors::Part,
    invitations::{
        ExportedInvitation, SentInvitation, exported_invitations, forget_every_invitation,
        forget_invitations_by, forget_invitations_to, sent_invitations, sweep,
    },
    members::{ExportedMembership, exported, share_organisation},
    operators::{Found, delete_by, details, find, set_role_by},
    organisations::{count, hand_over, only_owned, refuse_last_owner},
    services::all as services,
    tree::{keep, make_up, make_up_member},
};
pub use self::{
    refusals::{Error, Refusal},
    tree::{
        add_member, create_organisation, create_team, delete, members, memberships, move_team, remove_member,
        rename,
    },
};
use crate::{
    accounts::{AccountId, Email, FullName},
    clock::Timestamp,
    db,
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

/// What a member may do with the group itself. Each role includes those before it.
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
    /// When it joined.
    pub(crate) created_at: Timestamp,
}
crate::db::from_row!(Person { account_id, full_name, email, role, created_at });

/// A service account of an organisation, as those who manage it see it.
#[derive(Debug, Clone)]
pub(crate) struct ServiceAccount {
    pub(crate) account_id: AccountId,
    pub(crate) name: FullName,
    /// `member` or `admin`; never `owner`.
    pub(crate) role: GroupRole,
    pub(crate) is_active: bool,
    pub(crate) created_at: Timestamp,
}
crate::db::from_row!(ServiceAccount { account_id, name, role, is_active, created_at });

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
