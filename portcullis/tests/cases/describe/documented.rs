//! A handler's doc comment becomes its operation's description.

use axum::extract::Path;
use http::StatusCode;
use portcullis::{Answer, Json, api::get, documented};

use super::*;

/// Why there is none.
#[derive(Debug, PartialEq)]
struct Odd(std::num::ParseIntError);

impl From<std::num::ParseIntError> for Odd {
    fn from(cause: std::num::ParseIntError) -> Self {
        Self(cause)
    }
}

impl axum::response::IntoResponse for Odd {
    fn into_response(self) -> Response {
        StatusCode::NOT_FOUND.into_response()
    }
}

impl portcullis::describe::DescribeResponse for Odd {
    fn describe_response(operation: &mut portcullis::describe::Operation<'_>) {
        operation.empty_response(StatusCode::NOT_FOUND, "No such number");
    }
}

documented! {
    /// The number after `text`.
    ///
    ///     42
    ///
    /// Not *every* text is a number.
    pub(super) async fn next_number(_: Public, Path(text): Path<String>) -> Result<Json<u64>, Odd> {
        if text == "one" {
            return Ok(Json(2));
        }
        Ok(Json(text.parse::<u64>()? + 1))
    }

    #[doc = " Nothing comes back."]
    async fn forget(_: Public) {}

    /** Said
        in one piece. */
    async fn accept(_: Public) -> Answer<202, Json<u8>> {
        Answer(Json(1))
    }
}

#[tokio::test]
async fn a_handlers_doc_comment_is_its_description() {
    let route = || get("/{text}", next_number);
    let whole = document(route());
    let told = entry(&whole);
    assert_eq!(told["description"], "The number after `text`.\n\n    42\n\nNot *every* text is a number.");
    assert_eq!((&told["operationId"], &told["summary"]), (&json!("next_number"), &json!("Next number")));
    for (path, status) in [("/1", 200), ("/one", 200), ("/x", 404)] {
        agrees("documented", route(), request("GET", path, "", ""), status).await;
    }
    assert_eq!(next_number(Public, Path("7".to_owned())).await.into_inner().unwrap().0, 8);

    assert_eq!(entry(&document(get("/", forget)))["description"], "Nothing comes back.");
    let whole = document(get("/", accept));
    assert!(entry(&whole)["responses"]["202"].is_object());
    assert!(entry(&whole)["description"].as_str().unwrap().starts_with("Said\n"));
    let told = document(get("/", accept).description("The route's own word"));
    assert_eq!(entry(&told)["description"], "The route's own word");
}
