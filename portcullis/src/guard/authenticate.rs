//! How a guard finds out who is calling: with one verifier, or with either of two.

use std::{any::TypeId, future::Future, panic::AssertUnwindSafe, time::Instant};

use axum::extract::FromRef;
use futures_util::FutureExt as _;
use http::request::Parts;

use self::sealed::Asked as _;
use super::failures::FAILURES;
use crate::{
    credential::{Challenge, Place, Presented, WantedBody, in_query, sealed::Read as _},
    denied::Denied,
    describe::Operation,
    scope::Granted,
    verify::{Verdict, Verify},
};

/// What a guard verifies with: a [`Verify`], or [`Either`] of two.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not verify credentials",
    note = "implement `portcullis::Verify` for it, or use `portcullis::AccessTokens`"
)]
pub trait Authenticate: sealed::Asked + Send + Sync + 'static {
    /// The principal that a valid credential stands for.
    type Principal: Send + Sync + 'static;
}

/// An [`Authenticate`] whose verifiers are in the state `St`.
pub trait AuthenticateIn<St>: Authenticate {
    /// The verified principal and its scopes. `None` only if the request presents nothing at all.
    #[doc(hidden)]
    fn authenticate(
        presented: Self::Presented,
        state: &St,
    ) -> impl Future<Output = Result<Option<(Self::Principal, Granted)>, Denied>> + Send;
}

/// One or the other.
///
/// In a guard, `Guard<Either<A, B>>`, the credential that is present decides. An invalid one is rejected, and the other
/// verifier is not tried instead. Both kinds at once are rejected with 400. Only a cookie does not count next to an
/// `Authorization` header, which decides alone. If both take the same kind (bearer tokens of two issuers, each with a
/// verifier type of its own), `A` is tried first, then `B`. The first that accepts the token decides: if it lacks a
/// scope under `A`, the response is 403, even if `B` would grant the scope for the same token. The principal is an
/// `Either`, too:
///
/// ```
/// use portcullis::{AccessTokens, Bearer, Either, Guard, Json, Verify};
///
/// async fn read<Robots>(guard: Guard<Either<AccessTokens, Robots>>) -> Json<String>
/// where
///     Robots: Verify<Principal = u32>,
/// {
///     Json(match guard.principal() {
///         Either::Left(token) => token.subject().to_owned(),
///         Either::Right(robot) => format!("robot {robot}"),
///     })
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Either<A, B> {
    /// The first.
    Left(A),
    /// The second.
    Right(B),
}

/// For two sides of one type, as with two verifiers for the same accounts, where it does not matter which one it was.
///
/// ```
/// use portcullis::{Either, Guard, Json, Verify};
///
/// async fn whoami<Tokens, Cookies>(guard: Guard<Either<Tokens, Cookies>>) -> Json<u64>
/// where
///     Tokens: Verify<Principal = u64>,
///     Cookies: Verify<Principal = u64>,
/// {
///     Json(*guard.principal().inner())
/// }
/// assert_eq!(Either::<_, u64>::Left(7).into_inner(), 7);
/// ```
impl<T> Either<T, T> {
    /// The inner value, whichever side it is.
    pub fn inner(&self) -> &T {
        let (Self::Left(inner) | Self::Right(inner)) = self;
        inner
    }

    /// The inner value, by value.
    pub fn into_inner(self) -> T {
        let (Self::Left(inner) | Self::Right(inner)) = self;
        inner
    }
}

impl<V: Verify> Authenticate for V {
    type Principal = V::Principal;
}

impl<A: Authenticate, B: Authenticate> Authenticate for Either<A, B> {
    type Principal = Either<A::Principal, B::Principal>;
}

impl<St: Sync, V: Verify + FromRef<St>> AuthenticateIn<St> for V {
    async fn authenticate(
        presented: Presented<V::Credential>,
        state: &St,
    ) -> Result<Option<(V::Principal, Granted)>, Denied> {
        verified(presented, || V::from_ref(state), V::challenges).await
    }
}

