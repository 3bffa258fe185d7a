//! What axum's own responses add to the document.
//!
//! If a type leaves its status or media type open, the document says so: `default`, `3XX`, and `*/*` beside the likely
//! media type. [`Answer`](crate::Answer) and [`answers!`](crate::answers) put the status into the type.

use std::{borrow::Cow, convert::Infallible};

use axum::{
    Extension,
    body::Body,
    response::{AppendHeaders, ErrorResponse, Html, NoContent, Redirect, Response, Sse},
};
use bytes::{Bytes, BytesMut, buf::Chain};
use http::{Extensions, HeaderMap, StatusCode, response::Parts};
use serde_json::{Value, json};

use super::{DescribeResponse, Operation, Statuses, each_arity};

/// A part of a response before its body that says which headers it sets: `(Part, Body)`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say what it adds to an answer",
    note = "implement `portcullis::describe::DescribeParts` for it"
)]
pub trait DescribeParts {
    /// Adds the headers to the responses in `operation`, which are only those of the body behind this part. The default
    /// adds nothing.
    fn describe_parts(operation: &mut Operation<'_>) {
        let _ = operation;
    }
}

impl<T: DescribeResponse, E: DescribeResponse> DescribeResponse for Result<T, E> {
    fn describe_response(operation: &mut Operation<'_>) {
        T::describe_response(operation);
        E::describe_response(operation);
    }
}

