//! What a new key may be: its name, its scopes, and how long it lives.

use std::time::Duration;

use portcullis::Granted;

use crate::{
    access::AppScopes,
    accounts::{FullName, Role},
    invalid::{Fault, Invalid},
};

/// The longest name, in code points.
const NAME_LENGTH: usize = 64;
/// How long a key lives if nothing else is asked for, in days.
pub(crate) const USUAL_DAYS: u16 = 90;
/// And at most.
pub(crate) const MOST_DAYS: u16 = 365;

const DAY: Duration = Duration::from_hours(24);

/// A key that is to be made. Checked.
#[derive(Debug, Clone)]
pub(crate) struct NewKey {
    pub(super) name: String,
    /// Names with single spaces between them, in order.
    pub(super) scope: String,
    pub(super) lifetime: Duration,
}

impl NewKey {
    /// Checks what a person asked for, and names every field that is not acceptable.
    pub(crate) fn check(
        role: Role,
        declared: &AppScopes,
        name: &str,
        scope: &str,
        days: u16,
    ) -> Result<Self, Invalid> {
        let lifetime = DAY * u32::from(days.clamp(1, MOST_DAYS));
        match (name_of(name), scope_of(role, declared, scope)) {
            (Ok(name), Ok(scope)) => Ok(Self { name, scope, lifetime }),
            (Err(one), Err(other)) => Err(one.and(other)),
            (Err(invalid), Ok(_)) | (Ok(_), Err(invalid)) => Err(invalid),
        }
    }
}

/// By the rules of people's names, and shorter.
fn name_of(text: &str) -> Result<String, Invalid> {
    let name = FullName::parse(text).and_then(|name| {
        let is_short = name.as_str().chars().count() <= NAME_LENGTH;
        is_short.then_some(name).ok_or(Fault::TooManyCharacters(NAME_LENGTH))
    });
    name.map(|name| name.as_str().to_owned()).map_err(|fault| Invalid::field("name", fault))
}

/// At least one scope, and each of them one that keys of this role can have.
fn scope_of(role: Role, declared: &AppScopes, text: &str) -> Result<String, Invalid> {
    let asked = Granted::parse(text);
    let mut names = asked.iter().peekable();
    if names.peek().is_some() && names.all(|name| role.scopes_of_keys(declared).any(|own| own == name)) {
        return Ok(asked.iter().collect::<Vec<_>>().join(" "));
    }
    let known = role.scopes_of_keys(declared).collect::<Vec<_>>().join(", ");
    Err(Invalid::field("scope", Fault::NotAmong(known)))
}
