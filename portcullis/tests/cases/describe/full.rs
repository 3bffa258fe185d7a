//! axum's own `Json`, `Form`, `Query` and `Multipart`: open schemas, and rejections in plain text.

use axum::extract::{Form, Json, Multipart, Query, rejection::JsonRejection};
use http::StatusCode;
use portcullis::api::{get, post};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::*;

#[derive(Serialize, Deserialize, JsonSchema)]
struct Item {
    name: String,
    price: Option<u32>,
}

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

#[test]
fn each_extractor_says_what_it_takes() {
    macro_rules! routes {
        ($($method:ident $extractor:ty),* $(,)?) => {
            vec![$((
                concat!(stringify!($method), " ", stringify!($extractor)),
                $method("/", takes::<$extractor>).operation_id("takes"),
            )),*]
        };
    }
    let routes = routes!(
        post Json<Item>,
        post Json<Vec<u8>>,
        post Option<Json<Item>>,
        post Result<Json<Item>, JsonRejection>,
        post Form<Item>,
        get Form<Item>,
        get Query<Item>,
        post Multipart,
    );
    same_as_snapshot("full", routes);
}

#[tokio::test]
async fn refusals_are_those_of_the_document() {
    macro_rules! refused {
        ($($method:ident $extractor:ty: $request:expr => $status:literal),* $(,)?) => {$(
            let route = $method("/", takes::<$extractor>).operation_id("takes");
            agrees(stringify!($extractor), route, $request, $status).await;
        )*};
    }
    let huge = || vec![b'1'; 3 * 1024 * 1024];
    refused!(
        post Json<Item>: request("POST", "/", JSON, r#"{"name": "a", "more": 1}"#) => 200,
        post Json<Item>: request("POST", "/", JSON, "{") => 400,
        post Json<Item>: request("POST", "/", JSON, huge()) => 413,
        post Json<Item>: request("POST", "/", "", "{}") => 415,
        post Json<Item>: request("POST", "/", JSON, "{}") => 422,
        post Option<Json<Item>>: request("POST", "/", "", "") => 200,
        post Option<Json<Item>>: request("POST", "/", JSON, "{}") => 422,
        post Result<Json<Item>, JsonRejection>: request("POST", "/", JSON, "{") => 200,
        post Form<Item>: request("POST", "/", FORM, "name=a&more=1") => 200,
        post Form<Item>: request("POST", "/", FORM, huge()) => 413,
        post Form<Item>: request("POST", "/", JSON, "{}") => 415,
        post Form<Item>: request("POST", "/", FORM, "") => 422,
        get Form<Item>: request("GET", "/", "", "") => 400,
        get Query<Item>: request("GET", "/?name=a&more=1", "", "") => 200,
        get Query<Item>: request("GET", "/?price=a", "", "") => 400,
        post Multipart: request("POST", "/", "multipart/form-data; boundary=a", "") => 200,
        post Multipart: request("POST", "/", "multipart/form-data", "") => 400,
    );
}

#[tokio::test]
async fn answers_are_what_they_say() {
    let item = || Item { name: "a".into(), price: None };
    let json = || get("/", move |_: Public| async move { Json(item()) }).operation_id("answers");
    let form = || get("/", move |_: Public| async move { Form(item()) }).operation_id("answers");
    let made = || {
        get("/", move |_: Public| async move { (StatusCode::CREATED, Json(item())) }).operation_id("answers")
    };
    agrees("Json", json(), request("GET", "/", "", ""), 200).await;
    agrees("Form", form(), request("GET", "/", "", ""), 200).await;
    agrees("(StatusCode, Json)", made(), request("GET", "/", "", ""), 201).await;
    same_as_snapshot(
        "full_answers",
        vec![("Json<Item>", json()), ("Form<Item>", form()), ("(StatusCode, Json)", made())],
    );
}

/// One type through this crate's extractor, which closes it, through axum's, which does not, and back.
#[test]
fn a_type_is_as_closed_as_whoever_reads_it() {
    async fn ours(_: Public, _: portcullis::Json<Item>) {}
    async fn axums(_: Public, item: Json<Item>) -> Json<Item> {
        item
    }
    let (_, document) = Api::<()>::new("", "").post("/ours", ours).post("/axums", axums).finish().unwrap();
    let document = document.value();
    let name = |pointer: &str| {
        let target =
            document.pointer(&format!("/paths/{pointer}/content/application~1json/schema/$ref")).unwrap();
        target.as_str().unwrap().strip_prefix("#/components/schemas/").unwrap()
    };
    let (closed, open) = (name("~1ours/post/requestBody"), name("~1axums/post/requestBody"));
    let out = name("~1axums/post/responses/200");
    assert_eq!((closed, open, out), ("Item", "ItemOpen", "ItemOutput"));
    let schemas = &document["components"]["schemas"];
    assert_eq!(schemas["Item"]["additionalProperties"], false);
    assert_eq!(schemas["ItemOpen"].get("additionalProperties"), None);
    assert_eq!(schemas["ItemOpen"]["required"], json!(["name"]));
    assert_eq!(schemas["ItemOutput"]["required"], json!(["name", "price"]));
}

/// An open schema refers to open schemas.
#[test]
fn a_schema_within_an_open_one_is_open_too() {
    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "only its schema matters")]
    struct Basket {
        items: Vec<Item>,
    }
    async fn ours(_: Public, _: portcullis::Json<Basket>) {}
    async fn axums(_: Public, _: Json<Basket>) {}
    let (_, document) = Api::<()>::new("", "").post("/ours", ours).post("/axums", axums).finish().unwrap();
    let schemas = &document.value()["components"]["schemas"];
    let items =
        |name: &str| schemas[name]["properties"]["items"]["items"]["$ref"].as_str().unwrap().to_owned();
    assert_eq!(items("Basket"), "#/components/schemas/Item");
    assert_eq!(items("BasketOpen"), "#/components/schemas/ItemOpen");
}
