//! The application's half of a guard: deciding whether a credential is good.

use std::{error::Error, fmt, future::Future};

use crate::{
    credential::{Credential, SecurityScheme},
    scope::Granted,
};

/// Decides whether a credential is good, and whose it is.
///
/// The verifier lives in the router's state and is found there by [`FromRef`](axum::extract::FromRef), so
/// a router without it does not compile.
///
/// ```
/// use portcullis::{Bearer, Granted, Verdict, Verify, VerifyFailed};
///
/// #[derive(Clone)]
/// struct StaticToken { digest: [u8; 32] }
///
/// struct Robot;
///
/// impl Verify for StaticToken {
///     type Credential = Bearer;
///     type Principal = Robot;
///     const SCHEME: &'static str = "robot";
///
///     async fn verify(&self, bearer: &Bearer) -> Result<Verdict<Robot>, VerifyFailed> {
///         # fn sha256(_: &[u8]) -> [u8; 32] { [0; 32] }
///         # fn equal_in_constant_time(a: &[u8], b: &[u8]) -> bool { a == b }
///         let good = equal_in_constant_time(&sha256(bearer.token().as_bytes()), &self.digest);
///         Ok(if good { Verdict::Accepted(Robot, Granted::none()) } else { Verdict::Refused })
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not verify credentials",
    note = "implement `portcullis::Verify` for it, or use `portcullis::AccessTokens`"
)]
pub trait Verify: Clone + Send + Sync + 'static {
    /// What the caller presents.
    type Credential: Credential;
    /// Whom a good credential stands for; handed to the handler.
    type Principal: Send + Sync + 'static;
    /// The scheme's name in the document's `securitySchemes`. Verifiers of one name are one scheme to whoever reads it, as
    /// are two that take the same tokens: [`Api::finish`](crate::Api::finish) refuses those that are described differently
    /// or look for the credential elsewhere. What else they accept is not compared: different credentials have different
    /// names.
    const SCHEME: &'static str;
    /// What `WWW-Authenticate` calls the part of the application that the credential opens, for a person to read
    /// (RFC 9110 §11.5): printable ASCII without `"` and `\`. [`Basic`](crate::Basic) needs one and takes the scheme's
    /// name if there is none.
    const REALM: Option<&'static str> = None;

    /// How the document describes the scheme. The default is the credential's own description.
    #[must_use]
    fn scheme() -> SecurityScheme {
        <Self::Credential as Credential>::scheme()
    }

    /// Verifies one credential.
    ///
    /// # Errors
    /// [`VerifyFailed`] when no verdict can be reached: a database or issuer out of reach. The caller is
    /// answered 503; neither a refusal nor an anonymous pass would be true.
    fn verify(
        &self,
        credential: &Self::Credential,
    ) -> impl Future<Output = Result<Verdict<Self::Principal>, VerifyFailed>> + Send;
}

/// What a verifier found.
#[derive(Debug)]
#[must_use = "a verdict that is not looked at protects nothing"]
pub enum Verdict<P> {
    /// The credential is good: whose it is, and the scopes it carries.
    Accepted(P, Granted),
    /// The credential is no good. Why is nobody's business but the log's.
    Refused,
    /// The credential is good, and not for this request: 403. A verifier sees the request if its credential is a
    /// [`With`](crate::credential::With). From any other, this is `Refused`: what a credential may do is a matter of its
    /// scopes.
    Forbidden,
}

/// No verdict could be reached. The cause goes to the log, never to the caller: once a minute for each type of verifier at
/// level `error`, with the number `untold` of those between, which are at level `debug`.
#[derive(Debug)]
pub struct VerifyFailed(Box<dyn Error + Send + Sync>);

impl<E: Into<Box<dyn Error + Send + Sync>>> From<E> for VerifyFailed {
    fn from(cause: E) -> Self {
        Self(cause.into())
    }
}

impl fmt::Display for VerifyFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
