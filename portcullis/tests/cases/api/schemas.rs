//! Types of requests, types of responses, and responses with a single status.

use super::*;

async fn echo<T: Send>(_: Public, body: Json<T>) -> Json<T> {
    body
}

fn schemas(document: &Document) -> Vec<&str> {
    document.value()["components"]["schemas"].as_object().unwrap().keys().map(String::as_str).collect()
}

/// The names that the body and the response of `POST /` refer to.
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
    /// The same in both directions, except for what it refers to.
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
fn two_types_of_one_name_are_refused_in_apis_that_are_merged() {
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
    let told = both.finish().unwrap_err().to_string();
    assert!(told.contains("two types are called `Item` in the document"), "{told}");
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

/// A struct that is a variant somewhere is open there. As a body it is still closed, as in the code.
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

/// A number in a name would depend on the other routes, so generated clients would break when a route is added.
#[test]
fn f3_two_types_of_one_name_are_a_defect_with_its_fix() {
    mod other {
        #[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        pub(super) struct Item {
            colour: String,
        }
    }
    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Page<T> {
        items: Vec<T>,
    }
    /// Its own name, next to another `Item`.
    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Item2 {
        size: u32,
    }
    #[derive(Serialize, Deserialize, JsonSchema)]
    #[schemars(rename = "ListOf{T}")]
    struct List<T> {
        items: Vec<T>,
    }
    let refused = |api: Api<()>, name: &str| {
        let told = api.finish().unwrap_err().to_string();
        assert_eq!(told.lines().count(), 2, "{told}");
        assert!(told.contains(&format!("two types are called `{name}` in the document")), "{told}");
        assert!(told.contains(&format!("rename = \"{name}Of{{T}}\"")), "{told}");
    };
    let api = || Api::<()>::new("", "");
    let one = || post("/a", echo::<Item>).operation_id("one");
    let two = || post("/b", echo::<other::Item>).operation_id("two");
    refused(api().route(one()).route(two()), "Item");
    refused(api().route(two()).route(one()), "Item");
    // Also if one of them is inside another type, next to a type with the name that the number would produce.
    let within = post("/c", echo::<Vec<other::Item>>).operation_id("three");
    let numbered = post("/d", echo::<Item2>).operation_id("four");
    refused(api().route(one()).route(within).route(numbered), "Item");
    let pages = post("/p", echo::<(Page<Item>, Page<u32>)>).operation_id("pages");
    refused(api().route(pages), "Page");

    let numbered = || post("/d", echo::<Item2>).operation_id("four");
    let lists = || post("/l", echo::<(List<Item>, List<u32>)>).operation_id("lists");
    let (_, forth) = finished(api().route(one()).route(numbered()).route(lists()));
    let (_, back) = finished(api().route(lists()).route(numbered()).route(one()));
    assert_eq!(forth.value()["paths"], back.value()["paths"]);
    assert_eq!(forth.value()["components"], back.value()["components"]);
    for name in ["Item", "Item2", "ListOfItem", "ListOfuint32"] {
        assert!(schemas(&forth).contains(&name), "{name} is not in {:?}", schemas(&forth));
    }
}

/// An extractor that takes a body in one of two forms documents both.
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
