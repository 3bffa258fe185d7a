//! The server's side of the network: accepts connections, bounds each of them, and ends without losing a request.
//!
//! Speaks HTTP/1.1 and HTTP/2 without TLS (prior knowledge); TLS belongs to the proxy in front. Requests that hyper
//! cannot read (RFC 9112 §2.2, §5.1; RFC 9113 §8.1.1) are answered by it alone, with an empty body and no log line
//! above `debug`; every other one reaches the router.

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

/// After an error that accepting another connection at once would only meet again, such as no free descriptor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);
/// At most one warning in this time that all connections are taken, and one that an address has all it may.
const FULL_WARNING_INTERVAL: Duration = Duration::from_mins(1);
/// How long tasks get to notice that the drain time is over.
const LAST_MOMENT: Duration = Duration::from_secs(1);

/// HTTP/2 (RFC 9113): requests at once on one connection.
const STREAMS: u32 = 32;
/// HTTP/2: streams that the client reset before they were answered ("rapid reset"), then the connection ends.
const PENDING_RESETS: usize = 20;
/// HTTP/2: streams that we had to reset, then the connection ends.
const OWN_RESETS: usize = 128;
/// HTTP/2: unread bytes of one request body, and of all bodies of a connection.
const STREAM_WINDOW: u32 = 128 * 1024;
const CONNECTION_WINDOW: u32 = 512 * 1024;
/// HTTP/2: unsent bytes of one answer.
const SEND_BUFFER: usize = 16 * 1024;
/// HTTP/2: a silent peer is asked for a sign of life this often, and has as long to give it.
const PING_INTERVAL: Duration = Duration::from_secs(20);
/// The least head that hyper can be told.
const LEAST_HEAD: usize = 8 * 1024;

/// The bounds of what strangers can hold. Also fixed: at most 100 header fields (431, hyper's own default).
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections at once. When one more comes, the one that has been idle longest is closed; if none is idle, the new
    /// one waits. Default 4096; the process needs about 700 file descriptors more than this (`ulimit -n`,
    /// `LimitNOFILE=`).
    pub connections: u32,
    /// Connections at once from one address (IPv6: one /64). When one more comes, that address's own that has been idle
    /// longest is closed; if none is idle, the new one is. Default 256.
    pub connections_per_address: u32,
    /// Addresses that speak for many clients: `connections_per_address` does not hold for them. Default none.
    pub trusted_proxies: Vec<IpNet>,
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
    /// For an answer that makes no progress because its client does not read: then the connection is closed. On HTTP/2
    /// progress is 16 KiB of any of the connection's answers, or the end of one. Default 20 s.
    pub stall_time: Duration,
    /// How long connections are still accepted after `shutdown`, for a load balancer to notice: each answer says
    /// `Connection: close`. Default none.
    pub stop_delay: Duration,
    /// What requests that are running get to finish after `shutdown` and `stop_delay`. Default 30 s.
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
    serve_routers(limits, listener, Arc::new(Routers::ready(router)), shutdown).await;
}

/// The same with a router that may come later.
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
        tracing::warn!(connections = cut, "cut off what still ran when the drain time was over");
        stage.send_replace(Stage::Over);
        // They are told; a task that does not notice in time ends with the runtime.
        let _ = timeout(LAST_MOMENT, server.slots.empty()).await;
    }
}

/// Which router answers: one that says that the server is starting, until there is the other.
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

    /// From now on this one answers. A second one is ignored.
    pub(crate) fn set(&self, router: Router) {
        let _ = self.ready.set(router.with_state(()));
    }

    fn now(&self) -> &Router {
        self.ready.get().unwrap_or(&self.starting)
    }
}

/// Resolves at the first SIGTERM or SIGINT: pass it to [`serve`] as `shutdown`. A second one ends the process at
/// once, with status 1, for the operator who will not wait. From its first poll on, SIGHUP is ignored, with a log line:
/// there is nothing to reload, and a closed terminal or a script that reloads services should not end this one.
pub async fn signals() {
    match signal(SignalKind::hangup()) {
        Ok(hangup) => drop(tokio::spawn(ignore(hangup))),
        Err(cause) => tracing::error!(%cause, "cannot watch for SIGHUP: it will end the server"),
    }
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

/// How far the server's end has come. Connections watch it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Serving,
    /// Connections are accepted still, and each answer asks its client to go elsewhere.
    Leaving,
    /// No new requests, beyond those that are on their way already.
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

/// What `work` gives, or `None` when `shutdown` comes first.
async fn unless<T>(shutdown: Pin<&mut impl Future<Output = ()>>, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        () = shutdown => None,
        done = work => Some(done),
    }
}

/// When it was last said that there is no place.
#[derive(Default)]
struct Warnings {
    all: Option<Instant>,
    address: Option<Instant>,
}

/// Waits for a place. `None` if the address has all it may.
async fn seat(peer: SocketAddr, server: &Server, warnings: &mut Warnings) -> Option<Seat> {
    loop {
        match server.slots.seat(peer) {
            Ok(seat) => return Some(seat),
            Err(Full::Address) => {
                if is_due(&mut warnings.address) {
                    tracing::warn!(
                        %peer,
                        "one address has as many connections as it may, and none is idle: further ones are closed. If it \
                         is a proxy, name it in `trusted_proxies`; else see `connections_per_address`"
                    );
                }
                return None;
            }
            Err(Full::All) => {
                if is_due(&mut warnings.all) {
                    tracing::warn!(
                        "all connections are taken and none is idle: new ones wait until one ends"
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
