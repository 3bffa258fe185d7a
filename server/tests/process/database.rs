//! A short database failure is not an outage: a failing disk, a disconnecting client, a failover, a pooler.

use std::ffi::OsStr;
use std::fs;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::os::unix::fs::chown;
use std::path::Path;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use portcullis_server::random;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::time::sleep;
use url::Url;

use crate::on_both_databases;
use crate::support::process::{Server, eventually, finish, program, program_by};
use crate::support::{Database, PASSWORD, Place, TestApp, email, postgres_url};

/// How soon everything must work again.
const HEALS: Duration = Duration::from_secs(10);

/// Each `fsync` and each write of a few sign-ups fails in turn, with a full disk and with a broken one. At most one
/// request is affected, and the next one works.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n04_after_each_single_error_of_the_disk_the_next_write_works() {
    let place = Place::new(Database::Sqlite).await;
    Server::start(&place).await.stop().await;
    let mut heard = 0;
    for (number, (call, error, which)) in [
        ("fdatasync", "EIO", 3),
        ("fdatasync", "ENOSPC", 4),
        ("pwrite64", "ENOSPC", 12),
        ("pwrite64", "ENOSPC", 18),
        ("pwrite64", "EIO", 25),
        ("pwrite64", "EIO", 32),
    ]
    .into_iter()
    .enumerate()
    {
        let log = place.data_dir().join("portcullis.db-wal");
        let calls = format!("trace={call}");
        let fault = format!("inject={call}:error={error}:when={which}");
        let options =
            ["-D", "-f", "-qq", "-o", "/dev/null", "-e", &calls, "-e", &fault, "-P"].map(OsStr::new);
        let server = env!("CARGO_BIN_EXE_portcullis");
        let arguments = [&options[..], &[log.as_os_str(), OsStr::new(server)]].concat();
        let mut server = Server::start_by(&place, program_by(&place, OsStr::new("strace"), &arguments)).await;
        let remote = server.remote();
        let mut failed = 0;
        for person in 0..6 {
            let address = email(&format!("p{number}-{person}"));
            let status = remote.try_sign_up(&address).await.unwrap().status.as_u16();
            if status == 503 {
                failed += 1;
                remote.try_sign_up(&address).await.unwrap().assert(201);
                remote.get("/ready").send().await.unwrap().assert(200);
            } else {
                assert_eq!(status, 201);
            }
        }
        assert!(failed <= 1, "{call} {error} {which}: {failed} failed");
        heard += failed;
        server.kill().await;
    }
    // A worker's write may meet a fault before a request does.
    assert!(heard >= 1, "the faults reached {heard} requests only");
    assert_eq!(place.value("SELECT count(*) FROM accounts").await, "36");
    assert_eq!(place.value("PRAGMA integrity_check").await, "ok");
}

