//! The document: it matches the types, is rejected if it cannot, and is enforced route by route.

mod defects;
mod layers;
mod schemas;
mod serde_names;

use std::collections::BTreeSet;

use axum::{
    Router,
    body::Body,
    extract::{FromRef, State},
    response::{IntoResponse, Response},
};
use http::{
    Request, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use portcullis::{
    AccessTokens, Api, Bearer, Created, Document, Form, Granted, Guard, Json, Maybe, NoContent, Path, Public,
    Query, Scope, Verdict, Verify, VerifyFailed,
    api::{delete, get, patch, post},
    credential::SecurityScheme,
    describe::{DescribeResponse, Operation},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::issuer::{NOW, but, claims, ed25519, verifier};

/// A second scheme besides access tokens: robots with a keyword.
#[derive(Clone)]
struct Robots;

impl Verify for Robots {
    type Credential = Bearer;
    type Principal = ();
    const SCHEME: &'static str = "robot";

    fn scheme() -> SecurityScheme {
        SecurityScheme::oauth2_password("login").described("For robots.")
    }

    async fn verify(&self, bearer: &Bearer) -> Result<Verdict<()>, VerifyFailed> {
        let known = bearer.token() == "robot";
        Ok(if known { Verdict::Accepted((), Granted::parse("read write")) } else { Verdict::Refused })
    }
}

struct Read;
impl Scope for Read {
    const NAME: &'static str = "read";
    const DESCRIPTION: &'static str = "Look at things";
}

struct Write;
impl Scope for Write {
    const NAME: &'static str = "write";
    const DESCRIPTION: &'static str = "Change things";
}

#[derive(Clone, FromRef)]
struct App {
    tokens: AccessTokens,
    robots: Robots,
}

fn state() -> App {
    App { tokens: verifier(), robots: Robots }
}

/// A thing of the shop.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Item {
    /// What it is called.
    #[schemars(length(min = 1, max = 40))]
    name: String,
    price: Option<u32>,
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only its schema matters")]
struct Page {
    /// How many at most.
    #[schemars(range(max = 100))]
    limit: Option<u8>,
}

/// Read by name, so that it works wherever the route is nested.
#[derive(Deserialize, JsonSchema)]
struct OfItem {
    id: i64,
}

/// An error with two statuses of its own.
struct Failure;

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        StatusCode::NOT_FOUND.into_response()
    }
}

impl DescribeResponse for Failure {
    fn describe_response(operation: &mut Operation<'_>) {
        operation.problem(StatusCode::NOT_FOUND, "There is no such thing");
        operation.empty_response(StatusCode::CONFLICT, "It is there already");
        operation.response_header(StatusCode::CONFLICT, "Location", "Where it is");
    }
}

async fn list_items(_: Maybe<AccessTokens>, _: Query<Page>) -> Json<Vec<Item>> {
    Json(Vec::new())
}

async fn create_item(
    _: Guard<AccessTokens, (Read, Write)>,
    item: Json<Item>,
) -> Result<Created<Item>, Failure> {
    Ok(Created(item.0))
}

async fn read_item(
    _: Guard<AccessTokens, Read>,
    State(_): State<App>,
    Path(OfItem { id }): Path<OfItem>,
) -> Result<Json<Item>, Failure> {
    if id == 0 { Err(Failure) } else { Ok(Json(Item { name: id.to_string(), price: None })) }
}

async fn rename_item(_: Guard<Robots, Write>, _: Path<i64>, _: Form<Item>) -> NoContent {
    NoContent
}

async fn delete_item(_: Guard<AccessTokens>) -> NoContent {
    NoContent
}

async fn read_file(_: Public, path: Path<String>) -> Json<String> {
    Json(path.0)
}

fn shop() -> Api<App> {
    Api::new("Shop", "1.2")
        .description("Things to buy.")
        .server("https://shop.example/api")
        .tag("items", "What is sold.")
        .get("/items", list_items)
        .route(post("/items", create_item).summary("Put on sale").description("**At once.**"))
        .get("/items/{id}", read_item)
        .route(patch("/items/{id}", rename_item).tag("robots"))
        .route(delete("/items/{id}", delete_item).deprecated().operation_id("remove_item"))
        .tag("files", "What is shown.")
        .get("/files/{*path}", read_file)
}

