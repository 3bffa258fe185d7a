//! Passkeys: what a relying party verifies in WebAuthn (W01 to W05), and what happens to them in the life of an
//! account.

use futures_util::future::join_all;
use portcullis_server::accounts::AccountId;
use portcullis_server::config::{SecondFactor, SignUp};
use portcullis_server::{By, admin, client};
use serde_json::{Value, json};

use crate::on_both_databases;
use crate::support::authenticator::{BE, BS, Key, Passkey, UP, UV, cbor_bytes, cbor_text, text};
use crate::support::{Answer, Client, PASSWORD, TestApp, email};

const NEW_PASSWORD: &str = "another-lantern-in-the-harbour";

/// Requests to add a passkey.
async fn creation_options(client: &Client) -> Value {
    client.post("/passkeys/options").send().await.assert(200).json()
}

async fn try_to_add(client: &Client, credential: &Value) -> Answer {
    client.post("/passkeys").json(&json!({ "name": "My phone", "credential": credential })).await
}

/// Adds a passkey and returns its ID.
pub async fn add(client: &Client, passkey: &mut Passkey) -> String {
    let credential = passkey.create(&creation_options(client).await);
    try_to_add(client, &credential).await.assert(201).json()["id"].as_str().unwrap().to_owned()
}

/// Signs up, logs in and adds a passkey.
async fn with_passkey(app: &TestApp, name: &str) -> (Client, Passkey) {
    let (client, mut passkey) = (app.as_user(name).await, Passkey::new());
    add(&client, &mut passkey).await;
    (client, passkey)
}

/// A browser that was given options to log in.
struct Browser {
    client: Client,
    cookie: String,
    options: Value,
}

impl Browser {
    async fn new(client: Client) -> Self {
        let answer = client.post("/login/passkey/options").send().await.assert(200);
        let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
        Self { client, cookie, options: answer.json() }
    }

    /// The same browser, requesting again.
    async fn again(&self) -> Self {
        let call = self.client.post("/login/passkey/options").header("cookie", &self.cookie);
        let answer = call.send().await.assert(200);
        assert!(answer.header("set-cookie").starts_with(&self.cookie), "it stays one browser");
        Self { client: self.client.clone(), cookie: self.cookie.clone(), options: answer.json() }
    }

    async fn show(&self, credential: &Value) -> Answer {
        let call = self.client.post("/login/passkey").header("cookie", &self.cookie);
        call.json(&json!({ "credential": credential })).await
    }
}

/// What signs `name` up, with a passkey instead of a password.
fn newcomer(name: &str) -> Value {
    json!({ "email": email(name), "full_name": name })
}

/// A browser that was given options to sign up.
async fn newcomers_browser(app: &TestApp, name: &str) -> Browser {
    let client = app.stranger();
    let answer = client.post("/signup/passkey/options").json(&newcomer(name)).await.assert(200);
    let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
    Browser { client, cookie, options: answer.json() }
}

impl Browser {
    async fn sign_up(&self, name: &str, credential: &Value) -> Answer {
        let mut body = newcomer(name);
        body["credential"] = credential.clone();
        self.client.post("/signup/passkey").header("cookie", &self.cookie).json(&body).await
    }
}

/// Signs up with a passkey.
pub async fn sign_up(app: &TestApp, name: &str, passkey: &mut Passkey) -> Answer {
    let browser = newcomers_browser(app, name).await;
    let credential = passkey.create(&browser.options);
    browser.sign_up(name, &credential).await
}

/// The options in a page.
fn options_of(page: &str) -> Value {
    let text = page.split("data-options=\"").nth(1).unwrap().split('"').next().unwrap();
    serde_json::from_str(&text.replace("&#34;", "\"").replace("&quot;", "\"")).unwrap()
}

async fn browser(app: &TestApp) -> Browser {
    Browser::new(app.stranger()).await
}

pub async fn log_in(app: &TestApp, passkey: &mut Passkey) -> Answer {
    let browser = browser(app).await;
    let credential = passkey.get(&browser.options);
    browser.show(&credential).await
}

/// The response to every passkey that is not accepted.
#[track_caller]
pub fn refused(answer: &Answer) {
    let body = answer.clone().assert(401).json();
    assert_eq!(body["error"], "invalid_grant");
    assert_eq!(body["detail"], "The passkey was not accepted, or it took longer than 5 minutes; try again");
}

