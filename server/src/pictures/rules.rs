//! Who may see a picture.

use super::Stored;
use crate::access::{Action, Decision, Principal, Ruled};

impl Ruled for Stored {
    /// A picture is its owner's alone.
    fn decide(&self, principal: &Principal, _: Action) -> Decision {
        if self.account_id == principal.account { Decision::Allow } else { Decision::Hide }
    }
}
