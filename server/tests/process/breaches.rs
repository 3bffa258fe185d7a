//! `portcullis breaches import`, and a server that reads the imported file.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest;
use serde_json::json;

use crate::on_both_databases;
use crate::support::process::{Ended, Server, finish, program};
use crate::support::{Answer, Database, PASSWORD, Place, email};

/// Valid by every rule except the list.
const LISTED: &str = "umbrella-quartz-violin-58";
const LINES: usize = 50_000;

/// The hash of a password as in the list.
fn hash_of(password: &str) -> String {
    let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
    digest.as_ref().iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02X}").unwrap();
        text
    })
}

/// A list with this many lines in the format of the public one, including the listed password.
fn list() -> String {
    let mut hashes: Vec<String> = (1..LINES).map(|number| hash_of(&format!("password {number}"))).collect();
    hashes.push(hash_of(LISTED));
    hashes.sort_unstable();
    hashes.join(":7\r\n") + ":7\r\n"
}

async fn import(place: &Place, arguments: &[&str], input: &str) -> Ended {
    let mut command = program(place);
    command.args(["breaches", "import"]).args(arguments);
    finish(command, input).await
}

fn filter(place: &Place) -> PathBuf {
    place.data_dir().join("breaches.filter")
}

async fn sign_up(server: &Server, name: &str, password: &str) -> Answer {
    let body = json!({ "email": email(name), "full_name": name, "password": password });
    server.remote().post("/signup").json(&body).await.unwrap()
}

on_both_databases! {
    async fn p06_a_listed_password_is_refused_and_another_passes(database: Database) {
        let place = Place::new(database).await;
        let imported = import(&place, &["-"], &list()).await;
        assert_eq!(imported.code, Some(0), "{imported:?}");
        assert!(imported.out.contains("50,000 hashes of 50,000 lines"), "{imported:?}");
        assert_eq!(imported.err, "", "no progress where there is no terminal");
        assert_eq!(fs::metadata(filter(&place)).unwrap().mode() & 0o777, 0o600);

        let server = Server::start(&place).await;
        let refused = sign_up(&server, "ada", LISTED).await.assert_invalid(&["body.password"]);
        assert!(refused.text().contains("breach"), "{}", refused.text());
        sign_up(&server, "ada", PASSWORD).await.assert(201);
    }

    async fn p06_a_file_damaged_while_serving_is_logged_and_passwords_pass(database: Database) {
        let place = Place::new(database).await;
        assert_eq!(import(&place, &["-"], &list()).await.code, Some(0));
        let server = Server::start(&place).await;
        sign_up(&server, "ada", LISTED).await.assert(422);
        let warning = "the list of breached passwords could not be read";
        assert!(!server.said().contains(warning));

        overwrite(&filter(&place));
        sign_up(&server, "ada", LISTED).await.assert(201);
        let said = server.said();
        assert!(said.contains(warning) && said.contains("portcullis breaches import"), "{said}");
        assert!(!said.contains(LISTED) && !said.contains(&hash_of(LISTED)), "{said}");
    }
}

/// Overwrites everything but the header with zeros, as a failing disk might.
fn overwrite(path: &Path) {
    let file = File::options().write(true).open(path).unwrap();
    let head = 40 + 65_536 * 8;
    let zeros = vec![0; usize::try_from(file.metadata().unwrap().len()).unwrap() - head];
    file.write_all_at(&zeros, u64::try_from(head).unwrap()).unwrap();
}

#[tokio::test]
async fn an_operator_hears_what_is_wrong_with_a_list() {
    let place = Place::new(Database::Sqlite).await;
    let other = place.data_dir().join("elsewhere");
    let list = list();
    let file = place.data_dir().join("list.txt");
    fs::write(&file, &list).unwrap();
    let file = file.to_str().unwrap();

    let done = import(&place, &[file, "--breaches-file", other.to_str().unwrap()], "").await;
    assert_eq!(done.code, Some(0), "{done:?}");
    let before = fs::read(&other).unwrap();
    assert!(!filter(&place).exists());

    let reversed = list.lines().rev().collect::<Vec<_>>().join("\n");
    let cut = list.get(..list.len() - 5).unwrap();
    for (input, reason) in
        [(reversed.as_str(), "LC_ALL=C sort"), (cut, "line 50000 "), ("", "none of the 0 lines")]
    {
        let failed = import(&place, &["-", "--breaches-file", other.to_str().unwrap()], input).await;
        assert_eq!(failed.code, Some(1), "{failed:?}");
        assert!(failed.err.contains(reason) && failed.out.is_empty(), "{reason:?} is not in {failed:?}");
    }
    assert_eq!(fs::read(&other).unwrap(), before, "the older file stays");

    let missing = import(&place, &["no-such-list.txt"], "").await;
    assert_eq!(missing.code, Some(1), "{missing:?}");
    assert!(missing.err.contains("no-such-list.txt") && missing.err.contains("haveibeenpwned-downloader"));
    let rare = import(&place, &[file, "--min-count", "8"], "").await;
    assert_eq!(rare.code, Some(1), "{rare:?}");
    assert_eq!(import(&place, &[], "").await.code, Some(2));
}

#[tokio::test]
async fn a_named_file_that_is_missing_or_damaged_keeps_the_server_from_starting() {
    let place = Place::new(Database::Sqlite).await;
    let named = place.data_dir().join("named");
    for content in [None, Some("not a list")] {
        if let Some(content) = content {
            fs::write(&named, content).unwrap();
        }
        let mut command = program(&place);
        command.args(["serve", "--breaches-file", named.to_str().unwrap()]);
        let ended = finish(command, "").await;
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.err.contains("portcullis breaches import"), "{ended:?}");
    }
}
