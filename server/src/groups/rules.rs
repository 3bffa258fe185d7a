//! Who may do what in an organisation.

use super::GroupRole;
use crate::error::Error;

/// The caller's role, if it is `least` or more. To a stranger the organisation does not exist.
pub(super) fn at_least(least: GroupRole, role: Option<GroupRole>) -> Result<GroupRole, Error> {
    match role {
        None => Err(Error::NotFound),
        Some(role) if role < least => Err(Error::RoleRequired(least)),
        Some(role) => Ok(role),
    }
}

/// What it takes to remove a member of this role, or to invite one: nobody makes or removes an equal but owners.
pub(super) fn to_remove_or_invite(role: GroupRole) -> GroupRole {
    match role {
        GroupRole::Member => GroupRole::Admin,
        GroupRole::Admin | GroupRole::Owner => GroupRole::Owner,
    }
}
