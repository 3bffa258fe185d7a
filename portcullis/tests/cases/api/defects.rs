//! Why an API is rejected, with all reasons at once.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
};

use axum::routing;
use proptest::prelude::*;

use super::*;

async fn one(_: Public) -> NoContent {
    NoContent
}

async fn two(_: Public) -> NoContent {
    NoContent
}

async fn of<T: Send>(_: Public, _: State<T>) -> NoContent {
    NoContent
}

fn api() -> Api<()> {
    Api::new("", "")
}

#[track_caller]
fn refused<S: Clone + Send + Sync + 'static>(api: Api<S>, reasons: &[&str]) {
    let told = api.finish().unwrap_err().to_string();
    assert_eq!(told.lines().next().unwrap(), "the API cannot be built:");
    let lines: Vec<_> = told.lines().skip(1).map(|line| line.strip_prefix("- ").unwrap()).collect();
    assert_eq!(lines, reasons);
}

#[test]
fn a_name_is_a_name_and_names_one_operation() {
    refused(
        api().get("/a", one).get("/b", one).get("/c/{id}", one),
        &[
            "get /b: another operation is already called `one`; set `.operation_id(\"defects_one\")`",
            "get /c/{id}: another operation is already called `one`; set `.operation_id(\"get_one_c_id\")`",
        ],
    );
    refused(
        api().get("/", async |_: Public| NoContent),
        &["get /: `{{closure}}` is not a valid operation id; set one with `.operation_id(…)`"],
    );
    for name in ["", "read item", "a-b", "größe", "a.b"] {
        let reason = format!("get /: `{name}` is not a valid operation id; set one with `.operation_id(…)`");
        refused(api().route(get("/", one).operation_id(name)), &[&reason]);
    }
    drop(finished(api().route(get("/", async |_: Public| NoContent).operation_id("closure_1"))));
    // A generic function's name is without its type arguments.
    let document = finished(Api::<Vec<u8>>::new("", "").get("/", of::<Vec<u8>>)).1;
    assert_eq!(document.value()["paths"]["/"]["get"]["operationId"], "of");
    // A text built at run time works as well as a literal.
    let named = get("/", one)
        .operation_id(format!("one_{}", 1))
        .summary(format!("{}", 1))
        .description(String::from("2"));
    let document = finished(api().route(named)).1;
    let entry = &document.value()["paths"]["/"]["get"];
    assert_eq!(
        (&entry["operationId"], &entry["summary"], &entry["description"]),
        (&"one_1".into(), &"1".into(), &"2".into())
    );
}

#[test]
fn one_place_has_one_route() {
    refused(api().get("/a", one).get("/a", two), &["get /a: this route already exists"]);
    refused(
        api().get("/{a}/x", one).get("/{b}/x", two),
        &["get /{b}/x: `/{a}/x` is the same path with other parameter names"],
    );
    // axum would panic here: one place with two parameter names.
    refused(
        api().get("/{a}", one).post("/{b}", two),
        &["post /{b}: `/{a}` is the same path with other parameter names"],
    );
    refused(
        api().get("/{a}", one).post("/{*a}", two),
        &["post /{*a}: `/{a}` is the same path with other parameter names"],
    );
    refused(
        api().merge(api().get("/a", one)).merge(api().get("/a", two)),
        &["get /a: this route already exists"],
    );
    refused(
        api().get("/n/a", one).nest("/n", api().get("/a", two)),
        &["get /n/a: this route already exists"],
    );
    drop(finished(api().get("/a", one).post("/a", two)));
    drop(finished(api().get("/{a}/x", one).get("/{b}/y", two)));
    drop(finished(api().get("/{a}", one).get("/a", two)));
}

#[test]
fn a_path_is_what_axum_and_openapi_both_understand() {
    let paths = [
        ("", "a path must begin with `/`"),
        ("a", "a path must begin with `/`"),
        ("/v{n}", "a parameter `{…}` must be a whole segment"),
        ("/{a}{b}", "a parameter's name must be a plain word"),
        ("/{a", "a parameter `{…}` must be a whole segment"),
        ("/a}", "a parameter `{…}` must be a whole segment"),
        ("/{{a}}", "a parameter's name must be a plain word"),
        ("/{}", "a parameter must have a name"),
        ("/{*}", "a parameter must have a name"),
        ("/{**a}", "a parameter's name must be a plain word"),
        ("/:a", "a parameter must be written `{name}` or `{*rest}`"),
        ("/*a", "a parameter must be written `{name}` or `{*rest}`"),
        ("/{*a}/b", "nothing follows `{*rest}`"),
        ("/{*a}/", "nothing follows `{*rest}`"),
        ("/{a}/{a}", "two parameters have the same name"),
        ("/{a}/{*a}", "two parameters have the same name"),
    ];
    for (path, reason) in paths {
        refused(api().get(path, one), &[&format!("get {path}: {reason}")]);
    }
    refused(api().nest("/a/", api().get("/b", one)), &["nest `/a/`: a prefix must not end with `/`"]);
    refused(api().nest("a", api().get("/b", one)), &["get a/b: a path must begin with `/`"]);
}

