//! The scopes, and which role has which.

use portcullis::{Granted, Scope};

use crate::{accounts::Role, error::Error};

macro_rules! scopes {
    ($($(#[$doc:meta])* $type:ident $name:literal $description:literal;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug)]
            pub struct $type;

            impl Scope for $type {
                const NAME: &'static str = $name;
                const DESCRIPTION: &'static str = $description;
            }
        )*
    };
}

scopes! {
    /// To see one's profile.
    ProfileRead "profile:read" "See your profile";
    /// To change one's profile.
    ProfileWrite "profile:write" "Change your profile";
    /// To manage one's account: password, address of mail, sessions, export, deletion.
    ManageAccount "account" "Manage your account: password, email address, sessions, export, deletion";
    /// To see the organisations that one is a member of.
    OrganisationsRead "organisations:read" "See the organisations that you are a member of";
    /// To act in the organisations that one is a member of.
    OrganisationsWrite "organisations:write" "Create organisations, and manage those where your role allows it";
    /// To stay logged in with a refresh token (OpenID Connect Core §11).
    OfflineAccess "offline_access" "Stay logged in, with a refresh token";
    /// To see every account: administrators.
    AccountsRead "accounts:read" "See every account and organisation (administrators)";
    /// To change every account: administrators.
    AccountsWrite "accounts:write" "Change every account and organisation (administrators)";
    /// To see the audit trail: administrators.
    AuditRead "audit:read" "Read the audit log (administrators)";
}

/// What a log-in grants that names nothing.
pub(crate) const USUAL: [&str; 3] = [ProfileRead::NAME, ProfileWrite::NAME, ManageAccount::NAME];
/// What everybody may ask for beside.
const ON_REQUEST: [&str; 3] = [OfflineAccess::NAME, OrganisationsRead::NAME, OrganisationsWrite::NAME];
/// What administrators may ask for.
const ADMINISTRATION: [&str; 3] = [AccountsRead::NAME, AccountsWrite::NAME, AuditRead::NAME];

impl Role {
    /// Every scope that an account of this role can have.
    pub(crate) fn scopes(self) -> impl Iterator<Item = &'static str> {
        let more: &[&str] = match self {
            Self::User => &[],
            Self::Admin => &ADMINISTRATION,
        };
        USUAL.into_iter().chain(ON_REQUEST).chain(more.iter().copied())
    }

    /// Of `granted` what this role has. A token keeps what it was granted, and a role can be taken away: so this is
    /// asked at every request.
    pub(crate) fn limit(self, granted: Granted) -> Granted {
        let has = |name: &str| self.scopes().any(|own| own == name);
        // Nearly always: a role is seldom taken away.
        if granted.iter().all(has) {
            return granted;
        }
        granted.iter().filter(|name| has(name)).map(str::to_owned).collect()
    }
}

/// The scopes that a log-in asks for. Each of them exists.
#[derive(Debug)]
pub(crate) struct ScopeAsked(Granted);

impl ScopeAsked {
    /// Reads the parameter `scope`; none named means the usual ones (RFC 6749 §3.3).
    pub(crate) fn parse(scope: &str) -> Result<Self, Error> {
        let asked = Granted::parse(scope);
        if asked.iter().next().is_none() {
            return Ok(Self(USUAL.map(str::to_owned).into_iter().collect()));
        }
        let is_known = |name: &str| Role::Admin.scopes().any(|known| known == name);
        if asked.iter().all(is_known) { Ok(Self(asked)) } else { Err(Error::UnknownScope) }
    }

    /// As [`parse`](Self::parse) reads it.
    pub(crate) fn text(&self) -> String {
        self.0.iter().collect::<Vec<_>>().join(" ")
    }

    /// Those that the role has.
    pub(crate) fn cut_down_to(&self, role: Role) -> Granted {
        role.limit(self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn granted(scope: &str, role: Role) -> String {
        ScopeAsked::parse(scope).unwrap().cut_down_to(role).iter().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_role_bounds_what_is_granted_and_nothing_named_is_the_usual() {
        assert_eq!(granted("", Role::User), "account profile:read profile:write");
        assert_eq!(granted("", Role::Admin), "account profile:read profile:write");
        assert_eq!(granted("profile:read accounts:write", Role::User), "profile:read");
        assert_eq!(granted("profile:read accounts:write", Role::Admin), "accounts:write profile:read");
        assert!(ScopeAsked::parse("profile:read everything").is_err());
    }
}