fn finished<S: Clone + Send + Sync + 'static>(api: Api<S>) -> (Router<S>, Document) {
    let (router, document) = api.finish().unwrap();
    well_formed(document.value());
    (router, document)
}

/// What OpenAPI 3.1 demands beyond its JSON Schema: references and names resolve.
fn well_formed(document: &Value) {
    references_resolve(document, document);
    let mut names = BTreeSet::new();
    for (path, method, operation) in operations(document) {
        let about = format!("{method} {path}");
        assert!(names.insert(operation["operationId"].as_str().unwrap().to_owned()), "{about}");
        let in_path: BTreeSet<_> =
            path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
        let parameters: Vec<_> = operation["parameters"].as_array().into_iter().flatten().collect();
        let declared =
            parameters.iter().filter(|one| one["in"] == "path").map(|one| one["name"].as_str().unwrap());
        assert_eq!(declared.collect::<BTreeSet<_>>(), in_path, "{about}");
        assert!(parameters.iter().all(|one| one["in"] != "path" || one["required"] == true), "{about}");
        for (status, response) in operation["responses"].as_object().unwrap() {
            assert!(response["description"].is_string(), "{about} {status}");
        }
        for requirement in operation["security"].as_array().unwrap() {
            for (scheme, scopes) in requirement.as_object().unwrap() {
                let scheme = &document["components"]["securitySchemes"][scheme];
                assert!(scheme.is_object(), "{about}: no such scheme");
                for flow in scheme["flows"].as_object().into_iter().flat_map(|flows| flows.values()) {
                    for scope in scopes.as_array().unwrap() {
                        assert!(flow["scopes"][scope.as_str().unwrap()].is_string(), "{about}: {scope}");
                    }
                }
            }
        }
    }
}

fn references_resolve(document: &Value, value: &Value) {
    if let Some(target) = value.get("$ref").and_then(Value::as_str) {
        let found = document.pointer(target.strip_prefix('#').unwrap());
        assert!(found.is_some(), "{target} leads nowhere");
    }
    match value {
        Value::Object(members) => members.values().for_each(|member| references_resolve(document, member)),
        Value::Array(items) => items.iter().for_each(|item| references_resolve(document, item)),
        _ => {}
    }
}

fn operations(document: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    document["paths"].as_object().unwrap().iter().flat_map(|(path, methods)| {
        methods
            .as_object()
            .unwrap()
            .iter()
            .map(move |(method, entry)| (path.as_str(), method.as_str(), entry))
    })
}

async fn call(
    router: &Router,
    method: &str,
    path: &str,
    authorization: Option<&str>,
    body: &str,
) -> StatusCode {
    let mut request = Request::builder().method(method).uri(path).header(CONTENT_TYPE, "application/json");
    if let Some(authorization) = authorization {
        request = request.header(AUTHORIZATION, authorization);
    }
    router.clone().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap().status()
}

#[test]
fn the_document_says_what_the_types_say() {
    let (_, document) = finished(shop());
    let expected: Value = serde_json::from_str(include_str!("api/shop.json")).unwrap();
    if *document.value() != expected {
        let actual = serde_json::to_string_pretty(document.value()).unwrap();
        panic!(
            "tests/cases/api/shop.json is no longer what the types say. If this is meant, write into it:\n{actual}"
        );
    }
}

#[test]
fn the_document_does_not_depend_on_the_order_of_its_making() {
    let text = |api: Api<App>| finished(api).1.value().to_string();
    let forth =
        Api::new("Shop", "1").get("/items", list_items).get("/items/{id}", read_item).post("/a", create_item);
    let back =
        Api::new("Shop", "1").post("/a", create_item).get("/items/{id}", read_item).get("/items", list_items);
    assert_eq!(text(forth), text(back));
    assert_eq!(text(shop()), text(shop()));
}

