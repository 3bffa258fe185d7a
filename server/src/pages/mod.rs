//! What the HTML pages share: language, layout, response headers, and error pages.
//!
//! The pages of a room are in its `pages.rs` and call the same functions as its JSON routes. They work without a
//! script; the one script shows what is typed, rates a password and shows times in the reader's time zone. Each POST
//! responds with a redirect or with the form again.

mod arrival;
mod assets;
mod done;
mod dress;
mod faults;
mod texts;
mod view;
mod way_back;

use axum::response::{IntoResponse, Response};

pub use self::assets::LookError;
use self::dress::{Cause, NewLink};
pub(crate) use self::{
    arrival::{ARRIVED, arrive, with_cookie},
    assets::{Look, serve_asset, show_icon, show_touch_icon},
    done::Done,
    dress::{answer_dead_ends, dress, show_nothing},
    faults::Faults,
    texts::Texts,
    view::View,
    way_back::WayBack,
};
use crate::{error::Error, paths};

/// Why a page's handler does not show its page.
pub(crate) enum NotShown {
    /// Another page comes first: a login, or the form again with its errors.
    Instead(Box<Response>),
    /// An emailed link that was used, replaced or has expired, and where to get another one.
    DeadLink(NewLink),
    /// The reader can do nothing about it: [`dress`] turns it into an error page.
    Error(Error),
}

/// What a page's handler returns.
pub(crate) type PageResult = Result<Response, NotShown>;

impl NotShown {
    /// The error of an emailed link. The page at `path` sends another one.
    pub(crate) fn of_link(error: Error, path: &'static str) -> Self {
        match error {
            Error::DeadLink if path != paths::ACCOUNT => Self::DeadLink(NewLink(path)),
            error => Self::Error(error),
        }
    }
}

impl<E: Into<Error>> From<E> for NotShown {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

impl IntoResponse for NotShown {
    fn into_response(self) -> Response {
        let (error, cause) = match self {
            Self::Instead(answer) => return *answer,
            Self::DeadLink(link) => (Error::DeadLink, Some(Cause::DeadLink(link))),
            Self::Error(Error::SignUpClosed) => (Error::SignUpClosed, Some(Cause::SignUpClosed)),
            Self::Error(error @ Error::RoleRequired(_)) => (error, Some(Cause::RoleRequired)),
            Self::Error(error) => (error, None),
        };
        let mut answer = error.into_response();
        if let Some(cause) = cause {
            answer.extensions_mut().insert(cause);
        }
        answer
    }
}
