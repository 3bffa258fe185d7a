//! The rejection that all guards share.

use std::{borrow::Cow, error::Error, fmt, time::Duration};

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
    protected_resource::Pointer,
    scope::NamedScope,
};

/// The body of an error: one sentence that says what is wrong.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Problem {
    /// What is wrong, in one sentence.
    pub detail: String,
}

/// Why a guard rejected a request. It becomes the response that RFC 6750 §3 prescribes.
#[derive(Debug)]
#[non_exhaustive]
pub struct Denied {
    reason: Reason,
    challenges: Vec<Challenge>,
    /// Where clients learn how to get a credential, if the API says so.
    guide: Option<Box<Guide>>,
}

/// What a challenge adds for clients that do not know the API (RFC 9728 §5.1, RFC 6750 §3).
#[derive(Debug)]
struct Guide {
    metadata: Pointer,
    /// The scopes that would be enough.
    scope: String,
}

#[derive(Debug)]
enum Reason {
    Missing,
    Invalid,
    Ambiguous,
    CrossSite,
    Scope(String),
    Forbidden,
    StepUp(Login),
    Limited(Duration),
    Unavailable,
}

/// The login that is required besides a valid credential.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Login {
    pub(crate) acr_values: &'static [&'static str],
    pub(crate) max_age: Option<Duration>,
}

impl Login {
    /// One sentence for a person.
    fn detail(self) -> String {
        let within = match self.max_age.map(|age| age.as_secs()) {
            Some(seconds) if seconds >= 120 && seconds.is_multiple_of(60) => {
                format!(" within the last {} minutes", seconds / 60)
            }
            Some(seconds) => format!(" within the last {seconds} seconds"),
            None => String::new(),
        };
        let login = if self.acr_values.is_empty() { "a login" } else { "a stronger login" };
        format!("Log in again: this requires {login}{within}")
    }

