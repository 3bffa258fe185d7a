//! The first start with an empty data directory, and starts with one that belongs to another program.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use crate::on_both_databases;
use crate::support::process::{Server, finish, program};
use crate::support::{Database, PASSWORD, Place};

on_both_databases! {
    async fn g01_a_fresh_start_has_no_account_and_no_secret_that_another_has(database: Database) {
        let mut secrets = Vec::new();
        for _ in 0..2 {
            let place = Place::new(database).await;
            let server = Server::start(&place).await;
            assert_eq!(place.value("SELECT count(*) FROM accounts").await, "0");
            for (name, password) in [("admin@localhost", "admin"), ("admin@example.com", "admin"), ("root@localhost", "root")] {
                let answer = server.remote().try_password(name, password).await.unwrap();
                assert!(answer.status.is_client_error(), "{name}: {}", answer.status);
            }
            secrets.push(fs::read_to_string(place.data_dir().join("secret.key")).unwrap());
            secrets.push(server.remote().get("/.well-known/jwks.json").send().await.unwrap().assert(200).text());
        }
        assert!(secrets[0] != secrets[2] && secrets[1] != secrets[3]);
    }

    async fn g02_what_the_server_makes_is_its_users_alone(database: Database) {
        let place = Place::new(database).await;
        let data = place.data_dir().join("deep/data");
        let mut command = program(&place);
        command.env("PORTCULLIS_DATA_DIR", &data);
        let server = Server::start_by(&place, command).await;
        server.remote().sign_up("ada").await;
        let mut seen = vec![data.clone()];
        seen.extend(fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().path()));
        for path in &seen {
            let mode = fs::metadata(path).unwrap().permissions().mode() & 0o777;
            let private = if path.is_dir() { 0o700 } else { 0o600 };
            assert_eq!(mode, private, "{}", path.display());
        }
        assert!(seen.contains(&data.join("secret.key")) && seen.contains(&data.join("objects")), "{seen:?}");
    }

    async fn g02_a_database_of_another_secret_key_is_refused(database: Database) {
        let place = Place::new(database).await;
        Server::start(&place).await.stop().await;
        let key = place.data_dir().join("secret.key");
        let kept = fs::read(&key).unwrap();
        let other = Place::new(Database::Sqlite).await;
        Server::start(&other).await.stop().await;
        fs::copy(other.data_dir().join("secret.key"), &key).unwrap();
        let ended = finish(program(&place), "").await;
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.err.contains("another secret key") && ended.err.contains("secret.key"), "{ended:?}");
        assert!(ended.out.is_empty(), "it served: {ended:?}");

        // It works again with the right key, although a wrong one was there in the meantime.
        fs::write(&key, kept).unwrap();
        Server::start(&place).await.stop().await;
    }

    async fn g02_a_missing_key_is_never_replaced_where_the_database_has_keys(database: Database) {
        let place = Place::new(database).await;
        Server::start(&place).await.stop().await;
        let key = place.data_dir().join("secret.key");
        fs::remove_file(&key).unwrap();
        // With PostgreSQL, a read-only command cannot know whether it has keys, so it names the missing file.
        let of_file = [&["doctor"][..], &["user", "list"]];
        let readers = if matches!(database, Database::Sqlite) { &of_file[..] } else { &[] };
        let makers = [&[][..], &["user", "add", "ada@example.com"]];
        for arguments in makers.iter().chain(readers) {
            let mut command = program(&place);
            command.args(*arguments);
            let ended = finish(command, PASSWORD).await;
            assert_eq!(ended.code, Some(1), "{ended:?}");
            assert!(ended.err.contains("the secret key is missing") && ended.err.contains("backup"), "{ended:?}");
            assert!(!key.exists(), "a new key was made");
        }
    }

    async fn a_command_in_the_wrong_folder_makes_nothing(database: Database) {
        let place = Place::new(database).await;
        let wrong = place.data_dir().join("mistyped");
        for arguments in [
            &["user", "list"][..],
            &["user", "delete", "1", "--yes"],
            &["webhook", "list"],
            &["doctor"],
            &["breaches", "import", "-"],
        ] {
            let mut command = program(&place);
            command.args(arguments).env("PORTCULLIS_DATA_DIR", &wrong);
            let ended = finish(command, "").await;
            assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""), "{ended:?}");
            assert!(ended.err.contains("no Portcullis data in") && ended.err.contains("mistyped"), "{ended:?}");
            assert!(!wrong.exists(), "{arguments:?} made a folder");
        }
    }

    async fn g07_a_database_of_a_newer_program_is_refused(database: Database) {
        let place = Place::new(database).await;
        Server::start(&place).await.stop().await;
        place.sql(
            &format!("INSERT INTO schema_migrations (version, name, checksum) VALUES (9999, 'from the future', {})", bytes(database)),
        ).await;
        let before = place.dump().await;
        for arguments in [&[][..], &["user", "list"]] {
            let mut command = program(&place);
            command.args(arguments);
            let ended = finish(command, "").await;
            assert_eq!(ended.code, Some(1), "{ended:?}");
            assert!(ended.err.contains("9999") && ended.err.contains("newer program"), "{ended:?}");
            assert!(ended.out.is_empty(), "{ended:?}");
        }
        assert_eq!(place.dump().await, before);
    }

    async fn g07_a_database_of_another_build_is_refused(database: Database) {
        let place = Place::new(database).await;
        Server::start(&place).await.stop().await;
        place.sql(&format!("UPDATE schema_migrations SET checksum = {}", bytes(database))).await;
        let ended = finish(program(&place), "").await;
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.err.contains("another build"), "{ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn g02_a_secret_key_that_others_may_read_is_refused() {
    let place = Place::new(Database::Sqlite).await;
    Server::start(&place).await.stop().await;
    let key = place.data_dir().join("secret.key");
    for mode in [0o640, 0o604, 0o660] {
        fs::set_permissions(&key, Permissions::from_mode(mode)).unwrap();
        let ended = finish(program(&place), "").await;
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.err.contains("chmod 600") && ended.out.is_empty(), "{ended:?}");
        assert!(!ended.err.contains(fs::read_to_string(&key).unwrap().trim()), "the key itself is shown");
    }
    fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
    Server::start(&place).await.stop().await;
}

