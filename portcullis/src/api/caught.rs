//! Turns a handler's panic into a response.

use std::{any::Any, panic::AssertUnwindSafe};

use axum::{extract::Request, handler::Handler, response::Response};
use futures_util::future::{CatchUnwind, FutureExt, Map};
use http::StatusCode;

use crate::{Problem, answer::json};

/// Responds with 500 if the handler panics. Otherwise the panic would close the connection, with the other requests on
/// it.
///
/// This is unwind safe: what the request owns is dropped, and what requests share must tolerate a task that ends at any
/// point anyway.
#[derive(Clone)]
pub(super) struct Caught<H>(pub(super) H);

impl<H: Handler<T, S>, T, S> Handler<T, S> for Caught<H> {
    type Future = Map<CatchUnwind<AssertUnwindSafe<H::Future>>, fn(Outcome) -> Response>;

    fn call(self, request: Request, state: S) -> Self::Future {
        AssertUnwindSafe(self.0.call(request, state)).catch_unwind().map(answer)
    }
}

type Outcome = Result<Response, Box<dyn Any + Send>>;

fn answer(outcome: Outcome) -> Response {
    outcome.unwrap_or_else(|_| {
        // The panic hook has reported the message, which may contain secrets.
        tracing::error!("a handler panicked");
        json(StatusCode::INTERNAL_SERVER_ERROR, &Problem { detail: "Internal Server Error".to_owned() })
    })
}
