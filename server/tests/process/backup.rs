//! `portcullis backup` and `portcullis restore`: what is restored, what is not, and what is rejected.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::operator::path_of;
use super::pictures::picture;
use crate::support::process::{Ended, Server, finish, program};
use crate::support::{Database, PASSWORD, Place, email};

async fn portcullis(place: &Place, arguments: &[&str]) -> Ended {
    let mut command = program(place);
    command.args(arguments);
    finish(command, "").await
}

#[track_caller]
fn done(ended: &Ended) -> &str {
    assert_eq!(ended.code, Some(0), "{ended:?}");
    &ended.out
}

#[track_caller]
fn refused(ended: &Ended, words: &str) {
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.contains(words) && ended.out.is_empty(), "{words:?} is not in {ended:?}");
}

/// A backup of a running server with Ada, her picture and a pending password reset.
async fn backed_up(arguments: &[&str]) -> (Place, PathBuf, tempfile::TempDir, String, String) {
    let place = Place::new(Database::Sqlite).await;
    let server = Server::start(&place).await;
    let ada = server.remote().as_user("ada").await;
    let uploaded = ada.post("/upload-profile-image").file("file", "image/png", &picture(1)).await.unwrap();
    let url = path_of(&uploaded.assert(201).json()["url"]);
    server
        .remote()
        .post("/password/forgot")
        .json(&json!({ "email": email("ada") }))
        .await
        .unwrap()
        .assert(202);
    // A login that waits for its second factor, and an app that is being added.
    place
        .sql(
            "INSERT INTO logins (digest, account_id, epoch, method, scope, transport, expires_at)
             SELECT randomblob(32), id, 0, 'pwd', '', 'bearer', 9000000000000000 FROM accounts",
        )
        .await;
    place
        .sql(
            "INSERT INTO totp_enrolments (account_id, session_id, sealed_key, expires_at)
             SELECT account_id, id, x'00', 9000000000000000 FROM sessions LIMIT 1",
        )
        .await;
    // A browser that is at a provider, one that is to enter a code, a remembered device.
    for sql in [
        "INSERT INTO social_attempts (digest, cookie_digest, provider, sealed, way_back, expires_at)
         VALUES (randomblob(32), randomblob(32), 'acme', x'00', '/account', 9000000000000000)",
        "INSERT INTO link_proofs (digest, issuer, subject, provider, way_back, expires_at)
         VALUES (randomblob(32), 'https://acme.example', '1', 'acme', '/account', 9000000000000000)",
        "INSERT INTO remembered_devices (id, digest, account_id, name, created_at, expires_at)
         SELECT randomblob(16), randomblob(32), id, 'Firefox on Linux', 0, 9000000000000000 FROM accounts LIMIT 1",
        "INSERT INTO share_links (id, digest, object_type, object_number, permission, given_by, created_at, expires_at)
         SELECT randomblob(16), randomblob(32), 'page', 1, 'page:read', id, 0, 9000000000000000 FROM accounts LIMIT 1",
    ] {
        place.sql(sql).await;
    }
    let key = json!({ "name": "key", "scope": "profile:read" });
    ada.post("/keys").json(&key).await.unwrap().assert(201);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("backup.tar");
    place.sql("INSERT INTO groups (id, kind, name, created_at) VALUES (zeroblob(16), 'organisation', 'Acme', 0)").await;
    place.sql("INSERT INTO invitations (id, digest, group_id, email, role, invited_by, created_at, expires_at) SELECT randomblob(16), randomblob(32), zeroblob(16), 'eve@example.com', 'member', min(id), 0, 9000000000000000 FROM accounts").await;
    let mut all = vec!["backup", file.to_str().unwrap()];
    all.extend(arguments);
    assert!(done(&portcullis(&place, &all).await).contains("the database and 1 pictures"));
    server.remote().sign_up("bob").await;
    let token = ada.token().unwrap().to_owned();
    server.stop().await;
    (place, file, folder, url, token)
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn g06_a_backup_of_a_running_server_brings_accounts_and_pictures_back_and_no_session_or_link() {
    let (place, file, folder, url, token) = backed_up(&[]).await;
    assert_eq!(names(folder.path()), ["backup.tar"], "nothing is left beside it");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let key = fs::read_to_string(place.data_dir().join("secret.key")).unwrap();
    let bytes = fs::read(&file).unwrap();
    assert!(
        !bytes.windows(key.trim().len()).any(|window| window == key.trim().as_bytes()),
        "the key is in it"
    );
    let file = file.to_str().unwrap();
    refused(&portcullis(&place, &["backup", file]).await, "exists; choose another name");
    assert_eq!(fs::read(file).unwrap(), bytes, "the file that was there is as it was");
    refused(&portcullis(&place, &["restore", file]).await, "never overwrites data");

    let other = Place::new(Database::Sqlite).await;
    refused(&portcullis(&other, &["restore", file]).await, "copy the key there first");
    assert_eq!(names(other.data_dir()), [""; 0], "nothing is begun");
    fs::copy(place.data_dir().join("secret.key"), other.data_dir().join("secret.key")).unwrap();
    let said = portcullis(&other, &["restore", file]).await;
    assert!(done(&said).contains("All sessions and API keys have ended"), "{said:?}");
    assert_eq!(names(other.data_dir()), ["objects", "portcullis.db", "secret.key"]);
    for table in [
        "links",
        "invitations",
        "mails",
        "logins",
        "totp_enrolments",
        "api_keys",
        "social_attempts",
        "link_proofs",
        "remembered_devices",
        "share_links",
    ] {
        assert_eq!(other.value(&format!("SELECT count(*) FROM {table}")).await, "0", "{table}");
    }
    assert_eq!(other.value("SELECT count(*) FROM sessions WHERE ended_at IS NULL").await, "0");
    assert_eq!(other.value("SELECT actor FROM audit_events WHERE event = 'data.restored'").await, "operator");
    refused(&portcullis(&other, &["restore", file]).await, "never overwrites data");

    let server = Server::start(&other).await;
    server.remote().with_token(&token).get("/profile").send().await.unwrap().assert(401);
    let ada = server.remote().log_in("ada").await;
    assert!(!ada.get(&url).send().await.unwrap().assert(200).body.is_empty());
    server.remote().try_password(&email("bob"), PASSWORD).await.unwrap().assert(401);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_secret_key_comes_along_when_it_is_asked_for() {
    let (place, file, _folder, ..) = backed_up(&["--with-secret-key"]).await;
    let file = file.to_str().unwrap();
    let other = Place::begun(Database::Sqlite).await;
    fs::remove_file(other.data_dir().join("portcullis.db")).unwrap();
    refused(&portcullis(&other, &["restore", file]).await, "is not the secret key of this backup");
    fs::remove_file(other.data_dir().join("secret.key")).unwrap();
    done(&portcullis(&other, &["restore", file]).await);
    let key = |place: &Place| fs::read(place.data_dir().join("secret.key")).unwrap();
    assert_eq!(key(&place), key(&other));
    let mode = fs::metadata(other.data_dir().join("secret.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let server = Server::start(&other).await;
    server.remote().log_in("ada").await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn g06_what_is_no_whole_backup_changes_nothing() {
    let (_place, good, folder, ..) = backed_up(&["--with-secret-key"]).await;
    let whole = fs::read(&good).unwrap();
    let archive = |entries: &[(&str, &[u8])]| {
        let mut tar = tar::Builder::new(Vec::new());
        for (name, content) in entries {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            // `set_path` rejects what an attacker would write.
            header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
            header.set_cksum();
            tar.append(&header, *content).unwrap();
        }
        tar.into_inner().unwrap()
    };
    let manifest: &[u8] = br#"{"format":1,"version":"0.1.0","created_at":"2026-11-30T00:00:00Z"}"#;
    let newer: &[u8] = br#"{"format":2,"version":"9.0.0","created_at":"2026-11-30T00:00:00Z"}"#;
    // One bit of Ada's name, in the middle of the database.
    let mut damaged = whole.clone();
    let at = whole.windows(15).position(|bytes| bytes == email("ada").as_bytes()).unwrap();
    damaged[at] ^= 1;
    for (content, words) in [
        (damaged, "its checksum does not match"),
        (Vec::new(), "not a backup"),
        (b"no archive at all".repeat(100), "cannot restore"),
        (whole[..whole.len() / 2].to_vec(), "cannot restore"),
        (archive(&[("other.json", manifest)]), "not a backup"),
        (archive(&[("portcullis-backup.json", newer)]), "newer version"),
        (archive(&[("portcullis-backup.json", manifest)]), "it has no database"),
        // The picture and the end are missing, although no entry is truncated.
        (archive(&[("portcullis-backup.json", manifest), ("portcullis.db", b"x")]), "ends too early"),
        (
            archive(&[("portcullis-backup.json", manifest), ("../../evil", b"x")]),
            "an entry that does not belong to a backup",
        ),
        (
            archive(&[("portcullis-backup.json", manifest), ("profile-images/../x", b"x")]),
            "an entry that does not belong to a backup",
        ),
        (archive(&[("portcullis-backup.json", manifest), ("secret.key", &[b'x'; 4097])]), "too large"),
    ] {
        let other = Place::new(Database::Sqlite).await;
        let file = folder.path().join("bad.tar");
        fs::write(&file, content).unwrap();
        refused(&portcullis(&other, &["restore", file.to_str().unwrap()]).await, words);
        assert_eq!(names(other.data_dir()), [""; 0], "{words}");
    }
    let other = Place::new(Database::Sqlite).await;
    refused(&portcullis(&other, &["restore", "/nowhere.tar"]).await, "/nowhere.tar");
    refused(&portcullis(&other, &["backup", "/nowhere/b.tar"]).await, "no Portcullis data");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_has_tools_of_its_own() {
    let place = Place::begun(Database::Postgres).await;
    let file = place.data_dir().join("b.tar");
    refused(&portcullis(&place, &["backup", file.to_str().unwrap()]).await, "pg_dump");
    File::create(&file).unwrap();
    refused(&portcullis(&place, &["restore", file.to_str().unwrap()]).await, "pg_restore");
}
