//! The one error type of the server, and the response that it becomes.
//!
//! The response tells the client what to do about it; the cause goes to the log with the request's ID. The type of a
//! handler names the statuses it can return: `Result<Json<Profile>, Failed<(NotFound,)>>`.

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

/// Everything that can go wrong while a request is handled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It does not exist, or it belongs to somebody else. The response does not reveal which.
    #[error("not found")]
    NotFound,
    /// An account with this email address already exists.
    #[error("the e-mail address is taken")]
    EmailTaken,
    /// The input is well-formed but not acceptable.
    #[error("invalid input")]
    Invalid(#[from] Invalid),
    /// The upload is not a picture in a supported format.
    #[error("unsupported media type")]
    UnsupportedPicture(ForeignPicture),
    /// Too many attempts; the next one is allowed after this time.
    #[error("too many attempts")]
    Throttled(Duration),
    /// The queue of the workers is full.
    #[error("busy")]
    Busy,
    /// The login failed. An unknown account, a wrong password and a disabled account look the same.
    #[error("wrong email address or password")]
    WrongCredentials,
    /// The login request names an OAuth client, but only first-party logins are accepted.
    #[error("a client was named")]
    UnexpectedClient,
    /// A requested scope does not exist.
    #[error("unknown scope")]
    UnknownScope,
    /// The first factor of a login was correct, and a second one is required.
    #[error("a second factor is asked for")]
    FactorAsked(FactorAsked),
    /// The code of a second factor was wrong or already used.
    #[error("wrong code")]
    WrongCode,
    /// A login that waited for its second factor has expired or was ended.
    #[error("the login has expired")]
    DeadLogin,
    /// The account already has a second factor.
    #[error("there is a second factor")]
    FactorThere,
    /// The operator requires a second factor.
    #[error("a second factor is required")]
    FactorRequired,
    /// A passkey was rejected at a login, for whatever reason.
    #[error("the passkey was not accepted")]
    PasskeyRejected,
    /// Browsers do not create passkeys for an IP address.
    #[error("passkeys need a domain name")]
    PasskeysOff,
    /// The passkey is already registered, with this account or another one.
    #[error("the passkey is registered")]
    PasskeyTaken,
    /// The account has the maximum number of passkeys.
    #[error("too many passkeys")]
    TooManyPasskeys,
    /// Without this login method, nobody could log in to the account.
    #[error("the last way to log in")]
    LastWayIn,
    /// The account has the maximum number of API keys.
    #[error("there are 50 API keys")]
    TooManyKeys,
    /// The API key has a successor.
    #[error("the API key was replaced")]
    KeyReplaced,
    /// The address must be confirmed before the login.
    #[error("the e-mail address is not confirmed")]
    EmailUnverified,
    /// The session was ended since the guard saw it, or its role was taken away.
    #[error("the session has ended")]
    SessionEnded,
    /// The login is older than this action allows (RFC 9470).
    #[error("the log-in is not fresh")]
    StaleLogIn(Duration),
    /// The current password, required again for this action, was wrong.
    #[error("wrong current password")]
    WrongPassword,
    /// An emailed link or code was used, has expired, or never existed.
    #[error("the link is not valid")]
    DeadLink,
    /// Sign-up is closed.
    #[error("sign-up is closed")]
    SignUpClosed,
    /// This login method is turned off.
    #[error("this log-in is turned off")]
    LogInOff,
    /// The account has the maximum number of linked identities.
    #[error("too many linked identities")]
    TooManyIdentities,
    /// No administrator would be left.
    #[error("the last administrator stays")]
    LastAdmin,
    /// The caller is a member of the organisation, but the role does not allow this.
    #[error("the role {} is required", .0.name())]
    RoleRequired(GroupRole),
    /// An invitation was sent to another address than the account's.
    #[error("another address was invited")]
    AnotherAddress,
    /// The organisation cannot be changed in this way.
    #[error("{}", .0.detail())]
    Refused(Refusal),
    /// The cursor was not issued for this list.
    #[error("not a cursor of this list")]
    BadCursor,
    /// The database failed or did not respond.
    #[error("database: {0}")]
    Database(#[from] crate::db::Error),
    /// The database is unreachable, or its tables do not match this program.
    #[error("not ready")]
    NotReady,
    /// The object store failed or did not respond.
    #[error("object store: {0}")]
    Objects(#[from] object_store::Error),
    /// The pictures use all of their space (setting `picture_storage`).
    #[error("no room for another picture")]
    NoRoom,
    /// A bug or a broken invariant; the text is for the operator.
    #[error("{0}")]
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
    /// The status of the response.
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
            // The guard's wording, so that both responses are the same.
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

    /// The code of RFC 6749 §5.2 for the response to a login.
    fn oauth_code(&self) -> &'static str {
        match self {
            Self::FactorAsked(FactorAsked { must_enrol: false, .. }) => "mfa_required",
            Self::FactorAsked(FactorAsked { must_enrol: true, .. }) => "mfa_enrollment_required",
            // From RFC 8628 §3.5, for a login that took too long.
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
            // RFC 6749 §4.1.2.1 has this code for a temporary failure; §5.2 has none.
            Self::Throttled(_) | Self::Busy | Self::Database(_) | Self::Objects(_) => {
                "temporarily_unavailable"
            }
            _ => "server_error",
        }
    }

    fn challenge(&self) -> HeaderValue {
        match self {
            // RFC 6750 §3.1, worded like the guard's challenge.
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
            // Never a Basic challenge, for which a browser would open its own dialog.
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
    /// An [`Error`] of a handler whose possible statuses are part of its type. The tests check every response against
    /// the document, so a missing status is found.
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

/// Declares the errors of the login routes: the usual body, plus the members of RFC 6749 §5.2, which OAuth clients (and
/// the docs page) read. Each route has its own statuses, and all can be busy.
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
    /// The error of a login by password.
    LogInFailed {
        StatusCode::BAD_REQUEST => "The form is malformed, or a scope is unknown",
        StatusCode::UNAUTHORIZED => "Incorrect email address or password, or a second factor is asked for",
        StatusCode::FORBIDDEN => "Correct, but not allowed now: `detail` says why",
    }
    /// The error of a login by an emailed link or code.
    MailedLogInFailed {
        StatusCode::BAD_REQUEST => "The body is malformed, or a scope is unknown",
        StatusCode::UNAUTHORIZED => "Correct, and a second factor is asked for",
        Forbidden::status() => "This way to log in is turned off",
        Gone::status() => Gone::WHEN,
    }
    /// The error of a login by passkey.
    PasskeyLogInFailed {
        StatusCode::BAD_REQUEST => "The body is malformed, or a scope is unknown",
        StatusCode::UNAUTHORIZED => "The passkey was not accepted, or it took longer than 5 minutes",
        StatusCode::FORBIDDEN => "Correct, but not allowed now: `detail` says why",
    }
    /// The error of a passkey as a second factor.
    PasskeyFactorFailed {
        StatusCode::BAD_REQUEST => "The body is malformed",
        StatusCode::UNAUTHORIZED => "The passkey was not accepted, or the login has expired",
        Forbidden::status() => "Passkeys do not work at this server's address",
        StatusCode::NOT_FOUND => "The account has no passkey",
    }
    /// The error of a second factor.
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
