//! What an account may do beyond its own data. There is always at least one administrator, and roles that the operator
//! declares do not count as one.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{Held, Locked, store};
use crate::{
    clock::Timestamp,
    db::{Conn, Tx},
    error::Error,
};

/// The longest name of a declared role, in characters.
const LONGEST: usize = 24;

/// What an account may do beyond itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Nothing.
    User,
    /// Manage all accounts, and read the audit log.
    Admin,
    /// What the operator declared for this role (`admin_roles`): to read accounts, the audit log, or both. Nothing if
    /// it is not declared.
    Staff(RoleName),
}

/// The name of a declared role: 1 to 24 lower-case letters, digits and `-`, beginning with a letter.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoleName {
    /// Zero after the name, so that equal names are equal.
    letters: [u8; LONGEST],
}

impl RoleName {
    /// The name; `None` for the names of the roles that are always there.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let is_name = text.starts_with(|first: char| first.is_ascii_lowercase())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if !is_name || matches!(text, "user" | "admin") {
            return None;
        }
        let mut letters = [0; LONGEST];
        letters.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        Some(Self { letters })
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let length = self.letters.iter().position(|letter| *letter == 0).unwrap_or(LONGEST);
        // Parsing admits only ASCII.
        self.letters.get(..length).and_then(|name| std::str::from_utf8(name).ok()).unwrap_or_default()
    }
}

impl fmt::Debug for RoleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl fmt::Display for RoleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Role {
    /// The role with this name.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        match name {
            "user" => Some(Self::User),
            "admin" => Some(Self::Admin),
            other => RoleName::parse(other).map(Self::Staff),
        }
    }

    /// Its name in the API and on the command line: `user`, `admin`, or the name of a declared role.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::User => "user",
            Self::Admin => "admin",
            Self::Staff(name) => name.as_str(),
        }
    }

    /// The name of a declared role.
    pub(crate) fn staff(self) -> Option<RoleName> {
        if let Self::Staff(name) = self { Some(name) } else { None }
    }
}

impl FromStr for Role {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::of_name(text).ok_or("a role is `user`, `admin`, or the name of one in `admin_roles`")
    }
}

impl Serialize for Role {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Role {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = Cow::<'de, str>::deserialize(deserializer)?;
        name.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Role {
    fn schema_name() -> Cow<'static, str> {
        "Role".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A `user` manages only their own account. An `admin` also manages all accounts and reads \
                the audit log. Other names are roles that the operator declared.",
            "pattern": "^[a-z][a-z0-9-]{0,23}$",
            "examples": ["user", "admin"]
        })
    }
}

impl crate::db::Encode for Role {
    const KIND: crate::db::Kind = crate::db::Kind::Text;
    fn encode(&self) -> crate::db::Value {
        self.name().encode()
    }
}

impl crate::db::Decode for Role {
    fn decode(cell: crate::db::Cell<'_>) -> Option<Self> {
        if let crate::db::Cell::Text(name) = cell { Self::of_name(name) } else { None }
    }
}

impl crate::db::Encode for RoleName {
    const KIND: crate::db::Kind = crate::db::Kind::Text;
    fn encode(&self) -> crate::db::Value {
        self.as_str().encode()
    }
}

/// Locks the set of administrators: until it ends, only this transaction can change it.
pub(crate) async fn lock_administrators(tx: &mut Tx, now: Timestamp) -> Result<(), Error> {
    Ok(store::lock_administrators(tx.conn(), now).await?)
}

/// Whether there is any account.
pub(crate) async fn is_any(conn: Conn<'_>) -> Result<bool, Error> {
    Ok(store::is_any(conn).await?)
}

/// Gives an account another role. Lock the administrators first.
///
/// # Errors
/// [`Error::LastAdmin`] if no administrator would be left.
pub(crate) async fn set_role(tx: &mut Tx, locked: &Locked, role: Role, now: Timestamp) -> Result<(), Error> {
    let is_set = store::set_role(tx.conn(), locked.id, role, now).await?;
    if is_set { Ok(()) } else { Err(Error::LastAdmin) }
}

/// Makes the caller the administrator if there is none, and returns whether it did. Lock the administrators first.
pub(crate) async fn make_first_administrator(
    tx: &mut Tx,
    held: &Held,
    now: Timestamp,
) -> Result<bool, Error> {
    Ok(store::make_first_administrator(tx.conn(), held.id, now).await?)
}

/// Enables an account.
pub(crate) async fn enable(tx: &mut Tx, locked: &Locked, now: Timestamp) -> Result<(), Error> {
    Ok(store::enable(tx.conn(), locked.id, now).await?)
}

/// Disables an account. Lock the administrators first.
///
/// # Errors
/// [`Error::LastAdmin`] for the last administrator's account.
pub(crate) async fn disable(tx: &mut Tx, locked: &Locked, now: Timestamp) -> Result<(), Error> {
    let is_disabled = store::disable(tx.conn(), locked.id, now).await?;
    if is_disabled { Ok(()) } else { Err(Error::LastAdmin) }
}
