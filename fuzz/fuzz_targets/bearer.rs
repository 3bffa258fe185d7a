//! The values of `Authorization`, one per line.
#![no_main]

use std::sync::LazyLock;

use axum::{Router, body::Body, extract::Request};
use libfuzzer_sys::fuzz_target;
use portcullis::Bearer;

static ROUTER: LazyLock<Router> = LazyLock::new(portcullis_fuzz::guarded::<Bearer>);

/// RFC 6750 §2.1, implemented differently from the parser.
fn is_credentials(line: &[u8]) -> bool {
    let Some((scheme, token)) = line.split_at_checked(7) else { return false };
    let padding = token.iter().rev().take_while(|byte| **byte == b'=').count();
    let body = &token[..token.len() - padding];
    scheme.eq_ignore_ascii_case(b"bearer ")
        && !body.is_empty()
        && token.len() <= 8192
        && body.iter().all(|byte| matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'+' | b'/'))
}

fuzz_target!(|data: &[u8]| {
    let lines: Vec<&[u8]> = data.split(|byte| *byte == b'\n').collect();
    let Some(headers) = portcullis_fuzz::fields("authorization", data) else { return };
    let mut request = Request::new(Body::empty());
    *request.headers_mut() = headers;
    let expected = match lines.as_slice() {
        [line] if is_credentials(line) => 200,
        [_] => 401,
        _ => 400,
    };
    assert_eq!(portcullis_fuzz::status(&ROUTER, request), expected);
});
