//! Browser sessions: the same rows as any other session, presented by a cookie.

use std::{sync::Arc, time::Duration};

use axum::extract::{FromRef, Request};
use axum::middleware::Next;
use axum::response::Response;
use http::header::{COOKIE, Entry, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue};
use portcullis::{
    SessionCookie, Verdict, Verify, VerifyFailed,
    credential::{CookieSettings, Credential, SecurityScheme},
};

use super::store;
use crate::{
    access::{self, AppScopes, Principal},
    app::App,
    clock::Clock,
    db::Db,
    error::Error,
    secret::{SecretText, sha256},
};

/// A use is recorded if the last recorded one is older than this, so a page with ten requests a second writes once.
const SEEN_EVERY: Duration = Duration::from_mins(1);

/// The cookie: `__Host-portcullis`. The browser keeps it as long as any session may live; the row determines when it
/// expires.
#[derive(Debug)]
pub struct SessionsCookie;

impl CookieSettings for SessionsCookie {
    const NAME: &'static str = "__Host-portcullis";
    const MAX_AGE: Option<Duration> = Some(Duration::from_hours(400 * 24));
}

/// The header that sets the cookie.
pub(crate) fn header(cookie: &SecretText) -> Result<(HeaderName, HeaderValue), Error> {
    SessionCookie::<SessionsCookie>::set(cookie.expose()).map_err(|cause| Error::Internal(cause.to_string()))
}

/// The header that clears the cookie.
pub(crate) fn cleared() -> (HeaderName, HeaderValue) {
    SessionCookie::<SessionsCookie>::clear()
}

/// The cookie's second name where the public address is plain http.
const IN_CLEAR: &str = "portcullis-in-clear";

/// Wraps every route if the public address is plain http, which [`PublicUrl`](crate::config::PublicUrl) allows for
/// this computer only. There the session's cookie is set a second time, without `Secure` and therefore under a name
/// without `__Host-`. Safari does not keep `Secure` cookies of `http://localhost`; Chrome and Firefox do. The second
/// one is used only if the first is missing.
pub(crate) async fn keep_in_safari(mut request: Request, next: Next) -> Response {
    let names = |headers: &HeaderMap, name: &str| {
        let pairs =
            headers.get_all(COOKIE).iter().flat_map(|field| field.as_bytes().split(|byte| *byte == b';'));
        pairs.filter(|pair| value_of(pair, name).is_some()).count()
    };
    if names(request.headers(), SessionsCookie::NAME) == 0
        && let Entry::Occupied(mut fields) = request.headers_mut().entry(COOKIE)
    {
        fields.iter_mut().for_each(give_real_name);
    }
    let mut answer = next.run(request).await;
    let set: Vec<HeaderValue> = answer.headers().get_all(SET_COOKIE).iter().filter_map(in_clear).collect();
    for cookie in set {
        answer.headers_mut().append(SET_COOKIE, cookie);
    }
    answer
}

/// The value of the pair with this name.
fn value_of<'c>(pair: &'c [u8], name: &str) -> Option<&'c [u8]> {
    pair.trim_ascii_start().strip_prefix(name.as_bytes())?.strip_prefix(b"=")
}

fn give_real_name(field: &mut HeaderValue) {
    let pairs = field.as_bytes().split(|byte| *byte == b';').map(|pair| match value_of(pair, IN_CLEAR) {
        Some(value) => [SessionsCookie::NAME.as_bytes(), b"=", value].concat(),
        None => pair.to_vec(),
    });
    if let Ok(mut renamed) = HeaderValue::from_bytes(&pairs.collect::<Vec<_>>().join(&b';')) {
        renamed.set_sensitive(true);
        *field = renamed;
    }
}

/// The session's cookie under its second name.
fn in_clear(set: &HeaderValue) -> Option<HeaderValue> {
    let rest = set.to_str().ok()?.strip_prefix(SessionsCookie::NAME)?;
    let mut cookie = HeaderValue::try_from(format!("{IN_CLEAR}{}", rest.replacen("; Secure", "", 1))).ok()?;
    cookie.set_sensitive(true);
    Some(cookie)
}

/// Verifies the cookies of browser sessions: one indexed read, and at most once a minute a write that moves the idle
/// expiry.
///
/// An application that mounts the server's router guards its own pages with it: `Guard<SessionCookies>`.
#[derive(Debug, Clone)]
pub struct SessionCookies(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    db: Db,
    clock: Clock,
    idle: Duration,
    scopes: AppScopes,
}

impl SessionCookies {
    pub(crate) fn new(db: Db, clock: Clock, idle: Duration, scopes: AppScopes) -> Self {
        Self(Arc::new(Parts { db, clock, idle, scopes }))
    }
}

impl Verify for SessionCookies {
    type Credential = SessionCookie<SessionsCookie>;
    type Principal = Principal;
    const SCHEME: &'static str = "session";

    fn scheme() -> SecurityScheme {
        <Self::Credential as Credential>::scheme().described("The cookie that the login page sets.")
    }

    async fn verify(
        &self,
        cookie: &SessionCookie<SessionsCookie>,
    ) -> Result<Verdict<Principal>, VerifyFailed> {
        let (now, digest) = (self.0.clock.now(), sha256(cookie.token()));
        let found = access::living_by_cookie(self.0.db.read().await?.conn(), &digest, now).await?;
        let Some((living, last_seen_at)) = found else { return Ok(Verdict::Refused) };
        if now - last_seen_at >= SEEN_EVERY {
            let mut single = self.0.db.single();
            store::touch(single.conn(), living.session, now + self.0.idle, now).await?;
        }
        let principal = living.principal();
        let scopes = principal.role.scopes(&self.0.scopes).map(str::to_owned).collect();
        Ok(Verdict::Accepted(principal, scopes))
    }
}

impl FromRef<App> for SessionCookies {
    fn from_ref(app: &App) -> Self {
        app.session_cookies().clone()
    }
}
