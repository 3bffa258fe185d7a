//! Pages of other origins that may call the API (CORS, <https://fetch.spec.whatwg.org/#http-cors-protocol>).
//!
//! Origins must match exactly, and no response allows credentials: a page of another origin can use tokens, but not
//! cookies.

use std::collections::HashSet;
use std::sync::Arc;

use axum::extract::{MatchedPath, OriginalUri, Request};
use axum::response::{IntoResponse as _, Response};
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, HeaderValue,
    ORIGIN, VARY,
};
use http::{HeaderName, Method, StatusCode};
use serde_json::Value;

use crate::config::Origin;

/// Logs in with a cookie: useless to pages of another origin, whose requests carry none.
const COOKIE_LOG_IN: &str = "/login/cookie";
const DOCUMENT: &str = "/openapi.json";

/// The response to every preflight, whatever it asks for: all that the API accepts.
static PREFLIGHT: [(HeaderName, HeaderValue); 3] = [
    (ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE")),
    (ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("authorization, content-type")),
    (ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600")),
];
static EXPOSED: HeaderValue = HeaderValue::from_static("www-authenticate, retry-after, x-request-id");
static BY_ORIGIN: HeaderValue = HeaderValue::from_static("origin");

/// Which origins may call which routes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cors(Arc<Allowed>);

#[derive(Debug, Default)]
struct Allowed {
    origins: Vec<String>,
    /// By method: `GET /account` is a page, `DELETE /account` belongs to the API.
    routes: HashSet<(Method, String)>,
}

impl Cors {
    /// The routes are those of the OpenAPI document, and that of the document itself; pages are not among them.
    pub(crate) fn new(origins: &[Origin], document: &Value) -> Self {
        let origins = origins.iter().map(|origin| origin.as_str().to_owned()).collect();
        let paths = document["paths"].as_object().into_iter().flatten();
        let operations = paths.flat_map(|(path, operations)| {
            let methods = operations.as_object().into_iter().flat_map(|operations| operations.keys());
            methods.filter_map(move |method| Some((method.to_uppercase().parse().ok()?, path.clone())))
        });
        let routes = operations.filter(|(_, path)| path != COOKIE_LOG_IN);
        let routes = routes.chain([(Method::GET, DOCUMENT.to_owned())]).collect();
        Self(Arc::new(Allowed { origins, routes }))
    }

    /// The CORS headers that this request's response needs; `None` if other origins may not use the route.
    pub(super) fn look_at(&self, request: &Request) -> Option<Crossing> {
        if self.0.origins.is_empty() {
            return None;
        }
        let asked_for = request.headers().get(ACCESS_CONTROL_REQUEST_METHOD);
        let asked_for = asked_for.filter(|_| request.method() == Method::OPTIONS);
        let is_preflight = asked_for.is_some();
        let method = match asked_for {
            Some(method) => Method::from_bytes(method.as_bytes()).ok()?,
            None => request.method().clone(),
        };
        let method = if method == Method::HEAD { Method::GET } else { method };
        if !self.0.routes.contains(&(method, template(request)?.to_owned())) {
            return None;
        }
        let mut origins = request.headers().get_all(ORIGIN).iter();
        let origin = match (origins.next(), origins.next()) {
            (Some(origin), None) => {
                self.0.origins.iter().any(|own| own.as_bytes() == origin.as_bytes()).then_some(origin)
            }
            _ => None,
        };
        Some(Crossing { origin: origin.cloned(), is_preflight })
    }
}

/// The route's template, without the prefix under which another application mounts us.
fn template(request: &Request) -> Option<&str> {
    let route = request.extensions().get::<MatchedPath>()?.as_str();
    let asked = request.extensions().get::<OriginalUri>().map_or(request.uri(), |original| &original.0);
    route.strip_prefix(asked.path().strip_suffix(request.uri().path())?)
}

/// A request to a route that other origins may call.
pub(super) struct Crossing {
    /// The request's origin, if it is allowed.
    origin: Option<HeaderValue>,
    is_preflight: bool,
}

impl Crossing {
    /// The response to a preflight. A preflight from any other origin goes to the router, which does not handle
    /// `OPTIONS`.
    pub(super) fn preflight(&self) -> Option<Response> {
        let is_answered = self.is_preflight && self.origin.is_some();
        is_answered.then(|| {
            (StatusCode::NO_CONTENT, axum::response::AppendHeaders(PREFLIGHT.clone())).into_response()
        })
    }

    pub(super) fn complete(self, response: &mut Response) {
        let headers = response.headers_mut();
        headers.append(VARY, BY_ORIGIN.clone());
        if let Some(origin) = self.origin {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED.clone());
        }
    }
}
