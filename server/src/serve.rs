//! The network side of the server: accepts connections, bounds each of them, and stops without losing a request.
//!
//! It speaks HTTP/1.1 and HTTP/2 without TLS (prior knowledge); the proxy in front terminates TLS. hyper itself
//! responds to requests that it cannot parse (RFC 9112 §2.2, §5.1; RFC 9113 §8.1.1), with an empty body and no log line
//! above `debug`; every other request reaches the router.

mod connection;
mod head;
mod listener;
mod pulse;
mod slots;
mod wire;

use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use ipnet::IpNet;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

pub use self::listener::Listener;
use self::listener::{Accepted, Socket};
use self::slots::{Full, Seat, Slots};

/// The pause after an error that the next accept would only repeat, such as no free file descriptor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);
/// The minimum interval between warnings that all connections are taken, and that an address has reached its limit.
const FULL_WARNING_INTERVAL: Duration = Duration::from_mins(1);
/// How long tasks have to notice that the drain time is over.
const LAST_MOMENT: Duration = Duration::from_secs(1);

/// HTTP/2 (RFC 9113): concurrent requests per connection.
const STREAMS: u32 = 32;
/// HTTP/2: streams that the client reset before their response ("rapid reset"); one more closes the connection.
const PENDING_RESETS: usize = 20;
/// HTTP/2: streams that we had to reset; one more closes the connection.
const OWN_RESETS: usize = 128;
/// HTTP/2: unread bytes of one request body, and of all bodies of a connection.
const STREAM_WINDOW: u32 = 128 * 1024;
const CONNECTION_WINDOW: u32 = 512 * 1024;
/// HTTP/2: unsent bytes of one response.
const SEND_BUFFER: usize = 16 * 1024;
/// HTTP/2: the interval at which a silent peer is pinged, and how long it has to reply.
const PING_INTERVAL: Duration = Duration::from_secs(20);
/// The smallest head size that hyper can be configured with.
const LEAST_HEAD: usize = 8 * 1024;

/// Limits on what clients can occupy. Also fixed: at most 100 header fields (431, hyper's own default).
#[derive(Clone, Debug)]
pub struct Limits {
    /// The maximum number of connections. One more closes the connection that has been idle longest; if none is idle,
    /// the new one waits. Default 4096; the process needs about 700 file descriptors more than this (`ulimit -n`,
    /// `LimitNOFILE=`).
    pub connections: u32,
    /// The maximum number of connections from one address (IPv6: one /64). One more closes that address's connection
    /// that has been idle longest; if none is idle, the new one is closed. Default 256.
    pub connections_per_address: u32,
    /// Addresses that represent many clients: `connections_per_address` does not apply to them. Default none.
    pub trusted_proxies: Vec<IpNet>,
    /// The maximum size in bytes of a request line with its header fields, at least 8 KiB; more is 431. Default 32 KiB.
    pub head_bytes: usize,
    /// The maximum time from a request's first byte (for the first request, from the connection) to the end of its
    /// header fields; then the connection is closed. Default 10 s.
    pub head_time: Duration,
    /// The maximum time between two requests of a connection; then it is closed. It should be longer than the proxy in
    /// front keeps its connections, so that the proxy closes first (nginx: 60 s). On HTTP/2 the connection is never
    /// closed before the last request's `exchange_time` is over. Default 75 s.
    pub idle_time: Duration,
    /// The maximum time from the end of a request's header fields to the last byte of its response, however slowly the
    /// client sends or reads; then the connection is closed. Handlers have less: see [`crate::middleware`]. Default 120
    /// s.
    pub exchange_time: Duration,
    /// The maximum time that a response makes no progress because its client does not read; then the connection is
    /// closed. On HTTP/2 progress is 16 KiB of any of the connection's responses, or the end of one. Default 20 s.
    pub stall_time: Duration,
    /// How long connections are still accepted after `shutdown`, for a load balancer to notice: each response says
    /// `Connection: close`. Default none.
    pub stop_delay: Duration,
    /// How long running requests have to finish after `shutdown` and `stop_delay`. Default 30 s.
    pub drain_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4096,
            connections_per_address: 256,
            trusted_proxies: Vec::new(),
            head_bytes: 32 * 1024,
            head_time: Duration::from_secs(10),
            idle_time: Duration::from_secs(75),
            exchange_time: Duration::from_mins(2),
            stall_time: Duration::from_secs(20),
            stop_delay: Duration::ZERO,
            drain_time: Duration::from_secs(30),
        }
    }
}

