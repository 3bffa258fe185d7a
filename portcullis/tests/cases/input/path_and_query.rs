//! Path and query parameters.

use axum::{Router, routing::get as on_get};
use http::StatusCode;
use portcullis::{Json, Path, Query};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::get;

#[derive(Debug, Clone, Copy, Deserialize, Serialize, JsonSchema)]
struct AccountId(#[schemars(range(min = 1))] i64);

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
struct Member {
    team: String,
    member: u8,
}

fn paths() -> Router {
    Router::new()
        .route("/int/{id}", on_get(async |Path(id): Path<i64>| Json(id)))
        .route("/newtype/{id}", on_get(async |Path(id): Path<AccountId>| Json(id)))
        .route("/uuid/{id}", on_get(async |Path(id): Path<uuid::Uuid>| Json(id)))
        .route("/text/{id}", on_get(async |Path(id): Path<String>| Json(id)))
        .route("/rest/{*rest}", on_get(async |Path(rest): Path<String>| Json(rest)))
        .route("/tuple/{team}/{member}", on_get(async |Path(both): Path<(String, u8)>| Json(both)))
        .route("/struct/{team}/{member}", on_get(async |Path(both): Path<Member>| Json(both)))
        .route("/none", on_get(async |Path(id): Path<i64>| Json(id)))
        .route("/two/{a}/{b}", on_get(async |Path(id): Path<i64>| Json(id)))
        .route("/three/{a}/{b}/{c}", on_get(async |Path(both): Path<(u8, u8)>| Json(both)))
        .route("/other/{team}", on_get(async |Path(both): Path<Member>| Json(both)))
        .nest(
            "/in/{team}",
            Router::new().route("/{member}", on_get(async |Path(both): Path<Member>| Json(both))),
        )
}

#[tokio::test]
async fn a_path_gives_one_value_a_tuple_or_a_struct() {
    for (uri, body) in [
        ("/int/-7", json!(-7)),
        ("/newtype/9223372036854775807", json!(i64::MAX)),
        ("/uuid/67e55044-10b1-426f-9247-bb680e5fe0c8", json!("67e55044-10b1-426f-9247-bb680e5fe0c8")),
        ("/text/a%2Fb%20c", json!("a/b c")),
        ("/rest/a/b", json!("a/b")),
        ("/tuple/7/7", json!(["7", 7])),
        ("/struct/7/7", json!({"team": "7", "member": 7})),
        ("/in/7/7", json!({"team": "7", "member": 7})),
    ] {
        let answer = get(&paths(), uri).await;
        assert_eq!((answer.status, &answer.body), (StatusCode::OK, &body), "{uri}");
    }
}

#[tokio::test]
async fn a_bad_parameter_is_named_and_not_repeated() {
    let no_int = "Input should be a valid integer, unable to parse string as an integer";
    for (uri, expected) in [
        ("/int/hunter2", format!("int_parsing path.id: {no_int}")),
        (
            "/int/9223372036854775808",
            "less_than_equal path.id: Input should be less than or equal to 9223372036854775807".to_owned(),
        ),
        (
            "/int/99999999999999999999",
            "int_parsing_size path.id: Unable to parse input string as an integer, exceeded maximum size"
                .to_owned(),
        ),
        ("/newtype/0", "greater_than_equal path.id: Input should be greater than or equal to 1".to_owned()),
        ("/uuid/hunter2", "uuid_parsing path.id: Input should be a valid UUID".to_owned()),
        ("/text/%00", "value_error path.id: Input should not contain the character U+0000".to_owned()),
        ("/text/%ff", "value_error path: Input should be valid UTF-8".to_owned()),
        ("/tuple/a/hunter2", format!("int_parsing path.member: {no_int}")),
        ("/tuple/a/256", "less_than_equal path.member: Input should be less than or equal to 255".to_owned()),
        ("/struct/a/hunter2", format!("int_parsing path.member: {no_int}")),
    ] {
        let answer = get(&paths(), uri).await;
        assert_eq!(answer.errors(), [expected], "{uri}");
        assert!(!answer.body.to_string().contains("hunter2"));
    }
}

#[tokio::test]
async fn a_type_that_does_not_fit_the_route_is_a_500() {
    for uri in ["/none", "/two/1/2", "/three/1/2/3", "/other/a"] {
        let answer = get(&paths(), uri).await;
        assert_eq!(
            (answer.status, answer.detail()),
            (StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
        );
    }
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Sort {
    Up,
    Down,
}

fn ten() -> u32 {
    10
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
struct Page {
    #[schemars(range(min = 1, max = 100))]
    #[serde(default = "ten")]
    limit: u32,
    sort: Option<Sort>,
    #[serde(default)]
    tag: Vec<String>,
    q: Option<String>,
}

fn query() -> Router {
    Router::new().route("/", on_get(async |Query(page): Query<Page>| Json(page)))
}

#[tokio::test]
async fn a_query_is_coerced_and_has_defaults() {
    let answer = get(&query(), "/?limit=100&sort=down&tag=a&tag=b&q=%F0%9F%A6%80+1").await;
    assert_eq!(answer.body, json!({"limit": 100, "sort": "down", "tag": ["a", "b"], "q": "🦀 1"}));
    for uri in ["/", "/?", "/?limit=&q="] {
        assert_eq!(
            get(&query(), uri).await.body,
            json!({"limit": 10, "sort": null, "tag": [], "q": null}),
            "{uri}"
        );
    }
}

#[tokio::test]
async fn every_bad_query_parameter_is_named() {
    let answer = get(&query(), "/?limit=101&sort=hunter2&q=a&q=b&x%0a=1").await;
    assert_eq!(
        answer.errors(),
        [
            "enum query.sort: Input should be 'up' or 'down'",
            "extra_forbidden query.?: Extra inputs are not permitted",
            "less_than_equal query.limit: Input should be less than or equal to 100",
            "value_error query.q: Field given more than once",
        ]
    );
    assert!(!answer.body.to_string().contains("hunter2"));
}

#[tokio::test]
async fn a_query_has_at_most_8_kib_and_a_hundred_parameters() {
    let long = |size: usize| format!("/?q={}", "x".repeat(size - 2));
    assert_eq!(get(&query(), &long(8192)).await.status, 200);
    let answer = get(&query(), &long(8193)).await;
    assert_eq!((answer.status, answer.detail()), (StatusCode::BAD_REQUEST, "The query is too long"));

    let many = |count: usize| format!("/?{}", "tag=a&".repeat(count));
    assert_eq!(get(&query(), &many(100)).await.status, 200);
    let answer = get(&query(), &many(101)).await;
    assert_eq!((answer.status, answer.detail()), (StatusCode::BAD_REQUEST, "Too many fields"));
    assert_eq!(get(&query(), "/?q=%ff").await.status, 400);
}
