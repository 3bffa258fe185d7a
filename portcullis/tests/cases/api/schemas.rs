//! Types that come in, types that go out, and answers of one status.

use super::*;

async fn echo<T: Send>(_: Public, body: Json<T>) -> Json<T> {
    body
}

fn schemas(document: &Document) -> Vec<&str> {
    document.value()["components"]["schemas"].as_object().unwrap().keys().map(String::as_str).collect()
}

/// The names that the body and the answer of `POST /` refer to.
fn in_and_out(document: &Document) -> [&str; 2] {
    let entry = &document.value()["paths"]["/"]["post"];
    let name = |place: &'static str| {
        let target = entry.pointer(&format!("{place}/content/application~1json/schema/$ref")).unwrap();
        target.as_str().unwrap().rsplit_once('/').unwrap().1
    };
    [name("/requestBody"), name("/responses/200")]
}

#[test]
fn a_type_that_differs_on_its_way_out_is_two_schemas() {
    let (_, document) = finished(Api::<()>::new("", "").route(post("/", echo::<Item>).operation_id("echo")));
    assert_eq!(in_and_out(&document), ["Item", "ItemOutput"]);
    let schemas = &document.value()["components"]["schemas"];
    assert_eq!(schemas["Item"]["required"], json!(["name"]), "an Option may be left out");
    assert_eq!(schemas["Item"]["additionalProperties"], false);
    assert_eq!(schemas["ItemOutput"]["required"], json!(["name", "price"]), "and is null on the way out");
    assert_eq!(schemas["ItemOutput"].get("additionalProperties"), None, "answers may grow");
}

#[test]
fn a_type_that_is_alike_both_ways_is_one_schema() {
    #[derive(Serialize, Deserialize, JsonSchema)]
    enum Colour {
        Red,
        Green,
    }
    let (_, document) =
        finished(Api::<()>::new("", "").route(post("/", echo::<Colour>).operation_id("echo")));
    assert_eq!(in_and_out(&document), ["Colour", "Colour"]);
}

#[test]
fn what_refers_to_a_schema_with_a_twin_has_one_too() {
    /// Alike both ways but for what it refers to.
    #[derive(Serialize, Deserialize, JsonSchema)]
    #[serde(untagged)]
    enum Choice {
        One(Item),
        Many(Vec<Choice>),
    }
    let (_, document) =
        finished(Api::<()>::new("", "").route(post("/", echo::<Choice>).operation_id("echo")));
    assert_eq!(in_and_out(&document), ["Choice", "ChoiceOutput"]);
    let text = |name: &str| document.value()["components"]["schemas"][name].to_string();
    assert!(!text("Choice").contains("Output"), "{}", text("Choice"));
    assert!(text("ChoiceOutput").contains("schemas/ItemOutput\""), "{}", text("ChoiceOutput"));
    assert!(text("ChoiceOutput").contains("schemas/ChoiceOutput\""), "{}", text("ChoiceOutput"));
}

#[test]
fn a_twin_takes_no_other_types_name() {
    #[derive(Serialize, Deserialize, JsonSchema)]
    struct ItemOutput {
        colour: String,
    }
    async fn other(_: Public) -> Json<ItemOutput> {
        Json(ItemOutput { colour: String::new() })
    }
    let api = Api::<()>::new("", "").route(post("/", echo::<Item>).operation_id("echo")).get("/other", other);
    let (_, document) = finished(api);
    assert_eq!(in_and_out(&document), ["Item", "ItemOutput_"]);
    let schema = &document.value()["components"]["schemas"]["ItemOutput"];
    assert!(schema["properties"]["colour"].is_object(), "{schema}");
}

#[test]
fn two_types_of_one_name_stay_two_in_apis_that_are_merged() {
    mod other {
        use super::*;
        #[derive(Serialize, Deserialize, JsonSchema)]
        pub(super) struct Item {
            weight: u8,
        }
    }
    let api = |route| Api::<()>::new("", "").route(route);
    let both =
        api(post("/", echo::<Item>).operation_id("one"))
            .merge(api(post("/other", echo::<other::Item>).operation_id("two")));
    let (_, document) = finished(both);
    assert_eq!(
        schemas(&document).iter().filter(|name| name.starts_with("Item")).count(),
        4,
        "{:?}",
        schemas(&document)
    );
    let body =
        &document.value()["paths"]["/other"]["post"]["requestBody"]["content"]["application/json"]["schema"];
    let name = body["$ref"].as_str().unwrap().strip_prefix('#').unwrap();
    let schema = document.value().pointer(name).unwrap();
    assert!(schema["properties"]["weight"].is_object(), "{schema}");
}

#[test]
fn answers_of_one_status_are_alternatives() {
    struct Or;
    impl IntoResponse for Or {
        fn into_response(self) -> Response {
            StatusCode::OK.into_response()
        }
    }
    impl DescribeResponse for Or {
        fn describe_response(operation: &mut Operation<'_>) {
            operation.json_response::<u8>(StatusCode::OK, "A number");
            operation.json_response::<Vec<u8>>(StatusCode::OK, "");
            operation.json_response::<u8>(StatusCode::OK, "");
            operation.content_response(StatusCode::OK, "", "text/plain", json!({ "type": "string" }));
        }
    }
    async fn either(_: Public) -> Result<Json<Option<bool>>, Or> {
        Err(Or)
    }
    let (_, document) = finished(Api::<()>::new("", "").get("/", either));
    let response = &document.value()["paths"]["/"]["get"]["responses"]["200"];
    assert_eq!(response["description"], "Success\n\nA number");
    assert_eq!(response["content"]["text/plain"]["schema"], json!({ "type": "string" }));
    let alternatives = response["content"]["application/json"]["schema"]["anyOf"].as_array().unwrap();
    let types: Vec<_> = alternatives.iter().map(|one| one["type"].to_string()).collect();
    assert_eq!(types, ["[\"boolean\",\"null\"]", "\"integer\"", "\"array\""]);
}

