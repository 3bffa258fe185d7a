//! The fields of `Cookie`, one per line.
#![no_main]

use std::sync::LazyLock;

use axum::{Router, body::Body, extract::Request};
use libfuzzer_sys::fuzz_target;
use portcullis::{SessionCookie, credential::CookieSettings};

struct Site;
impl CookieSettings for Site {
    const NAME: &'static str = "__Host-s";
}

static ROUTER: LazyLock<Router> = LazyLock::new(portcullis_fuzz::guarded::<SessionCookie<Site>>);

/// `cookie-octet` of RFC 6265 §4.1.1, as the RFC lists it.
fn is_octet(byte: &u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x2b | 0x2d..=0x3a | 0x3c..=0x5b | 0x5d..=0x7e)
}

fuzz_target!(|data: &[u8]| {
    let Some(headers) = portcullis_fuzz::fields("cookie", data) else { return };
    let mut request = Request::new(Body::empty());
    *request.headers_mut() = headers;
    let pairs = data.split(|byte| matches!(byte, b'\n' | b';')).filter_map(|pair| {
        let (name, value) = pair.split_at(pair.iter().position(|byte| *byte == b'=')?);
        (name.trim_ascii() == b"__Host-s").then_some(value[1..].trim_ascii())
    });
    let expected = match pairs.collect::<Vec<_>>()[..] {
        [value] if (1..=3800).contains(&value.len()) && value.iter().all(is_octet) => 200,
        [] | [_] => 401,
        _ => 400,
    };
    assert_eq!(portcullis_fuzz::status(&ROUTER, request), expected);
});
