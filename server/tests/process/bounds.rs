//! The size of everything that a stranger sends is limited, and so is the memory that it takes.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::time::sleep;

use super::pictures::picture;
use crate::support::process::{Server, program};
use crate::support::remote::{Begun, Remote, RemoteCall, exchange};
use crate::support::{Answer, Database, PASSWORD, Place};

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data; boundary=frontier";
/// The beginning of a file in such a form.
const FILE: &[u8] = b"--frontier\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x\"\r\n\r\n";
const PIECE: usize = 64 * 1024;
/// Concurrent requests whose bodies are too large.
const PARALLEL: usize = 1000;
/// The kibibytes that they may take together. Measured: 80 to 93 MiB, half of it for the connections in a debug build.
/// Their limits alone would add up to 1 GB of forms, or 16 GB of pictures.
const MEMORY: u64 = 100 * 1024;
/// The kibibytes that a hundred bodies of 6 KB may take, arriving in pieces of 20 bytes.
const SMALL_MEMORY: u64 = 32 * 1024;

async fn sqlite() -> Server {
    Server::start(&Place::new(Database::Sqlite).await).await
}

async fn post(remote: &Remote, path: &str, content_type: &str, body: &[u8]) -> Answer {
    remote.post(path).header("Content-Type", content_type).body(body).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d01_bodies_are_bounded_with_and_without_an_announced_length() {
    let server = sqlite().await;
    let remote = server.remote();
    let ada = remote.as_user("ada").await;
    for (from, path, content_type, limit) in [
        (&remote, "/signup", JSON, 64 * 1024),
        (&ada, "/profile", JSON, 64 * 1024),
        (&remote, "/login", FORM, 16 * 1024),
        (&remote, "/account/log-in", FORM, 16 * 1024),
        (&remote, "/account/forgotten", FORM, 16 * 1024),
        (&ada, "/upload-profile-image", MULTIPART, 16 * 1024 * 1024),
    ] {
        let method = if path == "/profile" { "PATCH" } else { "POST" };
        let call = || {
            from.call(method, path)
                .header("Content-Type", content_type)
                .header("Sec-Fetch-Site", "same-origin")
        };
        let head = if content_type == MULTIPART { FILE } else { b"" };
        let body = [head, &vec![b'x'; limit + 1], b"\r\n--frontier--\r\n"].concat();
        call().body(&body).await.unwrap().assert(413);
        // The announced length is enough to reject it, without waiting for the body.
        let announced = call().header("Content-Length", "99999999999").send().await.unwrap();
        announced.assert(413);
        chunked(call(), &body).await.assert(413);
        let fits = call().body(&body[..limit / 2]).await.unwrap();
        assert!([400, 422].contains(&fits.status.as_u16()), "{path}: {}", fits.status);
    }
}

/// In chunks, so that the length is only known at the end.
async fn chunked(call: RemoteCall, body: &[u8]) -> Answer {
    let mut chunks: Vec<u8> = body.chunks(PIECE).flat_map(chunk).collect();
    chunks.extend(b"0\r\n\r\n");
    call.header("Transfer-Encoding", "chunked").raw(&chunks).await.unwrap()
}

fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d02_a_body_that_hardly_arrives_ends_after_ten_seconds() {
    let server = sqlite().await;
    let mut slow = server.remote().post("/login").begin(FORM, 1000).await;
    let began = Instant::now();
    let trickle = async {
        while slow.send(b"x").await.is_ok() && began.elapsed() < Duration::from_secs(12) {
            sleep(Duration::from_millis(500)).await;
        }
    };
    trickle.await;
    let answer = slow.answer().await.unwrap().assert(408);
    assert_eq!(answer.header("connection"), "close");
    // What has arrived earns a second for each 16 KiB.
    let mut steady = server.remote().post("/signup").begin(JSON, 60_000).await;
    steady.send(&vec![b' '; 59_000]).await.unwrap();
    sleep(Duration::from_secs(11)).await;
    steady.send(&vec![b' '; 1_000]).await.unwrap();
    steady.answer().await.unwrap().assert(400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d01_heads_are_bounded() {
    let server = sqlite().await;
    let large = |bytes: usize| {
        format!("GET /health HTTP/1.1\r\nHost: a\r\nX: {}\r\nConnection: close\r\n\r\n", "x".repeat(bytes))
    };
    let many = |fields: usize| {
        let mut head = "GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n".to_owned();
        (2..fields).for_each(|number| write!(head, "X-{number}: y\r\n").unwrap());
        head + "\r\n"
    };
    let target = |bytes: usize| {
        format!("GET /{} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "x".repeat(bytes - 1))
    };
    for (head, status) in [
        (large(31 * 1024), 200),
        (large(33 * 1024), 431),
        (many(100), 200),
        (many(101), 431),
        (target(8 * 1024), 404),
        (target(8 * 1024 + 1), 414),
    ] {
        exchange(server.address(), head.as_bytes()).await.unwrap().assert(status);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d01_what_is_inside_a_body_is_bounded() {
    let server = sqlite().await;
    let remote = server.remote();
    let ada = remote.as_user("ada").await;
    let nested = |depth: usize| {
        // The body is an object itself, so a list of `depth - 1` levels is inside.
        let list = (1..depth).fold(json!(1), |inside, _| Value::Array(vec![inside]));
        json!({ "email": list, "full_name": "Ada", "password": PASSWORD }).to_string()
    };
    post(&remote, "/signup", JSON, nested(32).as_bytes()).await.assert(422);
    post(&remote, "/signup", JSON, nested(33).as_bytes()).await.assert(400);
    post(&remote, "/signup", JSON, "[".repeat(60_000).as_bytes()).await.assert(400);

    let pairs = |count: usize| (0..count).map(|number| format!("x{number}=y")).collect::<Vec<_>>().join("&");
    post(&remote, "/login", FORM, pairs(100).as_bytes()).await.assert(422);
    post(&remote, "/login", FORM, pairs(101).as_bytes()).await.assert(400);

    let parts = |count: usize| {
        let part =
            |number| format!("--frontier\r\nContent-Disposition: form-data; name=\"x{number}\"\r\n\r\ny\r\n");
        (0..count).map(part).collect::<String>() + "--frontier--\r\n"
    };
    post(&ada, "/upload-profile-image", MULTIPART, parts(20).as_bytes()).await.assert(422);
    post(&ada, "/upload-profile-image", MULTIPART, parts(21).as_bytes()).await.assert(400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d01_a_thousand_bodies_at_once_take_little_memory() {
    for (path, content_type, length) in [
        ("/signup", JSON, 64 * 1024),
        ("/login", FORM, 16 * 1024),
        ("/upload-profile-image", MULTIPART, 16 * 1024 * 1024),
    ] {
        let place = Place::new(Database::Sqlite).await;
        let mut command = program(&place);
        // All come from one address.
        command.env("PORTCULLIS_CONNECTIONS_PER_ADDRESS", "4096");
        let server = Server::start_by(&place, command).await;
        let ada = server.remote().as_user("ada").await;
        let base = server.memory("VmRSS");
        let call = if path == "/login" { server.remote().post(path) } else { ada.post(path) };
        let most = pour(&server, base, &call, content_type, length).await;
        assert!(most < base + MEMORY, "{content_type}: {base} KiB before, {most} KiB at the worst");
        // Small requests are still served.
        ada.post("/logout").send().await.unwrap().assert(204);
        server.remote().log_in("ada").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d01_one_client_that_stalls_its_bodies_leaves_room_for_the_uploads_of_others() {
    let place = Place::new(Database::Sqlite).await;
    let mut command = program(&place);
    command.env("PORTCULLIS_TRUSTED_PROXIES", "127.0.0.1");
    let server = Server::start_by(&place, command).await;
    let ada = server.remote().as_user("ada").await;
    let stranger = server.remote().of_address("192.0.2.7");
    let mut stalled: Vec<Begun> = Vec::new();
    // More than the limit for all bodies together.
    for _ in 0..600 {
        let mut begun = stranger.post("/signup").begin("application/json", 64 * 1024).await;
        let _ = begun.send(&vec![b' '; 60 * 1024]).await;
        stalled.push(begun);
    }
    let upload = |from: Remote| async move {
        from.post("/upload-profile-image").file("file", "image/png", &picture(1)).await.unwrap()
    };
    upload(ada.of_address("192.0.2.8")).await.assert(201);
    upload(ada.of_address("192.0.2.7")).await.assert(503);
    stranger.sign_up("eve").await;
    drop(stalled);
}

/// hyper reads into buffers of 8 KiB and more, so keeping a piece must not keep its buffer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d01_bodies_in_small_pieces_do_not_keep_the_buffers_they_were_read_into() {
    for (path, content_type) in
        [("/signup", JSON), ("/token", FORM), ("/login", FORM), ("/upload-profile-image", MULTIPART)]
    {
        let server = sqlite().await;
        let ada = server.remote().as_user("ada").await;
        let base = server.memory("VmRSS");
        let call = if content_type == FORM { server.remote().post(path) } else { ada.post(path) };
        let mut all: Vec<Begun> = Vec::new();
        for _ in 0..100 {
            let mut begun = call.clone().begin_chunked(content_type).await;
            if content_type == MULTIPART {
                begun.send(&chunk(FILE)).await.unwrap();
            }
            all.push(begun);
        }
        for _ in 0..300 {
            for begun in &mut all {
                begun.send(&chunk(&[b'x'; 20])).await.unwrap();
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let most = server.memory("VmRSS");
        assert!(most < base + SMALL_MEMORY, "{path}: {base} KiB before, {most} KiB after");
    }
}

/// A thousand requests that each send everything but the end. Returns the peak memory.
async fn pour(server: &Server, base: u64, call: &RemoteCall, content_type: &str, length: usize) -> u64 {
    let mut all: Vec<Begun> = Vec::new();
    for _ in 0..PARALLEL {
        all.push(call.clone().begin_chunked(content_type).await);
    }
    let piece = chunk(&vec![b'x'; PIECE]);
    let first = if content_type == MULTIPART { chunk(FILE) } else { Vec::new() };
    let mut most = 0;
    for sent in (0..length).step_by(PIECE) {
        for (number, begun) in all.iter_mut().enumerate() {
            let bytes = if sent == 0 { [&first[..], &piece].concat() } else { piece.clone() };
            // A request that was rejected, or is not being read, takes no more.
            let _ = tokio::time::timeout(Duration::from_millis(50), begun.send(&bytes)).await;
            if number.is_multiple_of(50) {
                most = most.max(server.memory("VmRSS"));
            }
        }
        if most > base + MEMORY {
            break;
        }
    }
    most
}
