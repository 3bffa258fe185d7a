//! Headers that a handler takes as input.

use axum::extract::FromRequestParts;
use http::{HeaderMap, request::Parts};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::{
    check::{check, contract_of, fields_of, make},
    dialect::Origin,
    document,
    gather::Gathered,
    invalid::FieldError,
    rejection::InputRejection,
};
use crate::describe::{Describe, Operation};

/// The most lines of one header that are read.
const MAX_LINES: usize = 100;

/// Headers of the request, validated against the published schema of `T`, a struct. Each field becomes a parameter in
/// the document, with the field's doc comment.
///
/// ```
/// use portcullis::{Json, Public, input::Headers};
///
/// #[derive(serde::Deserialize, schemars::JsonSchema)]
/// #[serde(rename_all = "kebab-case")]
/// struct Idempotent {
///     /// The same for each attempt to place one order.
///     #[schemars(length(min = 1, max = 64))]
///     idempotency_key: String,
///     x_request_id: Option<String>,
/// }
///
/// async fn order(_: Public, Headers(headers): Headers<Idempotent>) -> Json<String> {
///     # let _ = headers.x_request_id;
///     Json(headers.idempotency_key)
/// }
/// ```
///
/// A field is the header of the same name, in any case: `rename_all = "kebab-case"` turns `idempotency_key` into
/// `idempotency-key`. Texts become numbers and booleans if the schema says so. An empty header counts as missing. A
/// header that is sent twice is rejected, unless the field is a list, which has one item per line. A value that is not
/// visible ASCII is rejected. All of these get 422, as for [`Query`](crate::Query). Other headers are ignored.
///
/// [`Api::finish`](crate::Api::finish) rejects a name that is not one of a header, one with `_`, which proxies drop,
/// and `Authorization`, `Cookie`, `Accept` and `Content-Type`. The first two belong to guards; the document describes
/// the others elsewhere (OpenAPI 3.1 §4.8.12).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Headers<T>(pub T);

impl<T, S> FromRequestParts<S> for Headers<T>
where
    T: DeserializeOwned + JsonSchema + 'static,
    S: Send + Sync,
{
    type Rejection = InputRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, InputRejection> {
        let contract = contract_of::<T>()?;
        let origin = Origin::header();
        let mut gathered = Gathered::new(fields_of::<T>(&contract)?, origin.clone());
        let names: Vec<_> =
            fields_of::<T>(&contract)?.named_kinds().map(|(name, _)| name.to_owned()).collect();
        for name in names {
            gather(&mut gathered, &parts.headers, &name, &origin);
        }
        let value = gathered.value.into();
        check(&contract, &value, &origin, gathered.amiss)?;
        make(value, &origin).map(Self)
    }
}

/// Reads each line of one header.
fn gather(gathered: &mut Gathered<'_>, headers: &HeaderMap, name: &str, origin: &Origin) {
    for line in headers.get_all(name).iter().take(MAX_LINES) {
        if let Ok(text) = line.to_str() {
            gathered.text(name, text.trim());
        } else {
            let msg = "Input should be visible ASCII";
            gathered.amiss.push(FieldError::new(origin.field(name), "value_error", msg));
            return;
        }
    }
}

impl<T: DeserializeOwned + JsonSchema + 'static> Describe for Headers<T> {
    fn describe(operation: &mut Operation<'_>) {
        document::headers::<T>(operation);
    }
}
