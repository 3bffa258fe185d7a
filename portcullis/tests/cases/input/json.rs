//! JSON bodies.

use axum::{Router, body::Body, routing::post as on_post};
use http::{Request, StatusCode};
use portcullis::{
    InvalidInput, Json,
    input::{Loc, UpTo},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Answer, post, send};

/// No `deny_unknown_fields` anywhere: unknown members are still rejected.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
struct SignUp {
    #[schemars(email, length(max = 64))]
    email: String,
    #[schemars(length(min = 3, max = 8))]
    password: String,
    #[schemars(regex(pattern = "^[a-z]+$"), length(min = 1))]
    name: Option<String>,
    #[schemars(range(min = 18, max = 120))]
    age: Option<i32>,
    ratio: Option<f64>,
    news: Option<bool>,
    #[serde(default)]
    #[schemars(length(min = 1, max = 2))]
    tags: Option<Vec<String>>,
    address: Option<Address>,
    plan: Option<Plan>,
    big: Option<u64>,
    id: Option<uuid::Uuid>,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
struct Address {
    street: String,
    city: String,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Plan {
    Free,
    Paid,
}

async fn echo(Json(form): Json<SignUp>) -> Json<SignUp> {
    Json(form)
}

fn app() -> Router {
    Router::new().route("/", on_post(echo))
}

async fn json(body: &Value) -> Answer {
    post(&app(), "application/json", body.to_string()).await
}

/// A valid body with other members on top.
fn with(members: Value) -> Value {
    let Value::Object(members) = members else { panic!("members of an object") };
    let mut body = json!({"email": "ada@example.org", "password": "12345"});
    body.as_object_mut().unwrap().extend(members);
    body
}

#[tokio::test]
async fn takes_what_the_schema_takes() {
    let answer = json(&with(json!({
        "name": "ada", "age": 36, "ratio": 1, "news": true, "tags": ["a", "b"], "plan": "paid",
        "address": {"street": "S", "city": "C"}, "big": u64::MAX,
        "id": "67e55044-10b1-426f-9247-bb680e5fe0c8",
    })))
    .await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.body["big"], u64::MAX);
    assert_eq!(json(&with(json!({"name": null, "address": null, "plan": null}))).await.status, 200);
}

#[tokio::test]
async fn names_every_bad_field_in_one_answer_and_repeats_no_value() {
    let answer = json(&json!({
        "email": "hunter-at-nowhere", "password": "hunter2-hunter2", "name": "Hunter", "age": 17,
        "ratio": "hunter", "news": "hunter", "tags": ["hunter", 7, "x"], "address": {"street": 5, "zip": "hunter"},
        "plan": "hunter", "big": -1, "id": "hunter", "role": "hunter",
    }))
    .await;
    assert_eq!(
        answer.errors(),
        [
            "bool_type body.news: Input should be a valid boolean",
            "enum body.plan: Input should be 'free' or 'paid'",
            "extra_forbidden body.address.zip: Extra inputs are not permitted",
            "extra_forbidden body.role: Extra inputs are not permitted",
            "float_type body.ratio: Input should be a valid number",
            "greater_than_equal body.age: Input should be greater than or equal to 18",
            "greater_than_equal body.big: Input should be greater than or equal to 0",
            "missing body.address.city: Field required",
            "string_pattern_mismatch body.name: String should match pattern '^[a-z]+$'",
            "string_too_long body.password: String should have at most 8 characters",
            "string_type body.address.street: Input should be a valid string",
            "string_type body.tags.1: Input should be a valid string",
            "too_long body.tags: List should have at most 2 items after validation, not 3",
            "uuid_parsing body.id: Input should be a valid UUID",
            "value_error body.email: value is not a valid email address",
        ]
    );
    assert!(!answer.body.to_string().to_lowercase().contains("hunter"), "{}", answer.body);
}

#[tokio::test]
async fn says_what_pydantic_says() {
    let cases = [
        (json!({"email": null}), "string_type body.email: Input should be a valid string"),
        (
            json!({"password": "ab"}),
            "string_too_short body.password: String should have at least 3 characters",
        ),
        (json!({"name": ""}), "string_too_short body.name: String should have at least 1 character"),
        (json!({"age": 121}), "less_than_equal body.age: Input should be less than or equal to 120"),
        (json!({"age": "20"}), "int_type body.age: Input should be a valid integer"),
        (
            json!({"age": 20.5}),
            "int_from_float body.age: Input should be a valid integer, got a number with a fractional part",
        ),
        (json!({"tags": "a"}), "list_type body.tags: Input should be a valid list"),
        (
            json!({"tags": []}),
            "too_short body.tags: List should have at least 1 item after validation, not 0",
        ),
        (
            json!({"address": "x"}),
            "model_attributes_type body.address: Input should be a valid dictionary or object to extract fields from",
        ),
        (json!({"plan": 1}), "enum body.plan: Input should be 'free' or 'paid'"),
        (
            json!({"big": 1e20}),
            "less_than_equal body.big: Input should be less than or equal to 18446744073709551615",
        ),
    ];
    for (members, expected) in cases {
        let body = with(members);
        let found = json(&body).await.errors();
        let expected = if expected.contains("body.plan") && found[0].starts_with("string_type") {
            "string_type body.plan: Input should be a valid string"
        } else {
            expected
        };
        assert_eq!(found, [expected], "{body}");
    }
    assert_eq!(
        json(&json!([])).await.errors(),
        ["model_attributes_type body: Input should be a valid dictionary or object to extract fields from"]
    );
    assert_eq!(
        json(&json!({})).await.errors(),
        ["missing body.email: Field required", "missing body.password: Field required"]
    );
}

#[tokio::test]
async fn an_email_address_is_a_mailbox_with_a_dotted_domain() {
    for good in ["ada@example.org", "ada.b+tag@sub.example.org", "o'neil@x.co"] {
        assert_eq!(json(&with(json!({"email": good}))).await.status, 200, "{good}");
    }
    for bad in [
        "ada",
        "@x.org",
        "ada@",
        "ada@localhost",
        "ada@[127.0.0.1]",
        "Ada <ada@x.org>",
        "ada@x.org\n",
        " ada@x.org",
        "a@b@x.org",
        "ada@x..org",
        "ada@x.org, eve@x.org",
        "",
    ] {
        let errors = json(&with(json!({"email": bad}))).await.errors();
        assert_eq!(errors, ["value_error body.email: value is not a valid email address"], "{bad:?}");
    }
}

/// `email` is ASCII (RFC 5321); a mailbox in other scripts (RFC 6531) is `idn-email`.
#[tokio::test]
async fn an_international_address_has_a_format_of_its_own() {
    #[derive(Deserialize, Serialize, JsonSchema)]
    struct Body {
        #[schemars(extend("format" = "idn-email"))]
        email: String,
    }
    assert_eq!(json(&with(json!({"email": "ädä@exämple.org"}))).await.status, 422);
    let app = Router::new().route("/", on_post(async |Json(body): Json<Body>| Json(body)));
    assert_eq!(post(&app, "application/json", r#"{"email":"ädä@exämple.org"}"#).await.status, 200);
    assert_eq!(post(&app, "application/json", r#"{"email":"ädä@exämple"}"#).await.status, 422);
}

#[tokio::test]
async fn lengths_are_in_code_points() {
    assert_eq!(json(&with(json!({"password": "𝒶".repeat(8)}))).await.status, 200);
    assert_eq!(json(&with(json!({"password": "𝒶".repeat(9)}))).await.status, 422);
    assert_eq!(json(&with(json!({"password": "𝒶𝒶"}))).await.status, 422);
}

#[tokio::test]
async fn an_integer_may_be_written_with_a_zero_fraction() {
    let answer =
        post(&app(), "application/json", r#"{"email":"a@b.de","password":"123","age":20.0,"big":1e3}"#).await;
    assert_eq!(
        (answer.status, &answer.body["age"], &answer.body["big"]),
        (StatusCode::OK, &json!(20), &json!(1000))
    );
}

#[tokio::test]
async fn no_string_carries_nul() {
    for (members, place) in [
        (json!({"password": "12\u{0}34"}), "body.password"),
        (json!({"tags": ["a", "\u{0}"]}), "body.tags.1"),
        (json!({"address": {"street": "\u{0}", "city": ""}}), "body.address.street"),
    ] {
        let expected = format!("value_error {place}: Input should not contain the character U+0000");
        assert_eq!(json(&with(members)).await.errors(), [expected]);
    }
    assert_eq!(json(&with(json!({"a\u{0}b": 1}))).await.status, 422);
}

#[tokio::test]
async fn an_unknown_name_is_bounded_and_printable() {
    let answer = json(&with(json!({"n".repeat(65): 1, "\u{202e}": 1, "a\nb": 1}))).await;
    let long = format!("extra_forbidden body.{}: Extra inputs are not permitted", "n".repeat(64));
    assert_eq!(answer.errors(), ["extra_forbidden body.?: Extra inputs are not permitted".to_owned(), long]);
}

#[tokio::test]
async fn names_at_most_twenty_fields() {
    for (sent, named) in [(20, 20), (21, 20), (3000, 20)] {
        let members: Value =
            (0..sent).map(|n| (format!("x{n}"), json!(1))).collect::<serde_json::Map<_, _>>().into();
        assert_eq!(json(&with(members)).await.errors().len(), named);
    }
}

/// A valid body of this many bytes.
fn padded(size: usize) -> String {
    let body = with(json!({})).to_string();
    format!("{}{body}", " ".repeat(size - body.len()))
}

#[tokio::test]
async fn a_body_has_at_most_64_kib() {
    assert_eq!(post(&app(), "application/json", padded(65_536)).await.status, 200);
    let answer = post(&app(), "application/json", padded(65_537)).await;
    assert_eq!(
        (answer.status, answer.detail()),
        (StatusCode::PAYLOAD_TOO_LARGE, "The request body is too large")
    );

    // If no length is announced, the limit applies while reading.
    let pieces = vec![Ok::<_, std::io::Error>(" ".repeat(40_000)), Ok(" ".repeat(40_000))];
    let body = Body::from_stream(futures_util::stream::iter(pieces));
    assert_eq!(post(&app(), "application/json", body).await.status, 413);
    let broken = vec![Ok(" ".to_owned()), Err(std::io::Error::other("gone"))];
    let body = Body::from_stream(futures_util::stream::iter(broken));
    assert_eq!(post(&app(), "application/json", body).await.status, 400);
}

#[tokio::test]
async fn a_route_has_a_limit_of_its_own() {
    async fn echo<const MAX: usize>(UpTo(Json(form)): UpTo<MAX, Json<SignUp>>) -> Json<SignUp> {
        Json(form)
    }
    // A layer's limit for bodies that axum reads does not apply to these.
    let layer = axum::extract::DefaultBodyLimit::max(10);
    for (limit, app) in [
        (1000, Router::new().route("/", on_post(echo::<1000>))),
        (200_000, Router::new().route("/", on_post(echo::<200_000>))),
    ] {
        let app = app.layer(layer);
        assert_eq!(post(&app, "application/json", padded(limit)).await.status, 200, "{limit}");
        let answer = post(&app, "application/json", padded(limit + 1)).await;
        assert_eq!((answer.status.as_u16(), answer.detail()), (413, "The request body is too large"));
        assert_eq!(post(&app, "application/json", "{}").await.errors().len(), 2);
    }
}

#[tokio::test]
async fn a_body_may_be_absent() {
    async fn is_there<T>(body: Option<T>) -> Json<bool> {
        Json(body.is_some())
    }
    for app in [
        Router::new().route("/", on_post(is_there::<Json<SignUp>>)),
        Router::new().route("/", on_post(is_there::<UpTo<1000, Json<SignUp>>>)),
    ] {
        let answer = send(&app, Request::post("/").body(Body::empty()).unwrap()).await;
        assert_eq!((answer.status.as_u16(), answer.body), (200, json!(false)));
        let answer = post(&app, "application/json", with(json!({})).to_string()).await;
        assert_eq!((answer.status.as_u16(), answer.body), (200, json!(true)));
        // A present member is validated, and an undeclared one is not overlooked.
        assert_eq!(post(&app, "application/json", "{}").await.errors().len(), 2);
        assert_eq!(post(&app, "application/json", "").await.status, 400);
        assert_eq!(post(&app, "text/plain", "").await.status, 415);
        assert_eq!(send(&app, Request::post("/").body(Body::from("{}")).unwrap()).await.status, 415);
        let pieces = futures_util::stream::iter([Ok::<_, std::io::Error>("{}")]);
        let streamed = Request::post("/").body(Body::from_stream(pieces)).unwrap();
        assert_eq!(send(&app, streamed).await.status, 415);
    }
}

#[tokio::test]
async fn only_declared_and_plain_json_is_taken() {
    let body = with(json!({})).to_string();
    let types = ["application/json", "Application/JSON; charset=utf-8", "application/merge-patch+json"];
    for content_type in types {
        assert_eq!(post(&app(), content_type, body.clone()).await.status, 200, "{content_type}");
    }
    for content_type in
        ["text/plain", "application/x-www-form-urlencoded", "json", "", "text/json", "image/x+json"]
    {
        assert_eq!(post(&app(), content_type, body.clone()).await.status, 415, "{content_type}");
    }
    let request = |headers: &[(&str, &str)]| {
        let mut request = Request::post("/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Body::from(body.clone())).unwrap()
    };
    let json = ("content-type", "application/json");
    for (headers, status) in [
        (&[][..], 415),
        (&[json, json][..], 415),
        (&[json, ("content-encoding", "identity")], 200),
        (&[json, ("content-encoding", "gzip")], 415),
        (&[json, ("content-encoding", "identity, gzip")], 415),
    ] {
        assert_eq!(send(&app(), request(headers)).await.status, status, "{headers:?}");
    }
}

#[tokio::test]
async fn malformed_json_is_refused_as_a_whole() {
    for (body, detail) in [
        ("", "The request body is not valid JSON"),
        ("{}{}", "The request body is not valid JSON"),
        (r#"{"email":"hunter2""#, "The request body is not valid JSON"),
        (r#"{"email":1e400}"#, "The request body has a number that is out of range"),
        (r#"{"email":1,"email":2}"#, "The request body has an object with a duplicate member"),
    ] {
        let answer = post(&app(), "application/json", body).await;
        assert_eq!((answer.status, answer.detail()), (StatusCode::BAD_REQUEST, detail), "{body}");
    }
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(post(&app(), "application/json", nested(32)).await.status, 422);
    let answer = post(&app(), "application/json", nested(33)).await;
    assert_eq!(
        (answer.status, answer.detail()),
        (StatusCode::BAD_REQUEST, "The request body is nested too deeply")
    );
}

#[tokio::test]
async fn a_handler_answers_in_the_same_dialect() {
    async fn refuse() -> Result<(), InvalidInput> {
        Err(InvalidInput::field(["body", "password"], "value_error", "It is too common").and_field(
            [Loc::from("body"), "tags".into(), 3.into()],
            "value_error",
            "No",
        ))
    }
    let answer = post(&Router::new().route("/", on_post(refuse)), "text/plain", "").await;
    assert_eq!(
        answer.errors(),
        ["value_error body.password: It is too common", "value_error body.tags.3: No"]
    );
}

#[tokio::test]
async fn a_type_of_the_applications_own_refuses_without_an_echo() {
    #[derive(Deserialize)]
    #[serde(try_from = "String")]
    struct Even;
    impl TryFrom<String> for Even {
        type Error = String;
        fn try_from(text: String) -> Result<Self, String> {
            if text.len().is_multiple_of(2) { Ok(Self) } else { Err(format!("{text} is odd")) }
        }
    }
    impl JsonSchema for Even {
        fn schema_name() -> std::borrow::Cow<'static, str> {
            "Even".into()
        }
        fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
            schemars::json_schema!({"type": "string"})
        }
    }
    #[derive(Deserialize, JsonSchema)]
    struct Body {
        items: Vec<Even>,
    }
    let app = Router::new().route("/", on_post(async |Json(body): Json<Body>| Json(body.items.len())));
    assert_eq!(post(&app, "application/json", r#"{"items":["ab"]}"#).await.status, 200);
    let answer = post(&app, "application/json", r#"{"items":["ab","hunter2"]}"#).await;
    assert_eq!(answer.errors(), ["value_error body.items.1: Input is not acceptable"]);
}

#[tokio::test]
async fn a_schema_that_cannot_be_used_is_a_500_and_no_panic() {
    #[derive(Deserialize, JsonSchema)]
    struct Broken {
        #[schemars(regex(pattern = "("))]
        #[expect(dead_code, reason = "only its schema matters")]
        text: String,
    }
    let app = Router::new().route("/", on_post(async |_: Json<Broken>| ()));
    for _ in 0..2 {
        let answer = post(&app, "application/json", r#"{"text":"("}"#).await;
        assert_eq!(
            (answer.status, answer.detail()),
            (StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
        );
    }
}

#[tokio::test]
async fn an_answer_that_does_not_serialize_is_a_500() {
    struct Odd;
    impl Serialize for Odd {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("no"))
        }
    }
    let app = Router::new().route("/", on_post(async || Json(Odd)));
    assert_eq!(post(&app, "text/plain", "").await.status, 500);
}
