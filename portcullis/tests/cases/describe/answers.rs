//! axum's response types.

use std::{
    borrow::Cow,
    convert::Infallible,
    future::{Ready, ready},
};

use axum::{
    Extension,
    body::{Body, Bytes},
    response::{
        AppendHeaders, ErrorResponse, Html, IntoResponse, NoContent, Redirect, Response, Sse, sse::Event,
    },
};
use bytes::{Buf, BytesMut, buf::Chain};
use futures_util::stream::{Iter, iter};
use http::{
    Extensions, HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{CONTENT_TYPE, LOCATION},
    response::Parts,
};
use portcullis::{Answer, Created, Json, api::get, describe::DescribeResponse};

use super::*;

type Events = Sse<Iter<std::array::IntoIter<Result<Event, Infallible>, 1>>>;
type Header = [(HeaderName, HeaderValue); 1];

fn answering<T>(answer: T) -> impl Fn(Public) -> Ready<T> + Clone + Send + Sync + 'static
where
    T: Clone + Send + Sync + 'static,
{
    move |_| ready(answer.clone())
}

fn location() -> Header {
    [(LOCATION, HeaderValue::from_static("/there"))]
}

fn chosen() -> Response<()> {
    Response::builder().status(203).header(LOCATION, "/there").body(()).unwrap()
}

fn response_parts() -> Parts {
    chosen().into_parts().0
}

/// Each response's route is in the snapshot, and its response matches the route's entry.
#[tokio::test]
async fn each_answer_is_what_it_says() {
    let mut routes = Vec::new();
    macro_rules! answer {
        ($($answer:ty: $value:expr => $status:literal),* $(,)?) => {$(
            let route = || get("/", |_: Public| async { let answer: $answer = $value; answer }).operation_id("answers");
            agrees(stringify!($answer), route(), request("GET", "/", "", ""), $status).await;
            routes.push((stringify!($answer), route()));
        )*};
    }
    answer!(
        (): () => 200,
        StatusCode: StatusCode::GONE => 410,
        NoContent: NoContent => 204,
        Redirect: Redirect::to("/there") => 303,
        &'static str: "text" => 200,
        String: String::from("text") => 200,
        Box<str>: "text".into() => 200,
        Cow<'static, str>: Cow::Borrowed("text") => 200,
        Json<Value>: Json(Value::Null) => 200,
        Json<Vec<Value>>: Json(Vec::new()) => 200,
        Html<String>: Html(String::new()) => 200,
        Bytes: Bytes::from_static(b"bytes") => 200,
        BytesMut: BytesMut::from(&b"bytes"[..]) => 200,
        Chain<Bytes, &'static [u8]>: Bytes::from_static(b"by").chain(b"tes") => 200,
        Vec<u8>: vec![1] => 200,
        Box<[u8]>: Box::new([1]) => 200,
        Cow<'static, [u8]>: Cow::Borrowed(b"bytes") => 200,
        &'static [u8]: b"bytes" => 200,
        &'static [u8; 1]: &[1] => 200,
        [u8; 1]: [1] => 200,
        Body: Body::from("anything") => 200,
        Response: (StatusCode::IM_A_TEAPOT, "short").into_response() => 418,
        Result<String, ErrorResponse>: Err(ErrorResponse::from(StatusCode::CONFLICT)) => 409,
        Result<String, Infallible>: Ok(String::new()) => 200,
        Events: Sse::new(iter([Ok(Event::default().data("one"))])) => 200,
        HeaderMap: HeaderMap::new() => 200,
        Header: location() => 200,
        Extensions: Extensions::new() => 200,
        Extension<u8>: Extension(1) => 200,
        AppendHeaders<Header>: AppendHeaders(location()) => 200,
        (StatusCode, Json<u8>): (StatusCode::ACCEPTED, Json(1)) => 202,
        (StatusCode, HeaderMap, String): (StatusCode::ACCEPTED, HeaderMap::new(), String::new()) => 202,
        (Header, Created<u8>): (location(), Created(1)) => 201,
        (AppendHeaders<Header>, Created<u8>): (AppendHeaders(location()), Created(1)) => 201,
        (Option<Extension<u8>>, String): (None, String::new()) => 200,
        (String,): (String::new(),) => 200,
        Answer<202, Json<u8>>: Answer(Json(1)) => 202,
        Answer<204, Json<u8>>: Answer(Json(1)) => 204,
        Answer<418, Html<&'static str>>: Answer(Html("short")) => 418,
        Answer<307, (Header, ())>: Answer((location(), ())) => 307,
        Answer<303, Redirect>: Answer(Redirect::permanent("/there")) => 303,
        Parts: response_parts() => 203,
        (Parts, Json<u8>): (response_parts(), Json(1)) => 203,
        (Response<()>, Extension<u8>, Json<u8>): (chosen(), Extension(1), Json(1)) => 203,
        (StatusCode, Header, Json<u8>): (StatusCode::CREATED, location(), Json(1)) => 201,
        Result<Json<u8>, (StatusCode, Json<String>)>: Err((StatusCode::GONE, Json("gone".into()))) => 410,
    );
    same_as_snapshot("answers", routes);
}

/// A header that replaces the content type must not make the document wrong.
#[tokio::test]
async fn a_content_type_of_the_programs_own_is_within_the_document() {
    let csv = || ([(CONTENT_TYPE, HeaderValue::from_static("text/csv"))], "a,b");
    let route = get("/", answering(csv())).operation_id("answers");
    agrees("text/csv", route, request("GET", "/", "", ""), 200).await;
}

/// The parts before a body do not affect the handler's other responses.
#[test]
fn headers_belong_to_their_own_body() {
    async fn either(_: Public) -> Result<(Header, Created<u8>), Json<bool>> {
        Err(Json(true))
    }
    let document = document(get("/", either));
    let media_types = |status: &str| -> Vec<String> {
        entry(&document)["responses"][status]["content"].as_object().unwrap().keys().cloned().collect()
    };
    assert_eq!(media_types("201"), ["*/*", "application/json"]);
    assert_eq!(media_types("200"), ["application/json"]);
}

/// The maximum number of parts in axum.
#[tokio::test]
async fn an_answer_has_up_to_fifteen_parts() {
    type E = Extension<u8>;
    type Longest = (StatusCode, E, E, E, E, E, E, E, E, E, E, E, E, E, E, Header, Json<u8>);
    async fn answer(_: Public) -> Longest {
        let e = || Extension(1);
        (
            StatusCode::CREATED,
            e(),
            e(),
            e(),
            e(),
            e(),
            e(),
            e(),
            e(),
            e(),
            e(),
            e(),
            e(),
            e(),
            e(),
            location(),
            Json(1),
        )
    }
    agrees("seventeen", get("/", answer), request("GET", "/", "", ""), 201).await;
}

#[test]
fn a_restated_answer_keeps_its_parts() {
    struct Elsewhere;
    impl IntoResponse for Elsewhere {
        fn into_response(self) -> Response {
            Redirect::to("/").into_response()
        }
    }
    impl DescribeResponse for Elsewhere {
        fn describe_response(operation: &mut portcullis::describe::Operation<'_>) {
            operation.restated(StatusCode::SEE_OTHER, "Logged in", Redirect::describe_response);
        }
    }
    let document = document(get("/", |_: Public| async { Elsewhere }).operation_id("log_in"));
    assert_eq!(
        entry(&document)["responses"],
        json!({
            "303": {
                "description": "Logged in",
                "headers": { "Location": { "description": "The new location", "schema": { "type": "string" } } },
            },
        })
    );
}
