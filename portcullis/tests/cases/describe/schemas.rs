//! What schemars knows about a type reaches the document.

use portcullis::{
    Created, Form, Json, Query,
    api::{get, post},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::*;

/// Somebody who buys.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(example = Buyer { name: "Ana".into(), age: Some(30) })]
struct Buyer {
    /// What we call them.
    ///
    /// Not a *login*.
    #[schemars(length(min = 1), example = &"Ana", example = &"Béla")]
    name: String,
    /// In years.
    #[schemars(extend("deprecated" = true))]
    age: Option<u8>,
}

#[test]
fn doc_comments_of_fields_are_descriptions() {
    async fn both(_: Public, body: Json<Buyer>) -> Created<Buyer> {
        Created(body.0)
    }
    let document = document(post("/", both));
    for name in ["Buyer", "BuyerOutput"] {
        let schema = &document["components"]["schemas"][name];
        assert_eq!(schema["description"], "Somebody who buys.", "{name}");
        assert_eq!(
            schema["properties"]["name"]["description"], "What we call them.\n\nNot a *login*.",
            "{name}"
        );
        assert_eq!(schema["properties"]["age"]["description"], "In years.", "{name}");
        assert_eq!(schema["properties"]["age"]["deprecated"], true, "{name}");
    }
}

#[test]
fn examples_and_ends_of_use_reach_bodies_answers_and_parameters() {
    async fn body(_: Public, body: Json<Buyer>) -> Created<Buyer> {
        Created(body.0)
    }
    async fn form(_: Public, _: Form<Buyer>) {}
    async fn query(_: Public, _: Query<Buyer>) {}
    let person = json!([{ "name": "Ana", "age": 30 }]);
    let names = json!(["Ana", "Béla"]);

    let by_body = document(post("/", body));
    for name in ["Buyer", "BuyerOutput"] {
        let schema = &by_body["components"]["schemas"][name];
        assert_eq!(
            (&schema["examples"], &schema["properties"]["name"]["examples"]),
            (&person, &names),
            "{name}"
        );
    }
    assert_eq!(document(post("/", form))["components"]["schemas"]["Buyer"]["examples"], person);
    let by_query = document(get("/", query));
    let parameters = entry(&by_query)["parameters"].as_array().unwrap();
    let name = parameters.iter().find(|parameter| parameter["name"] == "name").unwrap();
    assert_eq!(name["schema"]["examples"], names);
    assert_eq!(name["description"], "What we call them.\n\nNot a *login*.");
    assert_eq!(name.get("deprecated"), None);
    // A parameter has a field of its own for it (OpenAPI 3.1 §4.8.12), where tools look.
    let age = parameters.iter().find(|parameter| parameter["name"] == "age").unwrap();
    assert_eq!((&age["deprecated"], age["schema"].get("deprecated")), (&true.into(), None));
}

/// `true` means the same, but openapi-python-client rejects the whole document because of it.
#[test]
fn a_schema_that_anything_passes_is_an_object() {
    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Loose {
        any: Value,
        list: Vec<Value>,
    }
    async fn loose(_: Public, _: Json<Loose>) -> Created<Value> {
        Created(Value::Null)
    }
    let document = document(post("/", loose));
    let fields = &document["components"]["schemas"]["Loose"]["properties"];
    let answer = &entry(&document)["responses"]["201"]["content"]["application/json"]["schema"];
    assert_eq!([&fields["any"], &fields["list"]["items"], answer], [&json!({}); 3]);
}
