//! The database goes away: nobody gets in, every response is true, and the server recovers by itself.

use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use http::StatusCode;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use url::Url;

use crate::support::process::{Server, eventually, finish, program};
use crate::support::remote::{Remote, exchange};
use crate::support::{Database, PASSWORD, Place, email};

/// How soon everything must work after the database came back.
const HEALS: Duration = Duration::from_secs(5);

/// What the connection to PostgreSQL does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wire {
    Whole,
    /// Connections are closed, and so are new ones.
    Cut,
    /// Connections stay open, but nothing gets through.
    Silent,
}

/// A proxy between the server and PostgreSQL.
struct Middle {
    address: SocketAddr,
    wire: watch::Sender<Wire>,
}

impl Middle {
    async fn before(database: SocketAddr) -> Self {
        let (wire, watched) = watch::channel(Wire::Whole);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(join(near, database, watched.clone()));
            }
        });
        Self { address, wire }
    }

    fn is(&self, wire: Wire) {
        self.wire.send_replace(wire);
    }
}

async fn join(mut near: TcpStream, database: SocketAddr, mut wire: watch::Receiver<Wire>) {
    let Ok(mut far) = TcpStream::connect(database).await else { return };
    loop {
        let now = *wire.borrow_and_update();
        tokio::select! {
            _ = copy_bidirectional(&mut near, &mut far), if now == Wire::Whole => return,
            changed = wire.changed(), if now != Wire::Cut => if changed.is_err() { return },
            else => return,
        }
    }
}

/// A server whose PostgreSQL can be disconnected, and a logged-in client.
struct Stage {
    place: Place,
    middle: Middle,
    server: Server,
    ada: Remote,
}

impl Stage {
    async fn set() -> Self {
        let place = Place::new(Database::Postgres).await;
        let mut url: Url = place.database_url().unwrap().parse().unwrap();
        let address = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap_or(5432));
        let middle = Middle::before(tokio::net::lookup_host(address).await.unwrap().next().unwrap()).await;
        url.set_host(Some("127.0.0.1")).unwrap();
        url.set_port(Some(middle.address.port())).unwrap();
        url.query_pairs_mut().append_pair("application_name", &name_of(&place));
        let mut command = program(&place);
        command.env("PORTCULLIS_DATABASE_URL", url.as_str());
        let server = Server::start_by(&place, command).await;
        let ada = server.remote().as_user("ada").await;
        Self { place, middle, server, ada }
    }

    /// Every route that needs the database fails closed, and reports it.
    async fn is_closed(&self) {
        let remote = self.server.remote();
        let calls = [
            self.ada.get("/profile").send(),
            self.ada.get("/profile/1").send(),
            self.ada.post("/logout").send(),
            remote.get("/ready").send(),
        ];
        let name = email("ada");
        let (log_in, others) = tokio::join!(remote.try_password(&name, PASSWORD), join_all(calls));
        for answer in others.into_iter().chain([log_in]) {
            let answer = answer.unwrap().assert(503);
            assert_eq!(answer.header("retry-after"), "1", "{}", answer.text());
            assert!(
                answer.text().contains("detail") && !answer.text().contains("postgres"),
                "{}",
                answer.text()
            );
        }
        remote.get("/health").send().await.unwrap().assert(200);
        // A missing token is rejected as before.
        assert_eq!(remote.status_of_profile().await, 401);
    }

    /// It works again, with the old token too; until then it responds only with 503.
    async fn heals(&self) {
        let remote = self.server.remote();
        eventually("it heals", HEALS, async || {
            let status = self.ada.status_of_profile().await;
            assert!([StatusCode::OK, StatusCode::SERVICE_UNAVAILABLE].contains(&status), "{status}");
            let ready = remote.get("/ready").send().await.unwrap().status;
            (status == 200 && ready == 200).then_some(())
        })
        .await;
        remote.log_in("ada").await.post("/logout").send().await.unwrap().assert(204);
    }
}

