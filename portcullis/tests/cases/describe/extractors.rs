//! What axum's extractors accept and reject.

use axum::{
    Extension,
    body::{Body, Bytes},
    extract::{
        ConnectInfo, FromRequestParts, MatchedPath, NestedPath, OriginalUri, Path, RawForm, RawPathParams,
        RawQuery, Request, State,
        rejection::{BytesRejection, PathRejection},
    },
};
use bytes::BytesMut;
use http::{Extensions, HeaderMap, Method, Uri, Version, request::Parts};
use portcullis::{
    Query,
    api::{get, post},
};
use serde::Deserialize;

use super::*;

#[derive(Deserialize, schemars::JsonSchema)]
#[expect(dead_code, reason = "only its schema matters")]
struct Page {
    /// How many at most.
    limit: u8,
}

#[test]
fn each_extractor_says_what_it_takes() {
    macro_rules! routes {
        ($($method:ident $path:literal $extractor:ty),* $(,)?) => {
            vec![$((
                concat!(stringify!($method), " ", $path, " ", stringify!($extractor)),
                $method($path, takes::<$extractor>).operation_id("takes"),
            )),*]
        };
    }
    let routes = routes!(
        get "/{id}" Path<u8>,
        get "/{org}/{id}" Path<(String, u8)>,
        get "/{id}" Option<Path<u8>>,
        get "/{id}" Result<Path<u8>, PathRejection>,
        get "/{id}" RawPathParams,
        post "/" String,
        post "/" Bytes,
        post "/" BytesMut,
        post "/" Body,
        post "/" Request,
        post "/" RawForm,
        post "/" Result<Bytes, BytesRejection>,
        get "/" String,
        get "/" Request,
        get "/" RawForm,
        get "/{id}" (Path<u8>, RawQuery),
    );
    same_as_snapshot("extractors", routes);
}

#[test]
fn what_comes_from_inside_is_no_part_of_the_interface() {
    type Inside = (State<()>, Extension<u8>, ConnectInfo<u8>, MatchedPath);
    type Looks = (OriginalUri, RawQuery, Uri, Method);
    type MoreLooks = (Version, HeaderMap, Extensions, ());
    async fn takes_all(
        _: Public,
        _: Inside,
        _: Looks,
        _: MoreLooks,
        _: NestedPath,
        _: Option<MatchedPath>,
        _: Parts,
    ) {
    }
    let document = document(get("/", takes_all));
    let entry = entry(&document).as_object().unwrap();
    assert_eq!(entry.get("parameters"), None);
    assert_eq!(entry.get("requestBody"), None);
    assert_eq!(entry["responses"], json!({ "200": { "description": "Success" } }));
}

