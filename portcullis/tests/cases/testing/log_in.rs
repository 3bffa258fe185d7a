//! A login that sets a cookie: another site's page must not be able to log its visitor in (login CSRF).

use axum::{
    Router,
    extract::Request,
    middleware::{Next, from_fn},
    response::Response,
};
use http::HeaderValue;
use portcullis::testing::Attack;
use portcullis::{
    Api, Document, NoContent, Public,
    credential::{CookieSettings, SameOrigin},
};

struct Shop;

impl CookieSettings for Shop {
    const NAME: &'static str = "__Host-shop";
}

async fn log_in(_: Public, _: SameOrigin<Shop>) -> NoContent {
    NoContent
}

async fn log_in_from_anywhere(_: Public) -> NoContent {
    NoContent
}

fn attack((router, document): (Router, Document)) -> Attack {
    Attack::on(router, document.value()).public(["POST /login"])
}

fn api() -> Api<()> {
    Api::new("Shop", "1")
}

async fn found(attack: Attack) -> Vec<String> {
    attack.run().await.unwrap_err().lines().map(str::to_owned).collect()
}

const SENT: &str = "POST /login: a call from a page that is cross-site, a call from a page that is same-site, a call from a \
                    page of another origin, by an old browser and 2 more were answered 204";

#[tokio::test]
async fn c02_a_sound_log_in_passes() {
    let report = attack(api().post("/login", log_in).finish().unwrap()).assert().await;
    assert_eq!(report.calls(), 6);
    attack(api().post("/login", log_in).finish().unwrap()).same_origin(["POST /login"]).assert().await;
    // Nothing says that this one must reject.
    attack(api().post("/login", log_in_from_anywhere).finish().unwrap()).assert().await;
}

#[tokio::test]
async fn c02_a_log_in_that_another_site_can_use_is_found() {
    async fn trust_every_page(mut request: Request, next: Next) -> Response {
        request.headers_mut().insert("sec-fetch-site", HeaderValue::from_static("same-origin"));
        next.run(request).await
    }
    let (router, document) = api().post("/login", log_in).finish().unwrap();
    let lines = found(attack((router.layer(from_fn(trust_every_page)), document))).await;
    assert_eq!(lines, [format!("{SENT}, documented is 403")]);
}

/// If the extractor is removed, its sentence in the document is gone too, but the test still knows.
#[tokio::test]
async fn c02_a_same_origin_that_is_taken_away_is_found() {
    let opened = attack(api().post("/login", log_in_from_anywhere).finish().unwrap());
    let lines = found(opened.same_origin(["POST /login"])).await;
    assert_eq!(lines, [format!("{SENT}, and `.same_origin` lists it: 403")]);
}

#[tokio::test]
async fn what_is_listed_lets_strangers_in() {
    let attack = attack(api().post("/login", log_in).finish().unwrap()).same_origin(["POST /logins"]);
    assert_eq!(found(attack).await, ["POST /logins: the test names it, and it is not in the document"]);
}
