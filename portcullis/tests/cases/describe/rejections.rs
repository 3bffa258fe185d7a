//! A handler may inspect its extractor's rejection, and pass it on with `?`.

use axum::{
    body::Bytes,
    extract::{
        FromRequestParts, Path, RawForm,
        rejection::{BytesRejection, PathRejection, RawFormRejection, StringRejection},
    },
};
use http::{header::COOKIE, request::Parts};
use portcullis::{
    Json,
    api::{get, post},
    credential::{CookieSettings, SameOrigin},
    describe::{Describe, Operation},
    guard::Denied,
    input::InputRejection,
};

use super::*;

async fn passes_on<E, R>(_: Public, sent: Result<E, R>) -> Result<(), R> {
    sent.map(drop)
}

const JSON: &str = "application/json";
#[cfg(any(feature = "axum-full", feature = "axum-extra"))]
const FORM: &str = "application/x-www-form-urlencoded";

/// The response is in the entry, and the entry has the same statuses as if the extractor responded by itself.
macro_rules! passed_on {
    ($($method:ident $path:literal $extractor:ty, $rejection:ty: $request:expr => $status:literal),* $(,)?) => {$(
        let name = concat!(stringify!($extractor), " as ", stringify!($rejection));
        let route = || $method($path, passes_on::<$extractor, $rejection>).operation_id("passes_on");
        agrees(name, route(), $request, $status).await;
        let statuses = |route| entry(&document(route))["responses"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        let itself = statuses($method($path, takes::<$extractor>).operation_id("takes"));
        assert_eq!(statuses(route()), itself, "{name}");
    )*};
}

fn huge() -> Vec<u8> {
    vec![b'1'; 3 * 1024 * 1024]
}

#[tokio::test]
async fn rejections_are_answers_with_the_statuses_of_their_extractors() {
    passed_on!(
        post "/" Json<u8>, InputRejection: request("POST", "/", JSON, "{") => 400,
        post "/" Json<u8>, InputRejection: request("POST", "/", JSON, huge()) => 413,
        post "/" Json<u8>, InputRejection: request("POST", "/", "", "1") => 415,
        post "/" Json<u8>, InputRejection: request("POST", "/", JSON, "300") => 422,
        post "/" Bytes, BytesRejection: request("POST", "/", "", huge()) => 413,
        post "/" String, StringRejection: request("POST", "/", "", vec![0xFF]) => 400,
        post "/" RawForm, RawFormRejection: request("POST", "/", JSON, "a=b") => 415,
        get "/{id}" Path<u8>, PathRejection: request("GET", "/300", "", "") => 400,
    );
}

/// A handler that reads the parts of one of the two `Multipart`s, and each kind of response from it.
#[cfg(any(feature = "axum-full", feature = "axum-extra"))]
macro_rules! parts_agree {
    ($multipart:ty, $error:ty) => {{
        async fn count(_: Public, mut parts: $multipart) -> Result<String, $error> {
            let mut length = 0;
            while let Some(part) = parts.next_field().await? {
                length += part.bytes().await?.len();
            }
            Ok(length.to_string())
        }
        let multipart = |body: &[u8]| request("POST", "/", "multipart/form-data; boundary=a", body.to_vec());
        let head = b"--a\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n";
        for (body, status) in [
            ([&head[..], b"1\r\n--a--\r\n"].concat(), 200),
            (head.to_vec(), 400),
            ([&head[..], &huge(), b"\r\n--a--\r\n"].concat(), 413),
        ] {
            agrees(stringify!($error), post("/", count), multipart(&body), status).await;
        }
    }};
}

#[cfg(feature = "axum-full")]
#[tokio::test]
async fn rejections_of_axums_body_extractors_are_answers_too() {
    use axum::extract::{
        Form, Json as AxumJson, Multipart, Query,
        multipart::MultipartRejection,
        rejection::{FormRejection, JsonRejection, QueryRejection},
    };

    passed_on!(
        post "/" AxumJson<Vec<u8>>, JsonRejection: request("POST", "/", JSON, "[") => 400,
        post "/" AxumJson<u8>, JsonRejection: request("POST", "/", JSON, huge()) => 413,
        post "/" AxumJson<u8>, JsonRejection: request("POST", "/", "", "1") => 415,
        post "/" AxumJson<u8>, JsonRejection: request("POST", "/", JSON, "300") => 422,
        post "/" Form<[(u8, u8); 1]>, FormRejection: request("POST", "/", FORM, "a=b") => 422,
        post "/" Form<[(u8, u8); 1]>, FormRejection: request("POST", "/", JSON, "1") => 415,
        get "/" Query<[(u8, u8); 1]>, QueryRejection: request("GET", "/?a=b", "", "") => 400,
        post "/" Multipart, MultipartRejection: request("POST", "/", "multipart/form-data", "") => 400,
    );
    parts_agree!(Multipart, axum::extract::multipart::MultipartError);
}

#[cfg(feature = "axum-extra")]
#[tokio::test]
async fn rejections_of_axum_extras_extractors_are_answers_too() {
    use axum_extra::{
        TypedHeader,
        extract::{
            Form, FormRejection, JsonDeserializer, Multipart, OptionalQuery, OptionalQueryRejection, Query,
            QueryRejection,
            multipart::{MultipartError, MultipartRejection},
        },
        headers::UserAgent,
        typed_header::TypedHeaderRejection,
    };

    passed_on!(
        get "/" TypedHeader<UserAgent>, TypedHeaderRejection: request("GET", "/", "", "") => 400,
        get "/" Query<[(u8, u8); 1]>, QueryRejection: request("GET", "/?a=b", "", "") => 400,
        get "/" OptionalQuery<[(u8, u8); 1]>, OptionalQueryRejection: request("GET", "/?a=b", "", "") => 400,
        post "/" Multipart, MultipartRejection: request("POST", "/", "multipart/form-data", "") => 400,
        post "/" Form<[(u8, u8); 1]>, FormRejection: request("POST", "/", FORM, "a=b") => 422,
        post "/" Form<[(u8, u8); 1]>, FormRejection: request("POST", "/", JSON, "1") => 415,
    );
    parts_agree!(Multipart, MultipartError);

    // It reads where the handler decides, so the handler's response type documents it.
    let reads = |_: Public, sent: JsonDeserializer<u8>| async move { sent.deserialize().map(Json::<u8>) };
    for (body, status) in [("1", 200), ("x", 400), ("300", 422)] {
        let route = post("/", reads).operation_id("reads");
        agrees("JsonDeserializer", route, request("POST", "/", JSON, body), status).await;
    }
}

#[tokio::test]
async fn a_refusal_of_a_guard_is_an_answer() {
    struct Site;
    impl CookieSettings for Site {
        const NAME: &'static str = "__Host-site";
    }
    /// `SameOrigin` itself cannot be in a `Result`; a custom extractor may check it and document it.
    struct Asked;
    impl<S: Send + Sync> FromRequestParts<S> for Asked {
        type Rejection = Denied;

        async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Denied> {
            SameOrigin::<Site>::from_request_parts(parts, state).await.map(|_| Self)
        }
    }
    impl Describe for Asked {
        fn describe(_: &mut Operation<'_>) {}
    }
    let route = post("/", passes_on::<Asked, Denied>).operation_id("log_in");
    let mut foreign = request("POST", "/", "", "");
    foreign.headers_mut().insert(COOKIE, "__Host-site=a".parse().unwrap());
    foreign.headers_mut().insert("sec-fetch-site", "cross-site".parse().unwrap());
    agrees("Denied", route, foreign, 403).await;

    let document = document(post("/", passes_on::<Asked, Denied>).operation_id("log_in"));
    let statuses: Vec<_> = entry(&document)["responses"].as_object().unwrap().keys().collect();
    assert_eq!(statuses, ["200", "400", "401", "403", "429", "503"]);
}
