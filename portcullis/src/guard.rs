//! Who may call: a handler's first argument.

use std::{convert::Infallible, fmt, marker::PhantomData};

use axum::extract::{FromRef, FromRequestParts};
use http::{StatusCode, request::Parts};
use serde_json::{Value, json};

use crate::{
    credential::{Presented, sealed::Read},
    denied::Denied,
    describe::Operation,
    scope::Scopes,
    verify::{Verdict, Verify},
};

/// A handler's first argument: it says who may call, and describes that. Sealed, so that a reader knows
/// every form it can have.
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

/// Lets a request through only with a credential that `V` accepted and that carries all of `S`.
///
/// The principal inside exists only because a [`Verify`] accepted a credential: a guard has no other
/// constructor, here or in your tests.
pub struct Guard<V: Verify, S: Scopes = ()> {
    principal: V::Principal,
    scopes: PhantomData<fn() -> S>,
}

impl<V: Verify, S: Scopes> Guard<V, S> {
    /// Whom the credential stands for.
    pub fn principal(&self) -> &V::Principal {
        &self.principal
    }

    /// Whom the credential stands for, by value.
    pub fn into_principal(self) -> V::Principal {
        self.principal
    }
}

impl<V: Verify, S: Scopes> fmt::Debug for Guard<V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Guard({})", V::SCHEME)
    }
}

/// A guard that lets strangers through as `None`. A credential that is *present and no good* is refused
/// all the same: 401, never anonymous.
pub struct Maybe<V: Verify>(Option<V::Principal>);

impl<V: Verify> Maybe<V> {
    /// Whom the credential stands for, or `None` if there was none.
    pub fn principal(&self) -> Option<&V::Principal> {
        self.0.as_ref()
    }

    /// The same by value.
    pub fn into_principal(self) -> Option<V::Principal> {
        self.0
    }
}

impl<V: Verify> fmt::Debug for Maybe<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Maybe({}, {})", V::SCHEME, if self.0.is_some() { "present" } else { "absent" })
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
    V: Verify + FromRef<St>,
    S: Scopes,
{
    type Rejection = Denied;

    async fn from_request_parts(parts: &mut Parts, state: &St) -> Result<Self, Denied> {
        match authenticate::<V, S>(parts, &V::from_ref(state)).await? {
            Some(principal) => Ok(Self { principal, scopes: PhantomData }),
            None => Err(Denied::missing(V::Credential::CHALLENGE)),
        }
    }
}

impl<St, V> FromRequestParts<St> for Maybe<V>
where
    St: Send + Sync,
    V: Verify + FromRef<St>,
{
    type Rejection = Denied;

    async fn from_request_parts(parts: &mut Parts, state: &St) -> Result<Self, Denied> {
        authenticate::<V, ()>(parts, &V::from_ref(state)).await.map(Self)
    }
}

/// The verified principal; `None` only if the request presents nothing at all.
async fn authenticate<V: Verify, S: Scopes>(
    parts: &Parts,
    verifier: &V,
) -> Result<Option<V::Principal>, Denied> {
    let challenge = V::Credential::CHALLENGE;
    let credential = match V::Credential::read(parts) {
        Presented::Absent => return Ok(None),
        Presented::OtherScheme => return Err(Denied::missing(challenge)),
        Presented::Malformed => return Err(Denied::invalid(challenge)),
        Presented::Ambiguous => return Err(Denied::ambiguous(challenge)),
        Presented::Present(credential) => credential,
    };
    match verifier.verify(&credential).await {
        Ok(Verdict::Accepted(principal, granted)) if granted.contains_all(S::ALL) => Ok(Some(principal)),
        Ok(Verdict::Accepted(..)) => Err(Denied::scope(challenge, S::ALL)),
        Ok(Verdict::Refused) => Err(Denied::invalid(challenge)),
        Err(cause) => {
            tracing::error!(scheme = V::SCHEME, %cause, "a credential could not be verified");
            Err(Denied::unavailable(challenge))
        }
    }
}

impl Access for Public {
    fn describe_access(operation: &mut Operation<'_>) {
        operation.set("security", json!([]));
    }
}

impl<V: Verify, S: Scopes> Access for Guard<V, S> {
    fn describe_access(operation: &mut Operation<'_>) {
        describe_scheme::<V, S>(operation);
        operation.set("security", json!([requirement::<V, S>()]));
    }
}

impl<V: Verify> Access for Maybe<V> {
    fn describe_access(operation: &mut Operation<'_>) {
        describe_scheme::<V, ()>(operation);
        operation.set("security", json!([requirement::<V, ()>(), {}]));
    }
}

fn requirement<V: Verify, S: Scopes>() -> Value {
    let scopes: Vec<_> = S::ALL.iter().map(|scope| scope.name).collect();
    json!({ V::SCHEME: scopes })
}

fn describe_scheme<V: Verify, S: Scopes>(operation: &mut Operation<'_>) {
    operation.security_scheme(V::SCHEME, &V::scheme().0, S::ALL);
    operation.problem(StatusCode::BAD_REQUEST, "More than one credential was sent");
    operation.problem(StatusCode::UNAUTHORIZED, "No credential, or one that is invalid, expired or revoked");
    operation.response_header(
        StatusCode::UNAUTHORIZED,
        "WWW-Authenticate",
        "The scheme, and `error=\"invalid_token\"` if a credential was sent (RFC 6750 §3)",
    );
    if !S::ALL.is_empty() {
        operation.problem(StatusCode::FORBIDDEN, "The credential lacks a scope that is needed");
        operation.response_header(
            StatusCode::FORBIDDEN,
            "WWW-Authenticate",
            "`error=\"insufficient_scope\"` and the scopes needed (RFC 6750 §3.1)",
        );
    }
    operation.problem(StatusCode::SERVICE_UNAVAILABLE, "Not available at the moment");
}

mod sealed {
    use super::{Guard, Maybe, Public, Scopes, Verify};

    /// Only this crate says what an access is.
    pub trait Sealed {}
    impl Sealed for Public {}
    impl<V: Verify, S: Scopes> Sealed for Guard<V, S> {}
    impl<V: Verify> Sealed for Maybe<V> {}
}
