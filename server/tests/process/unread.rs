//! Clients that request and do not read, and clients that hold idle connections: the others are still served.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use image::{ImageFormat, RgbImage};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};

use super::operator::path_of;
use crate::support::process::{Server, eventually, program};
use crate::support::remote::Remote;
use crate::support::{Database, Place};

/// The kibibytes that unread responses may take together, and what the allocator of a busy machine keeps beside them.
const MEMORY: u64 = 96 * 1024;
/// Concurrent unread responses: ten times as many bytes as they may take.
const UNREAD: usize = 300;
const STREAMS: u32 = 32;

/// A PNG of three megabytes.
fn large_picture() -> Vec<u8> {
    let mut state = 1_u32;
    let pixels = RgbImage::from_fn(1000, 1000, |_, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let [red, green, blue, _] = state.to_be_bytes();
        image::Rgb([red, green, blue])
    });
    let mut bytes = Vec::new();
    pixels.write_to(&mut std::io::Cursor::new(&mut bytes), ImageFormat::Png).unwrap();
    bytes
}

fn token_of(user: &Remote) -> String {
    user.token().unwrap().to_owned()
}

/// A connection from this address with a small receive buffer.
async fn connect(server: SocketAddr, from: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.bind(SocketAddr::new(from.parse().unwrap(), 0)).unwrap();
    socket.connect(server).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n05_responses_that_nobody_reads_take_little_memory_and_others_are_served() {
    let place = Place::new(Database::Sqlite).await;
    let mut command = program(&place);
    command.env("PORTCULLIS_TRUSTED_PROXIES", "127.0.0.1").args(["--limits", "off", "--log", "warn"]);
    let server = Server::start_by(&place, command).await;
    let ada = server.remote().as_user("ada").await;
    let uploaded =
        ada.post("/upload-profile-image").file("file", "image/png", &large_picture()).await.unwrap();
    let picture = path_of(&uploaded.assert(201).json()["url"]);
    let stored = ada.get(&picture).send().await.unwrap().assert(200).body.len();
    assert!(stored > 2 << 20, "{stored}");
    let other = ada.of_address("192.0.2.9");

    for path in [picture.as_str(), "/export"] {
        let base = server.memory("VmRSS");
        let mut unread = Vec::new();
        for _ in 0..UNREAD {
            let mut stream = connect(server.address(), "127.0.0.1").await;
            let head =
                format!("GET {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\n\r\n", token_of(&ada));
            stream.write_all(head.as_bytes()).await.unwrap();
            unread.push(stream);
        }
        is_bounded(&server, base, path, &other, &picture).await;
        drop(unread);
    }

    let base = server.memory("VmRSS");
    let mut unread = Vec::new();
    for _ in 0..10 {
        let mut stream = connect(server.address(), "127.0.0.1").await;
        stream.write_all(&unwindowed_streams(&picture, &token_of(&ada))).await.unwrap();
        unread.push(stream);
    }
    is_bounded(&server, base, "over HTTP/2 without a window", &other, &picture).await;
    // After 20 seconds without progress, these connections are closed.
    let mut first = unread.swap_remove(0);
    let mut sink = Vec::new();
    let ended = timeout(Duration::from_secs(40), first.read_to_end(&mut sink)).await;
    assert!(ended.is_ok(), "an answer that makes no progress ends its connection");
}

/// The limit itself: the unread responses of one client, and of all clients together, hold no more than their share.
/// Each is a stream that costs 64 KiB; one client may use 8 MiB, all together 32 MiB.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n05_one_client_and_all_together_hold_so_many_unread_responses_and_the_next_is_503() {
    let place = Place::new(Database::Sqlite).await;
    let mut command = program(&place);
    command.env("PORTCULLIS_TRUSTED_PROXIES", "127.0.0.1").args(["--limits", "off", "--log", "warn"]);
    let server = Server::start_by(&place, command).await;
    let ada = server.remote().as_user("ada").await;
    let uploaded =
        ada.post("/upload-profile-image").file("file", "image/png", &large_picture()).await.unwrap();
    let picture = path_of(&uploaded.assert(201).json()["url"]);
    let mut held = Vec::new();
    let mut ask = async |client: usize| {
        let request = format!(
            "GET {picture} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\nX-Forwarded-For: 192.0.2.{client}\r\n\r\n",
            token_of(&ada)
        );
        let mut stream = connect(server.address(), "127.0.0.1").await;
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut status = [0; 12];
        stream.read_exact(&mut status).await.unwrap();
        held.push(stream);
        String::from_utf8_lossy(&status[9..]).into_owned()
    };
    for client in 1..=4 {
        for _ in 0..128 {
            assert_eq!(ask(client).await, "200");
        }
        assert_eq!(ask(client).await, "503", "its share is taken");
    }
    assert_eq!(ask(5).await, "503", "all of it is taken");
    server.remote().get("/health").send().await.unwrap().assert(200);
    drop(held);
    eventually("there is room again", Duration::from_secs(10), async || {
        (ada.of_address("192.0.2.5").get(&picture).send().await.unwrap().status == 200).then_some(())
    })
    .await;
}

