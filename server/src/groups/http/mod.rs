//! The routes of organisations: which one is in the path, and nowhere else.

pub(crate) mod invitations;
pub(crate) mod members;
pub(crate) mod organisations;
pub(crate) mod teams;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{GroupId, cursors::Asked};
use crate::error::Error;

/// Which part of a list to return.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct PageQuery {
    /// The `next` of the page before.
    #[schemars(length(max = 1024))]
    after: Option<String>,
    /// How many to return; 50 by default.
    #[schemars(range(min = 1, max = 100))]
    limit: Option<u32>,
}

impl PageQuery {
    fn asked(&self) -> Asked<'_> {
        Asked { after: self.after.as_deref(), limit: self.limit }
    }
}

/// What is not an id is nothing that exists.
fn group(text: &str) -> Result<GroupId, Error> {
    GroupId::of_path(text).ok_or(Error::NotFound)
}
