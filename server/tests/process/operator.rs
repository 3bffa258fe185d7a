//! `portcullis user …`, alone and next to a running server.

use http::StatusCode;
use serde_json::Value;

use super::pictures::picture;
use crate::on_both_databases;
use crate::support::process::{Ended, Server, finish, program};
use crate::support::remote::Remote;
use crate::support::{Database, PASSWORD, Place, email};

const NEW_PASSWORD: &str = "quiet-meadow-lighthouse-4";

/// `portcullis user …`, with a password on standard input.
async fn user(place: &Place, arguments: &[&str], input: &str) -> Ended {
    let mut command = program(place);
    command.arg("user").args(arguments);
    finish(command, input).await
}

#[track_caller]
fn done(ended: &Ended) -> &str {
    assert_eq!(ended.code, Some(0), "{ended:?}");
    &ended.out
}

/// Asserts that it failed with this exit code, and that standard error contains these words.
#[track_caller]
fn failed(ended: &Ended, code: i32, reason: &str) {
    assert_eq!(ended.code, Some(code), "{ended:?}");
    assert!(ended.err.contains(reason) && ended.out.is_empty(), "{reason:?} is not in {ended:?}");
}

async fn can_log_in(remote: &Remote, name: &str, password: &str) -> StatusCode {
    remote.try_password(&email(name), password).await.unwrap().status
}