/// Waits until the memory is stable, and requests the picture as somebody else.
async fn is_bounded(server: &Server, base: u64, what: &str, other: &Remote, picture: &str) {
    let mut most = 0;
    for _ in 0..30 {
        sleep(Duration::from_millis(100)).await;
        most = most.max(server.memory("VmRSS"));
    }
    let grown = most.saturating_sub(base);
    assert!(grown < MEMORY, "{grown} KiB more for {what}");
    let began = Instant::now();
    other.get(picture).send().await.unwrap().assert(200);
    server.remote().get("/health").send().await.unwrap().assert(200);
    assert!(began.elapsed() < Duration::from_secs(2), "{what}: {:?}", began.elapsed());
}

/// An HTTP/2 client that opens as many streams as allowed and gives none of them a window (RFC 9113 §6.5.2, §6.9.2).
fn unwindowed_streams(path: &str, token: &str) -> Vec<u8> {
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend(frame(4, 0, 0, &[0, 4, 0, 0, 0, 0]));
    for number in 0..STREAMS {
        // RFC 7541 Appendix A: `:method GET`, `:scheme http`; the rest as literals without indexing.
        let mut head = vec![0x82, 0x86, 0x04];
        head.extend(text(path));
        head.extend([0x01, 1, b'a', 0x00]);
        head.extend(text("authorization"));
        head.extend(text(&format!("Bearer {token}")));
        bytes.extend(frame(1, 0x05, 2 * number + 1, &head));
    }
    bytes
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A string without Huffman coding, its length in a prefix of seven bits (RFC 7541 §5.1, §5.2).
fn text(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    if text.len() < 127 {
        bytes.push(u8::try_from(text.len()).unwrap());
    } else {
        bytes.push(127);
        let mut rest = text.len() - 127;
        while rest >= 128 {
            bytes.push(u8::try_from(rest % 128).unwrap() | 128);
            rest /= 128;
        }
        bytes.push(u8::try_from(rest).unwrap());
    }
    bytes.extend(text.as_bytes());
    bytes
}

/// Opens connections from one address that stay open after one valid request each.
async fn hold_idle(server: &Server, from: &str, count: usize) -> Vec<TcpStream> {
    let mut held = Vec::new();
    for _ in 0..count {
        let mut stream = connect(server.address(), from).await;
        let asked = stream.write_all(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let read = stream.read(&mut [0; 1024]).await;
        assert!(asked.is_ok() && read.is_ok_and(|length| length > 0), "a new connection is served");
        held.push(stream);
    }
    held
}

async fn health_within_a_second(server: &Server, from: &str) {
    let began = Instant::now();
    let mut stream = connect(server.address(), from).await;
    stream.write_all(b"GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    timeout(Duration::from_secs(5), stream.read_to_string(&mut answer)).await.expect("served").unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(began.elapsed() < Duration::from_secs(1), "{from}: {:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d02_one_address_cannot_take_the_connections_of_others() {
    let server = Server::start(&Place::new(Database::Sqlite).await).await;
    let held = hold_idle(&server, "127.0.0.1", 2000).await;
    health_within_a_second(&server, "127.0.0.2").await;
    health_within_a_second(&server, "127.0.0.1").await;
    eventually("the oldest are closed", Duration::from_secs(5), async || {
        (server.open_files() < 350).then_some(())
    })
    .await;
    drop(held);

    // Connections that are not idle keep their place, so the new one is closed instead.
    let mut busy = Vec::new();
    for _ in 0..256 {
        let mut stream = connect(server.address(), "127.0.0.3").await;
        stream.write_all(b"GET /health HTTP/1.1\r\n").await.unwrap();
        busy.push(stream);
    }
    sleep(Duration::from_millis(300)).await;
    let mut refused = connect(server.address(), "127.0.0.3").await;
    let _ = refused.write_all(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let read = timeout(Duration::from_secs(5), refused.read(&mut [0; 64])).await.expect("closed at once");
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    health_within_a_second(&server, "127.0.0.2").await;
    assert!(server.said().contains("connections_per_address"), "{}", server.said());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d02_where_all_connections_are_taken_the_one_that_was_idle_longest_makes_room() {
    let place = Place::new(Database::Sqlite).await;
    let mut command = program(&place);
    // A trusted proxy speaks for many clients, so it has no cap.
    command.env("PORTCULLIS_TRUSTED_PROXIES", "127.0.0.1").args(["--log", "warn"]);
    let server = Server::start_by(&place, command).await;
    let mut held = hold_idle(&server, "127.0.0.1", 4300).await;
    health_within_a_second(&server, "127.0.0.2").await;
    health_within_a_second(&server, "127.0.0.1").await;
    let (mut oldest, mut youngest) = (held.remove(0), held.pop().unwrap());
    let read = timeout(Duration::from_secs(5), oldest.read(&mut [0; 64])).await.expect("it made room");
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    youngest.write_all(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    assert!(youngest.read(&mut [0; 64]).await.unwrap() > 0, "it is still there");
}
