//! Who may call: a handler's first argument.

pub(crate) mod authenticate;
mod failures;
mod first_message;
mod ways;

use std::{convert::Infallible, fmt, marker::PhantomData, time::Duration};

use axum::extract::FromRequestParts;
use http::request::Parts;

pub(crate) use self::{
    authenticate::Asked,
    failures::FAILURES,
    ways::{Demand, Ways},
};
pub use self::{
    authenticate::{Authenticate, AuthenticateIn, Either},
    first_message::FirstMessage,
};
use crate::{
    credential::{Bearer, Presented, WantedBody},
    describe::Operation,
    verify::Verify,
};
pub use crate::{
    denied::Denied,
    scope::{AnyOf, NamedScope, Scopes},
};

/// A handler's first argument: it says who may call, and documents it. Sealed, so that this list is complete:
///
/// | argument | who may call |
/// |---|---|
/// | [`Public`] | anyone |
/// | `Guard<V>` | callers with a credential that `V` accepts |
/// | `Guard<V, S>` | the same, if the credential carries the scopes `S` |
/// | `Guard<Either<A, B>>` | callers with a credential for `A` or one for `B` |
/// | `Maybe<V>` | anyone, except with an invalid credential |
/// | [`May<V, P>`](crate::May) | callers with the permission `P` on the row that `{id}` in the path names |
/// | [`Seen<V, P>`](crate::Seen) | callers whose credential has the permission's scope, to list what they may see |
/// | [`FirstMessage<V, S>`] | anyone, to a WebSocket whose first message must be a token |
/// | `(Guard<A>, Guard<B>)` | callers that satisfy both; up to four |
///
/// The document leaves out combinations that no single request can satisfy: two kinds of credential that are both in
/// `Authorization`, a cookie next to one of those (it does not count then), two kinds for one `Either`, and for a
/// `Maybe` of another verifier a credential that a guard next to it requires. If none is left,
/// [`Api::finish`](crate::Api::finish) rejects the route.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say who may call",
    label = "not an access",
    note = "a handler's first argument is `Guard<…>`, `Maybe<…>` or `Public`",
    note = "for one row it is `May<…>`, for a list `Seen<…>`"
)]
pub trait Access: sealed::Sealed {
    /// Adds the security requirement and the rejections to `operation`.
    fn describe_access(operation: &mut Operation<'_>);

    /// The body that must be read before access can be granted.
    #[doc(hidden)]
    #[must_use]
    fn wants_body() -> Option<WantedBody> {
        None
    }
}

/// Explicitly lets anyone call.
#[derive(Debug, Clone, Copy)]
pub struct Public;

/// Lets a request through only with a credential that `V` accepts and that carries the scopes `S`.
///
/// The principal inside exists only because a [`Verify`] accepted a credential. Apart from its extractor, a guard has
/// only one constructor, [`for_token`](Self::for_token), also in your tests.
pub struct Guard<V: Authenticate, S: Scopes = ()> {
    principal: V::Principal,
    scopes: PhantomData<fn() -> S>,
}

impl<V: Authenticate, S: Scopes> Guard<V, S> {
    /// The principal that the credential stands for.
    pub fn principal(&self) -> &V::Principal {
        &self.principal
    }

    /// The principal that the credential stands for, by value.
    pub fn into_principal(self) -> V::Principal {
        self.principal
    }
}

impl<V: Verify<Credential = Bearer>, S: Scopes> Guard<V, S> {
    /// Returns the guard of a token that did not come with a request, such as a job from a queue or a message on a
    /// socket.
    ///
    /// The token is verified as if it were in `Authorization`, and so are the scopes. A function that takes a `Guard`
    /// works for both.
    ///
    /// ```
    /// use http::StatusCode;
    /// use portcullis::{AccessTokens, Guard, Scope};
    ///
    /// # struct ReportWrite;
    /// # impl Scope for ReportWrite { const NAME: &'static str = "report:write"; const DESCRIPTION: &'static str = "x"; }
    /// async fn work(tokens: &AccessTokens, token: &str) -> Result<(), &'static str> {
    ///     match Guard::<_, ReportWrite>::for_token(tokens, token).await {
    ///         Ok(guard) => write_report(guard).await,
    ///         Err(denied) if denied.status() == StatusCode::SERVICE_UNAVAILABLE => return Err("try again later"),
    ///         Err(_) => {} // drop the job
    ///     }
    ///     Ok(())
    /// }
    ///
    /// async fn write_report(guard: Guard<AccessTokens, ReportWrite>) { let _ = guard.principal().subject(); }
    /// ```
    ///
    /// A token has often expired by the time a job runs, so verify it when the job is queued, too.
    ///
    /// # Errors
    /// [`Denied`]: 401 if the token is invalid or longer than 8 KiB, 403 if it lacks a scope, 503 if the verifier
    /// fails. Its `Display` is the sentence for the caller.
    pub async fn for_token(verifier: &V, token: &str) -> Result<Self, Denied> {
        let challenges = <V as authenticate::sealed::Asked>::challenges;
        let presented = Bearer::of_bytes(token.as_bytes()).map_or(Presented::Malformed, Presented::Present);
        match authenticate::verified(presented, || verifier.clone(), challenges).await? {
            Some((principal, granted)) if S::are_in(&granted) => Ok(Self { principal, scopes: PhantomData }),
            Some(_) => Err(Denied::scope(challenges(), &S::ways())),
            None => Err(Denied::missing(challenges())),
        }
    }
}

impl<V: Authenticate, S: Scopes> fmt::Debug for Guard<V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Guard({})", names::<V>().join(" or "))
    }
}

