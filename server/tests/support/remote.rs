//! A client that speaks HTTP/1.1 to a process over a socket.
//!
//! It opens a connection per request, so that a killed server shows as an error of that request.

use std::io;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::http::multipart;
use super::process::{PATIENCE, Server};
use super::{Answer, PASSWORD, email};

/// A client of a [`Server`] over the network, with or without a token.
#[derive(Clone)]
pub struct Remote {
    address: SocketAddr,
    token: Option<String>,
    forwarded_for: Option<String>,
}

impl Remote {
    pub(super) fn new(address: SocketAddr) -> Self {
        Self { address, token: None, forwarded_for: None }
    }

    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// Sends this address as the client's, as a proxy does.
    pub fn of_address(&self, address: &str) -> Self {
        Self { forwarded_for: Some(address.to_owned()), ..self.clone() }
    }

    /// The same client at another server.
    pub fn at(&self, server: &Server) -> Self {
        Self { address: server.address(), ..self.clone() }
    }

    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn get(&self, path: &str) -> RemoteCall {
        self.call("GET", path)
    }

    pub fn post(&self, path: &str) -> RemoteCall {
        self.call("POST", path)
    }

    pub fn patch(&self, path: &str) -> RemoteCall {
        self.call("PATCH", path)
    }

    pub fn call(&self, method: &str, path: &str) -> RemoteCall {
        let mut call = RemoteCall {
            address: self.address,
            head: format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n"),
        };
        if let Some(token) = &self.token {
            call = call.header("Authorization", &format!("Bearer {token}"));
        }
        match &self.forwarded_for {
            Some(address) => call.header("X-Forwarded-For", address),
            None => call,
        }
    }

    pub async fn try_sign_up(&self, email: &str) -> io::Result<Answer> {
        let body = json!({ "email": email, "full_name": "Ada", "password": PASSWORD });
        self.post("/signup").json(&body).await
    }

    pub async fn try_password(&self, username: &str, password: &str) -> io::Result<Answer> {
        self.post("/login").form(&[("username", username), ("password", password)]).await
    }

    /// Signs `name`@example.com up.
    pub async fn sign_up(&self, name: &str) -> Answer {
        self.try_sign_up(&email(name)).await.unwrap().assert(201)
    }

    /// Logs `name`@example.com in.
    pub async fn log_in(&self, name: &str) -> Self {
        let answer = self.try_password(&email(name), PASSWORD).await.unwrap().assert(200);
        self.with_token(answer.json()["access_token"].as_str().unwrap())
    }

    /// Signs up and logs in.
    pub async fn as_user(&self, name: &str) -> Self {
        self.sign_up(name).await;
        self.log_in(name).await
    }

    /// The status of a guarded route.
    pub async fn status_of_profile(&self) -> StatusCode {
        self.get("/profile").send().await.unwrap().status
    }
}

/// A request that is being built.
#[derive(Clone)]
pub struct RemoteCall {
    address: SocketAddr,
    head: String,
}

impl RemoteCall {
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.head.extend([name, ": ", value, "\r\n"]);
        self
    }

    pub async fn json(self, body: &Value) -> io::Result<Answer> {
        self.header("Content-Type", "application/json").body(body.to_string().as_bytes()).await
    }

    pub async fn form(self, pairs: &[(&str, &str)]) -> io::Result<Answer> {
        let body = serde_urlencoded::to_string(pairs).unwrap();
        self.header("Content-Type", "application/x-www-form-urlencoded").body(body.as_bytes()).await
    }

    /// One file in a multipart form.
    pub async fn file(self, field: &str, content_type: &str, bytes: &[u8]) -> io::Result<Answer> {
        let (boundary, body) = multipart(field, content_type, bytes);
        self.header("Content-Type", &boundary).body(&body).await
    }

    pub async fn send(self) -> io::Result<Answer> {
        let request = self.last();
        exchange(request.address, request.head.as_bytes()).await
    }

    pub async fn body(self, body: &[u8]) -> io::Result<Answer> {
        let request = self.header("Content-Length", &body.len().to_string()).last();
        exchange(request.address, &[request.head.as_bytes(), body].concat()).await
    }

    /// A body framed by the given header fields.
    pub async fn raw(self, body: &[u8]) -> io::Result<Answer> {
        let request = self.last();
        exchange(request.address, &[request.head.as_bytes(), body].concat()).await
    }

    /// Sends the head and waits until the server asks for the body, which means that the request is running.
    pub async fn begin(self, content_type: &str, length: usize) -> Begun {
        self.header("Content-Type", content_type).header("Content-Length", &length.to_string()).begun().await
    }

    /// The same for a chunked body.
    pub async fn begin_chunked(self, content_type: &str) -> Begun {
        self.header("Content-Type", content_type).header("Transfer-Encoding", "chunked").begun().await
    }

    async fn begun(self) -> Begun {
        let request = self.header("Expect", "100-continue").last();
        let mut stream = TcpStream::connect(request.address).await.unwrap();
        stream.write_all(request.head.as_bytes()).await.unwrap();
        let wanted = b"HTTP/1.1 100 Continue\r\n\r\n";
        let mut said = vec![0; wanted.len()];
        timeout(PATIENCE, stream.read_exact(&mut said)).await.expect("the server asks for the body").unwrap();
        assert_eq!(said, wanted, "{}", String::from_utf8_lossy(&said));
        Begun { stream }
    }

    fn last(mut self) -> Self {
        self.head += "Connection: close\r\n\r\n";
        self
    }
}

/// A request whose head was read and whose body is awaited.
pub struct Begun {
    stream: TcpStream,
}

impl Begun {
    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    pub async fn answer(mut self) -> io::Result<Answer> {
        let mut answer = Vec::new();
        let read = timeout(PATIENCE, self.stream.read_to_end(&mut answer)).await.expect("an answer in time");
        parse(&answer, read.err())
    }
}

/// Sends these bytes on a new connection and reads the single response.
pub async fn exchange(address: SocketAddr, request: &[u8]) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(address).await?;
    let (mut reading, mut writing) = stream.split();
    let mut answer = Vec::new();
    // A server that rejects a request may respond and close before it has read all of it.
    let both = async { tokio::join!(writing.write_all(request), reading.read_to_end(&mut answer)) };
    let (_, read) = timeout(PATIENCE, both).await.expect("an answer in time");
    parse(&answer, read.err())
}

/// A complete response. Anything less is an error, so that half a response acknowledges nothing.
fn parse(bytes: &[u8], failed: Option<io::Error>) -> io::Result<Answer> {
    let broken = failed.unwrap_or_else(|| io::ErrorKind::UnexpectedEof.into());
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return Err(broken) };
    let (head, body) = bytes.split_at(end);
    let body = Bytes::copy_from_slice(&body[4..]);
    let head = std::str::from_utf8(head).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap();
    let status = StatusCode::from_bytes(status.as_bytes()).unwrap();
    let mut headers = HeaderMap::new();
    for (name, value) in lines.map(|line| line.split_once(": ").unwrap()) {
        headers.append(HeaderName::try_from(name).unwrap(), HeaderValue::try_from(value).unwrap());
    }
    assert!(!headers.contains_key("transfer-encoding"), "this client reads no chunks: {head}");
    let length = headers.get("content-length").map_or(0, |length| length.to_str().unwrap().parse().unwrap());
    if body.len() < length { Err(broken) } else { Ok(Answer { status, headers, body }) }
}
