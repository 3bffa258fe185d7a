//! The application's half of a guard: deciding whether a credential is valid.

use std::{error::Error, fmt, future::Future, time::Duration};

use crate::{
    credential::{Credential, SecurityScheme},
    scope::Granted,
};

/// Decides whether a credential is valid, and whose it is.
///
/// The router's state holds the verifier, and [`FromRef`](axum::extract::FromRef) finds it there. A router without it
/// does not compile.
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
    /// The credential that the caller presents.
    type Credential: Credential;
    /// Whom a valid credential belongs to; handed to the handler.
    type Principal: Send + Sync + 'static;
    /// The scheme's name in the document's `securitySchemes`. Verifiers with the same name appear as one scheme, and
    /// so do two that take the same tokens. [`Api::finish`](crate::Api::finish) returns an error if they are
    /// described differently or read the credential from different places. It cannot compare what they accept, so
    /// give different credentials different names.
    const SCHEME: &'static str;
    /// The realm in `WWW-Authenticate`: the part of the application that the credential opens, for a person to read
    /// (RFC 9110 §11.5). Printable ASCII without `"` and `\`. [`Basic`](crate::Basic) requires one and defaults to
    /// the scheme's name.
    const REALM: Option<&'static str> = None;

    /// Whether [`verify`](Self::verify) can return [`Verdict::Limited`]. The document then announces the 429.
    const LIMITED: bool = false;

    /// How the document describes the scheme. Defaults to the credential's own description.
    #[must_use]
    fn scheme() -> SecurityScheme {
        <Self::Credential as Credential>::scheme()
    }

    /// Verifies one credential.
    ///
    /// # Errors
    /// [`VerifyFailed`] if no verdict can be reached, for example because a database or issuer is unreachable. The
    /// caller gets 503: neither a rejection nor anonymous access would be correct.
    fn verify(
        &self,
        credential: &Self::Credential,
    ) -> impl Future<Output = Result<Verdict<Self::Principal>, VerifyFailed>> + Send;
}

/// The result of verifying a credential.
#[derive(Debug)]
#[must_use = "a verdict that is not looked at protects nothing"]
pub enum Verdict<P> {
    /// The credential is valid. Carries its owner and its scopes.
    Accepted(P, Granted),
    /// The credential is invalid. The caller does not learn why; log it if you need to.
    Refused,
    /// The credential is valid, but not for this request: 403. A verifier sees the request only if its credential is
    /// a [`With`](crate::credential::With). From any other verifier this counts as `Refused`: use scopes to limit
    /// what a credential may do.
    Forbidden,
    /// The credential is valid, but was used too often: 429 with `Retry-After`. Set [`Verify::LIMITED`], or this counts
    /// as `Refused`.
    Limited(Duration),
}

/// No verdict could be reached. The cause is logged and never sent to the caller. Each type of verifier logs once a
/// minute at level `error`, with the number of failures in between as `suppressed`; those are logged at level `debug`.
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
