//! The server's side of the network: accepts connections, bounds each of them, and ends without losing a request.
//!
//! Speaks HTTP/1.1 and HTTP/2 without TLS (prior knowledge); TLS belongs to the proxy in front. Requests that hyper
//! cannot read (RFC 9112 §2.2, §5.1; RFC 9113 §8.1.1) are answered by it alone, with an empty body and no log line
//! above `debug`; every other one reaches the router.

mod connection;
mod head;
mod listener;
mod pulse;
mod wire;

use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, sleep, timeout};

pub use self::listener::Listener;
use self::listener::{Accepted, Socket};

/// After an error that accepting another connection at once would only meet again, such as no free descriptor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);
/// At most one warning in this time that all connections are taken.
const FULL_WARNING_INTERVAL: Duration = Duration::from_mins(1);
/// How long tasks get to notice that the drain time is over.
const LAST_MOMENT: Duration = Duration::from_secs(1);

/// HTTP/2 (RFC 9113): requests at once on one connection.
const STREAMS: u32 = 128;
/// HTTP/2: streams that the client reset before they were answered ("rapid reset"), then the connection ends.
const PENDING_RESETS: usize = 20;
/// HTTP/2: streams that we had to reset, then the connection ends.
const OWN_RESETS: usize = 128;
/// HTTP/2: unread bytes of one request body, and of all bodies of a connection.
const STREAM_WINDOW: u32 = 128 * 1024;
const CONNECTION_WINDOW: u32 = 512 * 1024;
/// HTTP/2: unsent bytes of one answer.
const SEND_BUFFER: usize = 64 * 1024;
/// HTTP/2: a silent peer is asked for a sign of life this often, and has as long to give it.
const PING_INTERVAL: Duration = Duration::from_secs(20);
/// The least head that hyper can be told.
const LEAST_HEAD: usize = 8 * 1024;

/// The bounds of what strangers can hold. Also fixed: at most 100 header fields (431, hyper's own default).
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at once. More wait unaccepted, in the system's queue. Default 4096; the process needs about 100
    /// file descriptors more than this (`ulimit -n`, `LimitNOFILE=`).
    pub connections: u32,
    /// Bytes of a request line and its header fields together, at least 8 KiB; more is 431. Default 32 KiB.
    pub head_bytes: usize,
    /// From a request's first byte (from the connection, for its first request) to the end of its header fields;
    /// then the connection is closed. Default 10 s.
    pub head_time: Duration,
    /// Between two requests of a connection; then it is closed. Longer than the proxy in front keeps its
    /// connections, so that the proxy closes first (nginx: 60 s). On HTTP/2 never before the last request's
    /// `exchange_time` is over. Default 75 s.
    pub idle_time: Duration,
    /// From the end of a request's header fields to the last byte of its answer, however slowly the client sends
    /// or reads; then the connection is closed. Handlers have less: see [`crate::middleware`]. Default 120 s.
    pub exchange_time: Duration,
    /// What requests that are running get to finish after `shutdown`. Default 30 s.
    pub drain_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4096,
            head_bytes: 32 * 1024,
            head_time: Duration::from_secs(10),
            idle_time: Duration::from_secs(75),
            exchange_time: Duration::from_mins(2),
            drain_time: Duration::from_secs(30),
        }
    }
}

/// Serves `router` on `listener`, within the default [`Limits`], until `shutdown` resolves and the running requests
/// are answered.
///
/// Each request carries its peer's address as [`axum::extract::ConnectInfo<SocketAddr>`]. No error of a connection
/// or of accepting one ends the server. After `shutdown` no connection is accepted beyond those the system had
/// already accepted for us, idle ones are closed, and running requests have [`Limits::drain_time`]; what then still
/// runs is cut off, with a warning.
pub async fn serve(listener: impl Into<Listener>, router: Router, shutdown: impl Future<Output = ()> + Send) {
    serve_within(Limits::default(), listener, router, shutdown).await;
}

/// The same within other [`Limits`].
pub async fn serve_within(
    limits: Limits,
    listener: impl Into<Listener>,
    router: Router,
    shutdown: impl Future<Output = ()> + Send,
) {
    let listener = listener.into();
    let (stage, watched) = watch::channel(Stage::Serving);
    let slots = Arc::new(Semaphore::new(slot_count(limits)));
    let server =
        Arc::new(Server { http: http(limits), router: router.with_state(()), limits, stage: watched });

    accept_until(shutdown, &listener, &slots, &server).await;
    accept_queued(listener, &slots, &server);

    stage.send_replace(Stage::Draining);
    if timeout(limits.drain_time, slots.acquire_many(limits.connections.max(1))).await.is_err() {
        let cut = slot_count(limits) - slots.available_permits();
        tracing::warn!(connections = cut, "cut off what still ran when the drain time was over");
        stage.send_replace(Stage::Over);
        // They are told; a task that does not notice in time ends with the runtime.
        let _ = timeout(LAST_MOMENT, slots.acquire_many(limits.connections.max(1))).await;
    }
}

