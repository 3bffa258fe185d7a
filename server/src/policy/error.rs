//! Errors of policies and their decisions.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header::CACHE_CONTROL};
use portcullis::{
    InvalidInput, Json, Problem,
    describe::{DescribeResponse, Operation},
    permission::Rejection,
};
use serde::Serialize;

use crate::{db, error};

/// An error in a declaration or a query, and its place.
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

/// Why something could not be decided or changed. A handler can return it: each variant has its response.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no such row, account, group or grant, or the account may do nothing with the row. 404.
    #[error("not found")]
    NotFound,
    /// The account may see the row but not do this with it. 403, which names the permission.
    #[error("the permission {0} is missing")]
    Forbidden(String),
    /// The row would contain itself. 409.
    #[error("a row cannot be inside itself")]
    Cycle,
    /// Rows would be nested deeper than a decision climbs. 409.
    #[error("more than {} rows would be inside each other", super::compile::MOST_DEPTH)]
    TooDeep,
    /// The code uses a permission, type or role that the policy does not have, or a query lacks its condition. 500, and
    /// a line in the log.
    #[error("{0}")]
    Policy(#[from] PolicyError),
    /// The database failed. 503, and a line in the log.
    #[error("database: {0}")]
    Database(#[from] db::Error),
    /// The input is well-formed but not acceptable. 422.
    #[error("invalid input")]
    Invalid(InvalidInput),
    /// The account system failed: its own response, such as 429.
    #[error(transparent)]
    Server(#[from] error::Error),
    /// A guard rejected the row: its own response.
    #[error("rejected with status {}", .0.status())]
    Refused(Rejection),
}

impl From<Rejection> for Error {
    fn from(rejection: Rejection) -> Self {
        Self::Refused(rejection)
    }
}

/// As [`PermissionProblem`](portcullis::permission::PermissionProblem).
#[derive(Serialize)]
struct Missing {
    detail: String,
    permission: String,
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let mut response = match self {
            Self::NotFound => return error::Error::NotFound.into_response(),
            Self::Policy(cause) => return error::Error::Internal(cause.to_string()).into_response(),
            Self::Database(cause) => return error::Error::Database(cause).into_response(),
            Self::Server(cause) => return cause.into_response(),
            Self::Invalid(invalid) => return invalid.into_response(),
            Self::Refused(rejection) => return rejection.into_response(),
            Self::Forbidden(permission) => {
                let detail = format!("You need the permission {permission}");
                (StatusCode::FORBIDDEN, Json(Missing { detail, permission })).into_response()
            }
            Self::Cycle | Self::TooDeep => {
                (StatusCode::CONFLICT, Json(Problem { detail: self.to_string() })).into_response()
            }
        };
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

impl DescribeResponse for Error {
    fn describe_response(operation: &mut Operation<'_>) {
        Rejection::describe_response(operation);
        operation.problem(
            StatusCode::CONFLICT,
            "A row would be inside itself, or too many rows would be inside each other",
        );
    }
}