#[tokio::test]
async fn t13_every_operation_with_security_is_enforced() {
    let (router, document) = finished(shop().nest("/deep", more()));
    let router = router.with_state(state());
    let of = |name: &str, value: &Value| {
        let claims = but(&claims(), name, Some(&value.to_string()));
        format!("Bearer {}", ed25519().token(&ed25519().header().to_string(), &claims))
    };
    let (expired, elsewhere) = (of("exp", &json!(NOW - 60)), of("aud", &json!("another API")));
    let scopeless = of("scope", &json!("nothing"));
    let good = format!("Bearer {}", ed25519().good());
    let (mut guarded, mut optional, mut public) = (0, 0, 0);
    for (path, method, operation) in operations(document.value()) {
        let about = format!("{method} {path}");
        let path = path.replace("{id}", "1").replace("{path}", "a/b");
        let requirements = operation["security"].as_array().expect("each operation says who may call");
        let bad = [Some("Bearer junk"), Some(expired.as_str()), Some(&elsewhere), Some("Basic dTpw")];
        // A rejection by another argument (a missing body) shows that the guard let the request through.
        let past_the_guard = |status: StatusCode| ![401, 403, 500, 503].contains(&status.as_u16());
        if requirements.is_empty() {
            public += 1;
            for authorization in bad.into_iter().chain([None]) {
                let status = call(&router, &method.to_uppercase(), &path, authorization, "").await;
                assert!(past_the_guard(status), "{about} {authorization:?}: {status}");
            }
            continue;
        }
        for authorization in bad {
            assert_eq!(
                call(&router, &method.to_uppercase(), &path, authorization, "").await,
                401,
                "{about} {authorization:?}"
            );
        }
        let stranger = call(&router, &method.to_uppercase(), &path, None, "").await;
        if requirements.contains(&json!({})) {
            optional += 1;
            assert!(past_the_guard(stranger), "{about}: {stranger}");
        } else {
            guarded += 1;
            assert_eq!(stranger, 401, "{about}");
        }
        let robots = requirements[0].get("robot").is_some();
        let scopes = requirements[0].as_object().unwrap().values().next().unwrap().as_array().unwrap();
        if !robots && !scopes.is_empty() {
            assert_eq!(
                call(&router, &method.to_uppercase(), &path, Some(&scopeless), "").await,
                403,
                "{about}"
            );
        }
        let right = if robots { "Bearer robot" } else { &good };
        let status = call(&router, &method.to_uppercase(), &path, Some(right), "").await;
        assert!(past_the_guard(status), "{about}: {status}");
    }
    assert_eq!((guarded, optional, public), (8, 2, 2));
}

/// The same routes under other names, because names must be unique.
fn more() -> Api<App> {
    Api::new("", "")
        .tag("items", "Another text, which is not taken.")
        .tag("more", "More.")
        .route(get("/", list_items).operation_id("more_items"))
        .route(post("/items", create_item).operation_id("more_create"))
        .route(get("/items/{id}", read_item).operation_id("more_read"))
        .route(patch("/items/{id}", rename_item).operation_id("more_rename"))
        .route(delete("/items/{id}", delete_item).operation_id("more_delete"))
        .route(get("/files/{*path}", read_file).operation_id("more_files"))
}

#[tokio::test]
async fn a_nested_api_keeps_its_routes_tags_and_guards() {
    let inner = || Api::new("", "").tag("inner", "Within.").get("/", list_items).get("/{id}", read_item);
    let outer = Api::new("Shop", "1").tag("outer", "Without.").get("/", read_file_of);
    let (router, document) = finished(outer.nest("/a/{org}", Api::new("", "").nest("/b", inner())));
    let document = document.value();
    let paths: Vec<_> = operations(document).map(|(path, ..)| path).collect();
    assert_eq!(paths, ["/", "/a/{org}/b", "/a/{org}/b/{id}"]);
    assert_eq!(
        document["tags"],
        json!([
            { "name": "outer", "description": "Without." }, { "name": "inner", "description": "Within." },
        ])
    );
    assert_eq!(document["paths"]["/a/{org}/b"]["get"]["tags"], json!(["inner"]));
    // A parameter that no extractor takes is still in the document.
    let org = json!({ "name": "org", "in": "path", "required": true, "schema": { "type": "string" } });
    assert_eq!(
        document["paths"]["/a/{org}/b"]["get"]["parameters"].as_array().unwrap().last().unwrap(),
        &org
    );
    let router = router.with_state(state());
    assert_eq!(call(&router, "GET", "/a/x/b", None, "").await, 200);
    assert_eq!(call(&router, "GET", "/a/x/b/1", None, "").await, 401);
    assert_eq!(call(&router, "GET", "/b/1", None, "").await, 404);

    let (merged, by_merge) = finished(Api::new("Shop", "1").merge(inner()));
    let (_, by_hand) =
        finished(Api::new("Shop", "1").tag("inner", "Within.").get("/", list_items).get("/{id}", read_item));
    assert_eq!(by_merge.value(), by_hand.value());
    assert_eq!(call(&merged.with_state(state()), "GET", "/1", None, "").await, 401);
}

