//! Who is calling, and the proof that a row may be shown.

use crate::{accounts::AccountId, error::Error, sessions::SessionId};

/// The caller, as a verified token and a living session say.
#[derive(Debug, Clone, Copy)]
pub struct Principal {
    /// The account.
    pub account: AccountId,
    /// The session that the token belongs to.
    pub session: SessionId,
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
    fn decide(&self, principal: &Principal, action: Action) -> Decision;
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
    pub(crate) fn allow(self, principal: &Principal, action: Action) -> Result<T, Error> {
        match self.0 {
            Some(row) if row.decide(principal, action) == Decision::Allow => Ok(row),
            _ => Err(Error::NotFound),
        }
    }
}
