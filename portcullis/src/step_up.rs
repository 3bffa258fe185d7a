//! Actions that need a recent or a stronger login (RFC 9470).
//!
//! Use [`StepUp<V, L>`](StepUp) in place of the verifier `V`: in a [`Guard`](crate::Guard), a [`May`](crate::May), a
//! [`Seen`](crate::Seen) or an [`Either`](crate::Either). `V` may be a [`TokenIn`], too. It accepts what `V` accepts,
//! if the person behind the credential logged in as the level `L` demands. A valid credential whose login is too old or
//! too weak gets 401 with the challenge `insufficient_user_authentication`, which tells the client which login is
//! required.
//!
//! ```
//! use std::time::Duration;
//!
//! use portcullis::{
//!     AccessTokens, Api, Guard, NoContent,
//!     step_up::{Level, StepUp},
//! };
//!
//! struct Recent;
//! impl Level for Recent {
//!     const MAX_AGE: Option<Duration> = Some(Duration::from_mins(10));
//! }
//!
//! async fn delete_account(_: Guard<StepUp<AccessTokens, Recent>>) -> NoContent { NoContent }
//!
//! let api = Api::<AccessTokens>::new("Accounts", "1").delete("/account", delete_account);
//! let (_, document) = api.finish()?;
//! let entry = &document.value()["paths"]["/account"]["delete"];
//! assert_eq!(entry["x-portcullis-step-up"]["max_age"], 600);
//! # Ok::<(), portcullis::ApiError>(())
//! ```
//!
//! | the caller's token | response |
//! |---|---|
//! | login 5 minutes ago | the handler's |
//! | login an hour ago, or no `auth_time` | 401, `Bearer error="insufficient_user_authentication", …, max_age="600"` |
//!
//! The document lists the challenge in the header of the 401, and `x-portcullis-step-up` with the members
//! `acr_values` and `max_age` (seconds).

use std::{marker::PhantomData, time::Duration};

use axum::extract::FromRef;
use http::request::Parts;
use serde::Deserialize;
use serde_json::{Map, json};

#[cfg(feature = "discovery")]
use crate::issuer::{IntrospectedToken, Introspection};
use crate::{
    credential::{Bearer, Challenge, TokenIn, TokenPlace, WantedBody},
    denied::{Denied, Login as Demanded},
    describe::Operation,
    guard::{
        Asked, Authenticate, AuthenticateIn,
        authenticate::sealed::{self, Presence},
    },
    scope::Granted,
    tokens::{AccessToken, AccessTokens, TypedToken, TypedTokens},
    verify::Verify,
};

/// What an operation demands of the login behind a credential. Set at least one of the two; otherwise
/// [`Api::finish`](crate::Api::finish) returns an error.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a level of login",
    note = "implement `portcullis::step_up::Level` for it"
)]
pub trait Level: Send + Sync + 'static {
    /// The values of `acr` that are sufficient, the preferred one first, as your issuer names them. Empty accepts
    /// any.
    const ACR_VALUES: &'static [&'static str] = &[];
    /// The maximum age of the login, in whole seconds. `None` accepts any age.
    const MAX_AGE: Option<Duration> = None;
}

/// How and when the person behind a credential logged in. A value that is unknown meets no demand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Login {
    /// `acr`: the class of the login, as the issuer names it (OpenID Connect Core §2).
    pub acr: Option<String>,
    /// The time since `auth_time`.
    pub age: Option<Duration>,
}

/// A verifier that knows how and when its callers logged in. [`AccessTokens`], [`TypedTokens`] and `Introspection`
/// read it from `acr` and `auth_time` (RFC 9068 §2.2.1, RFC 9470 §6.2).
///
/// The verifier implements this, not the principal, because the verifier has the clock.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not know how and when its callers logged in",
    note = "implement `portcullis::step_up::KnowsLogin` for it"
)]
pub trait KnowsLogin: Verify {
    /// The login behind a principal that this verifier accepted.
    fn login(&self, principal: &Self::Principal) -> Login;
}

/// What [`StepUp`] can stand around: a verifier that [`KnowsLogin`], or a [`TokenIn`] of one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not know how and when its callers logged in",
    note = "implement `portcullis::step_up::KnowsLogin` for it"
)]
pub trait WithLogin: Authenticate<Principal = <Self::Verifier as Verify>::Principal> {
    /// The verifier that knows the login.
    type Verifier: KnowsLogin;
}

impl<V: KnowsLogin> WithLogin for V {
    type Verifier = V;
}

impl<P: TokenPlace, V: KnowsLogin<Credential = Bearer>> WithLogin for TokenIn<P, V> {
    type Verifier = V;
}

