//! The client: one connection pool. The same judge approves all its connections.

use std::{
    error::Error,
    fmt,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::{Either, select};
use http::{Request, Response};
use http_body_util::Full;
use hyper::{body::Incoming, ext::on_informational};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::Client as Pool,
    rt::{TokioExecutor, TokioTimer},
};
use rustls::ClientConfig;
use tokio::sync::Notify;

use crate::connect::{Connect, Judge, Resolve};

/// The maximum number of informational responses (RFC 9110 §15.2) before the final one.
const MOST_INFORMATIONAL: usize = 8;
/// How long an idle connection is kept.
const IDLE: Duration = Duration::from_secs(30);
/// The maximum number of bytes read ahead, which also limits the head of a response.
const READ_AHEAD: usize = 64 * 1024;

/// Sends requests to the destinations that its judge approves.
#[derive(Debug, Clone)]
pub struct Client(Pool<HttpsConnector<Connect>, Full<Bytes>>);

impl Client {
    /// A client with a connection pool of its own. `tls` defines the trusted certificate authorities.
    #[must_use]
    pub fn new(tls: ClientConfig, judge: Judge, resolve: Resolve) -> Self {
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(Connect { judge, resolve });
        let pool = Pool::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .http1_max_buf_size(READ_AHEAD)
            .build(connector);
        Self(pool)
    }

    /// Returns the head of the response to `request`. Neither the head nor the body has a deadline: wrap both in a
    /// timeout, and the body in [`http_body_util::Limited`].
    ///
    /// # Errors
    /// Why there is no response, in words for the operator.
    pub async fn send(&self, mut request: Request<Full<Bytes>>) -> Result<Response<Incoming>, Failed> {
        let too_many = Arc::new(Notify::new());
        let (count, notify) = (AtomicUsize::new(0), Arc::clone(&too_many));
        on_informational(&mut request, move |_| {
            if count.fetch_add(1, Ordering::Relaxed) + 1 == MOST_INFORMATIONAL {
                notify.notify_one();
            }
        });
        match select(self.0.request(request), pin!(too_many.notified())).await {
            Either::Left((Ok(response), _)) => Ok(response),
            Either::Left((Err(cause), _)) => Err(Failed(causes(&cause))),
            // Drops the request and its connection, because nothing else stops reading.
            Either::Right(_) => {
                Err(Failed(format!("{MOST_INFORMATIONAL} informational responses and no other")))
            }
        }
    }
}

/// Why there is no response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed(String);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Failed {}

/// An error with its causes, because hyper's own message is only "client error (Connect)".
#[must_use]
pub fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}
