//! The way of a browser that has just logged in.

use axum::response::{IntoResponse as _, Redirect, Response};

use super::{View, WayBack};
use crate::{error::Error, paths, sessions::LoggedIn};

/// The parameter that a browser which has just logged in brings to the page of the log-in.
pub(crate) const ARRIVED: &str = "arrived";

/// Hands the cookie out, on the way to the page that was asked for. The way leads by the page of the log-in: a browser
/// that brings the cookie there goes on, and one that did not keep it is told so.
pub(crate) fn arrive(v: &View, logged_in: &LoggedIn, next: &WayBack) -> Result<Response, Error> {
    let by_log_in = v.with_next(paths::LOG_IN, next);
    with_cookie(Redirect::to(&format!("{by_log_in}&{ARRIVED}=yes")).into_response(), logged_in)
}

/// The answer with the cookie of a session that began.
pub(crate) fn with_cookie(mut answer: Response, logged_in: &LoggedIn) -> Result<Response, Error> {
    let (name, cookie) = logged_in.cookie_header()?;
    answer.headers_mut().append(name, cookie);
    Ok(answer)
}