#[test]
fn a_parameter_that_two_extractors_take_is_there_once() {
    async fn twice(
        _: Public,
        _: Path<u8>,
        _: portcullis::Path<u8>,
        _: Query<Page>,
        _: (Query<Page>, Path<String>),
    ) {
    }
    let document = document(get("/{id}", twice));
    let names: Vec<_> = entry(&document)["parameters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["id", "limit"]);
}

#[tokio::test]
async fn refusals_are_those_of_the_document() {
    const NOT_UTF8: &[u8] = b"\xff";
    let huge = || Body::from(vec![b'a'; 3 * 1024 * 1024]);
    macro_rules! refused {
        ($($method:ident $path:literal $extractor:ty: $request:expr => $status:literal),* $(,)?) => {$(
            let route = $method($path, takes::<$extractor>).operation_id("takes");
            agrees(stringify!($extractor), route, $request, $status).await;
        )*};
    }
    refused!(
        get "/{id}" Path<u8>: request("GET", "/7", "", "") => 200,
        get "/{id}" Path<u8>: request("GET", "/x", "", "") => 400,
        get "/{id}" Option<Path<u8>>: request("GET", "/x", "", "") => 400,
        get "/{id}" Result<Path<u8>, PathRejection>: request("GET", "/x", "", "") => 200,
        get "/{id}" RawPathParams: request("GET", "/%ff", "", "") => 400,
        post "/" String: request("POST", "/", "", "") => 200,
        post "/" String: request("POST", "/", "text/plain", NOT_UTF8) => 400,
        post "/" String: request("POST", "/", "text/plain", huge()) => 413,
        post "/" Bytes: request("POST", "/", "", huge()) => 413,
        post "/" BytesMut: request("POST", "/", "", huge()) => 413,
        post "/" Body: request("POST", "/", "", huge()) => 200,
        post "/" Request: request("POST", "/", "", "") => 200,
        post "/" RawForm: request("POST", "/", "text/plain", "a=b") => 415,
        post "/" RawForm: request("POST", "/", "application/x-www-form-urlencoded", huge()) => 413,
        get "/" RawForm: request("GET", "/?a=b", "", "") => 200,
        post "/" Result<Bytes, BytesRejection>: request("POST", "/", "", huge()) => 200,
    );
}

/// The library's generic texts are only used where it knows nothing better.
#[test]
fn an_extractor_of_ones_own_describes_itself_beside_them() {
    struct Tenant;
    impl FromRequestParts<()> for Tenant {
        type Rejection = std::convert::Infallible;

        async fn from_request_parts(_: &mut Parts, (): &()) -> Result<Self, Self::Rejection> {
            Ok(Self)
        }
    }
    impl portcullis::describe::Describe for Tenant {
        fn describe(operation: &mut portcullis::describe::Operation<'_>) {
            operation.parameter(
                "tenant",
                portcullis::describe::In::Header,
                true,
                json!({ "type": "string" }),
            );
        }
    }
    let document = document(post("/{id}", takes::<(Tenant, Path<u8>)>).operation_id("takes"));
    assert_eq!(entry(&document)["parameters"][0]["in"], "header");
    assert_eq!(entry(&document)["parameters"][1]["in"], "path");
}

#[tokio::test]
async fn a_body_of_this_crate_has_its_limit_in_the_document_and_may_be_absent() {
    use portcullis::{Form, Json, Multipart, input::UpTo};

    const JSON: &str = "application/json";
    let huge = || format!("{}{{\"limit\": 1}}", " ".repeat(70_000));
    macro_rules! are {
        ($($extractor:ty: $required:literal $limit:literal, $request:expr => $status:literal;)*) => {$(
            let route = || post("/", takes::<$extractor>).operation_id("takes");
            let whole = document(route());
            let told = entry(&whole);
            assert_eq!(told["requestBody"]["required"], $required, "{}", stringify!($extractor));
            assert_eq!(told["responses"]["413"]["description"], $limit, "{}", stringify!($extractor));
            agrees(stringify!($extractor), route(), $request, $status).await;
        )*};
    }
    are! {
        Json<Page>: true "The request body has more than 65536 bytes", request("POST", "/", JSON, huge()) => 413;
        UpTo<80_000, Json<Page>>: true "The request body has more than 80000 bytes",
            request("POST", "/", JSON, huge()) => 200;
        UpTo<9, Form<Page>>: true "The request body has more than 9 bytes",
            request("POST", "/", "application/x-www-form-urlencoded", "limit=0001") => 413;
        Option<Json<Page>>: false "The request body has more than 65536 bytes", request("POST", "/", "", "") => 200;
        Option<UpTo<9, Json<Page>>>: false "The request body has more than 9 bytes",
            request("POST", "/", "", "{}") => 415;
        Option<Form<Page>>: false "The request body has more than 1048576 bytes", request("POST", "/", "", "") => 200;
        Option<Multipart<Page>>: false "The request body is too large", request("POST", "/", "", "") => 200;
    }
}

/// The maximum number of arguments in axum, and each is in the document.
#[tokio::test]
async fn a_handler_has_up_to_sixteen_arguments() {
    #[expect(clippy::too_many_arguments, reason = "as many as there can be")]
    async fn sixteen(
        _: Public,
        _: Method,
        _: Method,
        _: Method,
        _: Method,
        _: Method,
        _: Method,
        _: Method,
        _: Method,
        _: Method,
        _: Method,
        _: Method,
        _: Method,
        _: Method,
        Path(id): Path<u8>,
        body: String,
    ) -> String {
        format!("{id} {body}")
    }
    let document = document(post("/{id}", sixteen));
    let entry = entry(&document);
    assert_eq!(entry["parameters"][0]["schema"]["maximum"], 255);
    assert!(entry["requestBody"]["content"]["text/plain"].is_object());
    agrees("sixteen", post("/{id}", sixteen), request("POST", "/1", "text/plain", "a"), 200).await;
}
