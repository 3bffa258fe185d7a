//! Scopes as types: what a credential must allow before a handler runs (RFC 6749 §3.3).

use std::{marker::PhantomData, sync::Arc};

/// A scope: a name that a credential carries, and a description of what it allows.
///
/// ```
/// use portcullis::Scope;
///
/// struct ProfileRead;
/// impl Scope for ProfileRead {
///     const NAME: &'static str = "profile:read";
///     const DESCRIPTION: &'static str = "Read your profile";
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` names no scope",
    note = "implement `portcullis::Scope` for it, or use `()`, a tuple of scopes, or `AnyOf<(…)>`"
)]
pub trait Scope: Send + Sync + 'static {
    /// The scope-token: visible ASCII without space, `"` or `\` (RFC 6749 §3.3). [`Api::finish`](crate::Api::finish)
    /// returns an error for any other.
    const NAME: &'static str;
    /// One sentence for the person who grants it; the docs page shows it beside a checkbox.
    const DESCRIPTION: &'static str;
}

/// The scopes that a [`Guard`](crate::Guard) demands: `()` demands nothing, a [`Scope`] that scope, a tuple of two to
/// four all of its parts, [`AnyOf`] one part of a tuple. They nest: `(Read, AnyOf<(Write, Admin)>)`. The trait is
/// sealed, so that what is documented is what is demanded.
pub trait Scopes: sealed::Sealed + Send + Sync + 'static {
    /// Whether `granted` is sufficient.
    fn are_in(granted: &Granted) -> bool;

    /// Each sufficient set of scopes, as the document lists them.
    #[doc(hidden)]
    fn ways() -> Vec<Vec<NamedScope>>;
}

/// Any one of a tuple's parts: `Guard<AccessTokens, AnyOf<(OrderRead, Admin)>>`.
#[derive(Debug)]
pub struct AnyOf<T>(PhantomData<fn() -> T>);

/// A scope's name and description as values.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NamedScope {
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
}

impl NamedScope {
    /// `scope-token = 1*( %x21 / %x23-5B / %x5D-7E )` (RFC 6749 §3.3).
    pub(crate) fn is_token(self) -> bool {
        !self.name.is_empty() && self.name.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\')
    }
}

impl<S: Scope> Scopes for S {
    fn are_in(granted: &Granted) -> bool {
        granted.contains(S::NAME)
    }

    fn ways() -> Vec<Vec<NamedScope>> {
        vec![vec![NamedScope { name: S::NAME, description: S::DESCRIPTION }]]
    }
}

impl Scopes for () {
    fn are_in(_: &Granted) -> bool {
        true
    }

    fn ways() -> Vec<Vec<NamedScope>> {
        vec![Vec::new()]
    }
}

macro_rules! scopes_of_tuple {
    ($($part:ident),*) => {
        impl<$($part: Scopes),*> sealed::Sealed for ($($part,)*) {}
        impl<$($part: Scopes),*> sealed::Sealed for AnyOf<($($part,)*)> {}

        impl<$($part: Scopes),*> Scopes for ($($part,)*) {
            fn are_in(granted: &Granted) -> bool {
                $($part::are_in(granted))&&*
            }

            fn ways() -> Vec<Vec<NamedScope>> {
                let mut ways = vec![Vec::new()];
                $(ways = both(&ways, &$part::ways());)*
                ways
            }
        }

        impl<$($part: Scopes),*> Scopes for AnyOf<($($part,)*)> {
            fn are_in(granted: &Granted) -> bool {
                $($part::are_in(granted))||*
            }

            fn ways() -> Vec<Vec<NamedScope>> {
                [$($part::ways()),*].concat()
            }
        }
    };
}
scopes_of_tuple!(A, B);
scopes_of_tuple!(A, B, C);
scopes_of_tuple!(A, B, C, D);

/// Every combination of one set from each side.
fn both(left: &[Vec<NamedScope>], right: &[Vec<NamedScope>]) -> Vec<Vec<NamedScope>> {
    let with = |this: &Vec<NamedScope>, that: &Vec<NamedScope>| {
        let new = that.iter().filter(|scope| !this.contains(scope));
        this.iter().chain(new).copied().collect()
    };
    left.iter().flat_map(|this| right.iter().map(move |that| with(this, that))).collect()
}

mod sealed {
    /// Only this crate decides what is sufficient.
    pub trait Sealed {}
    impl<S: super::Scope> Sealed for S {}
    impl Sealed for () {}
}

/// The scopes that a credential carries. Cheap to clone.
///
/// Stored as one text, so it takes about as much memory as the credential sent, however many names there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Granted(Arc<str>);

impl Granted {
    /// No scopes.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Reads a `scope` value: names with single spaces between them (RFC 6749 §3.3).
    #[must_use]
    pub fn parse(scope: &str) -> Self {
        let mut names: Vec<_> = scope.split(' ').filter(|name| !name.is_empty()).collect();
        names.sort_unstable();
        names.dedup();
        Self(names.join(" ").into())
    }

    /// Whether it contains the scope with this name.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.iter().any(|granted| granted == name)
    }

    /// The names, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.split(' ').filter(|name| !name.is_empty())
    }
}

/// A name with a space in it is not a scope: no guard can demand it, so it is left out.
impl FromIterator<String> for Granted {
    fn from_iter<I: IntoIterator<Item = String>>(names: I) -> Self {
        let names: Vec<_> = names.into_iter().filter(|name| !name.contains(' ')).collect();
        Self::parse(&names.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::Granted;

    #[test]
    fn what_is_granted_comes_in_order_and_once() {
        let granted = Granted::parse("write read  write");
        assert_eq!(granted.iter().collect::<Vec<_>>(), ["read", "write"]);
        assert_eq!(Granted::none().iter().count(), 0);
        assert!(!Granted::none().contains("") && !granted.contains("writ") && granted.contains("write"));
    }

    #[test]
    fn a_name_with_a_space_is_not_two() {
        let granted: Granted = ["read", "admin write", ""].map(str::to_owned).into_iter().collect();
        assert_eq!(granted.iter().collect::<Vec<_>>(), ["read"]);
    }
}
