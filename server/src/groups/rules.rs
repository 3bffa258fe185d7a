//! The permissions in an organisation.

use super::GroupRole;
use crate::error::Error;

/// The caller's role, if it is `least` or a higher one. For strangers the organisation does not exist.
pub(super) fn at_least(least: GroupRole, role: Option<GroupRole>) -> Result<GroupRole, Error> {
    match role {
        None => Err(Error::NotFound),
        Some(role) if role < least => Err(Error::RoleRequired(least)),
        Some(role) => Ok(role),
    }
}

/// The role required to remove or invite a member with this role. Only owners may remove or invite their equals.
pub(super) fn to_remove_or_invite(role: GroupRole) -> GroupRole {
    match role {
        GroupRole::Member => GroupRole::Admin,
        GroupRole::Admin | GroupRole::Owner => GroupRole::Owner,
    }
}
