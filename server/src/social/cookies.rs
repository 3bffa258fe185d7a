//! The cookie of an attempt: it ties the browser that returns from a provider to the one that was sent there (RFC 9700
//! §4.7.1). Each attempt has its own, so that two tabs do not interfere.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::LIFETIME;
use crate::{app::App, clock::Timestamp, error::Error, secret::SecretText};

/// A header that sets or clears a cookie.
pub(super) type SetCookie = (HeaderName, HeaderValue);

/// The maximum number of open attempts per browser.
const MOST: usize = 5;
/// The prefix of each cookie's name.
const PREFIX: &str = "portcullis-with-";
const HOST_PREFIX: &str = "__Host-portcullis-with-";
/// A cookie with a longer value is not ours.
const LONGEST: usize = 80;

/// The name of an attempt's cookie. On plain http, which is only for this computer, Safari does not keep `Secure`
/// cookies, and without `Secure` no name may begin with `__Host-` (RFC 6265bis §4.1.3).
fn name(app: &App, state_digest: &[u8; 32]) -> String {
    let begin = state_digest.iter().take(6);
    begin.fold(prefix(app).to_owned(), |name, byte| format!("{name}{byte:02x}"))
}

/// The secret of a new attempt. It begins with the time, so that the oldest can be found.
pub(super) fn new_secret(now: Timestamp) -> SecretText {
    SecretText::random(&format!("{:016x}.", now.as_micros()))
}

/// The header that sets it.
pub(super) fn set(app: &App, state_digest: &[u8; 32], secret: &SecretText) -> Result<SetCookie, Error> {
    header(app, &name(app, state_digest), secret.expose(), LIFETIME.as_secs())
}

/// The header that clears the cookie of a finished attempt.
pub(super) fn clear(app: &App, state_digest: &[u8; 32]) -> Result<SetCookie, Error> {
    header(app, &name(app, state_digest), "", 0)
}

fn header(app: &App, name: &str, value: &str, max_age: u64) -> Result<SetCookie, Error> {
    let secure = if app.public_url().is_https() { "; Secure" } else { "" };
    let text = format!("{name}={value}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Lax{secure}");
    let mut value = HeaderValue::try_from(text).map_err(|cause| Error::Internal(cause.to_string()))?;
    value.set_sensitive(true);
    Ok((header::SET_COOKIE, value))
}

/// The cookies of attempts that a browser sends: name and value.
fn sent<'h>(app: &App, headers: &'h HeaderMap) -> impl Iterator<Item = (&'h str, &'h str)> {
    let prefix = prefix(app);
    let fields = headers.get_all(header::COOKIE).iter().filter_map(|field| field.to_str().ok());
    let pairs = fields.flat_map(|field| field.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(move |(name, value)| {
        name.strip_prefix(prefix)
            .is_some_and(|id| id.len() == 12 && id.bytes().all(|c| c.is_ascii_hexdigit()))
            && value.len() <= LONGEST
    })
}

fn prefix(app: &App) -> &'static str {
    if app.public_url().is_https() { HOST_PREFIX } else { PREFIX }
}

/// The secret that a browser sends for this attempt, if any.
pub(super) fn secret(app: &App, headers: &HeaderMap, state_digest: &[u8; 32]) -> Option<SecretText> {
    let name = name(app, state_digest);
    let mut values = sent(app, headers).filter(|(known, _)| *known == name).map(|(_, value)| value);
    values.next().filter(|_| values.next().is_none()).map(|value| SecretText::new(value.to_owned()))
}

/// A browser's oldest attempts, which a new one replaces: their secrets, and the headers that clear them.
pub(super) fn superseded(app: &App, headers: &HeaderMap) -> Result<Vec<(SecretText, SetCookie)>, Error> {
    let mut open: Vec<_> = sent(app, headers).collect();
    // By time, which the values begin with.
    open.sort_unstable_by_key(|(_, value)| *value);
    let count = (open.len() + 1).saturating_sub(MOST);
    open.into_iter()
        .take(count)
        .map(|(name, value)| Ok((SecretText::new(value.to_owned()), header(app, name, "", 0)?)))
        .collect()
}
