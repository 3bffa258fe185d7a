//! Recovery: what a mailed link does, for whom, how often, and what else ends it.

use std::collections::HashSet;

use futures_util::future::join_all;
use portcullis_server::config::SignUp;
use serde_json::{Value, json};

use crate::on_both_databases;
use crate::support::{Answer, Client, PASSWORD, TestApp, email};

const NEW: &str = "another-lantern-in-the-harbour";
const HOUR: u64 = 60 * 60;

async fn post(client: &Client, path: &str, body: Value) -> Answer {
    client.post(path).json(&body).await
}

async fn put(client: &Client, path: &str, body: Value) -> Answer {
    client.call(http::Method::PUT, path).json(&body).await
}

/// The token of the newest mail to somebody whose subject begins like this.
async fn token(app: &TestApp, name: &str, subject: &str) -> String {
    token_at(app, &email(name), subject).await
}

async fn token_at(app: &TestApp, address: &str, subject: &str) -> String {
    // Mails of one moment lie in no order.
    app.advance(1);
    let mails = app.mails().await;
    let mail = mails.into_iter().rev().find(|mail| mail.to == address && mail.subject.starts_with(subject));
    mail.unwrap_or_else(|| panic!("no mail {subject:?} to {address}")).token.unwrap()
}

async fn forgot(app: &TestApp, name: &str) -> String {
    app.advance(1);
    post(&app.stranger(), "/password/forgot", json!({ "email": email(name) })).await.assert(202);
    token(app, name, "Set a new").await
}

async fn reset(client: &Client, token: &str) -> Answer {
    post(client, "/password/reset", json!({ "token": token, "password": NEW })).await
}

