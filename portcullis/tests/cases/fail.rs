//! Code that must not compile, and what the compiler says about it. The cases are in `fail/`.
//!
//! The tests look for words, because the whole output differs between compiler versions.

use std::path::Path;

use super::compiler::Compiler;

const WHO: &str = "its first argument says who may call: `Guard<…>`, `Maybe<…>` or `Public`";
const DESCRIBE: &str = "every other argument implements `portcullis::describe::Describe`, and its response type `portcullis::describe::DescribeResponse`";
const SCHEMA: &str =
    "the types inside `Json<…>` and its like derive `schemars::JsonSchema` beside serde's traits";
const AXUMS: &str =
    "axum's own `Json`, `Form`, `Query`, `Multipart` and `WebSocketUpgrade` need the feature `axum-full`";
const NAMED: &str = "a response has a type with a name: `impl IntoResponse` describes nothing";
const OWN_ERROR: &str = "an error type of your own implements `portcullis::describe::DescribeResponse`, or `portcullis::answers!` writes it";
const STATE: &str =
    "the state `App` holds the verifier of each guard: `#[derive(Clone, axum::extract::FromRef)]` on it";
const ROW: &str = "for one row it is `May<…>`, for a list `Seen<…>`";
const POLICY: &str = "for `May` and `Seen` the state `App` holds the `Policy` of the permission's object too";

const DEBUG: &str = "if all of that is so, put `#[axum::debug_handler]` on the handler";

/// The cases without a mistake.
const RIGHT: [&str; 3] = ["a_right_one", "a_right_permission", "a_right_variety"];

/// Each case, and the words that help the author of the mistake.
const CASES: [(&str, &[&str]); 55] = [
    ("forgotten_guard", &[WHO]),
    ("no_argument", &[WHO]),
    ("guard_is_not_first", &[WHO]),
    ("optional_guard", &[WHO]),
    ("guard_or_refusal", &[WHO]),
    ("extractor_does_not_describe_itself", &[DESCRIBE]),
    ("answer_does_not_describe_itself", &[DESCRIBE]),
    ("answer_without_a_schema", &[SCHEMA]),
    ("answer_without_a_name", &[NAMED]),
    ("error_of_ones_own", &[OWN_ERROR]),
    ("raw_token", &[DESCRIBE]),
    ("raw_token_in_a_plain_router", &["is not implemented for fn item `fn(Bearer)"]),
    ("no_verifier_in_the_state", &[STATE]),
    ("no_verifier_in_a_plain_router", &["Guard<AccessTokens>), App>` is not implemented for fn item"]),
    ("no_verifier", &["`App` does not verify credentials", "implement `portcullis::Verify` for it"]),
    ("no_scopes", &["`ProfileRead` names no scope", "implement `portcullis::Scope` for it"]),
    (
        "bearer_by_hand",
        &["constructor is not visible here due to private fields", "expected `Bearer`, found `String`"],
    ),
    ("guard_by_hand", &["fields `principal` and `scopes` of struct `Guard` are private"]),
    (
        "token_by_hand",
        &[
            "no function or associated item named `default` found for struct `AccessToken`",
            "`AccessToken: serde::Deserialize<'de>` is not satisfied",
            "constructor is not visible here due to private fields",
        ],
    ),
    ("unverified", &["`Presented` is private", "module `claims` is private", "method `check` is private"]),
    ("a_route_of_ones_own", &["module `sealed` is private"]),
    ("a_guard_of_ones_own", &["`Access` is a \"sealed trait\""]),
    ("a_credential_of_ones_own", &["`Credential` is a \"sealed trait\""]),
    ("secret_without_dangerous", &["no method named `shared_secret` found for struct `AccessTokensBuilder"]),
    ("statuses_without_a_tuple", &["`NotFound` does not list statuses", "one alone is `(NotFound,)`"]),
    ("scopes_of_ones_own", &["`Scopes` is a \"sealed trait\""]),
    ("may_is_not_first", &[WHO, ROW, DESCRIBE]),
    ("optional_may", &[WHO, ROW]),
    ("may_or_refusal", &[WHO, ROW]),
    ("no_policy_in_the_state", &[STATE, POLICY]),
    ("no_policy_for_a_list", &[STATE, POLICY]),
    (
        "nobody_decides",
        &[
            "`Documents` does not decide `WriteDocument` for a caller of type `AccessToken`",
            "implement `portcullis::permission::Decide<WriteDocument, AccessToken>` for `Documents`",
        ],
    ),
    (
        "decided_for_another_caller",
        &["`Documents` does not decide `ReadDocument` for a caller of type `AccessToken`"],
    ),
    (
        "verifier_without_logins",
        &[
            "`Robots` does not know how and when its callers logged in",
            "implement `portcullis::step_up::KnowsLogin` for it",
        ],
    ),
    ("two_bodies", &[DEBUG]),
    ("body_before_the_state", &[DEBUG]),
    ("not_async", &[DEBUG]),
    ("not_send", &[DEBUG]),
    ("nested_without_a_schema", &[SCHEMA]),
    ("result_without_a_name", &[NAMED]),
    ("verifier_without_clone", &["the trait bound `Door: Clone` is not satisfied"]),
    ("scope_as_a_text", &["constant provided when a type was expected"]),
    ("typed_tokens_without_typed", &["for a `TypedTokens<…>` the state `App` holds `tokens.typed::<…>()`"]),
    ("verifier_as_an_object", &["the trait `Verify` is not dyn compatible"]),
    ("axums_own_json", &[AXUMS]),
    ("an_api_is_merged", &["From<Api<()>>"]),
    ("an_api_is_served", &["is not implemented for `Api<()>`"]),
    ("a_route_of_axum", &["this method takes 1 argument but 2 arguments were supplied"]),
    ("a_router_is_nested", &["expected `Api<()>`, found `Router<_>`"]),
    ("a_part_of_ones_own", &["`Everything` is not a part of the request that a verifier can ask for"]),
    ("no_level", &["`Recent` is not a level of login", "implement `portcullis::step_up::Level` for it"]),
    ("permission_of_another_object", &["expected `Folder`, found `Document`"]),
    (
        "scope_is_no_permission",
        &["`Admin` is not a permission", "a scope that is asked of no row stands in a `Guard`"],
    ),
    (
        "allowed_by_hand",
        &[
            "fields `principal`, `id` and `permission` of struct `Allowed` are private",
            "fields `principal` and `permission` of struct `Viewer` are private",
        ],
    ),
    (
        "allowed_something_else",
        &["expected `&Allowed<WriteDocument, AccessToken>`, found `&Allowed<ReadDocument, AccessToken>`"],
    ),
];

#[test]
fn t12_what_must_not_compile_does_not_and_says_why() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fail");
    let rustc = Compiler::get();
    for name in RIGHT {
        let (compiles, said) = rustc.check(&folder.join(name).with_extension("rs"));
        assert!(compiles, "{name}, which has no mistake, does not compile:\n{said}");
    }
    for (name, sentences) in CASES {
        let (compiles, said) = rustc.check(&folder.join(name).with_extension("rs"));
        assert!(!compiles, "{name} compiles");
        for sentence in sentences {
            assert!(said.contains(sentence), "{name}: nobody says: {sentence}\n{said}");
        }
    }
    assert_eq!(
        std::fs::read_dir(folder).unwrap().count(),
        CASES.len() + RIGHT.len(),
        "a file in `fail/` is no case here"
    );
}
