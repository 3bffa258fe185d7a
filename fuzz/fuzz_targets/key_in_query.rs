//! A query with a key for the guard and other input.
#![no_main]

use std::sync::LazyLock;

use axum::{Router, body::Body, http::Request, routing::get};
use libfuzzer_sys::fuzz_target;
use portcullis::{ApiKey, Guard, Query, credential::ApiKeyPlace, describe::In};
use portcullis_fuzz::{Anyone, Mixed};

struct Place;
impl ApiKeyPlace for Place {
    const IN: In = In::Query;
    const NAME: &'static str = "key";
}

type Keys = Anyone<ApiKey<Place>>;

static ROUTER: LazyLock<Router> = LazyLock::new(|| {
    Router::new().route("/", get(async |_: Guard<Keys>, _: Query<Mixed>| "in")).with_state(Keys::default())
});

fuzz_target!(|query: &str| {
    let Ok(request) = Request::get(format!("/?{query}")).body(Body::empty()) else { return };
    let status = portcullis_fuzz::status(&ROUTER, request).as_u16();
    // 200 and 422 come from after the guard.
    let is_there = query.contains("key=") || query.contains('%');
    assert!([400, 401].contains(&status) || is_there && [200, 422].contains(&status), "{status}");
});
