//! The life of a connection: passes requests to the router and responses back, and closes in time.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::ConnectInfo;
use bytes::Bytes;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::header::{CONNECTION, HOST, HeaderValue, TRANSFER_ENCODING};
use hyper::{Request, Response, StatusCode, Version};
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, Sleep, sleep_until};
use tower::Service;

use super::listener::Socket;
use super::pulse::{Pulse, Running};
use super::wire::Wire;
use super::{Server, Stage};

/// HTTP/2: a response is handed over in pieces of this size, and each piece sent is progress.
const PIECE: usize = 16 * 1024;

/// How long a waiting connection stays open when the server stops: a request may be on its way, and gets a response
/// with `Connection: close` instead of a reset.
const GRACE: Duration = Duration::from_millis(300);

/// Serves one connection until either side closes it.
pub(super) async fn drive(stream: Box<dyn Socket>, peer: SocketAddr, pulse: &Arc<Pulse>, server: &Server) {
    let service = hyper::service::service_fn(|request| answer(request, peer, server.routers.now(), pulse));
    let io = TokioIo::new(Wire::new(stream, Arc::clone(pulse)));
    let mut http = pin!(server.http.serve_connection(io, service));
    let mut alarm = pin!(sleep_until(pulse.deadline()));
    // The server's own receiver is never read, so this one sees a stage that began before the connection did.
    let mut stage = server.stage.clone();
    if *stage.borrow() != Stage::Serving {
        // Before the first request, so that its response announces it.
        pulse.leave();
    }
    let mut is_waiting_for_a_last_request = false;

    loop {
        tokio::select! {
            biased;
            ended = http.as_mut() => {
                if let Err(cause) = ended {
                    tracing::debug!(%peer, cause, "a connection ended early");
                }
                return;
            }
            () = ring(alarm.as_mut(), pulse) => {
                if std::mem::take(&mut is_waiting_for_a_last_request) {
                    http.as_mut().graceful_shutdown();
                } else if pulse.deadline() <= Instant::now() {
                    tracing::debug!(%peer, "a connection took too long");
                    return;
                }
                alarm.as_mut().reset(pulse.deadline());
            }
            () = pulse.told_to_go() => {
                tracing::debug!(%peer, "an idle connection made room for another");
                return;
            }
            Ok(()) = stage.changed() => {
                let now = *stage.borrow_and_update();
                match now {
                    // HTTP/1 announces it with the next response.
                    Stage::Leaving if pulse.leave() => http.as_mut().graceful_shutdown(),
                    Stage::Serving | Stage::Leaving => {}
                    Stage::Draining if pulse.drain() => {
                        is_waiting_for_a_last_request = true;
                        alarm.as_mut().reset(Instant::now() + GRACE);
                    }
                    Stage::Draining => http.as_mut().graceful_shutdown(),
                    Stage::Over => return,
                }
            }
        }
    }
}

/// Waits for the alarm, and moves it forward when the deadline comes nearer. (A later deadline is checked when the
/// alarm fires.) Only what the connection's own task reads brings it nearer, and that task polls this afterwards.
async fn ring(mut alarm: Pin<&mut Sleep>, pulse: &Pulse) {
    poll_fn(|context| {
        let deadline = pulse.deadline();
        if deadline < alarm.deadline() {
            alarm.as_mut().reset(deadline);
        }
        alarm.as_mut().poll(context)
    })
    .await;
}

fn answer(
    request: Request<Incoming>,
    peer: SocketAddr,
    router: &Router,
    pulse: &Arc<Pulse>,
) -> impl Future<Output = Result<Response<Outgoing>, Infallible>> + use<> {
    let version = request.version();
    let mut running = pulse.begin(version);
    let is_addressed = has_host(&request);
    // `Heads` cannot follow a chunked body, so nothing after it is trusted.
    let is_chunked = request.headers().contains_key(TRANSFER_ENCODING);
    let is_last = version < Version::HTTP_2 && (running.is_last() || is_chunked || !is_addressed);
    let answering = is_addressed.then(|| {
        let mut request = request.map(|body| Upload { body, pulse: Arc::clone(pulse) });
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().call(request)
    });
    async move {
        let mut response = match answering {
            Some(answering) => answering.await?,
            None => bad_request(),
        };
        if is_last {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        running.answers();
        let in_pieces = version == Version::HTTP_2;
        Ok(response.map(|body| Outgoing { body, running, in_pieces, rest: Bytes::new() }))
    }
}

/// RFC 9112 §3.2: an HTTP/1.1 request without `Host` gets 400. (Two `Host` fields never get this far.)
fn has_host(request: &Request<Incoming>) -> bool {
    request.version() != Version::HTTP_11 || request.headers().contains_key(HOST)
}

fn bad_request() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response
}

/// A request's body that reports how much of it was read.
struct Upload {
    body: Incoming,
    pulse: Arc<Pulse>,
}

impl HttpBody for Upload {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &frame {
            self.pulse.bytes_used(data_length(frame));
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A response's body. The request counts as running until this is dropped.
struct Outgoing {
    body: Body,
    running: Running,
    in_pieces: bool,
    /// The part of the last frame that is not handed over yet.
    rest: Bytes,
}

impl Outgoing {
    fn next_piece(&mut self) -> Frame<Bytes> {
        let piece = self.rest.split_to(PIECE.min(self.rest.len()));
        Frame::data(self.running.sending(piece))
    }
}

impl HttpBody for Outgoing {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if !self.rest.is_empty() {
            return Poll::Ready(Some(Ok(self.next_piece())));
        }
        let frame = Pin::new(&mut self.body).poll_frame(context);
        let Poll::Ready(Some(Ok(frame))) = frame else { return frame };
        self.running.bytes_used(data_length(&frame));
        match frame.into_data() {
            Ok(bytes) if self.in_pieces && !bytes.is_empty() => {
                self.rest = bytes;
                Poll::Ready(Some(Ok(self.next_piece())))
            }
            Ok(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            Err(trailers) => Poll::Ready(Some(Ok(trailers))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, body) = (u64::try_from(self.rest.len()).unwrap_or(u64::MAX), self.body.size_hint());
        let mut hint = SizeHint::new();
        hint.set_lower(body.lower().saturating_add(rest));
        if let Some(upper) = body.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint
    }
}

fn data_length(frame: &Frame<Bytes>) -> usize {
    frame.data_ref().map_or(0, Bytes::len)
}
