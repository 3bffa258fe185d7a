//! What axum-extra's extractors and responses add to the document. Like axum's own, they ignore what they do not know.
//! The crate's documentation (§ Features) lists what is left out, and why.

use axum::{body::Body, extract::Path};
use axum_extra::{
    TypedHeader,
    body::AsyncReadBody,
    either::{Either, Either3, Either4, Either5, Either6, Either7, Either8},
    extract::{Cached, CookieJar, Form, JsonDeserializer, Multipart, OptionalQuery, Query, WithRejection},
    headers::Header,
    json_lines::{AsResponse, JsonLines},
    response::{
        Attachment, Css, ErasedJson, FileStream, InternalServerError, JavaScript, Wasm,
        multiple::MultipartForm,
    },
};
use futures_util::TryStream;
use http::{
    StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE},
};
use schemars::JsonSchema;
use serde_json::{Value, json};

use super::{
    Describe, DescribeParts, DescribeResponse, In, Operation,
    axum_extract::{bare_body, describe_form, describe_json, describe_multipart, describe_query, refusal},
};
use crate::input::check_pairs;

/// A header; 400 if it is missing or cannot be parsed.
///
/// [`Api::finish`](crate::Api::finish) rejects `TypedHeader<Authorization<…>>`: it reads a credential without verifying
/// it.
impl<H: Header> Describe for TypedHeader<H> {
    fn describe(operation: &mut Operation<'_>) {
        let name = H::name();
        if name == AUTHORIZATION {
            operation.defect(
                "`TypedHeader<Authorization<…>>` is a credential that nobody has verified: take a `Guard<…>`",
            );
        }
        // The document has these two elsewhere, and no parameters of their names (OpenAPI 3.1 §4.8.12.1).
        if ![ACCEPT, CONTENT_TYPE].contains(name) {
            operation.parameter(name.as_str(), In::Header, true, json!({ "type": "string" }));
        }
        refusal(operation, StatusCode::BAD_REQUEST, "A header is not acceptable");
    }
}

/// Like the extractor that it caches.
impl<T: Describe> Describe for Cached<T> {
    fn describe(operation: &mut Operation<'_>) {
        T::describe(operation);
    }
}

/// Like `E`, but rejected with an `R`.
impl<E: Describe, R: DescribeResponse> Describe for WithRejection<E, R> {
    fn describe(operation: &mut Operation<'_>) {
        Result::<E, R>::describe(operation);
        R::describe_response(operation);
    }
}

/// 400 if it is not a `T`.
///
/// As with axum's `Query`, [`Api::finish`](crate::Api::finish) rejects a `T` with a field that this extractor never
/// accepts, but lists are supported.
impl<T: JsonSchema> Describe for Query<T> {
    fn describe(operation: &mut Operation<'_>) {
        check_pairs::<T>(operation, "axum_extra::extract::Query", true);
        describe_query::<T>(operation);
    }
}

/// 400 if there is a query that is not a `T`.
impl<T: JsonSchema> Describe for OptionalQuery<T> {
    fn describe(operation: &mut Operation<'_>) {
        Option::<Query<T>>::describe(operation);
    }
}

/// 415 under another content type, 422 if it is not a `T`. A GET reads the query: 400. A `T` with a field that is never
/// accepted is rejected as for [`Query`].
impl<T: JsonSchema> Describe for Form<T> {
    fn describe(operation: &mut Operation<'_>) {
        check_pairs::<T>(operation, "axum_extra::extract::Form", true);
        describe_form::<T>(operation);
    }
}

/// Like `Option<Path<T>>`, which replaced it.
#[expect(deprecated, reason = "an application may have it yet")]
impl<T: JsonSchema> Describe for axum_extra::extract::OptionalPath<T> {
    fn describe(operation: &mut Operation<'_>) {
        Option::<Path<T>>::describe(operation);
    }
}

/// Like axum's `Json`, but the handler parses it and responds with 422, through `JsonDeserializerRejection`.
impl<T: JsonSchema> Describe for JsonDeserializer<T> {
    fn describe(operation: &mut Operation<'_>) {
        describe_json::<T>(operation);
    }
}

/// An `S` in each line. The handler decides what to do with a bad line.
impl<S: JsonSchema> Describe for JsonLines<S> {
    fn describe(operation: &mut Operation<'_>) {
        let line = operation.open_input_schema::<S>();
        bare_body(operation, LINES, &lines(&line));
    }
}

/// Like axum's `Multipart`: 400 without a boundary. No type names its parts.
impl Describe for Multipart {
    fn describe(operation: &mut Operation<'_>) {
        describe_multipart(operation);
    }
}

impl<H: Header> DescribeParts for TypedHeader<H> {
    fn describe_parts(operation: &mut Operation<'_>) {
        let name = H::name();
        if name == CONTENT_TYPE {
            operation.lose_content_type();
        } else {
            operation.header_everywhere(name.as_str());
        }
    }
}

/// 200 without content.
impl<H: Header> DescribeResponse for TypedHeader<H> {
    fn describe_response(operation: &mut Operation<'_>) {
        <(Self, ())>::describe_response(operation);
    }
}

