//! How a login fails.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use portcullis::{
    InvalidInput,
    describe::{DescribeResponse, Operation, Refusal as _},
};
use serde::Serialize;

use super::{Error, FactorThere, Forbidden, Gone, Throttled, Unavailable};

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
        StatusCode::UNAUTHORIZED => "Incorrect email address or password, or a second factor is required",
        StatusCode::FORBIDDEN => "The credentials are correct, but this login is not allowed: `detail` says why",
    }
    /// The error of a login by an emailed link or code.
    MailedLogInFailed {
        StatusCode::BAD_REQUEST => "The body is malformed, or a scope is unknown",
        StatusCode::UNAUTHORIZED => "The code is correct, and a second factor is required",
        Forbidden::status() => "This way to log in is turned off",
        Gone::status() => Gone::WHEN,
    }
    /// The error of a login by passkey.
    PasskeyLogInFailed {
        StatusCode::BAD_REQUEST => "The body is malformed, or a scope is unknown",
        StatusCode::UNAUTHORIZED => "The passkey was not accepted, or it took longer than 5 minutes",
        StatusCode::FORBIDDEN => "The credentials are correct, but this login is not allowed: `detail` says why",
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
    /// The code of RFC 6749 §5.2; `mfa_required` or `mfa_enrollment_required` if a second factor is required, and
    /// `expired_token` if that took too long.
    error: &'static str,
    /// The same sentence, where OAuth clients look for it.
    error_description: &'static str,
    /// With `mfa_required`, send it to `/login/factor` with a code, within 10 minutes. With `mfa_enrollment_required`,
    /// send it to `/login/factor/totp` first.
    #[serde(skip_serializing_if = "Option::is_none")]
    mfa_token: Option<&'a str>,
    /// With `mfa_required`, the second factors that the account can use. `app` is a code of the authenticator app or a
    /// recovery code, for `/login/factor`; `passkey` begins at `/login/factor/passkey/options`.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    mfa_methods: &'a [&'static str],
}

fn login_response(error: Error) -> Response {
    if let Error::Invalid(invalid) = error {
        return InvalidInput::from(invalid).into_response();
    }
    let facts = error.facts();
    let (mfa_token, mfa_methods): (_, &[_]) = match &error {
        Error::FactorAsked(asked) => (Some(asked.token.expose()), &asked.methods),
        _ => (None, &[]),
    };
    let problem = LogInProblem {
        detail: facts.detail,
        error: facts.code,
        error_description: facts.detail,
        mfa_token,
        mfa_methods,
    };
    error.respond(&problem)
}
