//! Who acts on the account of another.

use super::{Fresh, Principal};
use crate::client::Client;

/// Who acts on an account that is not their own: the operator, or an administrator, whose session and role are proved
/// again in the act's own transaction.
#[derive(Debug, Clone, Copy)]
pub struct By<'a> {
    administrator: Option<Administrator>,
    client: &'a Client,
}

/// As the guard saw them.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Administrator {
    Any(Principal),
    Fresh(Fresh),
}

impl<'a> By<'a> {
    /// The operator, on the command line or in a program that mounts this server. Nothing is proved: never say so of
    /// somebody who sent a request.
    #[must_use]
    pub const fn operator(client: &'a Client) -> Self {
        Self { administrator: None, client }
    }

    pub(crate) fn administrator(principal: Principal, client: &'a Client) -> Self {
        Self { administrator: Some(Administrator::Any(principal)), client }
    }

    pub(crate) fn fresh_administrator(fresh: Fresh, client: &'a Client) -> Self {
        Self { administrator: Some(Administrator::Fresh(fresh)), client }
    }

    /// From where, for the audit trail.
    pub(crate) fn client(self) -> &'a Client {
        self.client
    }

    pub(crate) fn proved(self) -> Option<Administrator> {
        self.administrator
    }
}
