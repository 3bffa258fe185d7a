//! A key set (RFC 7517), as an issuer returns it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis::AccessTokens;
use serde_json::Value;

fuzz_target!(|text: &str| {
    let tokens = AccessTokens::issued_by("i").audience("a").keys(text);
    if tokens.and_then(|tokens| tokens.build()).is_ok() {
        assert!(serde_json::from_str::<Value>(text).is_ok_and(|set| set["keys"].is_array()));
    }
});
