//! SIGTERM: running requests finish, and new ones are not accepted.

use std::ffi::OsStr;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio::process::Command;

use crate::on_both_databases;
use crate::support::process::{Server, eventually, finish, program, program_by};
use crate::support::remote::Begun;
use crate::support::smtp::python;
use crate::support::{Database, Place};

/// The number of requests that run when the server is told to stop.
const RUNNING: usize = 1000;

on_both_databases! {
    async fn k07_sigterm_loses_none_of_a_thousand_running_requests(database: Database) {
        let place = Place::new(database).await;
        let mut command = program(&place);
        // All come from one address.
        command.env("PORTCULLIS_CONNECTIONS_PER_ADDRESS", "4096");
        let mut server = Server::start_by(&place, command).await;
        let ada = server.remote().as_user("ada").await;
        let change = json!({ "full_name": "Ada King" }).to_string();
        let refused = json!({ "email": "ada@example.com", "full_name": "Ada" }).to_string();
        let mut running = Vec::new();
        for number in 0..RUNNING {
            let (call, body, status) = if number.is_multiple_of(10) {
                (ada.patch("/profile"), &change, 200)
            } else {
                (server.remote().post("/signup"), &refused, 422)
            };
            running.push((call.begin("application/json", body.len()).await, body.as_bytes(), status));
        }

        server.signal(Signal::TERM);
        server.refuses().await;
        // First all of them, so that no response waits for another request.
        for (begun, body, _) in &mut running {
            begun.send(body).await.unwrap();
        }
        for (number, (begun, _, status)) in running.into_iter().enumerate() {
            let answer = begun.answer().await.unwrap_or_else(|lost| panic!("request {number}: {lost}"));
            answer.assert(status);
        }
        assert_eq!(server.ended().await.code(), Some(0), "{}", server.said());
        assert!(server.said().contains("stopped"), "{}", server.said());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn k07_without_requests_a_signal_stops_at_once() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut server = Server::start(&Place::new(Database::Sqlite).await).await;
        server.signal(signal);
        assert_eq!(server.ended().await.code(), Some(0), "{}", server.said());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn k07_a_second_signal_does_not_wait() {
    let mut server = Server::start(&Place::new(Database::Sqlite).await).await;
    let begun: Begun = server.remote().post("/signup").begin("application/json", 9).await;
    server.signal(Signal::TERM);
    server.refuses().await;
    server.signal(Signal::TERM);
    assert_eq!(server.ended().await.code(), Some(1), "{}", server.said());
    begun.answer().await.expect_err("the request was cut off");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn k07_during_the_stop_delay_it_serves_and_asks_to_go_elsewhere() {
    let place = Place::new(Database::Sqlite).await;
    let mut command = program(&place);
    command.env("PORTCULLIS_STOP_DELAY", "3s");
    let mut server = Server::start_by(&place, command).await;
    let began = Instant::now();
    server.signal(Signal::TERM);
    let remote = server.remote();
    eventually("/ready says it", Duration::from_secs(2), async || {
        remote.get("/ready").send().await.ok().filter(|answer| answer.status == 503)
    })
    .await;
    // Without `Connection: close` in the request.
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("connection: close"), "{answer}");
    remote.as_user("ada").await;
    assert_eq!(server.ended().await.code(), Some(0), "{}", server.said());
    let took = began.elapsed();
    assert!(took >= Duration::from_secs(3) && took < Duration::from_secs(10), "{took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn k07_sighup_is_ignored_and_said() {
    let server = Server::start(&Place::new(Database::Sqlite).await).await;
    for count in 1..=2 {
        server.signal(Signal::HUP);
        eventually("the log says it", Duration::from_secs(5), async || {
            (server.said().matches("SIGHUP is ignored").count() == count).then_some(())
        })
        .await;
    }
    server.remote().get("/ready").send().await.unwrap().assert(200);
    server.stop().await;
}

/// Opens a socket and becomes the program, as systemd does (`sd_listen_fds(3)`).
const SYSTEMD: &str = r#"
import os, socket, sys
where, count = sys.argv[1:3]
if where.startswith("/"):
    opened = socket.socket(socket.AF_UNIX)
    opened.bind(where)
    opened.listen()
else:
    opened = socket.create_server((where, 0))
os.dup2(opened.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=count)
os.execv(sys.argv[3], sys.argv[3:])
"#;

fn by_systemd(place: &Place, socket: &str, count: &str) -> Command {
    let arguments = ["-c", SYSTEMD, socket, count, env!("CARGO_BIN_EXE_portcullis")].map(OsStr::new);
    program_by(place, OsStr::new(&python()), &arguments)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_that_systemd_hands_over_is_served_whatever_listen_says() {
    let place = Place::new(Database::Sqlite).await;
    let server = Server::start_by(&place, by_systemd(&place, "127.0.0.3", "1")).await;
    assert_eq!(server.address().ip().to_string(), "127.0.0.3");
    drop(server);

    // The socket is reachable from outside, so a public URL is required.
    let mut everywhere = by_systemd(&place, "0.0.0.0", "1");
    everywhere.env_remove("PORTCULLIS_PUBLIC_URL");
    let ended = finish(everywhere, "").await;
    assert!(ended.code == Some(1) && ended.err.contains("PORTCULLIS_PUBLIC_URL"), "{ended:?}");
    let ended = finish(by_systemd(&place, "127.0.0.1", "2"), "").await;
    assert!(ended.code == Some(1) && ended.err.contains("hands over 2 sockets"), "{ended:?}");

    // Variables meant for another process are ignored.
    let mut inherited = program(&place);
    inherited.env("LISTEN_PID", "1").env("LISTEN_FDS", "1");
    assert_eq!(Server::start_by(&place, inherited).await.address().ip().to_string(), "127.0.0.1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn k07_a_unix_socket_of_systemd_outlives_the_server() {
    let place = Place::new(Database::Sqlite).await;
    let path = place.data_dir().join("from-systemd.sock");
    let mut child = by_systemd(&place, path.to_str().unwrap(), "1").stdout(Stdio::null()).spawn().unwrap();
    let answer = async || {
        let mut stream = UnixStream::connect(&path).await.ok()?;
        stream.write_all(b"GET /ready HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        answer.starts_with("HTTP/1.1 200").then_some(())
    };
    eventually("it is ready", Duration::from_secs(20), answer).await;
    let pid = i32::try_from(child.id().unwrap()).unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), Signal::TERM).unwrap();
    assert_eq!(child.wait().await.unwrap().code(), Some(0));
    assert!(path.exists(), "the socket is systemd's to remove");
}
