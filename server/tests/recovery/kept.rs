//! What only the owner can use up, and what nobody keeps after a password change.

use super::*;
use crate::support::Client;

/// The value of the cookie that a response sets.
fn cookie_of(answer: &Answer) -> String {
    answer.header("set-cookie").split(';').next().unwrap().to_owned()
}

/// A page's form, sent by the browser.
async fn submit(browser: &Client, path: &str, pairs: &[(&str, &str)]) -> Answer {
    browser.post(path).form(pairs).await.assert(303)
}

on_both_databases! {
    async fn s02_a_new_password_begins_a_new_session_and_ends_the_one_it_was_set_in(database: Database) {
        let app = without_limits(database).await;
        app.sign_up("ada").await;
        // With a cookie, on the page.
        let browser = app.stranger().log_in_with_cookie(&email("ada")).await;
        let form = [("current_password", PASSWORD), ("password", NEW_PASSWORD)];
        let answer = submit(&browser, "/account/password", &form).await;
        browser.get("/profile").send().await.assert(401);
        let browser = app.stranger().with_cookie(&cookie_of(&answer));
        browser.get("/profile").send().await.assert(200);
        // With a cookie, in the API.
        let answer = change_password(&browser, NEW_PASSWORD, PASSWORD).await.assert(204);
        browser.get("/profile").send().await.assert(401);
        let browser = app.stranger().with_cookie(&cookie_of(&answer));
        browser.get("/profile").send().await.assert(200);
        // With tokens: the same scope, and a refresh token if there was one.
        for (scope, renews) in [("account profile:read", false), ("account offline_access profile:read", true)] {
            let tokens = app.stranger().post("/login").form_owned(&email("ada"), PASSWORD, scope).await.assert(200);
            let owner = app.stranger().with_token(tokens.json()["access_token"].as_str().unwrap());
            let answer = change_password(&owner, PASSWORD, NEW_PASSWORD).await.assert(200);
            assert_eq!(answer.header("cache-control"), "no-store");
            owner.get("/profile").send().await.assert(401);
            browser.get("/profile").send().await.assert(401);
            if renews {
                let old = tokens.json()["refresh_token"].as_str().unwrap().to_owned();
                let form = [("grant_type", "refresh_token"), ("refresh_token", old.as_str())];
                app.stranger().post("/token").form(&form).await.assert(400);
            }
            let answer = answer.json();
            assert_eq!(answer["scope"], scope);
            assert_eq!(answer.get("refresh_token").is_some(), renews);
            let owner = app.stranger().with_token(answer["access_token"].as_str().unwrap());
            owner.get("/profile").send().await.assert(200);
            change_password(&owner, NEW_PASSWORD, PASSWORD).await.assert(200);
        }
    }

    async fn s02_a_log_in_ends_the_session_whose_cookie_the_browser_sends(database: Database) {
        let app = without_limits(database).await;
        let owner = app.as_user("ada").await;
        // The first emailed login of an unconfirmed account revokes every session.
        app.place.sql("UPDATE accounts SET email_verified_at = 1").await;
        app.sign_up("bob").await;
        let browser = async || app.stranger().log_in_with_cookie(&email("ada")).await;
        let form = [("username", email("bob")), ("password", PASSWORD.to_owned())];
        let form = form.each_ref().map(|(name, value)| (*name, value.as_str()));
        let before = browser().await;
        before.post("/login/cookie").form(&form).await.assert(204);
        before.get("/profile").send().await.assert(401);
        // A cookie that is no longer valid counts as none.
        before.post("/login/cookie").form(&form).await.assert(204);
        let link = LogIn.issue(&app, "ada", &owner).await;
        let before = browser().await;
        submit(&before, "/account/log-in/link", &[("token", &link)]).await;
        before.get("/profile").send().await.assert(401);
        let code = Code.issue(&app, "ada", &owner).await;
        let before = browser().await;
        submit(&before, "/account/log-in/code", &[("email", &email("ada")), ("code", &code)]).await;
        before.get("/profile").send().await.assert(401);
        let before = browser().await;
        submit(&before, "/account/log-in", &[("email", &email("ada")), ("password", PASSWORD)]).await;
        before.get("/profile").send().await.assert(401);
        // A wrong password revokes nothing.
        let before = browser().await;
        let wrong = [("username", "ada@example.com"), ("password", WRONG)];
        before.post("/login/cookie").form(&wrong).await.assert(401);
        before.get("/profile").send().await.assert(200);
        owner.get("/profile").send().await.assert(200);
    }

    async fn s08_an_account_that_is_enabled_again_has_no_session_and_no_link(database: Database) {
        let app = without_limits(database).await;
        let owner = app.as_user("ada").await;
        let link = Reset.issue(&app, "ada", &owner).await;
        // Disabled directly in the database, which leaves sessions and links in place.
        let sql = "UPDATE accounts SET is_active = FALSE WHERE email = 'ada@example.com' RETURNING id";
        let id = app.place.value(sql).await.parse().unwrap();
        app.enable(id).await;
        owner.get("/profile").send().await.assert(401);
        Reset.consume(&app, "ada", &link).await.assert(410);
    }

    async fn n02_a_strangers_wishes_do_not_keep_the_owners_mails_back(database: Database) {
        let app = TestApp::with(database, |config| config.log_in_by_mail = true).await;
        let owner = app.as_user("ada").await;
        let stranger = app.as_user("eve").await;
        let subjects = async || {
            let mails = app.mails_to("ada").await;
            mails.into_iter().map(|mail| mail.subject).collect::<Vec<_>>()
        };
        let count = async |words: &str| subjects().await.iter().filter(|subject| subject.contains(words)).count();
        for _ in 0..3 {
            change_email(&stranger, "ada").await.assert(202);
        }
        assert_eq!(count("have an account").await, 1, "one a day");
        // Nor do a stranger's requests for the address, if the owner asks from a network they have logged in from.
        for _ in 0..4 {
            for path in ["/password/forgot", "/login/link"] {
                let asked = app.stranger_at("203.0.113.9").post(path);
                asked.json(&json!({ "email": email("ada") })).await.assert(202);
            }
        }
        let before = subjects().await.len();
        forgot(&app, "ada").await.assert(202);
        ask_for_link(&app, "ada").await.assert(202);
        owner.post("/email/verification").send().await.assert(202);
        assert_eq!(subjects().await.len(), before + 3);
        app.advance(DAY - 1);
        app.log_in("eve").await;
        change_email(&app.log_in("eve").await, "ada").await.assert(202);
        assert_eq!(count("have an account").await, 1);
        app.advance(1);
        change_email(&app.log_in("eve").await, "ada").await.assert(202);
        assert_eq!(count("have an account").await, 2);
    }

    async fn e03_a_wish_for_a_taken_address_issues_a_link_as_one_for_a_free_one_does(database: Database) {
        let app = without_limits(database).await;
        let (ada, ben) = (app.as_user("ada").await, app.as_user("ben").await);
        app.sign_up("cyd").await;
        let links = async |account: &str| {
            let sql = "SELECT count(*) FROM links WHERE purpose = 'confirm_email' AND account_id";
            app.place.value(&format!("{sql} = {account}")).await
        };
        let (taken, free) = (change_email(&ada, "cyd").await, change_email(&ben, "dee").await);
        assert_eq!(taken.assert(202).text(), free.assert(202).text());
        assert_eq!((links("1").await, links("2").await), ("1".to_owned(), "1".to_owned()));
    }

    /// Proving access to the owner's mailbox grants a login, whatever strangers have guessed.
    async fn n02_strangers_guesses_end_with_a_reset_or_a_mailed_log_in(database: Database) {
        let app = TestApp::with(database, |config| config.log_in_by_mail = true).await;
        app.sign_up("ada").await;
        let guess = async || {
            for network in 1..=10 {
                let stranger = app.stranger_at(&format!("203.0.113.{network}"));
                for _ in 0..10 {
                    stranger.try_password(&email("ada"), "a-wrong-lantern-7").await.assert(401);
                }
            }
        };
        let log_in = async |address: &str, password: &str| {
            app.stranger_at(address).try_password(&email("ada"), password).await.status.as_u16()
        };
        guess().await;
        assert_eq!(log_in("198.51.100.1", PASSWORD).await, 429);
        forgot(&app, "ada").await.assert(202);
        let token = mailed(&app, "ada", Reset).await;
        let new = json!({ "token": token, "password": "another-lantern-in-the-harbour" });
        app.stranger().post("/password/reset").json(&new).await.assert(204);
        assert_eq!(log_in("198.51.100.2", "another-lantern-in-the-harbour").await, 200);

        app.advance(16 * 60);
        guess().await;
        assert_eq!(log_in("198.51.100.3", "another-lantern-in-the-harbour").await, 429);
        ask_for_link(&app, "ada").await.assert(202);
        let token = mailed(&app, "ada", LogIn).await;
        let by_link = app.stranger_at("198.51.100.4").post("/login/link/token");
        by_link.json(&json!({ "token": token })).await.assert(200);
        assert_eq!(log_in("198.51.100.3", "another-lantern-in-the-harbour").await, 200);
    }

    /// Wrong codes count against the client that types them, not against the owner's password or next code.
    async fn n02_strangers_codes_do_not_lock_the_owner_out(database: Database) {
        let app = TestApp::with(database, |config| config.log_in_by_mail = true).await;
        app.sign_up("ada").await;
        for network in 1..=11 {
            let stranger = app.stranger_at(&format!("203.0.113.{network}"));
            for _ in 0..10 {
                let guess = json!({ "email": email("ada"), "code": "ABCD2345" });
                stranger.post("/login/code").json(&guess).await.assert(410);
            }
            let guess = json!({ "email": email("ada"), "code": "ABCD2345" });
            stranger.post("/login/code").json(&guess).await.assert(429);
        }
        let owner = app.stranger_at("198.51.100.1");
        owner.try_password(&email("ada"), PASSWORD).await.assert(200);
        ask_for_link(&app, "ada").await.assert(202);
        let code = mailed(&app, "ada", Code).await;
        owner.post("/login/code").json(&json!({ "email": email("ada"), "code": code })).await.assert(200);
    }

    async fn n03_an_address_that_was_never_confirmed_is_kept_for_nobody(database: Database) {
        let app = without_limits(database).await;
        let thief = app.as_user("ada").await;
        change_email(&thief, "eve").await.assert(202);
        let confirmation = mailed(&app, "eve", Confirm).await;
        Confirm.consume(&app, "eve", &confirmation).await.assert(204);
        assert_eq!(app.place.value("SELECT COUNT(*) FROM links").await, "0");
        // The owner of the address signs up, and receives her emails.
        app.advance(1);
        let owner = app.as_user("ada").await;
        let link = Reset.issue(&app, "ada", &owner).await;
        Reset.consume(&app, "ada", &link).await.assert(204);
    }

    async fn k04_a_wish_for_an_address_and_one_for_a_confirmation_do_not_meet_in_a_ring(database: Database) {
        let app = TestApp::new(database).await;
        let second = app.again().await;
        for round in 0..10 {
            let name = format!("user{round}");
            let owner = app.as_user(&name).await;
            let there = second.stranger().with_token(owner.token());
            let new = format!("new{round}");
            let calls = (0..8).map(|n| {
                let (owner, there, new) = (&owner, &there, new.as_str());
                async move {
                    let client = if n % 4 < 2 { owner } else { there };
                    let answer = if n % 2 == 0 {
                        change_email(client, new).await
                    } else {
                        client.post("/email/verification").send().await
                    };
                    answer.assert(202);
                }
            });
            join_all(calls).await;
            app.advance(HOUR);
        }
    }
}