/// Needs root, as in the containers of CI, because only root may change a file's owner.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn g02_a_key_that_is_mounted_for_a_group_or_all_is_taken() {
    let place = Place::new(Database::Sqlite).await;
    Server::start(&place).await.stop().await;
    let key = place.data_dir().join("secret.key");
    let credentials = tempfile::tempdir().unwrap();
    let credential = credentials.path().join("portcullis.key");
    fs::rename(&key, &credential).unwrap();
    let start = || {
        let mut command = program(&place);
        command.env("CREDENTIALS_DIRECTORY", credentials.path());
        command
    };
    Server::start_by(&place, start()).await.stop().await;
    assert!(!key.exists(), "the credential is the key");
    if std::os::unix::fs::chown(&credential, Some(4711), None).is_err() {
        return;
    }
    for mode in [0o440, 0o640, 0o444] {
        fs::set_permissions(&credential, Permissions::from_mode(mode)).unwrap();
        Server::start_by(&place, start()).await.stop().await;
    }
    for mode in [0o660, 0o646] {
        fs::set_permissions(&credential, Permissions::from_mode(mode)).unwrap();
        let ended = finish(start(), "").await;
        assert_eq!((ended.code, ended.err.contains("chmod 600")), (Some(1), true), "{ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn g02_a_sample_or_missing_secret_key_is_refused() {
    let place = Place::new(Database::Sqlite).await;
    let key = place.data_dir().join("my.key");
    let attempt = async || {
        let mut command = program(&place);
        command.env("PORTCULLIS_SECRET_KEY_FILE", &key);
        finish(command, "").await
    };
    let ended = attempt().await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.contains("my.key") && ended.err.contains("secret_key_file"), "{ended:?}");
    for sample in ["changeme", PASSWORD, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", ""] {
        fs::write(&key, sample).unwrap();
        fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
        let ended = attempt().await;
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.err.contains("openssl rand -base64 32"), "{ended:?}");
        assert!(sample.is_empty() || !ended.err.contains(sample), "the key itself is shown: {ended:?}");
    }
    assert!(!place.data_dir().join("secret.key").exists(), "no other key is made in its stead");
}

/// Bytes as a literal of each database.
fn bytes(database: Database) -> &'static str {
    match database {
        Database::Sqlite => "x'00'",
        Database::Postgres => "'x'",
    }
}
