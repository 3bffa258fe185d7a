//! The sender of a request: the owner of an account in a session, or a program with an API key.

use std::fmt;

use super::{KeyOf, Principal, Role};
use crate::{
    accounts::AccountId,
    db::{Cell, Decode, Encode, Kind, Value},
};

/// Characters of an API key's ID.
const ID: usize = 12;

/// An API key's ID: the part of the key that is not secret. It grants nothing by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId([u8; ID]);

impl KeyId {
    /// Parses the ID of a key, or a path segment.
    pub(crate) fn of_text(text: &str) -> Option<Self> {
        let is_id = text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        text.as_bytes().try_into().ok().filter(|_| is_id).map(Self)
    }

    /// The ID as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Parsing admits only ASCII.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Encode for KeyId {
    const KIND: Kind = Kind::Text;

    fn encode(&self) -> Value {
        Value::Text(self.as_str().to_owned())
    }
}

impl Decode for KeyId {
    fn decode(cell: Cell<'_>) -> Option<Self> {
        if let Cell::Text(text) = cell { Self::of_text(text) } else { None }
    }
}

/// A program, as established by a verified API key. It is never a session and cannot become a `Fresh`, so it cannot
/// change a password, address, second factor, role or key.
#[derive(Debug, Clone, Copy)]
pub struct KeyHolder {
    /// The account that it acts for.
    pub account: AccountId,
    /// The key.
    pub key: KeyId,
    /// What the account may do, as of this request. The key is limited to its own scopes of that.
    pub role: Role,
    /// Whether it is a service account, which belongs to an organisation instead of a person.
    pub is_service: bool,
}

impl KeyHolder {
    /// Which scopes the key can have.
    pub(crate) fn key_of(&self) -> KeyOf {
        if self.is_service { KeyOf::Service } else { KeyOf::Person(self.role) }
    }
}

/// The sender of a request, where API keys are accepted too.
#[derive(Debug, Clone, Copy)]
pub enum Requester {
    /// The owner of an account, in a session.
    Session(Principal),
    /// A program with an API key.
    Key(KeyHolder),
}

impl Requester {
    /// The account that acts.
    #[must_use]
    pub fn account(&self) -> AccountId {
        match self {
            Self::Session(principal) => principal.account,
            Self::Key(holder) => holder.account,
        }
    }

    /// What the account may do, as of this request.
    #[must_use]
    pub fn role(&self) -> Role {
        match self {
            Self::Session(principal) => principal.role,
            Self::Key(holder) => holder.role,
        }
    }

    /// The session; `None` for an API key.
    #[must_use]
    pub fn principal(&self) -> Option<Principal> {
        match self {
            Self::Session(principal) => Some(*principal),
            Self::Key(_) => None,
        }
    }

    /// The audit log's detail besides the account: which key acted, if one did.
    pub(crate) fn detail(&self) -> Option<String> {
        self.key().map(|key| format!("API key {key}"))
    }

    /// The key; `None` for a session.
    #[must_use]
    pub fn key(&self) -> Option<KeyId> {
        match self {
            Self::Session(_) => None,
            Self::Key(holder) => Some(holder.key),
        }
    }
}

impl From<Principal> for Requester {
    fn from(principal: Principal) -> Self {
        Self::Session(principal)
    }
}

impl From<&Principal> for Requester {
    fn from(principal: &Principal) -> Self {
        Self::Session(*principal)
    }
}

impl From<&Self> for Requester {
    fn from(requester: &Self) -> Self {
        *requester
    }
}
