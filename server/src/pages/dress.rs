//! What every page meets: no request of another site changes anything, and a refusal is a page too.

use askama::Template;
use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use portcullis::credential::SameOrigin;

use super::{View, view};
use crate::{
    app::App,
    error::Error,
    sessions::{self, SessionsCookie},
};

/// Pages load their sheets and pictures from us, send their forms to us, and do nothing else.
static POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; \
     frame-ancestors 'none'; object-src 'none'",
);

/// Lays itself around every page:
/// - a request that may change something must come from a page of ours (403 otherwise), logged in or not;
/// - 401 is the way to the log-in, which leads back; a cookie that is no good is taken away;
/// - any other refusal, whoever made it, becomes a page with the same status.
pub(crate) async fn dress(State(app): State<App>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let view = View::of(&app, &parts);
    let answer = match SameOrigin::<SessionsCookie>::from_request_parts(&mut parts, &app).await {
        Ok(_own) => next.run(Request::from_parts(parts, body)).await,
        Err(denied) => denied.into_response(),
    };
    let mut answer = if is_page(&answer) { answer } else { explain(&view, &answer) };
    answer.headers_mut().insert(header::CONTENT_SECURITY_POLICY, POLICY.clone());
    if let Some((name, cookie)) = view.cookie() {
        answer.headers_mut().append(name, cookie);
    }
    answer
}

/// There is no such page, but perhaps one without a slash at the end.
pub(crate) async fn show_nothing(view: View) -> Response {
    view.without_slash().unwrap_or_else(|| Error::NotFound.into_response())
}

/// A page for browsers that come to where there is no route (404) or none for GET (405). Programs, which do not ask
/// for HTML, get the same status in JSON.
pub(crate) async fn answer_dead_ends(State(app): State<App>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let view = asks_for_page(&parts.method, &parts.headers).then(|| View::of(&app, &parts));
    let answer = next.run(Request::from_parts(parts, body)).await;
    let is_dead_end = matches!(answer.status(), StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED)
        && !answer.headers().contains_key(header::CONTENT_TYPE);
    let Some(view) = view.filter(|_| is_dead_end) else { return answer };
    view.without_slash().unwrap_or_else(|| {
        let mut page = explain(&view, &answer);
        page.headers_mut().insert(header::CONTENT_SECURITY_POLICY, POLICY.clone());
        page
    })
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
    let mut page = match view.show(status, &ErrorPage { v: view, status }) {
        Ok(page) => page,
        Err(error) => return error.into_response(),
    };
    keep(refusal.headers(), page.headers_mut());
    page
}

/// What the refusal tells programs.
fn keep(from: &HeaderMap, to: &mut HeaderMap) {
    for name in [header::RETRY_AFTER, header::ALLOW] {
        if let Some(value) = from.get(&name) {
            to.insert(name, value.clone());
        }
    }
}

/// One page for everything that cannot be shown.
#[derive(Template)]
#[template(path = "pages/error.html")]
struct ErrorPage<'a> {
    v: &'a view::View,
    status: StatusCode,
}

impl ErrorPage<'_> {
    /// What happened, and what to do.
    fn words(&self) -> (&'static str, &'static str) {
        let (title, text) = match self.status.as_u16() {
            403 => ("page.error.forbidden", "page.error.forbidden_text"),
            404 | 405 => ("page.error.absent", "page.error.absent_text"),
            410 => ("page.error.dead", "page.error.dead_text"),
            429 => ("page.error.throttled", "page.error.throttled_text"),
            503 => ("page.error.unavailable", "page.error.unavailable_text"),
            500.. => ("page.error.internal", "page.error.internal_text"),
            _ => ("page.error.refused", "page.error.refused_text"),
        };
        (self.v.t(title), self.v.t(text))
    }
}