on_both_databases! {
    async fn g01_an_operator_makes_the_first_account_before_the_server_runs(database: Database) {
        let place = Place::new(database).await;
        let arguments = ["add", "Ada@Example.com", "--full-name", "Ada Lovelace", "--password-stdin"];
        let added = user(&place, &arguments, PASSWORD).await;
        assert_eq!(done(&added), "Created account 1: ada@example.com (Ada Lovelace).\n");
        // Standard input that is not a terminal is read without a prompt.
        let added = user(&place, &["add", "bob@example.com", "--admin"], PASSWORD).await;
        assert_eq!(done(&added), "Created administrator 2: bob@example.com (bob).\n");

        let server = Server::start(&place).await;
        let ada = server.remote().log_in("ada").await;
        assert_eq!(ada.get("/profile").send().await.unwrap().assert(200).json()["full_name"], "Ada Lovelace");
        assert_eq!(place.value("SELECT DISTINCT actor FROM audit_events WHERE account_id = 2").await, "operator");
    }

    async fn s08_a_disabled_account_is_out_at_once_and_comes_back(database: Database) {
        let place = Place::new(database).await;
        let server = Server::start(&place).await;
        let ada = server.remote().as_user("ada").await;
        let bob = server.remote().as_user("bob").await;

        let disabled = user(&place, &["disable", "ADA@example.com"], "").await;
        assert_eq!(done(&disabled), "ada@example.com (1) cannot log in; its sessions have ended.\n");
        assert_eq!(ada.status_of_profile().await, 401);
        assert_eq!(can_log_in(&server.remote(), "ada", PASSWORD).await, 401);
        assert!(done(&user(&place, &["show", "1"], "").await).contains("Status    disabled"));
        assert_eq!(bob.status_of_profile().await, 200, "others are not concerned");

        done(&user(&place, &["enable", "1"], "").await);
        assert_eq!(ada.status_of_profile().await, 401, "the old session stays ended");
        assert_eq!(can_log_in(&server.remote(), "ada", PASSWORD).await, 200);
    }

    async fn s07_a_new_password_ends_what_the_old_one_began(database: Database) {
        let place = Place::new(database).await;
        let server = Server::start(&place).await;
        let ada = server.remote().as_user("ada").await;
        let set = user(&place, &["set-password", "1", "--password-stdin"], &format!("{NEW_PASSWORD}\n")).await;
        assert_eq!(done(&set), "ada@example.com (1) has a new password; its sessions have ended.\n");
        assert_eq!(ada.status_of_profile().await, 401);
        assert_eq!(can_log_in(&server.remote(), "ada", PASSWORD).await, 401);
        assert_eq!(can_log_in(&server.remote(), "ada", NEW_PASSWORD).await, 200);
    }

    async fn s07_a_deleted_account_leaves_nothing_but_its_number(database: Database) {
        let place = Place::new(database).await;
        let server = Server::start(&place).await;
        let ada = server.remote().as_user("ada").await;
        let bob = server.remote().as_user("bob").await;
        let uploaded = ada.post("/upload-profile-image").file("file", "image/png", &picture(1)).await.unwrap();
        let url = path_of(&uploaded.assert(201).json()["url"]);
        let objects = place.data_dir().join("objects/profile-images");
        assert_eq!(std::fs::read_dir(&objects).unwrap().count(), 1);

        failed(&user(&place, &["delete", "1"], "ada@example.com\n").await, 1, "add --yes");
        assert_eq!(ada.status_of_profile().await, 200, "it was not meant");
        done(&user(&place, &["delete", "1", "--yes"], "").await);
        assert_eq!(ada.status_of_profile().await, 401);
        ada.get(&url).send().await.unwrap().assert(401);
        bob.get("/profile/1").send().await.unwrap().assert(404);
        bob.get(&url).send().await.unwrap().assert(404);
        assert_eq!(std::fs::read_dir(&objects).unwrap().count(), 0, "the picture's bytes are gone");
        assert_eq!(can_log_in(&server.remote(), "ada", PASSWORD).await, 401);

        let kept = place.sql("SELECT event FROM audit_events WHERE account_id = 1 ORDER BY at, id").await.concat();
        assert!(kept.iter().any(|event| event == "account.signed_up"), "{kept:?}");
        assert_eq!(kept.last().map(String::as_str), Some("account.deleted"));
        let dump = place.dump().await;
        assert!(!dump.contains("ada@example.com"), "the address is still somewhere: {dump}");
        let again = server.remote().sign_up("ada").await.json();
        assert_eq!(again["id"], 3, "a number is never given again");
    }

    async fn an_operator_invites_someone_who_chooses_a_password(database: Database) {
        let place = Place::new(database).await;
        done(&user(&place, &["add", "bob@example.com"], PASSWORD).await);
        let invited = user(&place, &["invite", "ada@example.com", "--full-name", "Ada Lovelace", "--admin", "--language", "de"], "").await;
        assert!(done(&invited).starts_with("Created account 2: ada@example.com."));
        assert!(done(&user(&place, &["show", "2"], "").await).contains("Role      admin"));
        failed(&user(&place, &["invite", "ADA@example.com"], "").await, 1, "already has an account");
        failed(&user(&place, &["invite", "no address"], "").await, 1, "is not an email address");
        failed(&user(&place, &["invite", "eve@example.com", "--language", "xx"], "").await, 1, "one of en, de, es");
        assert_eq!(place.value("SELECT count(*) FROM accounts").await, "2");
        let server = Server::start(&place).await;
        assert_eq!(can_log_in(&server.remote(), "ada", PASSWORD).await, 401);
        assert_eq!(place.value("SELECT actor FROM audit_events WHERE event = 'account.signed_up' AND account_id = 2").await, "operator");
    }

    async fn an_operator_removes_a_lost_second_factor(database: Database) {
        let place = Place::new(database).await;
        done(&user(&place, &["add", "ada@example.com"], PASSWORD).await);
        failed(&user(&place, &["remove-factor", "1"], "").await, 1, "ada@example.com (1) does not have a second factor");
        let key = match database {
            Database::Sqlite => "x'00'",
            Database::Postgres => "'\\x00'::bytea",
        };
        place.sql(&format!("INSERT INTO totp (account_id, sealed_key, last_step, created_at) VALUES (1, {key}, 1, 1)")).await;
        let removed = user(&place, &["remove-factor", "ADA@example.com"], "").await;
        assert_eq!(done(&removed), "ada@example.com (1) no longer has a second factor; its sessions have ended.\n");
        assert_eq!(place.value("SELECT count(*) FROM totp").await, "0");
        assert_eq!(place.value("SELECT actor FROM audit_events WHERE event = 'factor.totp_removed'").await, "operator");
    }

    async fn what_an_operator_cannot_do_is_said(database: Database) {
        let place = Place::new(database).await;
        done(&user(&place, &["add", "ada@example.com"], PASSWORD).await);
        let nobody = [("show", "eve@example.com"), ("show", "7"), ("disable", "7"), ("enable", "no address"), ("set-password", "7")];
        for (command, account) in nobody {
            failed(&user(&place, &[command, account], PASSWORD).await, 1, &format!("error: no account {account};"));
        }
        failed(&user(&place, &["delete", "7", "--yes"], "").await, 1, "no account 7;");
        // The address and the name are checked first, so the password is not read.
        failed(&user(&place, &["add", "ADA@example.com"], "").await, 1, "already has an account");
        failed(&user(&place, &["add", "no address"], "").await, 1, "`no address` is not an email address");
        failed(&user(&place, &["add", "bob@example.com", "--full-name", " "], "").await, 1, "--full-name");
        failed(&user(&place, &["add", "bob@example.com"], "tiny-91").await, 1, "the password is too short; use at least 12 characters");
        for weak in ["tiny-91", "password1234", "ada@example.com"] {
            let ended = user(&place, &["set-password", "1"], weak).await;
            failed(&ended, 1, "password");
            assert!(!ended.err.contains(weak), "a password is never repeated: {ended:?}");
        }
        failed(&user(&place, &["set-password", "1"], "\n").await, 1, "empty");
        assert_eq!(done(&user(&place, &["list"], "").await).lines().count(), 2);
    }
}

/// The path of an address of this server.
pub(super) fn path_of(url: &Value) -> String {
    url.as_str().unwrap().strip_prefix("http://localhost:8000").unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn g02_a_password_is_never_an_argument() {
    let place = Place::new(Database::Sqlite).await;
    for arguments in [
        &["add", "ada@example.com", "--password", PASSWORD][..],
        &["add", "ada@example.com", PASSWORD],
        &["set-password", "1", "--password", PASSWORD],
        &["set-password", "1", PASSWORD],
    ] {
        failed(&user(&place, arguments, "").await, 2, "unexpected argument");
    }
    failed(&user(&place, &["add"], "").await, 2, "<EMAIL>");
    failed(&user(&place, &["befriend", "1"], "").await, 2, "unrecognized subcommand");
    assert!(!place.data_dir().join("portcullis.db").exists(), "nothing was begun");
}
