//! A post with a session cookie from an arbitrary origin: `Host`, `Origin` and `Sec-Fetch-Site`, one per line.
#![no_main]

use std::sync::LazyLock;

use axum::{Router, body::Body, http::Request};
use libfuzzer_sys::fuzz_target;
use portcullis::{SessionCookie, credential::CookieSettings};

struct Site;
impl CookieSettings for Site {
    const NAME: &'static str = "__Host-s";
}

static ROUTER: LazyLock<Router> = LazyLock::new(portcullis_fuzz::guarded::<SessionCookie<Site>>);

/// Whether a page at `origin` belongs to `host`, over https or on this machine.
fn is_own(host: &str, origin: &str) -> bool {
    let (host, origin) = (host.to_ascii_lowercase(), origin.to_ascii_lowercase());
    let is_here = ["localhost", "127.", "[::1]"].iter().any(|name| host.contains(name));
    [("https://", ":443", true), ("http://", ":80", is_here)].into_iter().any(|(scheme, port, is_good)| {
        let own = format!("{scheme}{host}");
        is_good && origin.len() > scheme.len() && (origin == own || format!("{origin}{port}") == own)
    })
}

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let lines: Vec<&str> = text.split('\n').collect();
    let [host, origin, site] = lines[..] else { return };
    let mut request = Request::post("/").header("cookie", "__Host-s=x").header("host", host);
    for (name, value) in [("origin", origin), ("sec-fetch-site", site)] {
        // An empty line means that the header is missing.
        request = if value.is_empty() { request } else { request.header(name, value) };
    }
    let Ok(request) = request.body(Body::empty()) else { return };
    let from_here =
        if site.is_empty() { is_own(host, origin) } else { ["same-origin", "none"].contains(&site) };
    match portcullis_fuzz::status(&ROUTER, request).as_u16() {
        200 => assert!(from_here),
        other => assert_eq!(other, 403),
    }
});
