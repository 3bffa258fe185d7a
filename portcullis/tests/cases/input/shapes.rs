//! Composed types: enums, tags, `flatten`, `Option`s of structs, recursion.

use std::collections::BTreeMap;

use axum::{Router, routing::post as on_post};
use portcullis::Json;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{Answer, post};

async fn take<T: DeserializeOwned + Serialize + JsonSchema + Send + 'static>(body: Value) -> Answer {
    let app = Router::new().route("/", on_post(async |Json(body): Json<T>| Json(body)));
    post(&app, "application/json", body.to_string()).await
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
struct Card {
    #[schemars(length(min = 4))]
    number: String,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Payment {
    Card(Card),
    Bank { iban: String },
    Cash,
}

#[tokio::test]
async fn a_tagged_variant_is_checked_by_its_tag() {
    assert_eq!(take::<Payment>(json!({"type": "card", "number": "1234"})).await.status, 200);
    assert_eq!(take::<Payment>(json!({"type": "bank", "iban": "x"})).await.status, 200);
    assert_eq!(
        take::<Payment>(json!({"type": "card", "number": "1", "cvc": 1})).await.errors(),
        [
            "extra_forbidden body.cvc: Extra inputs are not permitted",
            "string_too_short body.number: String should have at least 4 characters"
        ]
    );
    assert_eq!(
        take::<Payment>(json!({"type": "bank"})).await.errors(),
        ["missing body.iban: Field required"]
    );
    assert_eq!(
        take::<Payment>(json!({"type": "hunter2"})).await.errors(),
        ["literal_error body.type: Input should be 'card', 'bank' or 'cash'"]
    );
    assert_eq!(take::<Payment>(json!({})).await.errors(), ["missing body.type: Field required"]);
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
struct Order {
    item: String,
    #[serde(flatten)]
    payment: Payment,
    #[serde(default)]
    spare: Option<Card>,
}

#[tokio::test]
async fn a_flattened_enum_is_closed_as_a_whole() {
    let good = json!({"item": "x", "type": "card", "number": "1234", "spare": {"number": "5678"}});
    assert_eq!(take::<Order>(good).await.status, 200);
    let extra = json!({"item": "x", "type": "bank", "iban": "y", "more": 1});
    assert_eq!(
        take::<Order>(extra).await.errors(),
        ["extra_forbidden body.more: Extra inputs are not permitted"]
    );
    let both = json!({"item": "x", "type": "bank", "iban": "y", "spare": {"number": "5678", "more": 1}});
    assert_eq!(
        take::<Order>(both).await.errors(),
        ["extra_forbidden body.spare.more: Extra inputs are not permitted"]
    );
    assert_eq!(
        take::<Order>(json!({"item": "x", "type": "bank"})).await.errors(),
        ["missing body.iban: Field required"]
    );
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
enum Shape {
    Dot,
    Circle { radius: u32 },
    Label(String),
}

#[tokio::test]
async fn an_externally_tagged_variant_is_checked_by_its_name() {
    for good in [json!("Dot"), json!({"Circle": {"radius": 1}}), json!({"Label": "x"})] {
        assert_eq!(take::<Shape>(good.clone()).await.status, 200, "{good}");
    }
    assert_eq!(
        take::<Shape>(json!({"Circle": {"radius": -1, "colour": 1}})).await.errors(),
        [
            "extra_forbidden body.Circle.colour: Extra inputs are not permitted",
            "greater_than_equal body.Circle.radius: Input should be greater than or equal to 0"
        ]
    );
    assert_eq!(take::<Shape>(json!("hunter2")).await.errors(), ["enum body: Input should be 'Dot'"]);
    assert_eq!(
        take::<Shape>(json!({"Square": 1})).await.errors(),
        ["value_error body: Input does not match any of the allowed forms"]
    );
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
struct Common {
    page: u32,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
struct Search {
    text: String,
    #[serde(flatten)]
    common: Common,
}

#[tokio::test]
async fn a_flattened_struct_is_closed_as_a_whole() {
    assert_eq!(take::<Search>(json!({"text": "x", "page": 1})).await.status, 200);
    assert_eq!(
        take::<Search>(json!({"text": "x", "page": 1, "size": 1})).await.errors(),
        ["extra_forbidden body.size: Extra inputs are not permitted"]
    );
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
struct Open {
    name: String,
    #[serde(flatten)]
    others: BTreeMap<String, u8>,
}

#[tokio::test]
async fn a_map_takes_any_name_and_checks_the_values() {
    assert_eq!(take::<Open>(json!({"name": "x", "a": 1, "7": 2})).await.status, 200);
    assert_eq!(
        take::<Open>(json!({"name": "x", "7": 256, "a~/b": "x", "": -1})).await.errors(),
        [
            "greater_than_equal body.: Input should be greater than or equal to 0",
            "int_type body.a~/b: Input should be a valid integer",
            "less_than_equal body.7: Input should be less than or equal to 255",
        ]
    );
    let answer = take::<BTreeMap<String, u8>>(json!({"7": "x"})).await;
    assert_eq!(answer.body["detail"][0]["loc"], json!(["body", "7"]));
    let answer = take::<Vec<u8>>(json!([1, "x"])).await;
    assert_eq!(answer.body["detail"][0]["loc"], json!(["body", 1]));
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
struct Tree {
    name: String,
    #[serde(default)]
    children: Vec<Tree>,
}

#[tokio::test]
async fn a_recursive_type_is_closed_at_every_level() {
    let good = json!({"name": "a", "children": [{"name": "b", "children": [{"name": "c"}]}]});
    assert_eq!(take::<Tree>(good).await.status, 200);
    let bad = json!({"name": "a", "children": [{"name": "b", "children": [{"name": "c", "x": 1}]}]});
    assert_eq!(
        take::<Tree>(bad).await.errors(),
        ["extra_forbidden body.children.0.children.0.x: Extra inputs are not permitted"]
    );
}

/// Its payload is also used on its own. It is closed there; in the variant, the whole is closed.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
struct Both {
    payment: Payment,
    card: Card,
}

#[tokio::test]
async fn a_type_that_is_part_of_one_and_whole_in_another_is_closed_in_both() {
    let body = |payment: Value, card: Value| json!({"payment": payment, "card": card});
    let payment = json!({"type": "card", "number": "1234"});
    assert_eq!(take::<Both>(body(payment.clone(), json!({"number": "1234"}))).await.status, 200);
    assert_eq!(
        take::<Both>(body(payment, json!({"number": "1234", "type": "card"}))).await.errors(),
        ["extra_forbidden body.card.type: Extra inputs are not permitted"]
    );
}

#[tokio::test]
async fn numbers_keep_their_width() {
    for (body, ok) in [("127", true), ("128", false), ("-128", true), ("-129", false)] {
        assert_eq!(take::<i8>(body.parse::<Value>().unwrap()).await.status == 200, ok, "{body}");
    }
    for (body, ok) in [(json!(i32::MAX), true), (json!(i64::from(i32::MAX) + 1), false)] {
        assert_eq!(take::<i32>(body.clone()).await.status == 200, ok, "{body}");
    }
    for (body, ok) in [(json!(i64::MAX), true), (json!(u64::MAX), false), (json!(1e19), false)] {
        assert_eq!(take::<i64>(body.clone()).await.status == 200, ok, "{body}");
    }
    for (body, ok) in [(json!(3e38), true), (json!(1e39), false)] {
        assert_eq!(take::<f32>(body.clone()).await.status == 200, ok, "{body}");
    }
    assert_eq!(take::<std::num::NonZeroU8>(json!(0)).await.status, 422);
    assert_eq!(take::<char>(json!("ab")).await.status, 422);
    assert_eq!(take::<(u8, String)>(json!([1, "x"])).await.status, 200);
    for bad in [json!([1]), json!([1, "x", 2]), json!(["x", "x"])] {
        assert_eq!(take::<(u8, String)>(bad.clone()).await.status, 422, "{bad}");
    }
}

/// Alternatives with a member of the same name. Trying each at each level would take 2^30 steps.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(tag = "type")]
enum Term {
    Neg { inner: Box<Term> },
    Not { inner: Box<Term> },
    One,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
enum Named {
    Abs(Box<Named>),
    Neg(Box<Named>),
    One,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
struct Chain {
    next: Option<Box<Chain>>,
}

fn nested(leaf: Value, member: &str) -> Value {
    (0..31).fold(leaf, |inner, _| json!({member: inner}))
}

#[tokio::test]
async fn no_type_is_checked_in_exponential_time() {
    let answer = take::<Term>(json!({"type": "One"})).await;
    assert_eq!((answer.status.as_u16(), answer.detail()), (500, "Internal Server Error"));

    assert_eq!(take::<Named>(nested(json!("One"), "Neg")).await.status, 200);
    assert_eq!(take::<Named>(nested(json!("Two"), "Neg")).await.errors().len(), 1);
    assert_eq!(take::<Chain>(nested(json!({}), "next")).await.status, 200);
    assert_eq!(take::<Chain>(nested(json!(1), "next")).await.errors().len(), 1);
}
