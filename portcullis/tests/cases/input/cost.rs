//! The cost of a bad body. Anyone can send one to an open route, so the work must be linear in its length. The limit is
//! far above what any of these takes, and far below comparing every pair.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{Router, body::Body, extract::FromRequest, routing::post as on_post};
use futures_util::FutureExt;
use http::{Request, StatusCode, header::CONTENT_TYPE};
use portcullis::{Json, input::UpTo};
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

/// The response to a body of up to a megabyte.
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

/// An object of ninety unknown members, `10` to `99`.
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
    let missing = format!("missing body.{}0.name: Field required", "0.".repeat(9));
    let told = (10..29).map(first).chain([missing]).collect::<Vec<_>>();
    assert_eq!(answer::<Nested>(body).await.errors(), told);
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

/// Every value under a long name has a long location.
#[tokio::test]
async fn places_that_would_fill_the_memory() {
    let under =
        |name: usize, items: usize| format!("{{\"{}\":{}}}", "a".repeat(name), list_of(items, "\"\""));
    let told = answer::<BTreeMap<String, Vec<u8>>>(under(30_000, 10_000)).await;
    assert_eq!(told.errors().len(), 20);
    // Long, and few.
    let told = answer::<BTreeMap<String, Vec<u8>>>(under(30_000, 1)).await;
    let place = format!("body.{}.0", "a".repeat(64));
    assert_eq!(told.errors(), [format!("int_type {place}: Input should be a valid integer")]);
    // Short, and many.
    let told = answer::<BTreeMap<String, Vec<u8>>>(under(1, 100_000)).await;
    assert_eq!(told.errors().len(), 20);
}

#[tokio::test]
async fn numbers_of_many_digits() {
    let numbers = answer::<Vec<Value>>(list_of(170_000, "1e308")).await;
    assert_eq!(numbers.status, 200);
    // A number that fits into 64 bits is still an integer, and a larger one is still not.
    let whole = "[-9223372036854775808.0, 18446744073709549568.0, 1e18, -0.0, 9007199254740993.0]";
    assert_eq!(answer::<(i64, u64, u64, i64, u64)>(whole.to_owned()).await.status, 200);
    for none in ["18446744073709551616.0", "1e20", "-1e308", "0.5"] {
        assert_eq!(answer::<Vec<i128>>(format!("[{none}]")).await.status, 422, "{none}");
    }
}

/// A full response leaves out locations, not what it says about a location.
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

const MOST: usize = 1_048_576;

/// The peak memory per byte of a rejected body, measured outside a runtime, where everything runs on one thread. An
/// object of one member (`{"Not":`) takes eighty bytes for each as soon as it is parsed.
fn allocated<T: DeserializeOwned + JsonSchema + 'static>(body: &str) -> u64 {
    let refuse = |body: String| {
        let request = Request::post("/").header(CONTENT_TYPE, "application/json");
        let read = UpTo::<MOST, Json<T>>::from_request(request.body(Body::from(body)).unwrap(), &());
        let refused = read.now_or_never().expect("nothing is waited for").err().expect("the body is bad");
        assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
    };
    // The first call compiles the schema and takes it apart.
    refuse("\"bad\"".to_owned());
    let body = body.to_owned();
    let length = body.len() as u64;
    let allocated = allocation_counter::measure(|| refuse(body));
    assert!(allocated.bytes_total <= 200 * length, "{allocated:?} for {length} bytes");
    allocated.bytes_max / length
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only its schema matters")]
enum Expr {
    Not(Box<Expr>),
    All(Vec<Expr>),
    Any(Vec<Expr>),
    Leaf(u32),
}

#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema matters")]
enum Untagged {
    A { a: Vec<u8>, b: Option<Item> },
    B { b: Vec<bool> },
    C(Vec<String>),
    D(BTreeMap<String, u8>),
    E(Item),
    F(u8),
}