#[test]
fn an_alternative_is_not_mixed_into_a_schema_of_its_own_kind() {
    /// One of two, and described.
    #[derive(Serialize, JsonSchema)]
    #[serde(untagged)]
    #[schemars(inline)]
    #[expect(dead_code, reason = "only its schema matters")]
    enum Choice {
        Number(u8),
        Text(String),
    }
    struct Or;
    impl IntoResponse for Or {
        fn into_response(self) -> Response {
            StatusCode::OK.into_response()
        }
    }
    impl DescribeResponse for Or {
        fn describe_response(operation: &mut Operation<'_>) {
            operation.json_response::<bool>(StatusCode::OK, "");
        }
    }
    async fn either(_: Public) -> Result<Json<Choice>, Or> {
        Err(Or)
    }
    let (_, document) = finished(Api::<()>::new("", "").get("/", either));
    let schema =
        &document.value()["paths"]["/"]["get"]["responses"]["200"]["content"]["application/json"]["schema"];
    assert_eq!(schema["anyOf"].as_array().unwrap().len(), 2, "{schema}");
    assert_eq!(schema["anyOf"][0]["description"], "One of two, and described.");
    assert_eq!(schema["anyOf"][1], json!({ "type": "boolean" }));
}

/// A struct that is a variant somewhere is open there; as a body it is closed all the same, as the code has it.
#[test]
fn f2_a_body_is_closed_in_the_document_where_its_type_is_part_of_another() {
    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Dog {
        name: String,
    }
    #[derive(Serialize, Deserialize, JsonSchema)]
    #[serde(tag = "kind")]
    enum Pet {
        Dog(Dog),
        Cat { lives: u8 },
    }
    let api = Api::<()>::new("", "")
        .route(post("/pet", echo::<Pet>).operation_id("pet"))
        .route(post("/dog", echo::<Dog>).operation_id("dog"))
        .route(post("/dogs", echo::<Vec<Dog>>).operation_id("dogs"));
    let (_, document) = finished(api);
    let root = document.value();
    let takes = |path: &str, body: Value| {
        let schema = &root["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"];
        let schema = json!({ "allOf": [schema], "components": root["components"] });
        jsonschema::is_valid(&schema, &body)
    };
    let (good, odd) = (json!({ "name": "Rex" }), json!({ "name": "Rex", "odd": 1 }));
    assert!(takes("/dog", good.clone()) && !takes("/dog", odd.clone()));
    assert!(takes("/dogs", json!([good])) && !takes("/dogs", json!([odd])));
    assert!(takes("/pet", json!({ "kind": "Dog", "name": "Rex" })));
    assert!(!takes("/pet", json!({ "kind": "Dog", "name": "Rex", "odd": 1 })));
}

/// Which of two types of one name keeps it does not hang on the order of lines.
#[test]
fn f3_names_do_not_depend_on_the_order_of_routes() {
    mod other {
        #[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        pub(super) struct Item {
            colour: String,
        }
    }
    let one = || post("/a", echo::<Item>).operation_id("one");
    let two = || post("/b", echo::<other::Item>).operation_id("two");
    let (_, forth) = finished(Api::<()>::new("", "").route(one()).route(two()));
    let (_, back) = finished(Api::<()>::new("", "").route(two()).route(one()));
    assert_eq!(forth.value()["paths"], back.value()["paths"]);
    assert_eq!(forth.value()["components"], back.value()["components"]);
    assert!(schemas(&forth).contains(&"Item2"));
}

/// An extractor that takes a body in one of two forms says both.
#[test]
fn f8_a_body_of_several_media_types() {
    struct Either;
    impl portcullis::describe::Describe for Either {
        fn describe(operation: &mut portcullis::describe::Operation<'_>) {
            operation.request_body("application/json", &json!({ "type": "string" }));
            operation.request_body("text/plain", &json!({ "type": "string" }));
            operation.request_body("text/plain", &json!({ "type": "integer" }));
        }
    }
    impl<S: Sync> axum::extract::FromRequest<S> for Either {
        type Rejection = std::convert::Infallible;

        async fn from_request(_: axum::extract::Request, _: &S) -> Result<Self, Self::Rejection> {
            Ok(Self)
        }
    }
    async fn take(_: Public, _: Either) -> NoContent {
        NoContent
    }
    let (_, document) = finished(Api::<()>::new("", "").post("/", take));
    assert_eq!(
        document.value()["paths"]["/"]["post"]["requestBody"],
        json!({ "required": true, "content": {
            "application/json": { "schema": { "type": "string" } },
            "text/plain": { "schema": { "anyOf": [{ "type": "string" }, { "type": "integer" }] } },
        }})
    );
}
