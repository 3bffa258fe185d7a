//! The party that acts on another user's account.

use super::{Fresh, Principal};
use crate::client::Client;

/// The party that acts on an account other than its own: the operator, or an administrator. An administrator's session
/// and role are verified again in the action's own transaction.
#[derive(Debug, Clone, Copy)]
pub struct By<'a> {
    administrator: Option<Administrator>,
    client: &'a Client,
}

/// The administrator as the guard saw them.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Administrator {
    Any(Principal),
    Fresh(Fresh),
}

impl<'a> By<'a> {
    /// The operator, on the command line or in a program that mounts this server. Nothing is verified, so never use
    /// this for the sender of a request.
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

    /// The client that is recorded in the audit trail.
    pub(crate) fn client(self) -> &'a Client {
        self.client
    }

    pub(crate) fn proved(self) -> Option<Administrator> {
        self.administrator
    }
}