/// The application name of this test's connections, which distinguishes them from those of other tests.
fn name_of(place: &Place) -> String {
    let url = place.database_url().unwrap();
    url.rsplit_once("t_").map(|(_, schema)| format!("t_{schema}")).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t15_a_database_that_is_down_is_503_and_never_a_way_in() {
    let stage = Stage::set().await;
    for _ in 0..2 {
        stage.middle.is(Wire::Cut);
        stage.is_closed().await;
        stage.middle.is(Wire::Whole);
        stage.heals().await;
    }
    assert!(stage.server.said().contains("the database did not respond"), "{}", stage.server.said());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t15_a_database_that_is_silent_is_503_in_time() {
    let stage = Stage::set().await;
    stage.middle.is(Wire::Silent);
    // Recently used connections are assumed to be alive.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    tokio::time::timeout(Duration::from_secs(20), stage.is_closed()).await.expect("503 in time");
    stage.middle.is(Wire::Whole);
    stage.heals().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn k07_a_stop_does_not_wait_for_a_database_that_does_not_answer() {
    let mut stage = Stage::set().await;
    stage.middle.is(Wire::Silent);
    let (began, ready) = (Instant::now(), stage.server.remote().get("/ready").send().await.unwrap());
    ready.assert(503);
    assert!(began.elapsed() < Duration::from_secs(3), "/ready took {:?}", began.elapsed());
    let began = Instant::now();
    stage.server.signal(Signal::TERM);
    assert_eq!(stage.server.ended().await.code(), Some(0), "{}", stage.server.said());
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn k07_while_it_starts_the_server_is_alive_and_not_ready() {
    let place = Place::new(Database::Postgres).await;
    let mut url: Url = place.database_url().unwrap().parse().unwrap();
    let address = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap_or(5432));
    let middle = Middle::before(tokio::net::lookup_host(address).await.unwrap().next().unwrap()).await;
    middle.is(Wire::Silent);
    url.set_host(Some("127.0.0.1")).unwrap();
    url.set_port(Some(middle.address.port())).unwrap();
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let start = || {
        let mut command = program(&place);
        command.env("PORTCULLIS_DATABASE_URL", url.as_str()).env("PORTCULLIS_LISTEN", free.to_string());
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    let status = async |path: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        exchange(free, request.as_bytes()).await.ok()
    };
    let mut child = start();
    let alive = async || status("/health").await.filter(|answer| answer.status == 200);
    eventually("it is alive", Duration::from_secs(5), alive).await;
    for path in ["/ready", "/profile", "/account", "/docs"] {
        let answer = status(path).await.unwrap().assert(503);
        assert_eq!(answer.header("retry-after"), "1");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    }
    middle.is(Wire::Whole);
    let ready = async || status("/ready").await.filter(|answer| answer.status == 200);
    eventually("it is ready", Duration::from_secs(20), ready).await;
    assert_eq!(status("/profile").await.unwrap().status, 401);
    child.kill().await.unwrap();

    middle.is(Wire::Silent);
    let mut child = start();
    eventually("it is alive again", Duration::from_secs(5), alive).await;
    let pid = i32::try_from(child.id().unwrap()).unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), Signal::TERM).unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(5), child.wait()).await.expect("it ends").unwrap();
    assert_eq!(ended.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t15_connections_that_the_database_ends_are_replaced() {
    let stage = Stage::set().await;
    let name = name_of(&stage.place);
    for _ in 0..3 {
        let ended = stage
            .place
            .sql(&format!(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '{name}'"
            ))
            .await;
        assert!(!ended.is_empty(), "the server holds no connection called {name}");
        stage.heals().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t15_without_its_database_the_server_does_not_start() {
    let place = Place::new(Database::Postgres).await;
    let mut url: Url = place.database_url().unwrap().parse().unwrap();
    url.set_password(Some("hunter2")).unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    url.set_host(Some("127.0.0.1")).unwrap();
    url.set_port(Some(closed.port())).unwrap();
    let mut command = program(&place);
    command.env("PORTCULLIS_DATABASE_URL", url.as_str());
    let ended = finish(command, "").await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.contains("cannot use the database") && ended.err.contains("database_url"), "{ended:?}");
    assert!(ended.out.is_empty() && !ended.err.contains("hunter2"), "{ended:?}");
}

/// What happens to the next `COMMIT` of a sign-up on its way to PostgreSQL.
const PASSES: u8 = 0;
/// The connection is cut before the `COMMIT` is sent, or after it arrived but before its response.
const IS_LOST: u8 = 1;
const IS_NOT_ANSWERED: u8 = 2;

/// Forwards a connection until the `COMMIT` of a sign-up, which binds an email address. There is one fate for all
/// connections.
async fn snip(near: TcpStream, database: SocketAddr, fate: Arc<AtomicU8>) {
    let Ok(far) = TcpStream::connect(database).await else { return };
    let ((mut from_near, mut to_near), (mut from_far, mut to_far)) = (near.into_split(), far.into_split());
    let answers = tokio::spawn(async move { copy(&mut from_far, &mut to_near).await });
    let (mut bytes, mut is_sign_up) = (vec![0; 64 * 1024], false);
    while let Ok(count @ 1..) = from_near.read(&mut bytes).await {
        let has = |word: &[u8]| bytes[..count].windows(word.len()).any(|at| at == word);
        is_sign_up = has(b"@example.com") || is_sign_up && !has(b"BEGIN");
        let fate = if is_sign_up && has(b"COMMIT\0") { fate.swap(PASSES, Ordering::SeqCst) } else { PASSES };
        if fate == IS_LOST {
            break;
        }
        if fate == IS_NOT_ANSWERED {
            answers.abort();
        }
        if to_far.write_all(&bytes[..count]).await.is_err() {
            break;
        }
        if fate == IS_NOT_ANSWERED {
            tokio::time::sleep(Duration::from_millis(200)).await;
            break;
        }
    }
    answers.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn k03_a_connection_that_is_cut_at_its_commit_is_503_and_nothing_is_half_done() {
    let place = Place::new(Database::Postgres).await;
    let mut url: Url = place.database_url().unwrap().parse().unwrap();
    let address = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap_or(5432));
    let database = tokio::net::lookup_host(address).await.unwrap().next().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    url.set_host(Some("127.0.0.1")).unwrap();
    url.set_port(Some(listener.local_addr().unwrap().port())).unwrap();
    let fate = Arc::new(AtomicU8::new(PASSES));
    let shared = Arc::clone(&fate);
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            tokio::spawn(snip(near, database, Arc::clone(&shared)));
        }
    });
    let mut command = program(&place);
    command.env("PORTCULLIS_DATABASE_URL", url.as_str()).args(["--limits", "off"]);
    let server = Server::start_by(&place, command).await;
    let remote = server.remote();

    let (mut lost, mut committed) = ([0, 0], [0, 0]);
    for round in 0..8 {
        for (kind, what) in [IS_LOST, IS_NOT_ANSWERED].into_iter().enumerate() {
            let address = email(&format!("p{round}-{kind}"));
            fate.store(what, Ordering::SeqCst);
            let first = remote.try_sign_up(&address).await.unwrap().status.as_u16();
            fate.store(PASSES, Ordering::SeqCst);
            // The next request works, and shows what became of the one before.
            let second = remote.try_sign_up(&address).await.unwrap().status.as_u16();
            match (first, second) {
                (503, 201) => lost[kind] += 1,
                (503, 409) => committed[kind] += 1,
                other => panic!("{address}: {other:?}"),
            }
            eventually("it is ready", Duration::from_secs(10), async || {
                (remote.get("/ready").send().await.unwrap().status == 200).then_some(())
            })
            .await;
        }
    }
    assert_eq!((lost, committed), ([8, 0], [0, 8]));
    let counts = "SELECT count(*), (SELECT count(*) FROM audit_events WHERE event = 'account.signed_up')
                  FROM accounts";
    assert_eq!(place.sql(counts).await, [["16", "16"]], "each sign-up is there once, and whole");
}
