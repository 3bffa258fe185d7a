//! How a request says who it comes from: by an access token, or by the cookie of a browser's session.

use axum::extract::FromRequestParts;
use http::{StatusCode, request::Parts};
use portcullis::{
    Either, Guard,
    describe::{Describe, Operation},
    guard::{Denied, Scopes},
};

use crate::{access::Principal, app::App, sessions::SessionCookies, tokens::SessionTokens};

/// An access token, or the cookie of a browser's session. One session, two transports.
pub type Caller = Either<SessionTokens, SessionCookies>;

/// Who the guard let through, whichever transport they used.
pub(crate) fn caller<S: Scopes>(guard: &Guard<Caller, S>) -> Principal {
    match guard.principal() {
        Either::Left(principal) | Either::Right(principal) => *principal,
    }
}

/// Who is looking at a page that is for strangers too. An invalid cookie counts as none, or nobody whose session has
/// ended could log in.
#[derive(Debug)]
pub(crate) struct Visitor(pub(crate) Option<Principal>);

/// Nobody has to bring it, so there is nothing to document.
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
