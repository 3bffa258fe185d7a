//! What axum-extra's extractors and answers add to the document. Like axum's own they ignore what they do not know.

use axum_extra::{
    TypedHeader,
    extract::{Cached, CookieJar, Form, OptionalQuery, Query},
    headers::Header,
    response::{Css, JavaScript, Wasm},
};
use http::{
    StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE},
};
use schemars::JsonSchema;
use serde_json::json;

use super::{
    Describe, DescribeParts, DescribeResponse, In, Operation,
    axum_extract::{describe_form, describe_query, refusal},
};
use crate::input::check_pairs;

/// A header; 400 when it is not there or does not read.
///
/// `TypedHeader<Authorization<…>>` keeps the API from being built: it reads a credential that nobody has verified.
impl<H: Header> Describe for TypedHeader<H> {
    fn describe(operation: &mut Operation<'_>) {
        let name = H::name();
        if name == AUTHORIZATION {
            operation.defect(
                "`TypedHeader<Authorization<…>>` is a credential that nobody has verified: take a `Guard<…>`",
            );
        }
        // The document says these two elsewhere, and has no parameters of their names (OpenAPI 3.1 §4.8.12.1).
        if ![ACCEPT, CONTENT_TYPE].contains(name) {
            operation.parameter(name.as_str(), In::Header, true, json!({ "type": "string" }));
        }
        refusal(operation, StatusCode::BAD_REQUEST, "A header is not acceptable");
    }
}

/// Whatever cookies there are, of which no type tells the names.
impl Describe for CookieJar {
    fn describe(_: &mut Operation<'_>) {}
}

/// As what it keeps.
impl<T: Describe> Describe for Cached<T> {
    fn describe(operation: &mut Operation<'_>) {
        T::describe(operation);
    }
}

/// 400 when it is not a `T`.
///
/// [`Api::finish`](crate::Api::finish) refuses a `T` with a field that this extractor never takes, as of axum's
/// `Query`; but lists are read.
impl<T: JsonSchema> Describe for Query<T> {
    fn describe(operation: &mut Operation<'_>) {
        check_pairs::<T>(operation, "axum_extra::extract::Query", true);
        describe_query::<T>(operation);
    }
}

/// 400 when there is a query and it is not a `T`.
impl<T: JsonSchema> Describe for OptionalQuery<T> {
    fn describe(operation: &mut Operation<'_>) {
        Option::<Query<T>>::describe(operation);
    }
}

/// 415 under another content type, 422 when it is not a `T`. Of a GET it is the query: 400. As of [`Query`], a `T`
/// with a field that is never taken is refused.
impl<T: JsonSchema> Describe for Form<T> {
    fn describe(operation: &mut Operation<'_>) {
        check_pairs::<T>(operation, "axum_extra::extract::Form", true);
        describe_form::<T>(operation);
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

impl DescribeParts for CookieJar {
    fn describe_parts(operation: &mut Operation<'_>) {
        operation.header_everywhere("set-cookie");
    }
}

/// 200 without content.
impl<H: Header> DescribeResponse for TypedHeader<H> {
    fn describe_response(operation: &mut Operation<'_>) {
        <(Self, ())>::describe_response(operation);
    }
}

/// 200 without content.
impl DescribeResponse for CookieJar {
    fn describe_response(operation: &mut Operation<'_>) {
        <(Self, ())>::describe_response(operation);
    }
}

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
