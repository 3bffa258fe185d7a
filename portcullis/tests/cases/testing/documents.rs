//! Documents that do not describe what the application does.

use std::{collections::BTreeSet, convert::Infallible};

use axum::{
    Router,
    body::{Body, Bytes},
    response::sse::{Event, Sse},
    routing::get,
};
use http::{StatusCode, header::CONTENT_TYPE};
use portcullis::{
    Json,
    testing::{Attack, Sample},
};
use serde_json::{Value, json};

use super::{document, found, router};

/// The shop's document, with a change.
fn edited(change: impl FnOnce(&mut Value)) -> Value {
    let mut document = document().value().clone();
    change(&mut document["paths"]);
    document
}

#[tokio::test]
async fn t13_a_guarded_route_that_the_document_calls_public() {
    let document = edited(|paths| paths["/metrics"]["get"]["security"] = json!([]));
    assert_eq!(
        found(router(), &document).await,
        ["GET /metrics: anyone may call it, and `.public` does not list it"],
        "its own 401 may be what it is for, as that of a log-in"
    );
    let document = edited(|paths| {
        paths["/metrics"]["get"]["security"] = json!([{}]);
        paths["/metrics"]["get"]["responses"].as_object_mut().unwrap().remove("401");
    });
    assert_eq!(
        found(router(), &document).await,
        [
            "GET /metrics: anyone may call it, and `.public` does not list it",
            "GET /metrics: no credential was answered 401, documented is that anyone may call",
        ]
    );
}

#[tokio::test]
async fn t13_a_public_route_that_the_document_calls_guarded() {
    let document = edited(|paths| {
        let item = paths["/metrics"]["get"].clone();
        paths["/health"]["get"]["security"] = item["security"].clone();
        paths["/health"]["get"]["responses"]["401"] = item["responses"]["401"].clone();
    });
    let lines = found(router(), &document).await;
    assert_eq!(lines[0], "GET /health: `.public` lists it, and the document guards it");
    assert!(
        lines[1].starts_with("GET /health: no credential, a credential of an unknown scheme, `Basic junk`"),
        "{lines:?}"
    );
    assert!(lines[1].ends_with("were answered 200, documented is 401"), "{lines:?}");
}

#[tokio::test]
async fn a_route_that_is_not_in_the_router() {
    let document = edited(|paths| {
        let (item, health) = (paths["/items/{id}"].clone(), paths["/health"].clone());
        paths["/old/{id}"] = item;
        paths["/old"] = health.clone();
        paths["/health"]["post"] = health["get"].clone();
    });
    let attack = super::attack(router(), &document).public(["GET /old", "POST /health"]);
    let findings = attack.run().await.unwrap_err();
    assert_eq!(
        findings.lines().collect::<Vec<_>>(),
        [
            "POST /health: no credential was answered 405: the router has no such route",
            "GET /old: no credential was answered 404: the router has no such route",
            "GET /old/{id}: no credential was answered 404: the router has no such route",
        ]
    );
}

#[tokio::test]
async fn an_answer_that_is_not_in_the_document() {
    let document = edited(|paths| {
        let responses = |path: &str, method: &str| paths[path][method]["responses"].clone();
        let mut health = responses("/health", "get");
        let schema = &mut health["200"]["content"]["application/json"]["schema"];
        *schema = json!({ "$ref": "#/components/schemas/Problem" });
        let mut metrics = responses("/metrics", "get");
        metrics["200"] = json!({ "description": "Nothing" });
        let mut login = responses("/login", "post");
        login.as_object_mut().unwrap().remove("204");
        let mut orders = responses("/orders", "get");
        orders["200"]["content"] = json!({ "text/*": {} });
        paths["/health"]["get"]["responses"] = health;
        paths["/metrics"]["get"]["responses"] = metrics;
        paths["/login"]["post"]["responses"] = login;
        paths["/orders"]["get"]["responses"] = orders;
    });
    assert_eq!(
        found(router(), &document).await,
        [
            "GET /health: no credential was answered 200 with a body that is not as documented: value is not of type \"object\"",
            "POST /login: no credential was answered 204 where this is documented: 400, 413, 415, 422",
            "GET /metrics: a good credential was answered 200 with a body, though none is documented",
            "GET /orders: a good credential (`access_token`) and a good credential (`till`) were answered 200 with a body of type `application/json`, documented is `text/*`",
        ]
    );
}

#[tokio::test]
async fn a_scheme_that_nothing_here_can_use() {
    let mut document = document().value().clone();
    document["components"]["securitySchemes"]["staff"] = json!({ "type": "aura" });
    let lines = found(router(), &document).await;
    let line = "GET /metrics: the document does not describe the scheme `staff`, or nothing here can use it";
    assert!(lines.iter().any(|found| found == line), "{lines:?}");

    let mut document =
        edited(|paths| paths["/metrics"]["get"]["security"] = json!([{ "staff": [], "access_token": [] }]));
    document["components"]["securitySchemes"]["staff"]["scheme"] = "bearer".into();
    let lines = found(router(), &document).await;
    let line = "GET /metrics: `access_token` and `staff` are sent in one place, so that nobody can send both";
    assert!(lines.iter().any(|found| found == line), "{lines:?}");
}

