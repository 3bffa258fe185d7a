//! A body for `Form`: rejected or accepted, but never a server error.
#![no_main]

use std::sync::LazyLock;

use axum::{Router, routing::post};
use libfuzzer_sys::fuzz_target;
use portcullis::Form;
use portcullis_fuzz::Mixed;

static ROUTER: LazyLock<Router> =
    LazyLock::new(|| Router::new().route("/", post(async |_: Form<Mixed>| "taken")));

fuzz_target!(|body: &[u8]| portcullis_fuzz::post(&ROUTER, "application/x-www-form-urlencoded", body));
