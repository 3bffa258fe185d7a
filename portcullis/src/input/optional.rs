//! Bodies that a request may omit.

use axum::{
    body::HttpBody,
    extract::{FromRequest, OptionalFromRequest, Request},
};
use http::header::CONTENT_TYPE;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::{form::Form, json::Json, multipart::Multipart, rejection::InputRejection, up_to::UpTo};

/// A body without a content type is not ignored but rejected, as if the body were required.
fn is_absent(request: &Request) -> bool {
    !request.headers().contains_key(CONTENT_TYPE) && request.body().is_end_stream()
}

macro_rules! may_be_absent {
    ($([$($max:tt)*] $body:ty),* $(,)?) => {$(
        /// `None` if the request has neither a body nor a `Content-Type`.
        impl<$($max)* T, S> OptionalFromRequest<S> for $body
        where
            T: DeserializeOwned + JsonSchema + 'static,
            S: Send + Sync,
        {
            type Rejection = InputRejection;

            async fn from_request(request: Request, state: &S) -> Result<Option<Self>, InputRejection> {
                if is_absent(&request) {
                    return Ok(None);
                }
                <Self as FromRequest<S>>::from_request(request, state).await.map(Some)
            }
        }
    )*};
}
may_be_absent!(
    [] Json<T>,
    [] Form<T>,
    [] Multipart<T>,
    [const MAX: usize,] UpTo<MAX, Json<T>>,
    [const MAX: usize,] UpTo<MAX, Form<T>>,
);
