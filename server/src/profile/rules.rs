//! Who may do what with a profile.

use super::Profile;
use crate::access::{Action, Decision, Requester, Ruled};

impl Ruled for Profile {
    /// A profile is its owner's alone, to see and to change.
    fn decide(&self, requester: &Requester, action: Action) -> Decision {
        match action {
            Action::Read | Action::Change if self.account.id == requester.account() => Decision::Allow,
            Action::Read | Action::Change => Decision::Hide,
        }
    }
}
