//! The input extractors, over HTTP, in a plain axum router.

mod cost;
mod forms;
mod json;
mod keys;
mod multipart;
mod path_and_query;
mod random;
mod shapes;

use axum::{
    Router,
    body::{Body, to_bytes},
};
use http::{Request, StatusCode, header::CONTENT_TYPE};
use serde_json::Value;
use tower::ServiceExt;

/// The response: the status and the JSON body (`null` if there is none).
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    body: Value,
}

impl Answer {
    /// `[type, loc, msg]` of every invalid field, sorted by location.
    #[track_caller]
    fn errors(&self) -> Vec<String> {
        assert_eq!(self.status, 422, "{}", self.body);
        let one = |error: &Value| {
            let loc: Vec<String> = error["loc"]
                .as_array()
                .unwrap()
                .iter()
                .map(|step| step.to_string().replace('"', ""))
                .collect();
            format!(
                "{} {}: {}",
                error["type"].as_str().unwrap(),
                loc.join("."),
                error["msg"].as_str().unwrap()
            )
        };
        let mut errors: Vec<String> = self.body["detail"].as_array().unwrap().iter().map(one).collect();
        errors.sort();
        errors
    }

    /// The sentence of a rejection that names no field.
    #[track_caller]
    fn detail(&self) -> &str {
        self.body["detail"].as_str().unwrap_or_else(|| panic!("no sentence in {}", self.body))
    }
}

async fn send(app: &Router, request: Request<Body>) -> Answer {
    let response = app.clone().oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let bytes = to_bytes(body, 1 << 20).await.unwrap();
    if !bytes.is_empty() {
        assert_eq!(head.headers[CONTENT_TYPE], "application/json");
    }
    let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
    Answer { status: head.status, body }
}

async fn get(app: &Router, uri: &str) -> Answer {
    send(app, Request::get(uri).body(Body::empty()).unwrap()).await
}

async fn post(app: &Router, content_type: &str, body: impl Into<Body>) -> Answer {
    send(app, Request::post("/").header(CONTENT_TYPE, content_type).body(body.into()).unwrap()).await
}
