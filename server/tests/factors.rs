//! Second factors: the authenticator app, recovery codes, and the gate that every login passes.

use std::collections::BTreeMap;

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::future::join_all;
use portcullis_server::accounts::{AccountId, Role};
use portcullis_server::config::SecondFactor;
use portcullis_server::{By, admin, client};
use serde_json::{Value, json};

use crate::on_both_databases;
use crate::support::{Answer, Client, Mail, PASSWORD, TestApp, document, email};

const NEW_PASSWORD: &str = "another-lantern-in-the-harbour";

/// An authenticator app that shows codes, and the recovery codes that came with it.
pub struct Authenticator {
    key: Vec<u8>,
    recovery: Vec<String>,
}

/// Decodes base32 (RFC 4648 §6).
fn of_base32(text: &str) -> Vec<u8> {
    let symbols = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bits =
        text.chars().fold(String::new(), |bits, c| bits + &format!("{:05b}", symbols.find(c).unwrap()));
    bits.as_bytes()
        .chunks_exact(8)
        .map(|byte| u8::from_str_radix(std::str::from_utf8(byte).unwrap(), 2).unwrap())
        .collect()
}

impl Authenticator {
    pub fn of_key(text: &str) -> Self {
        assert_eq!(text.len(), 32, "160 bits in base 32");
        Self { key: of_base32(text), recovery: Vec::new() }
    }

