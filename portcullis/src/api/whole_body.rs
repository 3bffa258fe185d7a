//! A body that a guard reads before the handler does.

use axum::{
    body::Body,
    extract::Request,
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
    routing::MethodRouter,
};

use crate::{
    credential::{WantedBody, WholeBody},
    input::whole_body,
};

/// Provides the body to the route's guards, if they want it.
pub(super) fn shown<S: Clone + Send + Sync + 'static>(
    wanted: Option<WantedBody>,
    route: MethodRouter<S>,
) -> MethodRouter<S> {
    let Some(wanted) = wanted else { return route };
    route.layer(from_fn(move |request: Request, next: Next| {
        let wanted = wanted.clone();
        async move {
            match with_body(&wanted, request).await {
                Ok(request) => next.run(request).await,
                Err(rejection) => rejection,
            }
        }
    }))
}

/// Reads the body and puts it back for the handler.
async fn with_body(wanted: &WantedBody, request: Request) -> Result<Request, Response> {
    // Without a signature the guard rejects the request, whatever the body is.
    let is_of_use = wanted.headers.iter().any(|name| request.headers().contains_key(*name));
    if !is_of_use || request.extensions().get::<WholeBody>().is_some() {
        return Ok(request);
    }
    let (mut parts, body) = request.into_parts();
    let body = whole_body(body, wanted.limit).await.map_err(IntoResponse::into_response)?;
    parts.extensions.insert(WholeBody(body.clone()));
    Ok(Request::from_parts(parts, Body::from(body)))
}
