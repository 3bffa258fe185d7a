//! Sets the session cookie after a browser login, and checks that the browser kept it.

use axum::response::{IntoResponse as _, Redirect, Response};

use super::{View, WayBack};
use crate::{error::Error, paths, sessions::LoggedIn};

/// The parameter with which a browser that has just logged in returns to the login page.
pub(crate) const ARRIVED: &str = "arrived";

/// Sets the cookie and redirects to the login page. A browser that sends the cookie there is redirected to the
/// requested page; one that did not keep it is told so.
pub(crate) fn arrive(v: &View, logged_in: &LoggedIn, next: &WayBack) -> Result<Response, Error> {
    let by_log_in = v.with_next(paths::LOG_IN, next);
    with_cookie(Redirect::to(&format!("{by_log_in}&{ARRIVED}=yes")).into_response(), logged_in)
}

/// The response with the cookie of a new session.
pub(crate) fn with_cookie(mut answer: Response, logged_in: &LoggedIn) -> Result<Response, Error> {
    let (name, cookie) = logged_in.cookie_header()?;
    answer.headers_mut().append(name, cookie);
    Ok(answer)
}
