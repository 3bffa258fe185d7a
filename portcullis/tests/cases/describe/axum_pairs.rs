//! Types that axum's and axum-extra's own queries and forms can never parse.

use std::collections::BTreeMap;

use axum::extract;
use axum_extra::extract as extra;
use portcullis::api::{get, post};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    parameters::{Find, FindOn, Tags, U8, parameters, reasons},
    *,
};

const FORM: &str = "application/x-www-form-urlencoded";

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only its schema matters")]
struct Counted {
    limit: Option<u8>,
    #[serde(flatten)]
    more: BTreeMap<String, u8>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(tag = "by", content = "what")]
#[expect(dead_code, reason = "only its schema matters")]
enum Adjacent {
    Name(String),
    Id(u64),
}

#[test]
fn what_is_never_taken_is_refused_at_start() {
    let lists = "it is a list, of which serde_urlencoded reads none; take `portcullis::Query`, `portcullis::Form` or those \
                 of axum-extra";
    let buffered = "it is no text, and serde keeps the fields of a tagged or flattened type as texts; take \
                    `portcullis::Query` or `portcullis::Form`";
    let fine: [String; 0] = [];
    let said =
        |of: &str, field: &str, why: &str| format!("{of}` can never be given the field `{field}`: {why}");
    let found = |of: &str| [said(of, "exact", buffered), said(of, "id", buffered)];
    macro_rules! are {
        ($($extractor:ty: $told:expr;)*) => {$(
            let told = reasons(post("/", takes::<$extractor>).operation_id("takes"));
            assert_eq!(told, $told, "{}", stringify!($extractor));
        )*};
    }
    are! {
        extract::Query<Tags>: [said("axum::extract::Query<Tags>", "tag", lists)];
        extract::Form<Tags>: [said("axum::extract::Form<Tags>", "tag", lists)];
        extra::Query<Tags>: fine;
        extra::Form<Tags>: fine;
        extract::Query<Find>: found("axum::extract::Query<Find>");
        extract::Form<FindOn>: found("axum::extract::Form<FindOn>");
        extra::Query<FindOn>: found("axum_extra::extract::Query<FindOn>");
        extra::OptionalQuery<Tags>: fine;
        extra::Form<Counted>: [said("axum_extra::extract::Form<Counted>", "*", buffered)];
        extract::Query<Adjacent>: fine;
        extract::Query<BTreeMap<String, u8>>: fine;
        extract::Query<Vec<(String, u8)>>: fine;
    }
    let pairs = get("/", takes::<extract::Query<Vec<(String, u8)>>>).operation_id("takes");
    let told = parameters(&document(pairs));
    assert_eq!(told, [format!(r#"others? {{"additionalProperties":{U8},"type":"object"}}"#)]);
}

/// What is rejected at startup would be rejected at each request, and nothing else is.
#[tokio::test]
async fn those_extractors_answer_as_is_said_at_start() {
    macro_rules! answers {
        ($($extractor:ty: $uri:literal $form:literal => $status:literal;)*) => {$(
            let app = axum::Router::new().route("/", axum::routing::post(async |_: $extractor| ()));
            let answer = app.oneshot(request("POST", $uri, FORM, $form)).await.unwrap();
            assert_eq!(answer.status(), $status, "{}", stringify!($extractor));
        )*};
    }
    answers! {
        extract::Query<Tags>: "/?tag=a" "" => 400;
        extract::Form<Tags>: "/" "tag=a" => 422;
        extra::Query<Tags>: "/?tag=a" "" => 200;
        extract::Query<Find>: "/?by=id&id=1" "" => 400;
        extra::Query<FindOn>: "/?shelf=a&by=id&id=1" "" => 400;
        extra::Form<Counted>: "/" "a=1" => 422;
        extract::Query<Adjacent>: "/?by=Id&what=1" "" => 200;
        extract::Query<BTreeMap<String, u8>>: "/?a=1" "" => 200;
        extract::Query<Vec<(String, u8)>>: "/?a=1&a=2" "" => 200;
    }
}
