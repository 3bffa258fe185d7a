//! The scopes, and which role has which.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};

use portcullis::{Granted, Scope};

use crate::{
    accounts::{Role, RoleName},
    error::Error,
};

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
    /// Read the caller's profile.
    ProfileRead "profile:read" "See your profile";
    /// Change the caller's profile.
    ProfileWrite "profile:write" "Change your profile";
    /// Manage the caller's account: password, email address, sessions, export, deletion.
    ManageAccount "account" "Manage your account: password, email address, sessions, export, deletion";
    /// Read the organisations that the caller is a member of.
    OrganisationsRead "organisations:read" "See the organisations that you are a member of";
    /// Act in the organisations that the caller is a member of.
    OrganisationsWrite "organisations:write" "Create organisations, and manage those where your role allows it";
    /// Stay logged in with a refresh token (OpenID Connect Core §11).
    OfflineAccess "offline_access" "Stay logged in, with a refresh token";
    /// Read every account (administrators).
    AccountsRead "accounts:read" "See every account and organisation (administrators)";
    /// Change every account (administrators).
    AccountsWrite "accounts:write" "Change every account and organisation (administrators)";
    /// Read the audit trail (administrators).
    AuditRead "audit:read" "Read the audit log (administrators)";
}

/// The scopes granted when a login names none.
pub(crate) const USUAL: [&str; 3] = [ProfileRead::NAME, ProfileWrite::NAME, ManageAccount::NAME];
/// The further scopes that every user may request.
const ON_REQUEST: [&str; 3] = [OfflineAccess::NAME, OrganisationsRead::NAME, OrganisationsWrite::NAME];
/// The scopes that API keys may have. None of them can change a credential or another user's account. A scope that is
/// not listed here is not available to keys.
const FOR_KEYS: [&str; 5] =
    [ProfileRead::NAME, ProfileWrite::NAME, OrganisationsRead::NAME, AccountsRead::NAME, AuditRead::NAME];
/// The scopes that API keys of service accounts may have: they have no profile.
const FOR_SERVICES: [&str; 1] = [OrganisationsRead::NAME];
/// The scopes that administrators may request.
const ADMINISTRATION: [&str; 3] = [AccountsRead::NAME, AccountsWrite::NAME, AuditRead::NAME];

/// The longest total length of an application's scope names. A login that names no scope grants all of them, and its
/// token must fit into a header.
const LONGEST_DECLARED: usize = 2048;

/// The permissions of a role that the operator can declare. Those that change accounts are for administrators alone:
/// with them, an account could make itself one.
const FOR_STAFF: [&str; 2] = [AccountsRead::NAME, AuditRead::NAME];

/// A role that the operator declares: `NAME=PERMISSION+PERMISSION`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminRole {
    name: RoleName,
    permissions: Vec<&'static str>,
}

impl AdminRole {
    /// Its name.
    #[must_use]
    pub const fn name(&self) -> RoleName {
        self.name
    }
}

impl FromStr for AdminRole {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, permissions) = text.split_once('=').ok_or("is not written as `NAME=PERMISSION`")?;
        let name = RoleName::parse(name).ok_or(
            "needs a name of 1 to 24 lower-case letters, digits and `-` that begins with a letter, and not `user` or \
             `admin`",
        )?;
        let known = |word: &str| FOR_STAFF.into_iter().find(|known| *known == word);
        let permissions: Option<Vec<_>> = permissions.split('+').map(known).collect();
        let permissions = permissions.ok_or_else(|| format!("can have only {}", FOR_STAFF.join(" and ")))?;
        Ok(Self { name, permissions })
    }
}

impl fmt::Display for AdminRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, self.permissions.join("+"))
    }
}

/// The scopes that the application declares with its policy, in addition to the server's own, and the roles that the
/// operator declares. Every role has the application's; the policy decides for which rows they count. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct AppScopes {
    application: Arc<OnceLock<Granted>>,
    roles: Arc<[AdminRole]>,
}

impl AppScopes {
    pub(crate) fn new(roles: &[AdminRole]) -> Self {
        Self { application: Arc::default(), roles: roles.into() }
    }

    /// The names of the declared roles.
    pub(crate) fn roles(&self) -> impl Iterator<Item = RoleName> {
        self.roles.iter().map(AdminRole::name)
    }

    /// What the operator allowed this role.
    fn of_staff(&self, role: Role) -> impl Iterator<Item = &'static str> {
        let declared = role.staff().and_then(|name| self.roles.iter().find(|role| role.name == name));
        declared.into_iter().flat_map(|role| role.permissions.iter().copied())
    }

    /// Registers the application's scopes, once.
    ///
    /// # Errors
    /// Returns a sentence if scopes were registered before, the server has one of them itself, or they are too long.
    pub(crate) fn declare<'n>(&self, names: impl Iterator<Item = &'n str>) -> Result<(), String> {
        let names: Vec<_> = names.map(str::to_owned).collect();
        // Otherwise every account could have an administrator's scope.
        if let Some(name) = names.iter().find(|name| Role::Admin.own_scopes().any(|own| own == *name)) {
            return Err(format!(
                "{name:?} is a scope of the server itself: give the permission another name"
            ));
        }
        if names.iter().map(|name| name.len() + 1).sum::<usize>() > LONGEST_DECLARED {
            return Err(format!(
                "the names of all permissions together have more than {LONGEST_DECLARED} characters, which is too much \
                 for an access token"
            ));
        }
        let is_first = self.application.set(names.into_iter().collect()).is_ok();
        if is_first { Ok(()) } else { Err("a policy is already open: an App has only one".to_owned()) }
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.application.get().into_iter().flat_map(Granted::iter)
    }
}

