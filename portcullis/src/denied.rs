//! The one refusal of every guard.

use axum::response::{IntoResponse, Response};
use http::{
    HeaderValue, StatusCode,
    header::{CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE},
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    answer::json,
    scope::{Scope, joined},
};

/// The body of every refusal: one sentence for a person.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Problem {
    /// What is wrong, in one sentence.
    pub detail: String,
}

/// Why a guard did not let a request through. It becomes the answer that RFC 6750 §3 prescribes.
#[derive(Debug)]
#[non_exhaustive]
pub struct Denied {
    reason: Reason,
    challenge: &'static str,
}

#[derive(Debug, Clone, Copy)]
enum Reason {
    Missing,
    Invalid,
    Ambiguous,
    Scope(&'static [Scope]),
    Unavailable,
}

impl Denied {
    /// No credential: the bare challenge, without an error code (RFC 6750 §3.1).
    pub(crate) fn missing(challenge: &'static str) -> Self {
        Self { reason: Reason::Missing, challenge }
    }

    /// A credential that is no good.
    pub(crate) fn invalid(challenge: &'static str) -> Self {
        Self { reason: Reason::Invalid, challenge }
    }

    /// Two credentials at once.
    pub(crate) fn ambiguous(challenge: &'static str) -> Self {
        Self { reason: Reason::Ambiguous, challenge }
    }

    /// A good credential without a scope that is needed.
    pub(crate) fn scope(challenge: &'static str, needed: &'static [Scope]) -> Self {
        Self { reason: Reason::Scope(needed), challenge }
    }

    /// No verdict could be reached.
    pub(crate) fn unavailable(challenge: &'static str) -> Self {
        Self { reason: Reason::Unavailable, challenge }
    }

    /// 400, 401, 403 or 503.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self.reason {
            Reason::Missing | Reason::Invalid => StatusCode::UNAUTHORIZED,
            Reason::Ambiguous => StatusCode::BAD_REQUEST,
            Reason::Scope(_) => StatusCode::FORBIDDEN,
            Reason::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn detail(&self) -> &'static str {
        match self.reason {
            Reason::Missing => "Not authenticated",
            Reason::Invalid => "Could not validate credentials",
            Reason::Ambiguous => "More than one credential was sent",
            Reason::Scope(_) => "Not enough permissions",
            Reason::Unavailable => "Credentials cannot be checked at the moment",
        }
    }

    /// The value of `WWW-Authenticate`. Only our own words reach it, nothing of the request.
    fn challenge(&self) -> Option<String> {
        let scheme = self.challenge;
        match self.reason {
            Reason::Missing => Some(scheme.to_owned()),
            Reason::Invalid => Some(format!(
                "{scheme} error=\"invalid_token\", error_description=\"The token is invalid, expired or revoked\""
            )),
            Reason::Ambiguous => Some(format!("{scheme} error=\"invalid_request\"")),
            Reason::Scope(needed) => {
                Some(format!("{scheme} error=\"insufficient_scope\", scope=\"{}\"", joined(needed)))
            }
            Reason::Unavailable => None,
        }
    }
}

impl IntoResponse for Denied {
    fn into_response(self) -> Response {
        let mut response = json(self.status(), &Problem { detail: self.detail().to_owned() });
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        match self.challenge().map(HeaderValue::try_from) {
            Some(Ok(challenge)) => {
                headers.insert(WWW_AUTHENTICATE, challenge);
            }
            Some(Err(_)) => tracing::error!(?self.reason, "a scope's name is not fit for a header"),
            None => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
        }
        response
    }
}
