//! Tests over real sockets, byte by byte.

use std::net::SocketAddr;

use axum::extract::ConnectInfo;
use axum::routing::{get, post};
use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

use super::*;

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

struct Running {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    ended: JoinHandle<()>,
    /// Lets a request to `/slow` finish.
    go: Arc<Notify>,
}

impl Running {
    async fn within(limits: Limits) -> Self {
        let go = Arc::new(Notify::new());
        let wait = Arc::clone(&go);
        let router = Router::new()
            .route(
                "/",
                get(|ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.ip().to_string() }),
            )
            .route("/", post(|body: Bytes| async move { body.len().to_string() }))
            .route("/slow", get(async move || wait.notified().await))
            .route("/large", get(|| async { vec![b'x'; 16 << 20] }));
        let router = crate::middleware::wrap(router, false, &[]);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async { drop(stopped.await) };
        let ended = tokio::spawn(serve_within(limits, listener, router, shutdown));
        Self { address, stop: Some(stop), ended, go }
    }

    async fn start() -> Self {
        Self::within(Limits::default()).await
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends `bytes` on a new connection and returns everything until the server closes it.
    async fn exchange(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect().await;
        stream.write_all(bytes).await.unwrap();
        until_closed(&mut stream).await
    }

    fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }
}

async fn until_closed(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    // A reset after the response also ends it.
    let ended = timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await;
    assert!(ended.is_ok(), "not closed in time: {}", String::from_utf8_lossy(&answer));
    String::from_utf8_lossy(&answer).into_owned()
}

