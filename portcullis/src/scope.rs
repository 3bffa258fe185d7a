//! Scopes as types: what a token must be allowed to do before a handler runs (RFC 6749 §3.3).

use std::collections::BTreeSet;

/// A scope's name and what it allows, as the document shows it beside a checkbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope {
    /// The scope-token: visible ASCII without space, `"` or `\` (RFC 6749 §3.3).
    pub name: &'static str,
    /// One sentence for the person who grants it.
    pub description: &'static str,
}

impl Scope {
    /// `scope-token = 1*( %x21 / %x23-5B / %x5D-7E )`: others would not fit between the challenge's quotes.
    pub(crate) fn is_token(&self) -> bool {
        !self.name.is_empty() && self.name.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\')
    }
}

/// The scopes that a [`Guard`](crate::Guard) demands, all of them. `()` demands none; a tuple of two to four
/// demands what each of them demands: `Guard<AccessTokens, (ProfileRead, ProfileWrite)>`.
///
/// ```
/// use portcullis::{Scope, Scopes};
///
/// struct ProfileRead;
/// impl Scopes for ProfileRead {
///     const ALL: &'static [Scope] = &[Scope { name: "profile:read", description: "Read your profile" }];
/// }
/// ```
pub trait Scopes: Send + Sync + 'static {
    /// Every scope that is needed.
    const ALL: &'static [Scope];
}

impl Scopes for () {
    const ALL: &'static [Scope] = &[];
}

macro_rules! scopes_of_tuple {
    ($($part:ident),*) => {
        impl<$($part: Scopes),*> Scopes for ($($part,)*) {
            const ALL: &'static [Scope] = <Self as Join>::JOINED.as_slice();
        }

        impl<$($part: Scopes),*> Join for ($($part,)*) {
            const JOINED: &'static Joined = &Joined::of(&[$($part::ALL),*]);
        }
    };
}
scopes_of_tuple!(A, B);
scopes_of_tuple!(A, B, C);
scopes_of_tuple!(A, B, C, D);

/// The scopes of a tuple's parts, one after the other.
trait Join {
    const JOINED: &'static Joined;
}

/// A list with room for [`Joined::MOST`], because a constant's length cannot depend on a type's.
struct Joined {
    scopes: [Scope; Self::MOST],
    len: usize,
}

impl Joined {
    const MOST: usize = 32;

    const fn of(parts: &[&[Scope]]) -> Self {
        let mut joined = Self { scopes: [Scope { name: "", description: "" }; Self::MOST], len: 0 };
        let mut parts = parts;
        while let [part, rest @ ..] = parts {
            let mut part = *part;
            while let [scope, others @ ..] = part {
                assert!(joined.len < Self::MOST, "a guard demands 32 scopes at most");
                if let Some(slot) = joined.scopes.split_at_mut(joined.len).1.first_mut() {
                    *slot = *scope;
                }
                joined.len += 1;
                part = others;
            }
            parts = rest;
        }
        joined
    }

    const fn as_slice(&self) -> &[Scope] {
        self.scopes.split_at(self.len).0
    }
}

/// The scopes that a credential carries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Granted(BTreeSet<String>);

impl Granted {
    /// No scope at all.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Reads a `scope` value: names with single spaces between them (RFC 6749 §3.3).
    #[must_use]
    pub fn parse(scope: &str) -> Self {
        scope.split(' ').filter(|name| !name.is_empty()).map(str::to_owned).collect()
    }

    /// Whether every one of `scopes` is here.
    #[must_use]
    pub fn contains_all(&self, scopes: &[Scope]) -> bool {
        scopes.iter().all(|scope| self.0.contains(scope.name))
    }

    /// The names in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl FromIterator<String> for Granted {
    fn from_iter<I: IntoIterator<Item = String>>(names: I) -> Self {
        Self(names.into_iter().collect())
    }
}

/// The names of `scopes` as one `scope` value.
pub(crate) fn joined(scopes: &[Scope]) -> String {
    scopes.iter().map(|scope| scope.name).collect::<Vec<_>>().join(" ")
}
