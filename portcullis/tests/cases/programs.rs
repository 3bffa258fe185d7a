//! The 47 programs that a stranger wrote from the documentation alone, and the test that holds each. A name is a file
//! in `fail/`, a form of handler in `fail/a_right_variety.rs`, or a test; a path is a file with the doctest.
//!
//! | program | held by |
//! |---|---|
//! | a handler without a guard | `forgotten_guard` |
//! | the guard second | `guard_is_not_first` |
//! | `Option<Guard<…>>` | `optional_guard` |
//! | a state without `FromRef` | `no_verifier_in_the_state` |
//! | a response type without `JsonSchema` | `answer_without_a_schema` |
//! | the same inside of another type | `nested_without_a_schema` |
//! | a scope that is not a scope | `no_scopes` |
//! | a scope as a text | `scope_as_a_text` |
//! | `-> impl IntoResponse` | `answer_without_a_name` |
//! | `-> Result<impl IntoResponse, …>` | `result_without_a_name` |
//! | an error type without a description | `error_of_ones_own` |
//! | a guard of one's own | `a_guard_of_ones_own` |
//! | a verifier without `Clone` | `verifier_without_clone` |
//! | `dyn Verify` | `verifier_as_an_object` |
//! | an API key in `Authorization` | `src/credential/api_key/mod.rs` |
//! | a cookie that a sibling host can plant | `src/credential/session_cookie.rs` |
//! | two routes at one place | `one_place_has_one_route` |
//! | two schemes of one name | `one_scheme_name_is_one_scheme` |
//! | two operations of one name, a closure without one | `a_name_is_a_name_and_names_one_operation` |
//! | nine arguments | `nine` |
//! | a generic handler | `generic` |
//! | `Arc<dyn Repo>` in the state | `of_an_object` |
//! | a closure with a name | `closure` |
//! | a method as a handler | `list` |
//! | `#[instrument]` with `documented!` | `a_documented_handler_keeps_its_other_attributes` |
//! | `documented!` | `a_handlers_doc_comment_is_its_description` |
//! | two bodies | `two_bodies` |
//! | the body before the state | `body_before_the_state` |
//! | a handler that is not async | `not_async` |
//! | a future that is not `Send` | `not_send` |
//! | axum's `Json` without `axum-full` | `axums_own_json` |
//! | `TypedTokens` without `.typed()` | `typed_tokens_without_typed` |
//! | `Arc<AppState>` | `a_state_behind_an_arc` |
//! | `axum::serve` of an `Api` | `an_api_is_served` |
//! | `Router::merge` of an `Api` | `an_api_is_merged` |
//! | `Api::nest` of a `Router` | `a_router_is_nested` |
//! | `Api::route` of axum's `get` | `a_route_of_axum` |
//! | two `Query` in one handler | `f1_a_query_has_one_extractor` |
//! | `Query` beside axum's | `f1_nor_one_of_axum_beside_it` |
//! | a type that is one body and part of another | `f2_a_body_is_closed_in_the_document_where_its_type_is_part_of_another` |
//! | `Page<Dog>` beside `Page<Pet>` | `f3_two_types_of_one_name_are_a_defect_with_its_fix` |
//! | `#[serde(alias)]`, `#[serde(other)]` | `f4_aliases_and_catch_alls_are_defects` |
//! | a token in a cookie or in a gateway's header | `a_token_in_a_cookie_is_of_no_use_to_another_site` |
//! | a document with a contact and webhooks | `the_document_says_more_and_docs_show_it` |
//! | a body of two media types | `f8_a_body_of_several_media_types` |
//! | a guard that sees the path and the method | `a_key_of_one_organization_that_may_read` |
//! | a guard in a layer | `a_guard_in_a_layer_is_no_secret_of_the_code` |

use std::path::Path;

/// All Rust sources below `folder`, in one text.
fn sources(folder: &Path) -> String {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(|path| match path.extension() {
            None if path.is_dir() => sources(&path),
            Some(kind) if kind == "rs" => std::fs::read_to_string(path).unwrap(),
            _ => String::new(),
        })
        .collect()
}

#[test]
fn each_program_of_a_stranger_is_held_by_a_test() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tests = sources(&package.join("tests")) + &sources(&package.join("fail"));
    let rows = include_str!("programs.rs").lines().filter_map(|line| line.strip_prefix("//! | "));
    let held: Vec<_> = rows.skip(1).map(|row| row.rsplit('`').nth(1).unwrap()).collect();
    assert_eq!(held.len(), 47);
    for name in held {
        let is_there = if name.contains('/') {
            std::fs::read_to_string(package.join(name)).is_ok_and(|source| source.contains("```compile_fail"))
        } else {
            package.join("fail").join(name).with_extension("rs").is_file()
                || tests.contains(&format!("fn {name}("))
                || tests.contains(&format!("fn {name}<"))
                || tests.contains(&format!(".operation_id(\"{name}\")"))
        };
        assert!(is_there, "no test is called {name}");
    }
}
