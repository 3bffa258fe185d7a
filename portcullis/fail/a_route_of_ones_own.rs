//! A route type of one's own, which the document would not show and no guard would protect.

use std::future::{Ready, ready};

use axum::{extract::Request, handler::Handler, response::{IntoResponse, Response}};
use portcullis::{Api, api::Described, describe::Operation};

#[derive(Clone)]
struct Open;
struct Mark;

impl<S> Handler<(Mark,), S> for Open {
    type Future = Ready<Response>;

    fn call(self, _: Request, _: S) -> Self::Future {
        ready("come in".into_response())
    }
}

impl<S> Described<Mark, (Mark,), S> for Open {
    fn describe(_: &mut Operation<'_>, _: portcullis::api::sealed::Ours) {}
}

fn main() {
    let _ = Api::<()>::new("Shop", "1.0").get("/", Open);
}
