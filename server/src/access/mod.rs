//! Who is calling, what they may do, and the proof that a row may be shown.

mod by;
mod living;
mod method;
mod requester;
mod scopes;

use std::{fmt, time::Duration};

use uuid::Uuid;

pub use self::by::By;
pub use self::requester::{KeyHolder, KeyId, Requester};
pub use self::scopes::{
    AccountsRead, AccountsWrite, AuditRead, ManageAccount, OfflineAccess, OrganisationsRead,
    OrganisationsWrite, ProfileRead, ProfileWrite,
};
pub(crate) use self::{
    by::Administrator,
    living::{BATCH, Living, living, living_among, living_by_cookie, living_key},
    method::{Method, Methods, acr, with_second},
    scopes::{AppScopes, ScopeAsked, USUAL},
};
use crate::{
    accounts::{AccountId, Role},
    clock::Timestamp,
    error::Error,
};

/// How old a log-in may be for what could take an account away from its owner (ASVS 7.5.1).
const FRESH: Duration = Duration::from_mins(10);

/// A session's ID: the `sid` claim of its tokens. It is not a secret: knowing it grants nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionId(Uuid);
crate::db::column!(SessionId, Uuid);

impl SessionId {
    /// The ID of a session that begins.
    pub(crate) const fn new(id: Uuid) -> Self {
        Self(id)
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// Reads the `sid` claim of a token, or a path.
    pub(crate) fn of_claim(sid: &str) -> Option<Self> {
        Uuid::try_parse(sid).ok().map(Self)
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The caller, as a verified credential and a living session say.
#[derive(Debug, Clone, Copy)]
pub struct Principal {
    /// The account.
    pub account: AccountId,
    /// The session that the credential belongs to.
    pub session: SessionId,
    /// What the account may do, as of this request.
    pub role: Role,
    /// When its owner last proved who they are: `auth_time` of OpenID Connect.
    pub authenticated_at: Timestamp,
}

impl Principal {
    /// The proof that the owner logged in within the last ten minutes, or else what RFC 9470 answers.
    pub(crate) fn fresh(self, now: Timestamp) -> Result<Fresh, Error> {
        if now - self.authenticated_at <= FRESH { Ok(Fresh(self)) } else { Err(Error::StaleLogIn(FRESH)) }
    }
}

/// A principal whose log-in is fresh. Only [`Principal::fresh`] makes one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fresh(Principal);

impl Fresh {
    pub(crate) fn principal(self) -> Principal {
        self.0
    }
}

/// What a principal wants to do with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// See it.
    Read,
    /// Change or remove it.
    Change,
}

/// A rule's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(crate) enum Decision {
    /// Go on.
    Allow,
    /// As if the row did not exist.
    Hide,
}

/// A row that a room has a rule for.
pub(crate) trait Ruled {
    /// Decides without looking anything up.
    fn decide(&self, requester: &Requester, action: Action) -> Decision;
}

/// A row that was read and that nobody may see yet. The only way out is [`Unchecked::allow`].
#[derive(Debug)]
#[must_use]
pub(crate) struct Unchecked<T>(Option<T>);

impl<T: Ruled> Unchecked<T> {
    /// Wraps what a store found, or did not find.
    pub(crate) fn new(row: Option<T>) -> Self {
        Self(row)
    }

    /// The row, if it exists and the rule allows it. Absent and forbidden are one answer, so that nobody
    /// learns what exists.
    pub(crate) fn allow(self, requester: impl Into<Requester>, action: Action) -> Result<T, Error> {
        match self.0 {
            Some(row) if row.decide(&requester.into(), action) == Decision::Allow => Ok(row),
            _ => Err(Error::NotFound),
        }
    }
}
