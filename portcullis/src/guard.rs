//! Who may call: a handler's first argument.

mod authenticate;
mod failures;

use std::{convert::Infallible, fmt, marker::PhantomData};

use axum::extract::FromRequestParts;
use http::{StatusCode, request::Parts};
use serde_json::{Map, Value, json};

pub(crate) use self::authenticate::Asked;
pub use self::authenticate::{Authenticate, AuthenticateIn, Either};
use crate::{
    credential::{Place, in_query},
    denied::{Denied, refusals},
    describe::Operation,
    scope::Scopes,
};

/// A handler's first argument: it says who may call, and describes that. Sealed, so that a reader knows
/// every form it can have.
///
/// | argument | lets in |
/// |---|---|
/// | [`Public`] | anyone |
/// | `Guard<V>` | who has a credential that `V` accepts |
/// | `Guard<V, S>` | and whose credential carries the scopes `S` |
/// | `Guard<Either<A, B>>` | who has one for `A` or one for `B` |
/// | `Maybe<V>` | anyone, but nobody with a bad credential |
/// | `(Guard<A>, Guard<B>)` | who has both; up to four |
///
/// What no request could bring at once is refused by [`Api::finish`](crate::Api::finish): two kinds of credential that
/// both stand in `Authorization`, a cookie beside such a one (the cookie does not count then), and a `Maybe` of another
/// verifier for a credential that a guard before it demands.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say who may call",
    label = "not an access",
    note = "a handler's first argument is `Guard<…>`, `Maybe<…>` or `Public`"
)]
pub trait Access: sealed::Sealed {
    /// Adds the security requirement and the refusals to `operation`.
    fn describe_access(operation: &mut Operation<'_>);
}

/// Anyone may call, said aloud.
#[derive(Debug, Clone, Copy)]
pub struct Public;

/// Lets a request through only with a credential that `V` accepted and that carries the scopes `S`.
///
/// The principal inside exists only because a [`Verify`](crate::Verify) accepted a credential: a guard has no other
/// constructor, here or in your tests.
pub struct Guard<V: Authenticate, S: Scopes = ()> {
    principal: V::Principal,
    scopes: PhantomData<fn() -> S>,
}

impl<V: Authenticate, S: Scopes> Guard<V, S> {
    /// Whom the credential stands for.
    pub fn principal(&self) -> &V::Principal {
        &self.principal
    }

    /// Whom the credential stands for, by value.
    pub fn into_principal(self) -> V::Principal {
        self.principal
    }
}

impl<V: Authenticate, S: Scopes> fmt::Debug for Guard<V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Guard({})", names::<V>().join(" or "))
    }
}

/// A guard that lets strangers through as `None`. A credential that is *present and no good* is refused
/// all the same: 401, never anonymous.
pub struct Maybe<V: Authenticate>(Option<V::Principal>);

impl<V: Authenticate> Maybe<V> {
    /// Whom the credential stands for, or `None` if there was none.
    pub fn principal(&self) -> Option<&V::Principal> {
        self.0.as_ref()
    }

    /// The same by value.
    pub fn into_principal(self) -> Option<V::Principal> {
        self.0
    }
}

impl<V: Authenticate> fmt::Debug for Maybe<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.0.is_some() { "present" } else { "absent" };
        write!(f, "Maybe({}, {state})", names::<V>().join(" or "))
    }
}

impl<St: Send + Sync> FromRequestParts<St> for Public {
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, _: &St) -> Result<Self, Infallible> {
        Ok(Self)
    }
}

impl<St, V, S> FromRequestParts<St> for Guard<V, S>
where
    St: Send + Sync,
    V: AuthenticateIn<St>,
    S: Scopes,
{
    type Rejection = Denied;

    async fn from_request_parts(parts: &mut Parts, state: &St) -> Result<Self, Denied> {
        note_keys_in_query::<V>(parts);
        match V::authenticate(parts, state).await? {
            Some((principal, granted)) if S::are_in(&granted) => Ok(Self { principal, scopes: PhantomData }),
            Some(_) => Err(Denied::scope(V::challenges(), &S::ways())),
            None => Err(Denied::missing(V::challenges())),
        }
    }
}