/// Echoes the request, so that the test can check the sample.
#[tokio::test]
async fn samples_and_parameters_are_sent_as_they_are_given() {
    async fn echo(request: axum::extract::Request) -> Json<Value> {
        let (head, body) = request.into_parts();
        let body = axum::body::to_bytes(body, 1000).await.unwrap();
        let text = |name: &str| head.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        Json(json!([
            head.uri.to_string(),
            text("x-mode"),
            text("content-type"),
            String::from_utf8_lossy(&body)
        ]))
    }
    let parameter = |name: &str, place: &str| json!({ "name": name, "in": place, "required": place != "query", "schema": { "type": "string" } });
    let document = |expected: Value| {
        json!({ "paths": { "/a/{id}": { "get": {
            "parameters": [parameter("id", "path"), parameter("q", "query"), parameter("X-Mode", "header")],
            "requestBody": { "content": { "application/x-www-form-urlencoded": {} } },
            "responses": { "2XX": { "content": { "*/*": { "schema": { "const": expected } } } } },
        } } } })
    };
    let router = Router::new().route("/a/{id}", get(echo));
    let expected = json!(["/a/x", "x", "application/x-www-form-urlencoded", ""]);
    Attack::on(router.clone(), &document(expected)).public(["GET /a/{id}"]).assert().await;

    let attack = |expected: Value| {
        Attack::on(router.clone(), &document(expected))
            .public(["GET /a/{id}"])
            .parameter("GET /a/{id}", "id", "1/2")
            .parameter("GET /a/{id}", "q", "a b")
            .parameter("GET /a/{id}", "X-Mode", "fast")
    };
    let expected = json!(["/a/1%2F2?q=a%20b", "fast", "application/x-www-form-urlencoded", "n=1%3D"]);
    attack(expected).sample("GET /a/{id}", json!({ "n": "1=" })).assert().await;
    let expected = json!(["/a/1%2F2?q=a%20b", "fast", "text/plain", "hi"]);
    attack(expected).sample("GET /a/{id}", Sample::from(("text/plain", b"hi".to_vec()))).assert().await;
    let findings = attack(json!([])).run().await.unwrap_err();
    assert_eq!(findings.lines().count(), 1, "{findings}");
}

/// A body that never arrives.
async fn endless() -> Body {
    Body::from_stream(futures_util::stream::pending::<Result<Bytes, Infallible>>())
}

#[tokio::test]
async fn an_answer_without_an_end_is_not_waited_for() {
    let events = || futures_util::stream::pending::<Result<Event, Infallible>>();
    let router = Router::new()
        .route("/events", get(async move || Sse::new(events())))
        .route("/tail", get(endless))
        .route("/lines", get(async || ([(CONTENT_TYPE, "application/x-ndjson")], endless().await)));
    let path = |content: Value| json!({ "get": { "responses": { "200": { "content": content } } } });
    let document = json!({ "paths": {
        "/events": path(json!({ "text/event-stream": {} })),
        "/tail": path(json!({ "*/*": {} })),
        "/lines": path(json!({ "application/x-ndjson": { "schema": { "type": "string" } } })),
    } });
    Attack::on(router, &document).public(["GET /events", "GET /tail", "GET /lines"]).assert().await;
}

#[tokio::test]
async fn a_body_that_the_document_knows_has_an_end() {
    let router = Router::new()
        .route("/json", get(async || ([(CONTENT_TYPE, "application/json")], endless().await)))
        .route("/nothing", get(endless))
        .route(
            "/broken",
            get(async || Body::from_stream(futures_util::stream::iter([Err::<Bytes, _>("no")]))),
        )
        .route("/other", get(async || (StatusCode::IM_A_TEAPOT, endless().await)));
    let document = json!({ "paths": {
        "/json": { "get": { "responses": { "200": { "content": { "application/json": { "schema": {} } } } } } },
        "/nothing": { "get": { "responses": { "200": {} } } },
        "/broken": { "get": { "responses": { "200": {} } } },
        "/other": { "get": { "responses": { "200": {} } } },
    } });
    let public = ["GET /json", "GET /nothing", "GET /broken", "GET /other"];
    let findings = Attack::on(router, &document).public(public).run().await.unwrap_err();
    let lines: BTreeSet<_> = findings.lines().collect();
    assert_eq!(
        lines,
        BTreeSet::from([
            "GET /json: no credential was answered 200 with a body that does not end within 3 seconds",
            "GET /nothing: no credential was answered 200 with a body that does not end within 3 seconds",
            "GET /broken: no credential was answered 200 with a body that breaks off, or is longer than 16 MiB",
            "GET /other: no credential was answered 418 where this is documented: 200",
        ])
    );
}
