//! What the HTML pages share: language, layout, the headers of responses, and what an error looks like to a person.
//!
//! The pages of a room are in its `pages.rs` and call what its JSON routes call. They work without any script: the one
//! there is shows what is typed, rates a password and shows times in the reader's zone. Each POST answers with a
//! redirect or with the form again.

mod arrival;
mod assets;
mod done;
mod dress;
mod faults;
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
    view::View,
    way_back::WayBack,
};
use crate::{error::Error, paths};

/// Why a handler of a page does not show what it is there for.
pub(crate) enum NotShown {
    /// Another page first: a login, or the form again with what is wrong.
    Instead(Box<Response>),
    /// A mailed link that was used, replaced or has expired, and where to get another one.
    DeadLink(NewLink),
    /// Nothing to be done: [`dress`] makes a page of it.
    Error(Error),
}

/// What a handler of a page answers.
pub(crate) type PageResult = Result<Response, NotShown>;

impl NotShown {
    /// The same for a mailed link. Another one is mailed from the page at `path`.
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
