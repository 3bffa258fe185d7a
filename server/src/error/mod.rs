//! The one error type of the server, and the response that it becomes.
//!
//! The client learns what to do about it; the cause goes to the log with the request's ID. A handler's type lists the
//! statuses that it can respond with: `Result<Json<Profile>, Failed<(NotFound,)>>`.

mod facts;
mod failed;
mod log_in;

use std::{fmt, time::Duration};

use axum::response::{IntoResponse, Response};
use http::{
    HeaderValue, StatusCode,
    header::{CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE},
};
use portcullis::{InvalidInput, Json, Problem};
use serde::Serialize;

pub use self::{failed::*, log_in::*};
use crate::{
    groups::{GroupRole, Refusal},
    invalid::Invalid,
    passwords::HashError,
    pool::NotDone,
    secret::SecretText,
};

/// Everything that can go wrong while a request is handled.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// It does not exist, or it belongs to somebody else. The response does not reveal which.
    NotFound,
    /// An account with this email address already exists.
    EmailTaken,
    /// The input is well-formed but not acceptable.
    Invalid(Invalid),
    /// The upload is not a picture in a supported format.
    UnsupportedPicture(ForeignPicture),
    /// Too many attempts; the next one is allowed after this time.
    Throttled(Duration),
    /// The queue of the workers is full.
    Busy,
    /// The login failed. An unknown account, a wrong password and a disabled account look the same.
    WrongCredentials,
    /// The login request names an OAuth client, but only first-party logins are accepted.
    UnexpectedClient,
    /// A requested scope does not exist.
    UnknownScope,
    /// The first factor of a login was correct, and a second one is required.
    FactorAsked(FactorAsked),
    /// The code of a second factor was wrong or already used.
    WrongCode,
    /// A login that waited for its second factor has expired or was ended.
    DeadLogin,
    /// The account already has a second factor.
    FactorThere,
    /// The operator requires a second factor.
    FactorRequired,
    /// A passkey was rejected at a login, for whatever reason.
    PasskeyRejected,
    /// Browsers do not create passkeys for an IP address.
    PasskeysOff,
    /// The passkey is already registered, with this account or another one.
    PasskeyTaken,
    /// The account has the maximum number of passkeys.
    TooManyPasskeys,
    /// Without this login method, nobody could log in to the account.
    LastWayIn,
    /// The account has the maximum number of API keys.
    TooManyKeys,
    /// The API key has a successor.
    KeyReplaced,
    /// The address must be confirmed before the login.
    EmailUnverified,
    /// The session was ended since the guard saw it, or its role was taken away.
    SessionEnded,
    /// The login is older than this action allows (RFC 9470).
    StaleLogIn(Duration),
    /// The current password, required again for this action, was wrong.
    WrongPassword,
    /// An emailed link or code was used, has expired, or never existed.
    DeadLink,
    /// Sign-up is closed.
    SignUpClosed,
    /// This login method is turned off.
    LogInOff,
    /// The account has the maximum number of linked identities.
    TooManyIdentities,
    /// No administrator would be left.
    LastAdmin,
    /// The caller is a member of the organisation, but the role does not allow this.
    RoleRequired(GroupRole),
    /// An invitation was sent to another address than the account's.
    AnotherAddress,
    /// The organisation cannot be changed in this way.
    Refused(Refusal),
    /// The cursor was not issued for this list.
    BadCursor,
    /// The database failed or did not respond.
    Database(crate::db::Error),
    /// The database is unreachable, or its tables do not match this program.
    NotReady,
    /// The object store failed or did not respond.
    Objects(object_store::Error),
    /// The pictures use all of their space (setting `picture_storage`).
    NoRoom,
    /// A bug or a broken invariant; the text is for the operator.
    Internal(String),
}

/// A login that waits for its second factor.
#[derive(Debug)]
pub struct FactorAsked {
    /// The token with which the second factor is presented. It is valid for nothing else.
    pub(crate) token: SecretText,
    /// Whether the account has no second factor and must enrol one first.
    pub(crate) must_enrol: bool,
    /// The possible factors: `app` for a code of the authenticator app or a recovery code, and `passkey`.
    pub(crate) methods: Vec<&'static str>,
}

/// The format of an unsupported picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ForeignPicture {
    /// The format that iPhones save.
    Heic,
    /// Another format that phones save.
    Avif,
    /// A GIF.
    Gif,
    /// Anything else.
    Other,
}

impl Error {
    fn challenge(&self) -> HeaderValue {
        match self {
            // RFC 6750 §3.1, worded like the guard's challenge.
            Self::SessionEnded => HeaderValue::from_static(
                r#"Bearer error="invalid_token", error_description="The token is invalid, expired or revoked""#,
            ),
            // RFC 9470 §3.
            Self::StaleLogIn(max_age) => HeaderValue::try_from(format!(
                "Bearer error=\"insufficient_user_authentication\", error_description=\"{}\", max_age=\"{}\"",
                self.facts().detail,
                max_age.as_secs()
            ))
            .unwrap_or(HeaderValue::from_static("Bearer")),
            _ => HeaderValue::from_static("Bearer"),
        }
    }

    pub(crate) fn log(&self) {
        match self {
            Self::Database(cause) => tracing::error!(%cause, "the database did not respond"),
            Self::Objects(cause) => tracing::error!(%cause, "the object store did not respond"),
            Self::Internal(cause) => tracing::error!(%cause, "internal error"),
            Self::NoRoom => tracing::error!(
                "the pictures fill `picture_storage`, so an upload was rejected. Raise the setting if the disk has room"
            ),
            Self::Busy => tracing::warn!("the work queue is full; the request was rejected"),
            _ => {}
        }
    }

    fn respond(&self, body: &impl Serialize) -> Response {
        self.log();
        let mut response = (self.status(), Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let wait = match self {
            Self::Throttled(wait) => wait.as_secs().max(1),
            _ => 1,
        };
        match self.status() {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(RETRY_AFTER, HeaderValue::from(wait));
            }
            // Never a Basic challenge, for which a browser would open its own dialog.
            StatusCode::UNAUTHORIZED => {
                headers.insert(WWW_AUTHENTICATE, self.challenge());
            }
            _ => {}
        }
        response
    }
}

/// For the operator: the cause, where there is one.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(cause) => write!(f, "database: {cause}"),
            Self::Objects(cause) => write!(f, "object store: {cause}"),
            Self::Internal(cause) => f.write_str(cause),
            error => f.write_str(error.facts().detail),
        }
    }
}

impl std::error::Error for Error {}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        match self {
            Self::Invalid(invalid) => InvalidInput::from(invalid).into_response(),
            error => error.respond(&Problem { detail: error.facts().detail.to_owned() }),
        }
    }
}

impl From<Invalid> for Error {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(invalid)
    }
}

impl From<crate::db::Error> for Error {
    fn from(cause: crate::db::Error) -> Self {
        Self::Database(cause)
    }
}

impl From<object_store::Error> for Error {
    fn from(cause: object_store::Error) -> Self {
        Self::Objects(cause)
    }
}

impl From<HashError> for Error {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Busy => Self::Busy,
            HashError::Unusable(_) | HashError::Failed(_) => Self::Internal(error.to_string()),
        }
    }
}

impl From<NotDone> for Error {
    fn from(error: NotDone) -> Self {
        match error {
            NotDone::Busy => Self::Busy,
            NotDone::Panicked => Self::Internal(error.to_string()),
        }
    }
}
