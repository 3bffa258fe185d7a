//! Whatever a stranger sends is bounded in size, and so is the memory that it takes.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::process::{Begun, Remote, RemoteCall, Server, exchange};
use crate::support::{Answer, Database, PASSWORD, Place};

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data; boundary=frontier";
/// Requests at once whose bodies are too large.
const PARALLEL: usize = 1000;
/// Kibibytes that they may take together.
const MEMORY: u64 = 100 * 1024;

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
        (&remote, "/login", FORM, 1024 * 1024),
        (&ada, "/upload-profile-image", MULTIPART, 8 * 1024 * 1024 + 64 * 1024),
    ] {
        let method = if path == "/profile" { "PATCH" } else { "POST" };
        let call = || from.call(method, path).header("Content-Type", content_type);
        let body = vec![b'x'; limit + 1];
        call().body(&body).await.unwrap().assert(413);
        // The announced length is enough to be refused: nobody waits for the body.
        let announced = call().header("Content-Length", "99999999999").send().await.unwrap();
        announced.assert(413);
        chunked(call(), &body).await.assert(413);
        let fits = call().body(&body[..limit / 2]).await.unwrap();
        assert!([400, 422].contains(&fits.status.as_u16()), "{path}: {}", fits.status);
    }
}

/// The body in one chunk per 16 KiB, so that its length is known at its end only.
async fn chunked(call: RemoteCall, body: &[u8]) -> Answer {
    let mut chunks = Vec::new();
    for chunk in body.chunks(16 * 1024) {
        chunks.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
        chunks.extend([chunk, b"\r\n"].concat());
    }
    chunks.extend(b"0\r\n\r\n");
    call.header("Transfer-Encoding", "chunked").raw(&chunks).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d01_heads_are_bounded() {
    let server = sqlite().await;
    let large = |bytes: usize| format!("GET /health HTTP/1.1\r\nHost: a\r\nX: {}\r\nConnection: close\r\n\r\n", "x".repeat(bytes));
    let many = |fields: usize| {
        let mut head = "GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n".to_owned();
        (2..fields).for_each(|number| write!(head, "X-{number}: y\r\n").unwrap());
        head + "\r\n"
    };
    let target = |bytes: usize| format!("GET /{} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "x".repeat(bytes - 1));
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
        let part = |number| format!("--frontier\r\nContent-Disposition: form-data; name=\"x{number}\"\r\n\r\ny\r\n");
        (0..count).map(part).collect::<String>() + "--frontier--\r\n"
    };
    post(&ada, "/upload-profile-image", MULTIPART, parts(20).as_bytes()).await.assert(422);
    post(&ada, "/upload-profile-image", MULTIPART, parts(21).as_bytes()).await.assert(400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d01_a_thousand_bodies_at_once_take_little_memory() {
    let server = sqlite().await;
    let ada = server.remote().as_user("ada").await;
    let base = server.memory("VmRSS");
    for (call, content_type, length) in [
        (server.remote().post("/signup"), JSON, 64 * 1024),
        (server.remote().post("/login"), FORM, 1024 * 1024),
        (ada.post("/upload-profile-image"), MULTIPART, 8 * 1024 * 1024),
    ] {
        let most = pour(&server, &call, content_type, length).await;
        assert!(most < base + MEMORY, "{content_type}: {base} KiB before, {most} KiB at the worst");
        server.remote().get("/health").send().await.unwrap().assert(200);
    }
}

/// A thousand requests, each of which sends all that it may, but for the end. Answers the most memory in use.
async fn pour(server: &Server, call: &RemoteCall, content_type: &str, length: usize) -> u64 {
    let mut all: Vec<Begun> = Vec::new();
    for _ in 0..PARALLEL {
        all.push(call.clone().begin(content_type, length + 1000).await);
    }
    let beginning = b"--frontier\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x\"\r\n\r\n";
    let piece = vec![b'x'; 64 * 1024];
    let mut most = 0;
    let mut sent = 0;
    while sent < length && most < MEMORY * 4 {
        for begun in &mut all {
            let piece = if sent == 0 { [beginning, &piece[beginning.len()..]].concat() } else { piece.clone() };
            // One that was turned away, or is not read, takes no more.
            let _ = tokio::time::timeout(Duration::from_millis(50), begun.send(&piece)).await;
            most = most.max(server.memory("VmRSS"));
        }
        sent += piece.len();
    }
    most
}
