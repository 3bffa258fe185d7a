//! The document has every parameter that is read, and no others.

use std::collections::BTreeMap;

use portcullis::{
    Form, Multipart, Path, Query,
    api::{get, post},
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::*;

#[derive(Deserialize, JsonSchema)]
#[serde(tag = "by", rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema matters")]
pub(super) enum Find {
    Name { name: String, exact: Option<bool> },
    Id { id: u64 },
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only its schema matters")]
pub(super) struct FindOn {
    /// Where.
    shelf: String,
    #[serde(flatten)]
    find: Find,
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only its schema matters")]
struct Open {
    others: Option<u8>,
    #[serde(flatten)]
    more: BTreeMap<String, u8>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema matters")]
enum Either {
    Near { at: u8, within: u8 },
    Far { at: String },
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only its schema matters")]
struct Id {
    id: u32,
}

/// `name`, or `name?` if it is optional, with its schema.
pub(super) fn parameters(document: &Value) -> Vec<String> {
    let one = |parameter: &Value| {
        let may_be_absent = if parameter["required"] == true { "" } else { "?" };
        format!("{}{may_be_absent} {}", parameter["name"].as_str().unwrap(), parameter["schema"])
    };
    let mut all: Vec<_> = entry(document)["parameters"].as_array().into_iter().flatten().map(one).collect();
    all.sort();
    all
}

const TEXT: &str = r#"{"type":"string"}"#;
pub(super) const U8: &str = r#"{"format":"uint8","maximum":255,"minimum":0,"type":"integer"}"#;
const U32: &str = r#"{"format":"uint32","minimum":0,"type":"integer"}"#;
const U64: &str = r#"{"format":"uint64","minimum":0,"type":"integer"}"#;

#[tokio::test]
async fn a_query_that_is_put_together_tells_all_its_parameters() {
    let by = r#"by {"enum":["name","id"],"type":"string"}"#.to_owned();
    let found =
        [by, r#"exact? {"type":"boolean"}"#.to_owned(), format!("id? {U64}"), format!("name? {TEXT}")];
    let on_a_shelf = [&found[..], &[format!("shelf {TEXT}")]].concat();
    let texts = [format!(r#"others? {{"additionalProperties":{TEXT},"type":"object"}}"#)];
    let numbers = format!(r#"{{"additionalProperties":{U8},"type":"object"}}"#);
    macro_rules! are {
        ($($query:ty: $told:expr, $good:literal, $bad:literal;)*) => {$(
            let route = || get("/", takes::<$query>).operation_id("takes");
            assert_eq!(parameters(&document(route())), $told, "{}", stringify!($query));
            agrees(stringify!($query), route(), request("GET", $good, "", ""), 200).await;
            agrees(stringify!($query), route(), request("GET", $bad, "", ""), 422).await;
        )*};
    }
    are! {
        Query<Find>: found, "/?by=id&id=7", "/";
        Query<FindOn>: on_a_shelf, "/?shelf=a&by=name&name=b&exact=true", "/?shelf=a";
        Query<BTreeMap<String, String>>: texts, "/?a=b&c=d", "/?a=b&a=b";
        Query<BTreeMap<u8, String>>: texts, "/?1=b", "/?a=b";
        Query<Open>: [format!("others? {U8}"), format!("others_? {numbers}")], "/?others=1&a=2", "/?a=b";
        Query<Either>: [format!(r#"at {{"anyOf":[{U8},{TEXT}]}}"#), format!("within? {U8}")], "/?at=b", "/";
    }
}

#[tokio::test]
async fn a_parameter_of_the_path_that_no_type_names_is_a_text() {
    type Texts = BTreeMap<String, String>;
    let id = [format!("id {U32}"), format!("org {TEXT}")];
    let texts = [format!("id {TEXT}"), format!("org {TEXT}")];
    let numbers = [format!("id {U32}"), format!("org {U32}")];
    macro_rules! are {
        ($($path:ty: $told:expr;)*) => {$(
            let route = || get("/{org}/{id}", takes::<$path>).operation_id("takes");
            assert_eq!(parameters(&document(route())), $told, "{}", stringify!($path));
            agrees(stringify!($path), route(), request("GET", "/3/7", "", ""), 200).await;
        )*};
    }
    are! {
        Path<Id>: id;
        Path<Texts>: texts;
        Path<BTreeMap<String, u32>>: numbers;
        axum::extract::Path<Id>: id;
        axum::extract::Path<Texts>: texts;
        axum::extract::Path<Vec<(String, String)>>: texts;
        axum::extract::Path<Vec<(String, u32)>>: numbers;
        axum::extract::Path<Vec<String>>: texts;
        axum::extract::Path<Vec<u32>>: numbers;
    }
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only its schema matters")]
struct Nested {
    #[serde(default)]
    inner: Option<Id>,
    #[serde(default)]
    rows: Vec<Vec<u8>>,
    #[serde(default)]
    pair: Option<(u8, String)>,
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only its schema matters")]
struct Upload {
    file: portcullis::input::File<10>,
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only its schema matters")]
pub(super) struct Tags {
    tag: Vec<String>,
}

/// Why an API with this single handler is rejected.
pub(super) fn reasons(route: Route<()>) -> Vec<String> {
    let told =
        Api::<()>::new("", "").route(route).finish().err().map(|error| error.to_string()).unwrap_or_default();
    let reasons = told.lines().skip(1).map(|line| line.split_once(": `").unwrap().1);
    // Without the modules that contain the types.
    let (here, _) = module_path!().rsplit_once("::").unwrap();
    let modules = ["parameters", "axum_pairs"].map(|module| format!("{here}::{module}::"));
    reasons
        .map(|line| modules.iter().fold(line.to_owned(), |line, module| line.replace(module, "")))
        .collect()
}

#[test]
fn what_no_text_can_be_is_refused_at_start() {
    let nested = |extractor: &str| {
        let never = "an object, or one of several kinds that no text tells apart";
        let said =
            |field, is| format!("{extractor}<Nested>` can never be given the field `{field}`: it is {is}");
        [said("inner", never), said("pair", never), said("rows", "a list where there is one text")]
    };
    macro_rules! are {
        ($($extractor:ty: $told:expr;)*) => {$(
            let route = post("/{id}", takes::<$extractor>).operation_id("takes");
            assert_eq!(reasons(route), $told, "{}", stringify!($extractor));
        )*};
    }
    let file = "can never be given the field `file`: it is a file, which only `portcullis::Multipart` takes";
    let list = "can never be given the field `tag`: it is a list where there is one text";
    are! {
        Query<Nested>: nested("Query");
        Form<Nested>: nested("Form");
        Multipart<Nested>: nested("Multipart");
        Multipart<Upload>: [] as [&str; 0];
        Form<Upload>: [format!("Form<Upload>` {file}")];
        Query<Upload>: [format!("Query<Upload>` {file}")];
        Query<u8>: ["Query<u8>` can never be given: the type has no fields; make it a struct"];
        Path<Vec<u8>>: ["Path<alloc::vec::Vec<u8>>` can never be given: the value is a list where there is one text"];
        Path<BTreeMap<String, Vec<u8>>>: [
            "Path<alloc::collections::btree::map::BTreeMap<alloc::string::String, alloc::vec::Vec<u8>>>` can never be \
             given the field `*`: it is a list where there is one text"
        ];
        Path<Find>: ["Path<Find>` does not fit: it takes a parameter `by`, and the route has `id`"];
        Query<Tags>: [] as [&str; 0];
        axum::extract::Path<Vec<Vec<u8>>>: [
            "Path<alloc::vec::Vec<alloc::vec::Vec<u8>>>` can never be given: an item is a list where there is one text"
        ];
    }
    let told = reasons(post("/{tag}", takes::<Path<Tags>>).operation_id("takes"));
    assert_eq!(told, [format!("Path<Tags>` {list}")]);
}
