//! The one error of the server and the answer it becomes.
//!
//! A client learns what it can do about it; the cause goes to the log with the request's id. Which statuses
//! a handler can answer stands in its type: `Result<Json<Profile>, Failed<(NotFound,)>>`.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::{
    HeaderValue, StatusCode,
    header::{CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE},
};
use portcullis::{
    InvalidInput, Json, Problem,
    describe::{DescribeResponse, Operation, Refusal as _},
    failures,
};
use serde::Serialize;

use crate::{
    groups::{GroupRole, Refusal},
    invalid::Invalid,
    passwords::HashError,
    pool::NotDone,
    secret::SecretText,
};

/// Everything that can go wrong while a request is answered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It does not exist, or it is another's: nobody is told which.
    #[error("not found")]
    NotFound,
    /// An account with this email address already exists.
    #[error("the e-mail address is taken")]
    EmailTaken,
    /// The input is well-formed and not acceptable.
    #[error("invalid input")]
    Invalid(#[from] Invalid),
    /// The upload is no picture of a kind that is taken.
    #[error("unsupported media type")]
    UnsupportedPicture(ForeignPicture),
    /// Too many attempts; the next one counts after this time.
    #[error("too many attempts")]
    Throttled(Duration),
    /// The workers have as much to do as they may take on.
    #[error("busy")]
    Busy,
    /// The log-in failed; unknown, wrong and disabled look alike.
    #[error("wrong email address or password")]
    WrongCredentials,
    /// A client was named at the log-in, which is for the first party alone.
    #[error("a client was named")]
    UnexpectedClient,
    /// A scope was asked for that there is not.
    #[error("unknown scope")]
    UnknownScope,
    /// The first factor of a login was right, and a second one is asked for.
    #[error("a second factor is asked for")]
    FactorAsked(FactorAsked),
    /// A wrong or used code of a second factor.
    #[error("wrong code")]
    WrongCode,
    /// A login that waited for its second factor has expired or ended.
    #[error("the login has expired")]
    DeadLogin,
    /// The account already has a second factor.
    #[error("there is a second factor")]
    FactorThere,
    /// The operator requires a second factor.
    #[error("a second factor is required")]
    FactorRequired,
    /// A passkey that was not accepted at a login, for whatever reason.
    #[error("the passkey was not accepted")]
    PasskeyRejected,
    /// Browsers make no passkeys for an IP address.
    #[error("passkeys need a domain name")]
    PasskeysOff,
    /// The passkey is registered, here or with another account.
    #[error("the passkey is registered")]
    PasskeyTaken,
    /// The account has as many passkeys as it may.
    #[error("too many passkeys")]
    TooManyPasskeys,
    /// Without this one, nobody could log in to the account.
    #[error("the last way to log in")]
    LastWayIn,
    /// The account has as many API keys as it may have.
    #[error("there are 50 API keys")]
    TooManyKeys,
    /// The API key has a successor.
    #[error("the API key was replaced")]
    KeyReplaced,
    /// The address must be confirmed before the log-in.
    #[error("the e-mail address is not confirmed")]
    EmailUnverified,
    /// The session has ended since the guard saw it, or its role was taken away.
    #[error("the session has ended")]
    SessionEnded,
    /// The log-in is older than this act allows (RFC 9470).
    #[error("the log-in is not fresh")]
    StaleLogIn(Duration),
    /// The current password, asked for again, was not right.
    #[error("wrong current password")]
    WrongPassword,
    /// A mailed link or code that is used up, has ended, or never was.
    #[error("the link is not valid")]
    DeadLink,
    /// Sign-up is closed.
    #[error("sign-up is closed")]
    SignUpClosed,
    /// This way to log in is turned off.
    #[error("this log-in is turned off")]
    LogInOff,
    /// The account has as many linked identities as it may have.
    #[error("too many linked identities")]
    TooManyIdentities,
    /// No administrator would be left.
    #[error("the last administrator stays")]
    LastAdmin,
    /// The caller is a member of the organisation, with a role that may not do this.
    #[error("the role {} is required", .0.name())]
    RoleRequired(GroupRole),
    /// An invitation was sent to another address than the account's.
    #[error("another address was invited")]
    AnotherAddress,
    /// The organisation cannot be changed so.
    #[error("{}", .0.detail())]
    Refused(Refusal),
    /// A list is asked to go on after what it never gave.
    #[error("not a cursor of this list")]
    BadCursor,
    /// The database did not answer.
    #[error("database: {0}")]
    Database(#[from] crate::db::Error),
    /// The database is out of reach or its tables are not this program's.
    #[error("not ready")]
    NotReady,
    /// The object store did not answer.
    #[error("object store: {0}")]
    Objects(#[from] object_store::Error),
    /// The pictures take all the room that they may have (setting `picture_storage`).
    #[error("no room for another picture")]
    NoRoom,
    /// What must not happen; the words are for the operator.
    #[error("{0}")]
    Internal(String),
}

/// A login that waits for its second factor.
#[derive(Debug)]
pub struct FactorAsked {
    /// Brings the second factor, and nothing else.
    pub(crate) token: SecretText,
    /// The account has none, and has to enrol one first.
    pub(crate) must_enrol: bool,
    /// What it may be: `app` for a code of the authenticator app or a recovery code, and `passkey`.
    pub(crate) methods: Vec<&'static str>,
}

/// What an upload is instead of a picture that is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ForeignPicture {
    /// What iPhones save.
    Heic,
    /// Another one that phones save.
    Avif,
    /// A GIF.
    Gif,
    /// Anything else.
    Other,
}

impl Error {
    /// The status of the answer.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::EmailTaken
            | Self::LastAdmin
            | Self::FactorThere
            | Self::LastWayIn
            | Self::TooManyIdentities
            | Self::PasskeyTaken
            | Self::TooManyPasskeys
            | Self::TooManyKeys
            | Self::KeyReplaced
            | Self::Refused(_) => StatusCode::CONFLICT,
            Self::EmailUnverified
            | Self::WrongPassword
            | Self::SignUpClosed
            | Self::LogInOff
            | Self::PasskeysOff
            | Self::RoleRequired(_)
            | Self::AnotherAddress
            | Self::FactorRequired => StatusCode::FORBIDDEN,
            Self::DeadLink => StatusCode::GONE,
            Self::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::UnsupportedPicture(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Throttled(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::WrongCredentials
            | Self::UnexpectedClient
            | Self::FactorAsked(_)
            | Self::WrongCode
            | Self::PasskeyRejected
            | Self::DeadLogin
            | Self::SessionEnded
            | Self::StaleLogIn(_) => StatusCode::UNAUTHORIZED,
            Self::UnknownScope | Self::BadCursor => StatusCode::BAD_REQUEST,
            Self::Busy | Self::NotReady | Self::NoRoom | Self::Database(_) | Self::Objects(_) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    #[expect(clippy::too_many_lines, reason = "a table")]
    fn detail(&self) -> &'static str {
        match self {
            Self::NotFound => "Not Found",
            Self::EmailTaken => "An account with this email address already exists",
            Self::Invalid(_) => "Invalid input",
            Self::UnsupportedPicture(ForeignPicture::Heic) => {
                "This picture is in HEIC format; convert it to JPEG, PNG or WebP"
            }
            Self::UnsupportedPicture(ForeignPicture::Avif) => {
                "This picture is in AVIF format; convert it to JPEG, PNG or WebP"
            }
            Self::UnsupportedPicture(ForeignPicture::Gif) => {
                "This picture is a GIF; convert it to JPEG, PNG or WebP"
            }
            Self::UnsupportedPicture(ForeignPicture::Other) => "Send a PNG, JPEG or WebP picture",
            Self::Throttled(_) => "Too many attempts; try again later",
            Self::WrongCredentials => "Incorrect email address or password",
            Self::UnexpectedClient => {
                "This login does not accept a client; send only a username and a password"
            }
            Self::UnknownScope => "Unknown scope",
            Self::FactorAsked(FactorAsked { must_enrol: false, methods, .. }) if methods.contains(&"app") => {
                "Enter a code from your authenticator app: send it with mfa_token to /login/factor"
            }
            Self::FactorAsked(FactorAsked { must_enrol: false, .. }) => {
                "Use your passkey: send mfa_token to /login/factor/passkey/options"
            }
            Self::FactorAsked(FactorAsked { must_enrol: true, .. }) => {
                "Add an authenticator app first: send mfa_token to /login/factor/totp for its key"
            }
            Self::WrongCode => "This code is incorrect or was already used",
            Self::DeadLogin => "This login has expired; log in again",
            Self::FactorThere => "The account already has a second factor",
            Self::TooManyKeys => "The account has 50 API keys, which is the maximum; remove one first",
            Self::KeyReplaced => "This API key was already replaced",
            Self::FactorRequired => {
                "A second factor is required here; add another one before you remove this one"
            }
            Self::PasskeyRejected => {
                "The passkey was not accepted, or it took longer than 5 minutes; try again"
            }
            Self::PasskeysOff => "Passkeys need a domain name, and this server is reached by an IP address",
            Self::PasskeyTaken => "This passkey is already registered",
            Self::TooManyPasskeys => "An account can have 20 passkeys; remove one first",
            Self::LastWayIn => {
                "This is the only way to log in to the account: set a password or add another way first"
            }
            Self::EmailUnverified => "Confirm your email address first; we sent a new link to it",
            // The words of the guard, whose refusal this is.
            Self::SessionEnded => "Could not validate credentials",
            Self::StaleLogIn(_) => "Log in again: this action requires a login within the last 10 minutes",
            Self::WrongPassword => "The current password is incorrect",
            Self::DeadLink => "This link or code was used, has expired, or was replaced by a newer one",
            Self::SignUpClosed => "Sign-up is closed",
            Self::LogInOff => "This way to log in is turned off",
            Self::BadCursor => "`after` takes the value of `next` from this list, unchanged",
            Self::LastAdmin => "At least one administrator must remain: appoint another one first",
            Self::TooManyIdentities => "20 accounts are linked already: unlink one first",
            Self::RoleRequired(GroupRole::Owner) => "This requires the role `owner` in the organisation",
            Self::RoleRequired(_) => "This requires the role `admin` or `owner` in the organisation",
            Self::AnotherAddress => {
                "This invitation was sent to another email address: log in with the account that has it"
            }
            Self::Refused(refusal) => refusal.detail(),
            Self::NoRoom => {
                "There is no room for another picture at the moment; the operator has been notified"
            }
            Self::Busy | Self::NotReady | Self::Database(_) | Self::Objects(_) => {
                "Temporarily unavailable; try again"
            }
            Self::Internal(_) => "Internal Server Error",
        }
    }

    /// The code of RFC 6749 §5.2 for an answer of the log-in.
    fn oauth_code(&self) -> &'static str {
        match self {
            Self::FactorAsked(FactorAsked { must_enrol: false, .. }) => "mfa_required",
            Self::FactorAsked(FactorAsked { must_enrol: true, .. }) => "mfa_enrollment_required",
            // RFC 8628 §3.5 has this one for a login that took too long.
            Self::DeadLogin => "expired_token",
            Self::WrongCredentials
            | Self::EmailUnverified
            | Self::DeadLink
            | Self::WrongCode
            | Self::PasskeyRejected => "invalid_grant",
            Self::LogInOff | Self::PasskeysOff => "unauthorized_client",
            Self::UnexpectedClient => "invalid_client",
            Self::UnknownScope => "invalid_scope",
            Self::Invalid(_) | Self::FactorThere => "invalid_request",
            // RFC 6749 §4.1.2.1 has this one for "not now"; §5.2 has none.
            Self::Throttled(_) | Self::Busy | Self::Database(_) | Self::Objects(_) => {
                "temporarily_unavailable"
            }
            _ => "server_error",
        }
    }

    fn challenge(&self) -> HeaderValue {
        match self {
            // RFC 6750 §3.1, as the guard says it.
            Self::SessionEnded => HeaderValue::from_static(
                r#"Bearer error="invalid_token", error_description="The token is invalid, expired or revoked""#,
            ),
            // RFC 9470 §3.
            Self::StaleLogIn(max_age) => HeaderValue::try_from(format!(
                "Bearer error=\"insufficient_user_authentication\", error_description=\"{}\", max_age=\"{}\"",
                self.detail(),
                max_age.as_secs()
            ))
            .unwrap_or(HeaderValue::from_static("Bearer")),
            _ => HeaderValue::from_static("Bearer"),
        }
    }

    pub(crate) fn log(&self) {
        match self {
            Self::Database(cause) => tracing::error!(%cause, "the database did not answer"),
            Self::Objects(cause) => tracing::error!(%cause, "the object store did not answer"),
            Self::Internal(cause) => tracing::error!(%cause, "internal error"),
            Self::NoRoom => tracing::error!(
                "the pictures take all of `picture_storage`, and an upload was turned away. Raise the setting if the \
                 disk has room"
            ),
            Self::Busy => tracing::warn!("the work queue is full; the request was turned away"),
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
            // Never a Basic challenge: a browser would ask with a window of its own.
            StatusCode::UNAUTHORIZED => {
                headers.insert(WWW_AUTHENTICATE, self.challenge());
            }
            _ => {}
        }
        response
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        match self {
            Self::Invalid(invalid) => InvalidInput::from(invalid).into_response(),
            error => error.respond(&Problem { detail: error.detail().to_owned() }),
        }
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

failures! {
    /// An [`Error`] of a handler whose possible statuses stand in its type. The tests hold every answer they
    /// see against the document, so a status that is missing here is found.
    #[derive(Debug)]
    pub struct Failed(Error);

    /// `after` is not a cursor of this list
    BadCursor = 400,
    /// It does not exist, or it is not yours
    NotFound = 404,
    /// An account with this email address already exists
    Conflict = 409,
    /// An account with this email address already exists, or the passkey is registered
    SignUpConflict = 409,
    /// The account has 50 API keys, or this one was already replaced
    KeyConflict = 409,
    /// No administrator would be left
    LastAdminStays = 409,
    /// The passkey is already registered, or the account has 20
    PasskeyConflict = 409,
    /// Nobody could log in to the account any more
    LastWayStays = 409,
    /// The account is the last administrator's, or the only owner of an organisation; `detail` says which
    AccountNeeded = 409,
    /// The organisation cannot be changed so, as `detail` says
    NotSo = 409,
    /// Not allowed, as `detail` says
    Forbidden = 403,
    /// Also if the login is older than 10 minutes (RFC 9470)
    Stale = 401,
    /// The account already has a second factor
    FactorThere = 409,
    /// The link or code was used, has expired, or was replaced by a newer one
    Gone = 410,
    /// Too many attempts. `Retry-After` is the number of seconds until the next attempt is allowed
    Throttled = 429 + "Retry-After": "Seconds to wait",
    /// Temporarily unavailable
    Unavailable = 503 + "Retry-After": "Seconds to wait",
    /// Some fields are not acceptable
    Unprocessable(InvalidInput) = 422,
    /// Not a PNG, JPEG or WebP image
    UnsupportedMediaType = 415,
}

/// The failures of the routes that log in: the one dialect, and beside it the members of RFC 6749 §5.2, which OAuth
/// clients (and the docs page) read. Each route has statuses of its own, and all can be busy.
macro_rules! login_failures {
    ($($(#[$doc:meta])* $name:ident { $($status:expr => $when:expr),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name(Error);

        impl<E: Into<Error>> From<E> for $name {
            fn from(error: E) -> Self {
                Self(error.into())
            }
        }

        impl IntoResponse for $name {
            fn into_response(self) -> Response {
                login_response(self.0)
            }
        }

        impl DescribeResponse for $name {
            fn describe_response(operation: &mut Operation<'_>) {
                $(operation.json_response::<LogInProblem<'_>>($status, $when);)*
                for (status, when) in
                    [(Throttled::status(), Throttled::WHEN), (Unavailable::status(), Unavailable::WHEN)]
                {
                    operation.json_response::<LogInProblem<'_>>(status, when);
                    operation.response_header(status, "Retry-After", "Seconds to wait");
                }
                InvalidInput::describe_response(operation);
            }
        }
    )*};
}
login_failures! {
    /// Of a login by password.
    LogInFailed {
        StatusCode::BAD_REQUEST => "The form is malformed, or a scope is unknown",
        StatusCode::UNAUTHORIZED => "Incorrect email address or password, or a second factor is asked for",
        StatusCode::FORBIDDEN => "Correct, but not allowed now: `detail` says why",
    }
    /// Of a login by an emailed link or code, which can be invalid.
    MailedLogInFailed {
        StatusCode::BAD_REQUEST => "The body is malformed, or a scope is unknown",
        StatusCode::UNAUTHORIZED => "Correct, and a second factor is asked for",
        Forbidden::status() => "This way to log in is turned off",
        Gone::status() => Gone::WHEN,
    }
    /// Of a login by passkey.
    PasskeyLogInFailed {
        StatusCode::BAD_REQUEST => "The body is malformed, or a scope is unknown",
        StatusCode::UNAUTHORIZED => "The passkey was not accepted, or it took longer than 5 minutes",
        StatusCode::FORBIDDEN => "Correct, but not allowed now: `detail` says why",
    }
    /// Of a passkey as a second factor.
    PasskeyFactorFailed {
        StatusCode::BAD_REQUEST => "The body is malformed",
        StatusCode::UNAUTHORIZED => "The passkey was not accepted, or the login has expired",
        Forbidden::status() => "Passkeys do not work at this server's address",
        StatusCode::NOT_FOUND => "The account has no passkey",
    }
    /// Of a second factor.
    FactorFailed {
        StatusCode::BAD_REQUEST => "The body is malformed",
        StatusCode::UNAUTHORIZED => "The code is incorrect or was already used, or the login has expired",
        FactorThere::status() => FactorThere::WHEN,
    }
}

/// The body of a rejected login.
#[derive(Debug, Serialize, schemars::JsonSchema)]
struct LogInProblem<'a> {
    /// What is wrong, in one sentence.
    detail: &'static str,
    /// The code of RFC 6749 §5.2; `mfa_required` or `mfa_enrollment_required` if a second factor is asked for, and
    /// `expired_token` if that took too long.
    error: &'static str,
    /// The same sentence, where OAuth clients look for it.
    error_description: &'static str,
    /// With `mfa_required`: send it to `/login/factor` with a code, within 10 minutes. With `mfa_enrollment_required`:
    /// send it to `/login/factor/totp` first.
    #[serde(skip_serializing_if = "Option::is_none")]
    mfa_token: Option<&'a str>,
    /// With `mfa_required`: what the second factor may be. `app` is a code of the authenticator app or a recovery code, for
    /// `/login/factor`; `passkey` begins at `/login/factor/passkey/options`.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    mfa_methods: &'a [&'static str],
}

fn login_response(error: Error) -> Response {
    if let Error::Invalid(invalid) = error {
        return InvalidInput::from(invalid).into_response();
    }
    let detail = error.detail();
    let (mfa_token, mfa_methods): (_, &[_]) = match &error {
        Error::FactorAsked(asked) => (Some(asked.token.expose()), &asked.methods),
        _ => (None, &[]),
    };
    let error_code = error.oauth_code();
    let problem =
        LogInProblem { detail, error: error_code, error_description: detail, mfa_token, mfa_methods };
    error.respond(&problem)
}
