//! axum-extra's extractors and responses.

use std::io;

use axum_extra::{
    TypedHeader,
    body::AsyncReadBody,
    either::{Either, Either3},
    extract::{
        Cached, CookieJar, Form, FormRejection, JsonDeserializer, Multipart, OptionalQuery, Query,
        WithRejection, cookie::Cookie,
    },
    headers::{Authorization, ContentType, ETag, IfNoneMatch, UserAgent, authorization::Bearer},
    json_lines::{AsResponse, JsonLines},
    response::{
        Attachment, Css, ErasedJson, FileStream, InternalServerError, JavaScript, Wasm,
        multiple::{MultipartForm, Part},
    },
};
use futures_util::stream;
use portcullis::{
    Json, NoContent, answers,
    api::{get, post},
    input::InputRejection,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::*;

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only its schema matters")]
struct Filter {
    tag: Vec<String>,
}

answers! {
    enum Refused {
        /// Not like this.
        Teapot = 418,
    }
}

impl From<FormRejection> for Refused {
    fn from(_: FormRejection) -> Self {
        Self::Teapot
    }
}

answers! {
    enum InputRejected {
        /// Not now.
        Conflict = 409,
    }
}

impl From<InputRejection> for InputRejected {
    fn from(_: InputRejection) -> Self {
        Self::Conflict
    }
}

type Pieces = FileStream<stream::Iter<std::array::IntoIter<io::Result<bytes::Bytes>, 1>>>;

type Lines = JsonLines<stream::Iter<std::array::IntoIter<io::Result<Line>, 1>>, AsResponse>;

#[derive(Serialize, Deserialize, JsonSchema)]
struct Line {
    article: u8,
}

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

async fn fails(_: Public) -> Result<(), InternalServerError<io::Error>> {
    Err(InternalServerError(io::Error::other("it fails")))
}

#[tokio::test]
async fn extractors_and_answers_are_what_they_say() {
    let mut routes = Vec::new();
    macro_rules! takes {
        ($($method:ident $extractor:ty: $request:expr => $status:literal),* $(,)?) => {$(
            let name = concat!(stringify!($method), " ", stringify!($extractor));
            let route = || $method("/", takes::<$extractor>).operation_id("takes");
            agrees(name, route(), $request, $status).await;
            routes.push((name, route()));
        )*};
    }
    takes!(
        get TypedHeader<UserAgent>: request("GET", "/", "", "") => 400,
        get Option<TypedHeader<IfNoneMatch>>: request("GET", "/", "", "") => 200,
        get TypedHeader<ContentType>: request("GET", "/", "text/plain", "") => 200,
        get CookieJar: request("GET", "/", "", "") => 200,
        get Cached<TypedHeader<UserAgent>>: request("GET", "/", "", "") => 400,
        get Query<Filter>: request("GET", "/?tag=a&tag=b", "", "") => 200,
        get OptionalQuery<Filter>: request("GET", "/", "", "") => 200,
        post Form<Filter>: request("POST", "/", FORM, "tag=a&tag=b") => 200,
        post Form<Filter>: request("POST", "/", "text/plain", "") => 415,
        post JsonDeserializer<Line>: request("POST", "/", JSON, "{}") => 200,
        post JsonDeserializer<Line>: request("POST", "/", "", "{}") => 415,
        post JsonDeserializer<Line>: request("POST", "/", JSON, vec![b'1'; 3 << 20]) => 413,
        post JsonLines<Line>: request("POST", "/", "", "{}") => 200,
        post Multipart: request("POST", "/", "multipart/form-data; boundary=a", "") => 200,
        post Multipart: request("POST", "/", "multipart/form-data", "") => 400,
        post WithRejection<Form<Filter>, Refused>: request("POST", "/", "text/plain", "") => 418,
        post WithRejection<Json<Filter>, InputRejected>: request("POST", "/", "", "") => 409,
        get Either<TypedHeader<UserAgent>, Query<Filter>>: request("GET", "/?tag=a", "", "") => 200,
        get Either<TypedHeader<UserAgent>, Query<Filter>>: request("GET", "/", "", "") => 400,
    );
    macro_rules! answers {
        ($($answer:ty: $value:expr),* $(,)?) => {$(
            let route = || get("/", |_: Public| async { let answer: $answer = $value; answer }).operation_id("answers");
            agrees(stringify!($answer), route(), request("GET", "/", "", ""), 200).await;
            routes.push((stringify!($answer), route()));
        )*};
    }
    answers!(
        TypedHeader<ETag>: TypedHeader("\"a\"".parse().unwrap()),
        CookieJar: CookieJar::new().add(Cookie::new("a", "b")),
        Css<&'static str>: Css(""),
        JavaScript<&'static str>: JavaScript(""),
        Wasm<Vec<u8>>: Wasm(Vec::new()),
        Attachment<Json<u8>>: Attachment::new(Json(1)).content_type("text/csv"),
        ErasedJson: axum_extra::json!({ "a": 1 }),
        Lines: JsonLines::new(stream::iter([Ok(Line { article: 1 })])),
        MultipartForm: MultipartForm::with_parts(vec![Part::text("a".to_owned(), "b")]),
        AsyncReadBody: AsyncReadBody::new(&b"a"[..]),
        Pieces: FileStream::new(stream::iter([Ok(bytes::Bytes::new())])),
        Either<Json<u8>, &'static str>: Either::E2("a"),
        Either3<NoContent, (), Json<u8>>: Either3::E3(Json(1)),
        (TypedHeader<ETag>, CookieJar, Json<i32>):
            (TypedHeader("\"a\"".parse().unwrap()), CookieJar::new().add(Cookie::new("a", "b")), Json(1)),
        (TypedHeader<ContentType>, Json<i32>): (TypedHeader(ContentType::text()), Json(1)),
    );
    let route = || get("/", fails).operation_id("answers");
    agrees("InternalServerError", route(), request("GET", "/", "", ""), 500).await;
    routes.push(("InternalServerError<io::Error>", route()));
    same_as_snapshot("extra", routes);
}

#[expect(deprecated, reason = "an application may have it yet")]
#[tokio::test]
async fn an_optional_path_is_a_path_here_where_each_route_is_of_its_own() {
    use axum_extra::extract::OptionalPath;
    let route = || get("/{id}", takes::<OptionalPath<u8>>).operation_id("takes");
    agrees("OptionalPath<u8>", route(), request("GET", "/300", "", ""), 400).await;
    let path = document(get("/{id}", takes::<axum::extract::Path<u8>>).operation_id("takes"));
    assert_eq!(document(route()), path);

    let without = document(get("/", takes::<OptionalPath<u8>>).operation_id("takes"));
    assert_eq!(entry(&without)["parameters"], Value::Null);
}

#[cfg(feature = "axum-extra-full")]
#[tokio::test]
async fn cookie_jars_with_a_key_are_as_the_one_without() {
    use axum_extra::extract::{PrivateCookieJar, SignedCookieJar, cookie::Key};

    // Each is called, and responds as its entry says.
    macro_rules! document_with {
        ($jar:ty) => {{
            let alone = |_: Public, jar: $jar| async { jar.add(Cookie::new("a", "b")) };
            let before_json = |_: Public, jar: $jar| async { (jar.add(Cookie::new("a", "b")), Json(1)) };
            let api = Api::<Key>::new("", "")
                .route(get("/alone", alone).operation_id("alone"))
                .route(get("/json", before_json).operation_id("json"));
            let (router, document) = api.finish().unwrap();
            for path in ["/alone", "/json"] {
                let router = router.clone().with_state(Key::from(&[7; 64]));
                let answer = router.oneshot(request("GET", path, "", "")).await.unwrap();
                assert_eq!(answer.status(), 200);
                is_documented(stringify!($jar), &document.value()["paths"][path]["get"], answer).await;
            }
            document.value().clone()
        }};
    }
    let plain = document_with!(CookieJar);
    assert_eq!(document_with!(SignedCookieJar), plain);
    assert_eq!(document_with!(PrivateCookieJar), plain);
}

#[test]
fn a_raw_token_is_no_way_around_the_guard() {
    async fn sneaks(_: Public, _: TypedHeader<Authorization<Bearer>>) {}
    let refused = Api::<()>::new("", "").get("/", sneaks).finish().unwrap_err().to_string();
    assert!(
        refused.contains("/: `TypedHeader<Authorization<…>>` is a credential that nobody has verified"),
        "{refused}"
    );
}

/// The first of the two is always present, so the second would never be read.
#[test]
fn c02_a_request_of_another_site_is_not_let_in_by_an_alternative() {
    struct Site;
    impl portcullis::credential::CookieSettings for Site {
        const NAME: &'static str = "__Host-site";
    }
    type Alternatives = axum_extra::either::Either<http::Method, portcullis::credential::SameOrigin<Site>>;
    let route = portcullis::api::post("/", takes::<Alternatives>).operation_id("log_in");
    let defects = Api::<()>::new("Site", "1").route(route).finish().unwrap_err().to_string();
    assert!(defects.contains("`SameOrigin<…>` inside another extractor"), "{defects}");
}
