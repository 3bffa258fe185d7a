//! A guard for a whole router.

use axum::{
    extract::{FromRequestParts, Request, State},
    response::{IntoResponse, Response},
    routing::{MethodFilter, MethodRouter, on},
};
use tower_service::Service;

use super::{Route, whole_body::shown};
use crate::{describe::Operation, guard::Access};

/// A guard that runs before a route's own guard.
pub(super) struct RouterGuard<S> {
    describe: fn(&mut Operation<'_>),
    wrap: fn(MethodFilter, MethodRouter<S>) -> MethodRouter<S>,
}

impl<S: Clone + Send + Sync + 'static> RouterGuard<S> {
    pub(super) fn of<A: Access + FromRequestParts<S>>() -> Self {
        Self {
            describe: A::describe_access,
            wrap: |filter, inner| shown(A::wants_body(), wrapped::<A, S>(filter, inner)),
        }
    }

    /// Puts this guard in front of the route, enforced and documented.
    fn before(&self, mut route: Route<S>) -> Route<S> {
        route.entry.describe.insert(0, self.describe);
        route.service = (self.wrap)(route.filter, route.service);
        route
    }
}

/// Puts all these guards in front of the route. The first one runs first.
pub(super) fn guarded<S: Clone + Send + Sync + 'static>(
    guards: &[RouterGuard<S>],
    route: Route<S>,
) -> Route<S> {
    guards.iter().rev().fold(route, |route, guard| guard.before(route))
}

fn wrapped<A, S>(filter: MethodFilter, inner: MethodRouter<S>) -> MethodRouter<S>
where
    A: Access + FromRequestParts<S>,
    S: Clone + Send + Sync + 'static,
{
    on(filter, async move |State(state): State<S>, request: Request| -> Response {
        let (mut parts, body) = request.into_parts();
        if let Err(denied) = A::from_request_parts(&mut parts, &state).await {
            return denied.into_response();
        }
        // A method router is always ready, and cannot fail.
        let answer = inner.with_state(state).call(Request::from_parts(parts, body)).await;
        answer.unwrap_or_else(|never| match never {})
    })
}
