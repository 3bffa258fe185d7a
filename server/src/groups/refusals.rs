//! Why a group is not changed.

use super::{LONGEST_NAME, MOST_DEPTH, MOST_MEMBERSHIPS};
use crate::{
    db,
    invalid::{Fault, Invalid},
};

/// Declares why an organisation cannot be changed in a certain way, even by somebody with the right role. Each reason
/// has a sentence for programs and the message key of a text for people.
macro_rules! refusals {
    ($($(#[$doc:meta])* $refusal:ident $key:literal $detail:literal;)*) => {
        /// Why an organisation cannot be changed in this way, even by somebody with the right role.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Refusal { $($(#[$doc])* $refusal),* }

        impl Refusal {
            /// The reason in English.
            pub(crate) const fn detail(self) -> &'static str {
                match self { $(Self::$refusal => $detail),* }
            }

            /// The message key of its text.
            pub(crate) const fn text(self) -> &'static str {
                match self { $(Self::$refusal => $key),* }
            }
        }
    };
}
refusals! {
    /// The organisation would have no owner.
    LastOwner "page.fault.last_owner" "An organisation needs an active owner: hand it over or delete it first";
    /// The account to delete is the organisation's only owner.
    OwnerLeaves "page.fault.owner_leaves"
        "The account is the only owner of an organisation: hand the organisation over or delete it first";
    /// The account owns the maximum number of organisations.
    TooManyOwned "page.fault.too_many_owned" "You own 50 organisations, which is the maximum";
    /// The organisation has the maximum number of teams.
    TooManyTeams "page.fault.too_many_teams" "The organisation has 1000 teams, which is the maximum";
    /// The account is in the maximum number of groups.
    TooManyMemberships "page.fault.too_many_memberships"
        "The account is a member of 1000 organisations and teams, which is the maximum";
    /// The groups would be nested too deeply for a policy decision.
    TooDeep "page.fault.too_deep" "Teams can be nested 8 levels deep, the organisation included";
    /// The invited address belongs to a member.
    AlreadyMember "page.fault.already_member" "The account with this email address is already a member";
    /// The organisation has the maximum number of open invitations.
    TooManyInvitations "page.fault.too_many_invitations"
        "The organisation has 100 open invitations, which is the maximum";
    /// The inviter has not confirmed their own email address.
    Unconfirmed "page.fault.unconfirmed" "Confirm your email address before you invite others";
    /// The organisation has as many service accounts as it may.
    TooManyServices "page.fault.too_many_services" "The organisation has 50 service accounts, which is the maximum";
    /// The service account is disabled, and has no keys.
    ServiceDisabled "page.fault.service_disabled" "The service account is disabled: enable it first";
    /// A team would be inside itself.
    Cycle "page.fault.team_cycle" "A team cannot be inside itself";
}

/// Why a group was not changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no such group, account or member.
    #[error("not found")]
    NotFound,
    /// A name is empty, too long, or contains control characters.
    #[error("a group's name has 1 to {LONGEST_NAME} characters and no line breaks")]
    Name,
    /// A group would be inside itself.
    #[error("a group cannot be inside itself")]
    Cycle,
    /// The groups would be nested too deeply for a policy decision.
    #[error("groups can be {MOST_DEPTH} levels deep, the organisation included")]
    TooDeep,
    /// A team cannot move to another organisation, and an organisation cannot be inside another group.
    #[error("a team cannot be moved to another organisation")]
    OtherOrganisation,
    /// The account is a member of too many groups.
    #[error("an account can be a member of {MOST_MEMBERSHIPS} groups")]
    TooManyMemberships,
    /// The organisation would have no owner.
    #[error("an organisation needs an owner")]
    LastOwner,
    /// The database failed or did not respond.
    #[error("database: {0}")]
    Database(#[from] db::Error),
}

impl From<Error> for crate::error::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound | Error::OtherOrganisation => Self::NotFound,
            Error::Name => Invalid::field("name", Fault::Blank).into(),
            Error::Cycle => Self::Refused(Refusal::Cycle),
            Error::TooDeep => Self::Refused(Refusal::TooDeep),
            Error::TooManyMemberships => Self::Refused(Refusal::TooManyMemberships),
            Error::LastOwner => Self::Refused(Refusal::LastOwner),
            Error::Database(cause) => Self::Database(cause),
        }
    }
}