impl<St, V> FromRequestParts<St> for Maybe<V>
where
    St: Send + Sync,
    V: AuthenticateIn<St>,
{
    type Rejection = Denied;

    async fn from_request_parts(parts: &mut Parts, state: &St) -> Result<Self, Denied> {
        note_keys_in_query::<V>(parts);
        let known = V::authenticate(parts, state).await?;
        Ok(Self(known.map(|(principal, _)| principal)))
    }
}

impl Access for Public {
    fn describe_access(operation: &mut Operation<'_>) {
        operation.require(&[Map::new()]);
    }
}

impl<V: Authenticate, S: Scopes> Access for Guard<V, S> {
    fn describe_access(operation: &mut Operation<'_>) {
        operation.ask(&V::asked(), false);
        describe_refusals::<V>(operation);
        for name in names::<V>() {
            for scopes in S::ways() {
                operation.scopes(name, &scopes);
            }
        }
        operation.require(&requirements::<V, S>());
        if S::ways().iter().all(|scopes| !scopes.is_empty()) {
            operation.problem(StatusCode::FORBIDDEN, refusals::SCOPE);
            operation.response_header(
                StatusCode::FORBIDDEN,
                "WWW-Authenticate",
                "`error=\"insufficient_scope\"` and the scopes needed (RFC 6750 §3.1)",
            );
        }
    }
}

impl<V: Authenticate> Access for Maybe<V> {
    fn describe_access(operation: &mut Operation<'_>) {
        operation.ask(&V::asked(), true);
        describe_refusals::<V>(operation);
        operation.require(&[requirements::<V, ()>(), vec![Map::new()]].concat());
    }
}

macro_rules! all_of {
    ($(($($access:ident),*))*) => {$(
        /// All must let the request through; the first that does not, answers.
        impl<$($access: Access),*> Access for ($($access),*) {
            fn describe_access(operation: &mut Operation<'_>) {
                $($access::describe_access(operation);)*
            }
        }

        impl<$($access: Access),*> sealed::Sealed for ($($access),*) {}
    )*};
}
all_of!((A, B)(A, B, C)(A, B, C, D));

/// Each scheme with each set of scopes that suffices.
fn requirements<V: Authenticate, S: Scopes>() -> Vec<Map<String, Value>> {
    let with = |name: &str, scopes: &[crate::scope::NamedScope]| {
        let scopes: Vec<_> = scopes.iter().map(|scope| scope.name).collect();
        Map::from_iter([(name.to_owned(), json!(scopes))])
    };
    let ways = S::ways();
    names::<V>().iter().flat_map(|name| ways.iter().map(|scopes| with(name, scopes))).collect()
}

/// What is asked for in the query is no input of the handler's.
fn note_keys_in_query<V: Authenticate>(parts: &mut Parts) {
    for asked in V::asked() {
        if let Place::Query(name) = asked.place {
            in_query::note(parts, name);
        }
    }
}

fn names<V: Authenticate>() -> Vec<&'static str> {
    V::asked().iter().map(|asked| asked.scheme).collect()
}

fn describe_refusals<V: Authenticate>(operation: &mut Operation<'_>) {
    V::describe_schemes(operation);
    operation.problem(StatusCode::BAD_REQUEST, refusals::AMBIGUOUS);
    operation.problem(StatusCode::UNAUTHORIZED, refusals::NO_GOOD);
    operation.response_header(
        StatusCode::UNAUTHORIZED,
        "WWW-Authenticate",
        "The scheme, and `error=\"invalid_token\"` if a bearer token was sent (RFC 6750 §3)",
    );
    if V::asked().iter().any(|asked| asked.place == Place::Cookie) {
        operation.problem(StatusCode::FORBIDDEN, refusals::CROSS_SITE);
    }
    operation.problem(StatusCode::SERVICE_UNAVAILABLE, refusals::UNAVAILABLE);
}

mod sealed {
    use super::{Authenticate, Guard, Maybe, Public, Scopes};

    /// Only this crate says what an access is.
    pub trait Sealed {}
    impl Sealed for Public {}
    impl<V: Authenticate, S: Scopes> Sealed for Guard<V, S> {}
    impl<V: Authenticate> Sealed for Maybe<V> {}
}
