//! Holes as they occur in applications, each planted behind the shop's own document: those that the attack finds, and
//! those that it documents as not checked.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::Request,
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
};
use http::{
    Method,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, COOKIE},
};
use serde_json::json;

use super::{attack, document, router, token};

const ITEM: &str = "/items/1";

/// Whether a request gets past the guard of `GET /items/{id}`.
type Hole = Arc<dyn Fn(&Request) -> bool + Send + Sync>;

/// The shop with a hole.
fn with(hole: Hole) -> Router {
    router().layer(from_fn(move |request: Request, next: Next| {
        let hole = Arc::clone(&hole);
        async move { if hole(&request) { let_in() } else { next.run(request).await } }
    }))
}

fn let_in() -> Response {
    Json(json!({ "name": "tea", "count": 1 })).into_response()
}

fn is_read(request: &Request) -> bool {
    request.method() == Method::GET && request.uri().path().starts_with("/items/")
}

/// Compares the token with the valid one in its own way.
fn by_token(is_same: fn(&str, &str) -> bool) -> Hole {
    Arc::new(move |request| {
        let sent =
            request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let sent = sent.strip_prefix("Bearer ").unwrap_or_default();
        is_read(request)
            && is_same(sent, &token(&["read"]))
            && request.headers().get_all(AUTHORIZATION).iter().count() == 1
    })
}

fn by_header(name: &'static str) -> Hole {
    Arc::new(move |request| is_read(request) && request.headers().contains_key(name))
}

fn by_path(path: &'static str) -> Hole {
    Arc::new(move |request| request.uri().path() == path)
}

fn without_last(text: &str) -> Option<&str> {
    text.split_at_checked(text.len().checked_sub(1)?).map(|(before, _)| before)
}

type Planted = (&'static str, Hole, Option<&'static str>);

/// The holes, and how the attack names each.
fn cheap_to_find() -> Vec<Planted> {
    vec![
        ("no guard", Arc::new(is_read), Some("no credential")),
        (
            "any token",
            Arc::new(|request| is_read(request) && request.headers().contains_key(AUTHORIZATION)),
            Some("junk"),
        ),
        (
            "the beginning of a token",
            by_token(|sent, good| sent.len() > 9 && sent.starts_with(good)),
            Some("a letter more"),
        ),
        (
            "HEAD",
            Arc::new(|request| {
                request.method() == Method::HEAD && request.uri().path().starts_with("/items/")
            }),
            Some("`HEAD` without a credential"),
        ),
        (
            "all but the last letter",
            by_token(|sent, good| sent.len() == good.len() && without_last(sent) == without_last(good)),
            Some("last letter was changed"),
        ),
        ("without case", by_token(str::eq_ignore_ascii_case), Some("in the other case")),
        (
            "less the padding",
            by_token(|sent, good| sent.trim_end_matches('=') == good),
            Some("with `=` more"),
        ),
        ("X-HTTP-Method-Override", by_header("x-http-method-override"), Some("`x-http-method-override")),
        ("X-Original-URL", by_header("x-original-url"), Some("`x-original-url")),
        (
            "X-Forwarded-For: 127.0.0.1",
            Arc::new(|request| {
                is_read(request)
                    && request.headers().get("x-forwarded-for").is_some_and(|from| from == "127.0.0.1")
            }),
            Some("`x-forwarded-for: 127.0.0.1`"),
        ),
        ("p/", by_path("/metrics/"), Some("a slash after the path")),
        ("//p", by_path("//metrics"), Some("a slash more before the path")),
        ("upper case", by_path("/METRICS"), Some("in upper case")),
        ("a letter encoded", by_path("/%6detrics"), Some("percent-encoded")),
    ]
}

/// What `Attack` documents as not checked.
fn not_to_be_seen() -> Vec<Planted> {
    vec![
        ("a route beside the document", by_path("/admin"), None),
        (
            "a method beside the document",
            Arc::new(|request| request.method() == Method::PUT && request.uri().path() == ITEM),
            None,
        ),
        (
            "?debug",
            Arc::new(|request| {
                is_read(request) && request.uri().query().is_some_and(|query| query.contains("debug"))
            }),
            None,
        ),
        (
            "a cookie",
            Arc::new(|request| {
                is_read(request) && request.headers().get(COOKIE).is_some_and(|cookie| cookie == "token=1")
            }),
            None,
        ),
        (
            "a content type",
            Arc::new(|request| is_read(request) && request.headers().contains_key(CONTENT_TYPE)),
            None,
        ),
        ("Accept", Arc::new(|request| is_read(request) && request.headers().contains_key(ACCEPT)), None),
        ("one id", by_path("/items/4711"), None),
    ]
}

#[tokio::test]
async fn j03_of_21_planted_holes_those_that_are_cheap_to_find_are_found() {
    let holes = [cheap_to_find(), not_to_be_seen()].concat();
    assert_eq!(holes.len(), 21);
    let mut found = 0;
    for (name, hole, what) in holes {
        let findings = attack(with(hole), document().value()).run().await;
        match (findings, what) {
            (Err(findings), Some(what)) => {
                assert!(findings.to_string().contains(what), "{name}: {findings}");
                found += 1;
            }
            (Ok(_), None) => {}
            (Ok(_), Some(_)) => panic!("{name} was not found"),
            (Err(findings), None) => panic!("{name}: {findings}"),
        }
    }
    assert_eq!(found, 14);
}

/// A fallback page for unknown paths is not a hole.
#[tokio::test]
async fn j03_a_page_for_all_paths_is_no_hole() {
    let known = [
        "/health",
        "/login",
        "/items",
        "/pictures",
        "/greeting",
        "/orders",
        "/ledger",
        "/metrics",
        "/logout",
    ];
    let page: Hole = Arc::new(move |request| {
        let path = request.uri().path();
        !known.contains(&path) && !["/items/", "/orders/"].iter().any(|base| path.starts_with(base))
    });
    attack(with(page), document().value()).assert().await;
}