proptest! {
    // axum accepts whatever `finish` accepts; where axum would panic, `finish` returns a defect.
    #[test]
    fn finish_never_panics(
        a in "(/(a|b|\\{a\\}|\\{b\\}|\\{\\*a\\}|:a|\\{|x\\{a\\}|))*", b in "(/(a|b|\\{a\\}|\\{b\\}|\\{\\*b\\}|))*", get_both: bool,
    ) {
        let together = catch_unwind(AssertUnwindSafe(|| {
            let second = if get_both { routing::get(two) } else { routing::post(two) };
            drop(Router::<()>::new().route(&a, routing::get(one)).route(&b, second));
        })).is_ok();
        let second = if get_both { get(&b, two) } else { post(&b, two) };
        let ours = api().get(&a, one).route(second).finish();
        if ours.is_ok() {
            prop_assert!(together, "{} {}", a, b);
        } else {
            // We are stricter about parameters, and about nothing else.
            let plain = |path: &str| api().get(path, one).finish().is_ok();
            prop_assert!(!(together && plain(&a) && plain(&b)), "{} {}: {}", a, b, ours.unwrap_err());
        }
    }
}

#[test]
fn one_scheme_name_is_one_scheme() {
    #[derive(Clone)]
    struct Impostor;
    impl Verify for Impostor {
        type Credential = Bearer;
        type Principal = ();
        const SCHEME: &'static str = "robot";

        async fn verify(&self, _: &Bearer) -> Result<Verdict<()>, VerifyFailed> {
            Ok(Verdict::Refused)
        }
    }
    #[derive(Clone, FromRef)]
    struct Both {
        robots: Robots,
        impostor: Impostor,
    }
    async fn robot(_: Guard<Robots>) -> NoContent {
        NoContent
    }
    async fn impostor(_: Guard<Impostor>) -> NoContent {
        NoContent
    }
    let reason = &["two different security schemes are called `robot`"];
    refused(Api::<Both>::new("", "").get("/a", robot).get("/b", impostor), reason);
    refused(Api::<Both>::new("", "").get("/a", robot).merge(Api::new("", "").get("/b", impostor)), reason);
}

