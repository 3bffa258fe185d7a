//! An invalid configuration is rejected at startup. The error says what to do and contains no secret.

use std::os::unix::fs::PermissionsExt as _;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::support::process::{Ended, PATIENCE, Server, eventually, finish, program};
use crate::support::{Database, Place};

/// Starts the server with these arguments and variables, and expects it to refuse to start.
async fn refused(arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
    let place = Place::new(Database::Sqlite).await;
    let mut command = program(&place);
    command.args(arguments).envs(variables.iter().copied());
    let ended = finish(command, "").await;
    assert!(ended.out.is_empty(), "it served: {ended:?}");
    ended
}

#[track_caller]
fn assert_refused(ended: &Ended, code: i32, words: &[&str]) {
    assert_eq!(ended.code, Some(code), "{ended:?}");
    for word in words {
        assert!(ended.err.contains(word), "{word:?} is not in {ended:?}");
    }
}

#[tokio::test]
async fn t15_a_server_for_others_needs_its_public_address() {
    let place = Place::new(Database::Sqlite).await;
    let mut command = program(&place);
    command.env_remove("PORTCULLIS_PUBLIC_URL").args(["--listen", "0.0.0.0:0"]);
    assert_refused(&finish(command, "").await, 2, &["public_url", "PORTCULLIS_PUBLIC_URL", "--public-url"]);
}

