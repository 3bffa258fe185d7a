//! Access tokens against every trick that the yardstick names, over HTTP: a small axum app whose handler is behind
//! `Guard<AccessTokens, Read>`.

mod claims;
mod cost;
mod header;
mod issuers;
mod keys;
mod kinds;
mod reasons;
mod relaxed;
mod signature;
mod signed;

use std::time::Duration;

use axum::{Router, body::Body, routing::get};
use http::{
    Request, StatusCode,
    header::{AUTHORIZATION, WWW_AUTHENTICATE},
};
use portcullis::{AccessTokens, Guard, Scope};
use tower::ServiceExt;

use super::issuer::{verifier, verifier_at};

struct Read;
impl Scope for Read {
    const NAME: &'static str = "read";
    const DESCRIPTION: &'static str = "Look at things";
}

async fn subject(guard: Guard<AccessTokens, Read>) -> String {
    guard.principal().subject().to_owned()
}

fn app(verifier: AccessTokens) -> Router {
    Router::new().route("/", get(subject)).with_state(verifier)
}

/// The status for a token. Also checks that a rejection says no more than any other.
async fn sent_to(app: &Router, token: &str) -> StatusCode {
    let request = Request::get("/").header(AUTHORIZATION, format!("Bearer {token}"));
    let answer = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    if answer.status() == StatusCode::UNAUTHORIZED {
        assert_eq!(
            answer.headers()[WWW_AUTHENTICATE],
            "Bearer error=\"invalid_token\", error_description=\"The token is invalid, expired or revoked\""
        );
    }
    answer.status()
}

async fn status(token: &str) -> StatusCode {
    sent_to(&app(verifier()), token).await
}

async fn status_at(since_1970: Duration, token: &str) -> StatusCode {
    sent_to(&app(verifier_at(since_1970)), token).await
}