/// Resolves at the first SIGTERM or SIGINT: pass it to [`serve`] as `shutdown`. A second one ends the process at
/// once, with status 1, for the operator who will not wait.
pub async fn signals() {
    let (mut terminate, mut interrupt) =
        match (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
            (Ok(terminate), Ok(interrupt)) => (terminate, interrupt),
            (Err(cause), _) | (_, Err(cause)) => {
                tracing::error!(%cause, "cannot watch for signals: one will end running requests too");
                return std::future::pending().await;
            }
        };
    either(&mut terminate, &mut interrupt).await;
    tracing::info!("stopping: the running requests are finished first; a second signal stops at once");
    tokio::spawn(async move {
        either(&mut terminate, &mut interrupt).await;
        tracing::warn!("stopped at once by a second signal");
        std::process::exit(1);
    });
}

async fn either(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

/// How far the server's end has come. Connections watch it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Serving,
    /// No new requests, beyond those that are on their way already.
    Draining,
    /// Nothing is waited for any more.
    Over,
}

/// What all connections share.
struct Server {
    http: Builder<TokioExecutor>,
    router: Router,
    limits: Limits,
    stage: watch::Receiver<Stage>,
}

fn slot_count(limits: Limits) -> usize {
    usize::try_from(limits.connections.max(1)).unwrap_or(Semaphore::MAX_PERMITS)
}

fn http(limits: Limits) -> Builder<TokioExecutor> {
    let mut http = Builder::new(TokioExecutor::new());
    // hyper's header timeout would also be the idle timeout, and arms a timer for every request:
    // `pulse` keeps both times with one timer per connection.
    http.http1().header_read_timeout(None).max_buf_size(limits.head_bytes.max(LEAST_HEAD));
    http.http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_INTERVAL)
        .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX))
        .max_concurrent_streams(STREAMS)
        .max_pending_accept_reset_streams(PENDING_RESETS)
        .max_local_error_reset_streams(OWN_RESETS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER);
    http
}

async fn accept_until(
    shutdown: impl Future<Output = ()>,
    listener: &Listener,
    slots: &Arc<Semaphore>,
    server: &Arc<Server>,
) {
    let mut shutdown = pin!(shutdown);
    let mut warned = None;
    loop {
        let Some(slot) = unless(shutdown.as_mut(), free_slot(slots, &mut warned)).await else { return };
        let Some((stream, peer)) = unless(shutdown.as_mut(), accept(listener)).await else { return };
        // `None` only from a closed semaphore, and this one is never closed.
        if let Some(slot) = slot {
            start(stream, peer, slot, server);
        }
    }
}

/// What `work` gives, or `None` when `shutdown` comes first.
async fn unless<T>(shutdown: Pin<&mut impl Future<Output = ()>>, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        () = shutdown => None,
        done = work => Some(done),
    }
}

async fn free_slot(slots: &Arc<Semaphore>, warned: &mut Option<Instant>) -> Option<OwnedSemaphorePermit> {
    if let Ok(slot) = Arc::clone(slots).try_acquire_owned() {
        return Some(slot);
    }
    if warned.is_none_or(|at| at.elapsed() > FULL_WARNING_INTERVAL) {
        *warned = Some(Instant::now());
        tracing::warn!("all connections are taken: new ones wait until one ends (setting `connections`)");
    }
    Arc::clone(slots).acquire_owned().await.ok()
}

async fn accept(listener: &Listener) -> Accepted {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(cause) if concerns_one_connection(&cause) => {}
            Err(cause) => {
                tracing::error!(
                    %cause,
                    "cannot accept a connection; trying again. If files run out, raise the limit (`ulimit -n`)"
                );
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn concerns_one_connection(cause: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(cause.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// Takes over the connections that the system has accepted for us: their clients may have sent a request already,
/// and closing the listener would reset them.
fn accept_queued(listener: Listener, slots: &Arc<Semaphore>, server: &Arc<Server>) {
    let mut queued = listener.into_queued();
    while let Ok(slot) = Arc::clone(slots).try_acquire_owned()
        && let Some((stream, peer)) = queued.next()
    {
        start(stream, peer, slot, server);
    }
}

fn start(stream: Box<dyn Socket>, peer: SocketAddr, slot: OwnedSemaphorePermit, server: &Arc<Server>) {
    let server = Arc::clone(server);
    tokio::spawn(async move {
        connection::drive(stream, peer, &server).await;
        drop(slot);
    });
}

#[cfg(test)]
mod tests;
