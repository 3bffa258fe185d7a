//! A session token in a cookie that scripts and other sites cannot use.

use std::{error::Error, fmt, marker::PhantomData, time::Duration};

use http::{HeaderName, HeaderValue, header::SET_COOKIE, request::Parts};

use super::{
    Challenge, Credential, Place, Presented, SecurityScheme,
    cookie::{is_of_one_host, only_cookie, refuse_cross_site},
    is_token, sealed,
};
use crate::describe::In;

/// The longest value: browsers store at most 4 096 bytes with its name and attributes (RFC 6265 §6.1).
const MOST: usize = 3800;

/// The longest age that browsers accept.
const LONGEST_AGE: u64 = 400 * 24 * 60 * 60;

/// Whether browsers keep a cookie for this age: `Max-Age` has whole seconds, and 0 deletes it (RFC 6265 §5.2.2).
const fn can_be_kept(age: Duration) -> bool {
    age.as_secs() >= 1 && age.as_secs() <= LONGEST_AGE
}

/// A session cookie's name and how browsers treat it. The rest is fixed: `Path=/; HttpOnly; Secure`, no `Domain`.
///
/// ```
/// use std::time::Duration;
/// use portcullis::credential::{CookieSettings, SameSite};
///
/// struct Shop;
/// impl CookieSettings for Shop {
///     const NAME: &'static str = "__Host-shop";
///     const SAME_SITE: SameSite = SameSite::Strict;
///     const MAX_AGE: Option<Duration> = Some(Duration::from_secs(14 * 24 * 60 * 60));
/// }
/// ```
///
/// Settings that browsers would reject, or that would leave the cookie open, do not compile.
pub trait CookieSettings: Send + Sync + 'static {
    /// Begins with `__Host-`: browsers then reject a cookie of that name from a sibling host or from somebody on the
    /// network.
    const NAME: &'static str;
    /// Which requests that start on other sites carry the cookie.
    const SAME_SITE: SameSite = SameSite::Lax;
    /// How long the browser keeps it after it was last set: at least 1 s, at most 400 days. `None`: until the browser
    /// is closed. This protects nothing: the verifier decides when the *session* expires.
    const MAX_AGE: Option<Duration> = None;
    /// Sends the cookie over plain http, without `Secure`, so that everybody on the way can read it. For development,
    /// if the browser is on another machine or takes no `Secure` cookie from `http://localhost` (Safari; Chrome and
    /// Firefox do). `NAME` must then not begin with `__`.
    const DANGEROUS_PLAIN_HTTP: bool = false;
}

/// Which requests that start on another site carry the cookie (RFC 6265bis §5.4.7). There is no `None`: it is for pages
/// embedded in other sites' pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SameSite {
    /// None. A visitor who follows a link from another site arrives logged out.
    Strict,
    /// Following a link to the site.
    Lax,
}

/// A session token in the cookie that `C` names, not verified yet.
///
/// There is exactly one cookie of that name (two are rejected: 400), with 1 to 3 800 bytes of what a cookie may hold,
/// without quotes. If the request has an `Authorization` header of any scheme, that is the caller's credential and the
/// cookie is ignored: an invalid token never falls back to the cookie. (A reverse proxy that asks for a password of its
/// own must not forward that header.)
///
/// **Other sites** (CSRF): a request that may change something, with any method but GET, HEAD and OPTIONS, or that
/// opens a WebSocket is rejected (403) unless the browser says that it comes from a page of the same origin. Your forms
/// need no token. `Sec-Fetch-Site` must be `same-origin` or `none`. Without that header `Origin` must be the
/// application's own: `https://` and the requested host or, for development, `http://` if that host is this machine
/// (`localhost`, 127.0.0.0/8, `[::1]`). An application behind a proxy names its origins with
/// [`OwnOrigins`](crate::credential::OwnOrigins) instead. A request with neither header is rejected: programs other
/// than browsers send a bearer token. A GET that changes something is not protected. For the route that logs in, see
/// [`SameOrigin`](crate::credential::SameOrigin).
///
/// The challenge is `WWW-Authenticate: Cookie`, for which browsers show no login window.
///
/// See [its page](crate::learn::schemes::session_cookies) for a complete verifier, the entry in the document, and the
/// use in `/docs`.
///
/// ```
/// use axum::response::AppendHeaders;
/// use http::{HeaderName, HeaderValue};
/// use portcullis::{
///     Granted, Guard, SessionCookie, Verdict, Verify, VerifyFailed, credential::CookieSettings,
/// };
///
/// struct Shop;
/// impl CookieSettings for Shop {
///     const NAME: &'static str = "__Host-shop";
/// }
///
/// #[derive(Clone)]
/// struct Sessions;
///
/// impl Verify for Sessions {
///     type Credential = SessionCookie<Shop>;
///     type Principal = u64;
///     const SCHEME: &'static str = "session";
///
///     async fn verify(&self, cookie: &SessionCookie<Shop>) -> Result<Verdict<u64>, VerifyFailed> {
///         # async fn session_by_digest(_: &[u8]) -> Result<Option<u64>, std::io::Error> { Ok(None) }
///         # fn sha256(_: &[u8]) -> [u8; 32] { [0; 32] }
///         // The database stores the token's SHA-256, so that nobody can log in with a copy of it.
///         Ok(match session_by_digest(&sha256(cookie.token().as_bytes())).await? {
///             Some(account) => Verdict::Accepted(account, Granted::none()),
///             None => Verdict::Refused,
///         })
///     }
/// }
///
/// async fn log_out(_: Guard<Sessions>) -> AppendHeaders<[(HeaderName, HeaderValue); 1]> {
///     AppendHeaders([SessionCookie::<Shop>::clear()])
/// }
/// # let _ = log_out;
/// ```
///
/// ```compile_fail
/// // Browsers let a sibling host plant a cookie of this name.
/// use portcullis::{SessionCookie, credential::CookieSettings};
///
/// struct Shop;
/// impl CookieSettings for Shop {
///     const NAME: &'static str = "shop";
/// }
/// let _ = SessionCookie::<Shop>::clear();
/// ```
pub struct SessionCookie<C: CookieSettings> {
    token: String,
    settings: PhantomData<fn() -> C>,
}

