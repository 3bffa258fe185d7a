//! Access tokens with claims of the application's own type.

use std::{fmt, marker::PhantomData, sync::Arc};

use axum::extract::FromRef;
use serde::de::DeserializeOwned;

use super::{AccessToken, AccessTokens, refusal::Refusal};
use crate::{
    credential::{Bearer, SecurityScheme},
    verify::{Verdict, Verify, VerifyFailed},
};

/// An [`AccessTokens`] whose tokens must also carry claims of the type `C`; a token that does not is rejected with
/// 401.
///
/// ```
/// use portcullis::{AccessTokens, Guard, tokens::TypedTokens};
///
/// #[derive(serde::Deserialize)]
/// struct Staff { tenant: String, #[serde(default)] roles: Vec<String> }
///
/// async fn tenant(guard: Guard<TypedTokens<Staff>>) -> String {
///     guard.principal().claims().tenant.clone()
/// }
///
/// # let jwks = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","kid":"1","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
/// let tokens = AccessTokens::issued_by("https://accounts.example").audience("shop").keys(jwks)?.build()?;
/// let app: axum::Router =
///     axum::Router::new().route("/tenant", axum::routing::get(tenant)).with_state(tokens.typed::<Staff>());
/// # Ok::<(), portcullis::tokens::KeyError>(())
/// ```
pub struct TypedTokens<C> {
    tokens: AccessTokens,
    claims: PhantomData<fn() -> C>,
}

/// A verified access token, and its claims as the application's type.
#[derive(Debug)]
pub struct TypedToken<C> {
    token: AccessToken,
    claims: C,
}

impl AccessTokens {
    /// The same verifier, for handlers that want the claims as a `C`.
    #[must_use]
    pub fn typed<C>(&self) -> TypedTokens<C> {
        TypedTokens { tokens: self.clone(), claims: PhantomData }
    }
}

impl<C> TypedTokens<C> {
    /// The verifier without the typed claims.
    pub(crate) fn tokens(&self) -> &AccessTokens {
        &self.tokens
    }
}

impl<C> TypedToken<C> {
    /// The token.
    #[must_use]
    pub fn token(&self) -> &AccessToken {
        &self.token
    }

    /// The claims.
    #[must_use]
    pub fn claims(&self) -> &C {
        &self.claims
    }

    /// The claims by value.
    #[must_use]
    pub fn into_claims(self) -> C {
        self.claims
    }
}

/// For a state behind an `Arc`.
impl<C, S> FromRef<Arc<S>> for TypedTokens<C>
where
    Self: FromRef<S>,
{
    fn from_ref(state: &Arc<S>) -> Self {
        Self::from_ref(&**state)
    }
}

impl<C: DeserializeOwned + Send + Sync + 'static> Verify for TypedTokens<C> {
    type Credential = Bearer;
    type Principal = TypedToken<C>;
    const SCHEME: &'static str = AccessTokens::SCHEME;

    fn scheme() -> SecurityScheme {
        AccessTokens::scheme()
    }

    async fn verify(&self, bearer: &Bearer) -> Result<Verdict<TypedToken<C>>, VerifyFailed> {
        let Verdict::Accepted(token, granted) = self.tokens.verify(bearer).await? else {
            return Ok(Verdict::Refused);
        };
        // The reason is not logged: serde's message quotes the claims.
        let Ok(claims) = token.claims() else {
            Refusal::Shape.log();
            return Ok(Verdict::Refused);
        };
        Ok(Verdict::Accepted(TypedToken { token, claims }, granted))
    }
}

impl<C> Clone for TypedTokens<C> {
    fn clone(&self) -> Self {
        self.tokens.typed()
    }
}

impl<C> fmt::Debug for TypedTokens<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TypedTokens").field(&self.tokens).finish()
    }
}
