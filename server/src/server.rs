//! Assembles the server from its rooms: the router, its document, and the workers.

use axum::{
    Extension, Router,
    middleware::{from_fn, from_fn_with_state},
};
use portcullis::Document;

use crate::{
    app::{App, AppError},
    config::SignUp,
    error::Error,
    jobs,
    middleware::{self, Cors},
    pages::answer_dead_ends,
    routes, sessions,
    sign_up::http::refuse_sign_up,
};

impl App {
    /// Every route, with `/docs` and `/openapi.json`, and the middleware. Serve it with
    /// [`into_make_service_with_connect_info::<SocketAddr>`][connect], or all clients count as one. Emails are queued
    /// until [`start_workers`](Self::start_workers) is called, here or in another instance.
    ///
    /// # Errors
    /// [`AppError::Api`], which would be a bug of this crate that its tests rule out.
    ///
    /// [connect]: axum::Router::into_make_service_with_connect_info
    pub fn router(&self) -> Result<Router, AppError> {
        let (router, document) = routes::api().finish()?;
        self.want_workers();
        let config = self.config();
        let cors = Cors::new(&config.allowed_origins, document.value());
        let mut router = router.merge(document.routes()).merge(routes::pages(self)).with_state(self.clone());
        if config.sign_up == SignUp::Closed {
            router = router.layer(from_fn(refuse_sign_up));
        }
        if !self.public_url().is_https() {
            router = router.layer(from_fn(sessions::keep_in_safari));
        }
        let router = router.layer(from_fn_with_state(self.clone(), answer_dead_ends));
        let router = router.layer(Extension(self.own_origins()));
        Ok(middleware::wrap_for(router, self.public_url().is_https(), &config.trusted_proxies, cors))
    }

    /// The OpenAPI 3.1 document of every route, as `/openapi.json` returns it.
    ///
    /// # Errors
    /// As [`App::router`].
    pub fn document() -> Result<Document, AppError> {
        Ok(routes::api().finish()?.1)
    }

    /// Starts the background jobs: emails, webhook deliveries, due deletions, and the sweep of expired rows. Call it
    /// once the [`App`] is open; a second call does nothing. The workers end with [`close`](Self::close), or when the
    /// last clone of the [`App`] is dropped.
    ///
    /// Every instance may run them, and at least one must: without workers no email is sent.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub fn start_workers(&self) {
        if self.begin_workers() {
            jobs::start(&self.downgrade());
        }
    }

    /// Sends the emails that are due, after waiting for the worker if it is sending. Returns how many were sent. The
    /// workers do this by themselves; a program with its own clock, such as a test, may call it.
    ///
    /// # Errors
    /// [`Error::Database`]. An email that cannot be sent is not an error: it stays in the queue.
    pub async fn deliver_due_mail(&self) -> Result<u64, Error> {
        jobs::deliver_due(self).await
    }
}
