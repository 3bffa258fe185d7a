//! The examples do what they say: the happy path of each, and the rejection that it demonstrates.
#![expect(
    unreachable_pub,
    dead_code,
    clippy::duplicate_mod,
    reason = "each example is a program of its own, with a `main`, and some with the same module"
)]

#[cfg(feature = "api-keys")]
mod api_keys;
mod before_and_after;
mod cookies;
mod guide;
mod permissions;
mod tokens;
#[cfg(feature = "ws")]
mod websocket;

use axum::{Router, body::Body};
use http::{HeaderMap, Request, StatusCode, header::AUTHORIZATION};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

/// The response of an example.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    #[track_caller]
    fn assert(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", String::from_utf8_lossy(&self.body));
        self
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

/// `ask(&app, "POST", "/orders", &[("content-type", "application/json")], body)`
async fn ask(app: &Router, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut request = Request::builder().method(method).uri(path).header("host", "localhost:3000");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = app.clone().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
    let (parts, body) = answer.into_parts();
    let body = body.collect().await.unwrap().to_bytes().to_vec();
    Answer { status: parts.status, headers: parts.headers, body }
}

async fn get(app: &Router, path: &str) -> Answer {
    ask(app, "GET", path, &[], "").await
}

async fn with_token(app: &Router, method: &str, path: &str, token: &str) -> Answer {
    ask(app, method, path, &[(AUTHORIZATION.as_str(), &format!("Bearer {token}"))], "").await
}

async fn post_json(app: &Router, path: &str, token: &str, body: &Value) -> Answer {
    let headers = [("content-type", "application/json"), ("authorization", &*format!("Bearer {token}"))];
    ask(app, "POST", path, &headers, &body.to_string()).await
}

async fn post_form(app: &Router, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let form = [("content-type", "application/x-www-form-urlencoded")];
    ask(app, "POST", path, &[headers, &form].concat(), body).await
}

/// Who may call, according to the document that the example serves.
async fn security(app: &Router, method: &str, path: &str) -> Value {
    get(app, "/openapi.json").await.assert(200).json()["paths"][path][method]["security"].clone()
}