async fn one_answer(stream: &mut TcpStream) -> String {
    let mut answer = vec![0; 4096];
    let length = timeout(Duration::from_secs(5), stream.read(&mut answer)).await.expect("an answer").unwrap();
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

fn statuses(answers: &str) -> Vec<&str> {
    answers.split("HTTP/1.1 ").skip(1).filter_map(|answer| answer.get(..3)).collect()
}

#[tokio::test]
async fn requests_of_a_connection_follow_each_other() {
    let server = Running::start().await;
    let posted = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
    let last = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let answers = server.exchange(format!("{GET}{posted}{GET}{last}").as_bytes()).await;
    assert_eq!(statuses(&answers), ["200"; 4], "{answers}");
    assert!(answers.contains("\r\n\r\n127.0.0.1") && answers.contains("\r\n\r\n5"), "{answers}");
}

#[tokio::test]
async fn g11_what_two_readers_could_read_differently_is_400_and_closed() {
    let server = Running::start().await;
    let smuggled = "GET /large HTTP/1.1\r\nHost: a\r\n\r\n";
    for (fields, body) in [
        ("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"),
        ("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"),
        ("Content-Length: 5\r\nContent-Length: 6\r\n", "hello"),
        ("Content-Length: 5, 5\r\n", "hello"),
        ("Content-Length: +5\r\n", "hello"),
        ("Content-Length: 0x5\r\n", "hello"),
        ("Content-Length: 99999999999999999999\r\n", "hello"),
        ("Content-Length : 5\r\n", "hello"),
        ("Content-Length: 5\n", "hello"),
        ("Content-Length: 5\r", "hello"),
        ("X: y\r\n folded\r\nContent-Length: 5\r\n", "hello"),
        (" X: y\r\nContent-Length: 5\r\n", "hello"),
        ("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"),
        ("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n"),
        ("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"),
        ("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"),
        ("Transfer-Encoding: \x0bchunked\r\n", "0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
        ("Host: b\r\nContent-Length: 5\r\n", "hello"),
        ("No colon\r\nContent-Length: 5\r\n", "hello"),
        ("X: \0\r\nContent-Length: 5\r\n", "hello"),
    ] {
        let request = format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n{body}{smuggled}");
        assert_eq!(statuses(&server.exchange(request.as_bytes()).await), ["400"], "{fields:?}");
        let second = server.exchange(format!("{GET}{request}").as_bytes()).await;
        assert_eq!(statuses(&second), ["200", "400"], "as the second request: {fields:?}");

        let mut slowly = server.connect().await;
        slowly.set_nodelay(true).unwrap();
        let (front, back) = request.split_at(request.find(fields).unwrap() + fields.len() - 1);
        slowly.write_all(front.as_bytes()).await.unwrap();
        sleep(Duration::from_millis(5)).await;
        let _ = slowly.write_all(back.as_bytes()).await;
        assert_eq!(statuses(&until_closed(&mut slowly).await), ["400"], "in two pieces: {fields:?}");
    }
    for request in [
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\nHost: a\n\n",
        "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET / HTTP/3.0\r\nHost: a\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    ] {
        assert_eq!(statuses(&server.exchange(request.as_bytes()).await), ["400"], "{request:?}");
    }
}

#[tokio::test]
async fn g11_nothing_behind_a_chunked_request_is_believed() {
    let server = Running::start().await;
    let request = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    let answer = server.exchange(format!("{request}{GET}").as_bytes()).await;
    assert_eq!(statuses(&answer), ["200"], "{answer}");
    assert!(answer.contains("connection: close") && answer.ends_with("\r\n\r\n5"), "{answer}");
}

#[tokio::test]
async fn d01_heads_are_bounded() {
    let server = Running::start().await;
    let head = |target: &str, fields: &str| format!("GET /{target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
    for (request, status) in [
        (head("", &"X: y\r\n".repeat(98)), "200"),
        (head("", &"X: y\r\n".repeat(100)), "431"),
        (head("", &format!("X: {}\r\n", "y".repeat(31 * 1024))), "200"),
        (head("", &format!("X: {}\r\n", "y".repeat(33 * 1024))), "431"),
        (head(&format!("?{}", "a".repeat(8190)), ""), "200"),
        (head(&format!("?{}", "a".repeat(8191)), ""), "414"),
    ] {
        let mut stream = server.connect().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        let answer = one_answer(&mut stream).await;
        assert_eq!(statuses(&answer), [status], "{answer}");
    }
}

fn hasty() -> Limits {
    Limits {
        head_time: Duration::from_millis(200),
        exchange_time: Duration::from_millis(1500),
        idle_time: Duration::from_secs(3),
        ..Limits::default()
    }
}

/// The milliseconds from `began` until the server closes the connection, while `keep_sending` is sent again and again.
async fn closed_after(began: Instant, stream: &mut TcpStream, keep_sending: &[u8]) -> u128 {
    let mut some = [0; 512];
    loop {
        if !keep_sending.is_empty() && stream.write_all(keep_sending).await.is_err() {
            break;
        }
        if let Ok(Ok(0) | Err(_)) = timeout(Duration::from_millis(40), stream.read(&mut some)).await {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(8), "never closed");
    }
    began.elapsed().as_millis()
}

#[tokio::test]
async fn d02_slow_clients_are_closed() {
    let server = Running::within(hasty()).await;
    let began = Instant::now();

    let mut silent = server.connect().await;
    let mut half = server.connect().await;
    let mut idle = server.connect().await;
    let mut second = server.connect().await;
    let mut unread = server.connect().await;
    let mut upload = server.connect().await;
    let mut preface = server.connect().await;
    half.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    preface.write_all(b"PRI * HTTP/2.0\r\n").await.unwrap();
    for stream in [&mut idle, &mut second] {
        stream.write_all(GET.as_bytes()).await.unwrap();
        one_answer(stream).await;
    }
    unread.write_all(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    upload.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 999\r\n\r\n").await.unwrap();

    let (silent, half, preface, idle, second, upload) = tokio::join!(
        closed_after(began, &mut silent, b""),
        closed_after(began, &mut half, b"X: y\r\n"),
        closed_after(began, &mut preface, b""),
        closed_after(began, &mut idle, b""),
        async {
            // Its timer is set to the end of the idle time by now.
            sleep(Duration::from_millis(600)).await;
            closed_after(began, &mut second, b"X").await
        },
        closed_after(began, &mut upload, b"x"),
    );
    for head in [silent, half, preface] {
        assert!((200..1500).contains(&head), "{silent} {half} {preface}");
    }
    assert!((800..3000).contains(&second), "{second}");
    assert!((1500..3000).contains(&upload), "{upload}");
    assert!(idle >= 3000, "{idle}");
    let received = until_closed(&mut unread).await.len();
    assert!(received < 16 << 20, "the answer that nobody read was cut off, {received}");
}

#[tokio::test]
async fn d02_connections_that_are_not_idle_keep_their_place_and_the_next_waits() {
    let server = Running::within(Limits { connections: 2, ..Limits::default() }).await;
    let (mut first, mut second) = (server.connect().await, server.connect().await);
    for stream in [&mut first, &mut second] {
        stream.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    }
    sleep(Duration::from_millis(50)).await;
    let mut third = server.connect().await;
    third.write_all(GET.as_bytes()).await.unwrap();
    let mut byte = [0];
    assert!(timeout(Duration::from_millis(100), third.read(&mut byte)).await.is_err(), "not served yet");
    drop(first);
    assert_eq!(statuses(&one_answer(&mut third).await), ["200"]);
}

#[tokio::test]
async fn d02_an_answer_that_nobody_reads_ends_its_connection() {
    let limits = Limits { stall_time: Duration::from_millis(300), ..Limits::default() };
    let server = Running::within(limits).await;
    let mut unread = server.connect().await;
    unread.write_all(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    // A window of one kilobyte for each stream (RFC 9113 §6.9.2).
    let mut windowed = server.connect().await;
    windowed.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    windowed.write_all(&frame(4, 0, 0, &[0, 4, 0, 0, 4, 0])).await.unwrap();
    windowed.write_all(&get_frame(1)).await.unwrap();
    let mut slow = server.connect().await;
    slow.write_all(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    sleep(Duration::from_secs(1)).await;
    let received = until_closed(&mut unread).await.len();
    assert!(received < 16 << 20, "{received}");
    server.go.notify_waiters();
    assert_eq!(statuses(&one_answer(&mut slow).await), ["200"], "a handler may take longer");
    // A short response fits into the window: that connection is idle, not stalled.
    let mut some = [0; 4096];
    assert!(windowed.read(&mut some).await.unwrap() > 0);
    let mut stalled = server.connect().await;
    stalled.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    stalled.write_all(&frame(4, 0, 0, &[0, 4, 0, 0, 0, 0])).await.unwrap();
    stalled.write_all(&get_frame(1)).await.unwrap();
    let began = Instant::now();
    let after = closed_after(began, &mut stalled, b"").await;
    assert!((200..3000).contains(&after), "{after}");
}

#[tokio::test]
async fn k07_while_it_leaves_it_serves_and_says_close() {
    let limits = Limits { stop_delay: Duration::from_millis(500), ..Limits::default() };
    let mut server = Running::within(limits).await;
    let mut idle = server.connect().await;
    idle.write_all(GET.as_bytes()).await.unwrap();
    one_answer(&mut idle).await;
    let began = Instant::now();
    server.stop();
    sleep(Duration::from_millis(100)).await;
    let mut late = server.connect().await;
    for stream in [&mut late, &mut idle] {
        stream.write_all(GET.as_bytes()).await.unwrap();
        let answer = until_closed(stream).await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("connection: close"), "{answer}");
    }
    timeout(Duration::from_secs(2), server.ended).await.expect("then it ends").unwrap();
    assert!(began.elapsed() >= Duration::from_millis(500));
}

#[tokio::test]
async fn k07_a_stop_loses_no_request() {
    let mut server = Running::start().await;
    let mut running = Vec::new();
    for _ in 0..100 {
        let mut stream = server.connect().await;
        stream.write_all(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        running.push(stream);
    }
    let mut idle = server.connect().await;
    let mut late = server.connect().await;
    for stream in [&mut idle, &mut late] {
        stream.write_all(GET.as_bytes()).await.unwrap();
        one_answer(stream).await;
    }
    // Not accepted yet when the server is told to stop: it is in the system's queue.
    server.stop();
    let mut queued = server.connect().await;
    queued.write_all(GET.as_bytes()).await.unwrap();
    // A test's runtime has one thread, so the server's tasks notice it here.
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    late.write_all(GET.as_bytes()).await.unwrap();
    for stream in [&mut late, &mut queued] {
        let answer = until_closed(stream).await;
        assert!(answer.contains("connection: close"), "{answer}");
    }
    assert_eq!(until_closed(&mut idle).await, "");
    assert!(TcpStream::connect(server.address).await.is_err(), "nothing listens");
    assert!(!server.ended.is_finished());

    server.go.notify_waiters();
    for mut stream in running {
        assert_eq!(statuses(&until_closed(&mut stream).await), ["200"]);
    }
    timeout(Duration::from_secs(1), server.ended).await.expect("then it ends").unwrap();
}

#[tokio::test]
async fn k07_what_outlasts_the_drain_time_is_cut_off() {
    let mut server =
        Running::within(Limits { drain_time: Duration::from_millis(100), ..Limits::default() }).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    sleep(Duration::from_millis(50)).await;
    server.stop();
    assert_eq!(until_closed(&mut stream).await, "");
    timeout(Duration::from_secs(1), server.ended).await.expect("it ends").unwrap();
}

/// The client's side of an HTTP/2 connection (RFC 9113 §3.4), with an empty SETTINGS frame.
async fn http2(server: &Running) -> TcpStream {
    let mut stream = server.connect().await;
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    stream.write_all(&frame(4, 0, 0, &[])).await.unwrap();
    stream
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// HEADERS of `GET /`, complete (RFC 7541 Appendix A: `:method GET`, `:scheme http`, `:path /`; `:authority a`).
fn get_frame(stream: u32) -> Vec<u8> {
    frame(1, 0x05, stream, &[0x82, 0x86, 0x84, 0x01, 1, b'a'])
}

/// Sends `piece` until the server closes the connection, and returns how many bytes that took.
async fn flood(mut stream: TcpStream, mut piece: impl FnMut(u32) -> Vec<u8>) -> usize {
    let mut sent = 0;
    for number in 0.. {
        let piece = piece(number);
        let (mut reading, mut writing) = stream.split();
        let mut answers = vec![0; 16384];
        tokio::select! {
            written = writing.write_all(&piece) => if written.is_err() { return sent },
            read = reading.read(&mut answers) => if matches!(read, Ok(0) | Err(_)) { return sent },
        }
        sent += piece.len();
        assert!(sent < 64 << 20, "never closed");
    }
    sent
}

#[tokio::test]
async fn http2_is_served_without_tls() {
    let server = Running::start().await;
    let mut stream = http2(&server).await;
    stream.write_all(&get_frame(1)).await.unwrap();
    let mut seen = Vec::new();
    while !seen.windows(9).any(|window| window == b"127.0.0.1") {
        let mut some = [0; 4096];
        let length = timeout(Duration::from_secs(5), stream.read(&mut some)).await.unwrap().unwrap();
        assert!(length > 0, "{seen:?}");
        seen.extend_from_slice(&some[..length]);
    }
}

#[tokio::test]
async fn d03_floods_of_frames_end_the_connection() {
    let server = Running::start().await;
    let many = |frame: Vec<u8>| frame.repeat(1000);
    let pings = flood(http2(&server).await, |_| many(frame(6, 0, 0, &[0; 8]))).await;
    let settings = flood(http2(&server).await, |_| many(frame(4, 0, 0, &[]))).await;
    let windows = flood(http2(&server).await, |_| many(frame(8, 0, 0, &[0, 0, 0, 1]))).await;
    let resets = flood(http2(&server).await, |number| {
        [get_frame(number * 2 + 1), frame(3, 0, number * 2 + 1, &[0, 0, 0, 8])].concat()
    })
    .await;
    let continuations = flood(http2(&server).await, |number| match number {
        0 => frame(1, 0, 1, &[0x82]),
        _ => frame(9, 0, 1, &[0x82; 1000]),
    })
    .await;
    assert!(resets < 1 << 20 && continuations < 4 << 20, "{resets} {continuations}");
    // The rest is what the sockets' buffers hold.
    assert!(pings < 32 << 20 && settings < 32 << 20 && windows < 32 << 20, "{pings} {settings} {windows}");
}