/// Polls a future this many times and drops it.
async fn cut_off(work: impl Future<Output = ()>, polls: usize) -> bool {
    let mut work = pin!(work);
    let mut polled = 0;
    poll_fn(|context| {
        polled += 1;
        match work.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(true),
            Poll::Pending if polled >= polls => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

on_both_databases! {
    /// A request is dropped at each of its await points in turn: nothing stays open, and nothing is poisoned.
    async fn k04_a_client_that_goes_away_leaves_nothing_behind(database: Database) {
        let name = format!("gone_{}", uuid::Uuid::from_bytes(random::bytes()).simple());
        let name = name.get(..30).unwrap();
        let app = TestApp::new(database).await;
        let mut config = app.place.config();
        if let Some(url) = app.place.database_url() {
            config.database.url = format!("{url}&application_name={name}").parse().unwrap();
        }
        let app = app.again_with(config).await;
        let ada = app.as_user("ada").await;
        let mut was_whole = 0;
        for polls in 1..80 {
            let request = async {
                let body = json!({ "full_name": format!("Ada {polls}") });
                ada.patch("/profile").json(&body).await.assert(200);
            };
            if cut_off(request, polls).await {
                was_whole += 1;
            } else if database == Database::Postgres {
                // Checked before the connection is used again, which would end the transaction.
                let open = format!(
                    "SELECT count(*) FROM pg_stat_activity
                     WHERE application_name = '{name}' AND state LIKE 'idle in transaction%'"
                );
                eventually("no transaction is open", Duration::from_secs(2), async || {
                    (app.place.value(&open).await == "0").then_some(())
                })
                .await;
            }
        }
        assert!(was_whole > 10, "the last ones are not cut off");
        for _ in 0..20 {
            ada.patch("/profile").json(&json!({ "full_name": "Countess" })).await.assert(200);
            app.stranger().get("/ready").send().await.assert(200);
        }
    }
}

/// The server of the tests, without a test's own schema.
fn server_address() -> SocketAddr {
    let url: Url = postgres_url().parse().unwrap();
    SocketAddr::from(([127, 0, 0, 1], url.port().unwrap_or(5432)))
}

/// A role and a database for one test.
struct Own {
    name: String,
}

impl Own {
    async fn new(place: &Place) -> Self {
        let name = format!("own_{}", uuid::Uuid::from_bytes(random::bytes()).simple());
        place.sql(&format!("CREATE ROLE {name} LOGIN PASSWORD 'sesame'")).await;
        place.sql(&format!("CREATE DATABASE {name} OWNER {name}")).await;
        Self { name }
    }

    fn url(&self, port: u16, parameters: &str) -> String {
        let name = &self.name;
        format!("postgres://{name}:sesame@127.0.0.1:{port}/{name}?application_name={name}{parameters}")
    }

    /// Makes the server reject writes on new connections, as a standby does, and closes the existing ones.
    async fn takes_writes(&self, place: &Place, yes: bool) {
        let name = &self.name;
        let setting = if yes { "off" } else { "on" };
        place.sql(&format!("ALTER ROLE {name} SET default_transaction_read_only = {setting}")).await;
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name";
        place.sql(&format!("{end} = '{name}'")).await;
    }
}

/// After a failover, connections may lead to a server that rejects writes: none of them is kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n04_connections_to_a_server_that_takes_no_writes_are_not_kept() {
    let place = Place::new(Database::Postgres).await;
    let own = Own::new(&place).await;
    let mut command = program(&place);
    command.env("PORTCULLIS_DATABASE_URL", own.url(server_address().port(), ""));
    let server = Server::start_by(&place, command).await;
    let remote = server.remote();
    let ada = remote.as_user("ada").await;
    for _ in 0..2 {
        own.takes_writes(&place, false).await;
        eventually("it is not ready", HEALS, async || {
            (remote.get("/ready").send().await.unwrap().status == 503).then_some(())
        })
        .await;
        remote.try_sign_up(&email("ben")).await.unwrap().assert(503);
        own.takes_writes(&place, true).await;
        eventually("it is ready", HEALS, async || {
            (remote.get("/ready").send().await.unwrap().status == 200).then_some(())
        })
        .await;
        ada.patch("/profile").json(&json!({ "full_name": "Countess" })).await.unwrap().assert(200);
    }
    remote.try_sign_up(&email("ben")).await.unwrap().assert(201);
}

/// The first host that accepts writes is used.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_hosts_may_stand_in_the_url() {
    let place = Place::new(Database::Postgres).await;
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let url = place.database_url().unwrap();
    let (start, rest) = url.rsplit_once('@').unwrap();
    let mut command = program(&place);
    command.env("PORTCULLIS_DATABASE_URL", format!("{start}@127.0.0.1:{},{rest}", closed.port()));
    let server = Server::start_by(&place, command).await;
    server.remote().as_user("ada").await;
    server.stop().await;
}

/// The server waits for a database that starts later, as at boot.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_late_is_waited_for() {
    let place = Place::new(Database::Postgres).await;
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let url =
        place.database_url().unwrap().replace(&server_address().port().to_string(), &free.port().to_string());
    let mut command = program(&place);
    command.env("PORTCULLIS_DATABASE_URL", url);
    let late = tokio::spawn(async move {
        sleep(Duration::from_secs(2)).await;
        let listener = TcpListener::bind(free).await.unwrap();
        while let Ok((mut near, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut far = tokio::net::TcpStream::connect(server_address()).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
            });
        }
    });
    let server = Server::start_by(&place, command).await;
    assert!(server.age() > Duration::from_secs(2));
    assert!(server.said().contains("the database cannot be reached yet"), "{}", server.said());
    server.remote().as_user("ada").await;
    late.abort();
}

