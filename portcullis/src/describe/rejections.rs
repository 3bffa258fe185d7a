//! The rejections of axum's extractors as responses, for a handler that takes `Result<Json<T>, JsonRejection>` and
//! passes the error on.
//!
//! 500 is documented only if a rejection can be nothing else. Otherwise it is a fault of the application, such as a
//! `Path` that does not fit its route, which does not belong in the document.

use axum::extract::rejection::{
    BytesRejection, ExtensionRejection, FormRejection, MatchedPathRejection, NestedPathRejection,
    PathRejection, QueryRejection, RawFormRejection, RawPathParamsRejection, StringRejection,
};
use http::StatusCode;

use super::{DescribeResponse, Operation, axum_extract::refusal};

macro_rules! rejections {
    ($($(#[$gate:meta])? $rejection:ty: $($status:ident $description:expr),+;)*) => {$(
        $(#[$gate])?
        /// The reason as plain text, with axum's status.
        impl DescribeResponse for $rejection {
            fn describe_response(operation: &mut Operation<'_>) {
                $(refusal(operation, StatusCode::$status, $description);)+
            }
        }
    )*};
}

const UNREADABLE: &str = "The request body cannot be read";
const TOO_LARGE: &str = "The request body is too large";
const OTHER_TYPE: &str = "The request body has another content type";
#[cfg(any(feature = "axum-full", feature = "axum-extra"))]
const NOT_JSON: &str = "The request body is not declared to be JSON";
#[cfg(any(feature = "axum-full", feature = "axum-extra"))]
const NO_BOUNDARY: &str = "The request body has no boundary";
const UNACCEPTABLE: &str = "The request body is not acceptable";
const PATH: &str = "A path parameter is not acceptable";
const QUERY: &str = "The query is not acceptable";
const OURS: &str = "The application is at fault";

rejections! {
    BytesRejection: BAD_REQUEST UNREADABLE, PAYLOAD_TOO_LARGE TOO_LARGE;
    StringRejection: BAD_REQUEST UNREADABLE, PAYLOAD_TOO_LARGE TOO_LARGE;
    RawFormRejection:
        BAD_REQUEST UNREADABLE,
        PAYLOAD_TOO_LARGE TOO_LARGE,
        UNSUPPORTED_MEDIA_TYPE OTHER_TYPE;
    // For a GET the form is the query: 400.
    FormRejection:
        BAD_REQUEST UNREADABLE,
        BAD_REQUEST QUERY,
        PAYLOAD_TOO_LARGE TOO_LARGE,
        UNSUPPORTED_MEDIA_TYPE OTHER_TYPE,
        UNPROCESSABLE_ENTITY UNACCEPTABLE;
    PathRejection: BAD_REQUEST PATH;
    RawPathParamsRejection: BAD_REQUEST PATH;
    QueryRejection: BAD_REQUEST QUERY;
    ExtensionRejection: INTERNAL_SERVER_ERROR OURS;
    MatchedPathRejection: INTERNAL_SERVER_ERROR OURS;
    NestedPathRejection: INTERNAL_SERVER_ERROR OURS;

    #[cfg(feature = "axum-full")]
    axum::extract::rejection::JsonRejection:
        BAD_REQUEST UNREADABLE,
        PAYLOAD_TOO_LARGE TOO_LARGE,
        UNSUPPORTED_MEDIA_TYPE NOT_JSON,
        UNPROCESSABLE_ENTITY UNACCEPTABLE;
    #[cfg(feature = "axum-full")]
    axum::extract::multipart::MultipartRejection: BAD_REQUEST NO_BOUNDARY;
    // axum responds with 500 if the sender stops in the middle of the body.
    #[cfg(feature = "axum-full")]
    axum::extract::multipart::MultipartError:
        BAD_REQUEST UNREADABLE,
        PAYLOAD_TOO_LARGE TOO_LARGE,
        INTERNAL_SERVER_ERROR UNREADABLE;
    // 405 over HTTP/2, where a WebSocket is opened by CONNECT (RFC 8441 §4).
    #[cfg(feature = "ws")]
    axum::extract::ws::rejection::WebSocketUpgradeRejection:
        BAD_REQUEST "The request is not a WebSocket handshake",
        METHOD_NOT_ALLOWED "The request is not a WebSocket handshake",
        UPGRADE_REQUIRED "The connection cannot be upgraded";

    #[cfg(feature = "axum-extra")]
    axum_extra::typed_header::TypedHeaderRejection: BAD_REQUEST "A header is not acceptable";
    #[cfg(feature = "axum-extra")]
    axum_extra::extract::QueryRejection: BAD_REQUEST QUERY;
    #[cfg(feature = "axum-extra")]
    axum_extra::extract::OptionalQueryRejection: BAD_REQUEST QUERY;
    #[cfg(feature = "axum-extra")]
    axum_extra::extract::JsonDeserializerRejection:
        BAD_REQUEST UNREADABLE,
        PAYLOAD_TOO_LARGE TOO_LARGE,
        UNSUPPORTED_MEDIA_TYPE NOT_JSON,
        UNPROCESSABLE_ENTITY UNACCEPTABLE;
    #[cfg(feature = "axum-extra")]
    axum_extra::extract::multipart::MultipartRejection: BAD_REQUEST NO_BOUNDARY;
    #[cfg(feature = "axum-extra")]
    axum_extra::extract::multipart::MultipartError:
        BAD_REQUEST UNREADABLE,
        PAYLOAD_TOO_LARGE TOO_LARGE,
        INTERNAL_SERVER_ERROR UNREADABLE;
    #[cfg(feature = "axum-extra")]
    axum_extra::extract::FormRejection:
        BAD_REQUEST UNREADABLE,
        BAD_REQUEST QUERY,
        PAYLOAD_TOO_LARGE TOO_LARGE,
        UNSUPPORTED_MEDIA_TYPE OTHER_TYPE,
        UNPROCESSABLE_ENTITY UNACCEPTABLE;
}
