//! Every extractor and response of axum describes itself, and the description is true.
//!
//! Each has a snapshot of its entry (`describe/*.json`). Each is also called, and the response must match that entry.

mod answers;
#[cfg(all(feature = "axum-full", feature = "axum-extra"))]
mod axum_pairs;
mod documented;
#[cfg(feature = "axum-extra")]
mod extra;
mod extractors;
#[cfg(feature = "axum-full")]
mod full;
mod own_enums;
mod parameters;
mod rejections;
mod schemas;
#[cfg(feature = "ws")]
mod websocket;

use std::{fmt::Write as _, fs, path::Path};

use axum::{body::Body, response::Response};
use http::{Request, header::CONTENT_TYPE};
use http_body_util::BodyExt;
use portcullis::{Api, Public, api::Route};
use serde_json::{Map, Value, json};
use tower::ServiceExt;

/// A handler that takes an `E` and returns nothing.
async fn takes<E: Send>(_: Public, _: E) {}

/// The whole document of a single route.
fn document(route: Route<()>) -> Value {
    let (_, document) = Api::<()>::new("", "").route(route).finish().unwrap();
    document.value().clone()
}

/// Its only entry.
fn entry(document: &Value) -> &Value {
    let paths = document["paths"].as_object().unwrap();
    paths.values().next().unwrap().as_object().unwrap().values().next().unwrap()
}

/// Compares the entries, without what every route has, with the snapshot `describe/{name}.json`.
fn same_as_snapshot(name: &str, routes: Vec<(&str, Route<()>)>) {
    let found: Map<String, Value> = routes
        .into_iter()
        .map(|(name, route)| {
            let document = document(route);
            let mut entry = entry(&document).as_object().unwrap().clone();
            for same in ["operationId", "summary", "security"] {
                entry.remove(same).unwrap();
            }
            let mut schemas = document["components"]["schemas"].as_object().unwrap().clone();
            schemas.retain(|name, _| !["FieldError", "InvalidInput", "Problem"].contains(&name.as_str()));
            if !schemas.is_empty() {
                entry.insert("schemas".to_owned(), schemas.into());
            }
            (name.to_owned(), entry.into())
        })
        .collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/describe").join(name);
    let path = path.with_extension("json");
    let expected: Value =
        serde_json::from_str(&fs::read_to_string(&path).unwrap_or_default()).unwrap_or_default();
    if Value::from(found.clone()) != expected {
        let mut text = String::from("{\n");
        for (index, (name, entry)) in found.iter().enumerate() {
            let comma = if index + 1 == found.len() { "" } else { "," };
            writeln!(text, "  {}: {entry}{comma}", Value::from(name.as_str())).unwrap();
        }
        panic!(
            "{} is no longer what the types say. If this is meant, write into it:\n{text}}}",
            path.display()
        );
    }
}

/// Calls the only route. Its response must have this status and be in its entry.
async fn agrees(about: &str, route: Route<()>, request: Request<Body>, status: u16) {
    let (router, document) = Api::<()>::new("", "").route(route).finish().unwrap();
    let answer = router.with_state(()).oneshot(request).await.unwrap();
    assert_eq!(answer.status(), status, "{about}");
    is_documented(about, entry(document.value()), answer).await;
}

async fn is_documented(about: &str, entry: &Value, answer: Response) {
    let status = answer.status();
    let responses = &entry["responses"];
    let documented =
        [status.as_u16().to_string(), format!("{}XX", status.as_u16() / 100), "default".to_owned()]
            .iter()
            .find_map(|key| responses.get(key))
            .unwrap_or_else(|| panic!("{about}: {status} is not in {responses}"));
    for name in documented["headers"].as_object().into_iter().flat_map(Map::keys) {
        assert!(answer.headers().contains_key(name.as_str()), "{about}: no header {name}");
    }
    let media_type = answer.headers().get(CONTENT_TYPE).map(|value| {
        let text = value.to_str().unwrap();
        text.split(';').next().unwrap().to_owned()
    });
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    match documented["content"].as_object() {
        None => assert!(body.is_empty() && media_type.is_none(), "{about}: {media_type:?} {body:?}"),
        Some(content) if content.contains_key("*/*") => {}
        Some(content) => {
            let media_type = media_type.unwrap_or_else(|| panic!("{about}: no content type"));
            assert!(content.contains_key(&media_type), "{about}: {media_type} is not in {documented}");
        }
    }
}

fn request(method: &str, uri: &str, content_type: &str, body: impl Into<Body>) -> Request<Body> {
    let request = Request::builder().method(method).uri(uri);
    let request = if content_type.is_empty() { request } else { request.header(CONTENT_TYPE, content_type) };
    request.body(body.into()).unwrap()
}