/// Verifies what is presented; `None` if nothing is. `challenges` are those of the guard.
pub(crate) async fn verified<V: Verify>(
    presented: Presented<V::Credential>,
    verifier: impl FnOnce() -> V,
    challenges: fn() -> Vec<Challenge>,
) -> Result<Option<(V::Principal, Granted)>, Denied> {
    let verdict = match presented {
        Presented::Absent => return Ok(None),
        Presented::OtherScheme => return Err(Denied::missing(challenges())),
        Presented::Malformed => return Err(Denied::invalid(challenges())),
        Presented::Ambiguous => return Err(Denied::ambiguous(challenges())),
        Presented::CrossSite => return Err(Denied::cross_site()),
        Presented::Fault(fault) => Err(fault.into()),
        Presented::Present(credential) => {
            let verifier = verifier();
            // A panic on one credential is not a verdict, and must not close a connection that other requests share.
            // Anything the verifier left half done is its own: the request goes no further.
            let verdict = AssertUnwindSafe(async { verifier.verify(&credential).await }).catch_unwind().await;
            verdict.unwrap_or_else(|_| Err("the verifier panicked".into()))
        }
    };
    match verdict {
        Ok(Verdict::Accepted(principal, granted)) => Ok(Some((principal, granted))),
        Ok(Verdict::Forbidden) if V::Credential::SEES_REQUEST => Err(Denied::forbidden()),
        Ok(Verdict::Limited(wait)) if V::LIMITED => Err(Denied::limited(wait)),
        Ok(Verdict::Refused | Verdict::Forbidden | Verdict::Limited(_)) => Err(Denied::invalid(challenges())),
        Err(cause) => {
            let scheme = V::SCHEME;
            if let Some(suppressed) = FAILURES.tell(TypeId::of::<V>(), Instant::now()) {
                tracing::error!(scheme, %cause, suppressed, "a credential could not be verified");
            } else {
                tracing::debug!(scheme, %cause, "a credential could not be verified");
            }
            Err(Denied::unavailable())
        }
    }
}

impl<St: Sync, A: AuthenticateIn<St>, B: AuthenticateIn<St>> AuthenticateIn<St> for Either<A, B> {
    async fn authenticate(
        (a, b): Self::Presented,
        state: &St,
    ) -> Result<Option<(Self::Principal, Granted)>, Denied> {
        use sealed::Presence::{Absent, One, OtherScheme, Several};

        let (of_a, of_b) = (A::presence(&a), B::presence(&b));
        match (of_a.and(of_b), of_a, of_b) {
            (Several, ..) => Err(Denied::ambiguous(Self::challenges())),
            (Absent, ..) => Ok(None),
            (OtherScheme, ..) => Err(Denied::missing(Self::challenges())),
            (One(_), One(_), One(_)) => match A::authenticate(a, state).await {
                Ok(known) => Ok(left(known)),
                // The token is A's, but the login behind it does not suffice, or it was used too often.
                Err(first) if first.is_step_up() || first.is_limited() => Err(first),
                Err(first) => match B::authenticate(b, state).await {
                    Ok(known) => Ok(right(known)),
                    // B's rejection does not count while A is unavailable.
                    Err(_) if first.is_unavailable() => Err(first),
                    Err(second) => Err(second.in_the_name_of(Self::challenges())),
                },
            },
            (One(_), One(_), _) => A::authenticate(a, state).await.map(left),
            (One(_), ..) => B::authenticate(b, state).await.map(right),
        }
    }
}

fn left<A, B>(known: Option<(A, Granted)>) -> Option<(Either<A, B>, Granted)> {
    known.map(|(principal, granted)| (Either::Left(principal), granted))
}

fn right<A, B>(known: Option<(B, Granted)>) -> Option<(Either<A, B>, Granted)> {
    known.map(|(principal, granted)| (Either::Right(principal), granted))
}

impl<V: Verify> sealed::Asked for V {
    type Presented = Presented<V::Credential>;

    fn asked() -> Vec<Asked> {
        vec![Asked { scheme: V::SCHEME, verifier: TypeId::of::<V>(), place: V::Credential::PLACE }]
    }

    fn challenges() -> Vec<Challenge> {
        vec![Challenge::of::<V>()]
    }

    fn read(parts: &Parts) -> Presented<V::Credential> {
        V::Credential::read(parts)
    }

    fn presence(presented: &Presented<V::Credential>) -> sealed::Presence {
        presented.presence(V::Credential::PLACE)
    }

    fn body() -> Option<WantedBody> {
        V::Credential::body()
    }

    fn sees_request() -> bool {
        V::Credential::SEES_REQUEST
    }

    fn is_limited() -> bool {
        V::LIMITED
    }

