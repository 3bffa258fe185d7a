//! The limits of a new key: its name, its scopes and its lifetime.

use std::time::Duration;

use portcullis::Granted;

use crate::{
    access::{AppScopes, KeyOf},
    accounts::FullName,
    invalid::{Fault, Invalid},
};

/// The longest name, in code points.
const NAME_LENGTH: usize = 64;
/// The default lifetime of a key, in days.
pub(crate) const USUAL_DAYS: u16 = 90;
/// The longest lifetime of a key, in days.
pub(crate) const MOST_DAYS: u16 = 365;

/// The highest limit of requests a minute.
pub(crate) const MOST_PER_MINUTE: i64 = 10_000;

const DAY: Duration = Duration::from_hours(24);

/// The checked properties of a key to create.
#[derive(Debug, Clone)]
pub(crate) struct NewKey {
    pub(super) name: String,
    /// Names separated by single spaces, in order.
    pub(super) scope: String,
    pub(super) lifetime: Duration,
    /// The most requests a minute; `None`: no limit.
    pub(super) per_minute: Option<i64>,
}

impl NewKey {
    /// Checks what a person requested. The error names every field that is not acceptable.
    pub(crate) fn check(
        of: KeyOf,
        declared: &AppScopes,
        name: &str,
        scope: &str,
        days: u16,
    ) -> Result<Self, Invalid> {
        let lifetime = DAY * u32::from(days.clamp(1, MOST_DAYS));
        match (name_of(name), scope_of(of, declared, scope)) {
            (Ok(name), Ok(scope)) => Ok(Self { name, scope, lifetime, per_minute: None }),
            (Err(one), Err(other)) => Err(one.and(other)),
            (Err(invalid), Ok(_)) | (Ok(_), Err(invalid)) => Err(invalid),
        }
    }
}

impl NewKey {
    /// The same with a limit of requests a minute.
    pub(crate) fn limited(self, per_minute: Option<i64>) -> Self {
        Self { per_minute: per_minute.map(|most| most.clamp(1, MOST_PER_MINUTE)), ..self }
    }
}

/// The rules of people's names, with a shorter limit.
fn name_of(text: &str) -> Result<String, Invalid> {
    let name = FullName::parse(text).and_then(|name| {
        let is_short = name.as_str().chars().count() <= NAME_LENGTH;
        is_short.then_some(name).ok_or(Fault::TooManyCharacters(NAME_LENGTH))
    });
    name.map(|name| name.as_str().to_owned()).map_err(|fault| Invalid::field("name", fault))
}

/// At least one scope, each of which keys of such an account can have.
fn scope_of(of: KeyOf, declared: &AppScopes, text: &str) -> Result<String, Invalid> {
    let asked = Granted::parse(text);
    let mut names = asked.iter().peekable();
    if names.peek().is_some() && names.all(|name| of.scopes(declared).any(|own| own == name)) {
        return Ok(asked.iter().collect::<Vec<_>>().join(" "));
    }
    let known = of.scopes(declared).collect::<Vec<_>>().join(", ");
    Err(Invalid::field("scope", Fault::NotAmong(known)))
}