/// `PgBouncer` in front of the server of the tests.
struct PgBouncer {
    _child: Child,
    _folder: tempfile::TempDir,
    port: u16,
}

impl PgBouncer {
    async fn start(own: &Own, mode: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let (path, name) = (folder.path(), &own.name);
        let server = server_address();
        fs::write(path.join("users"), format!("\"{name}\" \"sesame\"\n")).unwrap();
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port={} user={name} password=sesame\n\
             [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
             auth_type = plain\nauth_file = {}\npool_mode = {mode}\ndefault_pool_size = {}\n",
            server.port(),
            path.join("users").display(),
            // In session mode, each of our connections keeps a server connection.
            if mode == "session" { 10 } else { 3 },
        );
        fs::write(path.join("ini"), settings).unwrap();
        let mut command = Command::new(pgbouncer_program());
        command.arg(path.join("ini")).kill_on_drop(true);
        // It refuses to run as root.
        if rustix::process::geteuid().is_root() {
            let nobody = 65534;
            for file in [path, &path.join("ini"), &path.join("users")] {
                chown(file, Some(nobody), Some(nobody)).unwrap();
            }
            command.uid(nobody).gid(nobody);
        }
        let child = command.spawn().expect("pgbouncer: scripts/test installs it");
        eventually("PgBouncer listens", HEALS, async || {
            tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok()
        })
        .await;
        Self { _child: child, _folder: folder, port }
    }
}

/// It is not in everyone's `PATH`.
fn pgbouncer_program() -> &'static str {
    if Path::new("/usr/sbin/pgbouncer").exists() { "/usr/sbin/pgbouncer" } else { "pgbouncer" }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_pgbouncer_all_works_and_what_to_set_is_said() {
    let place = Place::new(Database::Postgres).await;
    for (mode, parameters, is_told) in
        [("session", "", false), ("transaction", "&pgbouncer=true", false), ("transaction", "", true)]
    {
        let own = Own::new(&place).await;
        let pooler = PgBouncer::start(&own, mode).await;
        let data = tempfile::tempdir().unwrap();
        let mut command = program(&place);
        command.env("PORTCULLIS_DATABASE_URL", own.url(pooler.port, parameters));
        command.env("PORTCULLIS_DATA_DIR", data.path());
        let server = Server::start_by(&place, command).await;
        let ada = server.remote().as_user("ada").await;
        // Several concurrently, so that they switch server connections.
        let many = (0..40).map(|round| {
            let ada = ada.clone();
            tokio::spawn(async move {
                let body = json!({ "full_name": format!("Ada {round}") });
                let changed = ada.patch("/profile").json(&body).await.unwrap().status;
                (changed.as_u16(), ada.status_of_profile().await.as_u16())
            })
        });
        let mut outcomes = Vec::new();
        for one in many.collect::<Vec<_>>() {
            outcomes.push(one.await.unwrap());
        }
        let is_fine = |outcome: &&(u16, u16)| **outcome == (200, 200);
        let fine = outcomes.iter().filter(is_fine).count();
        if is_told {
            assert!(fine >= 30, "{outcomes:?}\n{}", server.said());
        } else {
            assert_eq!(fine, 40, "{mode} {parameters}: {outcomes:?}\n{}", server.said());
            assert!(!server.said().contains("pgbouncer=true"), "{mode}: {}", server.said());
        }
        server.stop().await;
    }
}

/// A wrong password is reported immediately, because waiting does not help.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_refuses_us_is_not_waited_for() {
    let place = Place::new(Database::Postgres).await;
    let mut command = program(&place);
    let url = format!("postgres://nobody_of_this_name:sesame@{}/postgres", server_address());
    command.env("PORTCULLIS_DATABASE_URL", url);
    let began = std::time::Instant::now();
    let ended = finish(command, "").await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.contains("cannot use the database") && !ended.err.contains("sesame"), "{ended:?}");
    assert!(began.elapsed() < Duration::from_secs(30));
}

