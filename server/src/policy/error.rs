//! What can go wrong with a policy.

use crate::db;

/// What is wrong with a declaration or with a query, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}{what}")]
pub struct PolicyError {
    place: String,
    what: String,
}

impl PolicyError {
    pub(super) fn new(place: String, what: String) -> Self {
        Self { place, what }
    }
}

/// Why something could not be decided or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no such row, account, group or grant; or the account may do nothing with the row.
    #[error("not found")]
    NotFound,
    /// The account may see the row and not do this with it.
    #[error("the permission {0} is missing")]
    Forbidden(String),
    /// The row would be inside itself.
    #[error("a row cannot be inside itself")]
    Cycle,
    /// More rows would be above each other than a decision climbs.
    #[error("more than {} rows would be inside each other", super::compile::MOST_DEPTH)]
    TooDeep,
    /// The code asks for a permission, type or role that the policy does not have, or a query lacks its condition.
    #[error("{0}")]
    Policy(#[from] PolicyError),
    /// The database did not answer.
    #[error("database: {0}")]
    Database(#[from] db::Error),
}
