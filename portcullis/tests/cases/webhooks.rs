//! Incoming webhooks: signed requests.

use std::time::{Duration, UNIX_EPOCH};

use aws_lc_rs::hmac;
use axum::{Router, body::Body};
use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderMap, Request};
use portcullis::{
    Api, Guard, Json,
    credential::{SignatureFormat, Signed},
    webhooks::{GitHub, StandardWebhooks, Stripe, Webhooks},
};
use serde_json::json;

use super::credential::{Answer, send_whole};

const NOW: u64 = 1_614_265_330;
const SECRET: &str = "a secret of more than 16 bytes";
const BODY: &str = r#"{"test": 2432232314}"#;

fn hex(secret: &[u8], message: &str) -> String {
    let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
    mac.as_ref().iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

/// The body as the handler's own extractor reads it, and the sender.
async fn receive<F: SignatureFormat>(guard: Guard<Webhooks<F>>, body: String) -> Json<String> {
    let delivery = guard.principal();
    Json(format!("{} {:?} {:?}", body.len(), delivery.id(), delivery.time()))
}

fn app<F: SignatureFormat>(hooks: Webhooks<F>) -> Router {
    let hooks = hooks.clock(|| UNIX_EPOCH + Duration::from_secs(NOW));
    let api = Api::new("Hooks", "1").post("/hook", receive::<F>);
    api.finish().unwrap().0.with_state(hooks)
}

async fn post(app: &Router, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
    let mut request = Request::builder().method("POST").uri("/hook");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send_whole(app, request.body(body.into()).unwrap()).await
}

/// The example from GitHub's documentation.
#[tokio::test]
async fn githubs_signature() {
    let app = app(Webhooks::<GitHub>::new("It's a Secret to Everybody").unwrap());
    let good = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    let ask =
        async |value: &str, body: &'static str| post(&app, &[("x-hub-signature-256", value)], body).await;
    ask(good, "Hello, World!").await.is_answer(r#""13 None None""#, "as GitHub signs it");
    for (value, body) in [
        (good, "Hello, World?"),
        (good, ""),
        (&good.replace("757", "657"), "Hello, World!"),
        (good.strip_suffix('7').unwrap(), "Hello, World!"),
        ("sha256=", "Hello, World!"),
        ("sha1=757107ea0eb2509fc211221cce984b8a37570b6d", "Hello, World!"),
        ("junk", "Hello, World!"),
    ] {
        ask(value, body).await.is_refusal(401, Some("APIKey"), "Could not validate credentials", value);
    }
    post(&app, &[], "Hello, World!").await.is_refusal(401, Some("APIKey"), "Not authenticated", "unsigned");
    let twice = [("x-hub-signature-256", good), ("x-hub-signature-256", good)];
    post(&app, &twice, "Hello, World!").await.is_refusal(
        400,
        Some("APIKey"),
        "More than one credential was sent",
        "two",
    );
}

#[tokio::test]
async fn stripes_signature() {
    let app = app(Webhooks::<Stripe>::new(SECRET).unwrap().or_secret("an older secret, as long").unwrap());
    let signed = |time: u64, secret: &str| hex(secret.as_bytes(), &format!("{time}.{BODY}"));
    let ask = async |value: String| post(&app, &[("stripe-signature", &value)], BODY).await;
    let said = format!(r#""20 None Some({NOW})""#);
    let own = signed(NOW, SECRET);
    ask(format!("t={NOW},v1={own}")).await.is_answer(&said, "one signature");
    ask(format!("t={NOW}, v1={}, v1={own}, v0=x", "0".repeat(64))).await.is_answer(&said, "one of several");
    let older = signed(NOW, "an older secret, as long");
    ask(format!("t={NOW},v1={older}")).await.is_answer(&said, "while the secret changes");
    for time in [NOW - 300, NOW + 300] {
        let answer = ask(format!("t={time},v1={}", signed(time, SECRET))).await;
        assert_eq!(answer.status, 200, "{time}");
    }
    for value in [
        format!("t={},v1={}", NOW - 301, signed(NOW - 301, SECRET)),
        format!("t={},v1={}", NOW + 301, signed(NOW + 301, SECRET)),
        format!("t={},v1={own}", NOW + 1),
        format!("v1={own}"),
        format!("t={NOW}"),
        format!("t={NOW},v0={own}"),
        format!("t={NOW},v1={}", signed(NOW, "the secret of a stranger")),
        format!("t=-1,v1={own}"),
        format!("t={NOW},v1={own}{}", ",".repeat(5000)),
    ] {
        let answer = ask(value.clone()).await;
        assert_eq!(answer.status, 401, "{value}");
    }
}

/// The example from the Standard Webhooks libraries.
#[tokio::test]
async fn standard_webhooks() {
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let app = app(Webhooks::<StandardWebhooks>::new(secret).unwrap());
    let good = [
        ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
        ("webhook-timestamp", "1614265330"),
        ("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
    ];
    let said = format!(r#""20 Some(\"msg_p5jXN8AQM9LWM0D4loKWxJek\") Some({NOW})""#);
    post(&app, &good, BODY).await.is_answer(&said, "as the libraries sign it");
    let with = |at: usize, value: &'static str| {
        let mut headers = good;
        headers[at].1 = value;
        headers
    };
    let several = with(2, "v1a,x v1,AAAA v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    post(&app, &several, BODY).await.is_answer(&said, "one of several");
    for (headers, about) in [
        (with(0, "msg_another"), "another id"),
        (with(0, ""), "no id"),
        (with(1, "1614265331"), "another time"),
        (with(1, "junk"), "no time"),
        (with(2, "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="), "no version"),
    ] {
        assert_eq!(post(&app, &headers, BODY).await.status, 401, "{about}");
    }
    // One message must not be read as another: id `a.1`, time 2 for id `a`, time 1 and a body that begins with `2.`.
    let key = BASE64_STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), format!("a.1.{NOW}.{BODY}").as_bytes());
    let signature = format!("v1,{}", BASE64_STANDARD.encode(mac));
    let time = NOW.to_string();
    let shifted = [("webhook-id", "a.1"), ("webhook-timestamp", &*time), ("webhook-signature", &*signature)];
    assert_eq!(post(&app, &shifted, BODY).await.status, 401);
}

/// A custom format.
struct Slack;
impl SignatureFormat for Slack {
    const HEADER: &'static str = "X-Slack-Signature";
    const SCHEME: &'static str = "slack";
    const LIMIT: usize = 100;

    fn read(headers: &HeaderMap, body: &[u8]) -> Option<Signed> {
        let time = headers.get("X-Slack-Request-Timestamp")?.to_str().ok()?;
        let signature = headers.get(Self::HEADER)?.to_str().ok()?.strip_prefix("v0=")?;
        Some(Signed::over([b"v0:", time.as_bytes(), b":", body]).at(time.parse().ok()?).hex(signature))
    }
}

#[tokio::test]
async fn a_format_of_ones_own_and_its_limit() {
    let app = app(Webhooks::<Slack>::new(SECRET).unwrap());
    let ask = async |body: String| {
        let signature = format!("v0={}", hex(SECRET.as_bytes(), &format!("v0:{NOW}:{body}")));
        let time = NOW.to_string();
        post(&app, &[("x-slack-signature", &signature), ("x-slack-request-timestamp", &time)], body).await
    };
    assert_eq!(ask("x".repeat(100)).await.status, 200);
    let long = ask("x".repeat(101)).await;
    assert_eq!((long.status.as_u16(), long.detail().as_str()), (413, "The request body is too large"));
    // An unsigned request is not read.
    assert_eq!(post(&app, &[], "x".repeat(1_000_000)).await.status, 401);
}

#[tokio::test]
async fn the_guard_of_a_whole_router_sees_the_body_too() {
    async fn length(_: portcullis::Public, body: String) -> Json<usize> {
        Json(body.len())
    }
    let api =
        Api::<Webhooks<GitHub>>::new("Hooks", "1").guard::<Guard<Webhooks<GitHub>>>().post("/hook", length);
    let app = api.finish().unwrap().0.with_state(Webhooks::new("It's a Secret to Everybody").unwrap());
    let good = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    post(&app, &[("x-hub-signature-256", good)], "Hello, World!").await.is_answer("13", "signed");
    assert_eq!(post(&app, &[("x-hub-signature-256", good)], "Hello").await.status, 401);
}

/// Nothing is accepted if the guard cannot see the body.
#[tokio::test]
async fn a_plain_router_cannot_verify_a_signature() {
    let app = Router::new()
        .route("/hook", axum::routing::post(receive::<GitHub>))
        .with_state(Webhooks::<GitHub>::new(SECRET).unwrap());
    let signature = format!("sha256={}", hex(SECRET.as_bytes(), "x"));
    assert_eq!(post(&app, &[("x-hub-signature-256", &signature)], "x").await.status, 503);
}

#[test]
fn the_document_names_the_header_and_the_limit() {
    let (_, document) =
        Api::<Webhooks<Stripe>>::new("Hooks", "1").post("/hook", receive::<Stripe>).finish().unwrap();
    let document = document.value();
    assert_eq!(
        document["components"]["securitySchemes"]["stripe"],
        json!({
            "type": "apiKey", "in": "header", "name": "Stripe-Signature",
            "description": "HMAC-SHA256 over the request's body",
        })
    );
    let responses = &document["paths"]["/hook"]["post"]["responses"];
    assert!(["400", "401", "413", "503"].iter().all(|status| responses[status].is_object()), "{responses}");
}

#[test]
fn a_secret_that_could_be_guessed_is_rejected() {
    assert!(Webhooks::<GitHub>::new(&"x".repeat(16)).is_ok());
    for error in [
        Webhooks::<GitHub>::new(&"x".repeat(15)).unwrap_err(),
        Webhooks::<Stripe>::new("").unwrap_err(),
        Webhooks::<StandardWebhooks>::new("whsec_AAAA").unwrap_err(),
        Webhooks::<StandardWebhooks>::new("whsec_not base64").unwrap_err(),
    ] {
        assert!(error.to_string().contains("the secret"), "{error}");
    }
    let all = (0..7)
        .try_fold(Webhooks::<GitHub>::new(SECRET).unwrap(), |hooks, _| hooks.or_secret(SECRET))
        .unwrap();
    assert!(all.or_secret(SECRET).is_err());
}