fn token_of(answer: &Answer) -> String {
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

fn claims(answer: &Answer) -> Value {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let token = token_of(answer);
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

async fn subjects(app: &TestApp, name: &str) -> Vec<String> {
    app.mails_to(name).await.into_iter().map(|mail| mail.subject).collect()
}

async fn count(app: &TestApp, event: &str) -> String {
    app.place.value(&format!("SELECT count(*) FROM audit_events WHERE event = '{event}'")).await
}

/// Waits until the first sweep of a new instance has done it.
async fn becomes(app: &TestApp, sql: &str, expected: &str) {
    for _ in 0..100 {
        if app.place.value(sql).await == expected {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the sweep did not come to {sql} = {expected}");
}

on_both_databases! {
    async fn w01_a_challenge_is_for_one_browser_once_and_for_5_minutes(database: Database) {
        let app = TestApp::new(database).await;
        let (_, mut passkey) = with_passkey(&app, "ada").await;
        let first = browser(&app).await;
        let challenge = first.options["challenge"].as_str().unwrap();
        assert_eq!(challenge.len(), 96, "when it expires, 32 random bytes, and a MAC");
        assert!(!app.place.dump().await.contains(challenge));
        // Another browser, and none.
        let other = browser(&app).await;
        let credential = passkey.get(&first.options);
        let elsewhere = Browser { cookie: other.cookie.clone(), options: Value::Null, client: app.stranger() };
        refused(&elsewhere.show(&credential).await);
        refused(&app.stranger().post("/login/passkey").json(&json!({ "credential": credential })).await);
        // Its own, once.
        first.show(&credential).await.assert(200);
        refused(&first.show(&credential).await);
        // Two tabs of one browser have a challenge each; a wrong response uses one up.
        let (tab, next) = (first.again().await, first.again().await);
        passkey.flags ^= UV;
        refused(&tab.show(&passkey.get(&tab.options)).await);
        passkey.flags ^= UV;
        refused(&tab.show(&passkey.get(&tab.options)).await);
        app.advance(299);
        next.show(&passkey.get(&next.options)).await.assert(200);
        let late = first.again().await;
        app.advance(300);
        refused(&late.show(&passkey.get(&late.options)).await);
    }

    async fn w01_a_challenge_is_for_one_ceremony_of_one_session(database: Database) {
        let app = TestApp::new(database).await;
        let (_, mut passkey) = with_passkey(&app, "ada").await;
        // A cookie outlives the 5 minutes.
        let ada = app.stranger().log_in_with_cookie(&email("ada")).await;
        let other_session = app.log_in("ada").await;
        let eve = app.as_user("eve").await;
        // To add, in another session and another account.
        for stranger in [&other_session, &eve] {
            let credential = Passkey::new().create(&creation_options(&ada).await);
            let answer = try_to_add(stranger, &credential).await.assert_invalid(&["body.credential"]);
            assert!(answer.text().contains("the challenge was used, has expired, or belongs to another ceremony"));
        }
        // One to add used at a login, and one of a login used to add.
        let login = browser(&app).await;
        refused(&login.show(&passkey.get(&creation_options(&ada).await)).await);
        let mut options = creation_options(&ada).await;
        options["challenge"] = login.options["challenge"].clone();
        try_to_add(&ada, &Passkey::new().create(&options)).await.assert_invalid(&["body.credential"]);
        // To add, twice and too late.
        let credential = Passkey::new().create(&creation_options(&ada).await);
        try_to_add(&ada, &credential).await.assert(201);
        try_to_add(&ada, &credential).await.assert_invalid(&["body.credential"]);
        let options = creation_options(&ada).await;
        app.advance(300);
        try_to_add(&ada, &Passkey::new().create(&options)).await.assert_invalid(&["body.credential"]);
        // A challenge that was altered.
        let mut options = creation_options(&ada).await;
        let later = options["challenge"].as_str().unwrap().replacen('A', "B", 1);
        options["challenge"] = later.into();
        try_to_add(&ada, &Passkey::new().create(&options)).await.assert_invalid(&["body.credential"]);
        // A login older than 10 minutes cannot add one.
        app.advance(301);
        ada.post("/passkeys/options").send().await.assert(401);
    }

    async fn w01_k04_of_two_uses_of_one_challenge_at_once_on_two_instances_one_wins(database: Database) {
        let app = TestApp::with(database, |config| config.limits = false).await;
        let second = app.again().await;
        let (_, mut passkey) = with_passkey(&app, "ada").await;
        for round in 0..40 {
            let here = browser(&app).await;
            let there = Browser { client: second.stranger(), cookie: here.cookie.clone(), options: Value::Null };
            let credential = passkey.get(&here.options);
            let answers = tokio::join!(here.show(&credential), there.show(&credential));
            let mut statuses = [answers.0.status.as_u16(), answers.1.status.as_u16()];
            statuses.sort_unstable();
            assert_eq!(statuses, [200, 401], "round {round}");
        }
        assert_eq!(app.place.value("SELECT count(*) FROM sessions WHERE amr = 'pop mfa'").await, "40");
    }

    #[expect(clippy::too_many_lines, reason = "one wrong after another")]
    async fn w02_each_wrong_alone_is_refused_at_a_login(database: Database) {
        type Change = (&'static str, fn(&mut Passkey));
        type Spoil = (&'static str, fn(&mut Value));
        let app = TestApp::with(database, |config| config.limits = false).await;
        let (ada, mut passkey) = with_passkey(&app, "ada").await;
        let honest: [Change; 3] = [
            ("nothing", |_| {}),
            ("no crossOrigin", |p| p.cross_origin = None),
            ("not synchronised yet", |p| p.flags &= !BS),
        ];
        for (what, change) in honest {
            change(&mut passkey);
            assert_eq!(log_in(&app, &mut passkey).await.status, 200, "{what}");
        }
        passkey.flags |= BS;
        let wrong: [Change; 16] = [
            ("type", |p| p.r#type = Some("webauthn.create")),
            ("scheme", |p| "https://localhost:8000".clone_into(&mut p.origin)),
            ("port", |p| "http://localhost:8001".clone_into(&mut p.origin)),
            ("sub-domain", |p| "http://a.localhost:8000".clone_into(&mut p.origin)),
            ("no origin", |p| "null".clone_into(&mut p.origin)),
            ("a slash", |p| "http://localhost:8000/".clone_into(&mut p.origin)),
            ("RP ID", |p| "example.com".clone_into(&mut p.rp_id)),
            ("crossOrigin", |p| p.cross_origin = Some(true)),
            ("topOrigin", |p| p.top_origin = Some("http://localhost:8000")),
            ("not present", |p| p.flags &= !UP),
            ("not verified", |p| p.flags &= !UV),
            ("backed up, but not eligible", |p| p.flags &= !BE),
            ("not eligible any more", |p| p.flags &= !(BE | BS)),
            ("a user handle of another account", |p| p.user_handle = vec![7; 32]),
            ("an unknown credential", |p| p.id = vec![7; 16]),
            ("data after the authenticator data", |p| p.trailing = vec![0]),
        ];
        for (what, change) in wrong {
            let spoiled = browser(&app).await;
            let (id, handle) = (passkey.id.clone(), passkey.user_handle.clone());
            change(&mut passkey);
            let answer = spoiled.show(&passkey.get(&spoiled.options)).await;
            assert_eq!(answer.status, 401, "{what}");
            refused(&answer);
            let Passkey { key, .. } = passkey;
            passkey = Passkey { id, user_handle: handle, ..Passkey::with(key) };
        }
        // Each part of the credential, alone.
        let spoil: [Spoil; 9] = [
            ("rawId", |c| c["rawId"] = text(&[7; 16]).into()),
            ("both ids", |c| { c["id"] = text(&[7; 16]).into(); c["rawId"] = c["id"].clone() }),
            ("padding", |c| { let id = format!("{}==", c["id"].as_str().unwrap()); c["id"] = id.clone().into(); c["rawId"] = id.into() }),
            ("signature", |c| c["response"]["signature"] = text(&[7; 70]).into()),
            ("no signature", |c| c["response"]["signature"] = "".into()),
            ("no authenticator data", |c| c["response"]["authenticatorData"] = "".into()),
            ("client data", |c| c["response"]["clientDataJSON"] = text(b"{}").into()),
            ("no userHandle", |c| c["response"]["userHandle"] = Value::Null),
            ("an empty userHandle", |c| c["response"]["userHandle"] = "".into()),
        ];
        for (what, spoil) in spoil {
            let spoiled = browser(&app).await;
            let mut credential = passkey.get(&spoiled.options);
            spoil(&mut credential);
            let answer = spoiled.show(&credential).await;
            assert_eq!(answer.status, 401, "{what}");
        }
        // Another key's signature under the same id, and another user's passkey under this user's handle.
        let other = Passkey { id: passkey.id.clone(), user_handle: passkey.user_handle.clone(), ..Passkey::new() };
        let spoiled = browser(&app).await;
        refused(&spoiled.show(&other.sign(&spoiled.options)).await);
        let (_, mut eves) = with_passkey(&app, "eve").await;
        eves.user_handle.clone_from(&passkey.user_handle);
        refused(&log_in(&app, &mut eves).await);
        // Not a credential at all.
        for (body, status) in [
            (json!({}), 422),
            (json!({ "credential": {} }), 422),
            (json!({ "credential": { "id": "a", "rawId": "a", "type": "password", "response": {} } }), 422),
            (json!({ "credential": { "id": "a".repeat(1_000_000) } }), 413),
        ] {
            assert_eq!(browser(&app).await.client.post("/login/passkey").json(&body).await.status, status);
        }
        ada.get("/profile").send().await.assert(200);
        log_in(&app, &mut passkey).await.assert(200);
    }

    #[expect(clippy::too_many_lines, reason = "one wrong after another")]
    async fn w02_each_wrong_alone_is_refused_when_a_passkey_is_added(database: Database) {
        type Change = (&'static str, fn(&mut Passkey));
        let app = TestApp::new(database).await;
        let ada = app.as_user("ada").await;
        let reasons: [Change; 20] = [
            ("belongs to another ceremony", |p| p.r#type = Some("webauthn.get")),
            ("the origin is not", |p| "https://localhost:8000".clone_into(&mut p.origin)),
            ("the origin is not", |p| "http://localhost".clone_into(&mut p.origin)),
            ("the origin is not", |p| "null".clone_into(&mut p.origin)),
            ("a frame of another origin", |p| p.cross_origin = Some(true)),
            ("a frame of another origin", |p| p.top_origin = Some("https://evil.example")),
            ("the RP ID is not", |p| "example.com".clone_into(&mut p.rp_id)),
            ("was not present", |p| p.flags &= !UP),
            ("was not verified", |p| p.flags &= !UV),
            ("the backup flags", |p| p.flags &= !BE),
            ("the algorithm was not offered", |p| p.algorithm = Some(-35)),
            ("the algorithm was not offered", |p| p.algorithm = Some(-65535)),
            ("the public key is malformed", |p| p.algorithm = Some(-8)),
            ("the public key is malformed", |p| p.algorithm = Some(-257)),
            ("the attestation format", |p| p.format = "packed"),
            ("the attestation format", |p| p.statement = [&[0xa1][..], &cbor_text("x"), &[0]].concat()),
            ("authenticatorData is malformed", |p| p.trailing = vec![0]),
            ("authenticatorData is malformed", |p| p.trailing = vec![0xa0]),
            ("authenticatorData is malformed", |p| p.trailing = vec![0x9f; 200]),
            ("the credential ID", |p| p.id = Vec::new()),
        ];
        for (reason, change) in reasons {
            let mut passkey = Passkey::new();
            change(&mut passkey);
            let mut credential = passkey.create(&creation_options(&ada).await);
            if passkey.id.is_empty() {
                credential["id"] = text(&[1]).into();
                credential["rawId"] = text(&[1]).into();
            }
            let answer = try_to_add(&ada, &credential).await.assert_invalid(&["body.credential"]);
            assert!(answer.text().contains(reason), "{reason}: {}", answer.text());
        }
        // What surrounds the authenticator data.
        let data = cbor_bytes(b"short");
        for object in [
            Vec::new(),
            vec![0xa0],
            vec![0xbf],
            vec![0x9f; 4200],
            [&[0xa3][..], &cbor_text("fmt"), &cbor_text("none"), &cbor_text("fmt"), &cbor_text("none"), &cbor_text("authData"), &data].concat(),
            [&[0xa3][..], &cbor_text("fmt"), &cbor_text("none"), &cbor_text("attStmt"), &[0xa0], &cbor_text("authData"), &data, &[0]].concat(),
            [&[0xa3][..], &cbor_text("fmt"), &cbor_text("none"), &cbor_text("attStmt"), &[0xa0], &cbor_text("authData"), &data].concat(),
        ] {
            let mut credential = Passkey::new().create(&creation_options(&ada).await);
            credential["response"]["attestationObject"] = text(&object).into();
            try_to_add(&ada, &credential).await.assert_invalid(&["body.credential"]);
        }
        let mut credential = Passkey::new().create(&creation_options(&ada).await);
        credential["rawId"] = text(&[7; 16]).into();
        try_to_add(&ada, &credential).await.assert_invalid(&["body.credential"]);
        credential["response"]["attestationObject"] = "a".repeat(1 << 20).into();
        try_to_add(&ada, &credential).await.assert(413);
        assert_eq!(app.place.value("SELECT count(*) FROM passkeys").await, "0");
        // Each offered algorithm is accepted.
        for key in [Key::es256(), Key::ed25519(), Key::rs256()] {
            let mut passkey = Passkey::with(key);
            add(&ada, &mut passkey).await;
            log_in(&app, &mut passkey).await.assert(200);
            // And only with a signature of its own.
            let browser = browser(&app).await;
            let mut credential = passkey.get(&browser.options);
            credential["response"]["authenticatorData"] = text(&[0; 37]).into();
            refused(&browser.show(&credential).await);
        }
    }

    async fn w03_a_credential_is_registered_once_and_an_account_has_20(database: Database) {
        let app = TestApp::with(database, |config| config.limits = false).await;
        let (ada, passkey) = with_passkey(&app, "ada").await;
        let eve = app.as_user("eve").await;
        for client in [&ada, &eve] {
            let mut same = Passkey { id: passkey.id.clone(), ..Passkey::new() };
            let credential = same.create(&creation_options(client).await);
            try_to_add(client, &credential).await.assert(409);
        }
        // An ID may have 1023 bytes. This one is a second younger, so that the first one stays the first.
        app.advance(1);
        let mut longest = Passkey { id: vec![1; 1023], ..Passkey::new() };
        add(&ada, &mut longest).await;
        log_in(&app, &mut longest).await.assert(200);
        let too_long = Passkey { id: vec![1; 1024], ..Passkey::new() }.create(&creation_options(&ada).await);
        try_to_add(&ada, &too_long).await.assert_invalid(&["body.credential.id", "body.credential.rawId"]);
        // Of many concurrent requests, 20 passkeys in total are added.
        for _ in 2..17 {
            add(&ada, &mut Passkey::new()).await;
        }
        let mut made = Vec::new();
        for _ in 0..7 {
            made.push(Passkey::new().create(&creation_options(&ada).await));
        }
        let answers = join_all(made.iter().map(|credential| try_to_add(&ada, credential))).await;
        let added = answers.iter().filter(|answer| answer.status == 201).count();
        assert_eq!((added, answers.iter().filter(|answer| answer.status == 409).count()), (3, 4));
        ada.post("/passkeys/options").send().await.assert(409);
        let listed = ada.get("/passkeys").send().await.assert(200).json();
        assert_eq!(listed.as_array().unwrap().len(), 20);
        // A removed one makes room for a new one, and the existing ones are excluded.
        let id = listed[1]["id"].as_str().unwrap();
        ada.delete(&format!("/passkeys/{id}")).send().await.assert(204);
        let options = creation_options(&ada).await;
        assert_eq!(options["excludeCredentials"].as_array().unwrap().len(), 19);
        assert_eq!(options["excludeCredentials"][0]["id"], text(&passkey.id));
        assert_eq!(creation_options(&eve).await["excludeCredentials"], json!([]));
    }

    async fn w04_a_counter_that_does_not_increase_is_refused_and_the_owner_is_told(database: Database) {
        let app = TestApp::new(database).await;
        let ada = app.as_user("ada").await;
        let mut passkey = Passkey::on_a_key();
        add(&ada, &mut passkey).await;
        log_in(&app, &mut passkey).await.assert(200);
        assert_eq!(app.place.value("SELECT sign_count FROM passkeys").await, "2");
        // The same count, a smaller one, and none.
        for sign_count in [2, 1, 0] {
            passkey.sign_count = sign_count;
            let browser = browser(&app).await;
            refused(&browser.show(&passkey.sign(&browser.options)).await);
        }
        let copied = "A passkey of your account at Portcullis was rejected".to_owned();
        assert_eq!(subjects(&app, "ada").await.iter().filter(|subject| **subject == copied).count(), 1);
        assert_eq!(count(&app, "passkey.copied").await, "3");
        passkey.sign_count = 2;
        log_in(&app, &mut passkey).await.assert(200);
        // Without a counter, zero stays allowed; once one starts to count, it must keep increasing.
        let mut passkey = Passkey::new();
        add(&ada, &mut passkey).await;
        log_in(&app, &mut passkey).await.assert(200);
        log_in(&app, &mut passkey).await.assert(200);
        passkey.sign_count = 5;
        log_in(&app, &mut passkey).await.assert(200);
        passkey.sign_count = 0;
        refused(&log_in(&app, &mut passkey).await);
    }

    async fn w05_the_last_way_in_stays_and_a_removed_passkey_is_refused_at_once(database: Database) {
        let app = TestApp::new(database).await;
        let ada = app.as_user("ada").await;
        let (mut first, mut second) = (Passkey::new(), Passkey::new());
        let (one, two) = (add(&ada, &mut first).await, add(&ada, &mut second).await);
        let eve = app.as_user("eve").await;
        eve.delete(&format!("/passkeys/{one}")).send().await.assert(404);
        ada.delete("/passkeys/nothing").send().await.assert(404);
        app.place.sql("UPDATE accounts SET password_hash = NULL").await;
        // Of two concurrent removals, one succeeds.
        let again = app.again().await;
        let other = again.stranger().with_token(ada.token());
        let (one_path, two_path) = (format!("/passkeys/{one}"), format!("/passkeys/{two}"));
        let answers = tokio::join!(ada.delete(&one_path).send(), other.delete(&two_path).send());
        let mut statuses = [answers.0.status.as_u16(), answers.1.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [204, 409]);
        let (mut gone, mut left, last) =
            if answers.0.status == 204 { (first, second, two_path) } else { (second, first, one_path) };
        refused(&log_in(&app, &mut gone).await);
        log_in(&app, &mut left).await.assert(200);
        // An emailed login is another way in, if the setting allows it; so is a password.
        let mut config = app.place.config();
        config.log_in_by_mail = true;
        let by_mail = app.again_with(config).await;
        by_mail.stranger().with_token(ada.token()).delete(&last).send().await.assert(204);
        refused(&log_in(&app, &mut left).await);
    }

    async fn w05_a_removal_ends_the_other_sessions_and_tells_the_owner(database: Database) {
        let app = TestApp::new(database).await;
        let ada = app.as_user("ada").await;
        let mut passkey = Passkey::new();
        let id = add(&ada, &mut passkey).await;
        let other = app.stranger().with_token(&token_of(&log_in(&app, &mut passkey).await.assert(200)));
        ada.delete(&format!("/passkeys/{id}")).send().await.assert(204);
        other.get("/profile").send().await.assert(401);
        ada.get("/profile").send().await.assert(200);
        let subjects = subjects(&app, "ada").await;
        assert!(subjects.contains(&"A passkey was added to your account at Portcullis".to_owned()), "{subjects:?}");
        assert!(subjects.contains(&"A passkey of your account at Portcullis was removed".to_owned()), "{subjects:?}");
        assert_eq!((count(&app, "passkey.added").await, count(&app, "passkey.removed").await), ("1".to_owned(), "1".to_owned()));
        // Removing requires a fresh login, renaming does not.
        let ada = app.stranger().log_in_with_cookie(&email("ada")).await;
        let id = add(&ada, &mut Passkey::new()).await;
        app.advance(601);
        let path = format!("/passkeys/{id}");
        ada.delete(&path).send().await.assert(401);
        let renamed = ada.patch(&path).json(&json!({ "name": " Ada's ring " })).await.assert(200).json();
        assert_eq!(renamed["name"], "Ada's ring");
        ada.patch(&path).json(&json!({ "name": "evil\u{202e}" })).await.assert_invalid(&["body.name"]);
        ada.patch(&path).json(&json!({ "name": " " })).await.assert_invalid(&["body.name"]);
        app.as_user("eve").await.patch(&path).json(&json!({ "name": "mine" })).await.assert(404);
    }

    async fn e04_options_name_nobody(database: Database) {
        let app = TestApp::new(database).await;
        let shape = async |app: &TestApp| {
            let mut options = browser(app).await.options;
            options["challenge"] = Value::Null;
            options
        };
        let before = shape(&app).await;
        with_passkey(&app, "ada").await;
        assert_eq!(shape(&app).await, before);
        let expected = json!({
            "challenge": null, "rpId": "localhost", "timeout": 300_000, "allowCredentials": [], "userVerification": "required",
        });
        assert_eq!(before, expected);
        // Nobody can look up passkeys by name.
        let call = app.stranger().post("/login/passkey/options");
        let named = call.json(&json!({ "username": email("ada") })).await.assert(200).json();
        assert_eq!(named["allowCredentials"], json!([]));
    }

    async fn m04_a_passkey_shows_two_factors_and_serves_as_the_second_one(database: Database) {
        let app = TestApp::with(database, |config| config.second_factor = SecondFactor::Required).await;
        // Somebody who has a passkey and no app, from before the setting.
        let mut optional = app.place.config();
        optional.second_factor = SecondFactor::Optional;
        let before = app.again_with(optional).await;
        let (ada, mut passkey) = with_passkey(&before, "ada").await;
        assert_eq!(claims(&before.stranger().try_password(&email("ada"), PASSWORD).await.assert(200))["amr"], json!(["pwd"]));
        // By passkey, nothing more is required.
        let by_passkey = log_in(&app, &mut passkey).await.assert(200);
        assert_eq!((&claims(&by_passkey)["amr"], &claims(&by_passkey)["acr"]), (&json!(["pop", "mfa"]), &json!("aal2")));
        // By password, the passkey is required, and an app cannot be enrolled instead.
        let asked = app.stranger().try_password(&email("ada"), PASSWORD).await.assert(401).json();
        assert_eq!((&asked["error"], &asked["mfa_methods"]), (&json!("mfa_required"), &json!(["passkey"])));
        let token = asked["mfa_token"].as_str().unwrap();
        let stranger = app.stranger();
        stranger.post("/login/factor/totp").json(&json!({ "mfa_token": token })).await.assert(409);
        stranger.post("/login/factor").json(&json!({ "mfa_token": token, "code": "000000" })).await.assert(401);
        let call = stranger.post("/login/factor/passkey/options");
        let options = call.json(&json!({ "mfa_token": token })).await.assert(200).json();
        assert_eq!(options["allowCredentials"], json!([{ "type": "public-key", "id": text(&passkey.id) }]));
        // Another account's passkey or a login's challenge is rejected. The user handle may be missing.
        let (_, mut eves) = with_passkey(&before, "eve").await;
        let finish = async |credential: &Value| {
            let body = json!({ "mfa_token": token, "credential": credential });
            app.stranger().post("/login/factor/passkey").json(&body).await
        };
        refused(&finish(&eves.get(&options)).await);
        refused(&finish(&passkey.get(&browser(&app).await.options)).await);
        let call = stranger.post("/login/factor/passkey/options");
        let options = call.json(&json!({ "mfa_token": token })).await.assert(200).json();
        refused(&browser(&app).await.show(&passkey.get(&options)).await);
        let mut credential = passkey.get(&options);
        credential["response"]["userHandle"] = Value::Null;
        let done = finish(&credential).await.assert(200);
        assert_eq!((&claims(&done)["amr"], &claims(&done)["acr"]), (&json!(["pwd", "pop", "mfa"]), &json!("aal2")));
        assert_eq!(finish(&credential).await.assert(401).json()["error"], "expired_token");
        // The sweep revokes sessions with only a password, and the last passkey cannot be removed.
        let ids = ada.get("/passkeys").send().await.assert(200).json();
        let path = format!("/passkeys/{}", ids[0]["id"].as_str().unwrap());
        let owner = app.stranger().with_token(&token_of(&by_passkey));
        owner.delete(&path).send().await.assert(403);
        let mut required = app.place.config();
        required.second_factor = SecondFactor::Required;
        let sweeping = app.again_with(required).await;
        becomes(&app, "SELECT count(*) FROM sessions WHERE amr = 'pwd' AND ended_at IS NULL", "0").await;
        owner.get("/profile").send().await.assert(200);
        drop(sweeping);
    }

    async fn m04_the_owner_of_an_app_logs_in_by_passkey_without_a_code(database: Database) {
        let app = TestApp::new(database).await;
        let (ada, mut passkey) = with_passkey(&app, "ada").await;
        let shown = ada.post("/factors/totp").send().await.assert(200).json();
        let phone = crate::factors::Authenticator::of_key(shown["key"].as_str().unwrap());
        ada.post("/factors/totp/confirm").json(&json!({ "code": phone.code(&app) })).await.assert(200);
        let asked = app.stranger().try_password(&email("ada"), PASSWORD).await.assert(401).json();
        assert_eq!(asked["mfa_methods"], json!(["app", "passkey"]));
        assert_eq!(claims(&log_in(&app, &mut passkey).await.assert(200))["amr"], json!(["pop", "mfa"]));
        // Five wrong ones end a pending login, as wrong codes do.
        let token = asked["mfa_token"].as_str().unwrap();
        for _ in 0..5 {
            let call = app.stranger().post("/login/factor/passkey/options");
            let options = call.json(&json!({ "mfa_token": token })).await.assert(200).json();
            let credential = Passkey { id: passkey.id.clone(), ..Passkey::new() }.sign(&options);
            let body = json!({ "mfa_token": token, "credential": credential });
            refused(&app.stranger().post("/login/factor/passkey").json(&body).await);
        }
        let call = app.stranger().post("/login/factor/passkey/options");
        assert_eq!(call.json(&json!({ "mfa_token": token })).await.assert(401).json()["error"], "expired_token");
        assert!(subjects(&app, "ada").await.contains(&"A wrong code at a login to Portcullis".to_owned()));
    }

    async fn s02_a_login_with_a_cookie_replaces_the_browsers_session(database: Database) {
        let app = TestApp::new(database).await;
        let (_, mut passkey) = with_passkey(&app, "ada").await;
        let before = app.stranger().log_in_with_cookie(&email("ada")).await;
        let browser = Browser::new(before.clone()).await;
        let body = json!({ "credential": passkey.get(&browser.options) });
        // A page of another site cannot do it, and uses nothing up.
        let foreign = app.stranger().post("/login/passkey/cookie").header("cookie", &browser.cookie);
        foreign.header("sec-fetch-site", "cross-site").json(&body).await.assert(403);
        let call = before.post("/login/passkey/cookie").header("cookie", &browser.cookie);
        let answer = call.json(&body).await.assert(204);
        let after = app.stranger().with_cookie(answer.header("set-cookie").split(';').next().unwrap());
        after.get("/profile").send().await.assert(200);
        before.get("/profile").send().await.assert(401);
    }

    async fn s08_a_disabled_or_deleted_account_has_no_passkey(database: Database) {
        let app = TestApp::new(database).await;
        let id = app.sign_up("ada").await;
        let ada = app.log_in("ada").await;
        let mut passkey = Passkey::new();
        add(&ada, &mut passkey).await;
        app.disable(id).await;
        refused(&log_in(&app, &mut passkey).await);
        app.enable(id).await;
        let ada = app.stranger().with_token(&token_of(&log_in(&app, &mut passkey).await.assert(200)));
        let exported = ada.get("/export").send().await.assert(200).json();
        assert_eq!((&exported["passkeys"][0]["name"], &exported["passkeys"][0]["is_backed_up"]), (&json!("My phone"), &json!(true)));
        assert!(!exported.to_string().contains(&text(&passkey.id)));
        app.delete(id).await;
        refused(&log_in(&app, &mut passkey).await);
        assert_eq!(app.place.value("SELECT count(*) FROM passkeys").await, "0");
    }

    async fn s08_an_administrator_removes_lost_passkeys(database: Database) {
        let app = TestApp::new(database).await;
        let id = app.sign_up("ada").await;
        let ada = app.log_in("ada").await;
        let mut passkey = Passkey::new();
        add(&ada, &mut passkey).await;
        let operator = client::Client::local("operator");
        admin::remove_factor(&app.app, AccountId::new(id), By::operator(&operator)).await.unwrap();
        refused(&log_in(&app, &mut passkey).await);
        ada.get("/profile").send().await.assert(401);
        admin::remove_factor(&app.app, AccountId::new(id), By::operator(&operator)).await.unwrap_err();
    }

    async fn r04_a_reset_keeps_passkeys_but_the_first_proof_of_an_address_does_not(database: Database) {
        let app = TestApp::new(database).await;
        // Somebody who signed up with Ada's address has a passkey; Ada then comes with a password reset.
        let (_, mut strangers) = with_passkey(&app, "ada").await;
        let reset = async |password: &str| {
            app.stranger().post("/password/forgot").json(&json!({ "email": email("ada") })).await.assert(202);
            let mails = app.mails_to("ada").await;
            let link = mails.into_iter().rev().filter_map(|mail| mail.link).find(|link| link.contains("/account/reset"));
            let token = link.unwrap().split("token=").nth(1).unwrap().to_owned();
            let body = json!({ "token": token, "password": password });
            app.stranger().post("/password/reset").json(&body).await.assert(204);
        };
        reset(NEW_PASSWORD).await;
        refused(&log_in(&app, &mut strangers).await);
        // Her own stays.
        let answer = app.stranger().try_password(&email("ada"), NEW_PASSWORD).await.assert(200);
        let mut own = Passkey::new();
        add(&app.stranger().with_token(&token_of(&answer)), &mut own).await;
        app.advance(60);
        reset(PASSWORD).await;
        log_in(&app, &mut own).await.assert(200);
    }

    async fn a_passkey_does_not_log_in_before_the_address_is_confirmed(database: Database) {
        let app = TestApp::new(database).await;
        let (_, mut passkey) = with_passkey(&app, "ada").await;
        let mut config = app.place.config();
        config.require_verified_email = true;
        let strict = app.again_with(config).await;
        assert_eq!(log_in(&strict, &mut passkey).await.assert(403).json()["error"], "invalid_grant");
        app.place.sql("UPDATE accounts SET email_verified_at = 1").await;
        log_in(&strict, &mut passkey).await.assert(200);
    }

    async fn a_stranger_who_loads_the_login_page_writes_nothing(database: Database) {
        let app = TestApp::new(database).await;
        let before = app.place.dump().await;
        for _ in 0..5 {
            let page = app.stranger().get("/account/log-in").send().await.assert(200).text();
            assert!(page.contains("data-passkey"), "{page}");
            browser(&app).await;
        }
        assert_eq!(app.place.dump().await, before);
    }

    async fn a_used_challenge_is_kept_until_it_expires(database: Database) {
        let app = TestApp::new(database).await;
        let ada = app.as_user("ada").await;
        let mut passkey = Passkey::new();
        add(&ada, &mut passkey).await;
        log_in(&app, &mut passkey).await.assert(200);
        becomes(&app, "SELECT count(*) FROM used_passkey_challenges", "2").await;
        app.advance(301);
        let sweeping = app.again().await;
        becomes(&app, "SELECT count(*) FROM used_passkey_challenges", "0").await;
        drop(sweeping);
    }

    async fn w05_a_passkey_takes_the_place_of_the_password_from_the_sign_up_on(database: Database) {
        let app = TestApp::new(database).await;
        let mut passkey = Passkey::new();
        let made = sign_up(&app, "ada", &mut passkey).await.assert(201).json();
        assert_eq!((&made["email"], &made["full_name"]), (&json!(email("ada")), &json!("ada")));
        assert_eq!(app.place.sql("SELECT count(password_hash), count(email_verified_at) FROM accounts").await, [["0", "0"]]);
        assert_eq!((count(&app, "account.signed_up").await, count(&app, "passkey.added").await), ("1".into(), "1".into()));
        // It logs in, as two factors, and it is the last way in.
        let answer = log_in(&app, &mut passkey).await.assert(200);
        assert_eq!(claims(&answer)["amr"], json!(["pop", "mfa"]));
        let ada = app.stranger().with_token(&token_of(&answer));
        let listed = ada.get("/passkeys").send().await.assert(200).json();
        let id = listed[0]["id"].as_str().unwrap().to_owned();
        ada.delete(&format!("/passkeys/{id}")).send().await.assert(409);
        // Another passkey of the account is known by the same name to authenticators.
        let options = creation_options(&ada).await;
        assert_eq!(crate::support::authenticator::text(&passkey.user_handle), options["user"]["id"]);
        assert_eq!(options["excludeCredentials"].as_array().unwrap().len(), 1);
        // The link confirms the address and takes nothing away.
        let token = app.mails_to("ada").await.into_iter().find_map(|mail| mail.link.map(|_| mail.token)).unwrap();
        app.stranger().post("/email/verify").json(&json!({ "token": token })).await.assert(204);
        log_in(&app, &mut passkey).await.assert(200);
        // No password opens it.
        app.stranger().try_password(&email("ada"), PASSWORD).await.assert(401);
    }

    async fn w01_w02_a_sign_up_is_for_one_browser_once_and_with_a_right_passkey(database: Database) {
        let app = TestApp::new(database).await;
        let mut passkey = Passkey::new();
        let (first, other) = (newcomers_browser(&app, "ada").await, newcomers_browser(&app, "ada").await);
        let credential = passkey.create(&first.options);
        let elsewhere = Browser { cookie: other.cookie.clone(), ..newcomers_browser(&app, "ada").await };
        elsewhere.sign_up("ada", &credential).await.assert(422);
        let mut body = newcomer("ada");
        body["credential"] = credential.clone();
        let none = app.stranger().post("/signup/passkey").json(&body).await.assert(422).json();
        assert_eq!(none["detail"][0]["loc"], json!(["body", "credential"]));
        // What a login or a session was asked with does not sign up, and what signs up logs nobody in.
        let of_login = browser(&app).await;
        let made = passkey.create(&json!({ "challenge": of_login.options["challenge"], "user": { "id": "AAAA" } }));
        of_login.sign_up("ada", &made).await.assert(422);
        let eve = app.as_user("eve").await;
        let made = passkey.create(&creation_options(&eve).await);
        first.sign_up("ada", &made).await.assert(422);
        refused(&first.show(&passkey.sign(&first.options)).await);
        // Not verified by its owner: the challenge is used.
        let late = newcomers_browser(&app, "ada").await;
        passkey.flags ^= UV;
        late.sign_up("ada", &passkey.create(&late.options)).await.assert(422);
        passkey.flags ^= UV;
        late.sign_up("ada", &passkey.create(&late.options)).await.assert(422);
        let late = newcomers_browser(&app, "ada").await;
        app.advance(300);
        late.sign_up("ada", &passkey.create(&late.options)).await.assert(422);
        assert_eq!(app.place.value("SELECT count(*) FROM accounts").await, "1");
        // Of many at once, one makes the account.
        let first = newcomers_browser(&app, "ada").await;
        let credential = passkey.create(&first.options);
        let answers = join_all((0..8).map(|_| first.sign_up("ada", &credential))).await;
        let mut statuses: Vec<_> = answers.iter().map(|answer| answer.status.as_u16()).collect();
        statuses.sort_unstable();
        assert_eq!(statuses[0], 201, "{statuses:?}");
        assert!(statuses[1..].iter().all(|status| [409, 422].contains(status)), "{statuses:?}");
        assert_eq!(app.place.value("SELECT count(*) FROM passkeys").await, "1");
        // A credential is registered once.
        let again = newcomers_browser(&app, "bob").await;
        let taken = again.sign_up("bob", &passkey.create(&again.options)).await.assert(409).json();
        assert_eq!(taken["detail"], "This passkey is already registered");
        assert_eq!(app.place.value("SELECT count(*) FROM accounts").await, "2");
    }

    async fn e04_a_sign_up_by_passkey_tells_of_an_account_only_where_that_is_told(database: Database) {
        let app = TestApp::new(database).await;
        app.sign_up("ada").await;
        app.place.sql("UPDATE accounts SET email_verified_at = created_at").await;
        // Nobody makes a passkey in vain.
        app.stranger().post("/signup/passkey/options").json(&newcomer("ada")).await.assert(409);
        let mut config = app.place.config();
        config.sign_up = SignUp::Quiet;
        let quiet = app.again_with(config).await;
        let (known, unknown) = (newcomers_browser(&quiet, "ada").await, newcomers_browser(&quiet, "bob").await);
        let shape = |browser: &Browser| {
            let mut options = browser.options.clone();
            for random in ["/challenge", "/user/id", "/user/name", "/user/displayName"] {
                let length = options.pointer(random).unwrap().as_str().unwrap().len();
                *options.pointer_mut(random).unwrap() = if random.contains("ame") { json!("") } else { json!(length) };
            }
            options
        };
        assert_eq!(shape(&known), shape(&unknown));
        let (mut in_vain, mut passkey) = (Passkey::new(), Passkey::new());
        let told = known.sign_up("ada", &in_vain.create(&known.options)).await.assert(202);
        let made = unknown.sign_up("bob", &passkey.create(&unknown.options)).await.assert(202);
        assert_eq!(told.text(), made.text());
        assert_eq!(app.place.value("SELECT count(*) FROM passkeys").await, "1");
        refused(&log_in(&quiet, &mut in_vain).await);
        // Where sign-up is quiet, an address has to be confirmed before anybody logs in.
        log_in(&quiet, &mut passkey).await.assert(403);
        let subjects = subjects(&app, "ada").await;
        assert!(subjects.iter().any(|subject| subject.contains("already")), "{subjects:?}");
    }

    async fn p13_where_sign_up_is_closed_no_passkey_makes_an_account(database: Database) {
        let app = TestApp::with(database, |config| config.sign_up = SignUp::Closed).await;
        for path in ["/signup/passkey", "/signup/passkey/options"] {
            for method in [http::Method::POST, http::Method::GET, http::Method::PUT] {
                let answer = app.stranger().call(method, path).send().await.assert(403).json();
                assert_eq!(answer["detail"], app.stranger().post("/signup").send().await.assert(403).json()["detail"]);
            }
        }
        let form = [("email", "ada@example.com"), ("full_name", "Ada"), ("credential", "{}")];
        for (path, form) in [("/account/sign-up/passkey", &form[..2]), ("/account/sign-up/passkey/create", &form[..])] {
            let call = app.stranger().post(path).header("sec-fetch-site", "same-origin");
            call.form(form).await.assert(403);
        }
        assert_eq!(app.place.value("SELECT count(*) FROM accounts").await, "0");
    }

    async fn the_page_of_the_sign_up_makes_a_passkey_instead_of_a_password(database: Database) {
        let app = TestApp::new(database).await;
        let page = app.stranger().get("/account/sign-up").send().await.assert(200).text();
        assert!(page.contains("formaction=\"/account/sign-up/passkey\""), "{page}");
        let bad = [("email", "ada"), ("full_name", "")];
        let again = app.stranger().post("/account/sign-up/passkey").header("sec-fetch-site", "same-origin").form(&bad).await.assert(422).text();
        assert!(again.contains("id=\"email-fault\"") || again.contains("aria-invalid"), "{again}");
        let form = [("email", "ada@example.com"), ("full_name", "Ada"), ("next", "/account/email")];
        let page = app.stranger().post("/account/sign-up/passkey").header("sec-fetch-site", "same-origin").form(&form).await.assert(200);
        let cookie = page.header("set-cookie").split(';').next().unwrap().to_owned();
        assert!(page.text().contains("Passkeys need JavaScript") && page.text().contains("ada@example.com"));
        let mut passkey = Passkey::new();
        let create = async |credential: &str| {
            let form = [("email", "ada@example.com"), ("full_name", "Ada"), ("next", "/account/email"), ("credential", credential)];
            app.stranger().post("/account/sign-up/passkey/create").header("sec-fetch-site", "same-origin").header("cookie", &cookie).form(&form).await
        };
        let wrong = create("{}").await.assert(422).text();
        assert!(wrong.contains("The new passkey was not accepted") && wrong.contains("value=\"ada@example.com\""), "{wrong}");
        let credential = passkey.create(&options_of(&page.text())).to_string();
        let done = create(&credential).await.assert(303);
        assert!(done.header("location").contains("next=%2Faccount%2Femail"), "{}", done.header("location"));
        let session = done.headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap());
        let session = session.map(|cookie| cookie.split(';').next().unwrap()).find(|cookie| cookie.starts_with("__Host-portcullis=")).unwrap();
        let ada = app.stranger().with_cookie(session);
        assert_eq!(ada.get("/profile").send().await.assert(200).json()["full_name"], "Ada");
        assert_eq!(app.place.value("SELECT amr FROM sessions").await, "pop mfa");
        // Where the address has to be confirmed first, the email is what to look at.
        let mut config = app.place.config();
        config.require_verified_email = true;
        let strict = app.again_with(config).await;
        let form = [("email", "bob@example.com"), ("full_name", "Bob")];
        let page = strict.stranger().post("/account/sign-up/passkey").header("sec-fetch-site", "same-origin").form(&form).await.assert(200);
        let cookie = page.header("set-cookie").split(';').next().unwrap().to_owned();
        let credential = Passkey::new().create(&options_of(&page.text())).to_string();
        let form = [form[0], form[1], ("credential", credential.as_str())];
        let done = strict.stranger().post("/account/sign-up/passkey/create").header("sec-fetch-site", "same-origin").header("cookie", &cookie).form(&form).await;
        assert!(done.assert(303).header("location").starts_with("/account/check-mail"));
        assert_eq!(app.place.value("SELECT count(*) FROM sessions").await, "1");
    }

    async fn an_ip_address_has_no_passkeys(database: Database) {
        let app = TestApp::with(database, |config| config.public_url = Some("http://127.0.0.1:8000".parse().unwrap())).await;
        let ada = app.as_user("ada").await;
        assert_eq!(ada.post("/passkeys/options").send().await.assert(403).json()["detail"], "Passkeys need a domain \
            name, and this server is reached by an IP address");
        app.stranger().post("/login/passkey/options").send().await.assert(403);
        app.stranger().get("/.well-known/passkey-endpoints").send().await.assert(404);
        app.stranger().post("/signup/passkey/options").json(&newcomer("bob")).await.assert(403);
        assert!(!app.stranger().get("/account/sign-up").send().await.assert(200).text().contains("sign-up/passkey"));
        let page = app.stranger().get("/account/log-in").send().await.assert(200).text();
        assert!(!page.contains("data-passkey") && page.contains("name=\"password\""));
        let cookie = app.stranger().log_in_with_cookie(&email("ada")).await;
        assert!(cookie.get("/account/passkeys").send().await.assert(200).text().contains("uses an IP address"));
        assert!(!cookie.get("/account").send().await.assert(200).text().contains("/account/passkeys"));
    }

    async fn password_managers_find_the_page(database: Database) {
        let app = TestApp::new(database).await;
        let found = app.stranger().get("/.well-known/passkey-endpoints").send().await.assert(200).json();
        let page = "http://localhost:8000/account/passkeys";
        assert_eq!(found, json!({ "enroll": page, "manage": page }));
    }

    async fn the_pages_add_rename_confirm_and_remove(database: Database) {
        let app = TestApp::new(database).await;
        app.sign_up("ada").await;
        let ada = app.stranger().log_in_with_cookie(&email("ada")).await;
        let page = ada.post("/account/passkeys/add").form(&[]).await.assert(200).text();
        assert!(page.contains("Passkeys need JavaScript"));
        let mut passkey = Passkey::new();
        let credential = passkey.create(&options_of(&page)).to_string();
        // An invalid name is reported next to it, with a new challenge.
        let form = [("name", "evil\u{202e}"), ("credential", credential.as_str())];
        let again = ada.post("/account/passkeys/create").form(&form).await.assert(422).text();
        let credential = passkey.create(&options_of(&again)).to_string();
        let wrong = ada.post("/account/passkeys/create").form(&[("name", "x"), ("credential", "{}")]).await.assert(422);
        assert!(wrong.text().contains("The new passkey was not accepted"));
        let form = [("name", "Ring"), ("credential", credential.as_str())];
        let done = ada.post("/account/passkeys/create").form(&form).await.assert(303);
        assert_eq!(done.header("location"), "/account/passkeys?done=passkey-added");
        let listed = ada.get("/account/passkeys").send().await.assert(200).text();
        assert!(listed.contains("Ring") && listed.contains("synchronized") && listed.contains("Not used yet"));
        let id = listed.split("name=\"id\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        ada.post("/account/passkeys/rename").form(&[("id", &id), ("name", "")]).await.assert(422);
        ada.post("/account/passkeys/rename").form(&[("id", &id), ("name", "Watch")]).await.assert(303);
        // Logging in, from a page with a cookie of its own.
        let page = app.stranger().get("/account/log-in").send().await.assert(200);
        let cookie = page.header("set-cookie").split(';').next().unwrap();
        assert!(page.text().contains("autocomplete=\"username webauthn\""));
        let credential = passkey.get(&options_of(&page.text())).to_string();
        let log_in = async |credential: &str| {
            let call = app.stranger().post("/account/log-in/passkey").header("sec-fetch-site", "same-origin");
            call.header("cookie", cookie).form(&[("credential", credential), ("next", "/account/email")]).await
        };
        let wrong = log_in("nonsense").await.assert(401).text();
        assert!(wrong.contains("The passkey was not accepted") && wrong.contains("value=\"/account/email\""));
        let done = log_in(&credential).await.assert(303);
        assert!(done.header("location").starts_with("/account/log-in?next=%2Faccount%2Femail"), "{}", done.header("location"));
        // Confirming an old login works only with a passkey of the same account.
        app.advance(601);
        let away = ada.post("/account/passkeys/remove").form(&[("id", &id)]).await.assert(303);
        assert!(away.header("location").starts_with("/account/confirm?next="));
        let page = ada.get("/account/confirm").send().await.assert(200).text();
        let (_, mut eves) = with_passkey(&app, "eve").await;
        let credential = eves.get(&options_of(&page)).to_string();
        ada.post("/account/confirm/passkey").form(&[("credential", &credential)]).await.assert(401);
        let page = ada.get("/account/confirm").send().await.assert(200).text();
        let credential = passkey.get(&options_of(&page)).to_string();
        let done = ada.post("/account/confirm/passkey").form(&[("credential", &credential)]).await.assert(303);
        let fresh = app.stranger().with_cookie(done.header("set-cookie").split(';').next().unwrap());
        ada.get("/account").send().await.assert(303);
        let done = fresh.post("/account/passkeys/remove").form(&[("id", &id)]).await.assert(303);
        assert_eq!(done.header("location"), "/account/passkeys?done=passkey-removed");
        // Another request was faster.
        fresh.post("/account/passkeys/remove").form(&[("id", &id)]).await.assert(303);
    }
}
