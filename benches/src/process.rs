//! A server in a separate process: build, start, inspect and kill it.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{Failure, place::Folder};

/// Longer than any successful start takes.
const PATIENCE: Duration = Duration::from_secs(20);
/// The interval between two checks whether the server is ready.
const POLL: Duration = Duration::from_micros(500);

/// Builds the server as released, and returns its path, next to this program.
pub(crate) fn build() -> Result<PathBuf, Failure> {
    let built = Command::new("cargo")
        .args(["build", "--release", "-p", "portcullis-server"])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")))
        .status()?;
    if !built.success() {
        return Err("the server does not build".into());
    }
    Ok(std::env::current_exe()?.with_file_name("portcullis"))
}

/// A running server. It is killed when dropped, which it must survive without damage.
pub(crate) struct Process {
    child: Child,
    address: SocketAddr,
    ready_after: Duration,
    /// The log file. A service logs to a file too.
    _log: Folder,
}

/// Bytes, from `/proc`.
#[derive(Clone, Copy)]
pub(crate) struct Memory {
    /// The current resident memory.
    pub(crate) resident: f64,
    /// The peak resident memory.
    pub(crate) peak: f64,
}

impl Process {
    /// Starts a server that prints `Portcullis listens on http://…`, and waits until its `/ready` responds with 200.
    pub(crate) fn start(mut command: Command) -> Result<Self, Failure> {
        let log = Folder::new()?;
        let file = File::create(log.path().join("log"))?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(file);
        let began = Instant::now();
        let mut child = command.spawn()?;
        let outcome = greeting(&mut child).and_then(|address| {
            await_ready(address, began)?;
            Ok(address)
        });
        match outcome {
            Ok(address) => Ok(Self { child, address, ready_after: began.elapsed(), _log: log }),
            Err(reason) => {
                child.kill()?;
                child.wait()?;
                let said = fs::read_to_string(log.path().join("log"))?;
                Err(format!("the server does not start: {reason}\n{said}").into())
            }
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The time from its start to the first 200 of `/ready`.
    pub(crate) fn ready_after(&self) -> Duration {
        self.ready_after
    }

    /// The CPU time of all its threads so far, in seconds.
    pub(crate) fn processor_time(&self) -> Result<f64, Failure> {
        let mut nanoseconds = 0.0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let figures = fs::read_to_string(thread?.path().join("schedstat"))?;
            let first = figures.split_whitespace().next().ok_or("the system does not tell processor time")?;
            nanoseconds += first.parse::<f64>()?;
        }
        Ok(nanoseconds / 1e9)
    }

    pub(crate) fn memory(&self) -> Result<Memory, Failure> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let bytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kib = line.and_then(|line| line.split_whitespace().next());
            Ok::<f64, Failure>(
                1024.0 * kib.ok_or("the system does not tell a process's memory")?.parse::<f64>()?,
            )
        };
        Ok(Memory { resident: bytes("VmRSS:")?, peak: bytes("VmHWM:")? })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address that the server prints.
fn greeting(child: &mut Child) -> Result<SocketAddr, Failure> {
    let out = child.stdout.take().ok_or("no standard output")?;
    let mut out = BufReader::new(out);
    let mut line = String::new();
    out.read_line(&mut line)?;
    // Otherwise its next line would hit a closed pipe.
    thread::spawn(move || std::io::copy(&mut out, &mut std::io::sink()));
    let address = line.trim_end().rsplit_once("http://").ok_or("it ended")?.1;
    Ok(address.parse()?)
}

fn await_ready(address: SocketAddr, began: Instant) -> Result<(), Failure> {
    while began.elapsed() < PATIENCE {
        if is_ready(address).unwrap_or(false) {
            return Ok(());
        }
        thread::sleep(POLL);
    }
    Err("it is not ready in time".into())
}

fn is_ready(address: SocketAddr) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(b"GET /ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(64 * 1024).read_to_end(&mut answer)?;
    Ok(answer.starts_with(b"HTTP/1.1 200 "))
}