impl<C: CookieSettings> SessionCookie<C> {
    /// The token as it was sent.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The header that makes the browser keep `token`. Append it to the response, which may set other cookies. Generate
    /// a new random token of at least 128 bits at each login, so that an older cookie is worthless.
    ///
    /// # Errors
    /// [`NotACookieValue`] if `token` is empty, longer than 3 800 bytes, or has a character that a cookie cannot hold.
    pub fn set(token: &str) -> Result<(HeaderName, HeaderValue), NotACookieValue> {
        if !is_value(token.as_bytes()) {
            return Err(NotACookieValue);
        }
        let age = C::MAX_AGE.map(|age| format!("; Max-Age={}", age.as_secs())).unwrap_or_default();
        Ok(Self::header(token, &age))
    }

    /// The header that makes the browser forget the cookie.
    #[must_use]
    pub fn clear() -> (HeaderName, HeaderValue) {
        Self::header("", "; Max-Age=0")
    }

    fn header(value: &str, age: &str) -> (HeaderName, HeaderValue) {
        let () = Self::CHECKED;
        let secure = if C::DANGEROUS_PLAIN_HTTP { "" } else { "; Secure" };
        let same_site = match C::SAME_SITE {
            SameSite::Strict => "Strict",
            SameSite::Lax => "Lax",
        };
        let cookie = format!("{}={value}; Path=/{secure}; HttpOnly; SameSite={same_site}{age}", C::NAME);
        let Ok(mut header) = HeaderValue::try_from(cookie) else {
            unreachable!("the name is a token, and the value was looked at")
        };
        header.set_sensitive(true);
        (SET_COOKIE, header)
    }

    /// The scheme of the application's own pages: a `Secure` cookie is for https only.
    pub(super) const SCHEME: &str = {
        let () = Self::CHECKED;
        if C::DANGEROUS_PLAIN_HTTP { "http" } else { "https" }
    };

    const CHECKED: () = {
        assert!(is_token(C::NAME), "a cookie's name is a token (RFC 6265 §4.1.1)");
        if C::DANGEROUS_PLAIN_HTTP {
            let is_prefixed = matches!(C::NAME.as_bytes(), [b'_', b'_', ..]);
            assert!(!is_prefixed, "over plain http browsers refuse a cookie whose name begins with `__`");
        } else {
            assert!(is_of_one_host(C::NAME), "the name of a session cookie begins with `__Host-`");
        }
        assert!(C::NAME.len() <= 64, "the name of a session cookie has 64 bytes at most");
        if let Some(age) = C::MAX_AGE {
            assert!(can_be_kept(age), "a cookie lives 1 second to 400 days");
        }
    };
}

impl<C: CookieSettings> fmt::Debug for SessionCookie<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionCookie(…)")
    }
}

impl<C: CookieSettings> Credential for SessionCookie<C> {
    fn scheme() -> SecurityScheme {
        let () = Self::CHECKED;
        SecurityScheme::api_key(In::Cookie, C::NAME)
    }
}

impl<C: CookieSettings> sealed::Read for SessionCookie<C> {
    const CHALLENGE: Challenge = Challenge::scheme("Cookie");
    const PLACE: Place = Place::Cookie(C::NAME);

    fn read(parts: &Parts) -> Presented<Self> {
        refuse_cross_site(only_cookie(&parts.headers, C::NAME), parts, Self::SCHEME).and_then(|value| {
            let token = is_value(value).then(|| String::from_utf8(value.to_vec()).ok())??;
            Some(Self { token, settings: PhantomData })
        })
    }
}

/// `1*cookie-octet`: visible ASCII without `"`, `,`, `;` and `\` (RFC 6265 §4.1.1).
fn is_value(value: &[u8]) -> bool {
    let is_octet = |byte: &u8| byte.is_ascii_graphic() && !b"\",;\\".contains(byte);
    (1..=MOST).contains(&value.len()) && value.iter().all(is_octet)
}

/// The token has a length or a character that no cookie can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotACookieValue;

impl fmt::Display for NotACookieValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a session cookie's value is 1 to {MOST} visible ASCII characters other than `\"`, `,`, `;` and `\\`"
        )
    }
}

impl Error for NotACookieValue {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c01_an_age_is_a_second_at_least_and_400_days_at_most() {
        let longest = Duration::from_hours(400 * 24);
        for (age, is_kept) in [
            (Duration::ZERO, false),
            (Duration::from_millis(999), false),
            (Duration::from_secs(1), true),
            (longest, true),
            (longest + Duration::from_secs(1), false),
            (Duration::MAX, false),
        ] {
            assert_eq!(can_be_kept(age), is_kept, "{age:?}");
        }
    }
}
