//! Any input: no panic, and never a server error.

use axum::{
    Router,
    routing::{get as on_get, post as on_post},
};
use portcullis::{Form, Json, Multipart, Path, Query, input::File};
use proptest::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Answer, get, post};

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(tag = "kind")]
enum Tagged {
    A(Inner),
    B { x: Vec<u8> },
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
struct Inner {
    a: Option<i8>,
    b: Vec<Option<bool>>,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
struct Mixed {
    #[schemars(email)]
    a: Option<String>,
    b: Option<u64>,
    c: Option<f32>,
    #[serde(default)]
    x: Vec<i32>,
    #[serde(flatten)]
    tagged: Option<Tagged>,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct Upload {
    a: Option<String>,
    b: Option<File<16>>,
}

fn app() -> Router {
    Router::new().route("/{id}", on_get(async |Path(id): Path<u16>| Json(id))).route(
        "/",
        on_post(async |Json(body): Json<Mixed>| Json(body)).get(async |Query(body): Query<Mixed>| Json(body)),
    )
}

fn run(future: impl Future<Output = Answer>) -> Result<(), TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let answer = runtime.block_on(future);
    prop_assert!(answer.status.as_u16() < 500, "{answer:?}");
    Ok(())
}

/// Text built from the words that the parsers know.
fn words(words: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        8 => prop::sample::select(words).prop_map(|word| word.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..4),
    ];
    prop::collection::vec(word, 0..24).prop_map(|words| words.concat())
}

proptest! {
    #[test]
    fn d07_json(body in words(&[
        "{", "}", "[", "]", ",", ":", "\"kind\":\"A\"", "\"kind\":\"B\"", "\"a\":", "\"b\":", "\"c\":", "\"x\":", "\"A\"",
        "1", "-1", "1.0", "1e39", "18446744073709551616", "null", "true", "\"\\u0000\"", "\"a@b.de\"",
    ])) {
        run(async { post(&app(), "application/json", body).await })?;
    }

    #[test]
    fn d07_form(body in words(&["a", "b", "c", "x", "kind", "=", "=", "&", "&", "%", "%00", "%ff", "+", "A", "1", "-1", "1e39", "NaN"])) {
        run(async {
            let app = Router::new().route("/", on_post(async |Form(body): Form<Mixed>| Json(body)));
            post(&app, "application/x-www-form-urlencoded", body).await
        })?;
    }

    #[test]
    fn d07_multipart(body in words(&[
        "--X", "--X", "--X--", "\r\n", "\r\n", "\r\n\r\n", "\r\n\r\n", "Content-Disposition: form-data; name=\"a\"",
        "Content-Disposition: form-data; name=b; filename=\"f\"", "Content-Type: ", "text/plain", ":", "\"", "x",
    ])) {
        run(async {
            let upload = async |Multipart(upload): Multipart<Upload>| {
                Json((upload.a, upload.b.map(|file| file.bytes().len())))
            };
            post(&Router::new().route("/", on_post(upload)), "multipart/form-data; boundary=X", body).await
        })?;
    }

    #[test]
    fn d07_path_and_query(path in "[0-9a-z%.~-]{1,12}", query in "[0-9a-cx=&%+.e-]{0,48}") {
        run(async { get(&app(), &format!("/{path}")).await })?;
        run(async { get(&app(), &format!("/?{query}")).await })?;
    }
}
