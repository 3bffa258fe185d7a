//! What a client learns of each error: the status, one sentence, and the code for OAuth clients.

use http::StatusCode;

use super::{Error, FactorAsked, ForeignPicture};
use crate::groups::GroupRole;

/// What a client learns of an error.
pub(super) struct Facts {
    pub(super) status: StatusCode,
    /// One sentence.
    pub(super) detail: &'static str,
    /// The code of RFC 6749 §5.2, where OAuth clients read one.
    pub(super) code: &'static str,
}

impl Facts {
    /// An error that no login ends with.
    const fn new(status: StatusCode, detail: &'static str) -> Self {
        Self::of_login(status, detail, "server_error")
    }

    /// An error that a login can end with.
    const fn of_login(status: StatusCode, detail: &'static str, code: &'static str) -> Self {
        Self { status, detail, code }
    }
}

impl Error {
    #[expect(clippy::too_many_lines, reason = "a table")]
    pub(super) fn facts(&self) -> Facts {
        use Facts as F;
        use StatusCode as S;
        const BUSY: &str = "Temporarily unavailable; try again";
        match self {
            Self::NotFound => F::new(S::NOT_FOUND, "Not Found"),
            Self::EmailTaken => F::new(S::CONFLICT, "An account with this email address already exists"),
            Self::Invalid(_) => F::of_login(S::UNPROCESSABLE_ENTITY, "Invalid input", "invalid_request"),
            Self::UnsupportedPicture(format) => F::new(S::UNSUPPORTED_MEDIA_TYPE, format.detail()),
            // RFC 6749 §4.1.2.1 has this code for a temporary failure; §5.2 has none.
            Self::Throttled(_) => F::of_login(
                S::TOO_MANY_REQUESTS,
                "Too many attempts; try again later",
                "temporarily_unavailable",
            ),
            Self::Busy | Self::Database(_) | Self::Objects(_) => {
                F::of_login(S::SERVICE_UNAVAILABLE, BUSY, "temporarily_unavailable")
            }
            Self::NotReady => F::new(S::SERVICE_UNAVAILABLE, BUSY),
            Self::NoRoom => F::new(
                S::SERVICE_UNAVAILABLE,
                "There is no room for another picture at the moment; the operator has been notified",
            ),
            Self::WrongCredentials => {
                F::of_login(S::UNAUTHORIZED, "Incorrect email address or password", "invalid_grant")
            }
            Self::UnexpectedClient => F::of_login(
                S::UNAUTHORIZED,
                "This login does not accept a client; send only a username and a password",
                "invalid_client",
            ),
            Self::UnknownScope => F::of_login(S::BAD_REQUEST, "Unknown scope", "invalid_scope"),
            Self::FactorAsked(asked) => F::of_login(S::UNAUTHORIZED, asked.detail(), asked.code()),
            Self::WrongCode => {
                F::of_login(S::UNAUTHORIZED, "This code is incorrect or was already used", "invalid_grant")
            }
            // From RFC 8628 §3.5, for a login that took too long.
            Self::DeadLogin => {
                F::of_login(S::UNAUTHORIZED, "This login has expired; log in again", "expired_token")
            }
            Self::FactorThere => {
                F::of_login(S::CONFLICT, "The account already has a second factor", "invalid_request")
            }
            Self::FactorRequired => F::new(
                S::FORBIDDEN,
                "A second factor is required here; add another one before you remove this one",
            ),
            Self::PasskeyRejected => F::of_login(
                S::UNAUTHORIZED,
                "The passkey was not accepted, or it took longer than 5 minutes; try again",
                "invalid_grant",
            ),
            Self::PasskeysOff => F::of_login(
                S::FORBIDDEN,
                "Passkeys need a domain name, and this server is reached by an IP address",
                "unauthorized_client",
            ),
            Self::PasskeyTaken => F::new(S::CONFLICT, "This passkey is already registered"),
            Self::TooManyPasskeys => F::new(S::CONFLICT, "An account can have 20 passkeys; remove one first"),
            Self::TooManyKeys => {
                F::new(S::CONFLICT, "The account has 50 API keys, which is the maximum; remove one first")
            }
            Self::KeyReplaced => F::new(S::CONFLICT, "This API key was already replaced"),
            Self::TooManyIdentities => F::new(
                S::CONFLICT,
                "The account has 20 linked accounts, which is the maximum; unlink one first",
            ),
            Self::LastWayIn => F::new(
                S::CONFLICT,
                "This is the only way to log in to the account: set a password or add another way first",
            ),
            Self::EmailUnverified => F::of_login(
                S::FORBIDDEN,
                "Confirm your email address first; we sent a new link to it",
                "invalid_grant",
            ),
            // The words of the guard, whose rejection this is.
            Self::SessionEnded => F::new(S::UNAUTHORIZED, "Could not validate credentials"),
            Self::StaleLogIn(_) => F::new(
                S::UNAUTHORIZED,
                "Log in again: this action requires a login within the last 10 minutes",
            ),
            Self::WrongPassword => F::new(S::FORBIDDEN, "The current password is incorrect"),
            Self::DeadLink => F::of_login(
                S::GONE,
                "This link or code was used, has expired, or was replaced by a newer one",
                "invalid_grant",
            ),
            Self::SignUpClosed => F::new(S::FORBIDDEN, "Sign-up is closed"),
            Self::LogInOff => {
                F::of_login(S::FORBIDDEN, "This way to log in is turned off", "unauthorized_client")
            }
            Self::LastAdmin => {
                F::new(S::CONFLICT, "At least one administrator must remain: appoint another one first")
            }
            Self::RoleRequired(GroupRole::Owner) => {
                F::new(S::FORBIDDEN, "This requires the role `owner` in the organisation")
            }
            Self::RoleRequired(_) => {
                F::new(S::FORBIDDEN, "This requires the role `admin` or `owner` in the organisation")
            }
            Self::AnotherAddress => F::new(
                S::FORBIDDEN,
                "This invitation was sent to another email address: log in with the account that has it",
            ),
            Self::Refused(refusal) => F::new(S::CONFLICT, refusal.detail()),
            Self::BadCursor => {
                F::new(S::BAD_REQUEST, "`after` takes the value of `next` from this list, unchanged")
            }
            Self::Internal(_) => F::new(S::INTERNAL_SERVER_ERROR, "Internal Server Error"),
        }
    }

    /// The status of the response.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.facts().status
    }
}

impl ForeignPicture {
    const fn detail(self) -> &'static str {
        match self {
            Self::Heic => "This picture is in HEIC format; convert it to JPEG, PNG or WebP",
            Self::Avif => "This picture is in AVIF format; convert it to JPEG, PNG or WebP",
            Self::Gif => "This picture is a GIF; convert it to JPEG, PNG or WebP",
            Self::Other => "Send a PNG, JPEG or WebP picture",
        }
    }
}

impl FactorAsked {
    fn detail(&self) -> &'static str {
        match self {
            Self { must_enrol: true, .. } => {
                "Add an authenticator app first: send mfa_token to /login/factor/totp for its key"
            }
            Self { methods, .. } if methods.contains(&"app") => {
                "Enter a code from your authenticator app: send it with mfa_token to /login/factor"
            }
            Self { .. } => "Use your passkey: send mfa_token to /login/factor/passkey/options",
        }
    }

    const fn code(&self) -> &'static str {
        if self.must_enrol { "mfa_enrollment_required" } else { "mfa_required" }
    }
}
