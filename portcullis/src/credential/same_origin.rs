//! Requests that only the application's own pages can have made.

use std::{fmt, marker::PhantomData};

use axum::extract::FromRequestParts;
use http::{
    Method, StatusCode,
    header::{HOST, ORIGIN, UPGRADE},
    request::Parts,
};

use super::{CookieSettings, SessionCookie};
use crate::{
    denied::Denied,
    describe::{Describe, Operation},
};

/// Whether a page of another origin may have made this request, whose cookies the browser added.
///
/// A request that changes nothing is never refused: the answer cannot be read by the other page. One that may
/// change something must come from a page of the same origin, or from the user (`none`: typed, a bookmark), as the
/// browser says in `Sec-Fetch-Site`. A page of a *sibling* host is no friend either. Browsers that do not send it
/// (before 2023, or on plain http) send `Origin`, which must be ours: `scheme` and the host that was asked for. That
/// is `Host`, which is the browser's own word: a page cannot set it, and who can set it has no need of a victim.
/// Behind a proxy that does not hand `Host` on, those old browsers are refused, and none is let in by mistake.
pub(super) fn is_cross_site(parts: &Parts, scheme: &str) -> bool {
    if is_safe(parts) {
        return false;
    }
    let mut sites = parts.headers.get_all("sec-fetch-site").iter();
    match (sites.next(), sites.next()) {
        (None, _) => !has_own_origin(parts, scheme),
        (Some(site), None) => !matches!(site.as_bytes(), b"same-origin" | b"none"),
        (Some(_), Some(_)) => true,
    }
}

/// Opening a WebSocket is a GET that another site *can* read the answers of (RFC 6455 §10.2).
fn is_safe(parts: &Parts) -> bool {
    let upgrades = parts.headers.get_all(UPGRADE).iter();
    let opens_socket = upgrades
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.to_ascii_lowercase().contains("websocket"));
    matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS) && !opens_socket
}

/// An origin is scheme, host and port (RFC 6454 §4): a page at `http://` that somebody on the network made up is
/// not one of ours at `https://`.
fn has_own_origin(parts: &Parts, scheme: &str) -> bool {
    let mut origins = parts.headers.get_all(ORIGIN).iter();
    let (Some(origin), None) = (origins.next(), origins.next()) else { return false };
    let host = origin.to_str().ok().and_then(|origin| origin.strip_prefix(scheme)?.strip_prefix("://"));
    let default_port = if scheme == "https" { ":443" } else { ":80" };
    match (host, asked_for(parts)) {
        (Some(host), Some(own)) => {
            let own = own.strip_suffix(default_port).unwrap_or(own);
            !host.is_empty() && host.eq_ignore_ascii_case(own)
        }
        _ => false,
    }
}

/// The one host that the request is for: HTTP/2 has it in `:authority`, which is in the URI here.
fn asked_for(parts: &Parts) -> Option<&str> {
    let mut hosts = parts.headers.get_all(HOST).iter();
    let authority = parts.uri.authority().map(http::uri::Authority::as_str);
    match (authority, hosts.next(), hosts.next()) {
        (Some(authority), None, _) => Some(authority),
        (None, Some(host), None) => host.to_str().ok(),
        (Some(authority), Some(host), None) => {
            Some(authority).filter(|authority| authority.as_bytes().eq_ignore_ascii_case(host.as_bytes()))
        }
        _ => None,
    }
}

/// Refuses (403) what a page of another site may have sent: for the routes that hand out the cookie `C` and so have
/// no guard yet. Without it another site can log your visitor in to *its* account, and read there what they enter.
///
/// A guard of [`SessionCookie`] does this itself. Programs that log in without a browser have another route, which
/// answers with a token.
///
/// ```
/// use axum::response::{AppendHeaders, IntoResponse};
/// use http::StatusCode;
/// use portcullis::{CookieSettings, Json, Public, SameOrigin, SessionCookie};
///
/// struct Shop;
/// impl CookieSettings for Shop {
///     const NAME: &'static str = "__Host-shop";
/// }
///
/// async fn log_in(_: Public, _: SameOrigin<Shop>) -> impl IntoResponse {
///     # let token = "hBz7";
///     // … once the password was found right:
///     let cookie = SessionCookie::<Shop>::set(token).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
///     Ok::<_, StatusCode>((AppendHeaders([cookie]), Json("welcome")))
/// }
/// # let _ = log_in;
/// ```
pub struct SameOrigin<C: CookieSettings>(PhantomData<fn() -> C>);

impl<C: CookieSettings> fmt::Debug for SameOrigin<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SameOrigin")
    }
}

impl<St: Send + Sync, C: CookieSettings> FromRequestParts<St> for SameOrigin<C> {
    type Rejection = Denied;

    async fn from_request_parts(parts: &mut Parts, _: &St) -> Result<Self, Denied> {
        if is_cross_site(parts, SessionCookie::<C>::SCHEME) {
            return Err(Denied::cross_site());
        }
        Ok(Self(PhantomData))
    }
}

impl<C: CookieSettings> Describe for SameOrigin<C> {
    fn describe(operation: &mut Operation<'_>) {
        operation.problem(StatusCode::FORBIDDEN, "The request may come from a page of another site");
    }
}
