//! The client: one connection pool, whose connections all pass the same judge.

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

/// How many informational responses (RFC 9110 §15.2) may come before the one that was asked for.
const MOST_INFORMATIONAL: usize = 8;
/// How long an unused connection is kept.
const IDLE: Duration = Duration::from_secs(30);
/// How many bytes of a response are read ahead; its head has no more.
const READ_AHEAD: usize = 64 * 1024;

/// Sends requests where its judge lets them go.
#[derive(Debug, Clone)]
pub struct Client(Pool<HttpsConnector<Connect>, Full<Bytes>>);

impl Client {
    /// A client with connections of its own. `tls` says which authorities are trusted.
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

    /// The head of the response to `request`. Neither it nor its body has a deadline here: wrap both in a timeout, and
    /// the body in [`http_body_util::Limited`].
    ///
    /// # Errors
    /// Why there is no response, for the operator.
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
            // The request is dropped, and its connection with it: nothing else stops reading.
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

/// An error with what lies beneath it: hyper's own words alone are "client error (Connect)".
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