    /// RFC 9470 §3.
    fn errors(self) -> String {
        let acr_values = self.acr_values.join(" ");
        let acr_values = Some(acr_values).filter(|values| !values.is_empty());
        let parameters = [
            Some(r#"error="insufficient_user_authentication""#.to_owned()),
            Some(format!(r#"error_description="{}""#, self.detail())),
            acr_values.map(|values| format!(r#"acr_values="{values}""#)),
            self.max_age.map(|age| format!(r#"max_age="{}""#, age.as_secs())),
        ];
        parameters.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

impl Denied {
    fn new(reason: Reason, challenges: Vec<Challenge>) -> Self {
        Self { reason, challenges, guide: None }
    }

    /// The same, with where to get a credential, and with which scopes.
    pub(crate) fn guided(mut self, metadata: Option<&Pointer>, ways: &[Vec<NamedScope>]) -> Self {
        self.guide =
            metadata.map(|metadata| Box::new(Guide { metadata: metadata.clone(), scope: first(ways) }));
        self
    }

    /// No credential: the bare challenges, without an error code (RFC 6750 §3.1).
    pub(crate) fn missing(challenges: Vec<Challenge>) -> Self {
        Self::new(Reason::Missing, challenges)
    }

    /// A credential that is invalid.
    pub(crate) fn invalid(challenges: Vec<Challenge>) -> Self {
        Self::new(Reason::Invalid, challenges)
    }

    /// Two credentials at once.
    pub(crate) fn ambiguous(challenges: Vec<Challenge>) -> Self {
        Self::new(Reason::Ambiguous, challenges)
    }

    /// A credential that the browser added to a request that a page of another site may have made.
    pub(crate) fn cross_site() -> Self {
        Self::new(Reason::CrossSite, Vec::new())
    }

    /// A valid credential that is not for this request.
    pub(crate) fn forbidden() -> Self {
        Self::new(Reason::Forbidden, Vec::new())
    }

    /// A valid credential that lacks a scope. If several sets of scopes would do, the first is named.
    pub(crate) fn scope(challenges: Vec<Challenge>, ways: &[Vec<NamedScope>]) -> Self {
        Self::new(Reason::Scope(first(ways)), challenges)
    }

    /// A valid credential without the login that is required (RFC 9470 §3).
    pub(crate) fn step_up(challenges: Vec<Challenge>, login: Login) -> Self {
        Self::new(Reason::StepUp(login), challenges)
    }

    pub(crate) fn is_step_up(&self) -> bool {
        matches!(self.reason, Reason::StepUp(_))
    }

    /// The same rejection with the challenges of all verifiers, if it has any.
    pub(crate) fn in_the_name_of(mut self, all: Vec<Challenge>) -> Self {
        if !self.challenges.is_empty() {
            self.challenges = all;
        }
        self
    }

    /// A valid credential that was used too often.
    pub(crate) fn limited(wait: Duration) -> Self {
        Self::new(Reason::Limited(wait), Vec::new())
    }

    pub(crate) fn is_limited(&self) -> bool {
        matches!(self.reason, Reason::Limited(_))
    }

    /// No verdict could be reached.
    pub(crate) fn unavailable() -> Self {
        Self::new(Reason::Unavailable, Vec::new())
    }

    pub(crate) fn is_unavailable(&self) -> bool {
        matches!(self.reason, Reason::Unavailable)
    }

    /// 400, 401, 403, 429 or 503.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self.reason {
            Reason::Missing | Reason::Invalid | Reason::StepUp(_) => StatusCode::UNAUTHORIZED,
            Reason::Ambiguous => StatusCode::BAD_REQUEST,
            Reason::Scope(_) | Reason::Forbidden | Reason::CrossSite => StatusCode::FORBIDDEN,
            Reason::Limited(_) => StatusCode::TOO_MANY_REQUESTS,
            Reason::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// What the document says about it.
    fn description(&self) -> &'static str {
        match self.reason {
            Reason::Missing | Reason::Invalid => refusals::NO_GOOD,
            Reason::Ambiguous => refusals::AMBIGUOUS,
            Reason::CrossSite => refusals::CROSS_SITE,
            Reason::Scope(_) => refusals::SCOPE,
            Reason::Forbidden => refusals::FORBIDDEN,
            Reason::StepUp(_) => refusals::STEP_UP,
            Reason::Limited(_) => refusals::LIMITED,
            Reason::Unavailable => refusals::UNAVAILABLE,
        }
    }

    /// Adds it to the document, with exactly the challenges that it is sent with.
    pub(crate) fn describe(self, operation: &mut Operation<'_>, ways: &[Vec<NamedScope>]) {
        let denied = self.guided(operation.resource(), ways);
        let status = denied.status();
        operation.problem(status, denied.description());
        for challenge in denied.challenges() {
            operation.response_header(status, "WWW-Authenticate", &format!("`{challenge}`"));
        }
        if denied.retry_after().is_some() {
            operation.response_header(status, "Retry-After", refusals::RETRY_AFTER);
        }
    }

    /// The values of `WWW-Authenticate` (RFC 9110 §11.6.1).
    fn challenges(&self) -> impl Iterator<Item = String> {
        let parameters = self.parameters();
        self.challenges.iter().map(move |challenge| challenge.text(parameters.as_deref()))
    }

    fn detail(&self) -> Cow<'static, str> {
        Cow::Borrowed(match &self.reason {
            Reason::StepUp(login) => return login.detail().into(),
            Reason::Missing => "Not authenticated",
            Reason::Invalid => "Could not validate credentials",
            Reason::Ambiguous => "More than one credential was sent",
            Reason::CrossSite => "This request may come from another site's page",
            Reason::Scope(_) => "Not enough permissions",
            Reason::Forbidden => "The credential is not for this request",
            Reason::Limited(_) => "Too many requests with this credential; try again later",
            Reason::Unavailable => "Credentials cannot be checked at the moment",
        })
    }

    /// The whole seconds after which another request can succeed.
    fn retry_after(&self) -> Option<u64> {
        match self.reason {
            Reason::Limited(wait) => Some(wait.as_secs() + u64::from(wait.subsec_nanos() > 0)),
            Reason::Unavailable => Some(1),
            _ => None,
        }
    }

    /// The parameters of RFC 6750 §3, for schemes that have them. They contain only our own words, nothing from the
    /// request.
    fn parameters(&self) -> Option<String> {
        let guide = self.guide.as_deref().into_iter().flat_map(|Guide { metadata, scope }| {
            // A missing scope is named by its own error, and a new login needs the same scopes.
            let names_scope = matches!(self.reason, Reason::Missing | Reason::Invalid) && !scope.is_empty();
            let metadata = format!("resource_metadata=\"{}\"", metadata.url());
            [Some(metadata), names_scope.then(|| format!("scope=\"{scope}\""))].into_iter().flatten()
        });
        let all: Vec<_> = self.errors().into_iter().chain(guide).collect();
        (!all.is_empty()).then(|| all.join(", "))
    }

    /// The `error` of RFC 6750 §3.1 and its parameters.
    fn errors(&self) -> Option<String> {
        match &self.reason {
            Reason::Invalid => Some(
                r#"error="invalid_token", error_description="The token is invalid, expired or revoked""#
                    .to_owned(),
            ),
            Reason::Ambiguous => Some(r#"error="invalid_request""#.to_owned()),
            Reason::Scope(names) => Some(format!(r#"error="insufficient_scope", scope="{names}""#)),
            Reason::StepUp(login) => Some(login.errors()),
            Reason::Missing
            | Reason::Forbidden
            | Reason::CrossSite
            | Reason::Limited(_)
            | Reason::Unavailable => None,
        }
    }
}

/// The sentence that is sent to the caller.
impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail())
    }
}

impl Error for Denied {}

impl IntoResponse for Denied {
    fn into_response(self) -> Response {
        let mut response = json(self.status(), &Problem { detail: self.detail().into_owned() });
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        for challenge in self.challenges() {
            // `Api::finish` rejects scopes whose names do not fit. In a plain router nothing does.
            if let Ok(value) = HeaderValue::try_from(challenge) {
                headers.append(WWW_AUTHENTICATE, value);
            } else {
                tracing::error!(?self.reason, "a scope's name or an `acr` is not allowed in a header");
            }
        }
        if let Some(seconds) = self.retry_after() {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        response
    }
}

/// The first of several sets of scopes that would do.
fn first(ways: &[Vec<NamedScope>]) -> String {
    ways.iter().take(1).flatten().map(|scope| scope.name).collect::<Vec<_>>().join(" ")
}

/// What the document says about each rejection.
pub(crate) mod refusals {
    pub(crate) const AMBIGUOUS: &str = "More than one credential was sent";
    pub(crate) const NO_GOOD: &str = "No credential, or one that is invalid, expired or revoked";
    pub(crate) const SCOPE: &str = "The credential lacks a scope that is needed";
    pub(crate) const FORBIDDEN: &str = "The credential is valid, but not for this request";
    pub(crate) const STEP_UP: &str = "The login behind the credential is too old or too weak (RFC 9470)";
    pub(crate) const CROSS_SITE: &str = "The request may come from another site's page";
    pub(crate) const LIMITED: &str = "The credential was used too often";
    pub(crate) const UNAVAILABLE: &str = "Not available at the moment";
    pub(crate) const RETRY_AFTER: &str = "Seconds to wait";
    pub(crate) const CHALLENGES: &str = "The challenges of the guard's schemes";
}

/// Everything a guard can reject with: the type does not say which guard it was.
impl DescribeResponse for Denied {
    fn describe_response(operation: &mut Operation<'_>) {
        operation.problem(StatusCode::BAD_REQUEST, refusals::AMBIGUOUS);
        operation.problem(StatusCode::UNAUTHORIZED, refusals::NO_GOOD);
        operation.problem(StatusCode::UNAUTHORIZED, refusals::STEP_UP);
        operation.problem(StatusCode::FORBIDDEN, refusals::SCOPE);
        operation.problem(StatusCode::FORBIDDEN, refusals::FORBIDDEN);
        operation.problem(StatusCode::FORBIDDEN, refusals::CROSS_SITE);
        operation.problem(StatusCode::TOO_MANY_REQUESTS, refusals::LIMITED);
        operation.problem(StatusCode::SERVICE_UNAVAILABLE, refusals::UNAVAILABLE);
        // A 403 has challenges only if a scope is missing.
        for status in [StatusCode::BAD_REQUEST, StatusCode::UNAUTHORIZED] {
            operation.response_header(status, "WWW-Authenticate", refusals::CHALLENGES);
        }
        for status in [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE] {
            operation.response_header(status, "Retry-After", refusals::RETRY_AFTER);
        }
    }
}
