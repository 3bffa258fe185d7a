//! The program `portcullis` in a separate process.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::net::SocketAddr;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Signal, getrlimit, kill_process, setrlimit};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use super::Place;
use super::remote::Remote;

/// Longer than anything that works takes.
pub const PATIENCE: Duration = Duration::from_mins(1);
/// The interval between two checks.
const POLL: Duration = Duration::from_millis(10);

impl Place {
    /// A place where a server has run, which all commands except `serve` and `user add` need.
    pub async fn begun(database: super::Database) -> Self {
        let place = Self::new(database).await;
        Server::start(&place).await.stop().await;
        place
    }
}

/// Checks repeatedly until there is a result.
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

/// The program with the settings of a place and a port of its own. It sees neither the caller's settings nor those of
/// other tests.
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

/// The exit of a program and its output.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

/// Runs a program to its end, with this text on its standard input.
pub async fn finish(mut command: Command, input: &str) -> Ended {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A program that rejects its arguments does not read its input.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes()).await;
    let output = timeout(2 * PATIENCE, child.wait_with_output()).await.expect("the program ends").unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// A server process. It is killed when dropped, and keeps its place until then.
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

    /// The same with the caller's command.
    pub async fn start_by(place: &Place, command: Command) -> Self {
        let server = Self::greeted_by(place, command).await;
        let remote = server.remote();
        eventually("the server is ready", PATIENCE, async || {
            remote.get("/ready").send().await.ok().filter(|answer| answer.status == 200)
        })
        .await;
        server
    }

    /// Starts an example of this package. cargo builds the examples along with the tests, next to them.
    pub async fn start_example(place: &Place, name: &str) -> Self {
        let tests = std::env::current_exe().unwrap();
        let example = tests.parent().unwrap().with_file_name("examples").join(name);
        assert!(example.is_file(), "{name} is not built: run `cargo test` without a choice of targets");
        let mut command = Command::new(example);
        command.arg("127.0.0.1:0").arg(place.data_dir()).kill_on_drop(true);
        Self::greeted_by(place, command).await
    }

    /// Starts the program and waits until it prints its address.
    async fn greeted_by(place: &Place, mut command: Command) -> Self {
        raise_file_limit();
        let output = tempfile::tempdir().unwrap();
        let file = |name| File::create(output.path().join(name)).unwrap();
        command.stdin(Stdio::null()).stdout(file("out")).stderr(file("err"));
        let began = Instant::now();
        let mut child = command.spawn().unwrap();
        let address = eventually("the server says where it listens", PATIENCE, async || {
            if let Some(status) = child.try_wait().unwrap() {
                panic!(
                    "the server ended, {status}: {}",
                    fs::read_to_string(output.path().join("err")).unwrap()
                );
            }
            // An example prints it among other messages.
            let read = |name| fs::read_to_string(output.path().join(name)).unwrap();
            let said = read("out") + &read("err");
            let (_, after) = said.split_once("listens on http://")?;
            Some(after.split_once('\n')?.0.parse().unwrap())
        })
        .await;
        Self { child, _place: place.clone(), address, output, began }
    }

    /// The age of the process.
    pub fn age(&self) -> Duration {
        self.began.elapsed()
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn remote(&self) -> Remote {
        Remote::new(self.address)
    }

    /// The whole output of the process so far.
    pub fn said(&self) -> String {
        let text = |name| fs::read_to_string(self.output.path().join(name)).unwrap();
        text("out") + &text("err")
    }

    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id().expect("the process runs")).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    /// Waits for the process to exit.
    pub async fn ended(&mut self) -> ExitStatus {
        timeout(PATIENCE, self.child.wait()).await.expect("the process ends").unwrap()
    }

    /// `kill -9`.
    pub async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }

    /// SIGTERM, which stops the process gracefully.
    pub async fn stop(mut self) {
        self.signal(Signal::TERM);
        assert_eq!(self.ended().await.code(), Some(0), "{}", self.said());
    }

    /// Waits until new connections are refused.
    pub async fn refuses(&self) {
        eventually("new connections are refused", Duration::from_secs(10), async || {
            TcpStream::connect(self.address)
                .await
                .err()
                .filter(|e| e.kind() == io::ErrorKind::ConnectionRefused)
        })
        .await;
    }

    /// The number of files and connections that the process has open.
    pub fn open_files(&self) -> usize {
        let pid = self.child.id().expect("the process runs");
        fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
    }

    /// A number of kibibytes from `/proc/<pid>/status`, such as `VmRSS`.
    pub fn memory(&self, field: &str) -> u64 {
        let pid = self.child.id().expect("the process runs");
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status.lines().find(|line| line.starts_with(field)).unwrap();
        line.split_ascii_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

/// A test may hold a thousand connections, which is about the usual limit on open files. Children inherit the limit.
fn raise_file_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
}
