//! What a bad body may cost. Anyone can send one to a route that is open, so the work grows with its length and no
//! faster. The bound is far above what any of these takes, and far below what it takes to compare all with all.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use axum::{Router, routing::post as on_post};
use portcullis::{Json, UpTo};
use schemars::JsonSchema;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{Answer, post};

const BOUND: Duration = Duration::from_secs(4);

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only its schema matters")]
struct Item {
    name: String,
}

/// The answer to a body of up to a megabyte.
async fn answer<T: DeserializeOwned + JsonSchema + Send + 'static>(body: String) -> Answer {
    let app = Router::new().route("/", on_post(async |_: UpTo<1_048_576, Json<T>>| ()));
    // The first request compiles the schema.
    post(&app, "application/json", "0").await;
    let begun = Instant::now();
    let answer = post(&app, "application/json", body).await;
    let took = begun.elapsed();
    assert!(took < BOUND, "{took:?}");
    answer
}

fn list_of(count: usize, item: &str) -> String {
    format!("[{}]", vec![item; count].join(","))
}

/// An object of ninety members that nobody knows, `10` to `99`.
fn strange() -> String {
    let members: Vec<String> = (10..100).map(|name| format!("\"{name}\":0")).collect();
    format!("{{{}}}", members.join(","))
}

#[tokio::test]
async fn unknown_members() {
    type Nested = Vec<Vec<Vec<Vec<Vec<Vec<Vec<Vec<Vec<Vec<Item>>>>>>>>>>;
    let body = format!("{}{}{}", "[".repeat(9), list_of(99, &strange()), "]".repeat(9));
    let first = |name: u32| {
        format!("extra_forbidden body.{}0.{name}: Extra inputs are not permitted", "0.".repeat(9))
    };
    assert_eq!(answer::<Nested>(body).await.errors(), (10..30).map(first).collect::<Vec<_>>());
}

#[tokio::test]
async fn nul_beside_unknown_members() {
    let body = format!("[{},{}]", vec![strange(); 99].join(","), vec!["\"\\u0000\""; 20_000].join(","));
    let answer = answer::<Vec<Item>>(body).await;
    let told = answer.body["detail"].as_array().unwrap();
    for (index, error) in told.iter().enumerate() {
        let msg = "Input should not contain the character U+0000";
        assert_eq!(*error, json!({ "type": "value_error", "loc": ["body", 99 + index], "msg": msg }));
    }
    assert_eq!(told.len(), 20);
}

#[tokio::test]
async fn alternatives_none_of_which_fits() {
    #[derive(Deserialize, JsonSchema)]
    #[serde(untagged)]
    #[expect(dead_code, reason = "only its schema matters")]
    enum OneOf {
        Numbers(Vec<u8>),
        Flags(Vec<bool>),
        Items(Vec<Item>),
    }
    let answer = answer::<OneOf>(list_of(40_000, "\"\"")).await;
    assert_eq!(answer.errors(), ["value_error body: Input does not match any of the allowed forms"]);
}

/// Every value under a long name has a long place.
#[tokio::test]
async fn places_that_would_fill_the_memory() {
    let under =
        |name: usize, items: usize| format!("{{\"{}\":{}}}", "a".repeat(name), list_of(items, "\"\""));
    let told = answer::<BTreeMap<String, Vec<u8>>>(under(30_000, 10_000)).await;
    assert_eq!(told.errors(), ["value_error body: Input is not acceptable"]);
    // Long, and few.
    let told = answer::<BTreeMap<String, Vec<u8>>>(under(30_000, 1)).await;
    let place = format!("body.{}.0", "a".repeat(64));
    assert_eq!(told.errors(), [format!("int_type {place}: Input should be a valid integer")]);
    // Many, and short.
    let told = answer::<BTreeMap<String, Vec<u8>>>(under(1, 100_000)).await;
    assert_eq!(told.errors().len(), 20);
}

#[tokio::test]
async fn numbers_of_many_digits() {
    let numbers = answer::<Vec<Value>>(list_of(170_000, "1e308")).await;
    assert_eq!(numbers.status, 200);
    // What 64 bits hold is still an integer, and what they do not is still none.
    let whole = "[-9223372036854775808.0, 18446744073709549568.0, 1e18, -0.0, 9007199254740993.0]";
    assert_eq!(answer::<(i64, u64, u64, i64, u64)>(whole.to_owned()).await.status, 200);
    for none in ["18446744073709551616.0", "1e20", "-1e308", "0.5"] {
        assert_eq!(answer::<Vec<i128>>(format!("[{none}]")).await.status, 422, "{none}");
    }
}

/// What is left out of an answer is places, not what is said of a place.
#[tokio::test]
async fn an_answer_that_is_full_says_the_most_of_each_place() {
    #[derive(Deserialize, JsonSchema)]
    struct Name(
        #[schemars(regex(pattern = "^[a-z]+$"), length(min = 3))]
        #[expect(dead_code, reason = "only its schema matters")]
        String,
    );
    let told = answer::<Vec<Name>>(list_of(40, "\"A\"")).await.errors();
    assert_eq!(told.len(), 20);
    assert!(told.iter().all(|error| error.starts_with("string_too_short")), "{told:?}");
}