macro_rules! cookie_jars {
    ($($(#[$gate:meta])? $jar:ty $([$key:ident])?),* $(,)?) => {$(
        $(#[$gate])?
        /// Any cookies: no type tells their names.
        impl$(<$key>)? Describe for $jar {
            fn describe(_: &mut Operation<'_>) {}
        }

        $(#[$gate])?
        impl$(<$key>)? DescribeParts for $jar {
            fn describe_parts(operation: &mut Operation<'_>) {
                operation.header_everywhere("set-cookie");
            }
        }

        $(#[$gate])?
        /// 200 without content.
        impl$(<$key>)? DescribeResponse for $jar {
            fn describe_response(operation: &mut Operation<'_>) {
                <(Self, ())>::describe_response(operation);
            }
        }
    )*};
}
cookie_jars!(
    CookieJar,
    #[cfg(feature = "axum-extra-full")]
    axum_extra::extract::PrivateCookieJar<K> [K],
    #[cfg(feature = "axum-extra-full")]
    axum_extra::extract::SignedCookieJar<K> [K],
);

macro_rules! media_types {
    ($($answer:ident $media_type:literal $schema:tt),*) => {$(
        impl<T> DescribeResponse for $answer<T> {
            fn describe_response(operation: &mut Operation<'_>) {
                operation.content_response(StatusCode::OK, "Success", $media_type, json!($schema));
            }
        }
    )*};
}
media_types!(
    Css "text/css" { "type": "string" },
    JavaScript "application/javascript" { "type": "string" },
    Wasm "application/wasm" {}
);

/// Any JSON: no type says more about it.
impl DescribeResponse for ErasedJson {
    fn describe_response(operation: &mut Operation<'_>) {
        operation.content_response(StatusCode::OK, "Success", "application/json", json!({}));
    }
}

/// A line for each item, with any content type: axum-extra sends it without one.
impl<S: TryStream<Ok: JsonSchema>> DescribeResponse for JsonLines<S, AsResponse> {
    fn describe_response(operation: &mut Operation<'_>) {
        let line = operation.output_schema::<S::Ok>();
        operation.content_response(StatusCode::OK, "Success", "*/*", lines(&line));
    }
}

/// Parts that no type names.
impl DescribeResponse for MultipartForm {
    fn describe_response(operation: &mut Operation<'_>) {
        let schema = json!({ "type": "object" });
        operation.content_response(StatusCode::OK, "Success", "multipart/form-data", schema);
    }
}

const LINES: &str = "application/x-ndjson";

/// A text, with the schema of its lines. OpenAPI 3.1 cannot describe a stream of values otherwise.
fn lines(line: &Value) -> Value {
    json!({
        "type": "string",
        "contentMediaType": LINES,
        "contentSchema": { "type": "array", "items": line },
    })
}

macro_rules! either {
    ($($either:ident [$($other:ident),*] $last:ident),* $(,)?) => {$(
        /// What each of them reads is optional, because another may match. The rejections are those of the last.
        impl<$($other: Describe,)* $last: Describe> Describe for $either<$($other,)* $last> {
            fn describe(operation: &mut Operation<'_>) {
                $(Option::<Result<$other, ()>>::describe(operation);)*
                operation.caught(Option::<$last>::describe);
            }
        }

        /// Any of them.
        impl<$($other: DescribeResponse,)* $last: DescribeResponse> DescribeResponse for $either<$($other,)* $last> {
            fn describe_response(operation: &mut Operation<'_>) {
                $($other::describe_response(operation);)*
                $last::describe_response(operation);
            }
        }
    )*};
}
either!(
    Either [E1] E2,
    Either3 [E1, E2] E3,
    Either4 [E1, E2, E3] E4,
    Either5 [E1, E2, E3, E4] E5,
    Either6 [E1, E2, E3, E4, E5] E6,
    Either7 [E1, E2, E3, E4, E5, E6] E7,
    Either8 [E1, E2, E3, E4, E5, E6, E7] E8,
);

/// The responses of the attached value. The program may set another content type.
impl<T: DescribeResponse> DescribeResponse for Attachment<T> {
    fn describe_response(operation: &mut Operation<'_>) {
        let part = operation.apart(|operation| {
            T::describe_response(operation);
            operation.lose_content_type();
            operation.header_everywhere("content-disposition");
        });
        operation.absorb(part);
    }
}

/// Bytes, with a file name if the program sets one.
impl<S> DescribeResponse for FileStream<S> {
    fn describe_response(operation: &mut Operation<'_>) {
        operation.content_response(StatusCode::OK, "Success", "application/octet-stream", json!({}));
    }
}

/// Any content: axum-extra sends it without a content type.
impl DescribeResponse for AsyncReadBody {
    fn describe_response(operation: &mut Operation<'_>) {
        Body::describe_response(operation);
    }
}

/// 500, with the reason in the log.
impl<T> DescribeResponse for InternalServerError<T> {
    fn describe_response(operation: &mut Operation<'_>) {
        refusal(operation, StatusCode::INTERNAL_SERVER_ERROR, "The server is at fault");
    }
}