impl Role {
    /// The server's own scopes that an account of this role can have.
    fn own_scopes(self) -> impl Iterator<Item = &'static str> {
        let more: &[&str] = match self {
            Self::User | Self::Staff(_) => &[],
            Self::Admin => &ADMINISTRATION,
        };
        USUAL.into_iter().chain(ON_REQUEST).chain(more.iter().copied())
    }

    /// Every scope that an account of this role can have.
    pub(crate) fn scopes(self, declared: &AppScopes) -> impl Iterator<Item = &str> {
        let own = self.own_scopes().chain(declared.of_staff(self)).map(|name| -> &str { name });
        own.chain(declared.names())
    }

    /// The scopes of `granted` that this role has. Checked at every request, because a token keeps its scopes after a
    /// role is taken away.
    pub(crate) fn limit(self, granted: Granted, declared: &AppScopes) -> Granted {
        let has = |name: &str| self.scopes(declared).any(|own| own == name);
        // The common case: roles are seldom taken away.
        if granted.iter().all(has) {
            return granted;
        }
        granted.iter().filter(|name| has(name)).map(str::to_owned).collect()
    }
}

/// The account of an API key, as far as it decides which scopes the key can have.
#[derive(Debug, Clone, Copy)]
pub(crate) enum KeyOf {
    /// A person's account of this role.
    Person(Role),
    /// A service account. What it may do in its organisation is asked there.
    Service,
}

impl KeyOf {
    /// Every scope that such a key can have: some of the server's own, and all of the application's.
    pub(crate) fn scopes(self, declared: &AppScopes) -> impl Iterator<Item = &str> {
        let (role, among): (Role, &[&str]) = match self {
            Self::Person(role) => (role, &FOR_KEYS),
            Self::Service => (Role::User, &FOR_SERVICES),
        };
        let own = role.own_scopes().filter(move |name| among.contains(name)).map(|name| -> &str { name });
        own.chain(declared.names())
    }

    /// The scopes of the key that it can have now.
    pub(crate) fn limit(self, scope: &str, declared: &AppScopes) -> Granted {
        let has = |name: &&str| self.scopes(declared).any(|own| own == *name);
        Granted::parse(scope).iter().filter(has).map(str::to_owned).collect()
    }
}

/// The scopes that a login requests. Each of them exists.
#[derive(Debug)]
pub(crate) struct ScopeAsked(Granted);

impl ScopeAsked {
    /// Parses the parameter `scope`. If it is empty, the usual scopes and those that the application declares are
    /// requested (RFC 6749 §3.3).
    pub(crate) fn parse(scope: &str, declared: &AppScopes) -> Result<Self, Error> {
        let asked = Granted::parse(scope);
        if asked.iter().next().is_none() {
            return Ok(Self(USUAL.into_iter().chain(declared.names()).map(str::to_owned).collect()));
        }
        let is_known = |name: &str| Role::Admin.scopes(declared).any(|known| known == name);
        if asked.iter().all(is_known) { Ok(Self(asked)) } else { Err(Error::UnknownScope) }
    }

    /// The text that [`parse`](Self::parse) reads.
    pub(crate) fn text(&self) -> String {
        self.0.iter().collect::<Vec<_>>().join(" ")
    }

    /// The requested scopes that the role has.
    pub(crate) fn cut_down_to(&self, role: Role, declared: &AppScopes) -> Granted {
        role.limit(self.0.clone(), declared)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn granted(scope: &str, role: Role) -> String {
        granted_with(scope, role, &AppScopes::default())
    }

    fn granted_with(scope: &str, role: Role, declared: &AppScopes) -> String {
        let granted = ScopeAsked::parse(scope, declared).unwrap().cut_down_to(role, declared);
        granted.iter().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_role_bounds_what_is_granted_and_nothing_named_is_the_usual() {
        assert_eq!(granted("", Role::User), "account profile:read profile:write");
        assert_eq!(granted("", Role::Admin), "account profile:read profile:write");
        assert_eq!(granted("profile:read accounts:write", Role::User), "profile:read");
        assert_eq!(granted("profile:read accounts:write", Role::Admin), "accounts:write profile:read");
        assert!(ScopeAsked::parse("profile:read everything", &AppScopes::default()).is_err());
    }

    #[test]
    fn an_application_declares_scopes_once_and_none_of_the_servers() {
        let declared = AppScopes::default();
        assert!(declared.declare(["document:read", "accounts:write"].into_iter()).is_err());
        assert!(declared.declare(["x".repeat(LONGEST_DECLARED).as_str()].into_iter()).is_err());
        declared.declare(["document:read"].into_iter()).unwrap();
        assert!(declared.declare(["document:write"].into_iter()).is_err());
        assert_eq!(
            granted_with("", Role::User, &declared),
            "account document:read profile:read profile:write"
        );
        assert_eq!(granted_with("document:read", Role::Admin, &declared), "document:read");
        assert!(ScopeAsked::parse("document:write", &declared).is_err());
    }
}
