//! How a request identifies its sender: by an access token, or by the cookie of a browser session.

use axum::extract::FromRequestParts;
use http::{StatusCode, request::Parts};
use portcullis::{
    Either, Guard,
    describe::{Describe, Operation},
    guard::{Denied, Scopes},
};

use crate::{access::Principal, app::App, sessions::SessionCookies, tokens::SessionTokens};

/// An access token, or the cookie of a browser session: the same session over either transport.
pub type Caller = Either<SessionTokens, SessionCookies>;

/// The principal that the guard accepted, over either transport.
pub(crate) fn caller<S: Scopes>(guard: &Guard<Caller, S>) -> Principal {
    match guard.principal() {
        Either::Left(principal) | Either::Right(principal) => *principal,
    }
}

/// The optional user of a page that is also open to strangers. An invalid cookie counts as none; otherwise nobody could
/// log in after their session has ended.
#[derive(Debug)]
pub(crate) struct Visitor(pub(crate) Option<Principal>);

/// It is optional for every request, so there is nothing to document.
impl Describe for Visitor {
    fn describe(_: &mut Operation<'_>) {}
}

impl FromRequestParts<App> for Visitor {
    type Rejection = Denied;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Denied> {
        match Guard::<SessionCookies>::from_request_parts(parts, app).await {
            Ok(guard) => Ok(Self(Some(guard.into_principal()))),
            Err(denied) if denied.status() == StatusCode::UNAUTHORIZED => Ok(Self(None)),
            Err(denied) => Err(denied),
        }
    }
}