/// No response: it cannot occur.
impl DescribeResponse for Infallible {
    fn describe_response(_: &mut Operation<'_>) {}
}

/// 200 without content.
impl DescribeResponse for () {
    fn describe_response(operation: &mut Operation<'_>) {
        operation.empty_response(StatusCode::OK, "Success");
    }
}

/// 204.
impl DescribeResponse for NoContent {
    fn describe_response(operation: &mut Operation<'_>) {
        crate::NoContent::describe_response(operation);
    }
}

/// `default` without content: only the status is sent.
impl DescribeResponse for StatusCode {
    fn describe_response(operation: &mut Operation<'_>) {
        operation.empty_response(Statuses::Any, CHOSEN);
    }
}

/// `default` with any content.
impl<B> DescribeResponse for Response<B> {
    fn describe_response(operation: &mut Operation<'_>) {
        operation.content_response(Statuses::Any, CHOSEN, "*/*", json!({}));
    }
}

/// `default` without content: the status, and headers.
impl DescribeResponse for Parts {
    fn describe_response(operation: &mut Operation<'_>) {
        StatusCode::describe_response(operation);
    }
}

/// `default` with any content: the error of axum's own `Result`.
impl DescribeResponse for ErrorResponse {
    fn describe_response(operation: &mut Operation<'_>) {
        Response::<Body>::describe_response(operation);
    }
}

/// `3XX`: 303, 307 or 308.
impl DescribeResponse for Redirect {
    fn describe_response(operation: &mut Operation<'_>) {
        operation.empty_response(Statuses::Redirection, "It is elsewhere");
        operation.response_header(Statuses::Redirection, "Location", "The new location");
    }
}

/// A stream of events (HTML §9.2).
impl<S> DescribeResponse for Sse<S> {
    fn describe_response(operation: &mut Operation<'_>) {
        operation.content_response(
            StatusCode::OK,
            "A stream of events",
            "text/event-stream",
            json!({ "type": "string" }),
        );
    }
}

impl<T> DescribeResponse for Html<T> {
    fn describe_response(operation: &mut Operation<'_>) {
        success(operation, "text/html", json!({ "type": "string" }));
    }
}

macro_rules! answers_with {
    ($media_type:literal $schema:tt: $($answer:ty $([const $length:ident])?),* $(,)?) => {$(
        impl$(<const $length: usize>)? DescribeResponse for $answer {
            fn describe_response(operation: &mut Operation<'_>) {
                success(operation, $media_type, json!($schema));
            }
        }
    )*};
}
answers_with!("text/plain" { "type": "string" }: &'static str, String, Box<str>, Cow<'static, str>);
answers_with!(
    "application/octet-stream" {}:
    Bytes,
    BytesMut,
    Vec<u8>,
    Box<[u8]>,
    Cow<'static, [u8]>,
    &'static [u8],
    &'static [u8; N] [const N],
    [u8; N] [const N],
);
// axum sends it without a content type.
answers_with!("*/*" {}: Body);

/// Like [`Bytes`].
impl<T, U> DescribeResponse for Chain<T, U> {
    fn describe_response(operation: &mut Operation<'_>) {
        Bytes::describe_response(operation);
    }
}

#[cfg(feature = "axum-full")]
impl<T: schemars::JsonSchema> DescribeResponse for axum::Json<T> {
    fn describe_response(operation: &mut Operation<'_>) {
        operation.json_response::<T>(StatusCode::OK, "Success");
    }
}

#[cfg(feature = "axum-full")]
impl<T: schemars::JsonSchema> DescribeResponse for axum::Form<T> {
    fn describe_response(operation: &mut Operation<'_>) {
        let schema = operation.output_schema::<T>();
        success(operation, "application/x-www-form-urlencoded", schema);
    }
}

/// Headers known only at runtime, which replace those of the body. One may be `Content-Type`, so the body is described
/// as its own media type and as `*/*`. [`AppendHeaders`] replaces none.
impl DescribeParts for HeaderMap {
    fn describe_parts(operation: &mut Operation<'_>) {
        operation.doubt_content_type();
    }
}

/// Like [`HeaderMap`].
impl<K, V, const N: usize> DescribeParts for [(K, V); N] {
    fn describe_parts(operation: &mut Operation<'_>) {
        operation.doubt_content_type();
    }
}

impl<I> DescribeParts for AppendHeaders<I> {}
impl<T> DescribeParts for Extension<T> {}
impl DescribeParts for Extensions {}
impl DescribeParts for () {}

impl<T: DescribeParts> DescribeParts for Option<T> {
    fn describe_parts(operation: &mut Operation<'_>) {
        T::describe_parts(operation);
    }
}

macro_rules! parts_alone {
    ($($part:ty $([$($parameter:tt)*])?),* $(,)?) => {$(
        /// 200 without content.
        impl$(<$($parameter)*>)? DescribeResponse for $part {
            fn describe_response(operation: &mut Operation<'_>) {
                operation.empty_response(StatusCode::OK, "Success");
            }
        }
    )*};
}
parts_alone!(HeaderMap, [(K, V); N] [K, V, const N: usize], AppendHeaders<I> [I], Extension<T> [T], Extensions);

macro_rules! answer_tuples {
    ($($part:ident),*) => {
        /// The body's own statuses, with the headers of the parts.
        impl<Answer: DescribeResponse, $($part: DescribeParts,)*> DescribeResponse for ($($part,)* Answer,) {
            fn describe_response(operation: &mut Operation<'_>) {
                let part = operation.apart(|operation| {
                    Answer::describe_response(operation);
                    $($part::describe_parts(operation);)*
                });
                operation.absorb(part);
            }
        }

        /// `default`: the handler chooses the status at runtime, and it replaces the body's own.
        impl<Answer: DescribeResponse, $($part: DescribeParts,)*> DescribeResponse
            for (StatusCode, $($part,)* Answer)
        {
            fn describe_response(operation: &mut Operation<'_>) {
                operation.restated(Statuses::Any, CHOSEN, <($($part,)* Answer,)>::describe_response);
            }
        }

        /// `default`, and headers like [`HeaderMap`]: the handler chooses both at runtime.
        impl<Answer: DescribeResponse, $($part: DescribeParts,)*> DescribeResponse
            for (Parts, $($part,)* Answer)
        {
            fn describe_response(operation: &mut Operation<'_>) {
                operation.restated(Statuses::Any, CHOSEN, |operation| {
                    <($($part,)* Answer,)>::describe_response(operation);
                    HeaderMap::describe_parts(operation);
                });
            }
        }

        /// Like [`Parts`].
        impl<Answer: DescribeResponse, $($part: DescribeParts,)*> DescribeResponse
            for (Response<()>, $($part,)* Answer)
        {
            fn describe_response(operation: &mut Operation<'_>) {
                <(Parts, $($part,)* Answer)>::describe_response(operation);
            }
        }
    };
}
each_arity!(answer_tuples);

const CHOSEN: &str = "Whatever the handler answers";

fn success(operation: &mut Operation<'_>, media_type: &str, schema: Value) {
    operation.content_response(StatusCode::OK, "Success", media_type, schema);
}
