//! The parameters of a request to an OAuth endpoint (RFC 6749 §3.2, appendix B).

use axum::body::{Body, to_bytes};
use axum::extract::FromRequest;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, Request};
use portcullis::describe::{Describe, Operation};
use serde_json::json;
use zeroize::Zeroizing;

use super::OAuthError;

/// The maximum size of a body in bytes: far more than all parameters together need.
const LONGEST_BODY: usize = 16 * 1024;
/// The maximum number of parameters.
const MOST: usize = 40;
const NOT_A_FORM: &str = "Send the parameters as application/x-www-form-urlencoded";

/// The parameters, each at most once. One without a value counts as absent, and unknown ones are ignored (§3.2).
pub(crate) struct Parameters {
    pairs: Vec<(String, Zeroizing<String>)>,
    /// Whether the client identified itself by `Authorization: Basic` (§2.3.1).
    pub(super) has_basic: bool,
}

impl Parameters {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn parse(headers: &HeaderMap, body: &[u8]) -> Result<Self, OAuthError> {
        let mut pairs: Vec<(String, Zeroizing<String>)> = Vec::new();
        for (name, value) in url::form_urlencoded::parse(body).take(MOST + 1) {
            if pairs.iter().any(|(known, _)| *known == name) {
                return Err(OAuthError::InvalidRequest("A parameter was sent twice"));
            }
            pairs.push((name.into_owned(), Zeroizing::new(value.into_owned())));
        }
        if pairs.len() > MOST {
            return Err(OAuthError::InvalidRequest("There are too many parameters"));
        }
        pairs.retain(|(_, value)| !value.is_empty());
        let is_basic = |value: &http::HeaderValue| {
            value.as_bytes().get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"basic"))
        };
        Ok(Self { pairs, has_basic: headers.get_all(AUTHORIZATION).iter().any(is_basic) })
    }
}

impl<S: Send + Sync> FromRequest<S> for Parameters {
    type Rejection = OAuthError;

    async fn from_request(request: Request<Body>, _: &S) -> Result<Self, OAuthError> {
        let (parts, body) = request.into_parts();
        let mut types = parts.headers.get_all(CONTENT_TYPE).iter();
        let is_form = |value: &http::HeaderValue| {
            let essence = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
            essence.trim_ascii().eq_ignore_ascii_case(b"application/x-www-form-urlencoded")
        };
        if !types.next().is_some_and(is_form) || types.next().is_some() {
            return Err(OAuthError::InvalidRequest(NOT_A_FORM));
        }
        let body = to_bytes(body, LONGEST_BODY).await;
        Self::parse(
            &parts.headers,
            &body.map_err(|_| OAuthError::InvalidRequest("The body is too long or incomplete"))?,
        )
    }
}

/// What `POST /token` takes.
impl Describe for Parameters {
    fn describe(operation: &mut Operation<'_>) {
        let schema = json!({
            "type": "object",
            "required": ["grant_type", "refresh_token"],
            "properties": {
                "grant_type": { "type": "string", "const": "refresh_token" },
                "refresh_token": { "type": "string", "format": "password", "description": "The refresh token of the \
                    login or of the last exchange" },
                "scope": { "type": "string", "description": "Scopes of the new access token; the session must have \
                    them. By default, all" },
            },
        });
        operation.request_body("application/x-www-form-urlencoded", &schema);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(body: &[u8]) -> Result<Parameters, OAuthError> {
        Parameters::parse(&HeaderMap::new(), body)
    }

    #[test]
    fn o05_a_parameter_stands_once_and_an_empty_one_is_absent() {
        let parameters = parse(b"grant_type=refresh_token&scope=&x=a%20b+c").unwrap();
        assert_eq!(parameters.get("grant_type"), Some("refresh_token"));
        assert_eq!((parameters.get("scope"), parameters.get("x")), (None, Some("a b c")));
        for twice in ["a=1&a=1", "a=&a=1", "a&a"] {
            assert!(matches!(parse(twice.as_bytes()), Err(OAuthError::InvalidRequest(_))), "{twice}");
        }
        let many = (0..41).map(|n| format!("p{n}=1")).collect::<Vec<_>>().join("&");
        assert!(parse(many.as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_panic(body in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&body);
        }
    }
}
