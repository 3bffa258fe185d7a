//! Reads a body: checks the declared type first, then reads no byte more than allowed.

use std::error::Error;

use axum::body::{Body, HttpBody};
use bytes::{Bytes, BytesMut};
use http::{
    HeaderMap,
    header::{CONTENT_ENCODING, CONTENT_TYPE},
};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::rejection::InputRejection;

/// The only `Content-Type` of a request, if `accepts` accepts it (given in lower case, without parameters). A body with
/// a content coding (RFC 9110 §8.4) is rejected, because it would evade the limits.
pub(super) fn content_type(
    headers: &HeaderMap,
    accepts: impl Fn(&str) -> bool,
    otherwise: &'static str,
) -> Result<String, InputRejection> {
    let identity = |coding: &http::HeaderValue| coding.as_bytes().eq_ignore_ascii_case(b"identity");
    if !headers.get_all(CONTENT_ENCODING).iter().all(identity) {
        return Err(InputRejection::unsupported("The request body must not have a Content-Encoding"));
    }
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(InputRejection::unsupported(otherwise));
    };
    let value = value.to_str().map_err(|_| InputRejection::unsupported(otherwise))?;
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if accepts(&essence) { Ok(value.to_owned()) } else { Err(InputRejection::unsupported(otherwise)) }
}

/// Reads the whole body, if it has at most `limit` bytes.
pub(super) async fn read(body: Body, limit: usize) -> Result<Bytes, InputRejection> {
    check_announced(&body, limit)?;
    let mut body = Limited::new(body, limit);
    // Copied, because even a frame of a few bytes keeps the connection's whole read buffer alive.
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| broken(&*error))?;
        if let Some(data) = frame.data_ref() {
            bytes.extend_from_slice(data);
        }
    }
    Ok(bytes.freeze())
}

/// Rejects a body before reading it if the announced length is over the limit.
pub(super) fn check_announced(body: &Body, limit: usize) -> Result<(), InputRejection> {
    if body.size_hint().lower() > limit as u64 { Err(InputRejection::too_large()) } else { Ok(()) }
}

/// The rejection for a body that ended early. The cause may be a limit, of ours or of a layer around the application.
pub(super) fn broken(error: &(dyn Error + 'static)) -> InputRejection {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<LengthLimitError>() {
            return InputRejection::too_large();
        }
        cause = error.source();
    }
    InputRejection::bad_request("The request body could not be read to its end")
}
