//! A WebSocket behind a cookie: the handshake, also from another site's page.

use axum::{
    Router,
    extract::{Request, WebSocketUpgrade},
    middleware::{Next, from_fn},
    response::Response,
};
use http::HeaderValue;
use portcullis::testing::Attack;
use portcullis::{
    Api, Document, Granted, Guard, SessionCookie, Verdict, Verify, VerifyFailed, credential::CookieSettings,
};

struct Shop;

impl CookieSettings for Shop {
    const NAME: &'static str = "__Host-shop";
}

#[derive(Clone)]
struct Sessions;

impl Verify for Sessions {
    type Credential = SessionCookie<Shop>;
    type Principal = ();
    const SCHEME: &'static str = "session";

    async fn verify(&self, cookie: &SessionCookie<Shop>) -> Result<Verdict<()>, VerifyFailed> {
        let is_good = cookie.token() == "4c1e";
        Ok(if is_good { Verdict::Accepted((), Granted::none()) } else { Verdict::Refused })
    }
}

async fn watch(_: Guard<Sessions>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(async |_| {})
}

fn built() -> (Router, Document) {
    let (router, document) = Api::new("Shop", "1").get("/watch", watch).finish().unwrap();
    (router.with_state(Sessions), document)
}

fn attack(router: Router, document: &Document) -> Attack {
    Attack::on(router, document.value()).good("session", |_| "4c1e".to_owned())
}

#[tokio::test]
async fn c02_a_sound_socket_passes() {
    let (router, document) = built();
    attack(router, &document).assert().await;
}

#[tokio::test]
async fn c02_a_socket_that_another_site_can_open_is_found() {
    async fn trust_every_page(mut request: Request, next: Next) -> Response {
        request.headers_mut().insert("sec-fetch-site", HeaderValue::from_static("same-origin"));
        next.run(request).await
    }
    let (router, document) = built();
    let findings = attack(router.layer(from_fn(trust_every_page)), &document).run().await.unwrap_err();
    assert_eq!(
        findings.lines().collect::<Vec<_>>(),
        [
            "GET /watch: a good cookie from a page that is cross-site, a good cookie from a page that is same-site, \
             a good cookie from a page of another origin, by an old browser and 2 more were answered 426, documented \
             is 403"
        ]
    );
}
