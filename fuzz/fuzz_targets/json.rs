//! A body for `Json`: rejected or accepted, but never a server error.
#![no_main]

use std::sync::LazyLock;

use axum::{Router, routing::post};
use libfuzzer_sys::fuzz_target;
use portcullis::Json;
use portcullis_fuzz::Mixed;

static ROUTER: LazyLock<Router> =
    LazyLock::new(|| Router::new().route("/", post(async |_: Json<Mixed>| "taken")));

fuzz_target!(|body: &[u8]| portcullis_fuzz::post(&ROUTER, "application/json", body));