/// A verifier that accepts what `V` accepts, if the login behind it meets `L`. See the [module](self).
#[derive(Debug)]
pub struct StepUp<V: WithLogin, L: Level>(PhantomData<fn() -> (V, L)>);

/// Reads the claims of the token. An `auth_time` in the future, beyond the clock leeway, counts as unknown.
impl KnowsLogin for AccessTokens {
    fn login(&self, token: &AccessToken) -> Login {
        Claims::login(token.claims(), |auth_time| self.age(auth_time))
    }
}

/// Reads the issuer's response (RFC 9470 §6.2).
#[cfg(feature = "discovery")]
impl KnowsLogin for Introspection {
    fn login(&self, token: &IntrospectedToken) -> Login {
        Claims::login(token.claims(), |auth_time| self.age(auth_time))
    }
}

/// The claims about the login (RFC 9068 §2.2.1).
#[derive(Deserialize)]
struct Claims {
    acr: Option<String>,
    auth_time: Option<u64>,
}

impl Claims {
    /// If a claim has the wrong type, all count as unknown.
    fn login(read: Result<Self, serde_json::Error>, age: impl Fn(u64) -> Option<Duration>) -> Login {
        let Ok(Self { acr, auth_time }) = read else { return Login::default() };
        Login { acr, age: auth_time.and_then(age) }
    }
}

impl<C> KnowsLogin for TypedTokens<C>
where
    Self: Verify<Principal = TypedToken<C>>,
{
    fn login(&self, principal: &TypedToken<C>) -> Login {
        self.tokens().login(principal.token())
    }
}

impl<V: WithLogin, L: Level> Authenticate for StepUp<V, L> {
    type Principal = V::Principal;
}

impl<St: Sync, V, L: Level> AuthenticateIn<St> for StepUp<V, L>
where
    V: WithLogin<Verifier: FromRef<St>> + AuthenticateIn<St>,
{
    async fn authenticate(
        presented: Self::Presented,
        state: &St,
    ) -> Result<Option<(V::Principal, Granted)>, Denied> {
        let Some((principal, granted)) = V::authenticate(presented, state).await? else { return Ok(None) };
        if is_enough::<L>(&V::Verifier::from_ref(state).login(&principal)) {
            Ok(Some((principal, granted)))
        } else {
            Err(Denied::step_up(V::challenges(), demanded::<L>()))
        }
    }
}

impl<V: WithLogin, L: Level> sealed::Asked for StepUp<V, L> {
    type Presented = <V as sealed::Asked>::Presented;

    fn asked() -> Vec<Asked> {
        V::asked()
    }

    fn challenges() -> Vec<Challenge> {
        V::challenges()
    }

    fn read(parts: &Parts) -> Self::Presented {
        V::read(parts)
    }

    fn presence(presented: &Self::Presented) -> Presence {
        V::presence(presented)
    }

    fn note_keys_in_query(parts: &mut Parts) {
        V::note_keys_in_query(parts);
    }

    fn describe_schemes(operation: &mut Operation<'_>) {
        V::describe_schemes(operation);
    }

    fn body() -> Option<WantedBody> {
        <V as sealed::Asked>::body()
    }

    fn sees_request() -> bool {
        <V as sealed::Asked>::sees_request()
    }

    fn is_limited() -> bool {
        <V as sealed::Asked>::is_limited()
    }

    fn describe_step_up(operation: &mut Operation<'_>) {
        let fits = |acr: &&str| acr.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\');
        if L::ACR_VALUES.is_empty() && L::MAX_AGE.is_none() {
            operation.defect("its level of login requires nothing: set `ACR_VALUES` or `MAX_AGE`");
        }
        for acr in L::ACR_VALUES.iter().filter(|acr| acr.is_empty() || !fits(acr)) {
            operation.defect(&format!("`{acr}` is not a value of `acr`, which has no spaces, `\"` or `\\`"));
        }
        Denied::step_up(V::challenges(), demanded::<L>()).describe(operation, &[]);
        let members = [
            ("acr_values", (!L::ACR_VALUES.is_empty()).then(|| json!(L::ACR_VALUES))),
            ("max_age", L::MAX_AGE.map(|age| age.as_secs().into())),
        ];
        let members = members.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
        operation.add_extension("x-portcullis-step-up", members.collect::<Map<_, _>>().into());
    }
}

fn is_enough<L: Level>(login: &Login) -> bool {
    let is_strong =
        L::ACR_VALUES.is_empty() || login.acr.as_deref().is_some_and(|acr| L::ACR_VALUES.contains(&acr));
    let is_recent = L::MAX_AGE.is_none_or(|max_age| login.age.is_some_and(|age| age <= max_age));
    is_strong && is_recent
}

fn demanded<L: Level>() -> Demanded {
    Demanded { acr_values: L::ACR_VALUES, max_age: L::MAX_AGE }
}
