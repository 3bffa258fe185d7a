//! The failures that a handler's type names, one for each status and what it means there.

use portcullis::{InvalidInput, failures};

use super::Error;

failures! {
    /// An [`Error`] of a handler whose possible statuses are part of its type. The tests check every response against
    /// the document, so a missing status is found.
    #[derive(Debug)]
    pub struct Failed(Error);

    /// `after` is not a cursor of this list
    BadCursor = 400,
    /// Not found, or not yours
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
    /// Nobody could log in to the account anymore
    LastWayStays = 409,
    /// The account is the last administrator, or the only owner of an organisation: `detail` says which
    AccountNeeded = 409,
    /// The organisation cannot be changed this way: `detail` says why
    NotSo = 409,
    /// Not allowed: `detail` says why
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
