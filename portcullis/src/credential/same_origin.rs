//! Requests that only the application's own pages can have made.

use std::{fmt, marker::PhantomData, net::Ipv4Addr, sync::Arc};

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

/// How the document describes the rejection by a [`SameOrigin`].
pub(crate) const CROSS_SITE: &str = "The request may come from a page of another site";

/// Whether a page of another origin may have made this request, to which the browser added its cookies.
///
/// A request that changes nothing is never rejected: the other page cannot read the response. One that may change
/// something must come from a page of the same origin or from the user (`none`: typed, a bookmark), according to
/// `Sec-Fetch-Site`. A page of a *sibling* host is rejected, too. Browsers that do not send this header (before 2023,
/// or on plain http) send `Origin`, which must be ours: `scheme` and the requested host. That host is `Host`, which the
/// browser sets: a page cannot, and an attacker who can needs no victim. Behind a proxy that does not forward `Host`,
/// those old browsers are rejected, and none is let in by mistake. An application that knows its public address sets
/// [`OwnOrigins`], and `Host` is ignored.
///
/// During development the pages are at `http://localhost`, to which Chrome and Firefox do send `Secure` cookies. There
/// `http://` is as good as `https://`: nobody on the network can respond in the machine's own name.
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

/// Opening a WebSocket is a GET whose responses another site *can* read (RFC 6455 §10.2).
fn is_safe(parts: &Parts) -> bool {
    let upgrades = parts.headers.get_all(UPGRADE).iter();
    let opens_socket = upgrades
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.to_ascii_lowercase().contains("websocket"));
    matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS) && !opens_socket
}

/// An origin is scheme, host and port (RFC 6454 §4): a page that somebody on the network serves at `http://` is not one
/// of ours at `https://`.
fn has_own_origin(parts: &Parts, scheme: &str) -> bool {
    let mut origins = parts.headers.get_all(ORIGIN).iter();
    let (Some(origin), None) = (origins.next(), origins.next()) else { return false };
    let Ok(origin) = origin.to_str() else { return false };
    if let Some(own) = parts.extensions.get::<OwnOrigins>() {
        return own.contain(origin);
    }
    let Some(own) = asked_for(parts) else { return false };
    is_origin(origin, scheme, own)
        || (scheme == "https" && is_loopback(own) && is_origin(origin, "http", own))
}

fn is_origin(origin: &str, scheme: &str, authority: &str) -> bool {
    let host = origin.strip_prefix(scheme).and_then(|rest| rest.strip_prefix("://"));
    let default_port = if scheme == "https" { ":443" } else { ":80" };
    let own = authority.strip_suffix(default_port).unwrap_or(authority);
    host.is_some_and(|host| !host.is_empty() && host.eq_ignore_ascii_case(own))
}

/// Whether `authority`, a host with or without a port, names this machine: `localhost` and its subdomains (RFC 6761
/// §6.3), 127.0.0.0/8 (RFC 1122 §3.2.1.3) or `::1` (RFC 4291 §2.5.3), spelled as browsers spell them.
fn is_loopback(authority: &str) -> bool {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() => host,
        _ => authority,
    };
    let host = host.to_ascii_lowercase();
    host == "localhost"
        || host.ends_with(".localhost")
        || host == "[::1]"
        || host.parse().is_ok_and(|address: Ipv4Addr| address.is_loopback())
}

/// The one host that the request is for. HTTP/2 has it in `:authority`, which is in the URI here.
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

/// The origins of the application's own pages, for an application that knows its public address.
///
/// Browsers that do not send `Sec-Fetch-Site` are checked by their `Origin`. By default it is compared with the
/// request's `Host`, which many reverse proxies replace. With this type in the request's extensions, `Origin` must
/// equal one of these origins exactly, and `Host` is ignored. Put it around all routes:
///
/// ```
/// use axum::{Extension, Router};
/// use portcullis::credential::OwnOrigins;
///
/// let router: Router = Router::new().layer(Extension(OwnOrigins::new(["https://shop.example"])));
/// # let _ = router;
/// ```
#[derive(Debug, Clone)]
pub struct OwnOrigins(Arc<[String]>);

impl OwnOrigins {
    /// Takes origins as browsers send them (RFC 6454 §6.2): scheme, host in lower case, and the port unless it is the
    /// scheme's default. Anything else matches no request, so a mistake rejects requests but never lets one in.
    pub fn new<T: Into<String>>(origins: impl IntoIterator<Item = T>) -> Self {
        Self(origins.into_iter().map(Into::into).collect())
    }

    /// `null`, the origin of pages without one, never matches.
    fn contain(&self, origin: &str) -> bool {
        origin != "null" && self.0.iter().any(|own| own == origin)
    }
}