    fn note_keys_in_query(parts: &mut Parts) {
        if let Place::Query(name) = V::Credential::PLACE {
            in_query::note(parts, name);
        }
    }

    fn describe_schemes(operation: &mut Operation<'_>) {
        operation.security_scheme::<V>();
        V::Credential::describe(operation);
    }
}

impl<A: Authenticate, B: Authenticate> sealed::Asked for Either<A, B> {
    type Presented = (A::Presented, B::Presented);

    fn asked() -> Vec<Asked> {
        [A::asked(), B::asked()].concat()
    }

    fn challenges() -> Vec<Challenge> {
        let mut challenges = A::challenges();
        // Two verifiers of one scheme have a single challenge.
        let new = |challenge: &Challenge| {
            A::challenges().iter().all(|known| known.text(None) != challenge.text(None))
        };
        challenges.extend(B::challenges().into_iter().filter(new));
        challenges
    }

    fn read(parts: &Parts) -> Self::Presented {
        (A::read(parts), B::read(parts))
    }

    fn presence((a, b): &Self::Presented) -> sealed::Presence {
        A::presence(a).and(B::presence(b))
    }

    fn note_keys_in_query(parts: &mut Parts) {
        A::note_keys_in_query(parts);
        B::note_keys_in_query(parts);
    }

    fn describe_schemes(operation: &mut Operation<'_>) {
        A::describe_schemes(operation);
        B::describe_schemes(operation);
    }

    fn describe_step_up(operation: &mut Operation<'_>) {
        A::describe_step_up(operation);
        B::describe_step_up(operation);
    }

    fn body() -> Option<WantedBody> {
        WantedBody::both(A::body(), B::body())
    }

    fn sees_request() -> bool {
        A::sees_request() || B::sees_request()
    }

    fn is_limited() -> bool {
        A::is_limited() || B::is_limited()
    }
}

/// One verifier of a guard.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// Its name in `securitySchemes`.
    pub(crate) scheme: &'static str,
    verifier: TypeId,
    pub(crate) place: Place,
}

impl Asked {
    pub(crate) fn new(scheme: &'static str, verifier: TypeId, place: Place) -> Self {
        Self { scheme, verifier, place }
    }

    /// Whether both are one verifier.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.verifier == other.verifier
    }
}

pub(crate) mod sealed {
    use super::{Challenge, Operation, Parts, Place, WantedBody};

    /// What this crate needs to know about what a guard verifies with.
    pub trait Asked {
        /// What a request presents to it, read once but not verified yet.
        type Presented: Send;
        /// Its verifiers.
        fn asked() -> Vec<super::Asked>;
        /// The challenges for a caller without a credential.
        fn challenges() -> Vec<Challenge>;
        /// Reads what the request presents to it.
        fn read(parts: &Parts) -> Self::Presented;
        /// Summarizes what was read.
        fn presence(presented: &Self::Presented) -> Presence;
        /// Notes which query parameters it reads, which are then not input of the handler.
        fn note_keys_in_query(parts: &mut Parts);
        /// Adds the schemes to the document.
        fn describe_schemes(operation: &mut Operation<'_>);
        /// Documents the login that is required besides the credential.
        fn describe_step_up(_: &mut Operation<'_>) {}
        /// The body that must be read before it can verify.
        fn body() -> Option<WantedBody> {
            None
        }
        /// Whether one of its verifiers may forbid a request although the credential is valid.
        fn sees_request() -> bool {
            false
        }
        /// Whether one of its verifiers may reject a credential because it was used too often.
        fn is_limited() -> bool {
            false
        }
    }

    /// What a request presents to one guard.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Presence {
        /// Nothing.
        Absent,
        /// An `Authorization` with a scheme that no verifier here reads.
        OtherScheme,
        /// A credential in this place, valid or not.
        One(Place),
        /// Credentials in more than one place.
        Several,
    }

    impl Presence {
        /// What is presented to two guards.
        pub(super) fn and(self, other: Self) -> Self {
            match (self, other) {
                (Self::One(a), Self::One(b)) if a != b => Self::Several,
                (Self::Several, _) | (_, Self::Several) => Self::Several,
                (Self::One(one), _) | (_, Self::One(one)) => Self::One(one),
                (Self::OtherScheme, _) | (_, Self::OtherScheme) => Self::OtherScheme,
                (Self::Absent, Self::Absent) => Self::Absent,
            }
        }
    }
}
