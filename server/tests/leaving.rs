//! Leaving: the export, and a deletion that leaves no data behind.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use http::Method;
use image::ImageFormat;
use serde_json::json;

use crate::on_both_databases;
use crate::pictures::picture;
use crate::support::{Client, Database, PASSWORD, TestApp, email};

const DAY: u64 = 24 * 60 * 60;

/// An account with every kind of data that an account can have.
async fn full_account(app: &TestApp, name: &str) -> (i64, Client) {
    let id = app.sign_up(name).await;
    let client = app.log_in(name).await;
    client
        .post("/upload-profile-image")
        .file("file", "image/png", &picture(ImageFormat::Png, 8, 8))
        .await
        .assert(201);
    client.patch("/profile").json(&json!({ "full_name": "Ada Lovelace-Xyzzy" })).await.assert(200);
    app.stranger().try_password(&email(name), "wrong-password-1").await.assert(401);
    app.stranger().log_in_with_cookie(&email(name)).await;
    (id, client)
}

/// A PNG that hardly compresses.
fn noise() -> Vec<u8> {
    let mut state = 1_u32;
    let pixels = image::RgbImage::from_fn(300, 300, |_, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let [red, green, blue, _] = state.to_be_bytes();
        image::Rgb([red, green, blue])
    });
    let mut bytes = Vec::new();
    pixels.write_to(&mut std::io::Cursor::new(&mut bytes), ImageFormat::Png).unwrap();
    bytes
}

fn files_under(folder: &Path) -> Vec<Vec<u8>> {
    // Sent emails are out of the server's hands, even if they went to a folder.
    if folder.ends_with("mail") {
        return Vec::new();
    }
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    entries
        .flat_map(|entry| {
            let path = entry.unwrap().path();
            // A file that has disappeared meanwhile, such as SQLite's log, contains nothing.
            if path.is_dir() { files_under(&path) } else { std::fs::read(path).into_iter().collect() }
        })
        .collect()
}

/// Asserts that the database and the object store contain nothing of the account except its number in the audit trail.
async fn assert_forgotten(app: &TestApp, id: i64, name: &str, database: Database) {
    let dump = app.place.dump().await;
    for trace in [email(name).as_str(), "Lovelace-Xyzzy"] {
        assert!(!dump.contains(trace), "{trace} is still in the database");
    }
    for (table, column) in [
        ("accounts", "id"),
        ("sessions", "account_id"),
        ("known_addresses", "account_id"),
        ("links", "account_id"),
        ("mails", "account_id"),
        ("profile_images", "account_id"),
        ("totp", "account_id"),
        ("totp_enrolments", "account_id"),
        ("recovery_codes", "account_id"),
        ("logins", "account_id"),
    ] {
        let left = app.place.value(&format!("SELECT COUNT(*) FROM {table} WHERE {column} = {id}")).await;
        assert_eq!(left, "0", "{table}");
    }
    assert!(files_under(&app.place.data_dir().join("objects")).is_empty(), "the picture is still there");
    if database == Database::Sqlite {
        for file in files_under(app.place.data_dir()) {
            let holds = |text: &str| file.windows(text.len()).any(|bytes| bytes == text.as_bytes());
            assert!(!holds(&email(name)) && !holds("Lovelace-Xyzzy"), "a file still holds it");
        }
    }
}