/// Rejects (403) requests that a page of another site may have sent, on routes that set the cookie `C` and so have no
/// guard yet. Without it another site can log your visitor in to *its* account, and read there what they enter.
///
/// A guard of [`SessionCookie`] does this itself. For programs that log in without a browser, add another route, which
/// returns a token.
///
/// ```
/// use axum::response::AppendHeaders;
/// use http::{HeaderName, HeaderValue, StatusCode};
/// use portcullis::{Json, Public, SessionCookie, credential::{CookieSettings, SameOrigin}};
///
/// struct Shop;
/// impl CookieSettings for Shop {
///     const NAME: &'static str = "__Host-shop";
/// }
///
/// type Welcome = (AppendHeaders<[(HeaderName, HeaderValue); 1]>, Json<&'static str>);
///
/// async fn log_in(_: Public, _: SameOrigin<Shop>) -> Result<Welcome, StatusCode> {
///     # let token = "hBz7";
///     // … once the password is verified:
///     let cookie = SessionCookie::<Shop>::set(token).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
///     Ok((AppendHeaders([cookie]), Json("welcome")))
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
        operation.refuse_to_be_caught("SameOrigin<…>");
        operation.problem(StatusCode::FORBIDDEN, CROSS_SITE);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Whether a POST without `Sec-Fetch-Site` counts as cross-site if the application is at `https://`.
    fn is_refused(origin: &str, host: &str) -> bool {
        let request = http::Request::post("/").header(ORIGIN, origin).header(HOST, host);
        is_cross_site(&request.body(()).unwrap().into_parts().0, "https")
    }

    #[test]
    fn c02_two_names_of_the_host_must_be_one() {
        let asked = |uri: &str, hosts: &[&str]| {
            let request =
                hosts.iter().fold(http::Request::get(uri), |request, host| request.header(HOST, *host));
            let (parts, ()) = request.body(()).unwrap().into_parts();
            asked_for(&parts).map(str::to_owned)
        };
        let shop = Some("shop.example".to_owned());
        assert_eq!(asked("/", &["shop.example"]), shop);
        assert_eq!(asked("https://shop.example/", &[]), shop);
        assert_eq!(asked("https://shop.example/", &["SHOP.example"]), shop);
        assert_eq!(asked("https://shop.example/", &["evil.example"]), None);
        assert_eq!(asked("https://shop.example/", &["shop.example", "shop.example"]), None);
        assert_eq!(asked("/", &["shop.example", "shop.example"]), None);
        assert_eq!(asked("/", &[]), None);
    }

    #[test]
    fn c02_on_this_machine_plain_http_is_its_own_origin() {
        for host in [
            "localhost",
            "localhost:3000",
            "LOCALHOST:3000",
            "shop.localhost",
            "a.shop.localhost:8080",
            "127.0.0.1",
            "127.0.0.1:65535",
            "127.255.0.9:3000",
            "[::1]",
            "[::1]:3000",
        ] {
            assert!(!is_refused(&format!("http://{host}"), host), "{host}");
            assert!(!is_refused(&format!("https://{host}"), host), "{host}");
            assert!(is_refused(&format!("ws://{host}"), host), "{host}");
        }
        assert!(!is_refused("http://localhost", "localhost:80"));
    }

    #[test]
    fn c02_an_application_that_names_its_origins_is_not_asked_by_which_host() {
        let is_refused = |origin: &str, host: Option<&str>| {
            let mut request = http::Request::post("/").header(ORIGIN, origin);
            if let Some(host) = host {
                request = request.header(HOST, host);
            }
            let own = OwnOrigins::new(["https://shop.example", "null"]);
            is_cross_site(&request.extension(own).body(()).unwrap().into_parts().0, "https")
        };
        for host in [None, Some("127.0.0.1:8000"), Some("shop.example")] {
            assert!(!is_refused("https://shop.example", host), "{host:?}");
            for other in [
                "http://127.0.0.1:8000",
                "https://127.0.0.1:8000",
                "http://shop.example",
                "https://shop.example:444",
                "https://shop.example.evil",
                "https://SHOP.example",
                "null",
                "",
            ] {
                assert!(is_refused(other, host), "{other} {host:?}");
            }
        }
    }

    #[test]
    fn c02_what_only_looks_like_this_machine_is_not() {
        for host in [
            "shop.example",
            "localhost.evil",
            "localhost.evil:3000",
            "evillocalhost",
            "localhost.",
            "127.0.0.1.evil",
            "127.0.0.1.evil:3000",
            "127.1",
            "0127.0.0.1",
            "2130706433",
            "0x7f.0.0.1",
            "128.0.0.1",
            "0.0.0.0:3000",
            "10.0.0.1",
            "[::]:3000",
            "[::2]",
            "[::ffff:127.0.0.1]",
            "::1",
            "[::1].evil",
            "localhost:3000.evil",
            "localhost:evil",
            "localhost:99999",
            "user@localhost",
        ] {
            assert!(is_refused(&format!("http://{host}"), host), "{host}");
        }
    }

    #[test]
    fn c02_another_program_of_this_machine_is_another_origin() {
        for (origin, host) in [
            ("http://localhost", "localhost:3000"),
            ("http://localhost:4000", "localhost:3000"),
            ("http://localhost:3000", "127.0.0.1:3000"),
            ("http://127.0.0.1:3000", "127.0.0.2:3000"),
            ("http://evil.localhost:3000", "shop.localhost:3000"),
            ("http://localhost:3000", "shop.example"),
            ("http://evil.example", "localhost:3000"),
            ("http://localhost.evil:3000", "localhost:3000"),
            ("http://localhost:3000/", "localhost:3000"),
            ("HTTP://localhost:3000", "localhost:3000"),
            ("null", "localhost:3000"),
        ] {
            assert!(is_refused(origin, host), "{origin} {host}");
        }
    }

    proptest! {
        #[test]
        fn c02_plain_http_is_let_in_by_a_loopback_host_that_it_equals_and_by_nothing_else(
            origin in "(https?://)?(localhost|127\\.0\\.0\\.1|\\[::1\\]|evil)(\\.evil|\\.localhost)?(:3000)?",
            host in "(localhost|127\\.0\\.0\\.1|\\[::1\\]|evil)(\\.evil|\\.localhost)?(:3000)?",
        ) {
            let name = host.strip_suffix(":3000").unwrap_or(&host);
            let is_here = ["localhost", "127.0.0.1", "[::1]"].contains(&name) || name.ends_with(".localhost");
            let is_own = origin == format!("https://{host}") || (is_here && origin == format!("http://{host}"));
            prop_assert_eq!(is_refused(&origin, &host), !is_own);
        }

        #[test]
        fn d07_no_host_upsets_the_parser(host in "\\PC{0,40}") {
            let _ = is_loopback(&host);
        }
    }
}
