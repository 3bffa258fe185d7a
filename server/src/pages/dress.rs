//! Applies to every page: requests from other sites change nothing, and errors are shown as pages.

use askama::Template;
use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts};
use portcullis::{Guard, credential::SameOrigin};

use super::{View, view};
use crate::{
    access::Principal,
    app::App,
    error::Error,
    paths,
    sessions::{self, SessionCookies, SessionsCookie},
};

/// Pages load their style sheets, pictures and one script from us, send their forms to us, and may do nothing else.
static POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; form-action 'self'; base-uri 'none'; \
     frame-ancestors 'none'; object-src 'none'",
);

/// What an error page shows beyond the status. A response carries it in its extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// The request came from a page of another site.
    ForeignSite,
    SignUpClosed,
    /// The visitor's role in an organisation is not sufficient.
    RoleRequired,
    DeadLink(NewLink),
}

/// The page that sends another link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NewLink(pub(super) &'static str);

/// Wraps every page:
/// - a request that may change something must come from one of our pages (403 otherwise), logged in or not;
/// - 401 redirects to the login, which returns here; an invalid cookie is cleared;
/// - any other error, whatever its origin, becomes a page with the same status.
pub(crate) async fn dress(State(app): State<App>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let mut view = View::of(&app, &parts);
    let answer = match SameOrigin::<SessionsCookie>::from_request_parts(&mut parts, &app).await {
        Ok(_own) => {
            // Pages of a logged-in visitor keep their navigation, even when they show an error.
            view.visitor = visitor(&app, &mut parts).await;
            parts.extensions.insert(view.clone());
            next.run(Request::from_parts(parts, body)).await
        }
        Err(denied) => {
            let mut answer = denied.into_response();
            answer.extensions_mut().insert(Cause::ForeignSite);
            answer
        }
    };
    let mut answer = if is_page(&answer) { answer } else { explain(&view, &answer) };
    answer.headers_mut().insert(header::CONTENT_SECURITY_POLICY, POLICY.clone());
    if let Some((name, cookie)) = view.cookie() {
        answer.headers_mut().append(name, cookie);
    }
    answer
}

/// There is no such page, but there may be one without the slash at the end.
pub(crate) async fn show_nothing(view: View) -> Response {
    view.without_slash().unwrap_or_else(|| Error::NotFound.into_response())
}

/// A page for browsers where there is no route (404) or none for GET (405). Programs, which do not ask for HTML,
/// get the same status in JSON.
pub(crate) async fn answer_dead_ends(State(app): State<App>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let asked = asks_for_page(&parts.method, &parts.headers).then(|| parts.clone());
    let answer = next.run(Request::from_parts(parts, body)).await;
    let is_dead_end = matches!(answer.status(), StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED)
        && !answer.headers().contains_key(header::CONTENT_TYPE);
    let Some(mut asked) = asked.filter(|_| is_dead_end) else { return answer };
    let mut view = View::of(&app, &asked);
    if let Some(shorter) = view.without_slash() {
        return shorter;
    }
    view.visitor = visitor(&app, &mut asked).await;
    let mut page = explain(&view, &answer);
    page.headers_mut().insert(header::CONTENT_SECURITY_POLICY, POLICY.clone());
    page
}

/// Who is logged in, if anyone.
async fn visitor(app: &App, parts: &mut Parts) -> Option<Principal> {
    let visitor = Guard::<SessionCookies>::from_request_parts(parts, app).await;
    visitor.ok().map(Guard::into_principal)
}

fn asks_for_page(method: &Method, headers: &HeaderMap) -> bool {
    let mut accepted = headers.get_all(header::ACCEPT).iter().filter_map(|field| field.to_str().ok());
    matches!(*method, Method::GET | Method::HEAD) && accepted.any(|types| types.contains("text/html"))
}

fn is_page(answer: &Response) -> bool {
    let kind = answer.headers().get(header::CONTENT_TYPE);
    let is_html = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    is_html || !(answer.status().is_client_error() || answer.status().is_server_error())
}

fn explain(view: &View, refusal: &Response) -> Response {
    let status = refusal.status();
    if status == StatusCode::UNAUTHORIZED {
        let mut answer = view.log_in();
        let (name, value) = sessions::cleared();
        answer.headers_mut().append(name, value);
        return answer;
    }
    let cause = refusal.extensions().get().copied();
    let mut page = match view.show(status, &ErrorPage { v: view, status, cause }) {
        Ok(page) => page,
        Err(error) => return error.into_response(),
    };
    keep(refusal.headers(), page.headers_mut());
    page
}

/// Headers of the response that programs rely on.
fn keep(from: &HeaderMap, to: &mut HeaderMap) {
    for name in [header::RETRY_AFTER, header::ALLOW] {
        if let Some(value) = from.get(&name) {
            to.insert(name, value.clone());
        }
    }
}

/// The page for everything that cannot be shown.
#[derive(Template)]
#[template(path = "pages/error.html")]
struct ErrorPage<'a> {
    v: &'a view::View,
    status: StatusCode,
    cause: Option<Cause>,
}

impl ErrorPage<'_> {
    /// What happened, and what to do.
    fn words(&self) -> (&'static str, &'static str) {
        let (title, text) = match (self.status.as_u16(), self.cause) {
            (_, Some(Cause::SignUpClosed)) => ("page.error.sign_up_closed", "page.error.sign_up_closed_text"),
            (_, Some(Cause::RoleRequired)) => ("page.error.role", "page.error.role_text"),
            (_, Some(Cause::ForeignSite)) => ("page.error.foreign", "page.error.foreign_text"),
            // A logged-in visitor has every scope of their role; only administrators' pages require another one.
            (403, _) => ("page.error.not_administrator", "page.error.not_administrator_text"),
            (404 | 405, _) => ("page.error.absent", "page.error.absent_text"),
            (_, Some(Cause::DeadLink(NewLink(paths::VERIFICATION)))) => {
                ("page.error.dead", "page.error.dead_verification_text")
            }
            (410, _) => ("page.error.dead", "page.error.dead_text"),
            (429, _) => ("page.error.throttled", "page.error.throttled_text"),
            (503, _) => ("page.error.unavailable", "page.error.unavailable_text"),
            (500.., _) => ("page.error.internal", "page.error.internal_text"),
            _ => ("page.error.refused", "page.error.refused_text"),
        };
        (self.v.t(title), self.v.t(text))
    }

    fn is_for_administrators(&self) -> bool {
        self.status == StatusCode::FORBIDDEN && self.cause.is_none()
    }

    /// Whether the form that sends another link is on the account's page.
    fn is_verification(&self) -> bool {
        self.new_link() == Some(paths::VERIFICATION)
    }

    /// The page that sends another link.
    fn new_link(&self) -> Option<&'static str> {
        match self.cause {
            Some(Cause::DeadLink(NewLink(path))) => Some(path),
            _ => None,
        }
    }
}
