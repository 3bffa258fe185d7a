//! The program `portcullis` in a process of its own, and a client that speaks HTTP/1.1 to it over a socket.
//!
//! The client opens a connection for each request, so that a killed server shows as an error of that request.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::net::SocketAddr;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use rustix::process::{Pid, Resource, Signal, getrlimit, kill_process, setrlimit};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use super::http::multipart;
use super::{Answer, PASSWORD, Place, email};

/// Longer than anything takes that works.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at what is waited for.
const POLL: Duration = Duration::from_millis(10);

/// Looks until there is something to see.
pub async fn eventually<T>(what: &str, within: Duration, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(began.elapsed() < within, "not within {within:?}: {what}");
        sleep(POLL).await;
    }
}

/// The program with the settings of a place, on a port of its own. Neither the caller's settings nor other tests'
/// reach it.
pub fn program(place: &Place) -> Command {
    program_by(place, OsStr::new(env!("CARGO_BIN_EXE_portcullis")), &[])
}

/// The same, started by another program that takes it as its last arguments.
pub fn program_by(place: &Place, starter: &OsStr, arguments: &[&OsStr]) -> Command {
    let mut command = Command::new(starter);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PORTCULLIS_") {
            command.env_remove(name);
        }
    }
    command
        .args(arguments)
        .env("PORTCULLIS_DATA_DIR", place.data_dir())
        .env("PORTCULLIS_LISTEN", "127.0.0.1:0")
        .env("PORTCULLIS_PUBLIC_URL", "http://localhost:8000")
        .kill_on_drop(true);
    if let Some(url) = place.database_url() {
        command.env("PORTCULLIS_DATABASE_URL", url);
    }
    command
}

/// How a program ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

/// Runs a program to its end, with this on its standard input.
pub async fn finish(mut command: Command, input: &str) -> Ended {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A program that refuses its arguments does not read.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes()).await;
    let output = timeout(PATIENCE, child.wait_with_output()).await.expect("the program ends").unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// A serving process. It is killed when dropped; its place lasts as long as it does.
pub struct Server {
    child: Child,
    _place: Place,
    address: SocketAddr,
    output: TempDir,
    began: Instant,
}

impl Server {
    /// Starts the program and waits until it is ready.
    pub async fn start(place: &Place) -> Self {
        Self::start_by(place, program(place)).await
    }

    /// The same with a command of the caller's.
    pub async fn start_by(place: &Place, command: Command) -> Self {
        let server = Self::greeted_by(place, command).await;
        let remote = server.remote();
        eventually("the server is ready", PATIENCE, async || {
            remote.get("/ready").send().await.ok().filter(|answer| answer.status == 200)
        })
        .await;
        server
    }

    /// Starts the program and waits until it says where it listens.
    async fn greeted_by(place: &Place, mut command: Command) -> Self {
        raise_file_limit();
        let output = tempfile::tempdir().unwrap();
        let file = |name| File::create(output.path().join(name)).unwrap();
        command.stdin(Stdio::null()).stdout(file("out")).stderr(file("err"));
        let began = Instant::now();
        let mut child = command.spawn().unwrap();
        let address = eventually("the server says where it listens", PATIENCE, async || {
            if let Some(status) = child.try_wait().unwrap() {
                panic!("the server ended, {status}: {}", fs::read_to_string(output.path().join("err")).unwrap());
            }
            let said = fs::read_to_string(output.path().join("out")).unwrap();
            let (line, _) = said.split_once('\n')?;
            Some(line.strip_prefix("Portcullis listens on http://").unwrap().parse().unwrap())
        })
        .await;
        Self { child, _place: place.clone(), address, output, began }
    }

    /// How long ago the process began.
    pub fn age(&self) -> Duration {
        self.began.elapsed()
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn remote(&self) -> Remote {
        Remote { address: self.address, token: None, forwarded_for: None }
    }

    /// Everything that the process has written.
    pub fn said(&self) -> String {
        let text = |name| fs::read_to_string(self.output.path().join(name)).unwrap();
        text("out") + &text("err")
    }

    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id().expect("the process runs")).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    /// Waits for the end of the process.
    pub async fn ended(&mut self) -> ExitStatus {
        timeout(PATIENCE, self.child.wait()).await.expect("the process ends").unwrap()
    }

    /// `kill -9`.
    pub async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }

    /// SIGTERM, which ends the process in order.
    pub async fn stop(mut self) {
        self.signal(Signal::TERM);
        assert_eq!(self.ended().await.code(), Some(0), "{}", self.said());
    }

    /// Waits until new connections are refused.
    pub async fn refuses(&self) {
        eventually("new connections are refused", Duration::from_secs(10), async || {
            TcpStream::connect(self.address).await.err().filter(|e| e.kind() == io::ErrorKind::ConnectionRefused)
        })
        .await;
    }

    /// A number of kibibytes from `/proc/<pid>/status`, such as `VmRSS`.
    pub fn memory(&self, field: &str) -> u64 {
        let pid = self.child.id().expect("the process runs");
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status.lines().find(|line| line.starts_with(field)).unwrap();
        line.split_ascii_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

/// A test may hold a thousand connections; the usual limit on open files is about that. Children inherit it.
fn raise_file_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
}

/// Somebody who talks to a [`Server`] over the network, with or without a token.
#[derive(Clone)]
pub struct Remote {
    address: SocketAddr,
    token: Option<String>,
    forwarded_for: Option<String>,
}

impl Remote {
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// Says that it speaks for this address, as a proxy does.
    pub fn of_address(&self, address: &str) -> Self {
        Self { forwarded_for: Some(address.to_owned()), ..self.clone() }
    }

    /// The same at another server.
    pub fn at(&self, server: &Server) -> Self {
        Self { address: server.address, ..self.clone() }
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
        let mut call =
            RemoteCall { address: self.address, head: format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n") };
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

/// A request that is being made.
#[derive(Clone)]
pub struct RemoteCall {
    address: SocketAddr,
    head: String,
}

impl RemoteCall {
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.head += &format!("{name}: {value}\r\n");
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

    /// A body that is framed by the head's own fields.
    pub async fn raw(self, body: &[u8]) -> io::Result<Answer> {
        let request = self.last();
        exchange(request.address, &[request.head.as_bytes(), body].concat()).await
    }

    /// Sends the head and waits until the server asks for the body: the request is running then.
    pub async fn begin(self, content_type: &str, length: usize) -> Begun {
        let request = self
            .header("Content-Type", content_type)
            .header("Content-Length", &length.to_string())
            .header("Expect", "100-continue")
            .last();
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

/// A request whose head has been read and whose body is awaited.
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

/// Sends these bytes on a connection of their own and reads the one answer.
pub async fn exchange(address: SocketAddr, request: &[u8]) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(address).await?;
    let (mut reading, mut writing) = stream.split();
    let mut answer = Vec::new();
    // A server that refuses a request may answer, and close, before it has read all of it.
    let both = async { tokio::join!(writing.write_all(request), reading.read_to_end(&mut answer)) };
    let (_, read) = timeout(PATIENCE, both).await.expect("an answer in time");
    parse(&answer, read.err())
}

/// An answer that is whole; anything less is an error, so that half an answer acknowledges nothing.
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