/// A session takes locks in the opposite order of a login, so PostgreSQL aborts the login's transaction (40P01): that
/// session gets the account's row while the login holds it in no other way. (40001 does not occur under `READ
/// COMMITTED`.)
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn k04_a_transaction_that_a_deadlock_ended_is_tried_three_times() {
    let app = TestApp::new(Database::Postgres).await;
    let ada = app.sign_up("ada").await;
    for (times, status) in [(1, 200), (2, 200), (3, 503)] {
        let against = format!(
            "DO $$ BEGIN
                FOR n IN 1..{times} LOOP
                    -- It is the log-in that finds the deadlock, and so is ended.
                    PERFORM set_config('deadlock_timeout', '60s', true);
                    LOCK TABLE sessions IN EXCLUSIVE MODE;
                    FOR m IN 1..2000 LOOP
                        EXIT WHEN EXISTS (
                            SELECT 1 FROM pg_locks WHERE relation = 'sessions'::regclass AND NOT granted);
                        PERFORM pg_sleep(0.005);
                    END LOOP;
                    PERFORM id FROM accounts WHERE id = {ada} FOR UPDATE;
                    COMMIT;
                END LOOP;
             END $$"
        );
        let held = "SELECT count(*) FROM pg_locks
                    WHERE relation = 'sessions'::regclass AND mode = 'ExclusiveLock' AND granted";
        let log_in = async {
            eventually("the table is held", HEALS, async || {
                (app.place.value(held).await == "1").then_some(())
            })
            .await;
            app.stranger().try_password(&email("ada"), PASSWORD).await
        };
        let (_, answer) = tokio::join!(app.place.sql(&against), log_in);
        assert_eq!(answer.status, status, "{times} times: {}", answer.text());
    }
    app.log_in("ada").await;
    assert_eq!(app.place.value("SELECT count(*) FROM sessions").await, "3");
}

/// A disk that becomes read-only while the server runs, and later writable again. In the meantime, the response is 503.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn k02_a_disk_that_is_read_only_for_a_while_is_503_for_as_long() {
    let place = Place::new(Database::Sqlite).await;
    let log = place.data_dir().join("portcullis.db-wal");
    Server::start(&place).await.stop().await;
    let options = ["-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=pwrite64"].map(OsStr::new);
    let fault = ["-e", "inject=pwrite64:error=EROFS:when=12..30", "-P"].map(OsStr::new);
    let server = [log.as_os_str(), OsStr::new(env!("CARGO_BIN_EXE_portcullis"))];
    let arguments = [&options[..], &fault, &server].concat();
    let server = Server::start_by(&place, program_by(&place, OsStr::new("strace"), &arguments)).await;
    let remote = server.remote();
    let mut made = 0;
    let mut is_refused = async || {
        let answer = remote.try_sign_up(&email(&format!("p{made}"))).await.unwrap();
        made += 1;
        (answer.status == 503).then_some(made - 1)
    };
    let made = eventually("a sign-up is refused", HEALS, &mut is_refused).await;
    remote.get("/ready").send().await.unwrap().assert(503);
    // Each check tries to write, and so uses up the faults.
    eventually("it is ready", HEALS, async || {
        (remote.get("/ready").send().await.unwrap().status == 200).then_some(())
    })
    .await;
    remote.sign_up("last").await;
    assert_eq!(place.value("SELECT count(*) FROM accounts").await, (made + 1).to_string());
}

/// A file system over the data directory, mounted read-only. It is unmounted when dropped.
struct Mounted(std::path::PathBuf);

impl Mounted {
    fn read_only(place: &Place) -> Self {
        let folder = place.data_dir().to_owned();
        let mount = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", "ro,size=1m", "tmpfs"])
            .arg(&folder)
            .status();
        assert!(mount.unwrap().success(), "mount");
        Self(folder)
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn k02_a_read_only_file_system_is_named_at_the_start() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("not tested: only root can mount a file system");
        return;
    }
    let place = Place::new(Database::Sqlite).await;
    let _mounted = Mounted::read_only(&place);
    let ended = finish(program(&place), "").await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended.err.contains("mounted read-only: mount it writable, or choose another folder"),
        "{ended:?}"
    );
}