#[test]
fn an_operation_has_the_apis_tag_and_its_own_each_once() {
    let tags = |api: Api<()>| finished(api).1.value()["paths"]["/"]["get"]["tags"].clone();
    let route = || get("/", read_file_of);
    let tagged = || Api::new("Shop", "1").tag("files", "What is shown.");
    assert_eq!(tags(Api::new("Shop", "1").route(route())), Value::Null);
    assert_eq!(tags(tagged().route(route().tag("b").tag("a").tag("b"))), json!(["files", "b", "a"]));
    assert_eq!(tags(tagged().route(route().tag("a").tag("files"))), json!(["files", "a"]));
    assert_eq!(tags(tagged().tag("more", "").route(route())), json!(["more"]));
}

async fn read_file_of(_: Public) -> Json<u8> {
    Json(0)
}

#[test]
fn a_status_with_several_causes_names_each_once() {
    struct Refused;
    impl IntoResponse for Refused {
        fn into_response(self) -> Response {
            StatusCode::BAD_REQUEST.into_response()
        }
    }
    impl DescribeResponse for Refused {
        fn describe_response(operation: &mut Operation<'_>) {
            operation.problem(StatusCode::BAD_REQUEST, "Sold out");
            operation.problem(StatusCode::BAD_REQUEST, "The request is malformed");
            operation.empty_response(StatusCode::BAD_REQUEST, "Sold");
        }
    }
    async fn buy(_: Guard<Robots>, _: Json<Item>) -> Result<Json<Item>, Refused> {
        Err(Refused)
    }
    let (_, document) = finished(Api::<App>::new("Shop", "1").post("/", buy));
    let refusal = &document.value()["paths"]["/"]["post"]["responses"]["400"];
    assert_eq!(
        refusal["description"],
        "More than one credential was sent\n\nThe request is malformed\n\nSold out\n\nSold"
    );
    assert_eq!(
        refusal["content"],
        json!({ "application/json": { "schema": { "$ref": "#/components/schemas/Problem" } } })
    );
}

#[tokio::test]
async fn a_route_that_takes_the_rest_of_the_path() {
    let (router, document) = finished(shop());
    let entry = &document.value()["paths"]["/files/{path}"]["get"];
    assert_eq!(entry["parameters"][0]["name"], "path");
    let router = router.with_state(state());
    assert_eq!(call(&router, "GET", "/files/a/b/c.txt", None, "").await, 200);
}

#[test]
fn without_a_server_requests_go_to_where_the_document_lies() {
    let (_, document) = finished(Api::<()>::new("Shop", "1"));
    assert_eq!(document.value()["servers"], json!([{ "url": "." }]));
    let (_, document) = finished(Api::<()>::new("Shop", "1").server("/a").server("/b"));
    assert_eq!(document.value()["servers"], json!([{ "url": "/a" }, { "url": "/b" }]));
}

#[tokio::test]
async fn a_route_may_be_of_any_method_that_openapi_names() {
    async fn one(_: Guard<Robots>) -> NoContent {
        NoContent
    }
    macro_rules! routes {
        ($($method:ident)*) => {
            Api::<Robots>::new("", "")$(
                .route(portcullis::api::$method("/", one).operation_id(stringify!($method)))
            )*
        };
    }
    let (router, document) = finished(routes!(get post put patch delete head options trace));
    let router = router.with_state(Robots);
    let entries = document.value()["paths"]["/"].as_object().unwrap();
    assert_eq!(entries.len(), 8);
    for method in entries.keys().map(|method| method.to_uppercase()) {
        assert_eq!(call(&router, &method, "/", None, "").await, 401, "{method}");
        assert_eq!(call(&router, &method, "/", Some("Bearer robot"), "").await, 204, "{method}");
    }
}
