//! A body for `Multipart`: rejected or accepted, but never a server error.
#![no_main]

use std::sync::LazyLock;

use axum::{Router, routing::post};
use libfuzzer_sys::fuzz_target;
use portcullis::Multipart;
use portcullis_fuzz::Upload;

static ROUTER: LazyLock<Router> =
    LazyLock::new(|| Router::new().route("/", post(async |_: Multipart<Upload>| "taken")));

fuzz_target!(|body: &[u8]| portcullis_fuzz::post(&ROUTER, "multipart/form-data; boundary=X", body));
