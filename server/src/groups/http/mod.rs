//! The routes of organisations. The path names the organisation, and nothing else does.

pub(crate) mod invitations;
pub(crate) mod members;
pub(crate) mod organisations;
pub(crate) mod services;
pub(crate) mod teams;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{GroupId, cursors::Asked};
use crate::error::Error;

/// Which part of a list to return.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct PageQuery {
    /// The `next` of the previous page.
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

/// Text that is not an ID is treated like a missing group.
fn group(text: &str) -> Result<GroupId, Error> {
    GroupId::of_path(text).ok_or(Error::NotFound)
}
