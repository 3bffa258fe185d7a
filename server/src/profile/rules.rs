//! Who may read and change a profile.

use super::Profile;
use crate::access::{Action, Decision, Requester, Ruled};

impl Ruled for Profile {
    /// Only its owner may read or change a profile.
    fn decide(&self, requester: &Requester, action: Action) -> Decision {
        match action {
            Action::Read | Action::Change if self.account.id == requester.account() => Decision::Allow,
            Action::Read | Action::Change => Decision::Hide,
        }
    }
}
