//! Rejections of requests about a row.

use axum::response::{IntoResponse, Response};
use http::{
    HeaderValue, StatusCode,
    header::{CACHE_CONTROL, RETRY_AFTER},
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Object, Permission};
use crate::{
    answer::json,
    denied::{Denied, Problem, refusals},
    describe::{DescribeResponse, Operation},
    input::InputRejection,
    scope::Scope,
};

/// The body of a 403 for a caller who may see an object and lacks a permission on it.
///
/// A credential without the scope gets a different 403: a [`Problem`] with a challenge. There, another token helps;
/// here, only a grant does.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(description = "The caller may see the object but lacks a permission on it.")]
pub struct PermissionProblem {
    /// What is wrong, in one sentence.
    pub detail: String,
    /// The permission that is lacking, such as `document:write`.
    pub permission: &'static str,
}

/// Why a [`May`](super::May) rejected a request. [The table](crate::permission) lists the responses.
#[derive(Debug)]
pub struct Rejection(Why);

#[derive(Debug)]
enum Why {
    Denied(Denied),
    Input(InputRejection),
    Missing { object: &'static str },
    Refused { permission: &'static str, object: &'static str },
    Undecided,
}

impl Rejection {
    /// The 404 of an object that the caller may not see. Use it when a statement that repeats the rule changes no
    /// row. The bytes are those of [`Decision::Hide`](super::Decision::Hide).
    #[must_use]
    pub fn missing<O: Object>() -> Self {
        Self(Why::Missing { object: O::NAME })
    }

    /// The 403 of an object on which the caller lacks `P`. The bytes are those of
    /// [`Decision::Refuse`](super::Decision::Refuse).
    #[must_use]
    pub fn refused<P: Permission>() -> Self {
        Self(Why::Refused { permission: <P as Scope>::NAME, object: P::Object::NAME })
    }

    pub(super) fn undecided() -> Self {
        Self(Why::Undecided)
    }

    /// 400, 401, 403, 404, 422, 500 or 503.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match &self.0 {
            Why::Denied(denied) => denied.status(),
            Why::Input(rejection) => rejection.status(),
            Why::Missing { .. } => StatusCode::NOT_FOUND,
            Why::Refused { .. } => StatusCode::FORBIDDEN,
            Why::Undecided => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl From<Denied> for Rejection {
    fn from(denied: Denied) -> Self {
        Self(Why::Denied(denied))
    }
}

impl From<InputRejection> for Rejection {
    fn from(rejection: InputRejection) -> Self {
        Self(Why::Input(rejection))
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        let status = self.status();
        let problem = |detail: String| json(status, &Problem { detail });
        let mut response = match self.0 {
            Why::Denied(denied) => return denied.into_response(),
            Why::Input(rejection) => return rejection.into_response(),
            Why::Missing { object } => problem(format!("There is no such {object}")),
            Why::Refused { permission, object } => {
                let detail = format!("You need the permission {permission} on this {object}");
                json(status, &PermissionProblem { detail, permission })
            }
            Why::Undecided => problem("Permissions cannot be checked at the moment".to_owned()),
        };
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// The responses of [`Guard::may`](crate::Guard::may). The type does not know which object it is about, so the texts
/// are general. A guard and a path document the rest themselves.
impl DescribeResponse for Rejection {
    fn describe_response(operation: &mut Operation<'_>) {
        operation.json_response::<PermissionProblem>(
            StatusCode::FORBIDDEN,
            "The caller may see the object but lacks a permission on it",
        );
        operation.problem(StatusCode::NOT_FOUND, "There is no such object, or the caller may not see it");
        operation.problem(StatusCode::SERVICE_UNAVAILABLE, refusals::UNAVAILABLE);
        operation.response_header(StatusCode::SERVICE_UNAVAILABLE, "Retry-After", refusals::RETRY_AFTER);
    }
}
