//! What axum's own extractors add to the document.
//!
//! They do not check what this crate's [`Json`](crate::Json), [`Path`](crate::Path), … check: axum ignores members
//! that a type does not name and what a schema attribute demands beyond the type (`length`, `range`, …), stops at
//! the first bad field, and says so in `text/plain`. The document says the same: open schemas, axum's statuses.

use axum::{
    Extension,
    body::Body,
    extract::{
        ConnectInfo, MatchedPath, NestedPath, OriginalUri, Path, RawForm, RawPathParams, RawQuery, State,
    },
};
use bytes::{Bytes, BytesMut};
use http::{Extensions, HeaderMap, Method, Request, StatusCode, Uri, Version, request::Parts};
use schemars::JsonSchema;
use serde_json::{Value, json};

use super::{Describe, Operation, each_arity};
use crate::input::axum_path;

/// These come from inside, or are no more than another look at the request: no part of the interface.
macro_rules! adds_nothing {
    ($($extractor:ty $([$parameter:ident])?),* $(,)?) => {$(
        impl$(<$parameter>)? Describe for $extractor {
            fn describe(_: &mut Operation<'_>) {}
        }
    )*};
}
adds_nothing!(
    (),
    State<T> [T],
    Extension<T> [T],
    ConnectInfo<T> [T],
    MatchedPath,
    NestedPath,
    OriginalUri,
    RawQuery,
    Uri,
    Method,
    Version,
    HeaderMap,
    Extensions,
    Parts,
);

/// 400 when a parameter does not read as `T`'s.
impl<T: JsonSchema> Describe for Path<T> {
    fn describe(operation: &mut Operation<'_>) {
        axum_path::<T>(operation);
        refusal(operation, StatusCode::BAD_REQUEST, "A path parameter is not acceptable");
    }
}

/// 400 when a parameter is not UTF-8.
impl Describe for RawPathParams {
    fn describe(operation: &mut Operation<'_>) {
        refusal(operation, StatusCode::BAD_REQUEST, "A path parameter is not acceptable");
    }
}

/// Any body; what is wrong with it is for the handler to say.
impl Describe for Body {
    fn describe(operation: &mut Operation<'_>) {
        bare_body(operation, "*/*", &json!({}));
    }
}

/// Any body; what is wrong with it is for the handler to say.
impl<B> Describe for Request<B> {
    fn describe(operation: &mut Operation<'_>) {
        bare_body(operation, "*/*", &json!({}));
    }
}

/// 413 over axum's limit of a body.
impl Describe for Bytes {
    fn describe(operation: &mut Operation<'_>) {
        bare_body(operation, "application/octet-stream", &json!({}));
        describe_body_refusals(operation);
    }
}

/// 413 over axum's limit of a body.
impl Describe for BytesMut {
    fn describe(operation: &mut Operation<'_>) {
        Bytes::describe(operation);
    }
}

/// 400 when the body is not UTF-8, 413 over axum's limit.
impl Describe for String {
    fn describe(operation: &mut Operation<'_>) {
        bare_body(operation, "text/plain", &json!({ "type": "string" }));
        describe_body_refusals(operation);
    }
}

/// 415 under another content type. Of a GET it is the query.
impl Describe for RawForm {
    fn describe(operation: &mut Operation<'_>) {
        if operation.method() != "get" {
            operation.request_body(FORM, &json!({ "type": "object" }));
            operation.body_may_be_absent();
            describe_body_refusals(operation);
            refusal(
                operation,
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "The request body has another content type",
            );
        }
    }
}

/// What `T` adds, but the request may come without it.
impl<T: Describe> Describe for Option<T> {
    fn describe(operation: &mut Operation<'_>) {
        let part = operation.apart(|operation| {
            T::describe(operation);
            operation.make_optional();
        });
        operation.absorb(part);
    }
}

/// What `T` adds but for its refusals: the handler gets those, and its answer says what becomes of them.
impl<T: Describe, E> Describe for Result<T, E> {
    fn describe(operation: &mut Operation<'_>) {
        let mut part = operation.apart(|operation| operation.caught(T::describe));
        part.remove("responses");
        operation.absorb(part);
    }
}

macro_rules! describe_tuple {
    () => {};
    ($($part:ident),*) => {
        impl<$($part: Describe),*> Describe for ($($part,)*) {
            fn describe(operation: &mut Operation<'_>) {
                $($part::describe(operation);)*
            }
        }
    };
}
each_arity!(describe_tuple);

#[cfg(feature = "axum-full")]
mod full {
    use axum::extract::{Form, Json, Multipart, Query};

    use super::{
        Describe, JsonSchema, Operation, StatusCode, describe_form, describe_json, describe_multipart,
        describe_query, refusal,
    };
    use crate::input::check_pairs;

    /// 400 when it is no JSON, 415 when it is not declared to be, 422 when it is not a `T`.
    impl<T: JsonSchema> Describe for Json<T> {
        fn describe(operation: &mut Operation<'_>) {
            describe_json::<T>(operation);
            refusal(operation, StatusCode::UNPROCESSABLE_ENTITY, "The request body is not acceptable");
        }
    }

    /// 415 under another content type, 422 when it is not a `T`. Of a GET it is the query: 400.
    ///
    /// [`Api::finish`](crate::Api::finish) refuses a `T` with a field that this extractor never takes, as of
    /// axum's [`Query`].
    impl<T: JsonSchema> Describe for Form<T> {
        fn describe(operation: &mut Operation<'_>) {
            check_pairs::<T>(operation, "axum::extract::Form", false);
            describe_form::<T>(operation);
        }
    }

    /// 400 when it is not a `T`.
    ///
    /// [`Api::finish`](crate::Api::finish) refuses a `T` with a field that this extractor never takes: a list, which
    /// `serde_urlencoded` does not read, and a number or a boolean of a tagged enum, which serde keeps as a text. It
    /// cannot see that such a field is of a struct under `#[serde(flatten)]`, which a schema writes as the fields of
    /// the whole: then each request that has it is refused. [`portcullis::Query`](crate::Query) reads them all. Where a
    /// function of your own reads such a field from a text, `#[schemars(with = "String")]` says so.
    impl<T: JsonSchema> Describe for Query<T> {
        fn describe(operation: &mut Operation<'_>) {
            check_pairs::<T>(operation, "axum::extract::Query", false);
            describe_query::<T>(operation);
        }
    }

    /// Parts that no type names; 400 when there is no boundary between them.
    impl Describe for Multipart {
        fn describe(operation: &mut Operation<'_>) {
            describe_multipart(operation);
        }
    }
}

/// 101, or 400 and 426 when the request is no handshake (RFC 6455 §4.2). A route of another method than GET is
/// refused by [`Api::finish`](crate::Api::finish).
#[cfg(feature = "ws")]
impl Describe for axum::extract::WebSocketUpgrade {
    fn describe(operation: &mut Operation<'_>) {
        if operation.method() != "get" {
            operation.defect("a WebSocket is opened by GET (RFC 6455 §4.1)");
        }
        operation.empty_response(StatusCode::SWITCHING_PROTOCOLS, "A WebSocket");
        operation.response_header(StatusCode::SWITCHING_PROTOCOLS, "Upgrade", "`websocket`");
        refusal(operation, StatusCode::BAD_REQUEST, "The request is no WebSocket handshake");
        refusal(operation, StatusCode::UPGRADE_REQUIRED, "The connection cannot be upgraded");
    }
}

const FORM: &str = "application/x-www-form-urlencoded";

/// A body that is declared to be JSON.
#[cfg(any(feature = "axum-full", feature = "axum-extra"))]
pub(super) fn describe_json<T: JsonSchema>(operation: &mut Operation<'_>) {
    let schema = operation.open_input_schema::<T>();
    operation.request_body("application/json", &schema);
    describe_body_refusals(operation);
    refusal(operation, StatusCode::UNSUPPORTED_MEDIA_TYPE, "The request body is not declared to be JSON");
}

/// Parts that no type names.
#[cfg(any(feature = "axum-full", feature = "axum-extra"))]
pub(super) fn describe_multipart(operation: &mut Operation<'_>) {
    operation.request_body("multipart/form-data", &json!({ "type": "object" }));
    refusal(operation, StatusCode::BAD_REQUEST, "The request body has no boundary");
}

/// A form, as axum's `Form` reads it: of a GET from the query.
#[cfg(any(feature = "axum-full", feature = "axum-extra"))]
pub(super) fn describe_form<T: JsonSchema>(operation: &mut Operation<'_>) {
    if operation.method() == "get" {
        return describe_query::<T>(operation);
    }
    let schema = operation.open_input_schema::<T>();
    operation.request_body(FORM, &schema);
    describe_body_refusals(operation);
    refusal(operation, StatusCode::UNSUPPORTED_MEDIA_TYPE, "The request body has another content type");
    refusal(operation, StatusCode::UNPROCESSABLE_ENTITY, "The request body is not acceptable");
}

#[cfg(any(feature = "axum-full", feature = "axum-extra"))]
pub(super) fn describe_query<T: JsonSchema>(operation: &mut Operation<'_>) {
    crate::input::query_parameters::<T>(operation);
    refusal(operation, StatusCode::BAD_REQUEST, "The query is not acceptable");
}

/// A body that is taken whatever its content type. A GET's has no meaning (RFC 9110 §9.3.1).
pub(super) fn bare_body(operation: &mut Operation<'_>, content_type: &str, schema: &Value) {
    if operation.method() != "get" {
        operation.request_body(content_type, schema);
        operation.body_may_be_absent();
    }
}

fn describe_body_refusals(operation: &mut Operation<'_>) {
    refusal(operation, StatusCode::BAD_REQUEST, "The request body cannot be read");
    refusal(operation, StatusCode::PAYLOAD_TOO_LARGE, "The request body is too large");
}

/// An answer of axum's: the reason in plain text.
pub(super) fn refusal(operation: &mut Operation<'_>, status: StatusCode, description: &str) {
    operation.content_response(status, description, "text/plain", json!({ "type": "string" }));
}
