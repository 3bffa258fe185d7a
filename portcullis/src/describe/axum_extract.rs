//! What axum's own extractors add to the document.
//!
//! They do not check what this crate's [`Json`](crate::Json), [`Path`](crate::Path), … check. axum ignores members that
//! a type does not have, and schema attributes that go beyond the type (`length`, `range`, …). It stops at the first
//! bad field, and responds in `text/plain`. The document says the same: open schemas, and axum's statuses.

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

/// Not part of the interface: these come from the server itself, or only give another view of the request.
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

/// 400 if a parameter cannot be parsed as `T`'s.
impl<T: JsonSchema> Describe for Path<T> {
    fn describe(operation: &mut Operation<'_>) {
        axum_path::<T>(operation);
        refusal(operation, StatusCode::BAD_REQUEST, "A path parameter is not acceptable");
    }
}

/// 400 if a parameter is not UTF-8.
impl Describe for RawPathParams {
    fn describe(operation: &mut Operation<'_>) {
        refusal(operation, StatusCode::BAD_REQUEST, "A path parameter is not acceptable");
    }
}

/// Any body. The handler decides whether it is valid.
impl Describe for Body {
    fn describe(operation: &mut Operation<'_>) {
        bare_body(operation, "*/*", &json!({}));
    }
}

/// Any body. The handler decides whether it is valid.
impl<B> Describe for Request<B> {
    fn describe(operation: &mut Operation<'_>) {
        bare_body(operation, "*/*", &json!({}));
    }
}

/// 413 if it is over axum's body limit.
impl Describe for Bytes {
    fn describe(operation: &mut Operation<'_>) {
        bare_body(operation, "application/octet-stream", &json!({}));
        describe_body_refusals(operation);
    }
}

/// 413 if it is over axum's body limit.
impl Describe for BytesMut {
    fn describe(operation: &mut Operation<'_>) {
        Bytes::describe(operation);
    }
}

/// 400 if the body is not UTF-8, 413 if it is over axum's body limit.
impl Describe for String {
    fn describe(operation: &mut Operation<'_>) {
        bare_body(operation, "text/plain", &json!({ "type": "string" }));
        describe_body_refusals(operation);
    }
}

/// 415 under another content type. A GET reads the query.
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

/// Like `T`, but optional.
impl<T: Describe> Describe for Option<T> {
    fn describe(operation: &mut Operation<'_>) {
        let part = operation.apart(|operation| {
            T::describe(operation);
            operation.make_optional();
        });
        operation.absorb(part);
    }
}

/// Like `T`, but without its rejections: the handler gets those and decides what to respond.
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

    /// 400 if it is not JSON, 415 if it is not declared as JSON, 422 if it is not a `T`.
    impl<T: JsonSchema> Describe for Json<T> {
        fn describe(operation: &mut Operation<'_>) {
            describe_json::<T>(operation);
            refusal(operation, StatusCode::UNPROCESSABLE_ENTITY, "The request body is not acceptable");
        }
    }

    /// 415 under another content type, 422 if it is not a `T`. A GET reads the query: 400.
    ///
    /// [`Api::finish`](crate::Api::finish) rejects a `T` with a field that this extractor never accepts, as for axum's
    /// [`Query`].
    impl<T: JsonSchema> Describe for Form<T> {
        fn describe(operation: &mut Operation<'_>) {
            check_pairs::<T>(operation, "axum::extract::Form", false);
            describe_form::<T>(operation);
        }
    }

    /// 400 if it is not a `T`.
    ///
    /// [`Api::finish`](crate::Api::finish) rejects a `T` with a field that this extractor never accepts: a list, which
    /// `serde_urlencoded` does not read, and a number or a boolean in a tagged enum, which serde keeps as text. It
    /// cannot detect such fields in a struct under `#[serde(flatten)]`, because the schema does not show them apart;
    /// then every request that has the field is rejected. [`portcullis::Query`](crate::Query) reads them all. If a
    /// function of your own reads such a field from text, declare it with `#[schemars(with = "String")]`.
    impl<T: JsonSchema> Describe for Query<T> {
        fn describe(operation: &mut Operation<'_>) {
            check_pairs::<T>(operation, "axum::extract::Query", false);
            describe_query::<T>(operation);
        }
    }

    /// Parts that no type names; 400 without a boundary.
    impl Describe for Multipart {
        fn describe(operation: &mut Operation<'_>) {
            describe_multipart(operation);
        }
    }
}

/// 101, or 400 and 426 if the request is not a handshake (RFC 6455 §4.2). [`Api::finish`](crate::Api::finish) rejects a
/// route with a method other than GET.
#[cfg(feature = "ws")]
impl Describe for axum::extract::WebSocketUpgrade {
    fn describe(operation: &mut Operation<'_>) {
        if operation.method() != "get" {
            operation.defect("a WebSocket is opened by GET (RFC 6455 §4.1)");
        }
        operation.empty_response(StatusCode::SWITCHING_PROTOCOLS, "A WebSocket");
        operation.response_header(StatusCode::SWITCHING_PROTOCOLS, "Upgrade", "`websocket`");
        refusal(operation, StatusCode::BAD_REQUEST, "The request is not a WebSocket handshake");
        refusal(operation, StatusCode::UPGRADE_REQUIRED, "The connection cannot be upgraded");
    }
}

const FORM: &str = "application/x-www-form-urlencoded";

/// A body that must be declared as JSON.
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

/// A form as axum's `Form` reads it: from the query for a GET.
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

/// A body with any content type. In a GET it has no meaning (RFC 9110 §9.3.1).
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

/// A response of axum's: the reason as plain text.
pub(super) fn refusal(operation: &mut Operation<'_>, status: StatusCode, description: &str) {
    operation.content_response(status, description, "text/plain", json!({ "type": "string" }));
}
