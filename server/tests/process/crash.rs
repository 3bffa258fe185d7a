//! `kill -9`: everything acknowledged survives.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use portcullis_server::random;
use serde_json::json;
use tokio::time::sleep;

use crate::on_both_databases;
use crate::support::process::{Server, eventually, program, program_by};
use crate::support::remote::Remote;
use crate::support::{Answer, Database, PASSWORD, Place, email};

const ROUNDS: u8 = 15;
/// From `exec` to a response of `/ready`. The requirement for a release build on an idle machine is 2 s.
const READY: Duration = Duration::from_secs(2);

/// What the server has acknowledged.
#[derive(Default)]
struct Acknowledged {
    accounts: Vec<String>,
    alive: Vec<String>,
    ended: Vec<String>,
    /// The number last acknowledged as the writer's name, and the last one sent.
    written: u32,
    sent: u32,
}

type Shared = Arc<Mutex<Acknowledged>>;

on_both_databases! {
    async fn k01_acknowledged_writes_outlive_kill_9(database: Database) {
        let place = Place::new(database).await;
        let acknowledged = Shared::default();
        let mut server = start(&place).await;
        let writer = server.remote().as_user("writer").await;
        server.remote().sign_up("visitor").await;
        for round in 0..ROUNDS {
            let (remote, seen) = (server.remote(), Arc::clone(&acknowledged));
            let load = Load { remote, writer: writer.at(&server), round, seen };
            let workers = [
                tokio::spawn(until_killed(load.clone(), Load::sign_up)),
                tokio::spawn(until_killed(load.clone(), Load::log_in_and_out)),
                tokio::spawn(until_killed(load.clone(), Load::log_in_and_out)),
                tokio::spawn(until_killed(load, Load::rename)),
            ];
            // The moment is arbitrary on purpose, so there is nothing to wait for.
            sleep(Duration::from_millis(100 + 2 * u64::from(random::bytes::<1>()[0]))).await;
            server.kill().await;
            for worker in workers {
                worker.await.unwrap();
            }
            server = start(&place).await;
            assert!(server.age() < READY, "ready after {:?}", server.age());
            check(&place, &writer.at(&server), &acknowledged).await;
        }
        let seen = acknowledged.lock().unwrap();
        let counts = [seen.accounts.len(), seen.alive.len(), seen.ended.len(), seen.written as usize];
        assert!(counts.iter().all(|count| *count >= 5), "there was no load: {counts:?}");
    }
}

/// Each worker uses its own client address, so that limits per address do not interfere.
async fn start(place: &Place) -> Server {
    let mut command = program(place);
    command.args(["--trusted-proxies", "127.0.0.1"]);
    Server::start_by(place, command).await
}

#[derive(Clone)]
struct Load {
    remote: Remote,
    writer: Remote,
    round: u8,
    seen: Shared,
}

/// Works until the server is killed in the middle of it.
async fn until_killed(load: Load, work: impl AsyncFn(&Load, u32) -> io::Result<()>) {
    for turn in 0.. {
        if work(&load, turn).await.is_err() {
            return;
        }
    }
}

impl Load {
    async fn sign_up(&self, turn: u32) -> io::Result<()> {
        let address = format!("ada-{}-{turn}@example.com", self.round);
        self.remote.of_address(&format!("10.0.0.{}", self.round)).try_sign_up(&address).await?.assert(201);
        self.seen.lock().unwrap().accounts.push(address);
        Ok(())
    }

    /// Of two sessions, one stays.
    async fn log_in_and_out(&self, turn: u32) -> io::Result<()> {
        let remote = self.remote.of_address("10.0.1.1");
        let answer = remote.try_password(&email("visitor"), PASSWORD).await?.assert(200);
        let token = token_of(&answer);
        if turn.is_multiple_of(2) {
            remote.with_token(&token).post("/logout").send().await?.assert(204);
            self.seen.lock().unwrap().ended.push(token);
        } else {
            self.seen.lock().unwrap().alive.push(token);
        }
        Ok(())
    }

