//! An issuer's response: JSON of a bounded size.

use std::error::Error;

use axum::body::HttpBody;
use bytes::Bytes;
use http::{
    HeaderMap, Response, StatusCode,
    header::{AGE, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, DATE, EXPIRES},
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use httpdate::parse_http_date;
use serde_json::Value;

use super::{Endpoint, IssuerError, causes};
use crate::strict_json;

/// The most bytes that are read of a response.
const MOST: usize = 1024 * 1024;
/// The deepest nesting of arrays and objects.
const DEEPEST: usize = 16;

/// A JSON document with status 200.
#[derive(Debug)]
pub(in super::super) struct Answer {
    pub(in super::super) json: Value,
    /// What was sent, to detect changes.
    pub(in super::super) bytes: Bytes,
    /// For how many seconds the sender says that it is fresh, if it does.
    pub(in super::super) fresh_for: Option<u64>,
}

impl Answer {
    pub(super) async fn read<B>(response: Response<B>, from: &Endpoint) -> Result<Self, IssuerError>
    where
        B: HttpBody<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>>,
    {
        let unfit = |why: String| IssuerError::new(format!("{from}: {why}"));
        let (parts, body) = response.into_parts();
        check(parts.status, &parts.headers).map_err(unfit)?;
        let bytes = match Limited::new(body, MOST).collect().await {
            Ok(body) => body.to_bytes(),
            Err(cause) if cause.is::<LengthLimitError>() => {
                return Err(unfit(format!("the response has more than {MOST} bytes")));
            }
            Err(cause) => return Err(unfit(format!("the response was cut off: {}", causes(&*cause)))),
        };
        let json = strict_json::parse(&bytes, DEEPEST)
            .map_err(|why| unfit(format!("the response is not valid JSON: {why:?}")))?;
        Ok(Self { json, bytes, fresh_for: fresh_for(&parts.headers) })
    }
}

fn check(status: StatusCode, headers: &HeaderMap) -> Result<(), String> {
    if status.is_redirection() {
        return Err(format!(
            "responded with {status}; redirects are not followed: use the URL that it leads to"
        ));
    }
    if status != StatusCode::OK {
        return Err(format!("responded with {status}"));
    }
    if let Some(encoding) = headers.get(CONTENT_ENCODING).filter(|encoding| *encoding != "identity") {
        return Err(format!("the response is compressed ({encoding:?}), which was not requested"));
    }
    let content_type = headers.get(CONTENT_TYPE);
    if !content_type.and_then(|value| value.to_str().ok()).is_some_and(is_json) {
        return Err(format!("the response is not `application/json` but {content_type:?}"));
    }
    Ok(())
}

/// `application/json`, or a type that is JSON by its suffix (RFC 6839 §3.1), such as `application/jwk-set+json`.
fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence
        .strip_prefix("application/")
        .is_some_and(|subtype| subtype == "json" || subtype.ends_with("+json"))
}

/// The remaining freshness lifetime (RFC 9111 §4.2), in seconds. A response that must not be stored has zero.
fn fresh_for(headers: &HeaderMap) -> Option<u64> {
    let mut lifetime = None;
    for value in headers.get_all(CACHE_CONTROL) {
        for directive in value.to_str().unwrap_or_default().split(',') {
            let (name, argument) = directive.split_once('=').unwrap_or((directive, ""));
            match name.trim().to_ascii_lowercase().as_str() {
                "no-store" | "no-cache" => return Some(0),
                // If it occurs twice, the shorter one counts (RFC 9111 §4.2.1).
                "max-age" => {
                    let seconds = argument.trim().trim_matches('"').parse().unwrap_or(0);
                    lifetime = Some(lifetime.map_or(seconds, |known: u64| known.min(seconds)));
                }
                _ => {}
            }
        }
    }
    let age = headers.get(AGE).and_then(|age| age.to_str().ok()?.parse().ok()).unwrap_or(0);
    lifetime.or_else(|| expires(headers)).map(|lifetime| lifetime.saturating_sub(age))
}