/// Waits until the first sweep of a new instance has done it.
async fn until(app: &TestApp, sql: &str, expected: &str) {
    for _ in 0..200 {
        if app.place.value(sql).await == expected {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("the sweep did not come to {sql} = {expected}");
}

on_both_databases! {
    async fn g08_the_export_holds_everything_and_is_the_owners_alone(database: Database) {
        let app = TestApp::new(database).await;
        let (id, ada) = full_account(&app, "ada").await;
        let (_, ben) = full_account(&app, "ben").await;
        let export = ada.get("/export").send().await.assert(200);
        assert_eq!(export.header("content-disposition"), format!("attachment; filename=\"account-{id}.json\""));
        assert_eq!((export.header("content-type"), export.header("cache-control")), ("application/json", "no-store"));
        let export = export.json();
        assert_eq!((&export["account"]["id"], &export["account"]["email"]), (&json!(id), &json!("ada@example.com")));
        assert_eq!(export["account"]["full_name"], "Ada Lovelace-Xyzzy");
        let picture = STANDARD.decode(export["picture"]["data"].as_str().unwrap()).unwrap();
        assert!(image::load_from_memory(&picture).is_ok());
        assert_eq!(export["sessions"].as_array().unwrap().len(), 2);
        let mut events: Vec<&str> =
            export["events"].as_array().unwrap().iter().map(|event| event["event"].as_str().unwrap()).collect();
        events.sort_unstable();
        let expected = ["account.exported", "account.signed_up", "account.verification_requested", "profile.changed", "profile.picture_set", "session.log_in_failed", "session.logged_in", "session.logged_in"];
        assert_eq!(events, expected);
        let text = export.to_string();
        assert!(!text.contains("argon2") && !text.contains("ben@example.com"));

        app.advance(601);
        let stale = app.log_in("ada").await;
        app.advance(200);
        stale.get("/export").send().await.assert(200);
        ben.get("/export").send().await.assert(401);
    }

    async fn g08_the_export_holds_grants_invitations_and_a_pending_address(database: Database) {
        let app = TestApp::new(database).await;
        let (id, ben) = (app.sign_up("ada").await, app.sign_up("ben").await);
        app.log_in("ada").await;
        let scope = "account organisations:write";
        let token = app.stranger().post("/login").form_owned(&email("ada"), PASSWORD, scope).await.assert(200).json();
        let ada = app.stranger().with_token(token["access_token"].as_str().unwrap());
        app.place.sql("UPDATE accounts SET email_verified_at = 1").await;
        ada.call(Method::PUT, "/email").json(&json!({ "email": "new@example.com" })).await.assert(202);
        let acme = ada.post("/organisations").json(&json!({ "name": "Acme" })).await.assert(201).json();
        let acme = acme["id"].as_str().unwrap();
        let invitations = format!("/organisations/{acme}/invitations");
        ada.post(&invitations).json(&json!({ "email": email("cyd"), "role": "admin" })).await.assert(201);
        let (ids, object, group) = match database {
            Database::Sqlite => ("randomblob(16)", "x'0000000000000000000000000000002a'", format!("x'{}'", acme.replace('-', ""))),
            Database::Postgres => ("gen_random_uuid()", "'00000000-0000-0000-0000-00000000002a'", format!("'{acme}'")),
        };
        let insert = "INSERT INTO grants (id, object_type, object_number, object_uuid, role, account_id, group_id, given_by, created_at, expires_at)";
        let numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 250) SELECT";
        for rows in [
            format!("{numbers} {ids}, 'page', i, NULL, 'viewer', {id}, NULL, NULL, 1, NULL FROM n"),
            format!("VALUES ({ids}, 'file', NULL, {object}, 'editor', {id}, NULL, {ben}, 1000000, 2000000)"),
            // Those of others, and of a group.
            format!("VALUES ({ids}, 'file', 1, NULL, 'hers', {ben}, NULL, {id}, 1, NULL)"),
            format!("VALUES ({ids}, 'file', 2, NULL, 'theirs', NULL, {group}, {id}, 1, 3000000)"),
            format!("{numbers} {ids}, 'note', i, NULL, 'reader', {ben}, NULL, {id}, 1, NULL FROM n"),
        ] {
            app.place.sql(&format!("{insert} {rows}")).await;
        }
        let export = ada.get("/export").send().await.assert(200).json();
        assert_eq!(export["email_change"]["email"], "new@example.com");
        assert!(export["account"]["last_login_at"].is_string() && export["account"]["password_changed_at"].is_string());
        let sent = export["sent_invitations"].as_array().unwrap();
        assert_eq!((sent.len(), &sent[0]["organisation_id"]), (1, &json!(acme)));
        assert_eq!((&sent[0]["email"], &sent[0]["role"]), (&json!(email("cyd")), &json!("admin")));
        let grants = export["grants"].as_array().unwrap();
        let pages: HashSet<_> = grants.iter().filter(|one| one["role"] == "viewer").map(|one| one["object"].as_str().unwrap()).collect();
        assert_eq!((grants.len(), pages.len()), (251, 250), "each once, over all pages");
        let file = grants.iter().find(|one| one["role"] == "editor").unwrap();
        let expected = json!({
            "object": "file:00000000-0000-0000-0000-00000000002a", "role": "editor", "given_by": ben,
            "created_at": "1970-01-01T00:00:01Z", "expires_at": "1970-01-01T00:00:02Z",
        });
        assert_eq!(file, &expected);
        // What it gave to others, to an account and to a group.
        let given = export["given_grants"].as_array().unwrap();
        let notes: HashSet<_> = given.iter().filter(|one| one["role"] == "reader").map(|one| one["object"].as_str().unwrap()).collect();
        assert_eq!((given.len(), notes.len()), (252, 250), "each once, over all pages");
        let of = |role: &str| given.iter().find(|one| one["role"] == role).unwrap();
        assert_eq!(of("hers"), &json!({
            "object": "file:1", "role": "hers", "to": { "account": ben },
            "created_at": "1970-01-01T00:00:00Z", "expires_at": null,
        }));
        assert_eq!((&of("theirs")["to"], &of("theirs")["expires_at"]), (&json!({ "group": acme }), &json!("1970-01-01T00:00:03Z")));
        // Of an account without any of it.
        let export = app.log_in("ben").await.get("/export").send().await.assert(200).json();
        assert_eq!((&export["email_change"], &export["sent_invitations"]), (&json!(null), &json!([])));
        assert_eq!(export["given_grants"].as_array().unwrap().len(), 1);
    }

    async fn the_export_of_an_account_with_many_events_is_whole(database: Database) {
        let app = TestApp::new(database).await;
        let ada = app.as_user("ada").await;
        let ids = match database {
            Database::Sqlite => "randomblob(16)",
            Database::Postgres => "gen_random_uuid()",
        };
        let numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1498) SELECT";
        app.place.sql(&format!("INSERT INTO audit_events (id, at, event, account_id) {numbers} {ids}, 1, 'profile.changed', 1 FROM n")).await;
        app.place.sql(&format!("INSERT INTO sessions (id, account_id, created_at, expires_at) {numbers} {ids}, 1, 1, 9000000000000000 FROM n WHERE i < 300")).await;
        let noise = noise();
        let url = ada.post("/upload-profile-image").file("file", "image/png", &noise).await.assert(201).json();
        let path = url["url"].as_str().unwrap().trim_start_matches("http://localhost:8000").to_owned();
        let picture = ada.get(&path).send().await.assert(200);
        assert_eq!(picture.header("content-length"), picture.body.len().to_string());
        assert!(picture.body.len() > 200_000, "it is read in many pieces");
        let export = ada.get("/export").send().await.assert(200).json();
        // In addition to the events of sign-up, verification, login, the picture and the export itself.
        assert_eq!(export["events"].as_array().unwrap().len(), 1503);
        // Three full pages.
        assert_eq!(export["sessions"].as_array().unwrap().len(), 300);
        let data = STANDARD.decode(export["picture"]["data"].as_str().unwrap()).unwrap();
        assert!(data == picture.body, "{} bytes of {}", data.len(), picture.body.len());
    }

    async fn g08_a_deletion_without_grace_leaves_nothing(database: Database) {
        let app = TestApp::new(database).await;
        let (id, ada) = full_account(&app, "ada").await;
        ada.delete("/account").send().await.assert(204);
        ada.get("/profile").send().await.assert(401);
        app.stranger().try_password(&email("ada"), PASSWORD).await.assert(401);
        assert_forgotten(&app, id, "ada", database).await;
        assert_eq!(app.place.value("SELECT COUNT(*) FROM audit_events WHERE event = 'account.deleted'").await, "1");
        // The last email is still sent.
        assert!(app.mails().await.iter().any(|mail| mail.subject.contains("deleted")));
        let again = app.sign_up("ada").await;
        assert_ne!(again, id);
    }

    async fn a_deletion_needs_a_fresh_log_in(database: Database) {
        let app = TestApp::with(database, |config| config.access_token_ttl = Duration::from_hours(1)).await;
        let (_, ada) = full_account(&app, "ada").await;
        app.advance(601);
        for path in ["/account", "/sessions"] {
            let stale = ada.delete(path).send().await.assert(401);
            assert!(stale.header("www-authenticate").contains("insufficient_user_authentication"));
        }
        ada.get("/export").send().await.assert(401);
        ada.get("/profile").send().await.assert(200);
    }

    async fn s11_within_the_grace_period_an_account_can_be_called_back(database: Database) {
        let app = TestApp::with(database, |config| config.deletion_grace = Duration::from_secs(7 * DAY)).await;
        let (id, ada) = full_account(&app, "ada").await;
        ada.delete("/account/deletion").send().await.assert(404);
        let due = ada.delete("/account").send().await.assert(202).json();
        ada.get("/profile").send().await.assert(401);
        let back = app.log_in("ada").await;
        assert_eq!(back.get("/profile").send().await.assert(200).json()["deletion_due_at"], due["due_at"]);
        back.delete("/account/deletion").send().await.assert(204);
        assert!(back.get("/profile").send().await.assert(200).json().get("deletion_due_at").is_none());

        back.delete("/account").send().await.assert(202);
        app.advance(7 * DAY - 1);
        let early = app.again().await;
        app.log_in("ada").await;
        app.advance(1);
        early.app.close().await;
        let sweeping = app.again().await;
        until(&app, &format!("SELECT COUNT(*) FROM accounts WHERE id = {id}"), "0").await;
        until(&app, "SELECT COUNT(*) FROM doomed_pictures", "0").await;
        sweeping.app.close().await;
        app.app.close().await;
        assert_forgotten(&app, id, "ada", database).await;
    }

    async fn s11_z08_a_due_deletion_hands_organisations_over_or_deletes_them(database: Database) {
        let app = TestApp::with(database, |config| config.deletion_grace = Duration::from_secs(7 * DAY)).await;
        let id = app.sign_up("ada").await;
        let scope = "profile:read account organisations:read organisations:write";
        let log_in = async |name: &str| {
            let token = app.stranger().post("/login").form_owned(&email(name), PASSWORD, scope).await.assert(200).json();
            app.stranger().with_token(token["access_token"].as_str().unwrap())
        };
        log_in("ada").await.delete("/account").send().await.assert(202);
        // The owner comes back, and does not cancel the deletion.
        let ada = log_in("ada").await;
        for name in ["Alone", "Together"] {
            ada.post("/organisations").json(&json!({ "name": name })).await.assert(201);
        }
        let ben = app.sign_up("ben").await;
        let cyd = app.sign_up("cyd").await;
        for (member, role, at) in [(ben, "member", 1), (cyd, "admin", 2)] {
            let sql = format!("INSERT INTO memberships (account_id, group_id, role, created_at)
                               SELECT {member}, id, '{role}', {at} FROM groups WHERE name = 'Together'");
            app.place.sql(&sql).await;
        }
        app.advance(7 * DAY);
        let sweeping = app.again().await;
        until(&app, &format!("SELECT COUNT(*) FROM accounts WHERE id = {id}"), "0").await;
        assert_eq!(app.place.value("SELECT COUNT(*) FROM groups WHERE name = 'Alone'").await, "0");
        let owners = "SELECT account_id FROM memberships WHERE role = 'owner'";
        assert_eq!(app.place.value(owners).await, cyd.to_string());
        sweeping.app.close().await;
        assert!(app.mails_to("cyd").await.iter().any(|mail| mail.text.contains("Together")));
    }

    async fn g08_a_crash_between_the_rows_and_the_picture_leaves_it_to_the_next_start(database: Database) {
        let app = TestApp::new(database).await;
        let (id, ada) = full_account(&app, "ada").await;
        let picture = std::fs::read_dir(app.place.data_dir().join("objects/profile-images")).unwrap().next().unwrap().unwrap();
        let bytes = std::fs::read(picture.path()).unwrap();
        ada.delete("/account").send().await.assert(204);
        // The state after a kill between the commit and the deletion of the file.
        std::fs::write(picture.path(), bytes).unwrap();
        let name = picture.file_name().into_string().unwrap();
        let doomed = match database {
            Database::Sqlite => format!("x'{}'", name.replace('-', "")),
            Database::Postgres => format!("'{name}'"),
        };
        app.place.sql(&format!("INSERT INTO doomed_pictures (id, at) VALUES ({doomed}, 1)")).await;
        let sweeping = app.again().await;
        until(&app, "SELECT COUNT(*) FROM doomed_pictures", "0").await;
        sweeping.app.close().await;
        app.app.close().await;
        assert_forgotten(&app, id, "ada", database).await;
    }
}
