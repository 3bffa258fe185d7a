//! A handler that panics.

use std::{any::Any, panic::AssertUnwindSafe};

use axum::{extract::Request, handler::Handler, response::Response};
use futures_util::future::{CatchUnwind, FutureExt, Map};
use http::StatusCode;

use crate::{Problem, answer::json};

/// A handler whose panic is a 500 for its own request. Without it the connection ends, and with it what else is on its way
/// there.
///
/// Nothing is seen of what a panic left half done: what the request owns is dropped with it, and what requests share
/// has to stand a task that ends anywhere.
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
        // What it said the panic hook has told; it may hold what no log should.
        tracing::error!("a handler panicked");
        json(StatusCode::INTERNAL_SERVER_ERROR, &Problem { detail: "Internal Server Error".to_owned() })
    })
}