    /// The code that it shows `steps` of 30 seconds from now.
    fn code_in(&self, app: &TestApp, steps: i64) -> String {
        let step = app.clock.now().as_secs() / 30 + steps;
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.key);
        let mac = hmac::sign(&key, &step.to_be_bytes());
        let mac = mac.as_ref();
        let at = usize::from(mac[19] & 15);
        let number = u32::from_be_bytes(mac[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
        format!("{:06}", number % 1_000_000)
    }

    /// One of those that came with it.
    pub fn recovery_code(&self) -> &str {
        &self.recovery[0]
    }

    pub fn code(&self, app: &TestApp) -> String {
        self.code_in(app, 0)
    }

    /// A code that it shows neither now nor soon.
    fn wrong(&self, app: &TestApp) -> String {
        let near: Vec<_> = (-2..=2).map(|steps| self.code_in(app, steps)).collect();
        (0..6).map(|n| format!("{n:06}")).find(|code| !near.contains(code)).unwrap()
    }
}

/// Adds an app. Its first code is used up, so the next one comes 30 seconds later.
pub async fn enrol(app: &TestApp, client: &Client) -> Authenticator {
    let shown = client.post("/factors/totp").send().await.assert(200).json();
    let mut authenticator = Authenticator::of_key(shown["key"].as_str().unwrap());
    let body = json!({ "code": authenticator.code(app) });
    let codes = client.post("/factors/totp/confirm").json(&body).await.assert(200).json();
    authenticator.recovery =
        codes["recovery_codes"].as_array().unwrap().iter().map(|c| c.as_str().unwrap().to_owned()).collect();
    app.advance(30);
    authenticator
}

/// Passes the first step of a login.
pub async fn first_step(app: &TestApp, name: &str) -> String {
    asked(&app.stranger().try_password(&email(name), PASSWORD).await)
}

/// The token of a login that asks for the second factor.
fn asked(answer: &Answer) -> String {
    let body = answer.clone().assert(401).json();
    assert_eq!(body["error"], "mfa_required", "{body}");
    body["mfa_token"].as_str().unwrap().to_owned()
}

pub async fn second_step(client: &Client, token: &str, code: &str) -> Answer {
    client.post("/login/factor").json(&json!({ "mfa_token": token, "code": code })).await
}

/// Asserts that it was rejected because its login has expired.
#[track_caller]
fn ended(answer: &Answer) {
    assert_eq!(answer.clone().assert(401).json()["error"], "expired_token");
}

/// Both steps. Returns the client that is logged in.
async fn log_in(app: &TestApp, name: &str, authenticator: &Authenticator) -> Client {
    let token = first_step(app, name).await;
    let answer = second_step(&app.stranger(), &token, &authenticator.code(app)).await.assert(200).json();
    app.advance(30);
    app.stranger().with_token(answer["access_token"].as_str().unwrap())
}

fn claims(token: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

async fn subjects(app: &TestApp, name: &str) -> BTreeMap<String, usize> {
    let mut subjects = BTreeMap::new();
    for mail in app.mails_to(name).await {
        *subjects.entry(mail.subject).or_default() += 1;
    }
    subjects
}

/// The newest email with a link and a code to log in.
async fn log_in_mail(app: &TestApp) -> Mail {
    let mails = app.mails_to("ada").await.into_iter();
    let is_log_in =
        |mail: &Mail| mail.link.as_ref().is_some_and(|link| link.contains("/account/log-in/link"));
    mails.rev().find(is_log_in).unwrap()
}

/// Confirms Ada's address, as an emailed link does.
async fn confirm_address(app: &TestApp) {
    app.place.sql("UPDATE accounts SET email_verified_at = 1").await;
}

async fn make_admin(app: &TestApp, id: i64) {
    let operator = client::Client::local("operator");
    admin::set_role(&app.app, AccountId::new(id), Role::Admin, By::operator(&operator)).await.unwrap();
}

async fn audit_count(app: &TestApp, event: &str) -> String {
    app.place.value(&format!("SELECT count(*) FROM audit_events WHERE event = '{event}'")).await
}

on_both_databases! {
    async fn m02_s10_a_new_password_makes_no_old_login_recent(database: Database) {
        let app = TestApp::new(database).await;
        let ada = app.as_user("ada").await;
        let phone = enrol(&app, &ada).await;
        app.advance(2 * 60 * 60);
        let token = first_step(&app, "ada").await;
        let thief = second_step(&app.stranger(), &token, &phone.code(&app)).await.assert(200).json();
        let thief = app.stranger().with_token(thief["access_token"].as_str().unwrap());
        app.place.sql("UPDATE sessions SET authenticated_at = authenticated_at - 7200000000").await;
        thief.delete("/factors/totp").send().await.assert(401);
        let body = json!({ "current_password": PASSWORD, "password": "another-lantern-in-the-harbour" });
        let changed = thief.call(http::Method::PUT, "/password").json(&body).await.assert(200).json();
        let thief = app.stranger().with_token(changed["access_token"].as_str().unwrap());
        thief.get("/profile").send().await.assert(200);
        thief.delete("/factors/totp").send().await.assert(401);
        thief.call(http::Method::PUT, "/email").json(&json!({ "email": email("thief") })).await.assert(401);
    }

    async fn m01_a_code_is_accepted_once_and_in_its_window(database: Database) {
        let app = TestApp::with(database, |config| config.limits = false).await;
        let ada = app.as_user("ada").await;
        let phone = enrol(&app, &ada).await;
        // The first code confirmed the app, so it is no longer valid for a login.
        let token = first_step(&app, "ada").await;
        let refused = second_step(&app.stranger(), &token, &phone.code_in(&app, -1)).await.assert(401);
        assert_eq!(refused.json()["error"], "invalid_grant");
        let code = phone.code(&app);
        let answer = second_step(&app.stranger(), &token, &code).await.assert(200).json();
        let claims = claims(answer["access_token"].as_str().unwrap());
        assert_eq!((&claims["amr"], &claims["acr"]), (&json!(["pwd", "otp", "mfa"]), &json!("aal2")));
        // The same code again: here, on another instance, and after a restart.
        let second = app.again().await;
        for instance in [&app, &second] {
            let token = first_step(instance, "ada").await;
            second_step(&instance.stranger(), &token, &code).await.assert(401);
        }
        // One step ahead is valid, and afterwards no earlier step is.
        let token = first_step(&app, "ada").await;
        second_step(&app.stranger(), &token, &phone.code_in(&app, 2)).await.assert(401);
        second_step(&app.stranger(), &token, &phone.code_in(&app, 1)).await.assert(200);
        let token = first_step(&app, "ada").await;
        second_step(&app.stranger(), &token, &code).await.assert(401);
        second_step(&app.stranger(), &token, &phone.code_in(&app, 1)).await.assert(401);
        // One step behind is valid, two are not. People type spaces.
        app.advance(90);
        second_step(&app.stranger(), &token, &phone.code_in(&app, -2)).await.assert(401);
        let behind = phone.code_in(&app, -1);
        second_step(&app.stranger(), &token, &format!("{} {}", behind.get(..3).unwrap(), behind.get(3..).unwrap())).await.assert(200);
    }

    async fn m01_k04_of_fifty_at_once_on_two_instances_one_wins(database: Database) {
        let app = TestApp::with(database, |config| config.limits = false).await;
        let mut config = app.place.config();
        config.limits = false;
        let second = app.again_with(config).await;
        let ada = app.as_user("ada").await;
        let phone = enrol(&app, &ada).await;
        let tokens = join_all((0..10).map(|_| first_step(&app, "ada"))).await;
        let code = phone.code(&app);
        let tries = (0..50).map(|n| {
            let client = if n % 2 == 0 { app.stranger() } else { second.stranger() };
            let (token, code) = (&tokens[n % 10], &code);
            async move { second_step(&client, token, code).await.status.as_u16() }
        });
        let statuses = join_all(tries).await;
        let of = |status| statuses.iter().filter(|known| **known == status).count();
        assert_eq!((of(200), of(401)), (1, 49), "{statuses:?}");
        assert_eq!(app.place.value("SELECT count(*) FROM sessions WHERE amr = 'pwd otp mfa' AND ended_at IS NULL").await, "2");
    }

    async fn m02_an_app_counts_after_its_first_code_and_needs_a_fresh_log_in(database: Database) {
        let app = TestApp::new(database).await;
        app.sign_up("ada").await;
        let other = app.log_in("ada").await;
        let ada = app.log_in("ada").await;
        let shown = ada.post("/factors/totp").send().await.assert(200).json();
        let key = shown["key"].as_str().unwrap();
        assert!(shown["uri"].as_str().unwrap().starts_with("otpauth://totp/Portcullis:ada%40example.com?secret="));
        assert!(shown["qr"].as_str().unwrap().starts_with("<svg ") && !shown["qr"].as_str().unwrap().contains(key));
        let phone = Authenticator::of_key(key);
        // Not active yet: a login asks for nothing, and a wrong code or another session changes nothing.
        app.log_in("ada").await;
        let wrong = json!({ "code": phone.wrong(&app) });
        ada.post("/factors/totp/confirm").json(&wrong).await.assert_invalid(&["body.code"]);
        let right = json!({ "code": phone.code(&app) });
        other.post("/factors/totp/confirm").json(&right).await.assert(404);
        assert_eq!(ada.get("/factors").send().await.assert(200).json(), json!({ "totp": null, "recovery_codes_left": 0, "required": false }));

        ada.post("/factors/totp/confirm").json(&right).await.assert(200);
        let factors = ada.get("/factors").send().await.assert(200).json();
        assert_eq!((&factors["recovery_codes_left"], factors["totp"].is_object()), (&json!(10), true));
        other.get("/profile").send().await.assert(401);
        first_step(&app, "ada").await;
        // The key is shown once, and encrypted in the database.
        let dump = app.place.dump().await;
        assert!(!dump.contains(key) && !dump.contains(&format!("{:?}", phone.key)));
        assert_eq!(subjects(&app, "ada").await["An authenticator app was added to your account at Portcullis"], 1);

        // Another app replaces it only with its first code.
        app.advance(30);
        let shown = ada.post("/factors/totp").send().await.assert(200).json();
        let ada = log_in(&app, "ada", &phone).await;
        assert_ne!(shown["key"], json!(key));
        let shown = ada.post("/factors/totp").send().await.assert(200).json();
        let new_phone = Authenticator::of_key(shown["key"].as_str().unwrap());
        ada.post("/factors/totp/confirm").json(&json!({ "code": new_phone.code(&app) })).await.assert(200);
        app.advance(30);
        let token = first_step(&app, "ada").await;
        second_step(&app.stranger(), &token, &phone.code(&app)).await.assert(401);
        second_step(&app.stranger(), &token, &new_phone.code(&app)).await.assert(200);
    }

    async fn m02_every_change_needs_a_fresh_log_in_and_is_told(database: Database) {
        let app = TestApp::with(database, |config| config.access_token_ttl = std::time::Duration::from_hours(1)).await;
        let ada = app.as_user("ada").await;
        let phone = enrol(&app, &ada).await;
        app.advance(601);
        let stale = [
            ada.post("/factors/totp").send().await,
            ada.post("/factors/totp/confirm").json(&json!({ "code": "123456" })).await,
            ada.post("/factors/recovery-codes").send().await,
            ada.delete("/factors/totp").send().await,
        ];
        for answer in stale {
            assert!(answer.assert(401).header("www-authenticate").contains("insufficient_user_authentication"));
        }
        ada.get("/factors").send().await.assert(200);
        let fresh = log_in(&app, "ada", &phone).await;
        fresh.delete("/factors/totp").send().await.assert(204);
        fresh.delete("/factors/totp").send().await.assert(404);
        fresh.post("/factors/recovery-codes").send().await.assert(404);
        ada.get("/profile").send().await.assert(401);
        app.log_in("ada").await;
        assert_eq!(subjects(&app, "ada").await["Your authenticator app at Portcullis was removed"], 1);
        assert_eq!(audit_count(&app, "factor.totp_removed").await, "1");
        assert_eq!(app.place.value("SELECT count(*) FROM recovery_codes").await, "0");
    }

    async fn m03_the_token_of_a_login_can_do_one_thing(database: Database) {
        let app = TestApp::new(database).await;
        let ada = app.as_user("ada").await;
        let phone = enrol(&app, &ada).await;
        let token = first_step(&app, "ada").await;
        let bearer = app.stranger().with_token(&token);
        let cookie = app.stranger().with_cookie(&format!("__Host-portcullis={token}"));
        for (method, path, entry) in document().operations() {
            if entry["security"].as_array().unwrap().is_empty() {
                continue;
            }
            let path = path.replace("{id}", "1");
            bearer.call(method.clone(), &path).send().await.assert(401);
            cookie.call(method, &path).send().await.assert(401);
        }
        let refresh = [("grant_type", "refresh_token"), ("refresh_token", &token)];
        app.stranger().post("/token").form(&refresh).await.assert(400);
        app.stranger().post("/login/factor/totp").json(&json!({ "mfa_token": token })).await.assert(409);
        assert!(!app.place.dump().await.contains(&token));
        second_step(&app.stranger(), &token, &phone.code(&app)).await.assert(200);
        assert_eq!(second_step(&app.stranger(), &token, &phone.code_in(&app, 1)).await.assert(401).json()["error"], "expired_token");
    }

    async fn m03_a_login_ends_after_ten_minutes_and_after_five_wrong_codes(database: Database) {
        let app = TestApp::new(database).await;
        let ada = app.as_user("ada").await;
        let phone = enrol(&app, &ada).await;
        let (in_time, too_late) = (first_step(&app, "ada").await, first_step(&app, "ada").await);
        app.advance(599);
        second_step(&app.stranger(), &in_time, &phone.code(&app)).await.assert(200);
        app.advance(1);
        let expired = second_step(&app.stranger(), &too_late, &phone.code_in(&app, 1)).await.assert(401);
        assert_eq!(expired.json()["error"], "expired_token");

        let token = first_step(&app, "ada").await;
        for _ in 0..5 {
            let wrong = second_step(&app.stranger(), &token, &phone.wrong(&app)).await.assert(401);
            assert_eq!(wrong.json()["error"], "invalid_grant");
        }
        app.advance(60);
        let ended = second_step(&app.stranger(), &token, &phone.code(&app)).await.assert(401);
        assert_eq!(ended.json()["error"], "expired_token");
        second_step(&app.stranger(), "", "123456").await.assert(401);
        second_step(&app.stranger(), &"x".repeat(257), "123456").await.assert_invalid(&["body.mfa_token"]);
    }

    async fn m03_whoever_knows_the_password_cannot_guess_codes(database: Database) {
        let app = TestApp::new(database).await;
        let ada = app.as_user("ada").await;
        let phone = enrol(&app, &ada).await;
        // Ten wrong codes from one network in 15 minutes, whatever the number of logins. After that, no codes are
        // checked from there. The owner is not locked out elsewhere.
        let thief = app.stranger_at("203.0.113.7");
        let mut wrong = 0;
        for _ in 0..3 {
            let token = asked(&thief.try_password(&email("ada"), PASSWORD).await);
            for _ in 0..5 {
                wrong += usize::from(second_step(&thief, &token, &phone.wrong(&app)).await.status == 401);
            }
        }
        assert_eq!(wrong, 10);
        let token = asked(&thief.try_password(&email("ada"), PASSWORD).await);
        second_step(&thief, &token, &phone.code(&app)).await.assert(429);
        log_in(&app, "ada", &phone).await;
        // A right password neither makes the thief's network a known one of the account, nor resets the count.
        for _ in 0..6 {
            asked(&thief.try_password(&email("ada"), PASSWORD).await);
        }
        thief.try_password(&email("ada"), PASSWORD).await.assert(429);
    }

    async fn m04_a_factor_alone_never_logs_in(database: Database) {
        let app = TestApp::new(database).await;
        let ada = app.as_user("ada").await;
        let phone = enrol(&app, &ada).await;
        for token in ["", "x", "pcmf_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", ada.token().get(..256).unwrap()] {
            for code in [&phone.code(&app), &phone.recovery[0]] {
                second_step(&app.stranger(), token, code).await.assert(401);
            }
        }
        for password in [&phone.code(&app), &phone.recovery[0]] {
            app.stranger().try_password(&email("ada"), password).await.assert(401);
        }
        // Nor does another account's factor.
        let ben = app.as_user("ben").await;
        let other = enrol(&app, &ben).await;
        let token = first_step(&app, "ada").await;
        second_step(&app.stranger(), &token, &other.code(&app)).await.assert(401);
        second_step(&app.stranger(), &token, &other.recovery[0]).await.assert(401);
        second_step(&app.stranger(), &token, &phone.recovery[0]).await.assert(200);
    }

    async fn m04_every_way_to_a_session_asks_for_the_factor(database: Database) {
        let app = TestApp::with(database, |config| config.log_in_by_mail = true).await;
        app.sign_up("ada").await;
        confirm_address(&app).await;
        let form = [("username", &*email("ada")), ("password", PASSWORD), ("scope", "offline_access profile:read")];
        let before = app.stranger().post("/login").form(&form).await.assert(200).json();
        let ada = app.log_in("ada").await;
        let phone = enrol(&app, &ada).await;
        // Sessions from before the factor are revoked, with their refresh tokens.
        let refresh = [("grant_type", "refresh_token"), ("refresh_token", before["refresh_token"].as_str().unwrap())];
        app.stranger().post("/token").form(&refresh).await.assert(400);

        // By password, with the requested scope.
        let token = asked(&app.stranger().post("/login").form(&form).await);
        let answer = second_step(&app.stranger(), &token, &phone.code(&app)).await.assert(200).json();
        assert_eq!(answer["scope"], "offline_access profile:read");
        assert!(answer["refresh_token"].is_string());
        app.advance(30);

        // By cookie, which replaces the session of the previous cookie.
        let cookie = |client: &Client| {
            let call = client.post("/login/cookie").header("sec-fetch-site", "same-origin");
            async move { call.form(&[("username", &*email("ada")), ("password", PASSWORD)]).await }
        };
        let mut browser = app.stranger();
        for _ in 0..2 {
            let token = asked(&cookie(&app.stranger()).await);
            let answer = second_step(&browser, &token, &phone.code(&app)).await.assert(204);
            browser = app.stranger().with_cookie(answer.header("set-cookie").split(';').next().unwrap());
            browser.get("/profile").send().await.assert(200);
            app.advance(30);
        }

        // By an emailed link and an emailed code.
        app.stranger().post("/login/link").json(&json!({ "email": email("ada") })).await.assert(202);
        let mail = log_in_mail(&app).await;
        let link = json!({ "token": mail.token });
        let token = asked(&app.stranger().post("/login/link/token").json(&link).await);
        let answer = second_step(&app.stranger(), &token, &phone.code(&app)).await.assert(200).json();
        assert_eq!(claims(answer["access_token"].as_str().unwrap())["amr"], json!(["email", "otp", "mfa"]));
        app.advance(30);
        app.stranger().post("/login/link").json(&json!({ "email": email("ada") })).await.assert(202);
        let mail = log_in_mail(&app).await;
        let code = mail.text.lines().find_map(|line| line.strip_prefix("    ")).unwrap();
        let body = json!({ "email": email("ada"), "code": code.trim() });
        let token = asked(&app.stranger().post("/login/code").json(&body).await);
        let answer = second_step(&app.stranger(), &token, &phone.recovery[0]).await.assert(200).json();
        assert_eq!(claims(answer["access_token"].as_str().unwrap())["amr"], json!(["email", "recovery", "mfa"]));
    }

    async fn r04_a_reset_does_not_go_around_the_factor(database: Database) {
        let app = TestApp::new(database).await;
        let ada = app.as_user("ada").await;
        let phone = enrol(&app, &ada).await;
        confirm_address(&app).await;
        let waiting = first_step(&app, "ada").await;
        app.stranger().post("/password/forgot").json(&json!({ "email": email("ada") })).await.assert(202);
        let token = app.mails_to("ada").await.pop().unwrap().token;
        let body = json!({ "token": token, "password": NEW_PASSWORD });
        app.stranger().post("/password/reset").json(&body).await.assert(204);
        // A login that waits for its factor expires when the password changes.
        let ended = second_step(&app.stranger(), &waiting, &phone.code(&app)).await.assert(401);
        assert_eq!(ended.json()["error"], "expired_token");
        let token = asked(&app.stranger().try_password(&email("ada"), NEW_PASSWORD).await);
        second_step(&app.stranger(), &token, &phone.code(&app)).await.assert(200);
    }

    async fn s10_a_login_that_waits_ends_with_the_sessions(database: Database) {
        let app = TestApp::new(database).await;
        let id = app.sign_up("ada").await;
        let ada = app.log_in("ada").await;
        let phone = enrol(&app, &ada).await;
        let root = app.sign_up("root").await;
        make_admin(&app, root).await;
        let scope = "accounts:read accounts:write";
        let answer = app.stranger().post("/login").form_owned(&email("root"), PASSWORD, scope).await.assert(200);
        let root = app.stranger().with_token(answer.json()["access_token"].as_str().unwrap());

        let by_owner = first_step(&app, "ada").await;
        ada.delete("/sessions").send().await.assert(204);
        ended(&second_step(&app.stranger(), &by_owner, &phone.code(&app)).await);

        let by_admin = first_step(&app, "ada").await;
        root.delete(&format!("/admin/accounts/{id}/sessions")).send().await.assert(204);
        ended(&second_step(&app.stranger(), &by_admin, &phone.code(&app)).await);

        let ada = log_in(&app, "ada", &phone).await;
        ada.call(http::Method::PUT, "/email").json(&json!({ "email": email("new.ada") })).await.assert(202);
        let token = app.mails_to("new.ada").await.pop().unwrap().token;
        let by_change = first_step(&app, "ada").await;
        app.stranger().post("/email/confirm").json(&json!({ "token": token })).await.assert(204);
        ended(&second_step(&app.stranger(), &by_change, &phone.code(&app)).await);
    }

    async fn s08_a_disabled_account_does_not_finish_a_login(database: Database) {
        let app = TestApp::new(database).await;
        let id = app.sign_up("ada").await;
        let phone = enrol(&app, &app.log_in("ada").await).await;
        let token = first_step(&app, "ada").await;
        app.disable(id).await;
        second_step(&app.stranger(), &token, &phone.code(&app)).await.assert(401);
        app.enable(id).await;
        second_step(&app.stranger(), &token, &phone.code(&app)).await.assert(401);
        let token = first_step(&app, "ada").await;
        app.delete(id).await;
        second_step(&app.stranger(), &token, &phone.code(&app)).await.assert(401);
    }

    async fn m05_recovery_codes_work_once_and_a_new_set_ends_the_old(database: Database) {
        let app = TestApp::with(database, |config| config.limits = false).await;
        let ada = app.as_user("ada").await;
        let phone = enrol(&app, &ada).await;
        assert_eq!(phone.recovery.len(), 10);
        let dump = app.place.dump().await;
        assert!(phone.recovery.iter().all(|code| code.len() == 19 && !dump.contains(code)));

        let tokens = join_all((0..10).map(|_| first_step(&app, "ada"))).await;
        let second = app.again().await;
        let tries = tokens.iter().enumerate().map(|(n, token)| {
            let client = if n % 2 == 0 { app.stranger() } else { second.stranger() };
            let code = phone.recovery[0].to_lowercase();
            async move { second_step(&client, token, &code).await.status.as_u16() }
        });
        let statuses = join_all(tries).await;
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
        let ada = log_in(&app, "ada", &phone).await;
        assert_eq!(ada.get("/factors").send().await.json()["recovery_codes_left"], 9);
        let mails = app.mails_to("ada").await;
        let used = mails.iter().find(|mail| mail.subject.contains("recovery code")).unwrap();
        assert!(used.text.contains("Codes left: 9"), "{}", used.text);
        assert_eq!(audit_count(&app, "factor.recovery_code_used").await, "1");

        let codes = ada.post("/factors/recovery-codes").send().await.assert(200).json();
        assert_eq!(ada.get("/factors").send().await.json()["recovery_codes_left"], 10);
        let token = first_step(&app, "ada").await;
        second_step(&app.stranger(), &token, &phone.recovery[1]).await.assert(401);
        second_step(&app.stranger(), &token, codes["recovery_codes"][0].as_str().unwrap()).await.assert(200);
    }

    async fn m06_a_wrong_code_after_the_right_password_is_told_to_the_owner(database: Database) {
        let app = TestApp::new(database).await;
        let ada = app.as_user("ada").await;
        let phone = enrol(&app, &ada).await;
        for _ in 0..2 {
            let token = first_step(&app, "ada").await;
            second_step(&app.stranger(), &token, &phone.wrong(&app)).await.assert(401);
            second_step(&app.stranger(), &token, &phone.wrong(&app)).await.assert(401);
        }
        // At most once an hour, so nobody can flood the inbox.
        let told = "A wrong code at a login to Portcullis";
        assert_eq!(subjects(&app, "ada").await[told], 1);
        app.advance(3600);
        let token = first_step(&app, "ada").await;
        second_step(&app.stranger(), &token, &phone.wrong(&app)).await.assert(401);
        assert_eq!(subjects(&app, "ada").await[told], 2);
        assert_eq!(audit_count(&app, "session.factor_failed").await, "5");
    }

    async fn a_required_factor_is_enrolled_before_the_first_session(database: Database) {
        let app = TestApp::with(database, |config| config.second_factor = SecondFactor::Required).await;
        app.sign_up("ada").await;
        let refused = app.stranger().try_password(&email("ada"), PASSWORD).await.assert(401).json();
        assert_eq!(refused["error"], "mfa_enrollment_required");
        let token = refused["mfa_token"].as_str().unwrap();
        second_step(&app.stranger(), token, "123456").await.assert(401);
        let begin = app.stranger().post("/login/factor/totp").json(&json!({ "mfa_token": token })).await;
        let phone = Authenticator::of_key(begin.assert(200).json()["key"].as_str().unwrap());
        second_step(&app.stranger(), token, &phone.wrong(&app)).await.assert(401);
        first_step_still_enrols(&app).await;
        let answer = second_step(&app.stranger(), token, &phone.code(&app)).await.assert(200).json();
        assert_eq!(claims(answer["access_token"].as_str().unwrap())["acr"], "aal2");
        let ada = app.stranger().with_token(answer["access_token"].as_str().unwrap());
        assert_eq!(ada.get("/factors").send().await.json()["required"], true);
        ada.post("/factors/recovery-codes").send().await.assert(200);
        ada.delete("/factors/totp").send().await.assert(403);
        app.advance(30);
        log_in(&app, "ada", &phone).await;
    }

    async fn a_change_of_policy_ends_the_sessions_that_lack_a_factor(database: Database) {
        let app = TestApp::new(database).await;
        let (ada, ben) = (app.as_user("ada").await, app.as_user("ben").await);
        let root = app.sign_up("root").await;
        make_admin(&app, root).await;
        let root = app.log_in("root").await;
        let phone = enrol(&app, &ben).await;
        let mut config = app.place.config();
        config.second_factor = SecondFactor::RequiredForAdmins;
        let stricter = app.again_with(config.clone()).await;
        until_ended(&root).await;
        ada.get("/profile").send().await.assert(200);
        let refused = stricter.stranger().try_password(&email("root"), PASSWORD).await.assert(401).json();
        assert_eq!(refused["error"], "mfa_enrollment_required");
        log_in(&stricter, "ben", &phone).await;
        // A new administrator has to enrol first.
        let eve = stricter.sign_up("eve").await;
        let session = stricter.log_in("eve").await;
        make_admin(&stricter, eve).await;
        session.get("/profile").send().await.assert(401);
        stricter.log_in("ada").await;
        stricter.app.close().await;
        config.second_factor = SecondFactor::Required;
        let strictest = app.again_with(config).await;
        until_ended(&ada).await;
        ben.get("/profile").send().await.assert(200);
        strictest.app.close().await;
    }

    async fn an_administrator_removes_a_lost_factor_and_sees_none(database: Database) {
        let app = TestApp::new(database).await;
        let id = app.sign_up("ada").await;
        let ada = app.log_in("ada").await;
        let phone = enrol(&app, &ada).await;
        let root = app.sign_up("root").await;
        make_admin(&app, root).await;
        let scope = "accounts:read accounts:write";
        let answer = app.stranger().post("/login").form_owned(&email("root"), PASSWORD, scope).await.assert(200);
        let root = app.stranger().with_token(answer.json()["access_token"].as_str().unwrap());
        let path = format!("/admin/accounts/{id}/factors");
        ada.delete(&path).send().await.assert(403);
        let waiting = first_step(&app, "ada").await;
        root.delete(&path).send().await.assert(204);
        root.delete(&path).send().await.assert(404);
        ada.get("/profile").send().await.assert(401);
        second_step(&app.stranger(), &waiting, &phone.recovery[0]).await.assert(401);
        app.log_in("ada").await;
        assert_eq!(subjects(&app, "ada").await["Your authenticator app at Portcullis was removed"], 1);
        let by = app.place.value(&format!("SELECT actor_id FROM audit_events WHERE event = 'factor.totp_removed' AND account_id = {id}")).await;
        assert_eq!(by, "2");
        let seen = root.get(&format!("/admin/accounts/{id}")).send().await.assert(200).text();
        assert!(!seen.contains("totp") && phone.recovery.iter().all(|code| !seen.contains(code)));
    }

    async fn g08_the_export_says_that_there_is_a_factor_and_no_secret(database: Database) {
        let app = TestApp::new(database).await;
        let ada = app.as_user("ada").await;
        let phone = enrol(&app, &ada).await;
        let export = ada.get("/export").send().await.assert(200);
        let factor = &export.json()["second_factor"];
        assert_eq!((&factor["recovery_codes_left"], factor["totp_since"].is_string()), (&json!(10), true));
        assert!(phone.recovery.iter().all(|code| !export.text().contains(code)));
        first_step(&app, "ada").await;
        ada.delete("/account").send().await.assert(204);
        for table in ["totp", "recovery_codes", "logins"] {
            assert_eq!(app.place.value(&format!("SELECT count(*) FROM {table}")).await, "0", "{table}");
        }
    }

    async fn logins_and_enrolments_that_expired_are_swept(database: Database) {
        let app = TestApp::new(database).await;
        let ada = app.as_user("ada").await;
        enrol(&app, &ada).await;
        ada.post("/factors/totp").send().await.assert(200);
        first_step(&app, "ada").await;
        app.advance(30 * 60);
        let sweeping = app.again().await;
        let left = "SELECT (SELECT count(*) FROM logins) + (SELECT count(*) FROM totp_enrolments)";
        for _ in 0..400 {
            if app.place.value(left).await == "0" {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
        assert_eq!(app.place.value(left).await, "0");
        drop(sweeping);
    }
}

/// Asserts that a login of an account without a factor must still enrol one.
async fn first_step_still_enrols(app: &TestApp) {
    let refused = app.stranger().try_password(&email("ada"), PASSWORD).await.assert(401).json();
    assert_eq!(refused["error"], "mfa_enrollment_required");
}

/// Waits until this client's session has been revoked.
async fn until_ended(client: &Client) {
    for _ in 0..400 {
        if client.get("/profile").send().await.status == 401 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    client.get("/profile").send().await.assert(401);
}

/// A form sent from a page of ours.
async fn post(client: &Client, path: &str, form: &[(&str, &str)]) -> Answer {
    let call = client.post(path);
    let call = if client.has_cookie() { call } else { call.header("sec-fetch-site", "same-origin") };
    call.form(form).await
}

/// The value of a hidden field.
fn hidden(page: &Answer, name: &str) -> String {
    let text = page.text();
    let after = text.split(&format!("name=\"{name}\" value=\"")).nth(1);
    after.unwrap_or_else(|| panic!("no {name} in {text}")).split('"').next().unwrap().to_owned()
}

/// The key that a page shows.
fn key_of(page: &Answer) -> Authenticator {
    let text = page.text();
    let key = text.split("<code>").nth(1).unwrap().split('<').next().unwrap();
    assert!(text.contains("<svg ") && !text.contains("<script>"));
    Authenticator::of_key(&key.replace(' ', ""))
}

fn browser(app: &TestApp, answer: &Answer) -> Client {
    app.stranger().with_cookie(answer.header("set-cookie").split(';').next().unwrap())
}

on_both_databases! {
    async fn one_adds_an_app_logs_in_with_it_and_removes_it_by_forms(database: Database) {
        let app = TestApp::new(database).await;
        app.sign_up("ada").await;
        let form = [("email", &*email("ada")), ("password", PASSWORD)];
        let ada = browser(&app, &post(&app.stranger(), "/account/log-in", &form).await.assert(303));
        let state = ada.get("/account/second-factor").send().await.assert(200);
        assert!(state.text().contains("Add an authenticator app"));
        let shown = post(&ada, "/account/second-factor/totp", &[]).await.assert(200);
        let mut phone = key_of(&shown);
        let again = post(&ada, "/account/second-factor/confirm", &[("code", &phone.wrong(&app))]).await.assert(422);
        assert_eq!(key_of(&again).key, phone.key, "a wrong code shows the same key");
        let codes = post(&ada, "/account/second-factor/confirm", &[("code", &phone.code(&app))]).await.assert(200);
        phone.recovery = codes.text().split("<li><code>").skip(1).map(|code| code.get(..19).unwrap().to_owned()).collect();
        assert_eq!(phone.recovery.len(), 10);
        assert_eq!(codes.header("cache-control"), "no-store");
        let account = ada.get("/account?lang=de").send().await.assert(200).text();
        assert!(account.contains("Anmeldung in zwei Schritten"), "{account}");

        app.advance(30);
        let next = [form[0], form[1], ("next", "/account/sessions")];
        let asks = post(&app.stranger(), "/account/log-in", &next).await.assert(200);
        assert!(asks.header("set-cookie").is_empty());
        let token = hidden(&asks, "mfa_token");
        let step = |code: String| {
            let (token, client) = (token.clone(), app.stranger());
            async move {
                let form = [("mfa_token", &*token), ("code", &code), ("next", "/account/sessions")];
                post(&client, "/account/log-in/factor", &form).await
            }
        };
        let wrong = step(phone.wrong(&app)).await.assert(422);
        assert_eq!((hidden(&wrong, "mfa_token"), hidden(&wrong, "next")), (token.clone(), "/account/sessions".to_owned()));
        let arrived = step(phone.code(&app)).await.assert(303);
        assert_eq!(arrived.header("location"), "/account/log-in?next=%2Faccount%2Fsessions&arrived=yes");
        let ada = browser(&app, &arrived);
        assert_eq!(step(phone.code(&app)).await.assert(303).header("location"), "/account/log-in?done=login-expired");

        // Confirming the identity again requires both, too.
        app.advance(601);
        let refused = post(&ada, "/account/second-factor/codes", &[]).await.assert(303);
        assert!(refused.header("location").starts_with("/account/confirm?next="));
        let asks = post(&ada, "/account/confirm", &[("password", PASSWORD)]).await.assert(200);
        let form = [("mfa_token", &*hidden(&asks, "mfa_token")), ("code", &phone.recovery[0])];
        let fresh = browser(&app, &post(&ada, "/account/log-in/factor", &form).await.assert(303));
        ada.get("/account").send().await.assert(303);
        let codes = post(&fresh, "/account/second-factor/codes", &[]).await.assert(200).text();
        assert!(!codes.contains(&phone.recovery[1]));
        let removed = post(&fresh, "/account/second-factor/remove", &[]).await.assert(303);
        assert_eq!(removed.header("location"), "/account/second-factor?done=factor-removed");
        for path in ["totp", "confirm", "codes", "remove"] {
            fresh.get(&format!("/account/second-factor/{path}")).send().await.assert(303);
        }
        app.stranger().get("/account/log-in/factor").send().await.assert(303);
    }

    async fn a_required_app_is_added_on_the_way_in_by_forms(database: Database) {
        let app = TestApp::with(database, |config| config.second_factor = SecondFactor::Required).await;
        let form = [("full_name", "Ada"), ("email", "ada@example.com"), ("password", PASSWORD), ("next", "")];
        let shown = post(&app.stranger(), "/account/sign-up", &form).await.assert(200);
        assert!(shown.header("set-cookie").is_empty());
        let (phone, token) = (key_of(&shown), hidden(&shown, "mfa_token"));
        let wrong = [("mfa_token", &*token), ("code", &phone.wrong(&app))];
        let again = post(&app.stranger(), "/account/log-in/factor", &wrong).await.assert(422);
        assert_eq!(key_of(&again).key, phone.key, "a wrong code shows the same key");
        let right = [("mfa_token", &*token), ("code", &phone.code(&app))];
        let arrived = post(&app.stranger(), "/account/log-in/factor", &right).await.assert(303);
        assert_eq!(arrived.header("location"), "/account/log-in?next=%2Faccount%2Fsecond-factor&arrived=yes");
        let ada = browser(&app, &arrived);
        let state = ada.get("/account/second-factor").send().await.assert(200).text();
        assert!(state.contains("0 of 10 codes are left") && !state.contains("/account/second-factor/remove"));
        post(&ada, "/account/second-factor/remove", &[]).await.assert(403);
        post(&ada, "/account/second-factor/codes", &[]).await.assert(200);
    }
}
