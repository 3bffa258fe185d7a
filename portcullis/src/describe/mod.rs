//! How a handler's types become its entry in the OpenAPI document.
//!
//! Each extractor says what it adds ([`Describe`]), and each response what it can be ([`DescribeResponse`]). There is
//! no second list to maintain: what is not in the types is not in the document.

mod access;
mod answers;
mod arity;
mod axum_answer;
#[cfg(feature = "axum-extra")]
mod axum_extra;
mod axum_extract;
mod components;
mod documented;
mod failures;
mod json;
mod names;
mod operation;
mod rejections;

use http::StatusCode;

#[doc(hidden)]
pub use self::answers::__answers;
#[doc(hidden)]
pub use self::documented::DocComment;
pub use self::{
    access::AccessEntry,
    axum_answer::DescribeParts,
    documented::Documented,
    failures::{Refusal, Refusals},
    operation::Operation,
};
pub(crate) use self::{arity::each_arity, components::Components};

/// An extractor that describes itself in the document.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say what it adds to the OpenAPI document",
    note = "implement `portcullis::describe::Describe` for it"
)]
pub trait Describe {
    /// Adds this extractor's parameters, body and rejections to `operation`.
    fn describe(operation: &mut Operation<'_>);
}

/// A response that says which statuses it can have and what their bodies look like.
///
/// axum's responses and this crate's implement it, and [`answers!`](crate::answers) implements it for an enum. For a
/// type of your own, such as the error that all handlers share, describe what its `IntoResponse` sends:
///
/// ```
/// use axum::response::{IntoResponse, Response};
/// use http::StatusCode;
/// use portcullis::{Api, Json, Problem, Public, describe::{DescribeResponse, Operation}};
///
/// /// The database is not reachable.
/// struct Unavailable(std::io::Error);
///
/// impl From<std::io::Error> for Unavailable {
///     fn from(cause: std::io::Error) -> Self {
///         Self(cause)
///     }
/// }
///
/// impl IntoResponse for Unavailable {
///     fn into_response(self) -> Response {
///         eprintln!("the database: {}", self.0); // to the log, not to the client
///         (StatusCode::SERVICE_UNAVAILABLE, Json(Problem { detail: "Try again later".to_owned() })).into_response()
///     }
/// }
///
/// impl DescribeResponse for Unavailable {
///     fn describe_response(operation: &mut Operation<'_>) {
///         operation.problem(StatusCode::SERVICE_UNAVAILABLE, "Try again later");
///     }
/// }
///
/// async fn count_orders(_: Public) -> Result<Json<u64>, Unavailable> {
///     # let ask = || Ok::<u64, std::io::Error>(7);
///     Ok(Json(ask()?))
/// }
///
/// let (_, document) = Api::<()>::new("Shop", "1.0").get("/orders/count", count_orders).finish()?;
/// assert!(document.value()["paths"]["/orders/count"]["get"]["responses"]["503"].is_object());
/// # Ok::<(), portcullis::ApiError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say what it answers",
    note = "answer with `portcullis::Json`, `Created`, `NoContent`, `Answer`, an enum of `portcullis::answers!`, or implement `portcullis::describe::DescribeResponse`"
)]
pub trait DescribeResponse {
    /// Adds this response's statuses to `operation`.
    fn describe_response(operation: &mut Operation<'_>);
}

/// Where a parameter is carried (OpenAPI 3.1 §4.8.12.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum In {
    /// In the path, as `{name}`.
    Path,
    /// In the query, after `?`.
    Query,
    /// In a header.
    Header,
    /// In a cookie.
    Cookie,
}

impl In {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Header => "header",
            Self::Cookie => "cookie",
        }
    }
}

/// The statuses of an entry in an operation's `responses` (OpenAPI 3.1 §4.8.16). A [`StatusCode`] is one; the others
/// are for responses whose types do not tell the status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statuses {
    /// This one.
    One(StatusCode),
    /// Any success, `2XX`.
    Success,
    /// Any redirection, `3XX`.
    Redirection,
    /// Any client error, `4XX`.
    ClientError,
    /// Any server error, `5XX`.
    ServerError,
    /// Any without an entry of its own, `default`.
    Any,
}

impl Statuses {
    /// The entry's name.
    pub(crate) fn key(self) -> String {
        match self {
            Self::One(status) => status.as_u16().to_string(),
            Self::Success => "2XX".to_owned(),
            Self::Redirection => "3XX".to_owned(),
            Self::ClientError => "4XX".to_owned(),
            Self::ServerError => "5XX".to_owned(),
            Self::Any => "default".to_owned(),
        }
    }

    /// Whether such a response has no content: 1xx, 204, 205 and 304 (RFC 9110 §6.4.1, §15.3.6).
    pub(crate) fn is_bodiless(self) -> bool {
        let Self::One(status) = self else { return false };
        status.is_informational() || matches!(status.as_u16(), 204 | 205 | 304)
    }
}

impl From<StatusCode> for Statuses {
    fn from(status: StatusCode) -> Self {
        Self::One(status)
    }
}
