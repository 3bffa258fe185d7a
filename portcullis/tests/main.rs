//! The library from outside: one test binary, one module per part. (`started.rs` runs the examples.)
//!
//! The name of a test that checks a line of the requirements begins with its id (`t01_…`).

// Tells clippy that everything here is test code, including helper functions.
#[cfg(test)]
mod cases {
    mod api;
    mod combine;
    mod compiler;
    mod credential;
    mod describe;
    #[cfg(feature = "discovery")]
    mod discovery;
    mod docs;
    #[cfg(all(feature = "axum-extra", feature = "axum-full"))]
    mod everything;
    mod examples;
    mod fail;
    mod fits_in;
    mod guard;
    mod input;
    mod issuer;
    mod learn;
    mod log;
    mod pages;
    mod permission;
    mod programs;
    mod protected_resource;
    mod step_up;
    #[cfg(feature = "testing")]
    mod testing;
    mod tokens;
    mod webhooks;
}
