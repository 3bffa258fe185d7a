//! Form bodies.

use axum::{Router, routing::post as on_post};
use http::StatusCode;
use portcullis::{Form, Json, input::UpTo};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Answer, post};

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Size {
    Small,
    Large,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
struct Order {
    #[schemars(length(min = 2, max = 8))]
    name: String,
    count: Option<u8>,
    weight: Option<f64>,
    express: Option<bool>,
    size: Option<Size>,
    note: Option<String>,
    #[serde(default)]
    #[schemars(length(max = 2))]
    tag: Vec<u8>,
}

async fn form(body: &str) -> Answer {
    let app = Router::new().route("/", on_post(async |Form(order): Form<Order>| Json(order)));
    post(&app, "application/x-www-form-urlencoded", body.to_owned()).await
}

#[tokio::test]
async fn texts_become_what_the_schema_wants() {
    let answer =
        form("name=a+b%21&count=7&weight=1.5e1&express=on&size=large&tag=1&tag=2&note=%F0%9F%A6%80").await;
    assert_eq!(
        answer.body,
        json!({
            "name": "a b!", "count": 7, "weight": 15.0, "express": true, "size": "large", "note": "🦀", "tag": [1, 2],
        })
    );
    assert_eq!(form("name=42").await.body["name"], "42");
    for (text, value) in
        [("true", true), ("1", true), ("YES", true), ("off", false), ("0", false), ("n", false)]
    {
        assert_eq!(form(&format!("name=ab&express={text}")).await.body["express"], value, "{text}");
    }
}

#[tokio::test]
async fn names_every_bad_field_in_one_answer_and_repeats_no_value() {
    let answer =
        form("name=h&count=hunter2&weight=inf&express=hunter2&size=hunter2&tag=hunter2&tag=300&role=hunter2")
            .await;
    assert_eq!(
        answer.errors(),
        [
            "bool_parsing body.express: Input should be a valid boolean, unable to interpret input",
            "enum body.size: Input should be 'small' or 'large'",
            "extra_forbidden body.role: Extra inputs are not permitted",
            "float_parsing body.weight: Input should be a valid number, unable to parse string as a number",
            "int_parsing body.count: Input should be a valid integer, unable to parse string as an integer",
            "int_parsing body.tag.0: Input should be a valid integer, unable to parse string as an integer",
            "less_than_equal body.tag.1: Input should be less than or equal to 255",
            "string_too_short body.name: String should have at least 2 characters",
        ]
    );
    assert!(!answer.body.to_string().contains("hunter2"), "{}", answer.body);
}

#[tokio::test]
async fn numbers_are_read_strictly() {
    let too_big =
        "int_parsing_size body.count: Unable to parse input string as an integer, exceeded maximum size";
    let no_int =
        "int_parsing body.count: Input should be a valid integer, unable to parse string as an integer";
    for (text, expected) in [
        ("18446744073709551616", too_big),
        ("-9223372036854775809", too_big),
        ("18446744073709551615", "less_than_equal body.count: Input should be less than or equal to 255"),
        ("256", "less_than_equal body.count: Input should be less than or equal to 255"),
        ("-1", "greater_than_equal body.count: Input should be greater than or equal to 0"),
        ("1.0", no_int),
        ("0x1", no_int),
        ("%201", no_int),
        ("-", no_int),
        ("%D9%A1", no_int),
    ] {
        assert_eq!(form(&format!("name=ab&count={text}")).await.errors(), [expected], "{text}");
    }
    for text in ["NaN", "infinity", "1e999", "", "1_0"] {
        let status = if text.is_empty() { 200 } else { 422 };
        assert_eq!(form(&format!("name=ab&weight={text}")).await.status, status, "{text}");
    }
}

#[tokio::test]
async fn an_empty_field_counts_as_not_sent() {
    let answer = form("name=ab&count=&note=&tag=&express").await;
    assert_eq!(
        (answer.status, &answer.body["note"], &answer.body["tag"]),
        (StatusCode::OK, &json!(null), &json!([]))
    );
    assert_eq!(form("name=&count=1").await.errors(), ["missing body.name: Field required"]);
    assert_eq!(form("").await.errors(), ["missing body.name: Field required"]);
    assert_eq!(
        form("name=ab&other=").await.errors(),
        ["extra_forbidden body.other: Extra inputs are not permitted"]
    );
}

#[tokio::test]
async fn a_field_given_more_than_once_is_refused_unless_it_is_a_list() {
    for body in ["name=ab&name=cd", "name=ab&name=ab", "name=ab&name="] {
        assert_eq!(
            form(body).await.errors(),
            ["value_error body.name: Field given more than once"],
            "{body}"
        );
    }
    assert_eq!(form("name=ab&tag=1&tag=2").await.status, 200);
    assert_eq!(
        form("name=ab&tag=1&tag=2&tag=3").await.errors(),
        ["too_long body.tag: List should have at most 2 items after validation, not 3"]
    );
}

#[tokio::test]
async fn a_form_has_at_most_a_hundred_fields() {
    let fields = |count: usize| format!("name=ab{}", "&tag=".repeat(count - 1));
    assert_eq!(form(&fields(100)).await.status, 200);
    let answer = form(&fields(101)).await;
    assert_eq!((answer.status, answer.detail()), (StatusCode::BAD_REQUEST, "Too many fields"));
}

#[tokio::test]
async fn a_form_has_at_most_one_mebibyte() {
    let padded = |size: usize| format!("name=ab{}", "&".repeat(size - 7));
    assert_eq!(form(&padded(1 << 20)).await.status, 200);
    assert_eq!(form(&padded((1 << 20) + 1)).await.status, 413);

    let urlencoded = "application/x-www-form-urlencoded";
    let app =
        Router::new().route("/", on_post(async |UpTo(Form(order)): UpTo<100, Form<Order>>| Json(order)));
    assert_eq!(post(&app, urlencoded, padded(100)).await.status, 200);
    assert_eq!(post(&app, urlencoded, padded(101)).await.status, 413);
}

#[tokio::test]
async fn text_is_utf_8_without_nul() {
    for body in ["name=%ff%fe", "%ff=ab", "name=%ed%a0%80"] {
        let answer = form(body).await;
        assert_eq!(
            (answer.status, answer.detail()),
            (StatusCode::BAD_REQUEST, "The input is not valid UTF-8")
        );
    }
    assert_eq!(
        form("name=a%00b").await.errors(),
        ["value_error body.name: Input should not contain the character U+0000"]
    );
}

#[tokio::test]
async fn only_a_declared_form_is_taken() {
    let app = Router::new().route("/", on_post(async |_: Form<Order>| ()));
    for content_type in ["application/json", "multipart/form-data; boundary=x", "text/plain", ""] {
        assert_eq!(post(&app, content_type, "name=ab").await.status, 415, "{content_type}");
    }
    let content_type = "Application/X-WWW-Form-Urlencoded; charset=UTF-8";
    assert_eq!(post(&app, content_type, "name=ab").await.status, 200);
}
