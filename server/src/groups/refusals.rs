//! Why a group is not changed.

use super::{LONGEST_NAME, MOST_DEPTH, MOST_MEMBERSHIPS};
use crate::{
    db,
    invalid::{Fault, Invalid},
};

/// Why somebody who may change an organisation cannot change it so. Each has its sentence for programs and the key of
/// the one for people.
macro_rules! refusals {
    ($($(#[$doc:meta])* $refusal:ident $key:literal $detail:literal;)*) => {
        /// Why somebody who may change an organisation cannot change it so.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Refusal { $($(#[$doc])* $refusal),* }

        impl Refusal {
            /// In English.
            pub(crate) const fn detail(self) -> &'static str {
                match self { $(Self::$refusal => $detail),* }
            }

            /// The key of its text.
            pub(crate) const fn text(self) -> &'static str {
                match self { $(Self::$refusal => $key),* }
            }
        }
    };
}
refusals! {
    /// It would have no owner.
    LastOwner "page.fault.last_owner" "An organisation needs an active owner: hand it over or delete it first";
    /// The account that is to be deleted is its only owner.
    OwnerLeaves "page.fault.owner_leaves"
        "The account is the only owner of an organisation: hand the organisation over or delete it first";
    /// The account has as many organisations as it may.
    TooManyOwned "page.fault.too_many_owned" "You own 50 organisations, which is the maximum";
    /// The organisation has as many teams as it may.
    TooManyTeams "page.fault.too_many_teams" "The organisation has 1000 teams, which is the maximum";
    /// The account is in as many groups as it may.
    TooManyMemberships "page.fault.too_many_memberships"
        "The account is a member of 1000 organisations and teams, which is the maximum";
    /// More groups would be inside each other than a decision asks about.
    TooDeep "page.fault.too_deep" "Teams can be nested 8 levels deep, the organisation included";
    /// Who is invited is a member.
    AlreadyMember "page.fault.already_member" "The account with this email address is already a member";
    /// The organisation has as many open invitations as it may.
    TooManyInvitations "page.fault.too_many_invitations"
        "The organisation has 100 open invitations, which is the maximum";
    /// Nobody has shown that the address of the one who invites is theirs.
    Unconfirmed "page.fault.unconfirmed" "Confirm your email address before you invite others";
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
    /// A name is empty, too long, or has control characters.
    #[error("a group's name has 1 to {LONGEST_NAME} characters and no line breaks")]
    Name,
    /// A group would be inside itself.
    #[error("a group cannot be inside itself")]
    Cycle,
    /// More groups would be inside each other than a decision asks about.
    #[error("groups can be {MOST_DEPTH} levels deep, the organisation included")]
    TooDeep,
    /// A team stays in its organisation, and an organisation is in no other.
    #[error("a team cannot be moved to another organisation")]
    OtherOrganisation,
    /// The account is a member of too many groups.
    #[error("an account can be a member of {MOST_MEMBERSHIPS} groups")]
    TooManyMemberships,
    /// The organisation would have no owner.
    #[error("an organisation needs an owner")]
    LastOwner,
    /// The database did not answer.
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