#[test]
fn a_scope_has_a_name_that_fits_the_header() {
    struct Spaced;
    impl Scope for Spaced {
        const NAME: &'static str = "a b";
        const DESCRIPTION: &'static str = "";
    }
    struct Quoted;
    impl Scope for Quoted {
        const NAME: &'static str = "q\"";
        const DESCRIPTION: &'static str = "";
    }
    struct Slashed;
    impl Scope for Slashed {
        const NAME: &'static str = "s\\";
        const DESCRIPTION: &'static str = "";
    }
    struct Empty;
    impl Scope for Empty {
        const NAME: &'static str = "";
        const DESCRIPTION: &'static str = "";
    }
    async fn odd(_: Guard<Robots, (Spaced, Quoted, Slashed, Empty)>) -> NoContent {
        NoContent
    }
    let reason = |name: &str| format!("the scope `{name}` is not a scope-token (RFC 6749 §3.3)");
    let reasons = ["a b", "q\"", "s\\", ""].map(reason);
    refused(Api::<Robots>::new("", "").get("/", odd), &reasons.each_ref().map(String::as_str));
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only its schema matters")]
struct Seat {
    row: u8,
    number: u8,
    side: Option<String>,
}

#[test]
fn what_a_handler_takes_of_the_path_is_there() {
    async fn single(_: Public, _: Path<u8>) -> NoContent {
        NoContent
    }
    async fn pair(_: Public, _: Path<(u8, String)>) -> NoContent {
        NoContent
    }
    async fn seat(_: Public, _: Path<Seat>) -> NoContent {
        NoContent
    }
    async fn all(_: Public, _: Path<BTreeMap<String, String>>) -> NoContent {
        NoContent
    }
    async fn axum_pair(_: Public, _: axum::extract::Path<(u8, String)>) -> NoContent {
        NoContent
    }
    async fn axum_list(_: Public, _: axum::extract::Path<Vec<(String, String)>>) -> NoContent {
        NoContent
    }
    for (api, reason) in [
        (api().get("/x", single), "`Path<u8>` does not fit: it takes one parameter, and the route has none"),
        (
            api().get("/{a}/{b}", single),
            "`Path<u8>` does not fit: it takes one parameter, and the route has `a`, `b`",
        ),
        (
            api().get("/{a}", pair),
            "`Path<(u8, alloc::string::String)>` does not fit: it takes 2 parameters, and the route has `a`",
        ),
        (
            api().get("/{a}/{b}/{c}", axum_pair),
            "`Path<(u8, alloc::string::String)>` does not fit: it takes 2 parameters, and the route has `a`, `b`, `c`",
        ),
    ] {
        let [_, line] = api
            .finish()
            .unwrap_err()
            .to_string()
            .lines()
            .map(str::to_owned)
            .collect::<Vec<_>>()
            .try_into()
            .unwrap();
        assert!(line.starts_with("- get /") && line.ends_with(reason), "{line}");
    }
    let told = api().get("/rows/{row}/{chair}", seat).finish().unwrap_err().to_string();
    assert!(told.contains("- get /rows/{row}/{chair}: `Path<"), "{told}");
    assert!(
        told.contains(
            "::Seat>` does not fit: it takes a parameter `number`, and the route has `row`, `chair`"
        ),
        "{told}"
    );
    // The whole path counts, including the prefix that an API is nested under.
    let told = api().nest("/{shop}", api().get("/{a}", single)).finish().unwrap_err().to_string();
    assert!(told.contains("get /{shop}/{a}: `Path<u8>` does not fit"), "{told}");

    drop(finished(api().nest("/{a}", api().get("/{b}", pair))));
    drop(finished(api().get("/rest/{*rest}", single).get("/{x}/{y}/z", axum_pair)));
    drop(finished(api().get("/{number}/of/{row}", seat).get("/x", all).get("/x/{a}/b/{c}", axum_list)));
}

#[test]
fn every_defect_is_told_at_once() {
    refused(
        api().get("/a", one).get("/a", one).get("b", two).get("/c", async |_: Public| NoContent),
        &[
            "get /a: this route already exists",
            "get b: a path must begin with `/`",
            "get /a: another operation is already called `one`; set `.operation_id(\"defects_one\")`",
            "get /c: `{{closure}}` is not a valid operation id; set one with `.operation_id(…)`",
        ],
    );
}

#[test]
fn an_api_and_its_parts_print_their_routes() {
    assert_eq!(format!("{:?}", api().get("/a", one).post("/b", two)), "[\"get /a\", \"post /b\"]");
    assert_eq!(format!("{:?}", get::<(), _, _, _>("/a", one)), "Route(get /a one)");
}

/// Each would reject what the other one documents.
#[test]
fn f1_a_query_has_one_extractor() {
    #[derive(serde::Deserialize, schemars::JsonSchema)]
    #[expect(dead_code, reason = "only its schema matters")]
    struct Filter {
        name: Option<String>,
    }
    #[derive(serde::Deserialize, schemars::JsonSchema)]
    #[expect(dead_code, reason = "only its schema matters")]
    struct Paging {
        page: Option<u32>,
    }
    #[derive(serde::Deserialize, schemars::JsonSchema)]
    #[expect(dead_code, reason = "only its schema matters")]
    struct Both {
        #[serde(flatten)]
        filter: Filter,
        #[serde(flatten)]
        paging: Paging,
    }
    async fn twice(_: Public, _: Query<Filter>, _: Query<Paging>) -> NoContent {
        NoContent
    }
    async fn once(_: Public, _: Query<Both>) -> NoContent {
        NoContent
    }
    let reason = |of: &str, name: &str| {
        let of = format!("Query<{}::f1_a_query_has_one_extractor::{of}>", module_path!());
        format!(
            "get /: `{of}` refuses the query's parameter `{name}` of another extractor: make them one struct, with \
             `#[serde(flatten)]` for its parts"
        )
    };
    refused(api().get("/", twice), &[&reason("Filter", "page"), &reason("Paging", "name")]);
    drop(finished(api().get("/", once)));
}

#[cfg(feature = "axum-full")]
#[test]
fn f1_nor_one_of_axum_beside_it() {
    #[derive(serde::Deserialize, schemars::JsonSchema)]
    #[expect(dead_code, reason = "only its schema matters")]
    struct Paging {
        page: Option<u32>,
    }
    #[derive(serde::Deserialize, schemars::JsonSchema)]
    struct Open {
        #[serde(flatten)]
        #[expect(dead_code, reason = "only its schema matters")]
        all: BTreeMap<String, String>,
    }
    async fn beside(_: Public, _: axum::extract::Query<Paging>, _: Query<Empty>) -> NoContent {
        NoContent
    }
    async fn open(_: Public, _: axum::extract::Query<Paging>, _: Query<Open>) -> NoContent {
        NoContent
    }
    #[derive(serde::Deserialize, schemars::JsonSchema)]
    #[expect(dead_code, reason = "only its schema matters")]
    struct Empty {
        name: Option<String>,
    }
    let told = api().get("/", beside).finish().unwrap_err().to_string();
    assert!(told.contains("refuses the query's parameter `page`"), "{told}");
    drop(finished(api().get("/", open)));
}
