//! No secret is logged, whatever is requested and at whatever level, and no input can forge a line.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::pictures::picture;
use crate::on_both_databases;
use crate::support::process::{Server, finish, program};
use crate::support::remote::{Remote, exchange};
use crate::support::{Place, email};

/// Passwords that occur nowhere else.
const CANARY: &str = "canary-velvet-orchard-91";
const SECOND_CANARY: &str = "canary-marble-quarry-37";
/// Text that would start a new line or move the cursor if it were logged unescaped.
const FORGED: &str = "2026-11-24T00:00:00Z ERROR forged";

on_both_databases! {
    async fn g03_the_log_at_trace_holds_no_secret(database: Database) {
        for format in ["text", "json"] {
            let place = Place::new(database).await;
            let mut command = program(&place);
            command.args(["--log", "trace", "--log-format", format]);
            let server = Server::start_by(&place, command).await;
            let mut secrets = use_everything(&place, &server.remote()).await;
            secrets.push(operate(&place, format).await);
            let key = fs::read_to_string(place.data_dir().join("secret.key")).unwrap();
            secrets.extend([key.trim().to_owned(), CANARY.to_owned(), SECOND_CANARY.to_owned(), "$argon2".to_owned()]);
            secrets.extend(place.sql("SELECT password_hash FROM accounts").await.concat());
            assert!(secrets.iter().all(|secret| secret.len() > 6), "{secrets:?}");

            server.signal(rustix::process::Signal::TERM);
            server.refuses().await;
            let said = server.said();
            assert!(said.lines().count() > 20 && said.contains("/nowhere"), "there is no log: {said}");
            let shown: Vec<_> = secrets.iter().filter(|secret| said.contains(*secret)).collect();
            assert!(shown.is_empty(), "{shown:?} in {said}");
            check_lines(&said, format);
        }
    }
}

/// Every kind of request, including wrong ones. Returns the secrets that must not appear.
async fn use_everything(place: &Place, remote: &Remote) -> Vec<String> {
    let body = json!({ "email": email("ada"), "full_name": "Ada", "password": CANARY });
    remote.post("/signup").json(&body).await.unwrap().assert(201);
    remote.post("/signup").json(&body).await.unwrap().assert(409);
    let mistyped = json!({ "email": CANARY, "full_name": [CANARY], "password": 7, CANARY: CANARY });
    remote.post("/signup").json(&mistyped).await.unwrap().assert(422);
    let broken = format!("{{\"password\": \"{CANARY}\", ");
    let call = remote.post("/signup").header("Content-Type", "application/json");
    call.body(broken.as_bytes()).await.unwrap().assert(400);

    let wrong = format!("{SECOND_CANARY}-wrong");
    remote.try_password(&email("ada"), &wrong).await.unwrap().assert(401);
    remote.try_password(CANARY, CANARY).await.unwrap().assert(422);
    let token =
        remote.try_password(&email("ada"), CANARY).await.unwrap().assert(200).json()["access_token"].clone();
    let token = token.as_str().unwrap();
    let ada = remote.with_token(token);
    ada.get("/profile").send().await.unwrap().assert(200);
    ada.get(&format!("/profile/1?access_token={token}&password={CANARY}")).send().await.unwrap();
    ada.patch("/profile")
        .json(&json!({ "full_name": CANARY, "password": CANARY }))
        .await
        .unwrap()
        .assert(422);
    ada.post("/upload-profile-image").file("file", "image/png", &picture(1)).await.unwrap().assert(201);
    ada.post("/upload-profile-image").file("file", CANARY, CANARY.as_bytes()).await.unwrap().assert(415);
    // Short words of an unknown path are logged; the rest of it and its query are not.
    remote.get(&format!("/nowhere/{CANARY}/{token}")).send().await.unwrap().assert(404);
    remote.get(&format!("/nowhere?token={CANARY}")).send().await.unwrap().assert(404);
    remote.call(CANARY, "/profile").send().await.unwrap();
    let basic = STANDARD.encode(format!("ada:{CANARY}"));
    remote
        .get("/profile")
        .header("Authorization", &format!("Basic {basic}"))
        .send()
        .await
        .unwrap()
        .assert(401);
    remote.with_token(&format!("{token}x")).get("/profile").send().await.unwrap().assert(401);
    remote.with_token("canary.token.x").get("/profile").send().await.unwrap().assert(401);
    forge(&ada).await;
    ada.post("/logout").send().await.unwrap().assert(204);
    ada.post("/logout").send().await.unwrap().assert(401);

    let signature = token.rsplit('.').next().unwrap().to_owned();
    let sealed = place.sql("SELECT sealed_private_key FROM signing_keys").await.concat().concat();
    vec![token.to_owned(), signature, basic, sealed, wrong, "canary.token.x".to_owned()]
}

/// Sends line breaks and escapes in every text field.
async fn forge(ada: &Remote) {
    let name = format!("Ada\r\n{FORGED}\u{1b}[2K");
    ada.patch("/profile").json(&json!({ "full_name": name })).await.unwrap().assert(422);
    ada.try_password(&format!("ada\r\n{FORGED}@example.com"), "x").await.unwrap();
    let escaped = FORGED.replace(' ', "%20");
    ada.get(&format!("/profile/1%0d%0a{escaped}%1b[2K")).send().await.unwrap();
    ada.get("/profile")
        .header("User-Agent", &format!("x\u{9b}31m\t{FORGED}"))
        .send()
        .await
        .unwrap()
        .assert(200);
    ada.get("/profile").header("X-Request-Id", FORGED).send().await.unwrap().assert(200);
    ada.get("/profile").header("X-Forwarded-For", FORGED).send().await.unwrap().assert(200);
    // hyper rejects these by itself.
    for head in [
        format!("GET /\r{FORGED} HTTP/1.1\r\nHost: a\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nHost: a\r\nX: \n{FORGED}\r\n\r\n"),
    ] {
        exchange(ada.address(), head.as_bytes()).await.unwrap().assert(400);
    }
}

/// The command line writes no secret either. Returns the password that it was given.
async fn operate(place: &Place, format: &str) -> String {
    let password = format!("{SECOND_CANARY}-set");
    let mut command = program(place);
    command.args(["--log", "trace", "--log-format", format, "user", "set-password", "1"]);
    let ended = finish(command, &password).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let said = ended.out + &ended.err;
    assert!(!said.contains(&password) && !said.contains("$argon2"), "{said}");
    password
}

/// Each line is one that the program meant to write.
fn check_lines(said: &str, format: &str) {
    let control = |c: char| c.is_control() && c != '\n';
    assert!(!said.contains(control), "{said:?}");
    // The greeting comes first, on standard output.
    let log = said.lines().skip_while(|line| !line.contains("INFO"));
    for line in log {
        assert!(!line.contains("forged"), "{line}");
        if format == "json" {
            let record: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
            assert!(record["level"].is_string(), "{line}");
        } else {
            let level = line.split_ascii_whitespace().nth(1).unwrap();
            assert!(["TRACE", "DEBUG", "INFO", "WARN", "ERROR"].contains(&level), "{line}");
        }
    }
}