#[tokio::test]
async fn t15_a_setting_that_there_is_not_is_refused_with_the_nearest() {
    let ended = refused(&[], &[("PORTCULLIS_PUBLIC_URI", "https://login.example")]).await;
    assert_refused(&ended, 2, &["PORTCULLIS_PUBLIC_URI", "Did you mean PORTCULLIS_PUBLIC_URL?"]);

    let place = Place::new(Database::Sqlite).await;
    let file = place.data_dir().join("portcullis.toml");
    for (text, words) in [
        ("limitz = 'off'\n", ["limitz", "Did you mean limits?"]),
        ("\nlimits = 'sometimes'\n", ["line 2", "portcullis.toml"]),
        ("limits = \n", ["line 1", "portcullis.toml"]),
    ] {
        std::fs::write(&file, text).unwrap();
        assert_refused(&refused(&["--config", file.to_str().unwrap()], &[]).await, 2, &words);
    }
    assert_refused(
        &refused(&["--config", "/nowhere/p.toml"], &[]).await,
        2,
        &["/nowhere/p.toml", "--config"],
    );
    assert_refused(&refused(&["--limitz", "off"], &[]).await, 2, &["--limitz"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t15_variables_of_a_kubernetes_service_are_ignored_with_one_line() {
    let place = Place::new(Database::Sqlite).await;
    let mut command = program(&place);
    command
        .env("PORTCULLIS_PORT", "tcp://10.0.0.1:80")
        .env("PORTCULLIS_SERVICE_HOST", "10.0.0.1")
        .env("PORTCULLIS_SERVICE_PORT", "80")
        .env("PORTCULLIS_PORT_8000_TCP_ADDR", "10.0.0.1");
    let server = Server::start_by(&place, command).await;
    assert_eq!(
        server.said().matches("they are not settings and are ignored").count(),
        1,
        "{}",
        server.said()
    );
    server.stop().await;
    let ended = refused(&[], &[("PORTCULLIS_PORT", "8000")]).await;
    assert_refused(&ended, 2, &["unknown setting in the environment: PORTCULLIS_PORT."]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_listens_by_name_on_every_interface_and_on_a_socket() {
    for listen in ["localhost:0", ":0"] {
        let place = Place::new(Database::Sqlite).await;
        let mut command = program(&place);
        command.args(["--listen", listen]);
        let server = Server::start_by(&place, command).await;
        let port = server.address().port();
        tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        server.stop().await;
    }

    let place = Place::new(Database::Sqlite).await;
    let socket = place.data_dir().join("p.sock");
    // What a killed process leaves behind.
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    let listen = format!("unix:{}", socket.display());
    let serve = || {
        let mut command = program(&place);
        command.args(["--listen", &listen, "--trusted-proxies", "127.0.0.1"]);
        command
    };
    let mut child = serve().stdout(std::process::Stdio::null()).spawn().unwrap();
    let answer = eventually("the socket answers", PATIENCE, async || {
        let mut stream = tokio::net::UnixStream::connect(&socket).await.ok()?;
        stream.write_all(b"GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        Some(answer)
    })
    .await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let mode = std::fs::metadata(&socket).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o660);
    let second = finish(serve(), "").await;
    assert_refused(&second, 1, &["a server is listening there", "--listen"]);

    let pid = Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    assert_eq!(child.wait().await.unwrap().code(), Some(0));
    assert!(!socket.exists(), "the socket is removed at the stop");

    std::fs::write(&socket, "not a socket").unwrap();
    assert_refused(&finish(serve(), "").await, 1, &["not a socket"]);
    assert_eq!(std::fs::read_to_string(&socket).unwrap(), "not a socket");
}

#[tokio::test]
async fn t15_a_setting_that_makes_no_sense_is_refused() {
    for (arguments, word) in [
        (["--access-token-ttl", "2h"], "access_token_ttl"),
        (["--password-min-length", "7"], "password_min_length"),
        (["--trusted-proxies", "0.0.0.0/0"], "trusted_proxies"),
        (["--database-connections", "0"], "database_connections"),
        (["--public-url", "http://login.example"], "https"),
        (["--log", "portcullis=loud"], "log"),
        (["--listen", "8000"], "--listen"),
        (["--limits", "maybe"], "--limits"),
    ] {
        assert_refused(&refused(&arguments, &[]).await, 2, &[word]);
    }
}

#[tokio::test]
async fn t15_g02_a_bad_address_is_refused_without_its_password() {
    for (name, url, code) in [
        ("PORTCULLIS_DATABASE_URL", "postgres://ana:hunter2@127.0.0.1:port/shop", 2),
        ("PORTCULLIS_DATABASE_URL", "postgres://ana:hunter2/shop@127.0.0.1/x", 2),
        ("PORTCULLIS_DATABASE_URL", "mysql://ana:hunter2@127.0.0.1/shop", 2),
        // Nothing listens on the discard port.
        ("PORTCULLIS_DATABASE_URL", "postgres://ana:hunter2@127.0.0.1:9/shop", 1),
        ("PORTCULLIS_DATABASE_URL", "sqlite:///nowhere/hunter2/../p.db?password=hunter2", 2),
        ("PORTCULLIS_PUBLIC_URL", "https://ana:hunter2@login.example", 2),
    ] {
        let ended = refused(&[], &[(name, url)]).await;
        assert_eq!(ended.code, Some(code), "{url}: {ended:?}");
        assert!(!ended.err.contains("hunter2") && ended.err.len() > 20, "{url}: {ended:?}");
    }
    let place = Place::new(Database::Sqlite).await;
    let file = place.data_dir().join("portcullis.toml");
    std::fs::write(&file, "database_url = \"postgres://ana:hunter2@db.example/shop\nlog = 1\n").unwrap();
    let ended = refused(&["--config", file.to_str().unwrap()], &[]).await;
    assert_refused(&ended, 2, &["line 1"]);
    assert!(!ended.err.contains("hunter2"), "{ended:?}");
}

#[tokio::test]
async fn a_port_in_use_is_said_before_anything_is_made() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let place = Place::new(Database::Sqlite).await;
    let mut command = program(&place);
    command.args(["--listen", &address]);
    assert_refused(&finish(command, "").await, 1, &[&address, "--listen"]);
    assert_eq!(std::fs::read_dir(place.data_dir()).unwrap().count(), 0);
}

#[tokio::test]
async fn g02_neither_help_nor_the_log_shows_a_setting_that_is_secret() {
    let place = Place::new(Database::Sqlite).await;
    let url = "postgres://ana:hunter2@db.example/shop";
    for arguments in
        [&["--help"][..], &["-h"], &["user", "--help"], &["user", "add", "--help"], &["--version"]]
    {
        let mut command = program(&place);
        command.env("PORTCULLIS_DATABASE_URL", url).args(arguments);
        let ended = finish(command, "").await;
        assert_eq!(ended.code, Some(0));
        let said = ended.out + &ended.err;
        assert!(!said.contains("hunter2") && !said.contains("db.example"), "{arguments:?}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flag_beats_a_variable_and_that_beats_the_file() {
    let place = Place::new(Database::Sqlite).await;
    let file = place.data_dir().join("portcullis.toml");
    std::fs::write(&file, "log_format = 'json'\nlog = 'off'\naccess_token_ttl = '30s'\n").unwrap();
    let mut command = program(&place);
    command.env("PORTCULLIS_CONFIG", &file).env("PORTCULLIS_LOG", "warn").args(["--log", "info"]);
    let server = Server::start_by(&place, command).await;
    server.remote().sign_up("ada").await;
    let answer = server.remote().try_password("ada@example.com", crate::support::PASSWORD).await.unwrap();
    assert_eq!(answer.assert(200).json()["expires_in"], 30, "from the file");
    let log = server.said();
    let line = log
        .lines()
        .find(|line| line.starts_with('{'))
        .expect("JSON, from the file, and lines at all, from the flag");
    assert_eq!(serde_json::from_str::<serde_json::Value>(line).unwrap()["level"], "INFO");
}
