//! The text after `Authorization: Basic`.
#![no_main]

use std::sync::LazyLock;

use axum::{Router, body::Body, http::Request};
use base64::{Engine, engine::general_purpose::STANDARD};
use libfuzzer_sys::fuzz_target;
use portcullis::Basic;

static ROUTER: LazyLock<Router> = LazyLock::new(portcullis_fuzz::guarded::<Basic>);

/// RFC 7617 §2, implemented differently from the parser.
fn is_pair(encoded: &[u8]) -> bool {
    let Some(pair) = STANDARD.decode(encoded).ok().and_then(|bytes| String::from_utf8(bytes).ok()) else {
        return false;
    };
    STANDARD.encode(&pair).as_bytes() == encoded
        && pair.len() <= 1024
        && pair.contains(':')
        && !pair.chars().any(char::is_control)
}

fuzz_target!(|data: &[u8]| {
    let value = [b"Basic ", data].concat();
    let Ok(request) = Request::get("/").header("authorization", value).body(Body::empty()) else { return };
    assert_eq!(portcullis_fuzz::status(&ROUTER, request), if is_pair(data) { 200 } else { 401 });
});