/// Serves `router` on `listener`, within the default [`Limits`], until `shutdown` resolves and the running requests are
/// finished.
///
/// Each request carries its peer's address as [`axum::extract::ConnectInfo<SocketAddr>`]. No error of a connection or
/// of accepting one stops the server. After `shutdown` no connection is accepted beyond those that the system has
/// already accepted, idle ones are closed, and running requests have [`Limits::drain_time`]; what still runs after that
/// is cut off, with a warning.
pub async fn serve(listener: impl Into<Listener>, router: Router, shutdown: impl Future<Output = ()> + Send) {
    serve_within(Limits::default(), listener, router, shutdown).await;
}

/// Like [`serve`], within other [`Limits`].
pub async fn serve_within(
    limits: Limits,
    listener: impl Into<Listener>,
    router: Router,
    shutdown: impl Future<Output = ()> + Send,
) {
    serve_routers(limits, listener, Arc::new(Routers::ready(router)), shutdown).await;
}

/// Like [`serve_within`], with a router that may be set later.
pub(crate) async fn serve_routers(
    limits: Limits,
    listener: impl Into<Listener>,
    routers: Arc<Routers>,
    shutdown: impl Future<Output = ()> + Send,
) {
    let listener = listener.into();
    let (stage, watched) = watch::channel(Stage::Serving);
    let limits = Arc::new(limits);
    let server = Arc::new(Server {
        http: http(&limits),
        routers,
        slots: Slots::new(Arc::clone(&limits)),
        stage: watched,
    });
    accept_until(shutdown, &listener, &server).await;
    if !limits.stop_delay.is_zero() {
        stage.send_replace(Stage::Leaving);
        accept_until(sleep(limits.stop_delay), &listener, &server).await;
    }
    accept_queued(listener, &server);
    stage.send_replace(Stage::Draining);
    if timeout(limits.drain_time, server.slots.empty()).await.is_err() {
        let cut = server.slots.count();
        tracing::warn!(connections = cut, "closed the connections that were still open after the drain time");
        stage.send_replace(Stage::Over);
        // They are notified; a task that does not notice in time ends with the runtime.
        let _ = timeout(LAST_MOMENT, server.slots.empty()).await;
    }
}

/// The current router: one that says that the server is starting, until the real one is set.
#[derive(Debug)]
pub(crate) struct Routers {
    starting: Router,
    ready: OnceLock<Router>,
}

impl Routers {
    pub(crate) fn starting(router: Router) -> Self {
        Self { starting: router.with_state(()), ready: OnceLock::new() }
    }

    fn ready(router: Router) -> Self {
        let routers = Self::starting(Router::new());
        routers.set(router);
        routers
    }

    /// Sets the router for all further requests. A second call is ignored.
    pub(crate) fn set(&self, router: Router) {
        let _ = self.ready.set(router.with_state(()));
    }

    fn now(&self) -> &Router {
        self.ready.get().unwrap_or(&self.starting)
    }
}

/// Resolves at the first SIGTERM or SIGINT: pass it to [`serve`] as `shutdown`. A second signal ends the process
/// immediately, with status 1, for an operator who does not want to wait. From its first poll on, SIGHUP is ignored,
/// with a log line: there is nothing to reload, and a closed terminal or a script that reloads services should not stop
/// the server.
pub async fn signals() {
    match signal(SignalKind::hangup()) {
        Ok(hangup) => drop(tokio::spawn(ignore(hangup))),
        Err(cause) => tracing::error!(%cause, "cannot handle SIGHUP: it will end the server"),
    }
    let (mut terminate, mut interrupt) =
        match (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
            (Ok(terminate), Ok(interrupt)) => (terminate, interrupt),
            (Err(cause), _) | (_, Err(cause)) => {
                tracing::error!(%cause, "cannot handle signals: a signal will also cut off running requests");
                return std::future::pending().await;
            }
        };
    either(&mut terminate, &mut interrupt).await;
    tracing::info!("stopping after the running requests have finished; a second signal stops immediately");
    tokio::spawn(async move {
        either(&mut terminate, &mut interrupt).await;
        tracing::warn!("stopped immediately by a second signal");
        std::process::exit(1);
    });
}

