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
    credential::Challenge,
    describe::{DescribeResponse, Operation},
    scope::NamedScope,
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
    challenges: Vec<Challenge>,
}

#[derive(Debug)]
enum Reason {
    Missing,
    Invalid,
    Ambiguous,
    CrossSite,
    Scope(String),
    Unavailable,
}

impl Denied {
    /// No credential: the bare challenges, without an error code (RFC 6750 §3.1).
    pub(crate) fn missing(challenges: Vec<Challenge>) -> Self {
        Self { reason: Reason::Missing, challenges }
    }

    /// A credential that is no good.
    pub(crate) fn invalid(challenges: Vec<Challenge>) -> Self {
        Self { reason: Reason::Invalid, challenges }
    }

    /// Two credentials at once.
    pub(crate) fn ambiguous(challenges: Vec<Challenge>) -> Self {
        Self { reason: Reason::Ambiguous, challenges }
    }

    /// A credential that the browser added to a request which a page of another site may have made.
    pub(crate) fn cross_site() -> Self {
        Self { reason: Reason::CrossSite, challenges: Vec::new() }
    }

    /// A good credential without a scope that is needed. Of several ways to have enough, the first is named.
    pub(crate) fn scope(challenges: Vec<Challenge>, ways: &[Vec<NamedScope>]) -> Self {
        let names = ways.iter().take(1).flatten().map(|scope| scope.name).collect::<Vec<_>>();
        Self { reason: Reason::Scope(names.join(" ")), challenges }
    }

    /// The same refusal by all who were asked, where it comes with challenges.
    pub(crate) fn in_the_name_of(mut self, all: Vec<Challenge>) -> Self {
        if !self.challenges.is_empty() {
            self.challenges = all;
        }
        self
    }

    /// No verdict could be reached.
    pub(crate) fn unavailable() -> Self {
        Self { reason: Reason::Unavailable, challenges: Vec::new() }
    }

    pub(crate) fn is_unavailable(&self) -> bool {
        matches!(self.reason, Reason::Unavailable)
    }

    /// 400, 401, 403 or 503.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self.reason {
            Reason::Missing | Reason::Invalid => StatusCode::UNAUTHORIZED,
            Reason::Ambiguous => StatusCode::BAD_REQUEST,
            Reason::Scope(_) | Reason::CrossSite => StatusCode::FORBIDDEN,
            Reason::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// What the document says of it.
    fn description(&self) -> &'static str {
        match self.reason {
            Reason::Missing | Reason::Invalid => refusals::NO_GOOD,
            Reason::Ambiguous => refusals::AMBIGUOUS,
            Reason::CrossSite => refusals::CROSS_SITE,
            Reason::Scope(_) => refusals::SCOPE,
            Reason::Unavailable => refusals::UNAVAILABLE,
        }
    }

    /// Adds it to the document, with the very challenges that it is sent with.
    pub(crate) fn describe(&self, operation: &mut Operation<'_>) {
        let status = self.status();
        operation.problem(status, self.description());
        for challenge in self.challenges() {
            operation.response_header(status, "WWW-Authenticate", &format!("`{challenge}`"));
        }
        if self.is_unavailable() {
            operation.response_header(status, "Retry-After", refusals::RETRY_AFTER);
        }
    }

    /// The values of `WWW-Authenticate` (RFC 9110 §11.6.1).
    fn challenges(&self) -> impl Iterator<Item = String> {
        let errors = self.errors();
        self.challenges.iter().map(move |challenge| challenge.text(errors.as_deref()))
    }

    fn detail(&self) -> &'static str {
        match self.reason {
            Reason::Missing => "Not authenticated",
            Reason::Invalid => "Could not validate credentials",
            Reason::Ambiguous => "More than one credential was sent",
            Reason::CrossSite => "This request may come from another site's page",
            Reason::Scope(_) => "Not enough permissions",
            Reason::Unavailable => "Credentials cannot be checked at the moment",
        }
    }

    /// RFC 6750 §3.1's parameters, for schemes that have them. Only our own words, nothing of the request.
    fn errors(&self) -> Option<String> {
        match &self.reason {
            Reason::Invalid => Some(
                r#"error="invalid_token", error_description="The token is invalid, expired or revoked""#
                    .to_owned(),
            ),
            Reason::Ambiguous => Some(r#"error="invalid_request""#.to_owned()),
            Reason::Scope(names) => Some(format!(r#"error="insufficient_scope", scope="{names}""#)),
            Reason::Missing | Reason::CrossSite | Reason::Unavailable => None,
        }
    }
}

impl IntoResponse for Denied {
    fn into_response(self) -> Response {
        let mut response = json(self.status(), &Problem { detail: self.detail().to_owned() });
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        for challenge in self.challenges() {
            // `Api::finish` refuses scopes whose names do not fit; a plain router has nobody to refuse them.
            if let Ok(value) = HeaderValue::try_from(challenge) {
                headers.append(WWW_AUTHENTICATE, value);
            } else {
                tracing::error!(?self.reason, "a scope's name is not fit for a header");
            }
        }
        if self.is_unavailable() {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// What the document says of each refusal.
pub(crate) mod refusals {
    pub(crate) const AMBIGUOUS: &str = "More than one credential was sent";
    pub(crate) const NO_GOOD: &str = "No credential, or one that is invalid, expired or revoked";
    pub(crate) const SCOPE: &str = "The credential lacks a scope that is needed";
    pub(crate) const CROSS_SITE: &str = "The request may come from another site's page";
    pub(crate) const UNAVAILABLE: &str = "Not available at the moment";
    pub(crate) const RETRY_AFTER: &str = "Seconds to wait";
    pub(crate) const CHALLENGES: &str = "The challenges of the guard's schemes";
}

/// Whatever a guard can refuse with: the type does not tell whose refusal it is.
impl DescribeResponse for Denied {
    fn describe_response(operation: &mut Operation<'_>) {
        operation.problem(StatusCode::BAD_REQUEST, refusals::AMBIGUOUS);
        operation.problem(StatusCode::UNAUTHORIZED, refusals::NO_GOOD);
        operation.problem(StatusCode::FORBIDDEN, refusals::SCOPE);
        operation.problem(StatusCode::FORBIDDEN, refusals::CROSS_SITE);
        operation.problem(StatusCode::SERVICE_UNAVAILABLE, refusals::UNAVAILABLE);
        // A 403 has challenges or none: only a missing scope is answered with them.
        for status in [StatusCode::BAD_REQUEST, StatusCode::UNAUTHORIZED] {
            operation.response_header(status, "WWW-Authenticate", refusals::CHALLENGES);
        }
        operation.response_header(StatusCode::SERVICE_UNAVAILABLE, "Retry-After", refusals::RETRY_AFTER);
    }
}
