//! A browser's session: the same row as any other, shown by a cookie.

use std::{fmt, sync::Arc, time::Duration};

use aws_lc_rs::digest;
use axum::extract::FromRef;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderName, HeaderValue};
use portcullis::{CookieSettings, Credential, SecurityScheme, SessionCookie, Verdict, Verify, VerifyFailed};
use zeroize::Zeroizing;

use super::store;
use crate::{access::Principal, app::App, clock::Clock, db::Db, error::Error, random};

/// A use is written down when the last one that was is older: a page that asks ten times a second writes once.
const SEEN_EVERY: Duration = Duration::from_mins(1);

/// The cookie: `__Host-portcullis`. The browser keeps it as long as any session may live; the row says when it ends.
#[derive(Debug)]
pub struct SessionsCookie;

impl CookieSettings for SessionsCookie {
    const NAME: &'static str = "__Host-portcullis";
    const MAX_AGE: Option<Duration> = Some(Duration::from_hours(400 * 24));
}

/// What the cookie holds: 256 random bits. It does not print itself.
pub(crate) struct CookieToken(Zeroizing<String>);

impl CookieToken {
    pub(super) fn random() -> Self {
        let bytes = Zeroizing::new(random::bytes::<32>());
        Self(Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes.as_slice())))
    }

    pub(super) fn digest(&self) -> [u8; 32] {
        sha256(&self.0)
    }

    /// The header that makes the browser keep it.
    pub(crate) fn header(&self) -> Result<(HeaderName, HeaderValue), Error> {
        SessionCookie::<SessionsCookie>::set(&self.0).map_err(|cause| Error::Internal(cause.to_string()))
    }
}

impl fmt::Debug for CookieToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CookieToken(…)")
    }
}

/// The header that makes the browser forget it.
pub(crate) fn cleared() -> (HeaderName, HeaderValue) {
    SessionCookie::<SessionsCookie>::clear()
}

fn sha256(token: &str) -> [u8; 32] {
    let mut sha256 = [0; 32];
    sha256.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
    sha256
}

/// Verifies the cookies of browsers' sessions: one indexed read, and at most once a minute a write that moves the
/// idle end.
///
/// An application that mounts the server's router guards its own pages with the same: `Guard<SessionCookies>`.
#[derive(Debug, Clone)]
pub struct SessionCookies(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    db: Db,
    clock: Clock,
    idle: Duration,
}

impl SessionCookies {
    pub(crate) fn new(db: Db, clock: Clock, idle: Duration) -> Self {
        Self(Arc::new(Parts { db, clock, idle }))
    }
}

impl Verify for SessionCookies {
    type Credential = SessionCookie<SessionsCookie>;
    type Principal = Principal;
    const SCHEME: &'static str = "session";

    fn scheme() -> SecurityScheme {
        <Self::Credential as Credential>::scheme().described("The cookie that the log-in page sets.")
    }

    async fn verify(
        &self,
        cookie: &SessionCookie<SessionsCookie>,
    ) -> Result<Verdict<Principal>, VerifyFailed> {
        let (now, digest) = (self.0.clock.now(), sha256(cookie.token()));
        let found = store::alive_by_cookie(self.0.db.read().await?.conn(), &digest, now).await?;
        let Some((living, last_seen_at)) = found else { return Ok(Verdict::Refused) };
        if now - last_seen_at >= SEEN_EVERY {
            let mut tx = self.0.db.begin().await?;
            store::touch(tx.conn(), living.session, now + self.0.idle, now).await?;
            tx.commit().await?;
        }
        let principal = living.principal();
        Ok(Verdict::Accepted(principal, principal.role.scopes().map(str::to_owned).collect()))
    }
}

impl FromRef<App> for SessionCookies {
    fn from_ref(app: &App) -> Self {
        app.session_cookies().clone()
    }
}
