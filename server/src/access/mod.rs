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
    AccountsRead, AccountsWrite, AdminRole, AuditRead, ManageAccount, OfflineAccess, OrganisationsRead,
    OrganisationsWrite, ProfileRead, ProfileWrite,
};
pub(crate) use self::{
    by::Administrator,
    living::{BATCH, Living, living, living_among, living_by_cookie, living_key},
    method::{Method, Methods, acr, with_second},
    scopes::{AppScopes, KeyOf, ScopeAsked, USUAL},
};
use crate::{
    accounts::{AccountId, Role},
    clock::Timestamp,
    error::Error,
};

/// The maximum age of a login for actions that could take an account away from its owner (ASVS 7.5.1).
const FRESH: Duration = Duration::from_mins(10);

/// A session's ID: the `sid` claim of its tokens. It is not secret and grants nothing by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionId(Uuid);
crate::db::column!(SessionId, Uuid);

impl SessionId {
    /// The ID of a new session.
    pub(crate) const fn new(id: Uuid) -> Self {
        Self(id)
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// Parses the `sid` claim of a token, or a path segment.
    pub(crate) fn of_claim(sid: &str) -> Option<Self> {
        Uuid::try_parse(sid).ok().map(Self)
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The caller, as established by a verified credential and an active session.
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
    /// Proof that the owner logged in within the last 10 minutes; otherwise the error that RFC 9470 describes.
    pub(crate) fn fresh(self, now: Timestamp) -> Result<Fresh, Error> {
        if now - self.authenticated_at <= FRESH { Ok(Fresh(self)) } else { Err(Error::StaleLogIn(FRESH)) }
    }
}

/// A principal whose login is fresh. Only [`Principal::fresh`] constructs one.
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
    /// Read it.
    Read,
    /// Change or remove it.
    Change,
}

/// The result of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(crate) enum Decision {
    /// The row may be used.
    Allow,
    /// As if the row did not exist.
    Hide,
}

/// A row whose module has a rule for it.
pub(crate) trait Ruled {
    /// Decides from the row alone, without a query.
    fn decide(&self, requester: &Requester, action: Action) -> Decision;
}

/// A row that was read but not yet authorized. The only way out is [`Unchecked::allow`].
#[derive(Debug)]
#[must_use]
pub(crate) struct Unchecked<T>(Option<T>);

impl<T: Ruled> Unchecked<T> {
    /// Wraps the result of a store's lookup.
    pub(crate) fn new(row: Option<T>) -> Self {
        Self(row)
    }

    /// The row, if it exists and the rule allows it. A missing row and a forbidden one give the same error, so that
    /// callers cannot learn what exists.
    pub(crate) fn allow(self, requester: impl Into<Requester>, action: Action) -> Result<T, Error> {
        match self.0 {
            Some(row) if row.decide(&requester.into(), action) == Decision::Allow => Ok(row),
            _ => Err(Error::NotFound),
        }
    }
}