async fn ignore(mut hangup: Signal) {
    while hangup.recv().await.is_some() {
        tracing::warn!(
            "SIGHUP is ignored: to apply changed settings, stop the server (SIGTERM) and start it again"
        );
    }
}

async fn either(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

/// The stage of the server's shutdown. Connections watch it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Serving,
    /// Connections are still accepted, and each response asks its client to reconnect elsewhere.
    Leaving,
    /// No new requests, except those already on their way.
    Draining,
    /// Nothing is waited for any more.
    Over,
}

/// What all connections share.
struct Server {
    http: Builder<TokioExecutor>,
    routers: Arc<Routers>,
    slots: Arc<Slots>,
    stage: watch::Receiver<Stage>,
}

fn http(limits: &Limits) -> Builder<TokioExecutor> {
    let mut http = Builder::new(TokioExecutor::new());
    // hyper's header timeout would also be the idle timeout, and it sets a timer for every request: `pulse` keeps both
    // times with one timer per connection.
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

async fn accept_until(shutdown: impl Future<Output = ()>, listener: &Listener, server: &Arc<Server>) {
    let mut shutdown = pin!(shutdown);
    let mut warnings = Warnings::default();
    loop {
        let Some((stream, peer)) = unless(shutdown.as_mut(), accept(listener)).await else { return };
        match unless(shutdown.as_mut(), seat(peer, server, &mut warnings)).await {
            Some(Some(seat)) => start(stream, peer, seat, server),
            Some(None) => {}
            None => return,
        }
    }
}

/// The result of `work`, or `None` if `shutdown` resolves first.
async fn unless<T>(shutdown: Pin<&mut impl Future<Output = ()>>, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        () = shutdown => None,
        done = work => Some(done),
    }
}

/// When each warning was last logged.
#[derive(Default)]
struct Warnings {
    all: Option<Instant>,
    address: Option<Instant>,
}

/// Waits for a slot. `None` if the address has reached its limit.
async fn seat(peer: SocketAddr, server: &Server, warnings: &mut Warnings) -> Option<Seat> {
    loop {
        match server.slots.seat(peer) {
            Ok(seat) => return Some(seat),
            Err(Full::Address) => {
                if is_due(&mut warnings.address) {
                    tracing::warn!(
                        %peer,
                        "one address has reached its limit of connections and none is idle, so new ones are closed. If \
                            it is a proxy, name it in `trusted_proxies`; otherwise see `connections_per_address`"
                    );
                }
                return None;
            }
            Err(Full::All) => {
                if is_due(&mut warnings.all) {
                    tracing::warn!(
                        "the limit of connections is reached and none is idle, so new ones wait until one ends"
                    );
                }
                server.slots.freed().await;
            }
        }
    }
}

fn is_due(last: &mut Option<Instant>) -> bool {
    let is_due = last.is_none_or(|at| at.elapsed() > FULL_WARNING_INTERVAL);
    if is_due {
        *last = Some(Instant::now());
    }
    is_due
}

async fn accept(listener: &Listener) -> Accepted {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(cause) if concerns_one_connection(&cause) => {}
            Err(cause) => {
                tracing::error!(
                    %cause,
                    "cannot accept a connection; retrying. If open files run out, raise the limit (`ulimit -n`)"
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

/// Takes over the connections that the system has already accepted: their clients may have sent a request, and closing
/// the listener would reset them.
fn accept_queued(listener: Listener, server: &Arc<Server>) {
    for (stream, peer) in listener.into_queued() {
        match server.slots.seat(peer) {
            Ok(seat) => start(stream, peer, seat, server),
            Err(Full::Address) => {}
            Err(Full::All) => return,
        }
    }
}

fn start(stream: Box<dyn Socket>, peer: SocketAddr, seat: Seat, server: &Arc<Server>) {
    let server = Arc::clone(server);
    tokio::spawn(async move {
        connection::drive(stream, peer, seat.pulse(), &server).await;
        drop(seat);
    });
}

#[cfg(test)]
mod tests;