on_both_databases! {
    async fn r01_k04_of_fifty_submissions_on_two_instances_one_succeeds(database: Database) {
        let app = TestApp::new(database).await;
        app.sign_up("ada").await;
        let second = app.again().await;
        let token = forgot(&app, "ada").await;
        let uses = (0..50).map(|at| {
            let client = if at % 2 == 0 { app.stranger() } else { second.stranger() };
            let token = token.clone();
            async move { reset(&client, &token).await.status.as_u16() }
        });
        let statuses = join_all(uses).await;
        assert_eq!(statuses.iter().filter(|status| **status == 204).count(), 1, "{statuses:?}");
        assert!(statuses.iter().all(|status| matches!(status, 204 | 410 | 503)), "{statuses:?}");
        app.stranger().try_password(&email("ada"), NEW).await.assert(200);
        let dump = app.place.dump().await;
        assert!(!dump.contains(&token) && !dump.contains(&token[5..]), "s01: a link is readable");
    }

    async fn r02_s07_a_newer_link_or_a_new_password_kills_the_older_ones_and_the_sessions_end(database: Database) {
        let app = TestApp::new(database).await;
        app.sign_up("ada").await;
        let second = app.again().await;
        let (bearer, browser) = (app.log_in("ada").await, app.stranger().log_in_with_cookie(&email("ada")).await);
        let login = app.stranger().post("/login").form_owned(&email("ada"), PASSWORD, "offline_access").await.assert(200).json();
        let first = forgot(&app, "ada").await;
        let newer = forgot(&app, "ada").await;
        reset(&app.stranger(), &first).await.assert(410);
        let verify = token(&app, "ada", "Confirm").await;
        reset(&second.stranger(), &newer).await.assert(204);
        // Every link of the account, every session, token and cookie, on every instance.
        post(&app.stranger(), "/email/verify", json!({ "token": verify })).await.assert(410);
        bearer.get("/profile").send().await.assert(401);
        browser.get("/profile").send().await.assert(401);
        let form = [("grant_type", "refresh_token"), ("refresh_token", login["refresh_token"].as_str().unwrap())];
        app.stranger().post("/token").form(&form).await.assert(400);
        app.stranger().try_password(&email("ada"), PASSWORD).await.assert(401);
        assert!(app.mails_to("ada").await.iter().any(|mail| mail.subject.starts_with("Your password")));
    }

    async fn r03_no_state_of_a_link_but_the_living_one_of_its_purpose_does_anything(database: Database) {
        let app = TestApp::with(database, |config| config.log_in_by_mail = true).await;
        for (at, state) in ["fresh", "used", "expired", "replaced", "disabled", "deleted", "password changed"].into_iter().enumerate() {
            let name = format!("user{at}");
            let id = app.sign_up(&name).await;
            let link = forgot(&app, &name).await;
            match state {
                "used" => drop(reset(&app.stranger(), &link).await.assert(204)),
                "expired" => app.advance(HOUR / 2),
                "replaced" => drop(forgot(&app, &name).await),
                "disabled" => app.disable(id).await,
                "deleted" => app.delete(id).await,
                "password changed" => app.set_password(id, NEW).await,
                _ => {}
            }
            // A link of another purpose is none, in whatever state.
            for (path, body) in [
                ("/email/verify", json!({ "token": link })),
                ("/email/confirm", json!({ "token": link })),
                ("/email/undo", json!({ "token": link })),
            ] {
                post(&app.stranger(), path, body).await.assert(410);
            }
            post(&app.stranger(), "/login/link/token", json!({ "token": link })).await.assert(410);
            let before = app.place.value(&format!("SELECT password_hash FROM accounts WHERE id = {id}")).await;
            let expected = if state == "fresh" { 204 } else { 410 };
            for junk in ["", "pclk_", "pclk_AAAA", &link[..link.len() - 1]] {
                reset(&app.stranger(), junk).await.assert(410);
            }
            assert_eq!(reset(&app.stranger(), &link).await.status.as_u16(), expected, "{state}");
            let after = app.place.value(&format!("SELECT password_hash FROM accounts WHERE id = {id}")).await;
            assert_eq!(before != after, expected == 204, "{state}");
            reset(&app.stranger(), &link).await.assert(410);
        }
        // A step that lacks its token, or sends it empty, is no step.
        post(&app.stranger(), "/password/reset", json!({ "password": NEW })).await.assert(422);
        post(&app.stranger(), "/password/reset", json!({})).await.assert(422);
    }

    async fn a_password_that_is_refused_leaves_the_link_alive(database: Database) {
        let app = TestApp::new(database).await;
        app.sign_up("ada").await;
        let link = forgot(&app, "ada").await;
        post(&app.stranger(), "/password/reset", json!({ "token": link, "password": "password1234" })).await.assert_invalid(&["body.password"]);
        reset(&app.stranger(), &link).await.assert(204);
        // The link was read at the address.
        assert_ne!(app.place.value("SELECT email_verified_at FROM accounts").await, "");
    }

    async fn r05_a_get_uses_nothing_up(database: Database) {
        let app = TestApp::new(database).await;
        app.sign_up("ada").await;
        let verify = token(&app, "ada", "Confirm").await;
        for _ in 0..5 {
            app.stranger().get("/email/verify").send().await.assert(405);
            app.stranger().get(&format!("/email/verify?token={verify}")).send().await.assert(405);
        }
        post(&app.stranger(), "/email/verify", json!({ "token": verify })).await.assert(204);
    }

    async fn r06_r07_the_link_leads_to_the_public_address_and_goes_to_the_stored_one(database: Database) {
        let app = TestApp::new(database).await;
        app.sign_up("ada").await;
        let call = app.stranger().post("/password/forgot").header("host", "evil.example").header("x-forwarded-host", "evil.example");
        call.header("forwarded", "host=evil.example").json(&json!({ "email": "ADA@Example.COM" })).await.assert(202);
        let mails = app.mails().await;
        assert!(mails.iter().all(|mail| mail.to == "ada@example.com"), "{mails:?}");
        for mail in &mails {
            assert!(mail.link.as_ref().unwrap().starts_with("http://localhost:8000/account/"), "{mail:?}");
            assert!(!format!("{mail:?}").contains("evil"));
        }
    }

    async fn e03_whoever_asks_for_mail_learns_nothing(database: Database) {
        let app = TestApp::with(database, |config| config.log_in_by_mail = true).await;
        app.sign_up("ada").await;
        let disabled = app.sign_up("ben").await;
        app.disable(disabled).await;
        for path in ["/password/forgot", "/login/link"] {
            let mut answers = HashSet::new();
            for name in ["ada", "ben", "nobody"] {
                let answer = post(&app.stranger(), path, json!({ "email": email(name) })).await.assert(202);
                answers.insert(answer.text());
            }
            assert_eq!(answers.len(), 1, "{path}: {answers:?}");
        }
        assert!(app.mails_to("nobody").await.is_empty());
        assert!(app.mails_to("ben").await.iter().all(|mail| !mail.subject.starts_with("Set a new") && !mail.subject.starts_with("Your log-in")));
    }

    async fn r09_three_mails_an_hour_for_one_address_and_the_answer_stays_the_same(database: Database) {
        let app = TestApp::new(database).await;
        app.sign_up("ada").await;
        let mut answers = HashSet::new();
        for at in 0..6 {
            let client = app.stranger_at(&format!("198.51.100.{at}"));
            answers.insert(post(&client, "/password/forgot", json!({ "email": email("ada") })).await.assert(202).text());
        }
        assert_eq!(answers.len(), 1);
        // The verification at sign-up is one of the three.
        assert_eq!(app.mails_to("ada").await.len(), 3);
        app.advance(HOUR + 1);
        post(&app.stranger(), "/password/forgot", json!({ "email": email("ada") })).await.assert(202);
        assert_eq!(app.mails_to("ada").await.len(), 4);
    }

    async fn p09_another_password_needs_the_current_one_and_ends_the_other_sessions(database: Database) {
        let app = TestApp::new(database).await;
        app.sign_up("ada").await;
        let (ada, other) = (app.log_in("ada").await, app.log_in("ada").await);
        let change = |current: &'static str, new: &'static str| put(&ada, "/password", json!({ "current_password": current, "password": new }));
        change("not-the-password-1", NEW).await.assert(403);
        change(PASSWORD, "password1234").await.assert_invalid(&["body.password"]);
        other.get("/profile").send().await.assert(200);
        change(PASSWORD, NEW).await.assert(204);
        ada.get("/profile").send().await.assert(200);
        other.get("/profile").send().await.assert(401);
        app.stranger().try_password(&email("ada"), PASSWORD).await.assert(401);
        assert!(app.mails_to("ada").await.iter().any(|mail| mail.subject.starts_with("Your password")));
        // b05: guessing here counts as guessing at the log-in.
        for _ in 0..9 {
            change("not-the-password-1", NEW).await;
        }
        change("not-the-password-1", NEW).await.assert(429);
        assert_eq!(app.stranger().try_password(&email("ada"), NEW).await.status.as_u16(), 429);
    }

    async fn r08_a_new_address_is_confirmed_where_it_is_and_undone_where_the_old_one_is(database: Database) {
        let app = TestApp::new(database).await;
        app.sign_up("ada").await;
        let ada = app.log_in("ada").await;
        put(&ada, "/email", json!({ "email": "ada@new.example" })).await.assert(202);
        app.stranger().try_password("ada@new.example", PASSWORD).await.assert(401);
        let confirm = token_at(&app, "ada@new.example", "Confirm your new").await;
        let old_verification = token(&app, "ada", "Confirm your e-mail").await;
        post(&app.stranger(), "/email/confirm", json!({ "token": confirm })).await.assert(204);
        ada.get("/profile").send().await.assert(401);
        app.stranger().try_password("ada@new.example", PASSWORD).await.assert(200);
        app.stranger().try_password(&email("ada"), PASSWORD).await.assert(401);
        // CVE-2026-115770: a verification of the old address is worth nothing now.
        post(&app.stranger(), "/email/verify", json!({ "token": old_verification })).await.assert(410);
        let undo = token(&app, "ada", "Your e-mail address at").await;
        app.advance(6 * 24 * HOUR);
        post(&app.stranger(), "/email/undo", json!({ "token": undo })).await.assert(204);
        app.stranger().try_password(&email("ada"), PASSWORD).await.assert(200);
        app.stranger().try_password("ada@new.example", PASSWORD).await.assert(401);
        post(&app.stranger(), "/email/undo", json!({ "token": undo })).await.assert(410);
    }

    async fn r08_of_a_sign_up_and_a_change_to_one_address_one_wins(database: Database) {
        let app = TestApp::new(database).await;
        let second = app.again().await;
        for round in 0..5 {
            let name = format!("user{round}");
            let wanted = format!("wanted{round}@example.com");
            app.sign_up(&name).await;
            let client = app.log_in(&name).await;
            put(&client, "/email", json!({ "email": wanted })).await.assert(202);
            let confirm = token_at(&app, &wanted, "Confirm your new").await;
            let (one, other) = (app.stranger(), second.stranger());
            let body = json!({ "email": wanted, "full_name": "Eve", "password": PASSWORD });
            let (confirmed, signed_up) = tokio::join!(
                post(&one, "/email/confirm", json!({ "token": confirm })),
                post(&other, "/signup", body)
            );
            let outcome = (confirmed.status.as_u16(), signed_up.status.as_u16());
            assert!(matches!(outcome, (204, 409) | (409 | 410, 201)), "{outcome:?}");
            assert_eq!(app.place.value(&format!("SELECT count(*) FROM accounts WHERE email = '{wanted}'")).await, "1");
        }
    }

    async fn r08_a_change_of_address_needs_a_fresh_log_in_and_tells_nobody_who_exists(database: Database) {
        let app = TestApp::new(database).await;
        app.sign_up("ben").await;
        app.sign_up("ada").await;
        let ada = app.stranger().log_in_with_cookie(&email("ada")).await;
        let free = put(&ada, "/email", json!({ "email": "free@example.com" })).await.assert(202);
        let taken = put(&ada, "/email", json!({ "email": email("ben") })).await.assert(202);
        assert_eq!(free.text(), taken.text());
        app.advance(601);
        put(&ada, "/email", json!({ "email": "free@example.com" })).await.assert(401);
    }

    async fn b06_a_mailed_code_dies_after_five_wrong_tries(database: Database) {
        let app = TestApp::with(database, |config| config.log_in_by_mail = true).await;
        app.sign_up("ada").await;
        let code_of = |text: &str| {
            let is_code = |line: &&str| line.len() == 8 && line.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
            text.lines().map(str::trim).find(is_code).unwrap().to_owned()
        };
        let stranger = app.stranger();
        let ask = || post(&stranger, "/login/link", json!({ "email": email("ada") }));
        ask().await.assert(202);
        let mail = app.mails_to("ada").await.into_iter().find(|mail| mail.subject.starts_with("Your log-in")).unwrap();
        let code = code_of(&mail.text);
        let tries = (0..5).map(|_| post(&stranger, "/login/code", json!({ "email": email("ada"), "code": "AAAAAAAA" })));
        assert!(join_all(tries).await.iter().all(|answer| answer.status == 410 || answer.status == 503));
        while app.place.value("SELECT count(*) FROM links WHERE purpose = 'log_in'").await != "0" {
            post(&app.stranger(), "/login/code", json!({ "email": email("ada"), "code": "AAAAAAAA" })).await.assert(410);
        }
        post(&app.stranger(), "/login/code", json!({ "email": email("ada"), "code": code })).await.assert(410);
        post(&app.stranger(), "/login/link/token", json!({ "token": mail.token })).await.assert(410);

        app.advance(HOUR);
        ask().await.assert(202);
        let mails = app.mails_to("ada").await;
        let newest = mails.iter().rfind(|mail| mail.subject.starts_with("Your log-in")).unwrap();
        let typed = code_of(&newest.text).to_lowercase();
        let answer = post(&app.stranger(), "/login/code", json!({ "email": email("ada"), "code": format!("{}-{}", &typed[..4], &typed[4..]) })).await.assert(200);
        app.stranger().with_token(answer.json()["access_token"].as_str().unwrap()).get("/profile").send().await.assert(200);
        post(&app.stranger(), "/login/link/token", json!({ "token": newest.token })).await.assert(410);
    }

    async fn log_in_by_mail_is_off_unless_the_operator_turns_it_on(database: Database) {
        let app = TestApp::new(database).await;
        app.sign_up("ada").await;
        post(&app.stranger(), "/login/link", json!({ "email": email("ada") })).await.assert(403);
        assert_eq!(app.mails_to("ada").await.len(), 1);
    }

    async fn p13_closed_sign_up_is_closed_for_every_method_and_content_type(database: Database) {
        let app = TestApp::with(database, |config| config.sign_up = SignUp::Closed).await;
        let body = json!({ "email": email("ada"), "full_name": "Ada", "password": PASSWORD });
        post(&app.stranger(), "/signup", body.clone()).await.assert(403);
        for content_type in ["application/json", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"] {
            let call = app.stranger().post("/signup").header("content-type", content_type);
            call.body(body.to_string()).await.assert(403);
        }
        app.stranger().get("/signup").send().await.assert(403);
        assert_eq!(app.place.value("SELECT count(*) FROM accounts").await, "0");
    }

    async fn quiet_sign_up_answers_every_address_alike(database: Database) {
        let app = TestApp::with(database, |config| config.sign_up = SignUp::Quiet).await;
        let stranger = app.stranger();
        let sign_up = |name: &str| post(&stranger, "/signup", json!({ "email": email(name), "full_name": "Ada", "password": PASSWORD }));
        let new = sign_up("ada").await.assert(202);
        let known = sign_up("ada").await.assert(202);
        assert_eq!(new.text(), known.text());
        let subjects: Vec<String> = app.mails_to("ada").await.into_iter().map(|mail| mail.subject).collect();
        assert!(subjects.iter().any(|subject| subject.starts_with("Confirm")) && subjects.iter().any(|subject| subject.starts_with("You have an account")), "{subjects:?}");
        assert_eq!(app.place.value("SELECT count(*) FROM accounts").await, "1");
        // p11: at once as well.
        let at_once = join_all((0..20).map(|_| sign_up("ben"))).await;
        assert!(at_once.iter().all(|answer| matches!(answer.status.as_u16(), 202 | 503)), "{at_once:?}");
        assert_eq!(app.place.value("SELECT count(*) FROM accounts").await, "2");
    }

    async fn e01_an_unconfirmed_address_is_told_only_with_the_right_password(database: Database) {
        let app = TestApp::with(database, |config| config.require_verified_email = true).await;
        app.sign_up("ada").await;
        let wrong = app.stranger().try_password(&email("ada"), "not-the-password-1").await.assert(401);
        let unknown = app.stranger().try_password(&email("nobody"), "not-the-password-1").await.assert(401);
        assert_eq!(wrong.text(), unknown.text());
        app.advance(1);
        app.stranger().try_password(&email("ada"), PASSWORD).await.assert(403);
        let verify = token(&app, "ada", "Confirm").await;
        post(&app.stranger(), "/email/verify", json!({ "token": verify })).await.assert(204);
        app.stranger().try_password(&email("ada"), PASSWORD).await.assert(200);
    }

    async fn t06_a_link_is_no_access_token_and_an_access_token_no_link(database: Database) {
        let app = TestApp::new(database).await;
        app.sign_up("ada").await;
        let (ada, link) = (app.log_in("ada").await, forgot(&app, "ada").await);
        app.stranger().with_token(&link).get("/profile").send().await.assert(401);
        reset(&app.stranger(), ada.token()).await.assert(410);
    }

    async fn p07_words_make_a_password_and_nothing_is_asked_that_others_know(database: Database) {
        let app = TestApp::new(database).await;
        let body = json!({ "email": email("ada"), "full_name": "Ada", "password": "seven quiet herons over the marsh" });
        post(&app.stranger(), "/signup", body).await.assert(201);
        let document = app.stranger().get("/openapi.json").send().await.assert(200).text().to_lowercase();
        for word in ["password_hint", "secret_question", "security_question", "mothers_maiden"] {
            assert!(!document.contains(word), "{word}");
        }
        // No password ever gets too old.
        app.advance(400 * 24 * HOUR);
        app.stranger().try_password(&email("ada"), "seven quiet herons over the marsh").await.assert(200);
    }
}
