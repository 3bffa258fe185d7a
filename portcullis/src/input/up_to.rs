//! A custom limit for a body.

use axum::extract::{FromRequest, Request};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::{document, form::Form, json::Json, rejection::InputRejection};
use crate::describe::{Describe, Operation};

/// A [`Json`] or [`Form`] body of at most `MAX` bytes, if the default limit is too small or larger than necessary. The
/// limit is in the document.
/// ```
/// use portcullis::{Json, Public, input::UpTo};
///
/// #[derive(serde::Deserialize, schemars::JsonSchema)]
/// struct Import {
///     #[schemars(length(max = 10_000))]
///     articles: Vec<String>,
/// }
///
/// async fn import(_: Public, UpTo(Json(import)): UpTo<1_048_576, Json<Import>>) -> Json<usize> {
///     Json(import.articles.len())
/// }
/// ```
/// While a request is checked it takes several times its size in memory (at most a hundred times, for nested objects
/// with one short member each), so limit how much a client may send at a time. A body over 16 KiB is checked on a
/// thread that serves no requests, as many at a time as there are cores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpTo<const MAX: usize, B>(pub B);

macro_rules! bodies {
    ($($body:ident: $describe:path),*) => {$(
        impl<const MAX: usize, T, S> FromRequest<S> for UpTo<MAX, $body<T>>
        where
            T: DeserializeOwned + JsonSchema + 'static,
            S: Send + Sync,
        {
            type Rejection = InputRejection;

            async fn from_request(request: Request, _: &S) -> Result<Self, InputRejection> {
                $body::read(request, MAX).await.map(Self)
            }
        }

        impl<const MAX: usize, T: DeserializeOwned + JsonSchema + 'static> Describe for UpTo<MAX, $body<T>> {
            fn describe(operation: &mut Operation<'_>) {
                $describe(operation, MAX);
            }
        }
    )*};
}
bodies!(Json: document::json::<T>, Form: document::form::<T>);