/// A guard that lets anonymous callers through as `None`. A credential that is *present but invalid* is rejected with
/// 401, never treated as anonymous.
pub struct Maybe<V: Authenticate>(Option<V::Principal>);

impl<V: Authenticate> Maybe<V> {
    /// The principal that the credential stands for, or `None` if there was none.
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
        V::note_keys_in_query(parts);
        let denied = match V::authenticate(V::read(parts), state).await {
            Ok(Some((principal, granted))) if S::are_in(&granted) => {
                return Ok(Self { principal, scopes: PhantomData });
            }
            Ok(Some(_)) => Denied::scope(V::challenges(), &S::ways()),
            Ok(None) => Denied::missing(V::challenges()),
            Err(denied) => denied,
        };
        Err(denied.guided(parts.extensions.get(), &S::ways()))
    }
}

impl<St, V> FromRequestParts<St> for Maybe<V>
where
    St: Send + Sync,
    V: AuthenticateIn<St>,
{
    type Rejection = Denied;

    async fn from_request_parts(parts: &mut Parts, state: &St) -> Result<Self, Denied> {
        V::note_keys_in_query(parts);
        match V::authenticate(V::read(parts), state).await {
            Ok(known) => Ok(Self(known.map(|(principal, _)| principal))),
            Err(denied) => Err(denied.guided(parts.extensions.get(), &[])),
        }
    }
}

impl Access for Public {
    fn describe_access(_: &mut Operation<'_>) {}
}

impl<V: Authenticate, S: Scopes> Access for Guard<V, S> {
    fn describe_access(operation: &mut Operation<'_>) {
        operation.demand(Demand { asked: V::asked(), scopes: S::ways(), is_optional: false });
        describe_refusals::<V>(operation, &S::ways());
        for name in names::<V>() {
            for scopes in S::ways() {
                operation.scopes(name, &scopes);
            }
        }
        if S::ways().iter().all(|scopes| !scopes.is_empty()) {
            Denied::scope(V::challenges(), &S::ways()).describe(operation, &S::ways());
        }
    }

    fn wants_body() -> Option<WantedBody> {
        V::body()
    }
}

impl<V: Authenticate> Access for Maybe<V> {
    fn wants_body() -> Option<WantedBody> {
        V::body()
    }

    fn describe_access(operation: &mut Operation<'_>) {
        operation.demand(Demand { asked: V::asked(), scopes: <()>::ways(), is_optional: true });
        describe_refusals::<V>(operation, &[]);
    }
}

macro_rules! all_of {
    ($(($($access:ident),*))*) => {$(
        /// All must let the request through. The first rejection is the response.
        impl<$($access: Access),*> Access for ($($access),*) {
            fn describe_access(operation: &mut Operation<'_>) {
                $($access::describe_access(operation);)*
            }

            fn wants_body() -> Option<WantedBody> {
                let mut all = None;
                $(all = WantedBody::both(all, $access::wants_body());)*
                all
            }
        }

        impl<$($access: Access),*> sealed::Sealed for ($($access),*) {}
    )*};
}
all_of!((A, B)(A, B, C)(A, B, C, D));

fn names<V: Authenticate>() -> Vec<&'static str> {
    V::asked().iter().map(|asked| asked.scheme).collect()
}

fn describe_refusals<V: Authenticate>(operation: &mut Operation<'_>, ways: &[Vec<NamedScope>]) {
    V::describe_schemes(operation);
    for refusal in [Denied::ambiguous, Denied::missing, Denied::invalid] {
        refusal(V::challenges()).describe(operation, ways);
    }
    V::describe_step_up(operation);
    if V::asked().iter().any(|asked| asked.place.is_added_by_browsers()) {
        Denied::cross_site().describe(operation, ways);
    }
    if V::sees_request() {
        Denied::forbidden().describe(operation, ways);
    }
    if V::is_limited() {
        Denied::limited(Duration::ZERO).describe(operation, ways);
    }
    Denied::unavailable().describe(operation, ways);
}

pub(crate) mod sealed {
    use super::{Authenticate, Guard, Maybe, Public, Scopes};

    /// Sealed: only this crate defines accesses.
    pub trait Sealed {}
    impl Sealed for Public {}
    impl<V: Authenticate, S: Scopes> Sealed for Guard<V, S> {}
    impl<V: Authenticate> Sealed for Maybe<V> {}
}
