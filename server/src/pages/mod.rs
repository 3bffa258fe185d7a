//! What the HTML pages share: language, layout, the answer's headers, and what a refusal looks like to a person.
//!
//! The pages of a room are in its `pages.rs` and call what its JSON routes call. They work without any script, and
//! each POST answers with a redirect or with the form again.

mod arrival;
mod assets;
mod dress;
mod faults;
mod view;
mod way_back;

use axum::response::{IntoResponse, Redirect, Response};

pub use self::assets::LookError;
pub(crate) use self::{
    arrival::{ARRIVED, arrive, with_cookie},
    assets::{Look, serve_asset, show_icon, show_touch_icon},
    dress::{answer_dead_ends, dress, show_nothing},
    faults::Faults,
    view::View,
    way_back::WayBack,
};
use crate::error::Error;

/// Why a handler of a page does not show what it is there for.
pub(crate) enum Refused {
    /// There is somewhere else to go first.
    Elsewhere(Redirect),
    /// Nothing to be done: [`dress`] makes a page of it.
    Error(Error),
}

/// What a handler of a page answers.
pub(crate) type Answer = Result<Response, Refused>;

impl<E: Into<Error>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Self::Elsewhere(redirect) => redirect.into_response(),
            Self::Error(error) => error.into_response(),
        }
    }
}