    async fn rename(&self, _: u32) -> io::Result<()> {
        let number = {
            let mut seen = self.seen.lock().unwrap();
            seen.sent += 1;
            seen.sent
        };
        self.writer.patch("/profile").json(&json!({ "full_name": number.to_string() })).await?.assert(200);
        self.seen.lock().unwrap().written = number;
        Ok(())
    }
}

fn token_of(answer: &Answer) -> String {
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

async fn check(place: &Place, writer: &Remote, acknowledged: &Shared) {
    if place.database_url().is_none() {
        assert_eq!(place.value("PRAGMA integrity_check").await, "ok");
        assert_eq!(place.value("PRAGMA foreign_key_check").await, "");
    }
    let known = place.sql("SELECT email FROM accounts").await.concat();
    let profile = writer.get("/profile").send().await.unwrap().assert(200).json();
    let (alive, ended) = {
        let seen = acknowledged.lock().unwrap();
        let missing: Vec<_> = seen.accounts.iter().filter(|email| !known.contains(email)).collect();
        assert!(missing.is_empty(), "acknowledged accounts are gone: {missing:?}");
        let name = profile["full_name"].as_str().unwrap().parse::<u32>().unwrap_or(0);
        assert!(
            (seen.written..=seen.sent).contains(&name),
            "{} was acknowledged, {name} is there",
            seen.written
        );
        (seen.alive.clone(), seen.ended.clone())
    };
    // The newest entries are those that the crash could have lost.
    for (tokens, status) in [(alive, 200), (ended, 401)] {
        for token in tokens.iter().rev().take(12) {
            assert_eq!(writer.with_token(token).status_of_profile().await, status);
        }
    }
}

/// Only data flushed to disk survives a power cut. The system calls show that this happens before the response.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn k01_sqlite_is_on_the_disk_before_the_answer() {
    let place = Place::new(Database::Sqlite).await;
    let trace = place.data_dir().join("trace");
    let calls = "trace=fsync,fdatasync,read,recvfrom,write,writev,sendto";
    // -D: strace runs as a detached grandchild, so that the child of this process is the server.
    let options = ["-D", "-f", "-qq", "-y", "-s", "64", "-e", calls, "-o"].map(OsStr::new);
    let server = env!("CARGO_BIN_EXE_portcullis");
    let arguments = [&options[..], &[trace.as_os_str(), OsStr::new(server)]].concat();
    let mut server = Server::start_by(&place, program_by(&place, OsStr::new("strace"), &arguments)).await;
    let ada = server.remote().as_user("ada").await;
    ada.patch("/profile").json(&json!({ "full_name": "Countess" })).await.unwrap().assert(200);
    ada.post("/logout").send().await.unwrap().assert(204);
    server.kill().await;

    let lines = eventually("strace has written all", Duration::from_secs(10), async || {
        let trace = fs::read_to_string(&trace).unwrap();
        trace.contains("HTTP/1.1 204").then(|| trace.lines().map(str::to_owned).collect::<Vec<_>>())
    })
    .await;
    for (request, answer) in
        [("POST /signup", "201"), ("POST /login", "200"), ("PATCH /profile", "200"), ("POST /logout", "204")]
    {
        let asked = lines.iter().position(|line| line.contains(request)).expect(request);
        let answer = format!("HTTP/1.1 {answer}");
        let answered = asked + lines[asked..].iter().position(|line| line.contains(&answer)).expect(request);
        let between = &lines[asked..answered];
        let begun =
            between.iter().position(|line| line.contains("sync(") && line.contains("portcullis.db-wal>"));
        let begun = begun.unwrap_or_else(|| panic!("{request}: nothing is forced to the disk: {between:#?}"));
        let done = between[begun..].iter().any(|line| line.contains("sync") && line.ends_with("= 0"));
        assert!(done, "{request}: answered before it was on the disk: {between:#?}");
    }
}
