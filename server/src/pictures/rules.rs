//! Decides who may see a picture.

use super::Stored;
use crate::access::{Action, Decision, Requester, Ruled};

impl Ruled for Stored {
    /// Only its owner may see a picture.
    fn decide(&self, requester: &Requester, _: Action) -> Decision {
        if self.account_id == requester.account() { Decision::Allow } else { Decision::Hide }
    }
}
