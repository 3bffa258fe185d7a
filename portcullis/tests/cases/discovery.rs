//! Tokens of an issuer that is reached over the network. These tests bring a small issuer of their own, honest or not.

mod health;
mod introspection;
mod metadata;
mod moved;
mod outage;
mod outgoing;
mod patience;
mod rotation;
mod server;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{Router, body::Body, routing::get};
use http::{Request, StatusCode, header::AUTHORIZATION};
use portcullis::{
    AccessTokens, Guard, Verify,
    issuer::{DiscoveredKeys, Outgoing},
    tokens::AccessTokensBuilder,
};
use serde_json::{Value, json};
use tower::ServiceExt;

use self::server::{Reply, Server};
use super::issuer::{AUDIENCE, Key, NOW, claims, jwks};

const OAUTH: &str = "/.well-known/oauth-authorization-server";
const OPENID: &str = "/.well-known/openid-configuration";
const KEYS: &str = "/keys";

/// The verifier's clock, in seconds since 1970.
#[derive(Clone)]
struct Clock(Arc<AtomicU64>);

impl Clock {
    fn new() -> Self {
        Self(Arc::new(AtomicU64::new(NOW)))
    }

    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.0.load(Ordering::SeqCst))
    }

    fn set(&self, since_the_start: u64) {
        self.0.store(NOW + since_the_start, Ordering::SeqCst);
    }
}

/// The backend `rust-crypto` has no TLS, so these tests bring one, as an application would.
fn bring_tls() {
    #[cfg(not(feature = "aws-lc-rs"))]
    let _ = tokio_rustls::rustls::crypto::aws_lc_rs::default_provider().install_default();
}

/// An issuer that publishes `keys` with this `max-age` in seconds.
async fn issuer(keys: &[&'static Key], max_age: Option<u64>) -> Server {
    let server = Server::start().await;
    let metadata = json!({ "issuer": server.url(), "jwks_uri": format!("{}{KEYS}", server.url()) });
    server.reply(OAUTH, Reply::json(&metadata));
    publish(&server, keys, max_age);
    server
}

fn publish(server: &Server, keys: &[&'static Key], max_age: Option<u64>) {
    let mut reply = Reply::json(&serde_json::from_str(&jwks(keys.iter().copied())).unwrap());
    if let Some(seconds) = max_age {
        reply = reply.header("cache-control", &format!("public, max-age={seconds}"));
    }
    server.reply(KEYS, reply);
}

/// A verifier of `server`'s tokens.
fn builder(server: &Server, clock: &Clock) -> AccessTokensBuilder<DiscoveredKeys> {
    let clock = clock.clone();
    AccessTokens::discover(server.url()).audience(AUDIENCE).clock(move || clock.now())
}

/// For an issuer that will hang.
fn impatient() -> Outgoing {
    Outgoing::default().timeout(Duration::from_millis(1500))
}

/// A token of `server` that never expires, signed by `key`.
fn token(server: &Server, key: &Key) -> String {
    token_but(server, key, &json!({}))
}

fn token_but(server: &Server, key: &Key, changes: &Value) -> String {
    let mut claims = claims();
    claims["iss"] = json!(server.url());
    claims["exp"] = json!(NOW + 100 * 24 * 60 * 60);
    claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    key.token(&key.header().to_string(), &claims.to_string())
}

/// A header that names an unknown key.
fn unknown(server: &Server, key: &Key, kid: &str) -> String {
    let mut claims = claims();
    claims["iss"] = json!(server.url());
    key.token(&json!({ "typ": "at+jwt", "alg": key.alg, "kid": kid }).to_string(), &claims.to_string())
}

async fn open<V: Verify>(_: Guard<V>) {}

/// The status for a token at a handler behind a guard.
async fn status<V: Verify>(verifier: &V, token: &str) -> StatusCode {
    let app = Router::new().route("/", get(open::<V>)).with_state(verifier.clone());
    let request = Request::get("/").header(AUTHORIZATION, format!("Bearer {token}"));
    app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap().status()
}

/// Lets background tasks run until `is_so`.
async fn until(is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waiting).await.expect("it never came to be");
}

/// Gives unwanted background activity time to show.
async fn a_moment() {
    tokio::time::sleep(Duration::from_millis(100)).await;
}
