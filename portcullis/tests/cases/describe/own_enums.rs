//! Enums of `answers!`.

use http::StatusCode;
use portcullis::{Created, Json, Path, answers, api::get};
use schemars::JsonSchema;
use serde::Serialize;

use super::*;

#[derive(Serialize, JsonSchema)]
struct Order {
    id: u64,
}

answers! {
    /// What reading an order comes to.
    #[derive(Debug)]
    pub(super) enum ReadOrder {
        /// The order.
        Found(Json<u64>) = 200,
        /// The order, which has a
        /// successor.
        ///
        /// More about that.
        Replaced(Json<String>) = 200,
        Accepted = 202,
        /// There is no
        /// such order.
        ///
        /// Not even for you.
        Missing = 404,
        Gone = 410,
        /// It is being made.
        Later(Created<Json_>) = 409,
    }
}

/// A name that the macro's own must not collide with.
type Json_ = bool;

answers! {
    enum Failure {
        /// The order belongs to somebody else.
        NotYours = 403,
        /// The database cannot be reached.
        Unavailable = 503,
    }
}

async fn read_order(_: Public, Path(id): Path<u8>) -> ReadOrder {
    match id {
        0 => ReadOrder::Found(Json(1)),
        1 => ReadOrder::Replaced(Json("2".into())),
        2 => ReadOrder::Accepted,
        3 => ReadOrder::Missing,
        4 => ReadOrder::Gone,
        _ => ReadOrder::Later(Created(true)),
    }
}

async fn read_mine(_: Public, Path(id): Path<u8>) -> Result<Json<Order>, Failure> {
    match id {
        0 => Ok(Json(Order { id: 1 })),
        1 => Err(Failure::NotYours),
        _ => Err(Failure::Unavailable),
    }
}

#[test]
fn doc_comments_are_descriptions() {
    same_as_snapshot(
        "own_enums",
        vec![("ReadOrder", get("/{id}", read_order)), ("Failure", get("/{id}", read_mine))],
    );
}

#[tokio::test]
async fn each_variant_has_the_status_it_says() {
    for (id, status) in [200, 200, 202, 404, 410, 409].into_iter().enumerate() {
        let request = request("GET", &format!("/{id}"), "", "");
        agrees(&format!("ReadOrder {id}"), get("/{id}", read_order), request, status).await;
    }
    for (id, status) in [200, 403, 503].into_iter().enumerate() {
        let request = request("GET", &format!("/{id}"), "", "");
        agrees(&format!("Failure {id}"), get("/{id}", read_mine), request, status).await;
    }
}

#[tokio::test]
async fn a_variant_that_holds_nothing_is_a_problem_in_its_own_words() {
    let body = |answer: ReadOrder| async {
        let answer = axum::response::IntoResponse::into_response(answer);
        assert_ne!(answer.status(), StatusCode::OK);
        String::from_utf8(answer.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
    };
    assert_eq!(body(ReadOrder::Missing).await, r#"{"detail":"There is no such order."}"#);
    assert_eq!(body(ReadOrder::Gone).await, r#"{"detail":"Gone"}"#);
    assert_eq!(body(ReadOrder::Accepted).await, "");
}