/// The lifetime by `Expires`. An invalid date, such as `0`, has already expired (RFC 9111 §5.3).
fn expires(headers: &HeaderMap) -> Option<u64> {
    let date = |name| parse_http_date(headers.get(name)?.to_str().ok()?).ok();
    headers.get(EXPIRES)?;
    let Some(end) = date(EXPIRES) else { return Some(0) };
    // Relative to the sender's own clock, or not at all.
    Some(end.duration_since(date(DATE)?).unwrap_or_default().as_secs())
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use futures_util::stream;

    use super::*;

    #[test]
    fn freshness_as_rfc_9111_has_it() {
        type Case = (&'static [&'static str], &'static str, Option<u64>);
        let cases: &[Case] = &[
            (&[], "0", None),
            (&["public"], "0", None),
            (&["public, max-age=600, must-revalidate"], "0", Some(600)),
            (&["Max-Age=\"600\""], "junk", Some(600)),
            (&["max-age=600"], "100", Some(500)),
            (&["max-age=600"], "700", Some(0)),
            (&["max-age=600", "max-age=60"], "0", Some(60)),
            (&["max-age=600", "no-store"], "0", Some(0)),
            (&["no-cache"], "0", Some(0)),
            (&["max-age=-1"], "0", Some(0)),
            (&["max-age=99999999999999999999999"], "0", Some(0)),
            (&["s-maxage=600"], "0", None),
        ];
        for (values, age, expected) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(AGE, age.parse().unwrap());
            for value in *values {
                headers.append(CACHE_CONTROL, value.parse().unwrap());
            }
            assert_eq!(fresh_for(&headers), *expected, "{values:?}");
        }
    }

    #[test]
    fn expires_counts_from_the_date_where_nothing_else_is_said() {
        const SENT: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
        const LATER: &str = "Sun, 06 Nov 1994 09:49:37 GMT";
        let cases: &[(&[_], Option<u64>)] = &[
            (&[(DATE, SENT), (EXPIRES, LATER)], Some(3600)),
            (&[(DATE, "Sunday, 06-Nov-94 08:49:37 GMT"), (EXPIRES, "Sun Nov  6 09:49:37 1994")], Some(3600)),
            (&[(DATE, SENT), (EXPIRES, LATER), (AGE, "600")], Some(3000)),
            (&[(DATE, SENT), (EXPIRES, LATER), (AGE, "6000")], Some(0)),
            (&[(DATE, SENT), (EXPIRES, LATER), (CACHE_CONTROL, "public")], Some(3600)),
            (&[(DATE, SENT), (EXPIRES, LATER), (CACHE_CONTROL, "max-age=60")], Some(60)),
            (&[(DATE, SENT), (EXPIRES, LATER), (CACHE_CONTROL, "no-store")], Some(0)),
            (&[(DATE, LATER), (EXPIRES, SENT)], Some(0)),
            (&[(DATE, SENT), (EXPIRES, "0")], Some(0)),
            (&[(EXPIRES, "-1")], Some(0)),
            (&[(EXPIRES, LATER)], None),
            (&[(EXPIRES, LATER), (DATE, "today")], None),
            (&[(DATE, SENT)], None),
        ];
        for (headers, expected) in cases {
            let values = headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap()));
            assert_eq!(fresh_for(&values.collect()), *expected, "{headers:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn d07_no_header_upsets_the_reader(
            control in "[a-z0-9=,\" -]{0,40}",
            age in "\\PC{0,20}",
            date in "\\PC{0,30}|Sun, [0-9]{2} Nov [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT",
            kind in "\\PC{0,30}",
        ) {
            let values = [(CACHE_CONTROL, control), (AGE, age), (EXPIRES, date.clone()), (DATE, date)];
            let values = values.map(|(name, value)| Some((name, value.parse().ok()?)));
            let _ = fresh_for(&values.into_iter().flatten().collect());
            let _ = is_json(&kind);
        }
    }

    #[tokio::test]
    async fn t15_an_answer_that_breaks_off_is_not_called_a_long_one() {
        let body = Body::from_stream(stream::iter([Ok(Bytes::from("{")), Err("reset by peer")]));
        let response = Response::builder().header(CONTENT_TYPE, "application/json").body(body).unwrap();
        let from = Endpoint::parse("https://accounts.example/keys").unwrap();
        let cause = Answer::read(response, &from).await.unwrap_err().to_string();
        assert!(cause.contains("the response was cut off") && cause.contains("reset by peer"), "{cause}");
    }

    #[test]
    fn json_by_its_name() {
        for good in ["application/json", "Application/JSON; charset=utf-8", "application/jwk-set+json"] {
            assert!(is_json(good), "{good}");
        }
        for bad in ["", "text/html", "text/json", "application/jsonp", "application/octet-stream", "json"] {
            assert!(!is_json(bad), "{bad}");
        }
    }
}