#[derive(Deserialize, JsonSchema)]
#[serde(tag = "kind")]
#[expect(dead_code, reason = "only its schema matters")]
enum Tagged {
    A(Item),
    B { list: Vec<Untagged> },
    C { names: BTreeSet<String> },
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only its schema matters")]
struct Flattened {
    list: Vec<Tagged>,
    #[serde(flatten)]
    more: Tagged,
}

/// A list of as many copies of `item` as fit into so many bytes.
fn as_many(bytes: usize, item: &str) -> String {
    list_of(bytes / (item.len() + 1), item)
}

fn not(depth: usize, leaf: &str) -> String {
    format!("{}{leaf}{}", "{\"Not\":".repeat(depth), "}".repeat(depth))
}

#[test]
fn j01_a_bad_body_costs_a_hundred_times_its_length_at_most() {
    for bytes in [7_000, 65_000, 250_000] {
        for leaf in ["{\"Leaf\":\"x\"}", "1", "{\"Leaf\":1}", "[]", "{}"] {
            for depth in [0, 12, 26] {
                let list = as_many(bytes - 400, &not(depth, leaf));
                let wide = format!("{{\"All\":[{{\"All\":{list}}},0]}}");
                let deep = not(depth, &format!("{{\"All\":[{{\"All\":{}}},0]}}", as_many(bytes - 400, leaf)));
                let costs = (allocated::<Expr>(&wide), allocated::<Expr>(&deep));
                assert!(costs.0.max(costs.1) <= 100, "{costs:?} at {bytes} bytes of {leaf}, {depth} deep");
            }
        }
        for item in [
            "1",
            "\"x\"",
            "[]",
            "{}",
            "[1,\"\"]",
            "{\"a\":0}",
            "{\"kind\":\"B\",\"list\":[{}]}",
            "{\"kind\":0}",
        ] {
            let list = as_many(bytes - 100, item);
            let map = format!("{{\"list\":{list},\"kind\":\"B\"}}");
            let bad = format!("[{list},[[]]]");
            let costs = [
                allocated::<Vec<Expr>>(&bad),
                allocated::<Untagged>(&bad),
                allocated::<Vec<Untagged>>(&bad),
                allocated::<Vec<Vec<Tagged>>>(&bad),
                allocated::<Flattened>(&map),
                allocated::<BTreeMap<String, Vec<Tagged>>>(&format!("{{\"x\":{bad}}}")),
                allocated::<BTreeSet<Vec<u8>>>(&bad),
            ];
            assert!(costs.iter().all(|cost| *cost <= 100), "{costs:?} at {bytes} bytes of {item}");
        }
    }
}

/// The messages are the same as for a few.
#[tokio::test]
async fn j01_a_long_bad_body_is_explained_as_well_as_a_short_one() {
    let good = as_many(40_000, "{\"Leaf\":1}");
    let body = not(
        12,
        &format!("{{\"All\":[{{\"Any\":{good}}},{{\"Leaf\":\"x\"}},{{\"Leaf\":-1}},{{\"Lef\":1}}]}}"),
    );
    let place = format!("body.{}All", "Not.".repeat(12));
    assert_eq!(
        answer::<Expr>(body).await.errors(),
        [
            format!("extra_forbidden {place}.3.Lef: Extra inputs are not permitted"),
            format!("greater_than_equal {place}.2.Leaf: Input should be greater than or equal to 0"),
            format!("int_type {place}.1.Leaf: Input should be a valid integer"),
        ]
    );
}

/// Every array of this many pairs of brackets: all different, and without a leaf.
fn brackets(pairs: usize) -> Vec<String> {
    let mut of_size: Vec<Vec<String>> = vec![vec![String::new()]];
    for size in 1..=pairs {
        let mut all = Vec::new();
        for inside in 0..size {
            for first in &of_size[inside] {
                for rest in &of_size[size - 1 - inside] {
                    all.push(format!("[{first}]{rest}"));
                }
            }
        }
        of_size.push(all);
    }
    // Within a list, neighbours need a comma.
    of_size.pop().unwrap().iter().map(|list| format!("[{}]", list.replace("][", "],["))).collect()
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only its schema matters")]
struct Names {
    names: HashSet<String>,
}

/// Comparing every pair would take half a billion comparisons.
#[tokio::test]
async fn j01_a_set_is_checked_in_linear_time() {
    let lists = brackets(10);
    assert_eq!(lists.len(), 16_796);
    let told = answer::<Names>(format!("{{\"names\":[{}]}}", lists.join(","))).await.errors();
    assert!(
        told.len() == 20 && told.iter().all(|one| one.starts_with("string_type body.names.")),
        "{told:?}"
    );
    assert_eq!(
        answer::<Names>("{\"names\":[\"a\",\"b\",\"a\"]}".to_owned()).await.errors(),
        ["value_error body.names: List items should be unique"]
    );
    let schema = serde_json::to_value(schemars::schema_for!(Names)).unwrap();
    assert_eq!(schema["properties"]["names"]["uniqueItems"], true);
}

/// While a body is validated, a single-threaded runtime does other work.
#[tokio::test(flavor = "current_thread")]
async fn j01_a_long_body_does_not_hold_up_other_requests() {
    let app = Router::new().route("/", on_post(async |_: UpTo<1_048_576, Json<Vec<u8>>>| ()));
    for (length, holds_up) in [(1_000, true), (1_000_000, false)] {
        let turns = Arc::new(AtomicUsize::new(0));
        let others = tokio::spawn({
            let turns = Arc::clone(&turns);
            async move {
                loop {
                    turns.fetch_add(1, Ordering::Relaxed);
                    tokio::task::yield_now().await;
                }
            }
        });
        let answer = post(&app, "application/json", as_many(length, "\"x\"")).await;
        assert_eq!(answer.errors().len(), 20);
        assert_eq!(turns.load(Ordering::Relaxed) == 0, holds_up, "{length}");
        others.abort();
    }
}
