//! The query of a URL.

use axum::extract::FromRequestParts;
use http::request::Parts;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::{check::contract_of, dialect::Origin, document, form::from_pairs, rejection::InputRejection};
use crate::{
    credential::in_query,
    describe::{Describe, Operation},
};

/// The most bytes of a query.
const MAX_BYTES: usize = 8 * 1024;

/// The query, validated against the published schema of `T`, a struct. Each field becomes a parameter in the document,
/// with the field's doc comment.
/// ```
/// use portcullis::{Json, Public, Query};
///
/// #[derive(serde::Deserialize, schemars::JsonSchema)]
/// struct Page {
///     /// How many items to list.
///     #[schemars(range(min = 1, max = 100))]
///     limit: Option<u32>,
///     /// Only items with all these tags: `?tag=a&tag=b`.
///     #[serde(default)]
///     tag: Vec<String>,
/// }
///
/// async fn list_items(_: Public, Query(page): Query<Page>) -> Json<Vec<String>> {
///     # let _ = page.limit;
///     Json(page.tag)
/// }
/// ```
/// Texts, empty values and repeated names are read as in a [`Form`](crate::Form). Limits: 8 KiB, 100 parameters, UTF-8
/// (each 400).
///
/// A parameter that `T` does not name, such as `utm_source`, is rejected with 422, unless its schema is open:
/// `#[schemars(extend("additionalProperties" = true))]`. So a handler can take only one `Query` and no other extractor
/// of the query: combine the parts in one struct with `#[serde(flatten)]`. [`Api::finish`](crate::Api::finish) rejects
/// other combinations.
///
/// A key that a guard reads from the query belongs to the guard: `T` neither rejects nor receives it.
/// [`Api::finish`](crate::Api::finish) rejects a `T` with a field of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query<T>(pub T);

impl<T, S> FromRequestParts<S> for Query<T>
where
    T: DeserializeOwned + JsonSchema + 'static,
    S: Send + Sync,
{
    type Rejection = InputRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, InputRejection> {
        let contract = contract_of::<T>()?;
        let query = parts.uri.query().unwrap_or_default();
        if query.len() > MAX_BYTES {
            return Err(InputRejection::bad_request("The query is too long"));
        }
        from_pairs(&contract, in_query::input_of(parts).as_bytes(), &Origin::query()).map(Self)
    }
}

impl<T: DeserializeOwned + JsonSchema + 'static> Describe for Query<T> {
    fn describe(operation: &mut Operation<'_>) {
        document::query::<T>(operation);
    }
}
